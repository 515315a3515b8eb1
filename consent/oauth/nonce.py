"""Nonces for DPoP proofs: a proof that holds one was made lately, and not in store (RFC 9449 §8, §9, §11.2).

A nonce is its own instant with a seal over it. Nothing is kept, so every process and every restart knows them.
"""

import hashlib
import hmac
from collections.abc import Sequence

from consent.oauth import base64url
from consent.words.errors import UseDpopNonce
from consent.words.instants import SECOND, seconds

# Microseconds. A new one goes along with an answer while the old one still works, so that few requests fail for it.
LIFE = 300 * SECOND
AGING = 120 * SECOND
AHEAD = 30 * SECOND  # another process made it, whose clock is ahead of ours

_TIME, _SEAL = 8, 16  # octets
_LENGTH = 32  # characters


def make_nonce(keys: Sequence[bytes], *, at: int) -> str:
    """The nonce of this second, sealed with the first of *keys*."""
    moment = seconds(at).to_bytes(_TIME, "big")
    return base64url.encode(moment + _seal(keys[0], moment))


def check_nonce(nonce: str | None, keys: Sequence[bytes], *, at: int) -> None:
    """Check the nonce of a proof: one of ours, and not old.

    Raises UseDpopNonce, which brings one along: the same request with a new proof will do.
    """
    age = _age(nonce, keys, at=at)
    if age is None or not -AHEAD <= age < LIFE:
        raise UseDpopNonce("put the nonce of DPoP-Nonce into the proof", make_nonce(keys, at=at))


def next_nonce(nonce: str | None, keys: Sequence[bytes], *, at: int) -> str | None:
    """A new nonce for whoever came with a good one that gets old (RFC 9449 §8.2); None when it is not time yet."""
    age = _age(nonce, keys, at=at)
    return make_nonce(keys, at=at) if age is not None and age >= AGING else None


def _age(nonce: str | None, keys: Sequence[bytes], *, at: int) -> int | None:
    if nonce is None or len(nonce) != _LENGTH or not nonce.isascii():
        return None
    try:
        octets = base64url.decode(nonce.encode("ascii"))
    except ValueError:
        return None
    moment, seal = octets[:_TIME], octets[_TIME:]
    if not any(hmac.compare_digest(seal, _seal(key, moment)) for key in keys):
        return None
    return at - int.from_bytes(moment, "big") * SECOND


def _seal(key: bytes, moment: bytes) -> bytes:
    return hmac.digest(key, moment, hashlib.sha256)[:_SEAL]
