"""The doors of what somebody is told: nobody reads another's, marks another's as read, or turns another's mail off."""

import re

import pytest

from .conftest import Visit
from .visitor import Loot, Visitor

MAIL = "never"


def news(visitor: Visitor) -> int:
    """How much is new, as her overview counts it; nothing is not said at all."""
    found = re.search(r'id="news">.*?(\d+) ', visitor.get("/").text, re.DOTALL)
    return int(found[1]) if found else 0


def choices(visitor: Visitor) -> dict[str, str]:
    """All fields of the form about mail, as a browser would send them."""
    return dict.fromkeys(
        re.findall(r'<select class="[^"]*" id="(\w+)"', visitor.get("/my/notices").text), MAIL
    )


def test_her_overview_counts_what_is_new_and_leads_to_it(victim: Visitor, loot: Loot) -> None:
    count = news(victim)
    assert count > 0  # they looked for the first time
    page = victim.get("/my/notices").text
    until = re.search(r'name="until" value="(\d+)"', page)
    assert until is not None
    assert page.count("<strong>Nieuw:") == count
    answer = victim.post("/my/notices/read", {"csrf": victim.csrf(), "until": until[1]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/my/notices")
    assert news(victim) == 0
    assert 'id="news"' not in victim.get("/").text


def test_forged_and_bad_forms_mark_nothing(
    victim: Visitor, stranger: Visitor, loot: Loot, visit: Visit
) -> None:
    victim.post("/sign-out", {"csrf": victim.csrf()})
    victim.sign_in("sanne")
    seen = victim.get("/my/notices").text
    for fields, headers in (
        ({"until": "9" * 17}, {}),
        ({"until": "9" * 17, "csrf": "0" * 64}, {}),
        ({"until": "9" * 17, "csrf": stranger.csrf()}, {}),
        ({"until": "9" * 17, "csrf": victim.csrf()}, {"origin": "https://evil.example"}),
    ):
        assert victim.post("/my/notices/read", fields, **headers).status_code == 403
        assert victim.post("/my/notices", fields | choices(victim), **headers).status_code == 403
    for until in ("", "-1", "1e9", "9" * 30, "now"):
        assert victim.post("/my/notices/read", {"csrf": victim.csrf(), "until": until}).status_code == 400
    assert victim.post("/my/notices/read", {"csrf": victim.csrf()}).status_code == 400
    assert victim.get("/my/notices").text == seen
    nobody = visit()
    for path in ("/my/notices", "/my/notices/read"):
        assert nobody.post(path, {"until": "1"}).status_code == 303  # to the sign-in


@pytest.mark.parametrize("path", ["/my/notices", "/my/notices/read"])
def test_a_strangers_form_is_about_the_stranger(
    victim: Visitor, stranger: Visitor, loot: Loot, path: str
) -> None:
    seen = victim.get("/my/notices").text
    fields = {"csrf": stranger.csrf(), "until": "9" * 17, "citizen": "sanne", **choices(stranger)}
    assert stranger.post(path, fields).status_code == 303
    csrf = re.compile(r'name="csrf" value="[0-9a-f]{64}"')
    assert csrf.sub("", victim.get("/my/notices").text) == csrf.sub("", seen)
    assert loot.grant not in stranger.get("/my/notices").text
