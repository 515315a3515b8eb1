"""Attack: an organisation finds out who said that a use feels wrong, or one person makes it look like many.

What it would win: a name to hold it against, or a false alarm.
What stops it: people are counted and not taps; ten at least, whole tens, each kind of use by itself, each week once.
"""

import pytest

from consent.acts.disclose import Given
from consent.acts.doubt import MOST_A_MINUTE, count_weeks, counts_of, doubt, doubted_at, week_of
from consent.acts.use import Registered
from consent.storage.book import TURN, Book, Story
from consent.storage.demands import Misgiving
from consent.storage.kinds import MISGIVING
from consent.storage.store import Statement
from consent.words.errors import NotFound, TooManyRequests
from consent.words.instants import DAY, SECOND
from tests.world import World

WEEK = 7 * DAY // SECOND
ORGANISATION = "voorbeeldstad"


async def a_use(world: World, template: str = "letter") -> str:
    given = await world.given()
    got = await world.disclose(given.tokens)
    assert isinstance(got, Given)
    used = await world.use(given.tokens, got.disclosure, template=template)
    assert isinstance(used, Registered)
    return used.use


async def say(world: World, people: int, *, template: str = "letter", taps: int = 1) -> None:
    """So many others say it this week, each so often, about uses of their own."""
    citizens = [row[0] for row in await world.house.store.read("citizen.ids", "", 10_000)]

    def story(book: Book) -> Story[None]:
        yield TURN
        for number in range(people):
            for tap in range(taps):
                row = Misgiving(
                    use=f"{template}-{number}-{tap}-{book.at}",
                    citizen=citizens[number],
                    organisation=ORGANISATION,
                    purpose="energietoeslag",
                    template=template,
                    week=week_of(book.at),
                    at=book.at,
                )
                book.put(MISGIVING, row)

    await world.house.scribe.do(story)


async def more_people(world: World, number: int) -> None:
    from consent.storage.kinds import CITIZEN
    from consent.storage.rows import Citizen

    def story(book: Book) -> Story[None]:
        yield TURN
        for one in range(number):
            book.put(CITIZEN, Citizen(id=f"{one:032x}", status="active", created_at=book.at))

    await world.house.scribe.do(story)


async def told(world: World) -> list[tuple[str, int]]:
    return [(one.template, one.people) for one in await counts_of(world.house, ORGANISATION)]


async def a_week_later(world: World) -> None:
    world.pass_time(WEEK + 2 * 3600)
    await count_weeks(world.house)


def test_a_week_begins_on_monday() -> None:
    monday = 20_055 * DAY  # 28 November 2024 was day 20,055, a Thursday
    assert week_of(monday) == 20_052
    assert week_of(20_052 * DAY) == week_of(20_058 * DAY + DAY - 1) == 20_052
    assert week_of(20_059 * DAY) == 20_059


async def test_nine_tell_nothing_ten_tell_ten_and_nineteen_no_more_than_ten(world: World) -> None:
    await more_people(world, 30)
    for people, shown in ((9, []), (10, [10]), (19, [10]), (20, [20])):
        await say(world, people)
        await count_weeks(world.house)
        before = len(await told(world))
        await a_week_later(world)
        now = [number for _, number in await told(world)]
        assert len(now) - before == len(shown)
        assert now[:1] == shown or not shown


async def test_one_person_who_taps_a_hundred_times_is_one_person(world: World) -> None:
    await say(world, 1, taps=100)
    await a_week_later(world)
    assert await told(world) == []


async def test_a_week_is_counted_once_whoever_leaves_afterwards(world: World) -> None:
    """Counted again after each erasure, the difference would say what she who left had said."""
    await more_people(world, 12)
    await say(world, 10)
    await a_week_later(world)
    assert await told(world) == [("letter", 10)]

    def gone(book: Book) -> Story[None]:
        yield TURN
        book.also(Statement("wipe.misgivings", [(f"{0:032x}",)]))

    await world.house.scribe.do(gone)
    await count_weeks(world.house)
    assert await told(world) == [("letter", 10)]


async def test_there_is_no_total_from_which_a_small_count_could_be_taken(world: World) -> None:
    await more_people(world, 12)
    await say(world, 10)
    await say(world, 3, template="offer")
    await a_week_later(world)
    assert await told(world) == [("letter", 10)]
    assert await counts_of(world.house, "somebody-else") == []


async def test_the_week_that_runs_tells_nothing_yet(world: World) -> None:
    await more_people(world, 12)
    await say(world, 12)
    await count_weeks(world.house)
    assert await told(world) == []


async def test_only_she_can_say_it_of_her_own_use(world: World) -> None:
    use = await a_use(world)
    for name in (use, "0" * 32, "x"):
        with pytest.raises(NotFound):
            await doubt(world.house, citizen=world.citizen("riet"), use=name)
    assert await doubted_at(world.house, use) is None
    for _ in range(2):
        await doubt(world.house, citizen=world.citizen(), use=use)
    assert await doubted_at(world.house, use) == world.at


async def test_one_person_says_it_ten_times_a_minute_at_most(world: World) -> None:
    """About ever other uses, by a program; the same one again costs nothing and counts for nothing."""
    assert MOST_A_MINUTE < 12
    uses = []
    for number in range(12):
        uses.append(await a_use(world, "letter" if number % 2 else "offer"))
        world.pass_time(DAY / SECOND)
    for use in uses[:MOST_A_MINUTE]:
        await doubt(world.house, citizen=world.citizen(), use=use)
        await doubt(world.house, citizen=world.citizen(), use=use)
    with pytest.raises(TooManyRequests):
        await doubt(world.house, citizen=world.citizen(), use=uses[-1])
    assert await doubted_at(world.house, uses[-1]) is None
    world.pass_time(61)
    await doubt(world.house, citizen=world.citizen(), use=uses[-1])
    assert await doubted_at(world.house, uses[-1]) == world.at
