"""What an organisation is told, and what it states back: security event tokens out, deletion statements in.

A security event token (RFC 8417) says *that* something about a grant changed, never why, and holds no value. It
is signed anew at each try under the same `jti`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import msgspec

from consent.oauth import jose
from consent.oauth.clients import CLOCK_SKEW
from consent.words.errors import BadInput
from consent.words.instants import HOUR, SECOND, instant, seconds

SignalEvent = Literal["ended", "amended", "corrected", "erased", "asked"]
Scope = Literal["all", "all_but_legal_duty"]
SCOPES: frozenset[str] = frozenset(get_args(Scope))

SET_TYPE = "secevent+jwt"  # RFC 8417 §2.3
SET_MEDIA = "application/secevent+jwt"  # RFC 8935 §2.1
STATEMENT_TYPE = "deletion-statement+jwt"

# One name for every ending: who ended it, and why, is hers (or the operator's) to tell.
_NAMES: dict[SignalEvent, str] = {
    "ended": "grant-ended",
    "amended": "grant-amended",
    "corrected": "value-corrected",
    "erased": "account-erased",
    "asked": "demand-made",
}
# Where another profile has an event of exactly this meaning, its name stands beside ours (OpenID RISC 1.0 §2.2).
_ALSO: dict[SignalEvent, tuple[str, ...]] = {
    "erased": ("https://schemas.openid.net/secevent/risc/event-type/account-purged",)
}

_FIRST_WAIT = 10 * SECOND
_LONGEST_WAIT = 12 * HOUR
MOST_TRIES = 25  # the waits before them add up to about a week

# RFC 8935 §2.4. Whatever else a receiver writes is not kept: it could be anything.
_ERRORS = frozenset(
    {
        "invalid_request",
        "invalid_key",
        "invalid_issuer",
        "invalid_audience",
        "authentication_failed",
        "access_denied",
    }
)


def event_uri(issuer: str, event: SignalEvent) -> str:
    """The name of an event, under the service's own address (RFC 8417 §2: a URI)."""
    return f"{issuer}/events/{_NAMES[event]}/v1"


def event_claims(
    *,
    issuer: str,
    client: str,
    signal: str,
    grant: str,
    event: SignalEvent,
    attributes: Sequence[str],
    happened_at: int,
    at: int,
) -> dict[str, Any]:
    """The claims of one security event token (RFC 8417 §2.2), made at *at* about what happened at *happened_at*.

    The subject is the grant, or a demand that is about none, by the id under which this organisation alone knows it
    (RFC 9493 §3.2.7); so nothing else about the citizen travels. *attributes* are names. There is no `exp` and no
    `sub` (RFC 8417 §2.2, §4.1).
    """
    payload: dict[str, Any] = {"attributes": sorted(attributes)} if attributes else {}
    return {
        "iss": issuer,
        "aud": client,
        "iat": seconds(at),
        "jti": signal,
        "toe": seconds(happened_at),
        "sub_id": {"format": "opaque", "id": grant},
        "events": dict.fromkeys((event_uri(issuer, event), *_ALSO.get(event, ())), payload),
    }


def wait_after(tries: int, chance: bytes) -> int:
    """How long to leave an endpoint alone after *tries* failed tries, in microseconds.

    Twice as long each time, up to half a day; two random bytes move it by a quarter either way, so that what failed
    together does not come back together.
    """
    wait = min(_FIRST_WAIT << min(tries - 1, 30), _LONGEST_WAIT)
    return wait * 3 // 4 + wait // 2 * int.from_bytes(chance[:2], "big") // 65_536


def failure_of(status: int, body: bytes) -> str | None:
    """None when the receiver took the token (RFC 8935 §2.2), else a word for what it said, of a closed list."""
    if status == 202:
        return None
    if status == 400:
        try:
            said = msgspec.json.decode(body, type=_Said).err
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            said = ""
        return said if said in _ERRORS else "http_4xx"
    if 300 <= status < 400:
        return "redirected"  # followed, the token would go to somebody whom nobody approved
    return "http_4xx" if 400 <= status < 500 else "http_5xx" if status >= 500 else "not_accepted"


class _Said(msgspec.Struct):
    err: str


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation states: how much of what it received under a grant is gone, and since when."""

    scope: Scope
    deleted_at: int  # microseconds
    attributes: tuple[str, ...] = ()  # of which everything is gone; none are named: of all


def check_deletion_statement(
    statement: str, *, client: str, keys: Sequence[Mapping[str, Any]], issuer: str, grant: str, at: int
) -> Deletion:
    """Check that *statement* is *client*'s own signature under a deletion for *grant*, meant for us.

    Whether that grant has ended, and whether anything went out after `deleted_at`, is for who knows the grant.
    Raises BadInput with the rule that it breaks.
    """
    _, claims = jose.check_jws(statement, keys, types=frozenset({STATEMENT_TYPE}))
    if claims.get("iss") != client or claims.get("aud") != issuer:
        raise BadInput("iss of the statement is the client, aud the issuer")
    if claims.get("grant_id") != grant:
        raise BadInput("the statement is about another grant")
    scope = claims.get("scope")
    if not isinstance(scope, str) or scope not in SCOPES:
        raise BadInput("scope of the statement is all or all_but_legal_duty")
    names = claims.get("attributes", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(names) > 100:
        raise BadInput("attributes of the statement is a list of names")
    if "attributes" in claims and (not names or names != sorted(set(names))):
        raise BadInput("attributes of the statement are sorted, each once; leave it out for all of them")
    made_at, deleted_at = claims.get("iat"), claims.get("deleted_at")
    for time in (made_at, deleted_at):
        if type(time) is not int or not 0 <= time < 2**40:
            raise BadInput("iat and deleted_at of the statement are whole seconds")
    assert isinstance(made_at, int)
    assert isinstance(deleted_at, int)
    if deleted_at > made_at or instant(made_at) > at + CLOCK_SKEW:
        raise BadInput("a statement is made after the deletion, and not in the future")
    return Deletion(scope=scope, deleted_at=instant(deleted_at), attributes=tuple(names))  # type: ignore[arg-type]
