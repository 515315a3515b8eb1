"""Two processes on one database sweep at the same time: what has to happen once happens once, in either of them."""

import asyncio
from pathlib import Path

import pytest

from consent.acts import erase as erasing
from consent.acts import tally
from consent.acts.house import House
from consent.acts.rewrap import under
from consent.commands.ring import rotate
from consent.errands import sweeping
from consent.errands.sweeping import sweep
from consent.opening import open_house, prepare
from consent.storage.kinds import CITIZEN, KEYS
from tests.acts.test_erase import records
from tests.postgres import Cluster
from tests.world import NEEDED, World

DAY = 24 * 3600


async def test_both_work_and_nothing_is_done_twice(
    postgres: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "MINUTE", 10_000)
    monkeypatch.setattr(tally, "PAGE", 2)
    database = await postgres.database()
    async with World.open(tmp_path / "data", database=database) as world:
        store = await prepare(world.settings)
        other = await open_house(world.settings, store, world.house.clock)
        other.scribe.start()
        houses = (world.house, other)
        rotate(world.settings.folder, at=world.at)
        for persona in ("sanne", "amal"):
            given = await world.given(citizen=world.citizen(persona), chosen=NEEDED, days=10)
            await world.disclose(given.tokens)
        citizen = world.citizen("sanne")
        await erasing.leave(world.house, citizen=citizen)
        keys = KEYS.from_row((await store.read(KEYS.get, citizen))[0])
        # In the memory of a process that may not be the one that erases her.
        remembered = [cache for house in houses for cache in (house.unwrapped, house.scribe._unwrapped)]
        for cache in remembered:
            cache.in_log(citizen, cache.of(keys), world.house.scribe.pen.origin)
        await asyncio.gather(*(tally.go_on(house) for house in houses))  # step by step, side by side
        tasks = [asyncio.create_task(sweep(house, world.settings.folder)) for house in houses]
        try:
            for days in (2, 9, 9):  # the endings, a grant that ends by itself, the erasure
                world.pass_time(days * DAY)
                await swept(houses)
            assert not any(task.done() for task in tasks)
            assert [house.pulse.sweeps_failed for house in houses] == [0, 0]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await other.scribe.stop()
            await store.close()
        assert await world.house.store.read(CITIZEN.get, citizen) == []
        secret = world.house.ring.unwrap(keys).subject.reveal()
        for cache in remembered:
            assert citizen not in {name[0] for name in cache._in_log}
            assert secret not in {one.subject.reveal() for one in cache._keys.values()}
        assert set(await under(world.house)) == {"ring-2"}
        rows = await world.house.store.read("tally.months", 10**9)
        counted = {name: sum(count for _, other, count in rows if other == name) for _, name, _ in rows}
        assert (counted["granted"], counted["disclosed"], counted["expired"]) == (2, 2, 1)
        events = [record["ev"] for record in await records(world)]
        assert {name: events.count(name) for name in ("erased", "expired", "frozen")} == {
            "erased": 1,
            "expired": 1,
            "frozen": 1,
        }
        await world.audit(tmp_path / "log")


async def swept(houses: tuple[House, ...]) -> None:
    """Wait until each has gone round twice since now: what one began before the clock moved does not count."""
    async with asyncio.timeout(240):
        for house in houses:
            for _ in range(2):
                house.pulse.swept_at = None
                while not await went_round(house):
                    pass


async def went_round(house: House) -> bool:
    await asyncio.sleep(0.02)
    return house.pulse.swept_at is not None
