"""The operator's door for acting: decide, suspend, restore, let developers in. Each act is in the journal."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, Response, post
from litestar.exceptions import HTTPException

from consent.acts import admit, suspend
from consent.acts.house import House
from consent.acts.operate import Operator, Scope, with_token
from consent.acts.scribe import Deed
from consent.words.errors import BadInput, NotFound
from consent.words.instants import DAY, seconds

from .arrival import headers_of, is_json, read_body
from .doors import Answer, Door, Field, declared
from .oversight import ID, KIND, NO, answer, kind_of, token_of

_BODY_LIMIT = 4 * 1024
T = TypeVar("T")
_Note = Annotated[str, msgspec.Meta(max_length=400)]
_Decision = Callable[..., Deed[None]]


class DecisionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """About a client: the revision that was looked at. The note goes to the developer when it is a no."""

    revision: int | None = None
    note: _Note = ""


class StandingRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, for the journal."""

    note: _Note = ""


class StandingAnswer(msgspec.Struct, frozen=True):
    """How it stands now, and whether this changed it."""

    subject: str
    status: str
    changed: bool


class InvitationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For whom, for how many clients and how many days the token is."""

    organisation: str
    clients: Annotated[int, msgspec.Meta(ge=1, le=admit.MOST_CLIENTS)] = 1
    days: Annotated[int, msgspec.Meta(ge=1, le=30)] = 7


class InvitationAnswer(msgspec.Struct, frozen=True):
    """The initial access token (RFC 7591 §1.2): shown once, hand it over on a way that nobody else reads."""

    initial_access_token: str
    expires_at: int
    clients: int


def _deciding(word: str, summary: str) -> dict[str, Any]:
    return declared(
        Door(
            id=f"{word}Subject",
            tag="operator",
            summary=summary,
            security="operator",
            fields=(
                Field(
                    name="kind",
                    where="path",
                    description="Which list",
                    required=True,
                    schema={"type": "string", "enum": ["clients", "purposes"]},
                ),
                ID,
            ),
            body=DecisionRequest,
            answers={204: Answer(description="Done", media=None), **NO},
        )
    )


@post(
    "/operator/{kind:str}/{subject_id:str}/approve",
    opt=_deciding("approve", "Put what was looked at in effect"),
    status_code=204,
)
async def approve(request: Request[Any, Any, Any], kind: str, subject_id: str) -> None:
    """Approve a registration or a proposed purpose."""
    await _decide(request, kind, subject_id, admit.approve_client, admit.approve_purpose)


@post(
    "/operator/{kind:str}/{subject_id:str}/refuse",
    opt=_deciding("refuse", "Say no to what was looked at; what was approved before stays in effect"),
    status_code=204,
)
async def refuse(request: Request[Any, Any, Any], kind: str, subject_id: str) -> None:
    """Refuse a registration or a proposed purpose."""
    await _decide(request, kind, subject_id, admit.refuse_client, admit.refuse_purpose)


async def _decide(
    request: Request[Any, Any, Any],
    kind: str,
    subject_id: str,
    about_client: _Decision,
    about_purpose: _Decision,
) -> None:
    said = await read_said(request, DecisionRequest)
    if kind_of(kind) == "client":
        decision, name, number = about_client, subject_id, _revision(said)
    else:
        decision, (name, number) = about_purpose, _purpose(kind, subject_id)
    await to_do(request, "decide", lambda by: decision(name, number, by=by, note=said.note))


def _standing(word: str, summary: str) -> dict[str, Any]:
    return declared(
        Door(
            id=f"{word}Subject",
            tag="operator",
            summary=summary,
            description="Takes effect before the next disclosure. A purpose without a version: all its versions.",
            security="operator",
            fields=(KIND, ID),
            body=StandingRequest,
            answers={200: Answer(description="How it stands", body=StandingAnswer)}
            | {status: said for status, said in NO.items() if status != 409},
        )
    )


@post(
    "/operator/{kind:str}/{subject_id:str}/suspend",
    opt=_standing("suspend", "Take an approval away"),
    status_code=200,
)
async def take_away(request: Request[Any, Any, Any], kind: str, subject_id: str) -> Response[bytes]:
    """Suspend an organisation, a client or a purpose."""
    said, about = await read_said(request, StandingRequest), suspend.subject(kind_of(kind), subject_id)
    return answer(await to_do(request, "suspend", lambda by: suspend.suspend(about, by=by, note=said.note)))


@post(
    "/operator/{kind:str}/{subject_id:str}/restore",
    opt=_standing("restore", "Give a suspended approval back"),
    status_code=200,
)
async def give_back(request: Request[Any, Any, Any], kind: str, subject_id: str) -> Response[bytes]:
    """Restore an organisation, a client or a purpose."""
    said, about = await read_said(request, StandingRequest), suspend.subject(kind_of(kind), subject_id)
    return answer(await to_do(request, "suspend", lambda by: suspend.restore(about, by=by, note=said.note)))


@post(
    "/operator/invitations",
    opt=declared(
        Door(
            id="inviteOrganisation",
            tag="operator",
            summary="Let an organisation's developer register clients",
            security="operator",
            body=InvitationRequest,
            answers={201: Answer(description="The token, shown once", body=InvitationAnswer)}
            | {status: said for status, said in NO.items() if status != 409},
        )
    ),
    status_code=201,
)
async def invite(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Make an initial access token."""
    house: House = request.app.state.house
    said = await read_said(request, InvitationRequest)
    expires_at = house.clock() + said.days * DAY - 1
    made: list[str] = []

    def inviting(by: Operator) -> Deed[None]:
        deed, token = admit.invite(
            said.organisation, clients=said.clients, expires_at=expires_at, by=by, chance=house.chance(32)
        )
        made[:] = [token]
        return deed

    await to_do(request, "register", inviting)
    return answer(InvitationAnswer(made[0], seconds(expires_at), said.clients), status=201)


def _version(reference: str) -> tuple[str, int]:
    """One version of a purpose, from `id@version`. Raises BadInput."""
    about = suspend.subject("purpose", reference)
    if about.version is None:
        raise BadInput("name one version of the purpose as id@version")
    return about.id, about.version


async def to_do(request: Request[Any, Any, Any], scope: Scope, act: Callable[[Operator], Deed[T]]) -> T:
    """Do *act* in the name of the operator whose token was sent. Raises UnknownOperator, WrongScope."""
    house: House = request.app.state.house
    return (await house.scribe.do(with_token(token_of(request), scope, act))).outcome


async def read_said(request: Request[Any, Any, Any], kind: type[T]) -> T:
    """The JSON body of a request with a token. Raises UnknownOperator, BadInput, TooLarge, and for other media 415."""
    token_of(request)  # whoever brings none is not read
    headers, _ = headers_of(request.scope)
    if not is_json(headers):
        raise HTTPException(status_code=415)
    try:
        return msgspec.json.decode(await read_body(request.receive, headers, _BODY_LIMIT), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise BadInput("the body is not as openapi.yaml describes it") from None


def _revision(said: DecisionRequest) -> int:
    if said.revision is None:
        raise BadInput("revision: the one that was looked at")
    return said.revision


def _purpose(kind: str, reference: str) -> tuple[str, int]:
    if kind_of(kind) != "purpose":
        raise NotFound("organisations are approved with their file")
    return _version(reference)


HANDLERS = (approve, refuse, take_away, give_back, invite)
