"""The operator keeps what opens the log for so long and no longer: a watermark, below which all of it goes.

One control entry for each log says so, with one index; nothing says whose entries lie below it. The leaves stay.
"""

import msgspec

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import HEAD, WATERMARK
from consent.storage.rows import Watermark
from consent.storage.store import Statement

from .house import House
from .operate import Operator, write_down

MOST_AT_ONCE = (
    2_000  # rows of each kind that one deed deletes: what is asked meanwhile must not wait for more
)


class Retained(msgspec.Struct, frozen=True):
    """Where the watermark of a log stands now, and whether this moved it."""

    log: str
    below: int
    moved: bool


async def retain(house: House, *, before: int, by: Operator) -> list[Retained]:
    """Delete all openings and details of entries from before *before* (microseconds), as far as no grant needs them.

    A grant that still runs keeps the watermark below its first entry, so a long one can hold it back. The deleting goes
    on until it is done; after a crash `go_on` takes it up.
    """
    heads = [HEAD.from_row(row) for row in await house.store.read("head.all")]
    lowest = {head.log: await _lowest(house, head.log, before) for head in heads}

    def story(book: Book) -> Story[list[Retained]]:
        marks = WATERMARK.by("all")
        yield [marks]
        yield TURN
        outcome = []
        for head in heads:
            known = book.get(WATERMARK, head.log)
            below, stands = lowest[head.log], known.below if known is not None else 0
            if below > stands:
                book.record_control({"ev": "retention.watermark", "of": head.origin, "below": below})
                book.put(WATERMARK, Watermark(log=head.log, below=below, at=book.at))
                write_down(book, by, "retain", "log", head.log, f"below {below}")
            outcome.append(Retained(head.log, max(below, stands), below > stands))
        return outcome

    outcome = (await house.scribe.do(story)).outcome
    while await go_on(house):
        pass
    return outcome


async def go_on(house: House) -> bool:
    """Delete some of what lies below a watermark; False when nothing does, and then its bytes are gone too."""
    for log, below, _ in await house.store.read("watermark.all"):
        if not await house.store.read("retain.any", log, below):
            continue

        def story(book: Book, log: str = log, below: int = below) -> Story[None]:
            yield TURN
            for name in ("retain.memos", "retain.details", "retain.openings"):
                book.also(Statement(name, [(log, below, MOST_AT_ONCE)]))

        await house.scribe.do(story)
        if not await house.store.read("retain.any", log, below):
            await house.store.scrub()
        return True
    return False


async def _lowest(house: House, log: str, before: int) -> int:
    """The highest index below which no entry is from *before* or later and no grant is cut in two.

    Read beside the transaction: what ends meanwhile only stays a while longer, and nothing new begins below the end.
    """
    below = (await house.store.read("checkpoint.size_before", log, before))[0][0] or 0
    while True:
        for name in ("grant.first_running", "opening.first_across"):
            ((first,),) = await house.store.read(name, log, below)
            if first is not None:
                below = first
                break
        else:
            return int(below)
