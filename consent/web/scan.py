"""The citizen checks the log herself: her audit key, her openings, and each entry as a file or a paper for life."""

import re
from typing import Any

import segno
from litestar import Response, get, post
from litestar.response import Stream

from consent.acts import dealings as dealing
from consent.acts import keep as keeping
from consent.acts import scan as scanning
from consent.acts import timeline as timelines
from consent.acts.ways import is_fresh
from consent.words.errors import NotFound

from .doors import Answer, Field
from .guard import (
    Visit,
    citizen_of,
    house_of,
    language_of,
    one,
    page,
    page_headers,
    read_own_form,
    to_keep,
    visitor_of,
)
from .page_doors import shows, takes

_LOG = re.compile(r"[A-Za-z0-9-]{1,64}")
_INDEX = re.compile(r"0|[1-9][0-9]{0,14}")
_ENTRY = (
    Field(
        name="log",
        where="path",
        description="The name of a log",
        required=True,
        schema={"type": "string", "pattern": f"^{_LOG.pattern}$"},
    ),
    Field(
        name="index",
        where="path",
        description="An entry of hers",
        required=True,
        schema={"type": "string", "pattern": f"^({_INDEX.pattern})$"},
    ),
)


def _file_of(media: str) -> Answer:
    return Answer(description="What was asked for", media=media)


@get("/my/log", opt=shows("showScan", "How she checks the log herself"))
async def show_scan(request: Visit) -> Response[str]:
    """What a scan is and costs, her key and openings, and a scan in this browser."""
    await citizen_of(request)
    return await _scan_page(request)


@post(
    "/my/log/key",
    opt=takes(
        "auditKey",
        "Her audit key, on a page or as a file; only shortly after signing in",
        Field(name="as", where="form", description="page or file"),
        answers=(200, 303, 400, 403),
    ),
    status_code=200,
)
async def audit_key(request: Visit) -> Response[Any]:
    """The key leaves only for somebody who has just shown who she is, and never in an address."""
    citizen, fields = await read_own_form(request)
    house = house_of(request)
    # A key could be carried off from a browser that was left open.
    if not is_fresh(house, await visitor_of(request)):
        return await _scan_page(request, status=403, stale=True)
    key = await scanning.audit_key(house, citizen=citizen)
    if one(fields, "as") == "file":
        return to_keep(request, "audit-key.txt", key.encode(), "text/plain")
    return await page(request, "audit_key.html", lines=[line.split(" ") for line in key.splitlines()[1:]])


@get(
    "/my/log/openings.ndjson",
    opt=shows("ownOpenings", "What opens her entries, a line each", gives=_file_of("application/x-ndjson")),
)
async def own_openings(request: Visit) -> Stream:
    """Everything that her pages know, to compare with what the log has."""
    citizen = await citizen_of(request)
    house = house_of(request)
    headers = page_headers(house) | {"content-disposition": 'attachment; filename="my-openings.ndjson"'}
    lines = scanning.openings(house, citizen=citizen)
    return Stream(lines, media_type="application/x-ndjson", headers=headers)


@get("/my/entries/{log:str}/{index:str}", opt=shows("showEntry", "One entry, to print and to keep", *_ENTRY))
async def show_entry(request: Visit, log: str, index: str) -> Response[str]:
    """What happened, and what proves it."""
    citizen, place = await citizen_of(request), _place(log, index)
    house = house_of(request)
    line = await timelines.entry(house, citizen=citizen, log=log, index=place, language=language_of(request))
    paper = await keeping.paper(house, citizen=citizen, log=log, index=place)
    return await page(request, "entry.html", line=line, paper=paper)


@get(
    "/my/entries/{log:str}/{index:str}/receipt.json",
    opt=shows("entryReceipt", "One entry as a receipt for life", *_ENTRY, gives=_file_of("application/json")),
)
async def entry_receipt(request: Visit, log: str, index: str) -> Response[bytes]:
    """Everything of one entry, with its proof."""
    citizen = await citizen_of(request)
    kept = await keeping.receipt(house_of(request), citizen=citizen, log=log, index=_place(log, index))
    return to_keep(request, f"receipt-{log}-{index}.json", kept)


@get(
    "/my/entries/{log:str}/{index:str}/proof.json",
    opt=shows(
        "entryProof",
        "Shows that one entry is about her, and nothing else",
        *_ENTRY,
        gives=_file_of("application/json"),
    ),
)
async def entry_proof(request: Visit, log: str, index: str) -> Response[bytes]:
    """For somebody else: this entry is about her; what it says stays shut."""
    citizen = await citizen_of(request)
    shown = await keeping.entry_proof(house_of(request), citizen=citizen, log=log, index=_place(log, index))
    return to_keep(request, f"entry-{log}-{index}.json", shown)


@get(
    "/my/entries/{log:str}/{index:str}/code.svg",
    opt=shows(
        "entryCode", "Address and hash of one entry as a QR code", *_ENTRY, gives=_file_of("image/svg+xml")
    ),
)
async def entry_code(request: Visit, log: str, index: str) -> Response[bytes]:
    """For the printed page; it holds nothing that is not public."""
    citizen = await citizen_of(request)
    paper = await keeping.paper(house_of(request), citizen=citizen, log=log, index=_place(log, index))
    drawn: str = segno.make(paper.address, error="m").svg_inline(scale=4, dark="#000", light="#fff")
    svg = drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return Response(svg.encode(), media_type="image/svg+xml", headers=page_headers(house_of(request)))


@get(
    "/my/entries/{log:str}/{index:str}/report",
    opt=shows("reportEntry", "A complaint about one entry, to print and send to the authority", *_ENTRY),
)
async def report(request: Visit, log: str, index: str) -> Response[str]:
    """The facts of one entry on a sheet of paper; nothing is sent from here."""
    citizen, place = await citizen_of(request), _place(log, index)
    house = house_of(request)
    line = await timelines.entry(house, citizen=citizen, log=log, index=place, language=language_of(request))
    return await page(
        request,
        "report.html",
        line=line,
        paper=await keeping.paper(house, citizen=citizen, log=log, index=place),
        organisation=await dealing.known(house, line.org) if line.org is not None else None,
        entry=f"/my/entries/{log}/{index}",
    )


async def _scan_page(request: Visit, *, status: int = 200, stale: bool = False) -> Response[str]:
    house = house_of(request)
    sizes = await scanning.sizes(house)
    return await page(request, "scan.html", status=status, stale=stale, sizes=sizes, issuer=house.issuer)


def _place(log: str, index: str) -> int:
    """The number of an entry. Raises NotFound: a database need not see anything else."""
    if not _LOG.fullmatch(log) or not _INDEX.fullmatch(index):
        raise NotFound("there is no such entry of yours")
    return int(index)


HANDLERS = (show_scan, audit_key, own_openings, show_entry, entry_receipt, entry_proof, entry_code, report)
