"""What a token for batches says: that its client may ask under many of its grants in one request (RFC 9396).

The operator has to approve a client for it. The token opens batches and nothing else, and holds no rights of its own:
each item is decided by its own grant, as it would be alone.
"""

from typing import Any

import msgspec

from consent.oauth.par import ACCESS_TOKEN_LIFE
from consent.words.errors import InvalidAuthorizationDetails

BATCH_TYPE_PATH = "/types/batch_disclosure/v1"
BATCH_TOKEN_LIFE = ACCESS_TOKEN_LIFE // 2  # microseconds: it opens more than any other token
MOST_ITEMS = 100  # in one request: more would keep a withdrawal waiting

_LIMIT = 8 * 1024  # bytes of JSON; ours are less than a hundred


class _Detail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: str


def batch_type(issuer: str) -> str:
    """What batches are called on the wire: an address of ours, so nobody else's (RFC 9396 §2)."""
    return issuer + BATCH_TYPE_PATH


def batch_details(issuer: str) -> list[dict[str, str]]:
    """What such a token is for, as it is asked, given and shown (RFC 9396 §7, §9.2)."""
    return [{"type": batch_type(issuer)}]


def check_batch_details(text: str, *, issuer: str) -> None:
    """Check the `authorization_details` of a client that asks a token for itself: batches, and nothing beside them.

    Raises InvalidAuthorizationDetails (RFC 9396 §5).
    """
    try:
        if len(text) > _LIMIT:
            raise InvalidAuthorizationDetails("authorization_details is too large")
        details = msgspec.json.decode(text.encode(), type=list[_Detail])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        details = []
    if [detail.type for detail in details] != [batch_type(issuer)]:
        raise InvalidAuthorizationDetails(
            f"a client's own token is for one object with nothing but the type {batch_type(issuer)}; "
            "to ask a citizen, push a request"
        )


def batch_schema(issuer: str) -> dict[str, Any]:
    """The form of that element of `authorization_details` as JSON Schema (RFC 9396 §2.1)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": batch_type(issuer),
        "title": "A client's own token, to ask under many of its grants in one request",
        "type": "object",
        "properties": {"type": {"const": batch_type(issuer)}},
        "required": ["type"],
        "additionalProperties": False,
    }
