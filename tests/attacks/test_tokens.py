"""Attack: stolen tokens and replayed or borrowed proofs (RFC 9449 §11, RFC 6750 §2, FAPI 2.0 §5.3.4)."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from consent_sdk.keys import SigningKey

from consent.demo import Stage
from tests.conftest import free_port

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


def test_a_proof_is_good_for_one_request_also_when_both_come_at_once(attacker: Attacker, token: str) -> None:
    proof = attacker.proof("POST", "/disclosures", token)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: attacker.disclose(token, proof=proof), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
    must_refuse(attacker.disclose(token, proof=proof), 401, "invalid_dpop_proof")


@pytest.mark.parametrize("wrong", ["method", "address", "host", "token", "no_token", "old", "early", "twice"])
def test_a_proof_for_anything_else_is_refused(attacker: Attacker, token: str, wrong: str) -> None:
    right = attacker.proof("POST", "/disclosures", token)
    elsewhere = Attacker(attacker.stage)
    elsewhere.issuer = "https://attacker.example"
    proof = {
        "method": attacker.proof("GET", "/disclosures", token),
        "address": attacker.proof("POST", "/uses", token),
        "host": elsewhere.proof("POST", "/disclosures", token),
        "token": attacker.proof("POST", "/disclosures", "x" * 43),
        "no_token": attacker.proof("POST", "/disclosures"),
        "old": attacker.proof("POST", "/disclosures", token, at=-61),
        "early": attacker.proof("POST", "/disclosures", token, at=40),
        "twice": f"{right}, {attacker.proof('POST', '/disclosures', token)}",
    }[wrong]
    elsewhere.close()
    must_refuse(attacker.disclose(token, proof=proof), 401, "invalid_dpop_proof")
    assert attacker.disclose(token, proof=right).status_code == 200


def test_a_proof_with_another_host_in_the_request_is_not_fooled(attacker: Attacker, token: str) -> None:
    elsewhere = Attacker(attacker.stage)
    elsewhere.issuer = "http://attacker.example"
    answer = attacker.http.post(
        "/disclosures",
        json={"attributes": REQUIRED},
        headers={
            "authorization": f"DPoP {token}",
            "dpop": elsewhere.proof("POST", "/disclosures", token),
            "host": "attacker.example",
            "x-forwarded-host": "attacker.example",
        },
    )
    elsewhere.close()
    must_refuse(answer, 401, "invalid_dpop_proof")


def test_neither_a_proof_nor_an_assertion_is_forgotten_in_a_restart(tmp_path: Path) -> None:
    stage = Stage(tmp_path, free_port())
    stage.add_organisation()
    with stage.serving():
        attacker = Attacker(stage)
        token = attacker.tokens()["access_token"]
        proof, assertion = attacker.proof("POST", "/disclosures", token), attacker.assertion()
        assert attacker.disclose(token, proof=proof).status_code == 200
        grant = {"grant_type": "client_credentials"}
        assert attacker.token(grant, assertion=assertion).status_code == 200
        attacker.close()
    with stage.serving():
        attacker = Attacker(stage)
        must_refuse(attacker.disclose(token, proof=proof), 401, "invalid_dpop_proof")
        must_refuse(attacker.token(grant, assertion=assertion), 401, "invalid_client")
        assert attacker.disclose(token).status_code == 200
        attacker.close()
