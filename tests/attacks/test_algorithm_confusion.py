"""Attack: a token whose header says how it wants to be checked: not at all, or with the public key as a shared secret.

What it would win: to be any client, to hold any key, to ask in any client's name. What stops it: the algorithm comes
from our own short list and from the kind of the key, never from the header; what the header cannot mean here is
refused (RFC 8725 §3.1, FAPI 2.0 §5.4.1, RFC 7515 §4.1.11, RFC 9449 §4.3).
"""

import hmac
import json
from typing import Any

import pytest
from consent_sdk.keys import SigningKey
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jws
from joserfc.jwk import RSAKey

from .attacker import REQUEST, REQUIRED, Attacker, b64, claims_of, must_refuse, unsigned

CLIENT = {"grant_type": "client_credentials"}


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


@pytest.mark.parametrize("how", [*HOW, "own key in the header"])
def test_no_algorithm_but_ours_makes_a_signed_request(attacker: Attacker, how: str) -> None:
    claims = attacker.request_claims()
    assert attacker.form("/oauth/par", {"request": attacker.request_object(claims)}).status_code == 201
    forged = confused(attacker, how, REQUEST, attacker.request_claims())
    must_refuse(attacker.form("/oauth/par", {"request": forged}), 400, "invalid_request_object")
