"""The watermark: below it nothing opens any more, one entry says so, and no running grant is cut off."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consent.acts import retain as retaining
from consent.acts.disclose import Given, Refused
from consent.acts.house import House
from consent.acts.operate import Operator
from consent.acts.retain import Retained, first_kept, go_on
from consent.acts.timeline import timeline
from consent.errands.sweeping import keep_no_longer
from consent.storage.store import Row
from consent.words.errors import Misconfigured
from consent.words.instants import SECOND
from tests.world import START, World

DAY = 24 * 3600
ANNA = Operator("anna")


async def retain(house: House, *, before: int, by: Operator) -> Retained:
    """In a service with one log."""
    (one,) = await retaining.retain(house, before=before, by=by)
    return one


async def opened(world: World) -> list[dict[str, Any]]:
    return [msgspec.json.decode(msgspec.json.decode(line)["A"]) async for line in world.openings()]


async def size(world: World) -> int:
    return int((await world.house.store.read("head.get", world.house.log))[0][2])


async def test_what_is_old_opens_no_more_and_the_log_stays_good(world: World, tmp_path: Path) -> None:
    old = await world.given()
    out = await world.disclose(old.tokens, key="k")
    assert isinstance(out, Given)
    await world.stop(old.grant)
    end = await size(world)
    world.pass_time(60)
    fresh = await world.given(citizen=world.citizen("riet"))
    assert await retain(world.house, before=world.at, by=ANNA) == Retained(world.house.log, end, True)
    assert [record["i"] for record in await opened(world)] == [end]
    assert (await timeline(world.house, citizen=old.citizen, language="en")).months == ()
    assert await world.house.store.read("disclosed.get", out.disclosure) == []
    # A retry of what no longer opens: refused as ever, and nothing breaks.
    assert await world.disclose(old.tokens, key="k") == Refused("not_active")
    assert isinstance(await world.disclose(fresh.tokens), Given)
    report = await world.audit(tmp_path / "log", openings=False)
    assert report.exit_code == 0, report.sentences


async def test_a_running_grant_holds_it_back_and_no_grant_is_cut_in_two(world: World) -> None:
    first = await world.given()
    await world.stop(first.grant)
    running = await world.given(citizen=world.citizen("riet"))
    short = await world.given()
    world.pass_time(DAY)
    await world.stop(short.grant)
    began = next(record["i"] for record in await opened(world) if record.get("n") == 0 and record["i"] > 2)
    assert (await retain(world.house, before=world.at + DAY * SECOND, by=ANNA)).below == began
    await world.stop(running.grant, citizen=running.citizen)
    # Between the two days lies the short one, of which the end is later than that.
    cut = (await retain(world.house, before=world.at, by=ANNA)).below
    assert cut == began
    world.pass_time(1)
    end = await size(world)
    assert (await retain(world.house, before=world.at, by=ANNA)).below == end
    assert await opened(world) == []


async def test_a_second_time_says_nothing_and_it_never_goes_back(world: World) -> None:
    given = await world.given()
    await world.stop(given.grant)
    world.pass_time(DAY)
    one, two = await asyncio.gather(
        retain(world.house, before=world.at, by=ANNA), retain(world.house, before=world.at, by=ANNA)
    )
    assert one.below == two.below
    before = await size(world)
    assert await retain(world.house, before=world.at, by=ANNA) == Retained(world.house.log, one.below, False)
    assert await retain(world.house, before=0, by=ANNA) == Retained(world.house.log, one.below, False)
    assert await size(world) == before


async def test_a_crash_between_the_batches_is_taken_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    given = await world.given()
    for number in range(5):
        await world.disclose(given.tokens, key=str(number))
    await world.stop(given.grant)
    other = await world.given(citizen=world.citizen("riet"))
    await world.stop(other.grant, citizen=other.citizen)
    world.pass_time(DAY)
    monkeypatch.setattr(retaining, "MOST_AT_ONCE", 2)
    monkeypatch.setattr(retaining, "_PEOPLE", 1)

    async def crash(house: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(retaining, "go_on", crash)
        with pytest.raises(KeyboardInterrupt):
            await retain(world.house, before=world.at, by=ANNA)
    assert len(await opened(world)) == 9
    steps = 0
    while await go_on(world.house):
        steps += 1
    assert (steps, await opened(world)) == (5, [])
    for citizen in (given.citizen, other.citizen):
        assert (await timeline(world.house, citizen=citizen, language="en")).months == ()


async def test_what_was_looked_through_is_not_looked_through_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every minute there may be nothing to do, and millions of people."""
    given = await world.given()
    await world.stop(given.grant)
    world.pass_time(DAY)
    await retain(world.house, before=world.at, by=ANNA)
    later = await world.given()
    await world.stop(later.grant)
    asked = []
    store = world.house.store
    read = store.read

    async def noted(name: str, *parameters: Any) -> list[Row]:
        asked.append(name)
        return await read(name, *parameters)

    monkeypatch.setattr(store, "read", noted)
    assert not await go_on(world.house)
    assert set(asked) == {"watermark.all", "retain.any"}
    world.pass_time(DAY)
    await retain(world.house, before=world.at, by=ANNA)
    assert "citizen.ids" in asked
    assert (await timeline(world.house, citizen=given.citizen, language="en")).months == ()


