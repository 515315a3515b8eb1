"""Attack: pretending to be a client (RFC 7523 §3, FAPI 2.0 §5.3.2.1, RFC 8725 §3.1); finding out which exist."""

import base64
import hmac
import json
import time
from typing import Any

import pytest
from consent_sdk.keys import SigningKey
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jws
from joserfc.jwk import RSAKey

from .attacker import REQUIRED, Attacker, must_refuse

CLIENT = {"grant_type": "client_credentials"}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


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


def confused(attacker: Attacker, how: str, typ: dict[str, Any], claims: dict[str, Any]) -> str:
    """The same claims, signed in a way that must not count."""
    if how == "none":
        return unsigned({"alg": "none"} | typ, claims) + "."
    if how == "no signature":
        return unsigned({"alg": "ES256"} | typ, claims) + "."
    if how == "HS256 with the public key":
        pem = SigningKey.load(attacker.key.pem())._private.public_key()
        secret = pem.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        text = unsigned({"alg": "HS256"} | typ, claims)
        return f"{text}.{b64(hmac.digest(secret, text.encode(), 'sha256'))}"
    if how == "RS256":
        key = RSAKey.import_key(rsa.generate_private_key(public_exponent=65537, key_size=2048))
        header = {"alg": "RS256"} | typ
        if "jwk" in typ:
            header["jwk"] = key.as_dict(private=False)
        return str(jws.serialize_compact(header, json.dumps(claims), key, algorithms=["RS256"]))
    if how == "zeros":
        return unsigned({"alg": "ES256"} | typ, claims) + "." + b64(bytes(64))
    if how == "crit":
        return attacker.key.sign({"crit": ["exp"]} | typ, claims)
    if how == "b64":
        return attacker.key.sign({"b64": False, "crit": ["b64"]} | typ, claims)
    assert how == "own key in the header"
    own = SigningKey.new()
    return (
        own.sign(typ | {"jwk": dict(own.public_jwk)}, claims) if "jwk" not in typ else own.sign(typ, claims)
    )


HOW = ["none", "no signature", "HS256 with the public key", "RS256", "zeros", "crit", "b64"]


@pytest.mark.parametrize("how", [*HOW, "own key in the header"])
def test_no_algorithm_but_ours_makes_an_assertion(attacker: Attacker, how: str) -> None:
    claims = claims_of(attacker.assertion())
    forged = confused(attacker, how, {"typ": "JWT"}, claims)
    must_refuse(attacker.token(CLIENT, assertion=forged), 401, "invalid_client")


@pytest.mark.parametrize("how", [*HOW, "private key in the header"])
def test_no_algorithm_but_ours_makes_a_proof(attacker: Attacker, how: str) -> None:
    token = attacker.tokens()["access_token"]
    claims = claims_of(attacker.proof("POST", "/disclosures", token))
    jwk = dict(attacker.key.public_jwk)
    if how == "private key in the header":
        number = attacker.key._private.private_numbers().private_value
        typ = {"typ": "dpop+jwt", "jwk": jwk | {"d": b64(number.to_bytes(32, "big"))}}
        forged = attacker.key.sign(typ, claims)
    else:
        forged = confused(attacker, how, {"typ": "dpop+jwt", "jwk": jwk}, claims)
    must_refuse(attacker.disclose(token, REQUIRED, proof=forged), 401, "invalid_dpop_proof")


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
