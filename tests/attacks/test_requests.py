"""Attack: request_uris that are not yours, used up or made up; and asking for what was not approved (RFC 9126 §7)."""

import msgspec
import pytest

from .attacker import REQUIRED, Attacker, Citizen, must_refuse


def test_a_request_uri_of_another_client_is_as_unknown_as_a_guess(
    attacker: Attacker, other: Attacker
) -> None:
    mine = attacker.ask()
    foreign = other.authorize(mine)
    guessed = attacker.authorize("urn:ietf:params:oauth:request_uri:" + "x" * 43)
    assert foreign.status_code == guessed.status_code == 400
    assert "location" not in foreign.headers
    assert foreign.text == guessed.text
    assert attacker.authorize(mine).status_code == 303


@pytest.mark.parametrize("decision", ["yes", "no"])
def test_an_answered_request_leads_nowhere_a_second_time(attacker: Attacker, decision: str) -> None:
    uri = attacker.ask()
    question = f"/my/requests/{attacker.question(uri)}"
    with Citizen(attacker.stage) as citizen:
        page = citizen.page(question)
        ticks = [("attribute", name) for name in REQUIRED]
        first = citizen.browser.submit(page, "decide", *ticks, ("decision", decision))
        assert isinstance(first, str)
        again = citizen.browser.submit(page, "decide", *ticks, ("decision", decision))
        assert not isinstance(again, str)
        assert again.status == 410
        assert citizen.page(question).status == 410
    assert attacker.authorize(uri).status_code == 400


@pytest.mark.parametrize(
    "more",
    [
        {"request_uri": "urn:ietf:params:oauth:request_uri:" + "x" * 43},
        {"request": "eyJhbGciOiJub25lIn0.e30."},
        {"redirect_uri": "https://attacker.example/callback"},
        {"redirect_uri": "http://127.0.0.1.attacker.example/callback"},
        {"response_mode": "fragment"},
        {"client_id": "voorbeeld-energie-app"},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_pushed_request_says_nothing_that_it_may_not(attacker: Attacker, more: dict[str, str]) -> None:
    answer = attacker.form("/oauth/par", attacker.pushed(**more))
    assert answer.status_code in (400, 401)
    assert "request_uri" not in answer.json()


@pytest.mark.parametrize(
    "wrong",
    [
        {"purpose": "besparen", "attributes": ["energy_contract_number"]},  # another organisation's
        {"purpose": "made-up"},
        {"purpose_version": 2},
        {"attributes": [*REQUIRED, "bsn"]},
        {"attributes": REQUIRED[:1]},
        {"attributes": REQUIRED * 2},
        {"attributes": []},
        {"duration_days": 366},
        {"duration_days": 0},
        {"reason": "because the mayor says so"},
        {"type": "https://attacker.example/types/attributes/v1"},
    ],
    ids=lambda wrong: "-".join(wrong),
)
def test_nothing_beyond_an_approved_purpose_can_be_asked(
    attacker: Attacker, wrong: dict[str, object]
) -> None:
    (right,) = msgspec.json.decode(attacker.pushed()["authorization_details"])
    details = msgspec.json.encode([right | wrong]).decode()
    answer = attacker.form("/oauth/par", attacker.pushed(authorization_details=details))
    must_refuse(answer, 400, "invalid_authorization_details")
    assert "mayor" not in answer.text


def test_what_stands_in_the_browsers_address_counts_for_nothing(attacker: Attacker) -> None:
    uri = attacker.ask()
    forged = attacker.http.get(
        "/oauth/authorize",
        params={
            "client_id": attacker.client,
            "request_uri": uri,
            "redirect_uri": "https://attacker.example/",
        },
    )
    assert "attacker.example" not in forged.headers.get("location", "")
