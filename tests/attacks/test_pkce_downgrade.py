"""Attack: the protection of the code is talked away: no challenge, "plain", or another one outside a signed request.

What it would win: a stolen code that works without a secret. What stops it: S256 is demanded of every request, so
there is nothing to fall back to, and every exchange is held against its challenge (RFC 7636 §4.4.1, RFC 9700 §4.8).
"""

import pytest
from consent_sdk.keys import challenge_of

from .attacker import REQUIRED, VERIFIER, Attacker, Citizen, code_of, must_refuse


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_challenge_method": "plain", "code_challenge": VERIFIER},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge_method": ""},
        {"code_challenge": ""},
        {"code_challenge": "short"},
        {"code_challenge": "", "code_challenge_method": ""},
    ],
    ids=lambda wrong: "-".join(wrong.values()) or "nothing",
)
def test_pkce_may_not_be_left_out_or_plain(attacker: Attacker, wrong: dict[str, str]) -> None:
    must_refuse(attacker.form("/oauth/par", attacker.pushed(**wrong)), 400, "invalid_request")


def test_a_challenge_that_is_added_in_the_citizens_address_counts_for_nothing(attacker: Attacker) -> None:
    mine = "a" * 43
    address = {"client_id": attacker.client, "request_uri": attacker.ask()}
    more = {"code_challenge": mine, "code_challenge_method": "plain"}
    page = attacker.http.get("/oauth/authorize", params=address | more).headers["location"]
    with Citizen(attacker.stage) as citizen:
        code = code_of(citizen.yes(citizen.page(page), REQUIRED))
    must_refuse(attacker.exchange(code, mine), 400, "invalid_grant")
    assert attacker.exchange(code).status_code == 200


def test_the_challenge_is_not_its_own_answer(attacker: Attacker) -> None:
    """What "plain" would make of it: whoever saw the request has the secret."""
    code = attacker.code()
    must_refuse(attacker.exchange(code, challenge_of(VERIFIER)), 400, "invalid_grant")
    assert attacker.exchange(code).status_code == 200


@pytest.mark.parametrize(
    "gone", [("code_challenge",), ("code_challenge_method",), ("code_challenge", "code_challenge_method")]
)
def test_a_signed_request_cannot_be_completed_from_outside(attacker: Attacker, gone: tuple[str, ...]) -> None:
    claims = attacker.request_claims()
    outside = {name: str(claims[name]) for name in gone}
    assert attacker.form("/oauth/par", {"request": attacker.request_object(claims)}).status_code == 201
    less = attacker.request_object({name: one for name, one in claims.items() if name not in gone})
    must_refuse(attacker.form("/oauth/par", {"request": less} | outside), 400, "invalid_request")
