"""The keys of one citizen, wrapped under a ring of versioned key-encryption keys.

    ring key (file, 0600) ── wraps ──> data key     seals her values
                          └─ wraps ──> subject key  derives every tag of hers in the log, and her pairwise ids

Erasure is forgetting: when the wrapped keys are gone, sealed values cannot be opened and her entries cannot be
linked. New keys are arguments: rooms below the acts are pure. Source: NIST SP 800-38D (AES-GCM).
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent.words.canonical import length_prefixed
from consent.words.errors import Misconfigured
from consent.words.keyed import tag
from consent.words.secret import Secret

KEY_BYTES = 32
NONCE_BYTES = 12

_VERSION = b"\x01"


class WrappedKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What the database holds of a citizen's keys. `version` grows when her data key is renewed."""

    citizen: str
    version: int
    ring_key: str
    data_key: bytes
    subject_key: bytes
    bucket: int = 1  # whose log has what is written about her


class CitizenKeys(msgspec.Struct, frozen=True, kw_only=True):
    """Her keys, unwrapped: in memory only."""

    version: int
    data: Secret
    subject: Secret


class KeyRing:
    """Key-encryption keys by id; the current one wraps, all of them unwrap."""

    def __init__(self, keys: Mapping[str, Secret], *, current: str) -> None:
        """*keys* maps ring key ids to 32-byte secrets. Raises Misconfigured when the current one is missing."""
        if current not in keys:
            raise Misconfigured("the current key of the ring is missing")
        if any(len(key.reveal()) != KEY_BYTES for key in keys.values()):
            raise Misconfigured("a key of the ring is not 32 bytes long")
        self.current = current
        self._ciphers = {key_id: AESGCM(key.reveal()) for key_id, key in keys.items()}

    def take(self, ring: "KeyRing") -> None:
        """Wrap with the current key of *ring* from now on. What was known stays: a lost file stops nothing."""
        self.current, self._ciphers = ring.current, self._ciphers | ring._ciphers

    def wrap(
        self, *, citizen: str, data: bytes, subject: bytes, nonces: tuple[bytes, bytes], version: int = 1
    ) -> WrappedKeys:
        """Wrap keys (32 bytes each) of *citizen*, with two fresh 12-byte nonces."""
        if len(data) != KEY_BYTES or len(subject) != KEY_BYTES:
            raise ValueError("a citizen's key is 32 bytes long")
        return WrappedKeys(
            citizen=citizen,
            version=version,
            ring_key=self.current,
            data_key=self._wrap(data, nonces[0], _about("data", citizen, version)),
            subject_key=self._wrap(subject, nonces[1], _about("subject", citizen, version)),
        )

    def unwrap(self, wrapped: WrappedKeys) -> CitizenKeys:
        """Open a citizen's keys. Raises Misconfigured when the ring lacks the key or the bytes were altered."""
        cipher = self._ciphers.get(wrapped.ring_key)
        if cipher is None:
            raise Misconfigured("the key ring lacks a key that is still in use")
        citizen, version = wrapped.citizen, wrapped.version
        try:
            data = _unwrap(cipher, wrapped.data_key, _about("data", citizen, version))
            subject = _unwrap(cipher, wrapped.subject_key, _about("subject", citizen, version))
        except InvalidTag:
            raise Misconfigured("a wrapped key does not open with its ring key") from None
        return CitizenKeys(version=version, data=Secret(data), subject=Secret(subject))

    def _wrap(self, key: bytes, nonce: bytes, about: bytes) -> bytes:
        return _VERSION + nonce + self._ciphers[self.current].encrypt(nonce, key, about)


def _unwrap(cipher: AESGCM, sealed: bytes, about: bytes) -> bytes:
    if sealed[:1] != _VERSION:
        raise InvalidTag
    return cipher.decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], about)


def _about(which: str, citizen: str, version: int) -> bytes:
    return length_prefixed(b"consent/v1/key", which.encode(), citizen.encode(), version.to_bytes(8, "big"))


def pairwise_id(subject_key: Secret, organisation: str) -> str:
    """Her name at one organisation (`sub`): stable there, unlinkable elsewhere, gone when her key is gone.

    22 characters, base64url of 128 bits. OpenID Connect Core §8.1 (pairwise identifiers).
    """
    hashed = tag(subject_key.reveal(), _at(organisation))
    return urlsafe_b64encode(hashed[:16]).rstrip(b"=").decode()


@lru_cache(maxsize=1024)
def _at(organisation: str) -> bytes:
    return length_prefixed(b"pairwise/v1", organisation.encode())


def erasure_code(subject_key: Secret) -> str:
    """With this she looks up her erasure, also when nobody knows any more whose it was; gone from here with her key."""
    return urlsafe_b64encode(tag(subject_key.reveal(), b"erasure/v1")[:16]).rstrip(b"=").decode()


def page_key(subject_key: Secret) -> bytes:
    """The key under which a shown page is hashed between showing and answering."""
    return tag(subject_key.reveal(), b"page/v1")
