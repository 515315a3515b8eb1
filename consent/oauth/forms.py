"""Reads forms and queries strictly, so that two readers can never see two different requests.

A parameter that occurs twice, a half percent-code or a NUL is refused and not guessed at: a proxy and we
would guess differently.
"""

import re
from urllib.parse import unquote_to_bytes

from consent.words.errors import InvalidRequest

FORM_TYPE = "application/x-www-form-urlencoded"
FORM_LIMIT = 64 * 1024  # bytes of one body
QUERY_LIMIT = 16 * 1024  # bytes of one query
FIELD_LIMIT = 64  # parameters in one request

# Printable ASCII without white space: everything else travels percent-encoded.
_ENCODED = re.compile(rb"[!-$&-~]*(?:%[0-9A-Fa-f]{2}[!-$&-~]*)*")


def is_form(content_type: str | None) -> bool:
    """Answer whether a Content-Type header announces a form (RFC 6749 §3.2 and appendix B)."""
    return content_type is not None and content_type.partition(";")[0].strip().lower() == FORM_TYPE


def parse_form(body: bytes, *, limit: int = FORM_LIMIT) -> dict[str, str]:
    """Read a form body of at most *limit* bytes into name → value (RFC 6749 §3.2 and appendix B).

    A parameter without a value counts as absent (RFC 6749 §3.1). Only `resource` may occur more than once (RFC 8707
    §2): its values stand in one text, with spaces between, which no URI holds. Raises InvalidRequest when another
    parameter occurs twice (§3.1, §3.2), when the encoding is broken, or when there is too much.
    """
    return _parse(body, limit)


def parse_query(query: bytes, *, limit: int = QUERY_LIMIT) -> dict[str, str]:
    """Read the query of a URL (the bytes after "?") by the same rules as a form. Raises InvalidRequest."""
    return _parse(query, limit)


def _parse(encoded: bytes, limit: int) -> dict[str, str]:
    if len(encoded) > limit:
        raise InvalidRequest("the parameters are too long")
    if not _ENCODED.fullmatch(encoded):
        raise InvalidRequest("the parameters are not form-urlencoded")
    if encoded.count(b"&") >= FIELD_LIMIT:
        raise InvalidRequest("there are too many parameters")
    seen: set[str] = set()
    found: dict[str, str] = {}
    for pair in encoded.split(b"&"):
        if not pair:
            continue
        raw_name, _, raw_value = pair.partition(b"=")
        name, value = _text(raw_name), _text(raw_value)
        if not name:
            raise InvalidRequest("a parameter has no name")
        if name == "resource":
            value = f"{found.get(name, '')} {value}".strip()
        elif name in seen:  # also when one of the two is empty: that is still twice
            raise InvalidRequest("a parameter occurs more than once")
        seen.add(name)
        if value:
            found[name] = value
    return found


def _text(encoded: bytes) -> str:
    if b"%" not in encoded and b"+" not in encoded:
        return encoded.decode("ascii")  # `_ENCODED` let nothing else through, and no NUL
    try:
        text = unquote_to_bytes(encoded.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest("a parameter is not UTF-8") from None
    if "\x00" in text:
        raise InvalidRequest("a parameter contains NUL")
    return text
