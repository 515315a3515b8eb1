"""The people of these tests: a bank with keys, what it signs, and a fixed noon."""

import base64
import hashlib
import json
import warnings
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from consent.oauth.clients import ASSERTION_TYPE, Client
from consent.words.instants import SECOND

NOON = 1_900_000_000 * SECOND
NOON_S = NOON // SECOND
ISSUER = "https://consent.example"
REDIRECT = "https://bank.example/back"
DISCLOSURES = ISSUER + "/disclosures"

EC = ECKey.import_key(ec.generate_private_key(ec.SECP256R1()))
EC_OTHER = ECKey.import_key(ec.generate_private_key(ec.SECP256R1()))
EC_P384 = ECKey.import_key(ec.generate_private_key(ec.SECP384R1()))
RSA = RSAKey.import_key(rsa.generate_private_key(public_exponent=65537, key_size=2048))
with warnings.catch_warnings(action="ignore", category=SecurityWarning):
    RSA_WEAK = RSAKey.import_key(rsa.generate_private_key(public_exponent=65537, key_size=1024))
ED = OKPKey.import_key(ed25519.Ed25519PrivateKey.generate())
ED448 = OKPKey.import_key(ed448.Ed448PrivateKey.generate())
KEYS = {"ES256": EC, "PS256": RSA, "EdDSA": ED, "Ed25519": ED}


class _Everything(jws.JWSRegistry):
    """joserfc with all of its algorithms: attackers are not choosy."""

    max_header_length = 16 * 1024

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


ATTACKER = _Everything(strict_check_header=False)


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def public(key: Any, **more: Any) -> dict[str, Any]:
    return {**{k: v for k, v in key.as_dict(private=False).items() if k != "kid"}, **more}


def signed(header: dict[str, Any], claims: Any, key: Any = EC) -> str:
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jws.serialize_compact(header, payload, key, registry=ATTACKER)


def client(*keys: dict[str, Any], **changes: Any) -> Client:
    facts: dict[str, Any] = {
        "id": "bank-app",
        "organisation": "bank",
        "jwks": keys or (public(EC, kid="one"),),
        "redirect_uris": (REDIRECT,),
        "name": "Bank",
    }
    return Client(**{**facts, **changes})


def without_none(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def assertion(*, key: Any = EC, header: dict[str, Any] | None = None, **claims: Any) -> str:
    usual = {
        "iss": "bank-app",
        "sub": "bank-app",
        "aud": ISSUER,
        "iat": NOON_S,
        "exp": NOON_S + 60,
        "jti": "0123456789abcdef",
    }
    return signed(without_none({"alg": "ES256", **(header or {})}), without_none({**usual, **claims}), key)


def authenticated(token: str, **more: str) -> dict[str, str]:
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token, **more}


def proof(*, key: Any = EC, header: dict[str, Any] | None = None, **claims: Any) -> str:
    algorithm = {"EC": "ES256", "RSA": "PS256", "OKP": "EdDSA"}[key.key_type]
    usual_header = {"typ": "dpop+jwt", "alg": algorithm, "jwk": public(key)}
    usual = {"jti": "proof-1", "htm": "POST", "htu": DISCLOSURES, "iat": NOON_S}
    return signed(without_none({**usual_header, **(header or {})}), without_none({**usual, **claims}), key)


def hash_of(token: str) -> str:
    return b64(hashlib.sha256(token.encode()).digest())
