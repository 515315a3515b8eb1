"""One entry of the log: 152 bytes that look random, and the keys and texts that open it.

A leaf holds a nonce and four keyed commitments: about whom, under which grant, what an auditor reads (the
record A) and what only the citizen and the organisation read (the detail D). Whoever lacks the keys sees
neither person, nor kind of event, nor time. Destroying the keys makes the leaf mute and leaves every proof
valid.

All commitments are HMAC-SHA-256 (RFC 2104, FIPS 180-4) under 32-byte keys. The table is in
docs/reference/ledger.md.
"""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent.ledger.errors import LedgerError
from consent.words.canonical import length_prefixed
from consent.words.keyed import tag, tags

MAGIC = b"CLg\x01"
KIND_EVENT = 0
KIND_CONTROL = 1
NONCE_BYTES = 16
KEY_BYTES = 32
LEAF_BYTES = 152
# A bundle gives each entry a 16-bit length (C2SP tlog-tiles, "Log entries").
MAX_ENTRY_BYTES = 65_535

_EVENT_HEADER = MAGIC + bytes([KIND_EVENT, 0, 0, 0])
_CONTROL_HEADER = MAGIC + bytes([KIND_CONTROL, 0, 0, 0])
_NO_TAG = bytes(32)
# Version 1 binds no citizen's public key: the place is kept, and filled with zeros.
_SUBJECT = b"subject\0" + bytes(32)
_SEAL_VERSION = b"\x01"
_GCM_NONCE_BYTES = 12
_GCM_TAG_BYTES = 16


class SubjectKeys(msgspec.Struct, frozen=True):
    """The three keys of one citizen in one log, 32 bytes each. Only `scan` can be handed out: it finds and
    opens nothing.
    """

    scan: bytes
    consent: bytes
    detail: bytes

    def __repr__(self) -> str:
        return "SubjectKeys(…)"


class Opening(msgspec.Struct, frozen=True):
    """What opens one leaf: without the detail for an auditor, with it for citizen and organisation."""

    index: int
    consent_key: bytes
    audit_key: bytes
    record: bytes
    detail_key: bytes | None = None
    detail: bytes | None = None

    def __repr__(self) -> str:
        return f"Opening(index={self.index}, …)"


class Entry(msgspec.Struct, frozen=True):
    """A new event entry: the leaf for the log, and all that opens it, to be stored beside the log."""

    leaf: bytes
    nonce: bytes
    consent_key: bytes
    audit_key: bytes
    record: bytes
    detail_key: bytes
    detail: bytes

    def __repr__(self) -> str:
        return "Entry(…)"


def subject_keys(subject_key: bytes, origin: str) -> SubjectKeys:
    """Derive a citizen's keys for the log *origin* from her 32-byte subject key; logs stay unlinkable without
    it.

    Raises LedgerError when the subject key is not 32 bytes.
    """
    _check_key(subject_key)
    name = origin.encode()
    return SubjectKeys(
        scan=tag(subject_key, b"scan/v1 " + name),
        consent=tag(subject_key, b"consent/v1 " + name),
        detail=tag(subject_key, b"detail/v1 " + name),
    )


def consent_key(keys: SubjectKeys, grant_nonce: bytes) -> bytes:
    """The key of one grant (K_c): all entries under that grant open with it, and no other entry does."""
    return tag(keys.consent, grant_nonce)


def detail_key(keys: SubjectKeys, nonce: bytes) -> bytes:
    """The key of one entry's detail (d_i): it also keys the commitments to values inside that detail."""
    return tag(keys.detail, nonce)


