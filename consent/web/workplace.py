"""What all pages for members share: whose workplace it is, and that it looks to others like nothing at all."""

from typing import Any, TypeVar

from litestar import Response

from consent.acts import join as joining
from consent.acts.house import House
from consent.acts.join import Member, Role
from consent.acts.scribe import Deed
from consent.words.errors import NotFound

from .doors import Field
from .guard import Visit, citizen_of, house_of, page

T = TypeVar("T")

EDITORS: tuple[Role, ...] = ("owner", "editor")
OWNERS: tuple[Role, ...] = ("owner",)
ORGANISATION = Field(name="organisation", where="path", description="Whose workplace", required=True)


async def member_of(request: Visit, organisation: str | None, roles: tuple[Role, ...]) -> Member:
    """The signed-in member with one of *roles*, strongest first. Raises NotSignedIn; NotFound for everybody else."""
    citizen = await citizen_of(request)
    hers = [
        one
        for one in await joining.roles_of(house_of(request), citizen)
        if one.organisation == organisation and one.role in roles
    ]
    if not hers:
        raise NotFound("there is nothing here for this account")
    return min(hers, key=lambda one: roles.index(one.role))


async def do(house: House, deed: Deed[T]) -> T:
    """Do *deed* and return what came of it."""
    return (await house.scribe.do(deed)).outcome


async def console_page(
    request: Visit, template: str, member: Member, *, status: int = 200, **context: Any
) -> Response[str]:
    """A page of an organisation's console."""
    return await page(
        request, template, status=status, member=member, root=f"/console/{member.organisation}", **context
    )
