"""A round of sweeping: one chore that fails or takes long keeps no other from being done."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from consent.acts.freeze import freeze
from consent.acts.house import House
from consent.errands import sweeping
from consent.errands.sweeping import sweep
from tests.world import World


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "MINUTE", 10_000)


@asynccontextmanager
async def sweeper(world: World) -> AsyncIterator[None]:
    task = asyncio.create_task(sweep(world.house, world.settings.folder))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(12_000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


def counting(seen: list[str], name: str) -> Callable[[House], Awaitable[None]]:
    async def chore(house: House) -> None:
        seen.append(name)

    return chore


async def test_what_comes_after_a_chore_that_fails_is_done_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(house: House) -> None:
        seen.append("broken")
        raise ValueError("a row that nobody foresaw")

    seen: list[str] = []
    monkeypatch.setattr(sweeping, "erase_on", broken)
    monkeypatch.setattr(sweeping, "count_on", counting(seen, "counted"))
    async with sweeper(world):
        await until(lambda: seen.count("counted") >= 2 and world.house.pulse.sweeps_failed >= 2)
    assert world.house.pulse.swept_at is None


async def test_what_takes_long_is_done_once_at_a_time_beside_the_rounds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(house: House, product: str | None = None) -> None:
        seen.append("slow")
        await may_end.wait()

    seen: list[str] = []
    may_end = asyncio.Event()
    monkeypatch.setattr(sweeping, "carry_grants", slow)
    monkeypatch.setattr(sweeping, "mail_notices", slow)
    monkeypatch.setattr(sweeping, "count_on", counting(seen, "counted"))
    async with sweeper(world):
        await until(lambda: seen.count("counted") >= 3 and world.house.pulse.swept_at is not None)
        assert seen.count("slow") == 2  # one of each
        may_end.set()
        await until(lambda: seen.count("slow") >= 4)  # mails again and again, the grants of a log once
    assert world.house.pulse.sweeps_failed == 0


async def test_when_nothing_can_be_written_a_round_says_so_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(sweeping, "count_on", counting(seen, "counted"))
    await world.house.store.write(freeze())
    async with sweeper(world):
        await until(lambda: world.house.pulse.sweeps_failed >= 2)
    assert seen == []
