"""What an organisation learns of a week: people in tens, once, and nothing that tells one of them from the others."""

import pytest

from consent.acts import count as counting
from consent.acts import doubt
from consent.acts import grant as granting
from consent.acts.answers import standing_of
from consent.words.instants import SECOND
from tests.world import NEEDED, World

DAY = 86_400
CITY, OTHER = "voorbeeldstad", "voorbeeldhuis"


async def a_week_of(world: World) -> None:
    """Two people say yes, one of them twice, one says no, and one stops."""
    for persona in ("sanne", "amal"):
        given = await world.given(citizen=world.citizen(persona), chosen=NEEDED)
    for _ in range(2):
        no = await world.answer(
            await world.ask(), citizen=world.citizen("daan"), decision="no", chosen=frozenset()
        )
        assert isinstance(no, granting.Answered)
    await world.stop(given.grant, citizen=given.citizen)


async def people(world: World, organisation: str = CITY) -> dict[str, int]:
    await counting.go_on(world.house)
    weeks = await counting.weeks_of(world.house, organisation)
    assert all((one.week + 3) % 7 == 0 for one in weeks)  # Mondays; day 0 was a Thursday
    return {name: sum(one.people[name] for one in weeks) for name in counting.NAMES}


async def test_people_are_counted_and_not_times(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "FEW", 1)
    await a_week_of(world)
    assert await people(world) == dict.fromkeys(counting.NAMES, 0)  # the week is not over
    world.pass_time(8 * DAY)
    assert await people(world) == {"yes": 2, "no": 1, "stopped": 1, "refused": 0}
    assert await people(world, OTHER) == dict.fromkeys(counting.NAMES, 0)
    assert await people(world) == {"yes": 2, "no": 1, "stopped": 1, "refused": 0}


async def test_fewer_than_ten_is_all_that_is_kept_of_a_few(world: World) -> None:
    await a_week_of(world)
    world.pass_time(8 * DAY)
    assert await people(world) == dict.fromkeys(counting.NAMES, 0)
    assert await world.house.store.read("weekly.of_organisation", CITY, 0) == []


@pytest.mark.parametrize(("number", "shown"), [(9, 0), (10, 10), (19, 10), (20, 20)])
async def test_whole_tens_only(
    world: World, monkeypatch: pytest.MonkeyPatch, number: int, shown: int
) -> None:
    read = world.house.store.read

    async def crowded(name: str, *values: object) -> list[tuple[object, ...]]:
        return [(CITY, "yes", number)] if name == "weekly.answers" else await read(name, *values)  # type: ignore[arg-type]

    monkeypatch.setattr(world.house.store, "read", crowded)
    await counting.go_on(world.house)
    rows = await read("weekly.of_organisation", CITY, 0)
    assert rows == [(week, "yes", shown) for week, *_ in rows]
    assert bool(rows) == bool(shown)


async def test_a_week_is_counted_once_and_the_number_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a number that falls when somebody erases her account tells what she had answered."""
    monkeypatch.setattr(counting, "FEW", 1)
    await a_week_of(world)
    world.pass_time(8 * DAY)
    before = await people(world)
    week = doubt.week_of(world.house.clock()) - 7
    monkeypatch.setattr(counting, "FEW", 2)
    await counting._count(world.house, week)  # as another process that read before this one wrote
    world.pass_time(7 * DAY)
    assert await people(world) == before


async def test_a_doubted_clock_counts_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(world.house.timekeeper), "is_doubted", True)
    await counting.go_on(world.house)
    assert await counting.weeks_of(world.house, CITY) == []


async def test_how_signals_stand(world: World) -> None:
    given = await world.given(citizen=world.citizen("sanne"), chosen=NEEDED)
    await world.stop(given.grant, citizen=given.citizen)
    (one,) = (await standing_of(world.house, CITY)).values()
    assert (one.delivered, one.waiting, one.given_up, one.overdue) == (0, 1, 0, 0)
    world.pass_time(world.house.acknowledge_within // SECOND)
    (one,) = (await standing_of(world.house, CITY)).values()
    assert one.overdue == 1
    assert await standing_of(world.house, OTHER) == {}
