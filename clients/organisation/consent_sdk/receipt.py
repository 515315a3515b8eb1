"""Checks a receipt from the bytes up, before anybody sees the data: one check a function, each with a name.

A disclosure comes with its log entry (152 bytes that look random), what opens it, and a proof that it stands
in the signed log. What must hold: the entry is in the log; it commits to exactly these records; the records
say what was asked, by whom, for what, about whom; and each value is the one that was committed to.
All HMACs are HMAC-SHA-256. Failing raises ProofError with the name of the check and never a value.
"""

import hmac
from typing import Any, NoReturn, TypeGuard

import msgspec

from .answers import Attribute, Entry
from .encoding import b64_bytes, canonical, canonical_record
from .errors import ProofError
from .merkle import is_included
from .note import Checkpoint, InclusionProof

LEAF_BYTES = 152
CLOCK_SKEW = 300  # seconds between their clock and ours
_HEADER = b"CLg\x01" + b"\x00" + b"\x00\x00\x00"  # magic, kind "event", three zero bytes


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What the caller knows without the receipt: what was asked, and what earlier receipts fixed.

    `organisation`, `consent_key` and `grant_index` are None until a first receipt was accepted. `asked_at`
    (whole seconds) is None when the request may be a repeat, for then the entry may be old.
    """

    purpose: str
    attributes: frozenset[str]
    sub: str
    now: int
    asked_at: int | None
    organisation: str | None = None
    consent_key: str | None = None
    grant_index: int | None = None


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an accepted entry that later entries of the same grant have to agree with."""

    organisation: str
    consent_key: str
    grant_index: int
    attributes: frozenset[str]


def check_entry(entry: Entry, proof: InclusionProof, checkpoint: Checkpoint, expected: Expected) -> Opened:
    """Check that *entry* stands in the log under *checkpoint* and records this disclosure. Raises ProofError.

    *checkpoint* has been verified already, and is the one inside *proof*.
    """
    leaf = _leaf(entry)
    if not is_included(leaf, proof.index, checkpoint.size, proof.path, checkpoint.root):
        _fail("inclusion", "the entry is not in the log at that index")
    if entry.opening.i != proof.index:
        _fail("index", "the opening is of another index")
    _check_consent_tag(leaf, entry, expected)
    record = _audit_record(leaf, entry)
    return _check_record(record, entry, checkpoint, expected)


def check_values(entry: Entry, values: dict[str, Attribute], opened: Opened, *, sub: str) -> None:
    """Check that *values* are exactly the ones that *entry* commits to, about *sub*. Raises ProofError."""
    key, detail = _detail(entry)
    if detail.get("sub") != sub:
        _fail("subject", "the entry is about somebody else")
    committed = _committed(detail)
    if set(values) != opened.attributes or set(committed) != opened.attributes:
        _fail("attributes", "the data and the records do not name the same attributes")
    for name, attribute in values.items():
        version, tag = committed[name]
        found = _mac(key, _value_commitment(name, version, attribute))
        if not hmac.compare_digest(found, tag):
            _fail("value", "a value is not the one that the log commits to")


def _leaf(entry: Entry) -> bytes:
    leaf = _bytes(entry.leaf, LEAF_BYTES, "leaf")
    if leaf[: len(_HEADER)] != _HEADER:
        _fail("leaf", "the entry is not an event of version 1")
    return leaf


def _nonce(leaf: bytes) -> bytes:
    return leaf[8:24]


def _check_consent_tag(leaf: bytes, entry: Entry, expected: Expected) -> None:
    key = _bytes(entry.opening.kc, 32, "consent_tag")
    if not hmac.compare_digest(_mac(key, b"consent\x00" + _nonce(leaf)), leaf[56:88]):
        _fail("consent_tag", "the key does not open the tag of the permission")
    # One permission has one key for all its entries: another key means somebody else's permission was used.
    if expected.consent_key is not None and not hmac.compare_digest(entry.opening.kc, expected.consent_key):
        _fail("same_consent", "the entry belongs to another permission than earlier ones")


def _audit_record(leaf: bytes, entry: Entry) -> dict[str, Any]:
    key = _bytes(entry.opening.a, 32, "audit_commit")
    if not hmac.compare_digest(_mac(key, b"audit\x00" + entry.opening.audit.encode()), leaf[88:120]):
        _fail("audit_commit", "the audit record is not the one that the entry commits to")
    return _record(entry.opening.audit, "audit_record")


