"""The operator's door for auditors: let one in, see who is in, shut one out. The API of `consent auditor`."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post

from consent.acts import audit
from consent.acts.house import House
from consent.acts.operate import Operator, let_through
from consent.acts.scribe import Deed
from consent.words.instants import DAY, SECOND, seconds

from .doors import Answer, Door, Field, declared
from .operator import read_said, to_do
from .oversight import NO, NO_LOOK, answer, token_of


class AdmissionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who, for which organisation and period (`from` ≤ t < `until`, seconds), why, and for how many days."""

    auditor: Annotated[str, msgspec.Meta(max_length=64)]
    organisation: Annotated[str, msgspec.Meta(max_length=64)]
    from_at: Annotated[int, msgspec.Meta(ge=0, le=2**40)] = msgspec.field(name="from")
    until_at: Annotated[int, msgspec.Meta(ge=0, le=2**40)] = msgspec.field(name="until")
    reason: Annotated[str, msgspec.Meta(min_length=8, max_length=400)]
    days: Annotated[int, msgspec.Meta(ge=1, le=90)] = 14


class AdmissionAnswer(msgspec.Struct, frozen=True):
    """The auditor's token: shown once, hand it over on a way that nobody else reads."""

    token: str
    expires_at: int


class AuditorAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One token that was made for an auditor. `works` is false once it expired or was ended."""

    auditor: str
    organisation: str
    from_at: int = msgspec.field(name="from")
    until_at: int = msgspec.field(name="until")
    reason: str
    expires_at: int
    ended_at: int | None
    works: bool


class AuditorsAnswer(msgspec.Struct, frozen=True):
    """Everybody who was ever let in."""

    auditors: list[AuditorAnswer]


class EndedAnswer(msgspec.Struct, frozen=True):
    """How many tokens worked until now."""

    ended: int


@post(
    "/operator/auditors",
    opt=declared(
        Door(
            id="admitAuditor",
            tag="operator",
            summary="Let an auditor read one organisation's openings of one period, for one reason",
            security="operator",
            body=AdmissionRequest,
            answers={201: Answer(description="The token, shown once", body=AdmissionAnswer)}
            | {status: said for status, said in NO.items() if status != 409},
        )
    ),
    status_code=201,
)
async def admit(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Make an auditor's token."""
    house: House = request.app.state.house
    said = await read_said(request, AdmissionRequest)
    expires_at = house.clock() + said.days * DAY - 1
    made: list[str] = []

    def admitting(by: Operator) -> Deed[None]:
        deed, token = audit.admit(
            auditor=said.auditor,
            organisation=said.organisation,
            from_at=said.from_at * SECOND,
            until_at=said.until_at * SECOND,
            reason=said.reason,
            expires_at=expires_at,
            by=by,
            chance=house.chance(32),
        )
        made[:] = [token]
        return deed

    await to_do(request, "audit", admitting)
    return answer(AdmissionAnswer(made[0], seconds(expires_at)), status=201)


@get(
    "/operator/auditors",
    opt=declared(
        Door(
            id="listAuditors",
            tag="operator",
            summary="Every token that was made for an auditor, without the token",
            security="operator",
            answers={200: Answer(description="The list", body=AuditorsAnswer), **NO_LOOK},
        )
    ),
)
async def listed(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Who may read, or could."""
    house: House = request.app.state.house
    await let_through(house, token_of(request), "read")
    now = house.clock()
    return answer(
        AuditorsAnswer(
            [
                AuditorAnswer(
                    auditor=one.auditor,
                    organisation=one.organisation,
                    from_at=seconds(one.from_at),
                    until_at=seconds(one.until_at),
                    reason=one.reason,
                    expires_at=seconds(one.expires_at),
                    ended_at=None if one.ended_at is None else seconds(one.ended_at),
                    works=one.ended_at is None and now < one.expires_at,
                )
                for one in await audit.admitted(house)
            ]
        )
    )


@post(
    "/operator/auditors/{auditor:str}/end",
    opt=declared(
        Door(
            id="endAuditor",
            tag="operator",
            summary="End all tokens of an auditor, also in the middle of a read",
            security="operator",
            fields=(Field(name="auditor", where="path", description="The auditor's name", required=True),),
            answers={
                200: Answer(description="How many worked", body=EndedAnswer),
                **{status: said for status, said in NO.items() if status not in (409, 413, 415)},
            },
        )
    ),
    status_code=200,
)
async def end(request: Request[Any, Any, Any], auditor: str) -> Response[bytes]:
    """Shut an auditor out."""
    return answer(EndedAnswer(await to_do(request, "audit", lambda by: audit.shut_out(auditor, by=by))))


HANDLERS = (admit, listed, end)
