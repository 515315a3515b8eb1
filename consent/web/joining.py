"""Somebody who was invited joins, and finds what she works on. The sign-in is her own, as everybody's."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get, post

from consent.acts import join as acts
from consent.acts.allowance import use_up
from consent.acts.hold import organisation_name
from consent.words.errors import Conflict, NotFound

from .client_forms import marks_of_address
from .doors import Field
from .guard import Visit, citizen_of, house_of, one, page, read_own_form, see_other
from .page_doors import shows, takes

# Where each role begins; `{}` is the organisation.
WORKPLACES: dict[acts.Role, str] = {
    "owner": "/console/{}",
    "editor": "/console/{}",
    "operator": "/operator",
}


@get("/join", opt=shows("showJoin", "Where an invited person types her code", or_else=(303,)))
async def show_join(request: Visit) -> Response[str]:
    """The form for the code."""
    await citizen_of(request)
    return await page(request, "join.html", error=None)


@post(
    "/join",
    opt=takes(
        "join",
        "Take the role that a code is for",
        Field(name="code", where="form", description="The code that was handed over", required=True),
        answers=(303, 400, 403, 429),
    ),
    status_code=303,
)
async def join(request: Visit) -> Response[Any]:
    """Join. One answer for every code that does not work."""
    citizen, fields = await read_own_form(request)
    house = house_of(request)
    await use_up(house, marks_of_address(house, request.scope, "sign_in"))
    try:
        await acts.join(house, citizen=citizen, code=one(fields, "code"))
    except NotFound:
        return await page(request, "join.html", status=400, error="unknown")
    except Conflict:
        return await page(request, "join.html", status=400, error="already")
    return see_other("/work")


@get("/work", opt=shows("work", "What she works on", or_else=(303,)))
async def work(request: Visit) -> Response[str]:
    """Her roles, each with the way to it."""
    citizen = await citizen_of(request)
    house = house_of(request)
    roles = [
        {
            "id": role.id,
            "role": role.role,
            "organisation": await organisation_name(house, role.organisation) if role.organisation else None,
            "where": WORKPLACES.get(role.role, "").format(quote(role.organisation or "", safe="")),
        }
        for role in await acts.roles_of(house, citizen)
    ]
    return await page(request, "work.html", roles=roles)


HANDLERS = (show_join, join, work)