def event_entry(
    *,
    keys: SubjectKeys,
    nonce: bytes,
    grant_nonce: bytes,
    audit_key: bytes,
    record: bytes,
    detail_key: bytes,
    detail: bytes,
) -> Entry:
    """Make the entry of one event (kind 00).

    *nonce* is 16 fresh random bytes, *audit_key* 32, *detail_key* what `detail_key` makes of *keys* and *nonce*: it was
    needed before, to make the detail. *grant_nonce* is the nonce of the grant's own entry; an
    entry that begins a grant, or belongs to none, passes its own nonce. *record* and *detail* are canonical
    JSON. Raises LedgerError on a wrong length.
    """
    if len(nonce) != NONCE_BYTES or len(grant_nonce) != NONCE_BYTES:
        raise LedgerError("a nonce is 16 bytes")
    _check_key(audit_key)
    _check_key(detail_key)
    grant_key = consent_key(keys, grant_nonce)
    leaf = (
        _EVENT_HEADER
        + nonce
        + tag(tag(keys.scan, nonce), _SUBJECT)
        + tag(grant_key, b"consent\0" + nonce)
        + tag(audit_key, b"audit\0" + record)
        + tag(detail_key, b"detail\0" + detail)
    )
    return Entry(leaf, nonce, grant_key, audit_key, record, detail_key, detail)


def control_entry(nonce: bytes, body: bytes) -> bytes:
    """Make a control leaf (kind 01): *body*, public canonical JSON about the log itself, never about a
    person.

    The same header, three empty tags, the SHA-256 of the body in the place of the audit commitment, then the
    body from offset 152. Raises LedgerError when the nonce is not 16 bytes or the leaf would not fit a
    bundle.
    """
    if len(nonce) != NONCE_BYTES:
        raise LedgerError("a nonce is 16 bytes")
    if not body or LEAF_BYTES + len(body) > MAX_ENTRY_BYTES:
        raise LedgerError("a control body is empty or does not fit an entry")
    return _CONTROL_HEADER + nonce + _NO_TAG + _NO_TAG + sha256(body).digest() + _NO_TAG + body


def is_control(leaf: bytes) -> bool:
    """Answer whether *leaf* is a control entry. Raises LedgerError when it is no leaf of version 1 at all."""
    check_leaf(leaf)
    return leaf[4] == KIND_CONTROL


def check_leaf(leaf: bytes) -> None:
    """Check that *leaf* has the form of version 1; raises LedgerError with the rule that it breaks."""
    if len(leaf) < LEAF_BYTES or leaf[:4] != MAGIC:
        raise LedgerError("not a leaf of version 1")
    if leaf[5:8] != bytes(3):
        raise LedgerError("the reserved bytes of a leaf are zero")
    if leaf[4] == KIND_EVENT:
        if len(leaf) != LEAF_BYTES:
            raise LedgerError("an event leaf has 152 bytes")
    elif leaf[4] == KIND_CONTROL:
        if leaf[24:88] != bytes(64) or leaf[120:152] != _NO_TAG:
            raise LedgerError("the tags of a control leaf are zero")
        if (
            len(leaf) == LEAF_BYTES
            or len(leaf) > MAX_ENTRY_BYTES
            or sha256(leaf[152:]).digest() != leaf[88:120]
        ):
            raise LedgerError("a control leaf carries another body than it commits to")
    else:
        raise LedgerError("a leaf is an event or a control entry")


def nonce_of(leaf: bytes) -> bytes:
    """The 16-byte nonce of a leaf; a log never repeats one."""
    return leaf[8:24]


def entry_secret(scan_key: bytes, leaf: bytes) -> bytes:
    """What recognises one entry (s_i): shown to somebody, it says whose this entry is, and nothing of any other."""
    return tag(scan_key, nonce_of(leaf))


def is_about(scan_key: bytes, leaf: bytes) -> bool:
    """Answer whether *leaf* was written under the subject key that *scan_key* comes from.

    This is how a citizen finds all her entries in the public log, also one that the pages would hide.
    """
    if leaf[4:5] != b"\0" or len(leaf) != LEAF_BYTES:
        return False
    return tag(entry_secret(scan_key, leaf), _SUBJECT) == leaf[24:56]


