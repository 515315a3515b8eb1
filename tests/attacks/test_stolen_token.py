"""Attack: a token that was read on its way, in a log or at another service is used by who found it.

What it would win: the citizen's data, until the token ends. What stops it: a token opens nothing without a fresh
proof of its key, is taken from one header only, is of one kind, and belongs to one client (RFC 9449 §11, RFC 6750 §2,
RFC 9700 §4.10.1, §4.14).
"""

import pytest
from consent_sdk.keys import SigningKey

from .attacker import REQUIRED, Attacker, must_refuse


@pytest.fixture
def token(attacker: Attacker) -> str:
    return str(attacker.tokens()["access_token"])


def test_a_stolen_token_opens_nothing_with_the_thiefs_own_key(attacker: Attacker, token: str) -> None:
    thief = attacker.proof("POST", "/disclosures", token, key=SigningKey.new())
    must_refuse(attacker.disclose(token, proof=thief), 401, "invalid_token")


def test_a_bound_token_does_not_work_as_a_bearer_token(attacker: Attacker, token: str) -> None:
    must_refuse(attacker.disclose(token, scheme="Bearer"), 401, "invalid_token")
    naked = attacker.http.post(
        "/disclosures", json={"attributes": REQUIRED}, headers={"authorization": f"Bearer {token}"}
    )
    must_refuse(naked, 401, "invalid_token")
    assert naked.headers["www-authenticate"].startswith("DPoP ")


def test_a_token_in_the_address_or_the_body_counts_for_nothing(attacker: Attacker, token: str) -> None:
    headers = {"dpop": attacker.proof("POST", "/disclosures", token)}
    for more in (
        {"params": {"access_token": token}, "json": {"attributes": REQUIRED}},
        {"json": {"attributes": REQUIRED, "access_token": token}},
        {"data": {"access_token": token, "attributes": "household_size"}},
    ):
        answer = attacker.http.post("/disclosures", headers=headers, **more)  # type: ignore[arg-type]
        must_refuse(answer, 401, "invalid_token")
        assert token not in answer.text


def test_a_refresh_token_is_no_access_token_and_the_other_way_round(attacker: Attacker) -> None:
    tokens = attacker.tokens()
    must_refuse(attacker.disclose(tokens["refresh_token"]), 401, "invalid_token")
    swapped = {"grant_type": "refresh_token", "refresh_token": tokens["access_token"]}
    must_refuse(attacker.token(swapped), 400, "invalid_grant")


def test_a_stolen_refresh_token_is_worth_nothing_to_another_client(
    attacker: Attacker, other: Attacker
) -> None:
    refresh = {"grant_type": "refresh_token", "refresh_token": attacker.tokens()["refresh_token"]}
    must_refuse(other.token(refresh), 400, "invalid_grant")
    as_us = refresh | {"client_id": attacker.client}
    must_refuse(attacker.token(as_us, assertion=other.assertion()), 401, "invalid_client")
    assert attacker.token(refresh).status_code == 200


def test_a_clients_own_token_discloses_nothing(attacker: Attacker) -> None:
    own = attacker.token({"grant_type": "client_credentials"}).json()["access_token"]
    must_refuse(attacker.disclose(own), 403, "insufficient_scope")
