"""The operator's door for looking: what stands, what waits, every word of it, and what operators did.

A token is for some of the acts, for a while, and only a command on the machine itself makes one.
"""

from typing import Any, Literal

import msgspec
from litestar import Request, Response, get

from consent.acts import oversee, suspend
from consent.acts.house import House
from consent.acts.operate import SubjectKind, let_through
from consent.oauth.forms import parse_query
from consent.words.errors import BadInput, NotFound, UnknownOperator
from consent.words.instants import seconds

from .arrival import headers_of
from .departure import as_json, respond
from .doors import Answer, Door, Field, declared
from .errors import refused

_TOKEN_LIMIT = 512
_KINDS: dict[str, SubjectKind] = {"organisations": "organisation", "clients": "client", "purposes": "purpose"}


class ListedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One organisation, client or purpose (`id@version`). `status` none: never approved, nothing works."""

    id: str
    organisation: str
    name: str
    status: Literal["approved", "suspended", "none"]
    waits: bool
    revision: int


class ListAnswer(msgspec.Struct, frozen=True):
    """All of a kind, or what waits."""

    items: list[ListedAnswer]


class LookAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All that was submitted, beside what is in effect; `changes` names what would be different.

    `revision` (of a client) goes back with the decision: what was looked at is decided about, and nothing newer.
    """

    id: str
    organisation: str
    state: str
    revision: int
    submitted: dict[str, Any]
    in_effect: dict[str, Any] | None
    changes: list[str]


class JournalLineAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One act: who, what, about whom, when (whole seconds)."""

    at: int
    operator: str
    act: str
    kind: str
    subject: str
    note: str


class JournalAnswer(msgspec.Struct, frozen=True):
    """What operators did, newest first."""

    lines: list[JournalLineAnswer]


KIND = Field(
    name="kind",
    where="path",
    description="Which list",
    required=True,
    schema={"type": "string", "enum": list(_KINDS)},
)
ID = Field(name="subject_id", where="path", description="Its id; of a purpose id@version", required=True)
NO = {
    400: refused("Cannot be read"),
    401: refused("The token is missing, unknown or over", "WWW-Authenticate"),
    403: refused("The token is for other acts", "WWW-Authenticate"),
    404: refused("There is no such thing"),
    409: refused("It is not what was looked at"),
    413: refused("Too large"),
    415: refused("Not JSON"),
    503: refused("Too busy, or nothing can be logged", "Retry-After"),
}
NO_LOOK = {status: NO[status] for status in (400, 401, 403, 404, 503)}


@get(
    "/operator/{kind:str}",
    opt=declared(
        Door(
            id="listForOperator",
            tag="operator",
            summary="Everything of a kind, how it stands and what waits",
            security="operator",
            fields=(
                KIND,
                Field(
                    name="waiting",
                    where="query",
                    description="1: only what waits for a decision",
                    schema={"type": "string", "enum": ["0", "1"]},
                ),
            ),
            answers={200: Answer(description="The list", body=ListAnswer), **NO_LOOK},
        )
    ),
)
async def listed(request: Request[Any, Any, Any], kind: str) -> Response[bytes]:
    """List organisations, clients or purposes."""
    house: House = request.app.state.house
    await let_through(house, token_of(request), "read")
    waiting = parse_query(request.scope["query_string"]).get("waiting", "0")
    if waiting not in ("0", "1"):
        raise BadInput("waiting: 0 or 1")
    found = await oversee.listing(house, kind_of(kind), waiting=waiting == "1")
    return answer({"items": found})


@get(
    "/operator/journal",
    opt=declared(
        Door(
            id="readJournal",
            tag="operator",
            summary="What operators did, newest first",
            security="operator",
            answers={200: Answer(description="The newest 200 lines", body=JournalAnswer), **NO_LOOK},
        )
    ),
)
async def journal(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Read the journal."""
    house: House = request.app.state.house
    await let_through(house, token_of(request), "read")
    return answer(
        {
            "lines": [
                JournalLineAnswer(
                    at=seconds(line.at),
                    operator=line.operator,
                    act=line.act,
                    kind=line.kind,
                    subject=line.subject,
                    note=line.note,
                )
                for line in await oversee.journal(house)
            ]
        }
    )


@get(
    "/operator/{kind:str}/{subject_id:str}",
    opt=declared(
        Door(
            id="lookAtSubject",
            tag="operator",
            summary="All that was submitted, beside what is in effect",
            security="operator",
            fields=(KIND, ID),
            answers={200: Answer(description="What to decide about", body=LookAnswer), **NO_LOOK},
        )
    ),
)
async def look(request: Request[Any, Any, Any], kind: str, subject_id: str) -> Response[bytes]:
    """Look before deciding."""
    house: House = request.app.state.house
    await let_through(house, token_of(request), "read")
    return answer(await oversee.look(house, suspend.subject(kind_of(kind), subject_id)))


def token_of(request: Request[Any, Any, Any]) -> str:
    """The operator's token of a request. Raises UnknownOperator."""
    headers, _ = headers_of(request.scope)
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not token or len(token) > _TOKEN_LIMIT:
        raise UnknownOperator("send the token as `Authorization: Bearer …`")
    return token.decode("latin-1")


def kind_of(kind: str) -> SubjectKind:
    """Which kind an address names. Raises NotFound."""
    if kind not in _KINDS:
        raise NotFound("there is no such list")
    return _KINDS[kind]


def answer(body: Any, *, status: int = 200) -> Response[bytes]:
    """JSON that nothing on the way may keep."""
    return respond(*as_json(body, status=status))


HANDLERS = (listed, journal, look)
