"""Who acts in her name: asked once more, in the transaction that writes what he did."""

from collections.abc import Iterable

from consent.storage.book import Book
from consent.storage.kinds import MANDATE, MEMBER, Ask
from consent.storage.members import Member
from consent.words.actors import Actor
from consent.words.errors import Forbidden

from .reach import EVERY, Deed, reach


def asks_about(by: Actor) -> list[Ask]:
    """The rows to read before `check_reach`."""
    return [MANDATE.one(by.id)] if by.kind in ("helper", "guardian") else []


def asks_for_whom(book: Book, by: Actor) -> list[Ask]:
    """After those, before a yes: the organisations that he acts for."""
    mandate = book.get(MANDATE, by.id or "")
    return [MEMBER.by("of_citizen", mandate.helper)] if mandate is not None and mandate.helper else []


def check_reach(
    book: Book, by: Actor, deed: Deed, *, citizen: str, organisation: str | None, names: frozenset[str]
) -> None:
    """Ask once more, in the transaction that writes: who acts for *citizen* still may. Raises Forbidden.

    Nothing is asked of who acts for herself.
    """
    if by.kind not in ("helper", "guardian"):
        return
    mandate = book.get(MANDATE, by.id or "")
    if mandate is None or mandate.citizen != citizen or mandate.kind != by.kind:
        raise Forbidden("there is no such mandate")
    who = mandate.helper or ""
    own = works_for(one for one in book.known(MEMBER) if one.citizen == who)
    no = reach(mandate, deed, who=who, at=book.at, organisation=organisation, names=names, works_for=own)
    if no is not None:
        raise Forbidden("beyond the mandate")


def works_for(members: Iterable[Member]) -> frozenset[str]:
    """The organisations for which somebody acts now; the operator acts for all, so says yes for nobody: see `reach`."""
    return frozenset(one.organisation or EVERY for one in members if one.ended_at is None)


def of_mandate(by: Actor) -> dict[str, object]:
    """What the detail of an entry says of somebody who acted in her name: under which mandate."""
    return {"mandate": by.id} if by.kind in ("helper", "guardian") else {}
