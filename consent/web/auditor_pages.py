"""Pages for whoever checks the log, which is anybody: its newest checkpoint, its entries, one entry."""

import re
from base64 import b64encode
from typing import Any

from litestar import Response, get

from consent.acts import browse as browsing
from consent.acts import publish as publishing
from consent.oauth.forms import parse_query
from consent.words.errors import NotFound

from .doors import Field
from .guard import Visit, house_of, page, see_other
from .page_doors import shows

_LOG = re.compile(r"[A-Za-z0-9-]{1,64}")
_INDEX = re.compile(r"0|[1-9][0-9]{0,14}")
_OF_LOG = Field(
    name="log",
    where="path",
    description="The name of a log, from /log",
    required=True,
    schema={"type": "string", "pattern": f"^{_LOG.pattern}$"},
)
_AT = Field(
    name="index",
    where="path",
    description="An entry",
    required=True,
    schema={"type": "string", "pattern": f"^({_INDEX.pattern})$"},
)


def _shows(id: str, summary: str, *fields: Field) -> dict[str, Any]:
    return shows(id, summary, *fields, or_else=(404,), signed_in=False, tag="auditor")


@get(
    "/auditor",
    opt=_shows("showLog", "The newest checkpoint of the newest log, who signed it, and the way on"),
)
async def show_newest(request: Visit) -> Response[str]:
    """The first page for whoever checks."""
    names = await publishing.logs(house_of(request))
    if not names:
        raise NotFound("there is no log yet")
    return await _front(request, names[-1], names)


@get("/auditor/{log:str}", opt=_shows("showOneLog", "The newest checkpoint of one log", _OF_LOG))
async def show_log(request: Visit, log: str) -> Response[str]:
    """The same for an older log."""
    return await _front(request, _name(log), await publishing.logs(house_of(request)))


async def _front(request: Visit, log: str, names: list[str]) -> Response[str]:
    front = await browsing.front(house_of(request), log)
    return await page(request, "log.html", log=log, front=front, logs=names)


@get("/auditor/{log:str}/entries", opt=_shows("showEntries", "The newest entries of a log", _OF_LOG))
async def show_entries(request: Visit, log: str) -> Response[str]:
    """The newest entries."""
    found = await browsing.entries(house_of(request), _name(log))
    return await page(request, "log_entries.html", log=log, found=found, only=None)


@get(
    "/auditor/{log:str}/entries/{index:str}",
    opt=_shows("showEntriesFrom", "Entries of a log from one on", _OF_LOG, _AT),
)
async def show_entries_from(request: Visit, log: str, index: str) -> Response[str]:
    """A page of entries."""
    found = await browsing.entries(house_of(request), _name(log), _number(index))
    return await page(request, "log_entries.html", log=log, found=found, only=None)


@get(
    "/auditor/{log:str}/itself/{index:str}",
    opt=_shows("showControlEntries", "What a log says about itself, from one entry on", _OF_LOG, _AT),
)
async def show_controls(request: Visit, log: str, index: str) -> Response[str]:
    """Keys, suspensions, reads by auditors: entries that are not about a person."""
    found = await browsing.controls(house_of(request), _name(log), _number(index))
    return await page(request, "log_entries.html", log=log, found=found, only="itself")


@get(
    "/auditor/{log:str}/entry/{index:str}",
    opt=_shows("showOneEntry", "One entry with all its bytes, and the way to its proof", _OF_LOG, _AT),
)
async def show_entry(request: Visit, log: str, index: str) -> Response[str]:
    """One entry."""
    entry = await browsing.entry(house_of(request), _name(log), _number(index))
    return await page(request, "log_entry.html", log=log, entry=entry, bytes=b64encode(entry.leaf).decode())


@get(
    "/auditor/{log:str}/jump",
    opt=shows(
        "jumpToEntry",
        "From a form: the entries from a number on",
        _OF_LOG,
        Field(name="index", where="query", description="An entry", required=True),
        gives=None,
        or_else=(303, 400, 404),
        signed_in=False,
        tag="auditor",
    ),
)
async def jump(request: Visit, log: str) -> Response[bytes]:
    """A number that somebody typed becomes an address, which can be kept and passed on."""
    index = parse_query(request.scope["query_string"]).get("index", "").strip()
    return see_other(f"/auditor/{_name(log)}/entries/{_number(index)}")


def _name(log: str) -> str:
    if not _LOG.fullmatch(log):
        raise NotFound("there is no log of this name")
    return log


def _number(index: str) -> int:
    if not _INDEX.fullmatch(index):
        raise NotFound("the log has no such entry")
    return int(index)


HANDLERS = (show_newest, show_log, show_entries, show_entries_from, show_controls, show_entry, jump)
