"""What an organisation asks, between OAuth's words (RFC 9396 `authorization_details`) and ours.

A request only names: a purpose, a version, attributes, a duration. Reasons and sentences never come in a request.
"""

from typing import Any, get_args

import msgspec

from consent.words.actors import GivenBy
from consent.words.attributes import CATALOGUE
from consent.words.errors import InvalidAuthorizationDetails
from consent.words.ids import SLUG, is_slug
from consent.words.instants import DAY, SECOND, seconds
from consent.words.purposes import Purpose, request_type

from .grant import Grant

_LIMIT = 8 * 1024  # bytes of JSON; ours are a few hundred
_MOST_VERSIONS = 1_000_000


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request in our words. `attributes` is sorted and without doubles; the duration is in days."""

    purpose: str
    purpose_version: int
    attributes: tuple[str, ...]
    duration_days: int


class _Detail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    type: str
    purpose: str
    purpose_version: int
    attributes: list[str]
    duration_days: int


def read(text: str, *, issuer: str) -> Asked:
    """Read `authorization_details` (RFC 9396 §2, §5): one element, of our type, with all its fields and no others.

    One purpose per grant, so one element. Raises InvalidAuthorizationDetails, which names the rule.
    """
    if len(text) > _LIMIT:
        raise InvalidAuthorizationDetails("authorization_details is too large")
    try:
        details = msgspec.json.decode(text.encode(), type=list[_Detail])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        # msgspec's own message can quote what was sent; ours names the form instead.
        raise InvalidAuthorizationDetails(
            "authorization_details must be a JSON array of one object with type, purpose, purpose_version, "
            "attributes and duration_days"
        ) from None
    if len(details) != 1:
        raise InvalidAuthorizationDetails("ask for one purpose at a time")
    (detail,) = details
    if detail.type != request_type(issuer):
        raise InvalidAuthorizationDetails(f"the only type here is {request_type(issuer)}")
    if not is_slug(detail.purpose) or not 1 <= detail.purpose_version <= _MOST_VERSIONS:
        raise InvalidAuthorizationDetails("purpose or purpose_version is malformed")
    if not detail.attributes or len(detail.attributes) != len(set(detail.attributes)):
        raise InvalidAuthorizationDetails("attributes must name at least one attribute, each once")
    if detail.duration_days < 1:
        raise InvalidAuthorizationDetails("duration_days must be at least 1")
    return Asked(
        purpose=detail.purpose,
        purpose_version=detail.purpose_version,
        attributes=tuple(sorted(detail.attributes)),
        duration_days=detail.duration_days,
    )


def schema(issuer: str) -> dict[str, Any]:
    """The form of one element of `authorization_details` as JSON Schema, for a developer's own checks (RFC 9396 §2.1).

    `$defs/granted` is the form in which it comes back. Which purposes there are, and what each may ask, is not in a
    form: the service checks that when it is asked.
    """
    kind = {"const": request_type(issuer)}
    purpose = {"type": "string", "pattern": f"^{SLUG}$", "description": "An approved purpose of this client."}
    version = {"type": "integer", "minimum": 1, "maximum": _MOST_VERSIONS}
    names = {
        "type": "array",
        "items": {"enum": sorted(CATALOGUE)},
        "minItems": 1,
        "uniqueItems": True,
        "description": "All that the purpose needs, and what else it may ask.",
    }
    asked = {"type": kind, "purpose": purpose, "purpose_version": version, "attributes": names}
    granted = asked | {
        "attributes": names | {"description": "What the citizen chose."},
        "grant_id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        "expires_at": {"type": "integer", "description": "Seconds since 1970."},
        "given_by": {"enum": list(get_args(GivenBy))},
    }
    days = {"type": "integer", "minimum": 1, "description": "From the request on; the purpose has a most."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": request_type(issuer),
        "title": "A request for attributes of one citizen, for one purpose",
        **_closed(asked | {"duration_days": days}),
        "$defs": {"granted": _closed(granted)},
    }


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def check(asked: Asked, purpose: Purpose | None, *, organisation: str) -> None:
    """Hold a request against what was approved; raises InvalidAuthorizationDetails.

    An unknown purpose and somebody else's purpose look alike.
    """
    if purpose is None or purpose.organisation != organisation:
        raise InvalidAuthorizationDetails(
            "this purpose is not approved for this client; GET /organisation/purposes says which are"
        )
    if any(purpose.asked(name) is None for name in asked.attributes):
        raise InvalidAuthorizationDetails(
            "an attribute is not part of this purpose; ask only for what its approved version names"
        )
    if not purpose.required <= set(asked.attributes):
        raise InvalidAuthorizationDetails("every attribute that the purpose needs must be asked")
    if asked.duration_days > purpose.maximum_days:
        raise InvalidAuthorizationDetails(
            "duration_days is longer than the purpose allows; ask for maximum_days at most"
        )


def amended(asked: Asked, grant: Grant, *, adds: bool) -> Asked:
    """What *grant* would hold after a yes: what is asked, or, when it *adds*, that and what the grant has already.

    The duration counts from the request, as always. Raises InvalidAuthorizationDetails when it would become a grant for
    something else, or go back to words that were replaced.
    """
    if asked.purpose != grant.purpose:
        raise InvalidAuthorizationDetails("a change keeps the purpose of its grant; for another one ask anew")
    if asked.purpose_version < grant.purpose_version:
        raise InvalidAuthorizationDetails("a change does not go back to an older version of the purpose")
    if not adds:
        return asked
    return msgspec.structs.replace(asked, attributes=tuple(sorted({*asked.attributes, *grant.attributes})))


def until(asked: Asked, *, at: int) -> int:
    """When a grant that is given at instant *at* ends: a whole second, in microseconds."""
    return (at + asked.duration_days * DAY) // SECOND * SECOND


def granted_details(grant: Grant, *, issuer: str) -> list[dict[str, object]]:
    """What was chosen, as the token response and introspection say it (RFC 9396 §7, §9.2).

    Only the chosen attributes: "not ticked" and "has none" look alike.
    """
    return [
        {
            "type": request_type(issuer),
            "purpose": grant.purpose,
            "purpose_version": grant.purpose_version,
            "attributes": list(grant.attributes),
            "grant_id": grant.id,
            "expires_at": seconds(grant.expires_at),
            "given_by": grant.given_by,
        }
    ]
