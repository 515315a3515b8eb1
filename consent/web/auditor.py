"""The auditor's door: the public log as static reads, and openings for whoever the operator let in."""

import re
from typing import Any

from litestar import Request, Response, get
from litestar.response import Stream

from consent.acts import audit as auditing
from consent.acts import publish as publishing
from consent.acts.allowance import check_allowance, use_up
from consent.acts.house import House
from consent.ledger.errors import LedgerError
from consent.ledger.paths import parse_tile_path
from consent.oauth.forms import parse_query
from consent.words.errors import BadInput, InvalidToken, NotFound

from .client_forms import marks_of_address
from .doors import Answer, Door, Field, declared
from .errors import problem, refused

_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
_LOG_NAME = {"type": "string", "pattern": f"^{_NAME.pattern}$"}
_LOG = Field(
    name="log", where="path", description="The name of a log, from /log", required=True, schema=_LOG_NAME
)
_TEXT = "text/plain"
_GONE = {404: refused("The log has no such thing (yet)")}
# No log grows beyond this; larger numbers do not fit in a database's integers.
_MOST_TILES = 2**40
_INDEX = re.compile(r"0|[1-9][0-9]{0,14}")
_TOKEN_LIMIT = 512


@get(
    "/log",
    opt=declared(
        Door(
            id="listLogs",
            tag="auditor",
            summary="The names of all logs, a line each, oldest first",
            answers={200: Answer(description="Names", media="text/plain")},
        )
    ),
)
async def logs(request: Request[Any, Any, Any]) -> Response[bytes]:
    """All logs of this service."""
    names = await publishing.logs(request.app.state.house)
    return _plain("".join(f"{name}\n" for name in names))


@get(
    "/log/{log:str}/checkpoint",
    opt=declared(
        Door(
            id="checkpoint",
            tag="auditor",
            summary="The newest signed checkpoint (C2SP tlog-checkpoint)",
            fields=(
                _LOG,
                Field(
                    name="unwitnessed",
                    where="query",
                    description="Named, without a value: the newest at all, whoever has signed it by now",
                    schema={"type": "string", "enum": [""]},
                ),
            ),
            answers={200: Answer(description="A signed note", media="text/plain"), **_GONE},
        )
    ),
)
async def checkpoint(request: Request[Any, Any, Any], log: str) -> Response[bytes]:
    """The newest checkpoint that has all its signatures; with `?unwitnessed` the newest at all."""
    # A name without a value: by the rules of a form that would be no parameter at all (RFC 6749 §3.1).
    newest = not {b"unwitnessed", b"unwitnessed="}.isdisjoint(request.scope["query_string"].split(b"&"))
    return _plain(await publishing.checkpoint(request.app.state.house, _name(log), newest=newest))


@get(
    "/log/{log:str}/policy",
    opt=declared(
        Door(
            id="policy",
            tag="auditor",
            summary="The log's public key (C2SP tlog-policy)",
            fields=(_LOG,),
            answers={200: Answer(description="A policy", media="text/plain"), **_GONE},
        )
    ),
)
async def policy(request: Request[Any, Any, Any], log: str) -> Response[bytes]:
    """Which keys to trust, for whoever decides to trust this address."""
    return _plain(await publishing.policy(request.app.state.house, _name(log)))


@get(
    "/log/{log:str}/keys",
    opt=declared(
        Door(
            id="keysOfLog",
            tag="auditor",
            summary="Which entries of the log added and retired which of its keys",
            fields=(_LOG,),
            answers={200: Answer(description="A line for each key", media="text/plain"), **_GONE},
        )
    ),
)
async def keys_of_log(request: Request[Any, Any, Any], log: str) -> Response[bytes]:
    """Where to look for whoever knows only an older key; what counts is in these entries."""
    return _plain(await publishing.changes_of_keys(request.app.state.house, _name(log)))


@get(
    "/log/{log:str}/proof/{index:str}",
    opt=declared(
        Door(
            id="proof",
            tag="auditor",
            summary="The inclusion proof of one entry (C2SP tlog-proof)",
            fields=(
                _LOG,
                Field(
                    name="index",
                    where="path",
                    description="The entry",
                    required=True,
                    schema={"type": "string", "pattern": f"^({_INDEX.pattern})$"},
                ),
            ),
            answers={200: Answer(description="A proof", media="text/plain"), **_GONE},
        )
    ),
)
async def proof(request: Request[Any, Any, Any], log: str, index: str) -> Response[bytes]:
    """A fresh proof for an old entry: it is about the log, so everybody may ask."""
    if not _INDEX.fullmatch(index):
        raise NotFound("the log has no such entry")
    return _plain(await publishing.prove(request.app.state.house, _name(log), int(index)))


