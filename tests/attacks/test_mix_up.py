"""Attack: a client that works with several servers is made to take the answer of one for that of another.

What it would win: the code of this server, sent to the attacker's own one. What stops it: every answer, a no too,
says who gives it, and a client that compares sends no code anywhere (RFC 9207 §2.4, RFC 9700 §4.4.2); and what it did
send to another server, an assertion and a proof, is worth nothing here (RFC 7523 §3, RFC 9449 §4.3).
"""

from urllib.parse import parse_qs, urlsplit

import pytest
from consent_sdk import ProtocolError

from consent.demo import PURPOSE, Stage

from .attacker import REQUIRED, Attacker, Citizen, claims_of, code_of, must_refuse

ELSEWHERE = "https://attacker.example"


@pytest.mark.parametrize("decision", ["yes", "no"])
def test_every_answer_says_who_gives_it(attacker: Attacker, decision: str) -> None:
    question = f"/my/requests/{attacker.question(attacker.ask())}"
    with Citizen(attacker.stage) as citizen:
        ticks = [("attribute", name) for name in REQUIRED]
        back = citizen.browser.answer(citizen.page(question), *ticks, ("decision", decision))
    assert isinstance(back, str)
    said = parse_qs(urlsplit(back).query)
    assert said["iss"] == [attacker.issuer]
    assert set(said) == {"iss", "state", "code" if decision == "yes" else "error"}


def test_a_signed_answer_says_it_inside_and_for_whom(attacker: Attacker) -> None:
    question = f"/my/requests/{attacker.question(attacker.ask(response_mode='jwt'))}"
    with Citizen(attacker.stage) as citizen:
        back = citizen.yes(citizen.page(question), REQUIRED)
    assert isinstance(back, str)
    said = parse_qs(urlsplit(back).query)
    assert set(said) == {"response"}
    claims = claims_of(said["response"][0])
    assert (claims["iss"], claims["aud"]) == (attacker.issuer, attacker.client)


async def test_a_client_sends_no_code_that_another_server_seems_to_give(served: Stage) -> None:
    """The code still works afterwards: it was not sent to anybody, not even to us."""
    async with served.organisation() as organisation:
        ask = await organisation.ask(
            purpose=PURPOSE, purpose_version=1, attributes=REQUIRED, duration_days=30
        )
        with Citizen(served) as citizen:
            back = citizen.yes(citizen.page(ask.url), REQUIRED)
        assert isinstance(back, str)
        right = f"iss={served.issuer.replace(':', '%3A').replace('/', '%2F')}"
        assert right in back
        for wrong in (
            back.replace(right, "iss=https%3A%2F%2Fattacker.example"),
            back.replace(right, right + "%2F"),
            back.replace(f"&{right}", ""),
            back + "&iss=https%3A%2F%2Fattacker.example",
        ):
            with pytest.raises(ProtocolError):
                await organisation.receive(wrong, ask)
        arrangement = await organisation.receive(back, ask)
        assert set(arrangement.attributes) == set(REQUIRED)


def test_what_a_client_sent_to_another_server_is_worth_nothing_here(attacker: Attacker) -> None:
    question = f"/my/requests/{attacker.question(attacker.ask())}"
    with Citizen(attacker.stage) as citizen:
        code = code_of(citizen.yes(citizen.page(question), REQUIRED))
    for audience in (ELSEWHERE, [ELSEWHERE, attacker.issuer], f"{ELSEWHERE}/oauth/token"):
        must_refuse(
            attacker.exchange(code, assertion=attacker.assertion(aud=audience)), 401, "invalid_client"
        )
    there = Attacker(attacker.stage)
    there.issuer = ELSEWHERE
    must_refuse(attacker.exchange(code, proof=there.proof("POST", "/oauth/token")), 400, "invalid_dpop_proof")
    there.close()
    assert attacker.exchange(code).status_code == 200
