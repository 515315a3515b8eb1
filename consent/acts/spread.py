"""Several logs side by side, each for a part of the citizens: her *bucket* says in which one she is written about.

One log has one end, and all that is written waits for its turn there. A log put beside it has an end of its own: what
is asked about the citizens of one waits no more for what is asked about those of the other. All entries about a citizen
go to one log at a time. To move her takes both ends; what she shares is carried then, as at New Year, by its first use.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import HEAD, KEYS
from consent.storage.rows import OPEN
from consent.storage.store import Batch, Statement
from consent.words.errors import Misconfigured

from .begin import open_log, said_again, write_last
from .house import House
from .pen import Pen
from .scribe import Deed

MOST = 16  # logs side by side: with many, the log in which an entry stands would say something about whom it is about
AT_ONCE = 100  # citizens that one deed moves: what is asked meanwhile must not wait for more


def place_of(citizen: str, buckets: Iterable[int]) -> int:
    """The bucket of a citizen, of those there are: evenly, and another bucket takes only whom it gets for good.

    The largest hash wins (Thaler and Ravishankar, Using name-based mappings to increase hit rates, 1998).
    """
    return max(buckets, key=lambda bucket: hashlib.sha256(f"{bucket} {citizen}".encode()).digest())


def open_beside(pens: Sequence[Pen], new: Pen, *, at: int, chance: Callable[[int], bytes]) -> Batch[None]:
    """The batch that opens a log beside those of *pens*; the first of them says so, and gets another epoch.

    So a process that knows nothing of the new log finds that out before it writes anything that needs all of them.
    Raises Misconfigured when one of them takes no entries or was changed meanwhile, and when there is such a log.
    """
    for pen in pens:
        heads = yield Statement("head.lock", [(pen.log,)])
        head = HEAD.from_row(heads[0]) if heads else None
        if head is None or head.frozen != OPEN:
            raise Misconfigured("only beside logs that take entries another one can be opened")
        if head.epoch != pen.epoch:
            raise Misconfigured(
                "a key of the log was changed, or a log was put beside it, meanwhile; try again"
            )
        at = max(at, head.at)
    main = yield from write_last(
        pens[0], {"ev": "log.beside", "beside": new.vkey}, at=at, chance=chance, statement="head.turn"
    )
    yield from open_log(
        new, at=at, chance=chance, first={"beside": main.origin}, then=(yield from said_again())
    )


def move(citizens: Sequence[str], bucket: int) -> Deed[int]:
    """A deed that moves these citizens to a bucket; returns how many it moved. It holds all logs, like most deeds."""

    def story(book: Book) -> Story[int]:
        yield [KEYS.each([(citizen,) for citizen in citizens])]
        yield TURN
        if bucket not in book.logs:
            raise Misconfigured("there is no log of this bucket that takes entries")
        moved = 0
        for citizen in citizens:
            row = book.get(KEYS, citizen)
            if row is not None and row.bucket != bucket:  # erased meanwhile, or moved by another process
                book.put(KEYS, replace(row, bucket=bucket))
                moved += 1
        return moved

    return story


async def spread(house: House) -> int:
    """Move every citizen whose place is in another bucket than she is in, a hundred at once; returns how many.

    What a crash leaves undone is found again. Nobody notices: her pages and whoever she shares with go on meanwhile.
    """
    buckets = [pen.bucket for pen in house.scribe.pens]
    moved, after = 0, ""
    while rows := await house.store.read("keys.of_buckets", after, AT_ONCE):
        for target in buckets:
            found = [one for one, bucket in rows if bucket != target and place_of(one, buckets) == target]
            if found:
                moved += (await house.scribe.do(move(found, target))).outcome
        after = rows[-1][0]
    return moved
