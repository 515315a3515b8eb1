"""A helper reaching for more: other addresses, other mandates, ended ones, what is hidden, and a second tab."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from .visitor import STRANGER, VICTIM, Loot, Visitor, is_live

Give = Callable[..., tuple[str, Visitor]]
NOTHING = "0" * 32
ROOT = Path(__file__).parents[3]

# What each mandate opens: the status of each door of a helper, by what the mandate says. Nothing else has a door.
LOOKS = {
    ("get", "/for/{mandate}"): (200, 200, 200),
    ("get", "/for/{mandate}/my/timeline"): (200, 200, 200),
    ("get", "/for/{mandate}/my/data"): (200, 200, 200),
    ("get", "/for/{mandate}/my/data/{name}"): (403, 403, 403),  # for a parent
    ("post", "/for/{mandate}/my/data/{name}"): (403, 403, 403),
    ("get", "/for/{mandate}/my/grants/{grant_id}/stopped"): (303, 303, 303),
    ("post", "/for/{mandate}/my/grants/{grant_id}/stop"): (403, 303, 303),
    ("get", "/for/{mandate}/my/requests/{request_id}"): (403, 403, 200),
    ("post", "/for/{mandate}/my/requests/{request_id}"): (403, 403, 422),
    ("get", "/for/{mandate}/my/requests/{request_id}/answered"): (403, 403, 404),  # nobody has answered yet
    ("get", "/for/{mandate}/my/requests/{request_id}/back"): (403, 403, 404),
}


def code_of(html: str) -> str:
    """The words of a code, as the page shows them."""
    return " ".join(re.findall(r"<li>(\w+)</li>", html[html.index('id="code"') :]))


@pytest.fixture
def give(visit: Callable[[], Visitor]) -> Iterator[Give]:
    """Let *of* give a mandate to *to*; the mandate's id and the helper's browser. They end with the test."""
    made: list[tuple[Visitor, str]] = []

    def one(may: str = "choose", *, of: str = VICTIM, to: str = STRANGER, **more: str) -> tuple[str, Visitor]:
        her, him = visit().sign_in(of), visit().sign_in(to)
        wish = {"helper": "Els", "citizen": "Mama", "may": may, "term": "month"} | more
        answer = her.post("/my/helpers/new", wish | {"csrf": her.csrf()})
        assert answer.status_code == 200
        fields = {"csrf": him.csrf(), "code": code_of(answer.text)}
        taken = him.post("/my/helping", fields)
        assert taken.status_code == 303
        mandate = taken.headers["location"].removeprefix("/for/")
        made.append((her, mandate))
        return mandate, him

    yield one
    for her, mandate in made:
        her.post(f"/my/helpers/{mandate}/end", {"csrf": her.csrf()})


def test_every_door_of_a_helper_stands_in_the_table() -> None:
    described = yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))["paths"]
    doors = {
        (method, path) for path, item in described.items() if path.startswith("/for/") for method in item
    }
    assert doors == set(LOOKS)


@pytest.mark.parametrize(("column", "may"), list(enumerate(("look", "stop", "choose"))))
def test_each_door_opens_as_far_as_the_mandate_goes(
    column: int, may: str, give: Give, victim: Visitor, loot: Loot
) -> None:
    mandate, him = give(may)
    question = loot.question.rpartition("/")[2]
    for (method, template), statuses in LOOKS.items():
        path = template.format(mandate=mandate, grant_id=loot.grant, request_id=question, name="city")
        if template.endswith("/stop") and statuses[column] == 303:
            continue  # what really stops is tried below
        answer = him.get(path) if method == "get" else him.post(path, {"csrf": him.csrf(), "shown": ""})
        assert answer.status_code == statuses[column], path
    assert is_live(victim, loot)


def test_a_foreign_ended_or_made_up_mandate_looks_like_nothing_at_all(
    give: Give, victim: Visitor, visit: Callable[[], Visitor], loot: Loot
) -> None:
    mandate, him = give()
    other = visit().sign_in("riet")
    question = loot.question.rpartition("/")[2]
    paths = [
        template.format(mandate=mandate, grant_id=loot.grant, request_id=question, name="city")
        for _, template in LOOKS
    ]
    assert victim.post(f"/my/helpers/{mandate}/end", {"csrf": victim.csrf()}).status_code == 303
    for who in (other, victim, him):  # a stranger, she herself, and he whose mandate has ended
        csrf = who.csrf()
        for path, (method, _) in zip(paths, LOOKS, strict=True):
            unknown = path.replace(mandate, NOTHING)
            answers = [
                who.get(one) if method == "get" else who.post(one, {"csrf": csrf}) for one in (path, unknown)
            ]
            assert [one.status_code for one in answers] == [404, 404]
            texts = [one.text.replace(p, "") for one, p in zip(answers, (path, unknown), strict=True)]
            assert texts[0] == texts[1]
    assert is_live(victim, loot)


def test_what_is_hers_is_not_his_at_his_own_addresses(give: Give, victim: Visitor, loot: Loot) -> None:
    """Two tabs: in one he helps, in the other he is himself. The address says which, so neither can slip."""
    mandate, him = give()
    csrf = him.csrf()
    assert him.get(f"/for/{mandate}").status_code == 200
    for path in (
        f"/my/grants/{loot.grant}",
        loot.question,
        f"/my/grants/{loot.grant}/receipt.json",
        loot.use,
    ):
        assert him.get(path).status_code == 404
    assert him.post(f"/my/grants/{loot.grant}/stop", {"csrf": csrf}).status_code == 404
    assert (
        him.post("/my/data/preferred_language", {"csrf": csrf, "value": "Elders", "next": "/"}).status_code
        == 303
    )
    assert "Elders" not in him.get(f"/for/{mandate}/my/data").text
    assert "Elders" not in victim.get("/my/data").text
    assert him.post("/my/data/preferred_language/remove", {"csrf": csrf}).status_code == 303
    assert is_live(victim, loot)


def test_no_way_leads_from_her_pages_to_what_a_helper_never_does(give: Give) -> None:
    mandate, him = give(special="1")
    csrf = him.csrf()
    for rest in (
        "/my/sign-in", "/my/log", "/my/log/key", "/my/export", "/my/export.json", "/my/erase", "/my/erase/undo",
        "/my/helpers", "/my/helpers/new", "/my/data/city/remove", "/my/log/openings.ndjson",
    ):  # fmt: skip
        assert him.get(f"/for/{mandate}{rest}").status_code == 404
        assert him.post(f"/for/{mandate}{rest}", {"csrf": csrf}).status_code in (404, 405)


def test_her_pages_lead_only_to_her_pages_and_back_to_his(give: Give, victim: Visitor, loot: Loot) -> None:
    mandate, him = give()
    question = loot.question.rpartition("/")[2]
    # The band, the two buttons on top, and what the foot of every page has: none of it is about her.
    elsewhere = {"/my/helping", "/sign-out", "/away", "/help", "/my/quiet"}
    for rest in ("", "/my/timeline", "/my/data", f"/my/requests/{question}"):
        html = him.get(f"/for/{mandate}{rest}").text
        assert "U helpt nu: Mama." in html
        ways = set(re.findall(r'(?:href|action)="(/[^"#?]*)', html))
        ways -= {way for way in ways if way.startswith(("/static/", f"/for/{mandate}"))}
        assert ways <= elsewhere, rest


def test_what_is_hidden_stands_nowhere(give: Give) -> None:
    """A helper of Amal, whose permit is delicate."""
    mandate, him = give(of="amal")
    html = him.get(f"/for/{mandate}/my/data").text
    assert "Tigrinya" in html
    for words in ("Asiel", "residence_permit", "erblijfsvergunning"):
        assert words not in html


def test_a_form_from_another_site_helps_nobody(give: Give, victim: Visitor, loot: Loot) -> None:
    mandate, him = give()
    path = f"/for/{mandate}/my/grants/{loot.grant}/stop"
    csrf = him.csrf()
    assert him.post(path, {"csrf": csrf}, origin="https://evil.example").status_code == 403
    assert him.post(path, {"csrf": victim.csrf()}).status_code == 403
    assert him.post(path, {}).status_code == 403
    assert him.get(path).status_code == 405
    for other in ("/my/helpers/new", "/my/helping", "/my/helping/code", f"/my/helpers/{mandate}/end"):
        assert him.post(other, {"csrf": csrf}, origin="https://evil.example").status_code == 403
    assert is_live(victim, loot)
    assert him.get(f"/for/{mandate}").status_code == 200


def test_a_stop_by_a_helper_is_told_to_her_in_his_name(
    give: Give, victim: Visitor, loot: Loot
) -> None:  # the last of this file: it ends what she has
    mandate, him = give("stop")
    path = f"/for/{mandate}/my/grants/{loot.grant}"
    answer = him.post(f"{path}/stop", {"csrf": him.csrf()})
    assert answer.headers["location"] == f"{path}/stopped"
    assert "Gestopt" in him.get(f"{path}/stopped").text
    assert not is_live(victim, loot)
    assert "Uw helper Els stopte het delen met" in victim.get("/my/timeline").text
