"""The organisation's door to what it has here: its grants, its own use of them, its purposes."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException

from consent.acts import propose as proposing
from consent.acts import review as reviewing
from consent.acts.house import House
from consent.oauth.forms import parse_query
from consent.words.errors import BadInput
from consent.words.instants import seconds
from consent.words.purposes import AskedAttribute, Contact, LegalBasis, Purpose, Text

from .arrival import dpop_token, headers_of, is_json, read_body
from .departure import as_json, respond
from .doors import Answer, Door, Field, declared
from .errors import refused
from .organisation import NO, PROOF

_BODY_LIMIT = 64 * 1024
_DAYS = 30
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EPOCH = date(1970, 1, 1)
_Count = int | Literal["<10"]


class GrantLine(msgspec.Struct, frozen=True, kw_only=True):
    """One grant, without a person and without a cause. Instants are whole seconds since 1970."""

    grant_id: str
    active: bool
    purpose: str
    purpose_version: int
    granted_at: int
    expires_at: int


class GrantsAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Grants, oldest first. `next` is the cursor of the page after this one, and is left out at the end."""

    grants: list[GrantLine]
    next: str | None = None


class UsageLine(msgspec.Struct, frozen=True, kw_only=True):
    """What this client did on one day (UTC) under one purpose. `<10`: fewer than ten, perhaps nothing."""

    day: str
    purpose: str
    purpose_version: int
    disclosures: _Count
    uses: _Count
    refusals: _Count


class UsageAnswer(msgspec.Struct, frozen=True):
    """Counts, never identifiers."""

    usage: list[UsageLine]


class PurposeRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version of a purpose, as in an organisation's file. Whose it is follows from the token."""

    id: str
    version: Annotated[int, msgspec.Meta(ge=1)]
    legal_basis: LegalBasis
    allowed_by_law: bool = False
    title: Text
    why: Text
    consequence_of_no: Text
    other_way: Text
    attributes: list[AskedAttribute]
    because: dict[str, Text]
    maximum_days: int
    data_life_days: int
    frequency_per_day: int
    recipients: list[Text] = []
    storage_places: list[str]
    automated_decision: bool = False
    contact: Contact


class PurposeState(msgspec.Struct, frozen=True, kw_only=True):
    """How a version of a purpose stands; `note` is what the operator said about a refusal."""

    id: str
    version: int
    status: Literal["pending", "approved", "suspended", "refused"]
    note: str


class PurposesAnswer(msgspec.Struct, frozen=True):
    """All versions of the organisation's purposes."""

    purposes: list[PurposeState]


_NO = {status: NO[status] for status in (400, 401, 403, 503)}


@get(
    "/organisation/grants",
    opt=declared(
        Door(
            id="listGrants",
            tag="organisation",
            summary="The grants of this client, oldest first",
            security="dpop_client",
            fields=(
                PROOF,
                Field(name="cursor", where="query", description="`next` of the page before"),
                Field(
                    name="limit",
                    where="query",
                    description="How many at most",
                    schema={
                        "type": "integer",
                        "minimum": 1,
                        "maximum": reviewing.MOST_GRANTS,
                        "default": 100,
                    },
                ),
            ),
            answers={200: Answer(description="A page", body=GrantsAnswer), **_NO},
        )
    ),
)
async def grants(request: Request[Any, Any, Any]) -> Response[bytes]:
    """List own grants."""
    house: House = request.app.state.house
    query = parse_query(request.scope["query_string"])
    headers, proofs = headers_of(request.scope)
    token_hash, proof = dpop_token(house, headers, proofs, method="GET", path="/organisation/grants")
    limit = query.get("limit", "100")
    if not limit.isascii() or not limit.isdigit() or len(limit) > 4:
        raise BadInput("limit: a whole number")
    page = await reviewing.own_grants(
        house, token_hash=token_hash, proof=proof, cursor=query.get("cursor"), limit=int(limit)
    )
    lines = [
        GrantLine(
            grant_id=grant.id,
            active=grant.is_live(at=page.at),
            purpose=grant.purpose,
            purpose_version=grant.purpose_version,
            granted_at=seconds(grant.granted_at),
            expires_at=seconds(grant.expires_at),
        )
        for grant in page.grants
    ]
    return respond(*as_json(GrantsAnswer(lines, page.cursor)))


