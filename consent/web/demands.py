"""The organisation's door to what citizens ask of it, and to how many people its uses felt wrong to."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import HTTPException

from consent.acts import reply as replying
from consent.acts.house import House
from consent.words.errors import BadInput
from consent.words.instants import seconds

from .arrival import dpop_token, headers_of, is_json, read_body
from .departure import as_json, respond
from .doors import Answer, Door, Field, declared
from .errors import refused
from .organisation import NO, PROOF

_BODY_LIMIT = 16 * 1024
_DAY = 86_400


class DemandLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One open demand. `asked_at` is whole seconds since 1970; `sub` is the citizen's id at your organisation."""

    demand_id: str
    kind: Literal["erase", "explain", "correct"]
    sub: str
    asked_at: int
    grant_id: str | None = None
    use_id: str | None = None
    attribute: str | None = None
    text: str | None = None


class DemandsAnswer(msgspec.Struct, frozen=True):
    """All that is open, the oldest first, at most 200."""

    demands: list[DemandLine]


class ReplyRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer. `text` is for her to read; `value` is the right value, with `corrected`."""

    outcome: Literal["answered", "corrected", "refused"]
    text: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    value: bool | int | str | list[str] | None = None


class ReplyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer that is kept: the first one."""

    demand_id: str
    outcome: str
    answered_at: int


class MisgivingLine(msgspec.Struct, frozen=True, kw_only=True):
    """`people`: whole tens of people in the week that began at `week` (seconds since 1970, a Monday, UTC)."""

    week: int
    purpose: str
    template: str
    people: int


class MisgivingsAnswer(msgspec.Struct, frozen=True):
    """Counts of ten people and more; what is not here is fewer, perhaps nobody."""

    misgivings: list[MisgivingLine]


_REPLY = msgspec.json.Decoder(ReplyRequest)
_NO = {status: NO[status] for status in (400, 401, 403, 503)}


@get(
    "/demands",
    opt=declared(
        Door(
            id="listDemands",
            tag="organisation",
            summary="What citizens ask of this client and it has not answered",
            security="dpop_client",
            fields=(PROOF,),
            answers={200: Answer(description="Open demands", body=DemandsAnswer), **_NO},
        )
    ),
)
async def demands(request: Request[Any, Any, Any]) -> Response[bytes]:
    """List open demands."""
    house: House = request.app.state.house
    headers, proofs = headers_of(request.scope)
    token_hash, proof = dpop_token(house, headers, proofs, method="GET", path="/demands")
    found = await replying.waiting(house, token_hash=token_hash, proof=proof)
    lines = [
        DemandLine(
            demand_id=one.id,
            kind=one.kind,  # type: ignore[arg-type]
            sub=one.sub,
            asked_at=seconds(one.asked_at),
            grant_id=one.grant,
            use_id=one.about if one.kind == "explain" else None,
            attribute=one.about if one.kind == "correct" else None,
            text=one.text,
        )
        for one in found
    ]
    return respond(*as_json(DemandsAnswer(lines)))


@post(
    "/demands/{demand_id:str}/reply",
    opt=declared(
        Door(
            id="replyToDemand",
            tag="organisation",
            summary="Answer a demand; the citizen reads it",
            description=(
                "answered, with text, to a question about a use. corrected, with the right value, or refused, with "
                "text, to a correction. An erasure is answered by a deletion statement. The first answer stays."
            ),
            security="dpop_client",
            fields=(
                Field(name="demand_id", where="path", description="From the list", required=True),
                PROOF,
            ),
            body=ReplyRequest,
            answers={200: Answer(description="Kept", body=ReplyAnswer), **_NO}
            | {404: refused("Foreign, unknown and erased look alike")}
            | {status: refused("Too large, or not JSON") for status in (413, 415)},
        )
    ),
    status_code=200,
)
async def reply(request: Request[Any, Any, Any], demand_id: str) -> Response[bytes]:
    """Answer one."""
    house: House = request.app.state.house
    headers, proofs = headers_of(request.scope)
    token_hash, proof = dpop_token(house, headers, proofs, method="POST", path=request.scope["path"])
    if not is_json(headers):
        raise HTTPException(status_code=415)
    try:
        said = _REPLY.decode(await read_body(request.receive, headers, _BODY_LIMIT))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadInput("the body is not an answer as openapi.yaml describes it") from None
    kept = await replying.reply(
        house,
        token_hash=token_hash,
        proof=proof,
        demand=demand_id,
        outcome=said.outcome,
        text=said.text,
        value=said.value,
    )
    assert kept.answered_at is not None
    return respond(
        *as_json(
            ReplyAnswer(demand_id=kept.id, outcome=kept.outcome or "", answered_at=seconds(kept.answered_at))
        )
    )


@get(
    "/organisation/misgivings",
    opt=declared(
        Door(
            id="readMisgivings",
            tag="organisation",
            summary="To how many people uses felt wrong, by week, purpose and template",
            description="Whole tens of people, ten at least, once a week is over; no totals, and never who.",
            security="dpop_client",
            fields=(PROOF,),
            answers={200: Answer(description="Counts", body=MisgivingsAnswer), **_NO},
        )
    ),
)
async def misgivings(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Count what felt wrong."""
    house: House = request.app.state.house
    headers, proofs = headers_of(request.scope)
    token_hash, proof = dpop_token(house, headers, proofs, method="GET", path="/organisation/misgivings")
    found = await replying.misgivings(house, token_hash=token_hash, proof=proof)
    lines = [
        MisgivingLine(week=one.week * _DAY, purpose=one.purpose, template=one.template, people=one.people)
        for one in found
    ]
    return respond(*as_json(MisgivingsAnswer(lines)))


HANDLERS = (demands, reply, misgivings)
