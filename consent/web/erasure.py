"""The citizen's way out: a copy of everything, erasing it, taking that back; and how far an erasure is, for whoever has
its code."""

from typing import Any

import msgspec
from litestar import Response, get, post

from consent.acts import erase as erasing
from consent.acts import export as exporting

from .doors import Answer, Door, Field, declared
from .guard import (
    Visit,
    citizen_of,
    house_of,
    language_of,
    page,
    page_headers,
    read_own_form,
    see_other,
)

_PAGE = Answer(description="A page", media="text/html")
_ELSEWHERE = Answer(description="To the next page", media=None, headers=("Location",))
_FILE = Answer(description="A file to keep", body=dict[str, Any])
_HIDDEN = Field(name="csrf", where="form", description="From the page", required=True)
_CODE = Field(name="code", where="path", description="From her page after erasing", required=True)


def _hers(id: str, summary: str, answer: Answer) -> dict[str, Any]:
    answers = {200: answer, 303: _ELSEWHERE}
    return declared(Door(id=id, tag="citizen", summary=summary, security="session", answers=answers))


def _takes(id: str, summary: str) -> dict[str, Any]:
    return declared(
        Door(
            id=id,
            tag="citizen",
            summary=summary,
            security="session",
            fields=(_HIDDEN,),
            body_media="application/x-www-form-urlencoded",
            answers={303: _ELSEWHERE, 400: _PAGE, 403: _PAGE},
        )
    )


@get("/my/erase", opt=_hers("showErase", "Erase everything: what goes, what stays", _PAGE))
async def show_erase(request: Visit) -> Response[str]:
    """What goes and what stays; or, for who is leaving already, the way back."""
    citizen = await citizen_of(request, leaving=True)
    left = await erasing.leaving(house_of(request), citizen=citizen)
    if left is None:
        return await page(request, "erase.html")
    return await page(request, "leaving.html", code=left.code, final_at=left.final_at)


@post("/my/erase", opt=_takes("erase", "Erase everything"), status_code=303)
async def erase(request: Visit) -> Response[bytes]:
    """Close everything. When this answers nothing of hers goes out any more, and every browser is signed out."""
    citizen, _ = await read_own_form(request, leaving=True)
    left = await erasing.leave(house_of(request), citizen=citizen)
    return see_other(f"/erasure/{left.code}")


@post("/my/erase/undo", opt=_takes("takeBack", "Take an erasure back"), status_code=303)
async def take_back(request: Visit) -> Response[bytes]:
    """Her data and her account are hers again."""
    citizen, _ = await read_own_form(request, leaving=True)
    await erasing.come_back(house_of(request), citizen=citizen)
    return see_other("/")


@get(
    "/erasure/{code:str}",
    opt=declared(
        Door(
            id="showErasure",
            tag="citizen",
            summary="How far an erasure is; no account needed",
            fields=(_CODE,),
            answers={200: _PAGE, 404: _PAGE},
        )
    ),
)
async def show_erasure(request: Visit, code: str) -> Response[str]:
    """How far it is, what remains and why."""
    house = house_of(request)
    found = await erasing.look_up(house, code=code)
    return await page(
        request,
        "erasure.html",
        code=code,
        address=f"{house.issuer}/erasure/{code}",
        final_at=found.final_at,
        erased_at=found.erased_at,
        complete_at=found.complete_at,
    )


@get(
    "/erasure/{code:str}/receipt.json",
    opt=declared(
        Door(
            id="erasureReceipt",
            tag="citizen",
            summary="The receipt of an erasure, with the proof of its newest entry",
            fields=(_CODE,),
            answers={200: _FILE, 404: _PAGE},
        )
    ),
)
async def erasure_receipt(request: Visit, code: str) -> Response[bytes]:
    """The receipt as a file to keep."""
    house = house_of(request)
    kept = await erasing.receipt(house, code=code)
    return _file(request, kept | {"address": f"{house.issuer}/erasure/{code}"}, "erasure.json")


@get("/my/export", opt=_hers("showExport", "A copy of everything, to read", _PAGE))
async def show_export(request: Visit) -> Response[str]:
    """Everything on one page."""
    citizen = await citizen_of(request, leaving=True)
    copy = await exporting.readable(house_of(request), citizen=citizen, language=language_of(request))
    return await page(request, "export.html", items=copy.holding.items, grants=copy.grants, lines=copy.lines)


@get("/my/export.json", opt=_hers("exportFile", "A copy of everything, as a file", _FILE))
async def export_file(request: Visit) -> Response[bytes]:
    """Everything in one file."""
    citizen = await citizen_of(request, leaving=True)
    return _file(request, await exporting.export(house_of(request), citizen=citizen), "my-data.json")


def _file(request: Visit, what: dict[str, Any], name: str) -> Response[bytes]:
    octets = msgspec.json.format(msgspec.json.encode(what), indent=2)
    headers = page_headers(house_of(request)) | {"content-disposition": f'attachment; filename="{name}"'}
    return Response(octets, media_type="application/json", headers=headers)


HANDLERS = (
    show_erase,
    erase,
    take_back,
    show_erasure,
    erasure_receipt,
    show_export,
    export_file,
)
