"""The citizen's way out: a copy of everything, erasing it, taking that back; and how far an erasure is, for whoever has
its code."""

from typing import Any

from litestar import Response, get, post

from consent.acts import erase as erasing
from consent.acts import export as exporting

from .doors import Answer, Field
from .guard import (
    Visit,
    citizen_of,
    house_of,
    language_of,
    page,
    read_own_form,
    see_other,
    to_keep,
)
from .page_doors import shows, takes

_FILE = Answer(description="A file to keep", body=dict[str, Any])
_CODE = Field(name="code", where="path", description="From her page after erasing", required=True)
_DONE = (303, 400, 403)


@get("/my/erase", opt=shows("showErase", "Erase everything: what goes, what stays", or_else=(303,)))
async def show_erase(request: Visit) -> Response[str]:
    """What goes and what stays; or, for who is leaving already, the way back."""
    citizen = await citizen_of(request, leaving=True)
    left = await erasing.leaving(house_of(request), citizen=citizen)
    if left is None:
        return await page(request, "erase.html")
    return await page(request, "leaving.html", code=left.code, final_at=left.final_at)


@post("/my/erase", opt=takes("erase", "Erase everything", answers=_DONE), status_code=303)
async def erase(request: Visit) -> Response[bytes]:
    """Close everything. When this answers nothing of hers goes out any more, and every browser is signed out."""
    citizen, _ = await read_own_form(request, leaving=True)
    left = await erasing.leave(house_of(request), citizen=citizen)
    return see_other(f"/erasure/{left.code}")


@post("/my/erase/undo", opt=takes("takeBack", "Take an erasure back", answers=_DONE), status_code=303)
async def take_back(request: Visit) -> Response[bytes]:
    """Her data and her account are hers again."""
    citizen, _ = await read_own_form(request, leaving=True)
    await erasing.come_back(house_of(request), citizen=citizen)
    return see_other("/")


@get(
    "/erasure/{code:str}",
    opt=shows(
        "showErasure", "How far an erasure is; no account needed", _CODE, or_else=(404,), signed_in=False
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
    opt=shows(
        "erasureReceipt",
        "The receipt of an erasure, with the proof of its newest entry",
        _CODE,
        gives=_FILE,
        or_else=(404,),
        signed_in=False,
    ),
)
async def erasure_receipt(request: Visit, code: str) -> Response[bytes]:
    """The receipt as a file to keep."""
    house = house_of(request)
    kept = await erasing.receipt(house, code=code)
    return to_keep(request, "erasure.json", kept | {"address": f"{house.issuer}/erasure/{code}"})


@get("/my/export", opt=shows("showExport", "A copy of everything, to read", or_else=(303,)))
async def show_export(request: Visit) -> Response[str]:
    """Everything on one page."""
    citizen = await citizen_of(request, leaving=True)
    copy = await exporting.readable(house_of(request), citizen=citizen, language=language_of(request))
    return await page(request, "export.html", items=copy.holding.items, grants=copy.grants, lines=copy.lines)


@get(
    "/my/export.json", opt=shows("exportFile", "A copy of everything, as a file", gives=_FILE, or_else=(303,))
)
async def export_file(request: Visit) -> Response[bytes]:
    """Everything in one file."""
    citizen = await citizen_of(request, leaving=True)
    return to_keep(request, "my-data.json", await exporting.export(house_of(request), citizen=citizen))


HANDLERS = (
    show_erase,
    erase,
    take_back,
    show_erasure,
    erasure_receipt,
    show_export,
    export_file,
)
