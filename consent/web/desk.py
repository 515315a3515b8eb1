"""A clerk's desk: how a case of the own organisation stands, in one word; and the way to a stop code."""

from typing import Any

from litestar import Response, get, post

from consent.acts import enquire as enquiring
from consent.acts import join as joining
from consent.acts.hold import organisation_name
from consent.words.errors import NotFound

from .doors import Field
from .guard import Visit, citizen_of, house_of, one, page, read_own_form
from .joining import WORKPLACES
from .page_doors import shows, takes

WORKPLACES["clerk"] = "/desk/{}"
_WHERE = Field(name="organisation", where="path", description="The organisation she works for", required=True)


@get("/desk/{organisation:str}", opt=shows("showDesk", "A clerk's desk", _WHERE))
async def show(request: Visit, organisation: str) -> Response[str]:
    """The field for a case number."""
    citizen = await citizen_of(request)
    roles = await joining.roles_of(house_of(request), citizen)
    if not any((role.organisation, role.role) == (organisation, "clerk") for role in roles):
        raise NotFound("there is nothing here for this account")
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
        roles = await joining.roles_of(house_of(request), citizen)
        if not any((role.organisation, role.role) == (organisation, "clerk") for role in roles):
            raise
        return await _desk(request, organisation, case=case, error=True, status=404)
    return await _desk(request, organisation, case=case, found=found)


async def _desk(request: Visit, organisation: str, *, status: int = 200, **said: Any) -> Response[str]:
    name = await organisation_name(house_of(request), organisation)
    return await page(
        request,
        "desk.html",
        status=status,
        **({"case": "", "found": None, "error": False, "name_of": name} | said),
    )


HANDLERS = (show, enquire)
