"""An organisation's console: where it begins, and its team."""

from typing import Any

from litestar import Response, get, post

from consent.acts import draft as drafting
from consent.acts import join as joining
from consent.acts.register import clients_of
from consent.words.errors import BadInput, Conflict, NotFound

from .doors import Field
from .guard import Visit, house_of, one, read_own_form, see_other
from .page_doors import shows, takes
from .workplace import EDITORS, ORGANISATION, OWNERS, console_page, do, member_of


@get("/console/{organisation:str}", opt=shows("console", "Where an organisation's work begins", ORGANISATION))
async def start(request: Visit, organisation: str) -> Response[str]:
    """What is done, and what comes next."""
    member = await member_of(request, organisation, EDITORS)
    house = house_of(request)
    return await console_page(
        request,
        "console.html",
        member,
        organisation=await drafting.organisation_of(house, organisation),
        clients=await clients_of(house, organisation),
        purposes=await drafting.purposes_of(house, organisation),
    )


@get("/console/{organisation:str}/team", opt=shows("team", "Who works for an organisation", ORGANISATION))
async def team(request: Visit, organisation: str) -> Response[str]:
    """The team; for owners."""
    return await _team(request, organisation)


@post(
    "/console/{organisation:str}/team",
    opt=takes(
        "invite",
        "Invite somebody; the code is shown once",
        ORGANISATION,
        Field(name="name", where="form", description="What the team calls her", required=True),
        Field(name="role", where="form", description="owner, editor or clerk", required=True),
        answers=(200, 303, 400, 403, 404, 409, 422),
    ),
    status_code=200,
)
async def invite(request: Visit, organisation: str) -> Response[str]:
    """Make an invitation and show its code, this once."""
    citizen, fields = await read_own_form(request)
    house = house_of(request)
    made: list[str] = []
    name, role = one(fields, "name"), one(fields, "role")

    def inviting(by: Any) -> Any:
        deed, code = joining.invite(organisation, role, name=name, by=by, chance=chance)  # type: ignore[arg-type]
        made[:] = [code]
        return deed

    chance = house.chance(16)
    try:
        await do(house, joining.as_member(citizen, organisation, OWNERS, inviting))
    except BadInput:
        return await _team(request, organisation, error="name", status=422)
    except Conflict:
        return await _team(request, organisation, error="many", status=409)
    member = await member_of(request, organisation, OWNERS)
    return await console_page(request, "team_code.html", member, code=made[0], whom=name, role=role)


@post(
    "/console/{organisation:str}/team/end",
    opt=takes(
        "endMember",
        "End a role, or take an invitation back",
        ORGANISATION,
        Field(name="member", where="form", description="From the page"),
        Field(name="invitation", where="form", description="From the page"),
    ),
    status_code=303,
)
async def end(request: Visit, organisation: str) -> Response[bytes]:
    """End somebody's role, at once; her own too."""
    citizen, fields = await read_own_form(request)
    member, invitation = one(fields, "member"), one(fields, "invitation")

    def ending(by: Any) -> Any:
        if invitation:
            return joining.take_back(_hash(invitation), organisation, by=by)
        return joining.end_member(member, organisation, by=by)

    await do(house_of(request), joining.as_member(citizen, organisation, OWNERS, ending))
    return see_other(f"/console/{organisation}/team")


async def _team(
    request: Visit, organisation: str, *, error: str | None = None, status: int = 200
) -> Response[str]:
    member = await member_of(request, organisation, OWNERS)
    members, waiting = await joining.team(house_of(request), organisation)
    return await console_page(
        request, "team.html", member, status=status, members=members, waiting=waiting, error=error
    )


def _hash(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise NotFound("there is no such invitation") from None


HANDLERS = (start, team, invite, end)
