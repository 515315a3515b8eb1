"""The service's own signing keys: which one signs now, and which the outside sees (RFC 7517 §5).

A key is published before it is used, so that whoever keeps our key set for a while knows it in time, and stays
published after its last use, so that what it signed can still be checked. All of that follows from one instant for
each key: from when it signs.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from consent.oauth import base64url, jose
from consent.words.errors import Misconfigured
from consent.words.instants import DAY

# What a key signed is read within minutes, or when a signal arrives at last; a week leaves room for both.
RETIRED_FOR = 7 * DAY


class ServerKey(msgspec.Struct, frozen=True):
    """A private key (P-256) and from when it signs, in microseconds. It cannot be printed."""

    private: EllipticCurvePrivateKey
    active_from: int

    def __repr__(self) -> str:
        return "ServerKey(…)"


class ServerKeys:
    """All keys of the service, as they were read last. Raises Misconfigured when there is none, or one twice."""

    def __init__(self, keys: Sequence[ServerKey]) -> None:
        self._keys: list[ServerKey] = []
        self._nonce_keys: list[bytes] = []
        self.take(keys)

    def take(self, keys: Sequence[ServerKey]) -> None:
        """Use *keys* from now on: an operator made one, or took one away."""
        if not keys:
            raise Misconfigured("the service has no signing key")
        ordered = sorted(keys, key=lambda key: key.active_from)
        public_jwks([key.private for key in ordered])
        self._nonce_keys = [_nonce_key(key.private) for key in ordered]
        self._keys = ordered

    def active(self, at: int) -> EllipticCurvePrivateKey:
        """The key that signs at the instant *at* (microseconds): the newest whose time has come."""
        return self._keys[self._place(at)].private

    def active_since(self, at: int) -> int:
        """From when (microseconds) the key signs that signs at the instant *at*; 0 for the first one."""
        return self._keys[self._place(at)].active_from

    def published(self, at: int) -> list[EllipticCurvePrivateKey]:
        """The active key, then those that will be, then those whose signatures are still around."""
        place = self._place(at)
        retired = [
            key
            for key, successor in zip(self._keys[:place], self._keys[1:], strict=False)
            if at < successor.active_from + RETIRED_FOR
        ]
        return [key.private for key in [self._keys[place], *self._keys[place + 1 :], *reversed(retired)]]

    def nonce_keys(self, at: int) -> list[bytes]:
        """Secrets for nonces, the one to make them with first; each process that has the key files has the same."""
        place = self._place(at)
        return [self._nonce_keys[place], *self._nonce_keys[:place], *self._nonce_keys[place + 1 :]]

    def _place(self, at: int) -> int:
        begun = [place for place, key in enumerate(self._keys) if key.active_from <= at]
        return begun[-1] if begun else 0


def public_jwks(keys: Sequence[EllipticCurvePrivateKey | EllipticCurvePublicKey]) -> dict[str, Any]:
    """The document behind `jwks_uri`, in the order of *keys*.

    Each key is named by its own thumbprint, so a `kid` is never used twice (FAPI 2.0 §5.4.3). Raises
    Misconfigured when a key is not on P-256 or is there twice.
    """
    published = [_public_jwk(key) for key in keys]
    if len({jwk["kid"] for jwk in published}) != len(published):
        raise Misconfigured("a signing key is listed twice")
    return {"keys": published}


def _public_jwk(key: EllipticCurvePrivateKey | EllipticCurvePublicKey) -> dict[str, Any]:
    if not isinstance(key.curve, SECP256R1):
        raise Misconfigured("a signing key for ES256 is on the curve P-256")
    public = key.public_key() if isinstance(key, EllipticCurvePrivateKey) else key
    point = public.public_numbers()
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": base64url.encode(point.x.to_bytes(32, "big")),
        "y": base64url.encode(point.y.to_bytes(32, "big")),
    }
    return {**jwk, "kid": jose.thumbprint(jwk), "use": "sig", "alg": "ES256"}


def _nonce_key(key: EllipticCurvePrivateKey) -> bytes:
    # Derived and not kept in a file of its own: there is nothing to make, lose or restore (RFC 5869 §3.2 for `info`).
    secret = key.private_numbers().private_value.to_bytes(32, "big")
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"consent dpop nonce v1").derive(secret)
