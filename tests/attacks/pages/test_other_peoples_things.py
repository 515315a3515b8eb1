"""Other people's things: another citizen's question, grant, use and receipt, and an answer that would go astray."""

import asyncio
import re
from urllib.parse import parse_qs, urlsplit

import consent_sdk
import pytest

from consent.demo import ASKED, PURPOSE, Stage

from .visitor import NEEDED, Loot, Visitor, hidden, is_live


def test_what_is_hers_looks_to_others_like_nothing_at_all(
    stranger: Visitor, victim: Visitor, loot: Loot
) -> None:
    csrf = stranger.csrf()
    nothing = "0" * 32
    for path in (
        loot.question,
        f"/my/grants/{loot.grant}",
        f"/my/grants/{loot.grant}/stopped",
        f"/my/grants/{loot.grant}/receipt.json",
        f"/my/grants/{loot.grant}/receipt.tlog-proof",
        loot.use,
    ):
        hers = stranger.get(path)
        unknown = stranger.get(re.sub(r"[0-9a-f]{32}", nothing, path))
        assert hers.status_code == unknown.status_code == 404
        same = [
            text.replace(path, "").replace(re.sub(r"[0-9a-f]{32}", nothing, path), "")
            for text in (hers.text, unknown.text)
        ]
        assert same[0] == same[1]
        assert victim.get(path).status_code in ((200, 303) if path.endswith("/stopped") else (200,))
    for path, fields in (
        (loot.question, {"decision": "no"}),
        (loot.question, {"decision": "yes", "attribute": NEEDED[0], "shown": "0" * 64}),
        (f"/my/grants/{loot.grant}/stop", {}),
    ):
        assert stranger.post(path, fields | {"csrf": csrf}).status_code == 404
    assert is_live(victim, loot)
    assert victim.get(loot.question).status_code == 200
    assert loot.grant not in stranger.get("/").text + stranger.get("/my/timeline").text


def test_a_yes_to_another_page_than_was_shown_is_no_yes(victim: Visitor, loot: Loot) -> None:
    """The seal ties the answer to what stood there: without it, made up, or for more than was offered."""
    page = victim.get(loot.question).text
    seal = dict(hidden(page))["shown"]
    good = {"csrf": victim.csrf(), "decision": "yes", "attribute": NEEDED, "shown": seal}
    for changed in (
        {"shown": ""},
        {"shown": seal[::-1]},
        {"attribute": (*NEEDED, "bsn")},
        {"attribute": (*NEEDED, "")},
        {"attribute": ("bsn",)},
    ):
        answer = victim.post(loot.question, good | changed)
        assert answer.status_code == 422
        assert "location" not in answer.headers


def test_an_answer_never_leaves_for_another_address_than_was_registered(
    served: Stage, victim: Visitor
) -> None:
    async def ask_for(redirect: str) -> None:
        organisation = consent_sdk.Organisation(
            served.issuer,
            "voorbeeldstad-loket",
            served.key_pem,
            redirect,
            consent_sdk.MemoryStore(),
            organisation="voorbeeldstad",
        )
        async with organisation:
            await organisation.ask(
                purpose=PURPOSE, purpose_version=1, attributes=list(ASKED), duration_days=30
            )

    for redirect in (
        "https://evil.example/callback",
        "http://localhost:9/callback",
        "http://127.0.0.1:9/callback/",
        "http://127.0.0.1:9/callback?x=1",
        "http://127.0.0.1.evil.example/callback",
        "http://user@127.0.0.1:9/callback",
    ):
        with pytest.raises(consent_sdk.Refused):
            asyncio.run(ask_for(redirect))


def test_the_code_stands_in_no_page_and_the_answer_says_who_gave_it(served: Stage, victim: Visitor) -> None:
    async def ask() -> consent_sdk.Ask:
        async with served.organisation() as municipality:
            return await municipality.ask(
                purpose=PURPOSE, purpose_version=1, attributes=list(ASKED), duration_days=30
            )

    asked = asyncio.run(ask())
    path = victim.get(asked.url).headers["location"]
    answer = victim.post(path, {"csrf": victim.csrf(), "decision": "no"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{path}/no")
    answer = victim.get(f"{path}/back")
    assert answer.status_code == 303
    assert answer.content == b""
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    said = parse_qs(urlsplit(answer.headers["location"]).query)
    assert said == {"error": ["access_denied"], "iss": [served.issuer], "state": [asked.state]}