@pytest.mark.parametrize(
    ("period", "today", "first"),
    [
        ("7y", "2033-05-17T23:59:59", "2026-05-17"),
        ("1y", "2032-02-29T12:00:00", "2031-02-28"),
        ("4y", "2032-02-29T12:00:00", "2028-02-29"),
        ("1m", "2030-03-31T00:00:00", "2030-02-28"),
        ("3m", "2030-01-31T00:00:00", "2029-10-31"),
        ("13m", "2030-01-15T00:00:00", "2028-12-15"),
        ("400d", "2030-03-17T17:46:40", "2029-02-10"),
        ("99y", "2030-01-01T00:00:00", "1970-01-01"),
    ],
)
def test_how_long_is_counted_in_days_of_the_calendar(period: str, today: str, first: str) -> None:
    instant = int(datetime.fromisoformat(f"{today}+00:00").timestamp()) * SECOND
    kept = int(datetime.fromisoformat(f"{first}T00:00:00+00:00").timestamp()) * SECOND
    assert first_kept(period, at=instant) == kept


@pytest.mark.parametrize("period", ["7", "y", "0y", "-1y", "7 y", "7Y", "1.5y", "99999d", "7y\n"])
def test_a_period_that_is_none_is_refused(period: str) -> None:
    with pytest.raises(Misconfigured, match="such as 7y"):
        first_kept(period, at=START)


async def test_a_setting_does_it_once_what_is_old_enough(world: World, tmp_path: Path) -> None:
    old = await world.given()
    await world.stop(old.grant)
    await keep_no_longer(world.house, "7d")  # what opened the log itself is older in this world
    end = await size(world)
    world.pass_time(6 * DAY)
    await keep_no_longer(world.house, "7d")
    assert await size(world) == end  # no entry says that nothing happened
    await world.given(citizen=world.citizen("riet"))
    world.pass_time(2 * DAY)
    await keep_no_longer(world.house, "7d")
    assert {record["i"] for record in await opened(world)} == {end}
    assert (await world.audit(tmp_path / "log", openings=False)).exit_code == 0


async def test_a_clock_that_is_doubted_deletes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attack: whoever moves the machine's clock by years would have all deleted that shows what was done."""
    old = await world.given()
    await world.stop(old.grant)
    before = await opened(world)
    world.pass_time(20 * 365 * DAY)
    monkeypatch.setattr(type(world.house.timekeeper), "is_doubted", property(lambda _: True))
    await keep_no_longer(world.house, "7y")
    assert await opened(world) == before
