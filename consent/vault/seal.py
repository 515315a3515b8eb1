"""Seal and open one value. A sealed value fits only its citizen, its attribute and its version.

    sealed = 0x01 | nonce (12) | AES-256-GCM(data key, padded(salt | value), about)

`about` (the additional data) names citizen, attribute, version and key version, each length-prefixed: an older
ciphertext of the same attribute, or another person's, does not open. Padding hides the length of short values.
"""

import struct
from functools import lru_cache

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent.words.canonical import length_prefixed
from consent.words.decision import Permit
from consent.words.secret import Secret

from .keys import NONCE_BYTES

SALT_BYTES = 32

_VERSION = b"\x01"
_NUMBERS = struct.Struct(">QQQQ")
_BUCKETS = (64, 128, 256, 512, 1024, 4096, 16384)


class SealedValue(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One version of one attribute as the database holds it. `commitment` is keyed by the salt inside the seal."""

    citizen: str
    name: str
    version: int
    key_version: int
    sealed: bytes
    commitment: bytes
    source: str
    as_of: str
    created_at: int
    removed: bool = False  # the newest version says that she has none any more


class OpenedValue(msgspec.Struct, frozen=True):
    """The salt (32 bytes) and the value (canonical JSON bytes) that were sealed together."""

    salt: bytes
    value: bytes


class NotPermitted(Exception):
    """Somebody tried to open a value without a Permit for it: a programming error, never a user's."""


def seal(
    *,
    data_key: Secret,
    citizen: str,
    name: str,
    version: int,
    key_version: int,
    salt: bytes,
    value: bytes,
    nonce: bytes,
) -> bytes:
    """Seal *value* with its *salt* (32 bytes) under the citizen's data key; *nonce* is 12 fresh random bytes."""
    if len(salt) != SALT_BYTES or len(nonce) != NONCE_BYTES:
        raise ValueError("a salt is 32 bytes and a nonce 12 bytes long")
    about = _about(citizen, name, version, key_version)
    return _VERSION + nonce + AESGCM(data_key.reveal()).encrypt(nonce, _pad(salt + value), about)


def open_sealed(permit: Permit, sealed: SealedValue, *, cipher: AESGCM) -> OpenedValue:
    """Open one value. *cipher* holds the citizen's data key (made once for several values).

    Raises NotPermitted without a Permit for this citizen and attribute, and InvalidTag when the bytes were altered
    or belong to another citizen, attribute or version.
    """
    if permit.citizen != sealed.citizen or sealed.name not in permit.attributes:
        raise NotPermitted
    body = sealed.sealed
    if body[:1] != _VERSION:
        raise InvalidTag
    about = _about(sealed.citizen, sealed.name, sealed.version, sealed.key_version)
    padded = cipher.decrypt(body[1 : 1 + NONCE_BYTES], body[1 + NONCE_BYTES :], about)
    end = 4 + int.from_bytes(padded[:4], "big")
    return OpenedValue(padded[4 : 4 + SALT_BYTES], padded[4 + SALT_BYTES : end])


def _about(citizen: str, name: str, version: int, key_version: int) -> bytes:
    # Five length-prefixed parts; several values of one citizen are opened together, so the first parts are kept.
    return _owner(citizen) + _named(name) + _NUMBERS.pack(8, version, 8, key_version)


@lru_cache(maxsize=1024)
def _owner(citizen: str) -> bytes:
    return length_prefixed(b"consent/v1/value", citizen.encode())


@lru_cache(maxsize=256)
def _named(name: str) -> bytes:
    return length_prefixed(name.encode())


def _pad(plain: bytes) -> bytes:
    """Length (4 bytes) and zeros up to the next bucket."""
    need = 4 + len(plain)
    size = next((bucket for bucket in _BUCKETS if bucket >= need), None)
    if size is None:
        raise ValueError("a value is at most 16 kB")
    return len(plain).to_bytes(4, "big") + plain + bytes(size - need)
