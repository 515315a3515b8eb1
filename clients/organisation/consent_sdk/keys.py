"""The organisation's signatures: who it is (private_key_jwt), and that it holds its tokens (DPoP).

ES256 only, with `cryptography`. Sources: RFC 7515 (JWS), RFC 7517/7638 (JWK, thumbprint), RFC 7523 and
FAPI 2.0 §5.3.2.1 (client assertion), RFC 9449 (DPoP), RFC 7636 (PKCE). Time and chance come in by the door.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from .encoding import b64url_bytes, b64url_text, canonical, read_json

_COORDINATE = 32
ASSERTION_LIFE = 60  # seconds; it is used at once

KeyMaterial = str | bytes | Mapping[str, Any] | ec.EllipticCurvePrivateKey


class SigningKey:
    """An EC P-256 private key that signs ES256 (RFC 7518 §3.4). It cannot be printed."""

    def __init__(self, private: ec.EllipticCurvePrivateKey, key_id: str | None = None) -> None:
        if not isinstance(private.curve, ec.SECP256R1):
            raise ValueError("the key is not on the curve P-256")
        self._private = private
        self.key_id = key_id
        numbers = private.public_key().public_numbers()
        self.public_jwk: dict[str, str] = {
            "crv": "P-256",
            "kty": "EC",
            "x": b64url_text(numbers.x.to_bytes(_COORDINATE, "big")),
            "y": b64url_text(numbers.y.to_bytes(_COORDINATE, "big")),
        }

    @classmethod
    def load(cls, material: KeyMaterial) -> "SigningKey":
        """Take a key as PEM, JWK (text or mapping) or object of `cryptography`. Raises ValueError."""
        if isinstance(material, ec.EllipticCurvePrivateKey):
            return cls(material)
        if isinstance(material, Mapping):
            return cls._from_jwk(material)
        raw = material.encode() if isinstance(material, str) else material
        if raw.lstrip().startswith(b"{"):
            return cls._from_jwk(read_json(raw, dict[str, Any]))
        try:
            private = serialization.load_pem_private_key(raw, password=None)
        except (ValueError, TypeError):
            raise ValueError("the key is neither an unencrypted PEM nor a JWK") from None
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ValueError("the key is not an EC private key")
        return cls(private)

    @classmethod
    def _from_jwk(cls, jwk: Mapping[str, Any]) -> "SigningKey":
        if (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256"):
            raise ValueError("the JWK is not an EC key on P-256")
        numbers = []
        for member in ("d", "x", "y"):
            text = jwk.get(member)
            if not isinstance(text, str):
                raise ValueError("the JWK is not a whole private key")
            numbers.append(int.from_bytes(b64url_bytes(text), "big"))
        public = ec.EllipticCurvePublicNumbers(numbers[1], numbers[2], ec.SECP256R1())
        try:
            private = ec.EllipticCurvePrivateNumbers(numbers[0], public).private_key()
        except ValueError:
            raise ValueError("the JWK does not hold a key pair") from None
        key_id = jwk.get("kid")
        return cls(private, key_id if isinstance(key_id, str) else None)

    @classmethod
    def new(cls) -> "SigningKey":
        """Make a new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    def pem(self) -> str:
        """The private key as PEM, for a store. Each call of this is a line that a reviewer reads."""
        return self._private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode("ascii")

    def thumbprint(self) -> str:
        """The RFC 7638 thumbprint of the public key, base64url."""
        return b64url_text(hashlib.sha256(canonical(self.public_jwk)).digest())

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """A compact JWS over *claims* (RFC 7515 §3.1), ES256."""
        parts = [b64url_text(msgspec.json.encode(part)) for part in ({"alg": "ES256", **header}, claims)]
        signed = ".".join(parts)
        r, s = decode_dss_signature(self._private.sign(signed.encode("ascii"), ec.ECDSA(hashes.SHA256())))
        # JWS wants both numbers at full width, not the DER of X.509 (RFC 7518 §3.4).
        signature = r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")
        return f"{signed}.{b64url_text(signature)}"

    def __repr__(self) -> str:
        return "SigningKey(…)"


def is_signed_es256(token: str, jwk: Mapping[str, Any]) -> bool:
    """Answer whether *jwk* (a public EC P-256 key) made the signature of the compact JWS *token* (RFC 7515 §5.2)."""
    signed, _, signature = token.rpartition(".")
    try:
        octets = b64url_bytes(signature)
        x, y = (b64url_bytes(jwk[axis]) for axis in ("x", "y"))
        if (jwk.get("kty"), jwk.get("crv")) != ("EC", "P-256") or len(octets) != 2 * _COORDINATE:
            return False
        public = ec.EllipticCurvePublicNumbers(
            int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
        ).public_key()
        r, s = (int.from_bytes(half, "big") for half in (octets[:_COORDINATE], octets[_COORDINATE:]))
        public.verify(encode_dss_signature(r, s), signed.encode("ascii"), ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError, TypeError, KeyError):
        return False
    return True


def deletion_statement(
    key: SigningKey,
    *,
    client_id: str,
    issuer: str,
    grant_id: str,
    scope: str,
    deleted_at: int,
    at: int,
    attributes: Sequence[str] = (),
) -> str:
    """State that what was received under a permission is gone, of *attributes* or of all. Times in whole seconds."""
    header = {"typ": "deletion-statement+jwt"} | ({"kid": key.key_id} if key.key_id else {})
    claims = {
        "iss": client_id,
        "aud": issuer,
        "iat": at,
        "grant_id": grant_id,
        "scope": scope,
        "deleted_at": deleted_at,
    } | ({"attributes": sorted(set(attributes))} if attributes else {})
    return key.sign(header, claims)


def request_object(
    key: SigningKey, *, client_id: str, issuer: str, at: int, parameters: Mapping[str, Any]
) -> str:
    """Sign all of a request's *parameters* (RFC 9101 §4, FAPI 2.0 Message Signing §5.3). *at* in whole seconds."""
    header = {"typ": "oauth-authz-req+jwt"} | ({"kid": key.key_id} if key.key_id else {})
    about = {"iss": client_id, "client_id": client_id, "aud": issuer, "nbf": at, "exp": at + ASSERTION_LIFE}
    return key.sign(header, {**parameters, **about})


def client_assertion(key: SigningKey, *, client_id: str, issuer: str, at: int, jti: str) -> str:
    """Prove who asks (RFC 7523 §3). *at* in whole seconds.

    The audience is the issuer as one string (FAPI 2.0 §5.3.2.1): with the endpoint's URL, or a list, an
    assertion could be made for one server and used at another.
    """
    header = {"typ": "JWT"} | ({"kid": key.key_id} if key.key_id else {})
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": issuer,
        "iat": at,
        "exp": at + ASSERTION_LIFE,
        "jti": jti,
    }
    return key.sign(header, claims)


def dpop_proof(
    key: SigningKey, *, method: str, url: str, at: int, jti: str, token: str | None, nonce: str | None
) -> str:
    """Prove possession of the token's key for one request (RFC 9449 §4.2). *at* in whole seconds."""
    claims: dict[str, Any] = {
        "jti": jti,
        "htm": method,
        "htu": url.partition("#")[0].partition("?")[0],
        "iat": at,
    }
    if token is not None:
        claims["ath"] = b64url_text(hashlib.sha256(token.encode("ascii")).digest())
    if nonce is not None:
        claims["nonce"] = nonce
    return key.sign({"typ": "dpop+jwt", "jwk": key.public_jwk}, claims)


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636 §4.2)."""
    return b64url_text(hashlib.sha256(verifier.encode("ascii")).digest())
