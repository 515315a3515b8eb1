"""People work at the pages for an organisation, or for the operator: each with an account of her own, and a role.

Who was invited types a code that works once. What a role may do is judged in the transaction of the act itself, so
somebody whose role has ended does nothing any more, not even what she began before.
"""

from base64 import b32encode
from collections.abc import Callable, Collection
from typing import TypeVar, get_args

from msgspec.structs import replace

from consent.oauth.token import handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import INVITATION, MEMBER, ORGANISATION, Ask
from consent.storage.members import Invitation, Member, Role
from consent.words.errors import BadInput, Conflict, NotFound
from consent.words.ids import id_from
from consent.words.instants import DAY

from .house import House
from .operate import Operator, operator, write_down
from .scribe import Deed

__all__ = ["Invitation", "Member", "Role"]  # also for the doors

T = TypeVar("T")

ROLES: tuple[Role, ...] = get_args(Role)
INVITATION_LIFE = 7 * DAY
MOST_WAITING = 20  # invitations of one organisation
NAME_LIMIT = 60


def invite(
    organisation: str | None, role: Role, *, name: str, by: Operator, chance: bytes
) -> tuple[Deed[None], str]:
    """A deed that invites somebody to work for *organisation*, None: for the operator; and the code to hand over.

    *name* is what the team calls her; *chance* 16 bytes. The code works once, within 7 days, and is kept as a hash.
    Raises BadInput for a role or name that cannot be, NotFound for an unknown organisation, Conflict when 20 wait.
    """
    if role not in ROLES or (role == "operator") != (organisation is None):
        raise BadInput("role: owner, editor or clerk of an organisation, or operator without one")
    if not name.strip() or len(name) > NAME_LIMIT or not name.isprintable():
        raise BadInput(f"name: one line of at most {NAME_LIMIT} characters")
    if organisation is None:
        operator(name)
    code = b32encode(chance).decode().rstrip("=").lower()
    code_hash = handle_hash(code)

    def story(book: Book) -> Story[None]:
        yield [ORGANISATION.one(organisation)] if organisation is not None else []
        yield [_waiting(book, organisation)]
        yield TURN
        if organisation is not None and book.get(ORGANISATION, organisation) is None:
            raise NotFound("there is no such organisation")
        # Also those of this batch: two owners who press at once are two.
        open_now = [one for one in book.known(INVITATION) if one.organisation == organisation]
        if sum(one.ended_at is None for one in open_now) >= MOST_WAITING:
            raise Conflict(f"{MOST_WAITING} invitations wait already; take one back first")
        book.put(
            INVITATION,
            Invitation(
                hash=code_hash,
                organisation=organisation,
                role=role,
                name=name.strip(),
                given_by=by.name,
                created_at=book.at,
                expires_at=book.at + INVITATION_LIFE,
            ),
        )
        _write_down(book, by, "member_invited", organisation, f"{role} {name.strip()}")

    return story, "-".join(code[at : at + 4] for at in range(0, len(code), 4))


async def join(house: House, *, citizen: str, code: str) -> Member:
    """Take the role that *code* is for. Raises NotFound for a code that is unknown, used or over; Conflict for a role
    that she has already: then the code still works for somebody else."""
    code_hash = handle_hash("".join(code.lower().split()).replace("-", ""))

    def story(book: Book) -> Story[Member]:
        yield [INVITATION.one(code_hash), _asks(citizen)]
        yield TURN
        invitation = book.get(INVITATION, code_hash)
        if invitation is None or invitation.ended_at is not None or invitation.expires_at <= book.at:
            raise NotFound("this code is unknown, used or over")
        if _with_role(book, citizen, invitation.organisation, (invitation.role,)) is not None:
            raise Conflict("she has this role already")
        member = Member(
            id=id_from(book.chance(16)),
            citizen=citizen,
            organisation=invitation.organisation,
            role=invitation.role,
            name=invitation.name,
            joined_at=book.at,
        )
        book.put(MEMBER, member)
        book.put(INVITATION, replace(invitation, ended_at=book.at))
        _write_down(book, acting(member), "member_joined", member.organisation, member.role)
        return member

    return (await house.scribe.do(story)).outcome


async def roles_of(house: House, citizen: str) -> list[Member]:
    """What somebody is a member of now, oldest first; for what a page shows, never for what an act may do."""
    found = [MEMBER.from_row(row) for row in await house.store.read("member.of_citizen", citizen)]
    return [one for one in found if one.ended_at is None]


