"""How often people were asked, said yes, stopped: counted for everybody to see, in tens and by month.

The counting goes on behind the log, some entries at a time, and keeps a number a day and kind, of no person and no
organisation. What is shown is rounded down to tens, and of this month only what lies before today: otherwise somebody
who watches the numbers while the log grows would learn what an entry is about.
"""

from collections import Counter
from datetime import UTC, datetime

import msgspec

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import OPENING, TALLIED
from consent.storage.store import Statement
from consent.storage.tallies import Tallied
from consent.words.instants import DAY, HOUR, MINUTE, SECOND

from .house import House
from .publish import logs

PAGE = 2_000  # entries at a time
TENS = 10
# A batch that is on its way has an instant a little before its commit.
_SETTLED = MINUTE
_COUNTED = frozenset(
    {
        "granted",
        "amended",
        "disclosed",
        "used",
        "refused",
        "withdrawn",
        "revoked",
        "expired",
        "deletion_stated",
    }
)
# How long after a yes came the stop: less than so much (us); the last has no end.
SPANS: tuple[tuple[str, int | None], ...] = (
    ("hour", HOUR), ("day", DAY), ("week", 7 * DAY), ("month", 30 * DAY), ("half_year", 183 * DAY), ("longer", None),
)  # fmt: skip
_STOPPED = "stopped_within_"
LATE = "disclosed_after_the_end"

_Counts = Counter[tuple[int, str]]  # day and name


class _Said(msgspec.Struct):
    """What of an audit record is counted."""

    ev: str
    t: int
    c: int | None = None
    nbf: int | None = None


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in a month (`2026-11`), rounded down to tens."""

    month: str
    counts: dict[str, int]
    late: int  # disclosures after the end of their grant, to the last one
    is_over: bool


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """All months, the newest first, and what follows from the rounded numbers of all of them together."""

    months: tuple[Month, ...]
    counts: dict[str, int]
    yes_percent: int | None  # of the answers; None: fewer than ten yes or no
    stopped_within: str | None  # of SPANS, the one in the middle; None: fewer than ten stops
    late: int  # disclosures after the end of their grant, to the last one


async def go_on(house: House) -> None:
    """Count what came since the last time, in all logs."""
    for log in await logs(house):
        while await _count_some(house, log):
            pass
    await _count_noes(house)


async def _count_some(house: House, log: str) -> bool:
    """Count a page of entries; answers whether there may be more."""
    begin = await _next(house, log)
    rows = await house.store.read("tally.openings", log, begin, PAGE)
    if not rows:
        return False
    counts: _Counts = Counter()
    for _, record in rows:
        said = msgspec.json.decode(record, type=_Said)
        day = said.t * SECOND // DAY
        if said.ev in _COUNTED:
            counts[day, said.ev] += 1
        if said.ev == "withdrawn" and said.c is not None:
            span = await _span(house, log, said.c, said.t)
            if span is not None:
                counts[day, _STOPPED + span] += 1
    end = rows[-1][0] + 1
    for _, at in await house.store.read("tally.late", log, begin, end):
        counts[at // DAY, LATE] += 1
    await _keep(house, log, begin, end, counts)
    return len(rows) == PAGE


async def _span(house: House, log: str, began: int, at: int) -> str | None:
    """How long the grant lived that began at this entry; None when that can no longer be opened."""
    for row in await house.store.read(OPENING.get, log, began):
        said = msgspec.json.decode(OPENING.from_row(row).record, type=_Said)
        lived = (at - (said.nbf or said.t)) * SECOND
        return next(name for name, until in SPANS if until is None or lived < until)
    return None


async def _count_noes(house: House) -> None:
    """The log does not say who said no to whom, so the answers themselves are counted."""
    begin, end = await _next(house, "declined"), house.clock() - _SETTLED
    if end <= begin:
        return
    rows = await house.store.read("tally.declined", begin, end)
    await _keep(house, "declined", begin, end, Counter((at // DAY, "declined") for (at,) in rows))


async def _next(house: House, what: str) -> int:
    rows = await house.store.read(TALLIED.get, what)
    return TALLIED.from_row(rows[0]).next if rows else 0


async def _keep(house: House, what: str, begin: int, end: int, counts: _Counts) -> None:
    def story(book: Book) -> Story[None]:
        yield [TALLIED.one(what)]
        yield TURN
        there = book.get(TALLIED, what)
        if (there.next if there is not None else 0) != begin:
            return  # another process of ours has counted these
        book.put(TALLIED, Tallied(what=what, next=end))
        rows = [(month_of(day), day, name, count) for (day, name), count in counts.items()]
        if rows:
            book.also(Statement("tally.add", rows))

    await house.scribe.do(story)


async def statistics(house: House) -> Statistics:
    """The numbers for everybody, up to the end of yesterday (UTC)."""
    today = house.clock() // DAY
    exact: dict[int, dict[str, int]] = {}
    for month, name, count in await house.store.read("tally.months", today):
        exact.setdefault(month, {})[name] = count
    months = tuple(
        Month(
            month=written(month),
            counts=_rounded(exact[month]),
            late=exact[month].get(LATE, 0),
            is_over=month < month_of(today),
        )
        for month in sorted(exact, reverse=True)
    )
    total: Counter[str] = Counter()
    for month in months:
        total.update(month.counts)
    yes, no = total["granted"], total["declined"]
    return Statistics(
        months=months,
        counts=dict(total),
        yes_percent=100 * yes // (yes + no) if yes and no else None,
        stopped_within=_middle(total),
        late=sum(month.late for month in months),
    )


def _rounded(counts: dict[str, int]) -> dict[str, int]:
    return {name: count // TENS * TENS for name, count in counts.items() if name != LATE}


def _middle(counts: Counter[str]) -> str | None:
    stops = [(name, counts[_STOPPED + name]) for name, _ in SPANS]
    half, seen = sum(count for _, count in stops) / 2, 0
    for name, count in stops:
        seen += count
        if seen and seen >= half:
            return name
    return None


def month_of(day: int) -> int:
    """The number of the month in which a day (since 1970, UTC) lies: twelve a year."""
    at = datetime.fromtimestamp(day * (DAY // SECOND), UTC)
    return at.year * 12 + at.month - 1


def written(month: int) -> str:
    """The number of a month as `2026-11`."""
    return f"{month // 12:04}-{month % 12 + 1:02}"
