"""A use feels wrong to her. The organisation learns how many people say so in a week, and never who.

Ten people at least, whole tens only, each kind of use by itself and no total, each week counted once after it is over:
so no two counts can be taken from each other to find one person.
"""

from consent.storage.book import TURN, Book, Story
from consent.storage.demands import CountedWeek, Misgiving, MisgivingCount
from consent.storage.kinds import COUNTED_WEEK, GRANT, MISGIVING, MISGIVING_COUNT, USE
from consent.words.errors import NotFound
from consent.words.ids import is_id
from consent.words.instants import HOUR, day

from .allowance import asks_to_count, count, fixed_mark
from .house import House

FEW = 10  # a smaller number could be people whom somebody knows
MOST_A_MINUTE = 10  # that one citizen says: nobody keeps our writing busy
_MOST = 1000


def week_of(at: int) -> int:
    """The UTC day number of the Monday before *at*; day 0 was a Thursday."""
    today = day(at)
    return today - (today + 3) % 7


async def doubt(house: House, *, citizen: str, use: str) -> None:
    """Say that a use feels wrong. A second time changes nothing. Raises NotFound for a use that is not about her.

    TooManyRequests when she says it too often in a minute.
    """
    if not is_id(use):
        raise NotFound("there is no such use")
    marks = fixed_mark(house, "doubt", citizen, MOST_A_MINUTE)

    def story(book: Book) -> Story[None]:
        asked = USE.by("by_id", use)
        yield [asked, MISGIVING.one(use), *asks_to_count(marks)]
        found = book.found(asked)
        yield [GRANT.one(one.grant) for one in found]
        yield TURN
        grant = book.get(GRANT, found[0].grant) if found else None
        if grant is None or grant.citizen != citizen or found[0].citizen != citizen:
            raise NotFound("there is no such use")
        if book.get(MISGIVING, use) is None:
            count(book, marks)
            book.put(
                MISGIVING,
                Misgiving(
                    use=use,
                    citizen=citizen,
                    organisation=grant.organisation,
                    purpose=grant.purpose,
                    template=found[0].template,
                    week=week_of(book.at),
                    at=book.at,
                ),
            )

    await house.scribe.do(story)


async def count_weeks(house: House) -> None:
    """Count each week that is over, once. Call it now and then."""
    # An hour of grace: a batch that began on Sunday may end on Monday.
    last = week_of(house.clock() - HOUR) - 7
    for (week,) in await house.store.read("misgiving.uncounted", last):
        people = await house.store.read("misgiving.people", week)

        def story(
            book: Book, week: int = week, people: list[tuple[str, str, str, int]] = people
        ) -> Story[None]:
            yield [COUNTED_WEEK.one(week)]
            yield TURN
            if book.get(COUNTED_WEEK, week) is not None:
                return
            book.put(COUNTED_WEEK, CountedWeek(week=week, at=book.at))
            for organisation, purpose, template, number in people:
                if number >= FEW:
                    counted = MisgivingCount(
                        week=week,
                        organisation=organisation,
                        purpose=purpose,
                        template=template,
                        people=number - number % FEW,
                    )
                    book.put(MISGIVING_COUNT, counted)

        await house.scribe.do(story)


async def counts_of(house: House, organisation: str) -> list[MisgivingCount]:
    """What one organisation may know, the newest week first; a week is the UTC day number of its Monday."""
    rows = await house.store.read("misgiving_count.of_organisation", organisation, _MOST)
    return [MISGIVING_COUNT.from_row(row) for row in rows]


async def doubted_at(house: House, use: str) -> int | None:
    """When she said that a use of hers feels wrong."""
    rows = await house.store.read(MISGIVING.get, use)
    return MISGIVING.from_row(rows[0]).at if rows else None