@get(
    "/organisation/usage",
    opt=declared(
        Door(
            id="readUsage",
            tag="organisation",
            summary="How often this client disclosed, used and was refused, by day and purpose",
            description="Days are UTC, half-open, at most 92; the last 30 when none are named.",
            security="dpop_client",
            fields=(
                PROOF,
                Field(
                    name="from",
                    where="query",
                    description="The first day",
                    schema={"type": "string", "format": "date"},
                ),
                Field(
                    name="until",
                    where="query",
                    description="The day after the last",
                    schema={"type": "string", "format": "date"},
                ),
            ),
            answers={200: Answer(description="Counts", body=UsageAnswer), **_NO},
        )
    ),
)
async def usage(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Count own use."""
    house: House = request.app.state.house
    query = parse_query(request.scope["query_string"])
    headers, proofs = headers_of(request.scope)
    token_hash, proof = dpop_token(house, headers, proofs, method="GET", path="/organisation/usage")
    today = (datetime.fromtimestamp(seconds(house.clock()), UTC).date() - _EPOCH).days
    until = _day(query["until"]) if "until" in query else today + 1
    begin = _day(query["from"]) if "from" in query else until - _DAYS
    counts = await reviewing.usage(house, token_hash=token_hash, proof=proof, from_day=begin, until_day=until)
    lines = [
        UsageLine(
            day=date.fromordinal(_EPOCH.toordinal() + one.day).isoformat(),
            purpose=one.purpose,
            purpose_version=one.purpose_version,
            disclosures=_hidden(one.disclosures),
            uses=_hidden(one.uses),
            refusals=_hidden(one.refusals),
        )
        for one in counts
    ]
    return respond(*as_json(UsageAnswer(lines)))


@get(
    "/organisation/purposes",
    opt=declared(
        Door(
            id="listPurposes",
            tag="organisation",
            summary="The organisation's purposes and what became of its proposals",
            security="dpop_client",
            fields=(PROOF,),
            answers={200: Answer(description="The purposes", body=PurposesAnswer), **_NO},
        )
    ),
)
async def purposes(request: Request[Any, Any, Any]) -> Response[bytes]:
    """List own purposes."""
    house: House = request.app.state.house
    headers, proofs = headers_of(request.scope)
    token_hash, proof = dpop_token(house, headers, proofs, method="GET", path="/organisation/purposes")
    found = await reviewing.own_purposes(house, token_hash=token_hash, proof=proof)
    return respond(*as_json({"purposes": found}))


@post(
    "/organisation/purposes",
    opt=declared(
        Door(
            id="proposePurpose",
            tag="organisation",
            summary="Propose a version of a purpose; an operator reads it before any citizen does",
            description="The same words again change nothing; other words take the next version.",
            security="dpop_client",
            fields=(PROOF,),
            body=PurposeRequest,
            answers={202: Answer(description="It waits", body=PurposeState), **_NO}
            | {status: refused("Too large, or not JSON") for status in (413, 415)},
        )
    ),
    status_code=202,
)
async def propose(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Propose a purpose."""
    house: House = request.app.state.house
    headers, proofs = headers_of(request.scope)
    token_hash, proof = dpop_token(house, headers, proofs, method="POST", path="/organisation/purposes")
    if not is_json(headers):
        raise HTTPException(status_code=415)
    try:
        said = msgspec.json.decode(
            await read_body(request.receive, headers, _BODY_LIMIT), type=PurposeRequest
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadInput("the body is not a purpose as openapi.yaml describes it") from None
    row = await proposing.propose(
        house,
        token_hash=token_hash,
        proof=proof,
        purpose=msgspec.convert(msgspec.to_builtins(said) | {"organisation": ""}, Purpose),
    )
    return respond(
        *as_json(PurposeState(id=row.id, version=row.version, status=row.state, note=row.note), status=202)
    )


def _day(text: str) -> int:
    """The number of a UTC day. Raises BadInput."""
    try:
        if _DAY.fullmatch(text):
            return (date.fromisoformat(text) - _EPOCH).days
    except ValueError:
        pass
    raise BadInput("from, until: days as YYYY-MM-DD")


def _hidden(count: int | None) -> _Count:
    return "<10" if count is None else count


HANDLERS = (grants, usage, purposes, propose)
