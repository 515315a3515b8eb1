"""Attack: somebody else's request, a used one or a made-up one in the citizen's address; or more beside it.

What it would win: she answers a question that another client asked, or one that was answered before, and the code
goes elsewhere. What stops it: a request_uri is 256 bits of chance, is good for the client that pushed it and until
the answer, and nothing else in the address counts (RFC 9126 §7, RFC 9700 §4.1).
"""

import pytest

from .attacker import REQUIRED, Attacker, Citizen, code_of, must_refuse


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
        first = citizen.browser.answer(page, *ticks, ("decision", decision))
        assert isinstance(first, str)
        again = citizen.browser.answer(page, *ticks, ("decision", decision))
        assert not isinstance(again, str)
        assert again.status == 410
        assert citizen.page(question).status == 410
    assert attacker.authorize(uri).status_code == 400


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


def test_the_code_of_a_swapped_request_is_no_good_to_who_swapped(attacker: Attacker, other: Attacker) -> None:
    """Whoever sends the citizen to a client's request gets nothing: the code goes to that client, and is for it."""
    answer = attacker.authorize(attacker.ask())
    with Citizen(attacker.stage) as citizen:
        back = citizen.yes(citizen.page(answer.headers["location"]), REQUIRED)
    assert isinstance(back, str)
    assert back.startswith(attacker.stage.callback)
    must_refuse(other.exchange(code_of(back)), 400, "invalid_grant")