def _check_record(record: dict[str, Any], entry: Entry, checkpoint: Checkpoint, expected: Expected) -> Opened:
    if record.get("v") != 1 or record.get("sig") != "none":
        _fail("audit_record", "the audit record is not of version 1")
    if record.get("o") != checkpoint.origin:
        _fail("origin", "the audit record is of another log")
    if record.get("i") != entry.opening.i:
        _fail("index", "the audit record is of another index")
    if record.get("ev") != "disclosed":
        _fail("event", "the entry does not record a disclosure")
    organisation = record.get("org")
    if not isinstance(organisation, str) or expected.organisation not in (None, organisation):
        _fail("organisation", "the entry names another organisation")
    if record.get("purpose") != expected.purpose and not _was_of_earlier_words(record, expected):
        _fail("purpose", "the entry names another purpose")
    names = record.get("attributes")
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        _fail("attributes", "the entry names no attributes")
    if sorted(set(names)) != names or not set(names) <= expected.attributes:
        _fail("attributes", "the entry names other attributes than were asked")
    grant_index = record.get("c")
    if not _is_count(grant_index) or not 0 <= grant_index < entry.opening.i:
        _fail("grant", "the entry does not follow a permission in the log")
    if expected.grant_index not in (None, grant_index):
        _fail("grant", "the entry points at another permission than earlier ones")
    _check_time(record, expected)
    return Opened(
        organisation=organisation,
        consent_key=entry.opening.kc,
        grant_index=grant_index,
        attributes=frozenset(names),
    )


def _check_time(record: dict[str, Any], expected: Expected) -> None:
    at = record.get("t")
    if not _is_count(at) or at > expected.now + CLOCK_SKEW:
        _fail("time", "the entry is from the future")
    if expected.asked_at is not None and at < expected.asked_at - CLOCK_SKEW:
        _fail("time", "the entry is older than the question")
    # Half-open, as everywhere: at the instant of expiry the answer was already no.
    opens, ends = record.get("nbf", at), record.get("exp", at + 1)
    if not _is_count(opens) or not _is_count(ends) or not opens <= at < ends:
        _fail("time", "the permission did not run at that time")


def _detail(entry: Entry) -> tuple[bytes, dict[str, Any]]:
    if entry.opening.d is None or entry.opening.detail is None:
        _fail("detail_commit", "the detail is missing")
    key = _bytes(entry.opening.d, 32, "detail_commit")
    leaf = _leaf(entry)
    if not hmac.compare_digest(_mac(key, b"detail\x00" + entry.opening.detail.encode()), leaf[120:152]):
        _fail("detail_commit", "the detail is not the one that the entry commits to")
    return key, _record(entry.opening.detail, "detail")


def _committed(detail: dict[str, Any]) -> dict[str, tuple[int, bytes]]:
    rows = detail.get("values")
    committed: dict[str, tuple[int, bytes]] = {}
    if not isinstance(rows, list):
        _fail("detail", "the detail commits to no values")
    for row in rows:
        if not isinstance(row, list) or len(row) != 3:
            _fail("detail", "a value is committed to in another form")
        name, version, tag = row
        if (
            not isinstance(name, str)
            or name in committed
            or not _is_count(version)
            or not isinstance(tag, str)
        ):
            _fail("detail", "a value is committed to in another form")
        committed[name] = (version, _bytes(tag, 32, "detail"))
    return committed


def _value_commitment(name: str, version: int, attribute: Attribute) -> bytes:
    salt = _bytes(attribute.salt, None, "value")
    if len(salt) < 16:
        _fail("value", "a salt is too short")
    parts = (name.encode(), version.to_bytes(8, "big"), canonical(attribute.value))
    # Each part after its length, so that no two different triples give the same bytes.
    return _mac(salt, b"".join(len(part).to_bytes(8, "big") + part for part in parts))


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _is_count(number: object) -> TypeGuard[int]:
    return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 1 << 63


def _bytes(text: str, length: int | None, check: str) -> bytes:
    try:
        return b64_bytes(text, length=length)
    except ValueError:
        _fail(check, "not the base64 of the right number of bytes")


def _record(text: str, check: str) -> dict[str, Any]:
    try:
        return canonical_record(text)
    except ValueError:
        _fail(check, "not canonical JSON")


def _was_of_earlier_words(record: dict[str, Any], expected: Expected) -> bool:
    """A repeat may bring the entry of before the citizen agreed to a later version of the purpose."""
    said, name = record.get("purpose"), expected.purpose.rpartition("@")[0]
    if expected.asked_at is not None or not isinstance(said, str):
        return False
    old, _, version = said.rpartition("@")
    is_number = version.isascii() and version.isdigit() and len(version) < 10
    return old == name and is_number and int(version) < int(expected.purpose.rpartition("@")[2])


def _fail(check: str, message: str) -> NoReturn:
    raise ProofError(check, message) from None