@get(
    "/log/{log:str}/tile/{place:path}",
    opt=declared(
        Door(
            id="tile",
            tag="auditor",
            summary="A tile of hashes or a bundle of entries (C2SP tlog-tiles)",
            fields=(
                _LOG,
                Field(
                    name="place",
                    where="path",
                    description="`<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`",
                    required=True,
                ),
            ),
            answers={200: Answer(description="Bytes", media="application/octet-stream"), **_GONE},
        )
    ),
)
async def tile(request: Request[Any, Any, Any], log: str, place: str) -> Response[bytes]:
    """Tiles never change, so they may be kept for ever; partial ones too."""
    house: House = request.app.state.house
    try:
        wanted = parse_tile_path(f"tile/{place.removeprefix('/')}")
    except LedgerError:
        raise NotFound("the log has no such tile") from None
    if wanted.n >= _MOST_TILES:
        raise NotFound("the log has no such tile yet")
    if wanted.level is None:
        octets = await publishing.bundle(house, _name(log), wanted.n, wanted.width)
    else:
        octets = await publishing.tile(house, _name(log), wanted.level, wanted.n, wanted.width)
    return Response(
        octets,
        headers={"cache-control": "public, max-age=31536000, immutable"},
        media_type="application/octet-stream",
    )


@get(
    "/audit/openings",
    opt=declared(
        Door(
            id="openings",
            tag="auditor",
            summary="What opens the entries of one organisation in one period",
            description="Period, organisation and reason belong to the token. Each read is an entry of the log.",
            security="auditor",
            fields=(
                Field(
                    name="log",
                    where="query",
                    description="The name of a log; the current one if left out",
                    schema=_LOG_NAME,
                ),
            ),
            answers={
                200: Answer(description="Lines of JSON: {i, kc, a, A}", media="application/x-ndjson"),
                400: refused("Cannot be read"),
                401: refused("The token is missing, unknown or expired", "WWW-Authenticate"),
                404: refused("No such log"),
                429: refused("Too many reads or bad tokens in a minute", "Retry-After"),
                503: refused("Nothing can be logged", "Retry-After"),
            },
        )
    ),
)
async def openings(request: Request[Any, Any, Any]) -> Stream | Response[bytes]:
    """Openings for an auditor's token."""
    house: House = request.app.state.house
    sent = [value for name, value in request.scope["headers"] if name == b"authorization"]
    if len(sent) > 1:
        raise BadInput("a header is there twice")
    log = parse_query(request.scope["query_string"]).get("log", house.log)
    scheme, _, token = (sent[0] if sent else b"").decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > _TOKEN_LIMIT:
        return _unknown(*problem("unknown_auditor", "send the token as `Authorization: Bearer …`"))
    # Whoever guesses uses up what his address may, and is then turned away before a token is looked up.
    marks = marks_of_address(house, request.scope, "address")
    await check_allowance(house, marks)
    await publishing.head(house, _name(log))
    try:
        lines = await auditing.open_for_audit(house, token=token, log=log)
    except InvalidToken as no:
        await use_up(house, marks)
        return _unknown(*problem("unknown_auditor", str(no)))
    return Stream(lines, media_type="application/x-ndjson", headers={"cache-control": "no-store"})


def _unknown(status: int, headers: dict[str, str], body: bytes) -> Response[bytes]:
    return Response(body, status_code=status, headers=headers, media_type=headers["content-type"])


def _name(log: str) -> str:
    """*log* when it can be a log's name. Raises NotFound: a database need not see anything else."""
    if not _NAME.fullmatch(log):
        raise NotFound("there is no log of this name")
    return log


def _plain(text: str) -> Response[bytes]:
    return Response(text.encode(), headers={"cache-control": "no-cache"}, media_type=_TEXT)


HANDLERS = (logs, checkpoint, policy, keys_of_log, proof, tile, openings)