async def team(house: House, organisation: str | None) -> tuple[list[Member], list[Invitation]]:
    """Who works for an organisation now, None: for the operator; and which invitations wait."""
    if organisation is None:
        members = await house.store.read("member.of_operator")
        waiting = await house.store.read("invitation.of_operator", house.clock())
    else:
        members = await house.store.read("member.of_organisation", organisation)
        waiting = await house.store.read("invitation.of_organisation", organisation, house.clock())
    there = [MEMBER.from_row(row) for row in members]
    return [one for one in there if one.ended_at is None], [INVITATION.from_row(row) for row in waiting]


def end_member(member: str, organisation: str | None, *, by: Operator) -> Deed[Member]:
    """A deed that ends somebody's role in *organisation*, None: with the operator. A second time changes nothing.

    What waits of her invitations ends as well, unless she leaves by herself: one of them may be for her second account.
    Raises NotFound, also for a member of another organisation. The last owner can go too: operators invite again.
    """

    def story(book: Book) -> Story[Member]:
        yield [MEMBER.one(member), _waiting(book, organisation)]
        yield TURN
        row = book.get(MEMBER, member)
        if row is None or row.organisation != organisation:
            raise NotFound("there is no such member")
        if row.ended_at is None:
            book.put(MEMBER, replace(row, ended_at=book.at))
            _write_down(book, by, "member_ended", organisation, f"{row.role} {row.name}")
            for one in book.known(INVITATION) if by != acting(row) else ():
                if (one.given_by, one.organisation, one.ended_at) == (acting(row).name, organisation, None):
                    _take_back(book, one, by)
        return row

    return story


def take_back(invitation: bytes, organisation: str | None, *, by: Operator) -> Deed[None]:
    """A deed that ends an invitation, named by its hash. Raises NotFound."""

    def story(book: Book) -> Story[None]:
        yield [INVITATION.one(invitation)]
        yield TURN
        row = book.get(INVITATION, invitation)
        if row is None or row.organisation != organisation:
            raise NotFound("there is no such invitation")
        if row.ended_at is None:
            _take_back(book, row, by)

    return story


def _waiting(book: Book, organisation: str | None) -> Ask:
    """The rows of the invitations that wait."""
    if organisation is None:
        return INVITATION.by("of_operator", book.at)
    return INVITATION.by("of_organisation", organisation, book.at)


def _take_back(book: Book, row: Invitation, by: Operator) -> None:
    book.put(INVITATION, replace(row, ended_at=book.at))
    _write_down(book, by, "member_uninvited", row.organisation, f"{row.role} {row.name}")


def as_member(
    citizen: str,
    organisation: str | None,
    roles: Collection[Role],
    act: Callable[[Operator], Deed[T]],
) -> Deed[T]:
    """The deed *act* of somebody who has one of *roles* in *organisation*, None: with the operator.

    The role is judged in the transaction of the deed itself. Raises NotFound for everybody else: they learn nothing.
    """

    def let_through(book: Book) -> Operator:
        member = _with_role(book, citizen, organisation, roles)
        if member is None:
            raise NotFound("there is nothing here for this account")
        return acting(member)

    def story(book: Book) -> Story[T]:
        yield [_asks(citizen)]
        inner = act(let_through(book))(book)
        while (wish := next(inner)) is not TURN:
            yield wish
        yield TURN
        let_through(book)  # it may have ended just before, in the same batch
        return (yield from inner)

    return story


def acting(member: Member) -> Operator:
    """A member as the journal names her; a slash is in no operator's name."""
    return Operator(member.name if member.organisation is None else f"{member.organisation}/{member.name}")


def put_member(book: Book, citizen: str, organisation: str | None, role: Role, *, name: str) -> None:
    """Make an invented person of the sandbox a member."""
    row = Member(
        id=id_from(book.chance(16)),
        citizen=citizen,
        organisation=organisation,
        role=role,
        name=name,
        joined_at=book.at,
    )
    book.put(MEMBER, row)


def _asks(citizen: str) -> Ask:
    return MEMBER.by("of_citizen", citizen)


def _with_role(book: Book, citizen: str, organisation: str | None, roles: Collection[Role]) -> Member | None:
    for one in book.known(MEMBER):
        is_hers = one.citizen == citizen and one.organisation == organisation
        if is_hers and one.role in roles and one.ended_at is None:
            return one
    return None


def _write_down(book: Book, by: Operator, act: str, organisation: str | None, note: str) -> None:
    write_down(book, by, act, "organisation" if organisation else "operator", organisation or "", note)
