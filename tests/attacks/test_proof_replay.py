"""Attack: a proof or an assertion that was seen is sent again: at once, later, elsewhere, to another process.

What it would win: a stolen token works without its key, as long as a proof is young. What stops it: each is for one
method, address, token and minute, and is written down as used on the disk before anything is given; what was used
stays used in the next process, and no two processes serve one folder (RFC 9449 §11.1, RFC 7523 §3, RFC 9700 §4.10.1).
"""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from consent.demo import Stage
from tests.conftest import free_port

from .attacker import REQUIRED, Attacker, must_refuse


@pytest.fixture
def token(attacker: Attacker) -> str:
    return str(attacker.tokens()["access_token"])


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


def test_what_a_killed_process_saw_the_next_one_refuses(tmp_path: Path) -> None:
    stage = Stage(tmp_path, free_port())
    stage.add_organisation()
    with stage.serving() as server:
        attacker = Attacker(stage)
        token = attacker.tokens()["access_token"]
        used = [attacker.proof("POST", "/disclosures", token) for _ in range(3)]
        for proof in used:
            assert attacker.disclose(token, proof=proof).status_code == 200
        server.kill()
        server.wait(15)
        attacker.close()
    with stage.serving():
        attacker = Attacker(stage)
        for proof in used:
            must_refuse(attacker.disclose(token, proof=proof), 401, "invalid_dpop_proof")
        attacker.close()


def test_a_second_process_does_not_serve_the_same_folder(served: Stage) -> None:
    """Two that each remember their own proofs would take each proof twice."""
    words = served.command("serve", "--sandbox")
    words[words.index("--port") + 1] = str(free_port())
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    assert "another process serves this data folder already" in done.stderr
