"""Attack: pretending to be a client, with an assertion that is old, borrowed or made for another server.

What it would win: all that this client may do. Or only to learn which clients exist. What stops it: an assertion is
for this issuer alone, for a short time, once, and signed by the client's own key; every other gets the same answer
(RFC 7523 §3, FAPI 2.0 §5.3.2.1-8, RFC 9700 §2.5).
"""

import time
from typing import Any

import pytest
from consent_sdk.keys import SigningKey

from .attacker import Attacker, claims_of, must_refuse, unsigned

CLIENT = {"grant_type": "client_credentials"}


def test_the_right_assertion_works_so_that_the_others_fail_for_their_own_reason(attacker: Attacker) -> None:
    assert attacker.token(CLIENT).status_code == 200


def test_an_assertion_works_once(attacker: Attacker) -> None:
    assertion = attacker.assertion()
    assert attacker.token(CLIENT, assertion=assertion).status_code == 200
    must_refuse(attacker.token(CLIENT, assertion=assertion), 401, "invalid_client")
    must_refuse(attacker.form("/oauth/par", attacker.pushed(), assertion=assertion), 401, "invalid_client")


def forged_claims(attacker: Attacker) -> dict[str, dict[str, Any]]:
    now = int(time.time())
    return {
        "aud is a list": {"aud": [attacker.issuer]},
        "aud is an endpoint": {"aud": f"{attacker.issuer}/oauth/token"},
        "aud is another server": {"aud": "https://another.example"},
        "aud with a slash": {"aud": f"{attacker.issuer}/"},
        "no aud": {"aud": None},
        "expired": {"iat": now - 120, "exp": now - 1},
        "lives too long": {"exp": now + 7200},
        "never expires": {"exp": None},
        "from the future": {"iat": now + 60, "exp": now + 120},
        "sub of another": {"sub": "buurman-app"},
        "iss of another": {"iss": "buurman-app"},
        "no jti": {"jti": None},
    }


@pytest.mark.parametrize("forged", sorted(forged_claims(type("X", (), {"issuer": ""}))))  # type: ignore[arg-type]
def test_an_assertion_that_is_not_for_us_now_is_refused(attacker: Attacker, forged: str) -> None:
    assertion = attacker.assertion(**forged_claims(attacker)[forged])
    must_refuse(attacker.token(CLIENT, assertion=assertion), 401, "invalid_client")


def test_another_clients_assertion_does_not_speak_for_this_one(attacker: Attacker, other: Attacker) -> None:
    stolen = {"client_id": attacker.client}
    must_refuse(attacker.token(CLIENT | stolen, assertion=other.assertion()), 401, "invalid_client")
    pretending = Attacker(attacker.stage, key=other.key)  # its own key, our name
    must_refuse(pretending.token(CLIENT), 401, "invalid_client")
    pretending.close()


def test_a_dpop_proof_is_no_assertion_and_an_assertion_no_proof(attacker: Attacker) -> None:
    must_refuse(
        attacker.token(CLIENT, assertion=attacker.proof("POST", "/oauth/token")), 401, "invalid_client"
    )
    must_refuse(attacker.token(CLIENT, proof=attacker.assertion()), 400, "invalid_dpop_proof")


@pytest.mark.parametrize("path", ["/oauth/par", "/oauth/token", "/oauth/introspect", "/oauth/revoke"])
@pytest.mark.parametrize("broken", ["signature", "algorithm", "type", "garbage", "audience", "nothing"])
def test_an_unknown_client_and_a_wrong_signature_get_the_same_answer(
    attacker: Attacker, path: str, broken: str
) -> None:
    """Nobody learns which clients exist, whatever they send along."""
    answers = []
    for name in (attacker.client, "made-up-client"):
        stranger = Attacker(attacker.stage, key=SigningKey.new(), client=name)
        claims = claims_of(stranger.assertion())
        assertion = {
            "signature": stranger.assertion(),
            "algorithm": unsigned({"alg": "none"}, claims) + ".",
            "type": stranger.key.sign({"typ": "dpop+jwt"}, claims),
            "garbage": "not.a.token",
            "audience": stranger.assertion(aud="https://another.example"),
            "nothing": "",
        }[broken]
        fields = attacker.pushed() | CLIENT | {"token": "x" * 43, "client_id": name}
        answers.append(stranger.form(path, fields, assertion=assertion))
        stranger.close()
    known, unknown = answers
    must_refuse(known, 401, "invalid_client")
    assert known.content == unknown.content
    assert known.status_code == unknown.status_code
    quiet = ("date",)
    assert [h for h in known.headers.items() if h[0] not in quiet] == [
        h for h in unknown.headers.items() if h[0] not in quiet
    ]
