"""Stop one sharing with the code on its receipt: at a desk, by phone, without signing in.

The code is derived from her own key when she looks at the receipt, so that it can stand there again; what finds its
grant is a hash under a key that is not in the database. With the code somebody can end this one grant, and learns
nothing by it: neither who she is, nor with whom she shares. She sees that it was used.
"""

import hmac
from collections.abc import Mapping
from typing import cast

import msgspec
from msgspec.structs import replace

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import GRANT, KEYS, STOP_CODE, Ask
from consent.storage.rows import StopCode
from consent.vault.keys import CitizenKeys
from consent.words.actors import HERSELF, Actor, GivenBy
from consent.words.canonical import length_prefixed
from consent.words.errors import ConsentError, NotFound
from consent.words.keyed import tag

from .allowance import Mark, asks_to_count, check_left, count
from .ending import write_ending
from .hold import organisation_name
from .house import House
from .join import Role, as_member
from .paper import digits_as_written, digits_from
from .receipt import own_grant
from .scribe import Deed

CLERKS: tuple[Role, ...] = ("clerk",)
STOP_CODE_USED = {"with": "stop_code"}  # what the detail of such an ending says; she alone reads it


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """A sharing that was stopped with its code, on the page where she hears it."""

    grant: str
    organisation: str
    at: int


async def code_for(house: House, *, citizen: str, grant: str) -> str | None:
    """The stop code of a running grant of hers, for its receipt; None when it has ended. Raises NotFound.

    Also None when nothing can be written now: her receipt is there all the same.
    """
    given = await own_grant(house, citizen, grant)
    if not given.is_live(at=house.clock()):
        return None
    keys = house.unwrapped.of(KEYS.from_row((await house.store.read(KEYS.get, citizen))[0]))
    code = _code(keys, grant)
    row = StopCode(hash=_hash(house, code), grant=grant, citizen=citizen)
    if await house.store.read(STOP_CODE.get, row.hash):
        return code

    def story(book: Book) -> Story[None]:
        yield [STOP_CODE.one(row.hash), GRANT.one(grant)]
        yield TURN
        if book.get(STOP_CODE, row.hash) is None and book.get(GRANT, grant) is not None:
            book.put(STOP_CODE, row)

    try:
        await house.scribe.do(story)
    except ConsentError:
        return None
    return code


async def look(house: House, *, code: str, marks: tuple[Mark, ...]) -> bool:
    """Whether the sharing that a code is for still runs. A wrong code is counted in *marks*.

    Raises NotFound for every wrong code alike, TooManyRequests.
    """
    hashed = _hash_of(house, code)

    def story(book: Book) -> Story[bool | NotFound]:
        yield [STOP_CODE.one(hashed), *asks_to_count(marks)]
        yield _grant_of(book, hashed)
        yield TURN
        row = _check(book, hashed, marks)
        given = book.get(GRANT, row.grant) if row is not None else None
        return _wrong() if given is None else given.is_live(at=book.at)

    return cast(
        "bool", (await house.scribe.do(story)).outcome
    )  # a wrong code is raised here, after it was counted


async def stop(house: House, *, code: str, marks: tuple[Mark, ...], by: Actor = HERSELF) -> bool:
    """End the grant that a code is for; False when it had ended before. *by*: whoever has her code acts as she does.

    Raises NotFound for every wrong code alike, TooManyRequests.
    """
    deed = _stopping(house, code, marks, by=by.kind, told=STOP_CODE_USED)
    return cast(
        "bool", (await house.scribe.do(deed)).outcome
    )  # a wrong code is raised here, after it was counted


async def stop_at_desk(
    house: House, *, citizen: str, organisation: str, code: str, marks: tuple[Mark, ...]
) -> bool:
    """The same by a clerk of *organisation*, and she reads at whose desk it was. The log says that a clerk did it.

    Raises as `stop`, and NotFound for who is no clerk there: judged in the transaction of the stop.
    """
    stopping = _stopping(house, code, marks, by="clerk", told={**STOP_CODE_USED, "desk": organisation})
    deed = as_member(citizen, organisation, CLERKS, lambda _: stopping)
    return cast("bool", (await house.scribe.do(deed)).outcome)


def _stopping(
    house: House, code: str, marks: tuple[Mark, ...], *, by: GivenBy, told: Mapping[str, object]
) -> Deed[bool | NotFound]:
    hashed = _hash_of(house, code)

    def story(book: Book) -> Story[bool | NotFound]:
        yield [STOP_CODE.one(hashed), *asks_to_count(marks)]
        yield _grant_of(book, hashed)
        yield TURN
        row = _check(book, hashed, marks)
        given = book.get(GRANT, row.grant) if row is not None else None
        wrapped = book.get(KEYS, row.citizen) if row is not None else None
        if row is None or given is None or wrapped is None:
            return _wrong()
        ended = write_ending(
            book,
            given,
            "withdraw",
            keys=book.keys_of(wrapped),
            by=by,
            reason="citizen_asked",
            told=told,
        )
        if ended is None or ended.state != "withdrawn":
            return False
        book.put(STOP_CODE, replace(row, used_at=book.at))
        return True

    return story


async def used(house: House, *, citizen: str) -> list[Used]:
    """Which of her sharings were stopped with their code without her having said that she knows; newest first."""
    return [
        Used(
            grant=row.grant,
            organisation=await organisation_name(
                house, (await own_grant(house, citizen, row.grant)).organisation
            ),
            at=row.used_at or 0,
        )
        for row in map(STOP_CODE.from_row, await house.store.read("stop_code.used_of_citizen", citizen))
        if row.seen_at is None
    ]


async def seen(house: House, *, citizen: str, grant: str) -> None:
    """She knows that her code was used. Raises NotFound for a grant that is not hers."""
    await own_grant(house, citizen, grant)

    def story(book: Book) -> Story[None]:
        hers = STOP_CODE.by("used_of_citizen", citizen)
        yield [hers]
        yield TURN
        for row in book.found(hers):
            if row.grant == grant and row.seen_at is None:
                book.put(STOP_CODE, replace(row, seen_at=book.at))

    await house.scribe.do(story)


def _code(keys: CitizenKeys, grant: str) -> str:
    return digits_from(tag(keys.subject.reveal(), length_prefixed(b"stop-code/v1", grant.encode())))


def _hash(house: House, code: str) -> bytes:
    # Under a key: fifty-three bits are enough against who has to ask us, not against who has the database.
    about = length_prefixed(b"stop-code/v1", code.encode())
    return hmac.digest(house.names_key.reveal(), about, "sha256")


def _hash_of(house: House, text: str) -> bytes:
    """What a typed code is found by. Raises NotFound for what cannot be one: nothing is looked up then."""
    code = digits_as_written(text)
    if code is None:
        raise _wrong()
    return _hash(house, code)


def _grant_of(book: Book, hashed: bytes) -> list[Ask]:
    row = book.get(STOP_CODE, hashed)
    return [] if row is None else [GRANT.one(row.grant), KEYS.one(row.citizen)]


def _check(book: Book, hashed: bytes, marks: tuple[Mark, ...]) -> StopCode | None:
    """The row of a right code. A wrong one is counted, in this very commit: asking all at once gives no more tries."""
    row = book.get(STOP_CODE, hashed)
    if row is None:
        count(book, marks)
    else:
        check_left(book, marks)
    return row


def _wrong() -> NotFound:
    return NotFound("there is no such code")
