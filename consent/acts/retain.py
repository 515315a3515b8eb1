"""The operator keeps what opens the log for so long and no longer: a watermark, below which all of it goes.

One control entry for each log says so, with one index; nothing says whose entries lie below it. The leaves stay.
"""

import re
from datetime import UTC, datetime, timedelta

import msgspec

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import HEAD, WATERMARK
from consent.storage.logs import bucket_of
from consent.storage.rows import Watermark
from consent.storage.store import Statement
from consent.words.errors import Misconfigured
from consent.words.instants import SECOND

from .house import House
from .operate import Operator, write_down
from .scribe import Deed

MOST_AT_ONCE = (
    2_000  # rows of each kind that one deed deletes: what is asked meanwhile must not wait for more
)

_PEOPLE = 100  # whose entries one statement looks through

BY_SETTING = Operator("retain-setting")  # in the journal
_PERIOD = re.compile(r"([1-9][0-9]{0,3})([ymd])", re.ASCII)


def first_kept(period: str, *, at: int) -> int:
    """The first instant that is kept at *at*: the day that is *period* ago, such as `7y`, `18m` or `400d` (UTC).

    Raises Misconfigured.
    """
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise Misconfigured("retain is a number of years, months or days, such as 7y")
    count, today = int(match[1]), datetime.fromtimestamp(at // SECOND, UTC)
    day = datetime(today.year, today.month, today.day, tzinfo=UTC)
    if match[2] == "d":
        return int((day - timedelta(days=count)).timestamp()) * SECOND
    year, month = divmod(day.year * 12 + day.month - 1 - count * (12 if match[2] == "y" else 1), 12)
    if year < 1970:
        return 0
    # From 29 February one year back leads to the 28th, so that nothing goes too early.
    last = (datetime(year + month // 11, (month + 1) % 12 + 1, 1, tzinfo=UTC) - timedelta(days=1)).day
    return int(datetime(year, month + 1, min(day.day, last), tzinfo=UTC).timestamp()) * SECOND


class Retained(msgspec.Struct, frozen=True):
    """Where the watermark of a log stands now, and whether this moved it."""

    log: str
    below: int
    moved: bool


async def retain(house: House, *, before: int, by: Operator) -> list[Retained]:
    """Delete all that opens or tells entries from before *before* (microseconds), as far as no grant needs it.

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
                about: dict[str, object] = {"ev": "retention.watermark", "of": head.origin, "below": below}
                book.record_control(about, bucket=bucket_of(head.log))
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
        # Nothing comes to lie there later, so once is enough.
        deleted = house.pulse.retained.get(log) != below and await _delete_details(house, log, below)
        house.pulse.retained[log] = below
        if await house.store.read("retain.any", log, below):
            names = ("retain.memos", "retain.disclosures", "retain.openings")
            await house.scribe.do(_delete(names, log, below, MOST_AT_ONCE))
            deleted = True
        if deleted:
            if not await house.store.read("retain.any", log, below):
                await house.store.scrub()
            return True
    return False


async def _delete_details(house: House, log: str, below: int) -> bool:
    """Delete what is kept for its citizens of the entries below an index; whether there was anything.

    It lies in the order of the people, and not of the log: so they are gone through, some at a time.
    """
    deleted, last = False, ""
    while people := await house.store.read("citizen.ids", last, _PEOPLE):
        among = (log, below, last, people[-1][0])
        while await house.store.read("retain.any_details", *among):
            await house.scribe.do(_delete(("retain.details",), *among, MOST_AT_ONCE))
            deleted = True
        last = people[-1][0]
    return deleted


def _delete(names: tuple[str, ...], *parameters: object) -> Deed[None]:
    def story(book: Book) -> Story[None]:
        yield TURN
        for name in names:
            book.also(Statement(name, [parameters]))

    return story


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
