"""The operator at work: who may act in that name. Every act is written down with who did it.

Whoever has a shell on the machine works with commands, from which the service has nothing to hide. Everybody else
brings a token that a command made: for some of the acts, for a while, kept as a hash.
"""

import re
from collections.abc import Callable, Collection
from typing import Literal, TypeVar, get_args

import msgspec
from msgspec.structs import replace

from consent.oauth.token import handle_from, handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import JOURNAL, OPERATOR
from consent.storage.rows import JournalLine, OperatorAccess
from consent.words.errors import BadInput, NotFound, UnknownOperator, WrongScope
from consent.words.ids import id_from
from consent.words.instants import DAY

from .house import House
from .scribe import Deed

T = TypeVar("T")

# read: all that waits and stands; decide: approve and refuse; suspend: suspend and restore; register: let clients
# in; audit: let auditors in.
Scope = Literal["read", "decide", "suspend", "register", "audit"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
LONGEST_TOKEN = 90 * DAY
NOTE_LIMIT = 400
SubjectKind = Literal["organisation", "client", "purpose"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class Operator(msgspec.Struct, frozen=True):
    """Who acts for the service. The name is for the journal; the log never has it."""

    name: str


def operator(name: str) -> Operator:
    """The operator of this name. Raises BadInput for one that would not be readable in the journal."""
    if not _NAME.fullmatch(name):
        raise BadInput("an operator's name has up to 64 letters, digits, dots, hyphens, underscores or @")
    return Operator(name)


def write_down(book: Book, by: Operator, act: str, kind: str, subject: str, note: str = "") -> None:
    """Add a line to the journal, in the transaction of the act itself. Raises BadInput for a note too long."""
    if len(note) > NOTE_LIMIT or not note.isprintable():
        raise BadInput(f"a note is one line of at most {NOTE_LIMIT} characters")
    book.put(
        JOURNAL,
        JournalLine(
            id=id_from(book.chance(16)),
            at=book.at,
            operator=by.name,
            act=act,
            kind=kind,
            subject=subject,
            note=note,
        ),
    )


def let_in(
    name: str, scopes: Collection[Scope], *, by: Operator, expires_at: int, chance: bytes
) -> tuple[Deed[None], str]:
    """A deed that lets an operator in over HTTP, and the token to hand over; it is shown once and kept as a hash.

    Raises BadInput: a name that is none, no scope, a token for longer than 90 days.
    """
    who = operator(name)
    if not scopes or not set(scopes) <= set(SCOPES):
        raise BadInput(f"name what the token is for: {', '.join(SCOPES)}")
    token = handle_from(chance)

    def story(book: Book) -> Story[None]:
        yield TURN
        if not book.at < expires_at <= book.at + LONGEST_TOKEN:
            raise BadInput("a token works for 1 to 90 days")
        write_down(book, by, "let_in", "operator", who.name, " ".join(sorted(scopes)))
        book.put(
            OPERATOR,
            OperatorAccess(
                hash=handle_hash(token),
                operator=who.name,
                scopes=tuple(sorted(scopes)),
                created_at=book.at,
                expires_at=expires_at,
            ),
        )

    return story, token


def shut_out(name: str, *, by: Operator) -> Deed[int]:
    """A deed that ends all tokens of an operator; returns how many worked until now. Raises NotFound."""

    def story(book: Book) -> Story[int]:
        asked = OPERATOR.by("of_name", name)
        yield [asked]
        yield TURN
        found = book.found(asked)
        if not found:
            raise NotFound("no token was ever made for this operator")
        working = [one for one in found if one.ended_at is None and book.at < one.expires_at]
        for one in working:
            book.put(OPERATOR, replace(one, ended_at=book.at))
        write_down(book, by, "shut_out", "operator", name)
        return len(working)

    return story


def with_token(token: str, scope: Scope, act: Callable[[Operator], Deed[T]]) -> Deed[T]:
    """The deed *act* of whoever holds *token*, which is judged in the transaction of the deed itself.

    Raises UnknownOperator (unknown, expired or ended look alike) and WrongScope.
    """
    token_hash = handle_hash(token)

    def story(book: Book) -> Story[T]:
        yield [OPERATOR.one(token_hash)]
        inner = act(_let_through(book, token_hash, scope))(book)
        while (wish := next(inner)) is not TURN:
            yield wish
        yield TURN
        _let_through(book, token_hash, scope)  # it may have been ended just before, in the same batch
        return (yield from inner)

    return story


def _let_through(book: Book, token_hash: bytes, scope: Scope) -> Operator:
    access = book.get(OPERATOR, token_hash)
    if access is None or access.ended_at is not None or access.expires_at <= book.at:
        raise UnknownOperator("this operator's token is unknown or has expired")
    if scope not in access.scopes:
        raise WrongScope("this operator's token is for other acts")
    return Operator(access.operator)


async def let_through(house: House, token: str, scope: Scope) -> Operator:
    """Whose token this is, for an act that only looks. Raises UnknownOperator, WrongScope."""

    def look(by: Operator) -> Deed[Operator]:
        def story(book: Book) -> Story[Operator]:
            yield TURN
            return by

        return story

    return (await house.scribe.do(with_token(token, scope, look))).outcome
