"""A clerk's desk: how a case of the own organisation stands, in one word; and the way to a stop code."""

from typing import Any

from litestar import Response, get, post

from consent.acts import enquire as enquiring
from consent.acts import stop as stopping
from consent.acts.hold import organisation_name
from consent.words.errors import NotFound

from .doors import Field
from .guard import Visit, house_of, one, page, read_own_form, see_other
from .joining import WORKPLACES
from .page_doors import shows, takes
from .stop_code import marks_of_code
from .workplace import member_of

WORKPLACES["clerk"] = "/desk/{}"
_WHERE = Field(name="organisation", where="path", description="The organisation she works for", required=True)
_CODE = Field(name="code", where="form", description="As it stands on the receipt", required=True)
_ANSWERS = (200, 303, 400, 403, 404, 429)


@get("/desk/{organisation:str}", opt=shows("showDesk", "A clerk's desk", _WHERE))
async def show(request: Visit, organisation: str) -> Response[str]:
    """The field for a case number."""
    await member_of(request, organisation, stopping.CLERKS)
    return await _desk(request, organisation)


@post(
    "/desk/{organisation:str}",
    opt=takes(
        "enquire",
        "How a case stands, in one word",
        _WHERE,
        Field(name="case", where="form", description="The organisation's own case number", required=True),
        answers=(200, 303, 400, 403, 404, 429),
    ),
    status_code=200,
)
async def enquire(request: Visit, organisation: str) -> Response[str]:
    """The one word, and she who was asked sees that somebody looked. The number stays out of addresses."""
    citizen, fields = await read_own_form(request)
    case = one(fields, "case").strip()
    try:
        found = await enquiring.enquire(
            house_of(request), citizen=citizen, organisation=organisation, case=case[:100]
        )
    except NotFound:
        await member_of(request, organisation, stopping.CLERKS)  # to others there is no desk here
        return await _desk(request, organisation, case=case, error=True, status=404)
    return await _desk(request, organisation, case=case, found=found)


@get("/desk/{organisation:str}/stop", opt=shows("showDeskStop", "Type a stop code at a desk", _WHERE))
async def show_stop(request: Visit, organisation: str) -> Response[str]:
    """The field for the code of a receipt."""
    await member_of(request, organisation, stopping.CLERKS)
    return await page(request, "stop_code.html", error=False, where=f"/desk/{organisation}/stop")


@post(
    "/desk/{organisation:str}/stop",
    opt=takes("lookAtDeskStop", "See that a code stops one sharing", _WHERE, _CODE, answers=_ANSWERS),
    status_code=200,
)
async def look_at_stop(request: Visit, organisation: str) -> Response[str]:
    """Ask once more; a clerk sees no more of it than anybody with the code."""
    _, fields = await read_own_form(request)
    await member_of(request, organisation, stopping.CLERKS)
    code, where = one(fields, "code"), f"/desk/{organisation}/stop"
    try:
        runs = await stopping.look(house_of(request), code=code, marks=marks_of_code(request))
    except NotFound:
        return await page(request, "stop_code.html", status=404, error=True, where=where)
    return await page(request, "stop_code_sure.html", code=code, runs=runs, where=where)


@post(
    "/desk/{organisation:str}/stop/now",
    opt=takes("stopAtDesk", "Stop one sharing with its code, as a clerk", _WHERE, _CODE, answers=_ANSWERS),
    status_code=303,
)
async def stop_now(request: Visit, organisation: str) -> Response[Any]:
    """Stop. She reads on her timeline at whose desk it was."""
    citizen, fields = await read_own_form(request)
    await member_of(request, organisation, stopping.CLERKS)
    code = one(fields, "code")
    try:
        await stopping.stop_at_desk(
            house_of(request),
            citizen=citizen,
            organisation=organisation,
            code=code,
            marks=marks_of_code(request),
        )
    except NotFound:
        where = f"/desk/{organisation}/stop"
        return await page(request, "stop_code.html", status=404, error=True, where=where)
    return see_other("/stop/done")


async def _desk(request: Visit, organisation: str, *, status: int = 200, **said: Any) -> Response[str]:
    name = await organisation_name(house_of(request), organisation)
    return await page(
        request,
        "desk.html",
        status=status,
        **({"case": "", "found": None, "error": False, "name_of": name} | said),
    )


HANDLERS = (show, enquire, show_stop, look_at_stop, stop_now)
