"""What an organisation may know of each week: how many people said yes, no or stopped, and were refused to it.

People are counted, in whole tens, each number by itself, each week once after it is over; then the number stays, also
when somebody erases her account. So no two numbers can be taken from each other to find one person.
"""

import msgspec

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import TALLIED
from consent.storage.store import Statement
from consent.storage.tallies import Tallied
from consent.words.instants import DAY, HOUR

from .doubt import FEW, week_of
from .house import House

NAMES = ("yes", "no", "stopped", "refused")
SHOWN = 8  # weeks
_WEEKS = "weeks"  # how far the counting came: the day number of the next Monday


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """A week, by the UTC day number of its Monday; people by NAMES, 0: fewer than ten."""

    week: int
    people: dict[str, int]


async def go_on(house: House) -> None:
    """Count each week that is over, once. A clock that is doubted counts nothing: a week is counted for good."""
    if house.timekeeper.is_doubted:
        return
    # An hour of grace: a batch that began on Sunday may end on Monday.
    this = week_of(house.clock() - HOUR)
    begin = await _next(house)
    for week in range(this - SHOWN * 7 if begin is None else begin, this, 7):
        await _count(house, week)


async def weeks_of(house: House, organisation: str) -> list[Week]:
    """The newest weeks that are counted, the newest first."""
    end = await _next(house)
    if end is None:
        return []
    counted = {
        (week, name): people
        for week, name, people in await house.store.read(
            "weekly.of_organisation", organisation, end - SHOWN * 7
        )
    }
    return [
        Week(week=week, people={name: counted.get((week, name), 0) for name in NAMES})
        for week in range(end - 7, end - 7 - SHOWN * 7, -7)
    ]


async def _next(house: House) -> int | None:
    rows = await house.store.read(TALLIED.get, _WEEKS)
    return TALLIED.from_row(rows[0]).next if rows else None


async def _count(house: House, week: int) -> None:
    begin, end = week * DAY, (week + 7) * DAY
    answers = await house.store.read("weekly.answers", begin, end)
    found = [(organisation, answer, people) for organisation, answer, people in answers]
    for name, statement, bounds in (
        ("stopped", "weekly.stops", (begin, end)),
        ("refused", "weekly.refusals", (week, week + 7)),
    ):
        found += [
            (organisation, name, people)
            for organisation, people in await house.store.read(statement, *bounds)
        ]
    rows = [
        (organisation, week, name, people - people % FEW)
        for organisation, name, people in found
        if people >= FEW
    ]

    def story(book: Book) -> Story[None]:
        yield [TALLIED.one(_WEEKS)]
        yield TURN
        there = book.get(TALLIED, _WEEKS)
        if there is not None and there.next > week:
            return  # another process of ours has counted it
        book.put(TALLIED, Tallied(what=_WEEKS, next=week + 7))
        if rows:
            book.also(Statement("weekly.add", rows))

    await house.scribe.do(story)
