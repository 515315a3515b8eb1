"""An operator decides at her pages: in a role that still holds, and not about an organisation that she works for."""

from collections.abc import Callable
from typing import TypeVar

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import MEMBER
from consent.words.errors import Forbidden, NotFound

from .house import House
from .join import Role, as_member, roles_of
from .operate import Operator
from .scribe import Deed
from .session import Visitor
from .ways import NotFreshlySignedIn, is_fresh

T = TypeVar("T")


class OwnOrganisation(Forbidden):
    """She works there herself: somebody else has to decide."""


async def check_operator(house: House, citizen: str) -> None:
    """Whether somebody may look at the operator's pages. Raises NotFound: everybody else learns nothing."""
    if not any(role.role == "operator" for role in await roles_of(house, citizen)):
        raise NotFound("there is nothing here for this account")


async def judge(house: House, visitor: Visitor, organisation: str, act: Callable[[Operator], Deed[T]]) -> T:
    """Do *act*, which is about *organisation*, in her name.

    The role is judged in the transaction of the act. Raises NotFound, NotFreshlySignedIn, OwnOrganisation, and what
    the act raises.
    """
    await check_operator(house, visitor.citizen)
    if not is_fresh(house, visitor):
        raise NotFreshlySignedIn("sign in again first")
    roles: tuple[Role, ...] = ("operator",)
    inner = as_member(visitor.citizen, None, roles, act)

    def story(book: Book) -> Story[T]:
        deed = inner(book)
        while (wish := next(deed)) is not TURN:
            yield wish
        yield TURN
        for role in book.known(MEMBER):
            if (role.citizen, role.organisation) == (visitor.citizen, organisation) and role.ended_at is None:
                raise OwnOrganisation("somebody else has to decide about an organisation that you work for")
        return (yield from deed)

    return (await house.scribe.do(story)).outcome