def check_opening(opening: Opening, leaf: bytes) -> None:
    """Check that *opening* opens *leaf*: grant, record and, when it is there, detail. Raises LedgerError.

    What the record says is not judged here; that its `i` and `o` match is for who knows the index and the
    log.
    """
    check_leaf(leaf)
    if leaf[4] != KIND_EVENT:
        raise LedgerError("a control entry is public and has no opening")
    if tag(opening.consent_key, b"consent\0" + leaf[8:24]) != leaf[56:88]:
        raise LedgerError("the consent key does not open this leaf")
    if tag(opening.audit_key, b"audit\0" + opening.record) != leaf[88:120]:
        raise LedgerError("the record is not the one that this leaf commits to")
    if (opening.detail_key is None) != (opening.detail is None):
        raise LedgerError("a detail comes with its key")
    if (
        opening.detail_key is not None
        and opening.detail is not None
        and tag(opening.detail_key, b"detail\0" + opening.detail) != leaf[120:152]
    ):
        raise LedgerError("the detail is not the one that this leaf commits to")


def opening_json(opening: Opening, *, with_detail: bool) -> dict[str, object]:
    """The opening as the wire carries it: `{"i","kc","a","A"}`, with the detail also `"d","D"`.

    Keys are standard base64; A and D are the exact JSON texts that were hashed, as strings.
    Raises LedgerError when the detail is asked for and no longer there (after erasure).
    """
    line: dict[str, object] = {
        "i": opening.index,
        "kc": b64encode(opening.consent_key).decode(),
        "a": b64encode(opening.audit_key).decode(),
        "A": opening.record.decode(),
    }
    if with_detail:
        if opening.detail_key is None or opening.detail is None:
            raise LedgerError("this opening has no detail")
        line["d"] = b64encode(opening.detail_key).decode()
        line["D"] = opening.detail.decode()
    return line


def seal_detail(detail_key: bytes, nonce12: bytes, detail: bytes) -> bytes:
    """Encrypt a detail for keeping beside the log: version byte, 12-byte nonce, AES-256-GCM (NIST SP
    800-38D).

    The key is derived per entry, so a nonce is used with one key once. Raises LedgerError on a wrong length.
    """
    if len(nonce12) != _GCM_NONCE_BYTES:
        raise LedgerError("a sealing nonce is 12 bytes")
    return _SEAL_VERSION + nonce12 + _detail_cipher(detail_key).encrypt(nonce12, detail, _SEAL_VERSION)


def open_detail(detail_key: bytes, sealed: bytes) -> bytes:
    """Decrypt what `seal_detail` made. Raises LedgerError for another key, a changed byte or an unknown
    version.
    """
    if sealed[:1] != _SEAL_VERSION or len(sealed) < 1 + _GCM_NONCE_BYTES + _GCM_TAG_BYTES:
        raise LedgerError("a sealed detail has an unknown form")
    try:
        return _detail_cipher(detail_key).decrypt(sealed[1:13], sealed[13:], _SEAL_VERSION)
    except InvalidTag:
        raise LedgerError("a sealed detail does not open with this key") from None


def value_commitment(*, salt: bytes, name: str, version: int, value: bytes) -> bytes:
    """Commit to one stored value (vc): kept in the clear beside it; the 32-byte *salt* is sealed with the
    value.

    *version* counts the values of this attribute. Raises LedgerError when the salt is not 32 bytes: a shorter
    one would let a reader try all likely values.
    """
    _check_key(salt)
    return tag(salt, length_prefixed(name.encode(), version.to_bytes(8, "big"), value))


def disclosed_commitments(detail_key: bytes, commitments: Iterable[bytes]) -> list[bytes]:
    """What the detail says about each disclosed value: HMAC(d_i, vc), different in every entry for the same value."""
    return tags(detail_key, commitments)


def _detail_cipher(detail_key: bytes) -> AESGCM:
    _check_key(detail_key)
    return AESGCM(tag(detail_key, b"enc"))


def _check_key(key: bytes) -> None:
    # A key of any other length would weaken the commitment's binding: HMAC pads short keys and hashes long
    # ones.
    if len(key) != KEY_BYTES:
        raise LedgerError("a key or salt is 32 bytes")
