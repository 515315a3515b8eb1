"""Base64 and JSON as the formats demand them: one spelling for each value, and errors that quote nothing."""

import base64
import binascii
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_CANONICAL = msgspec.json.Encoder(order="sorted")


def b64_bytes(text: str, *, length: int | None = None) -> bytes:
    """Decode standard base64 (RFC 4648 §4), of *length* bytes if given.

    Raises ValueError for any other spelling: two spellings of one proof would be two proofs.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if base64.b64encode(raw).decode("ascii") != text:
        raise ValueError("not the canonical base64")
    if length is not None and len(raw) != length:
        raise ValueError("wrong number of bytes")
    return raw


def b64url_text(raw: bytes) -> str:
    """Encode *raw* as base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def b64url_bytes(text: str) -> bytes:
    """Decode base64url without padding. Raises ValueError."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64url") from None
    return raw


def canonical(structure: Any) -> bytes:
    """The canonical JSON of *structure*: sorted keys, no white space, UTF-8 (RFC 8785 for our values)."""
    return _CANONICAL.encode(structure)


def canonical_record(text: str) -> dict[str, Any]:
    """Read a hashed JSON object, and insist that it is canonical.

    A record with a key twice could be read in two ways by two readers, both with the right hash.
    Raises ValueError.
    """
    raw = text.encode("utf-8")
    record = read_json(raw, dict[str, Any])
    if canonical(record) != raw:
        raise ValueError("not canonical JSON")
    return record


def read_json(raw: bytes, shape: type[T]) -> T:
    """Decode *raw* to *shape*. Raises ValueError; msgspec's own message could quote a value."""
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ValueError("not the expected JSON") from None
