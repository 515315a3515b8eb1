"""What the machine does to us: a clock that jumps, a full disk, callers that go away, a queue that is full.

Each time the answer is one clear no, nothing is half done, and the house works again as soon as it can.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from consent.acts import scribe as scribes
from consent.acts.disclose import Given, Refused
from consent.acts.scribe import Scribe
from consent.opening import DATABASE
from consent.storage.book import TURN, Book, Story
from consent.storage.sqlite import SqliteStore
from consent.storage.store import Batch, Row, T, Unavailable
from consent.web.errors import api_error, oauth_error, page_error
from consent.words.errors import InvalidToken, Overloaded
from tests.faults.stopping_store import everything
from tests.world import World

HOUR = 3600


async def times(world: World) -> list[int]:
    """The instants of all openings in the order of the log."""
    rows: list[int] = []
    for index in range((await world.house.store.read("head.get", world.house.log))[0][2]):
        for row in await world.house.store.read("opening.get", world.house.log, index):
            rows.append(row[3])
    return rows


# The clock


async def test_when_the_clock_goes_back_time_in_the_log_stands_still(world: World, tmp_path: Path) -> None:
    given = await world.given()
    assert isinstance(await world.disclose(given.tokens), Given)
    world.pass_time(-120)
    stopped = await world.stop(given.grant)
    world.pass_time(60)
    assert await world.disclose(given.tokens) == Refused("not_active")
    recorded = await times(world)
    assert recorded == sorted(recorded)
    assert (
        stopped.grant.ended_at == world.at + 60 * 1_000_000
    )  # not before the disclosure that came before it
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


async def test_a_clock_that_goes_back_brings_no_ended_grant_to_life(world: World) -> None:
    given = await world.given(days=1)
    other = await world.given(citizen=world.citizen("amal"), days=2)
    world.pass_time(24 * HOUR)
    stopped = await world.stop(given.grant)
    assert stopped.grant.state == "expired"
    world.pass_time(-24 * HOUR)
    with pytest.raises(InvalidToken):
        await world.disclose(given.tokens)
    # Her access token lapsed a day ago by the clock that the log has seen, whatever the machine's says now.
    with pytest.raises(InvalidToken):
        await world.disclose(other.tokens)


async def test_a_clock_that_jumps_ahead_ends_grants_at_their_instant_and_not_before(world: World) -> None:
    given = await world.given(days=1)
    assert given.tokens.grant is not None
    last = given.tokens.grant.expires_at - 1_000_000
    world.pass_time((last - world.at) / 1_000_000)
    assert (await world.stop(given.grant)).grant.state == "withdrawn"
    again = await world.given(days=1)
    assert again.tokens.grant is not None
    world.pass_time((again.tokens.grant.expires_at - world.at) / 1_000_000)
    assert (await world.stop(again.grant)).grant.state == "expired"


# The disk


class SmallDisk:
    """A real SQLite store whose file may not grow: SQLite then answers SQLITE_FULL, as a full disk does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._real: SqliteStore | None = None

    async def fill(self) -> None:
        """No page more than there are now."""
        await self._limit(1)  # SQLite raises the limit to the present size by itself

    async def make_room(self) -> None:
        """As large as it likes."""
        await self._limit(1_000_000)

    async def write(self, batch: Batch[T]) -> T:
        return await (await self._opened()).write(batch)

    async def read(self, name: str, *parameters: Any) -> list[Row]:
        return await (await self._opened()).read(name, *parameters)

    async def close(self) -> None:
        if self._real is not None:
            await self._real.close()

    async def _limit(self, pages: int) -> None:
        await (await self._opened())._writer.execute_fetchall(f"PRAGMA max_page_count = {pages}")

    async def _opened(self) -> SqliteStore:
        if self._real is None:
            self._real = await SqliteStore.open(self._path)
        return self._real


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[tuple[World, SmallDisk, Path]]:
    path = tmp_path / "data" / DATABASE
    disk = SmallDisk(path)
    try:
        async with World.open(tmp_path / "data", store=disk) as world:
            yield world, disk, path
    finally:
        await disk.close()


async def test_on_a_full_disk_nothing_is_given_out_and_afterwards_all_works_again(
    small: tuple[World, SmallDisk, Path], tmp_path: Path
) -> None:
    world, disk, path = small
    given = await world.given()
    # Values that are no longer needed leave room inside the file: use it up first.
    await disk.fill()
    refused = 0
    for attempt in range(60):
        before = everything(path)
        try:
            answer = await world.disclose(given.tokens, key=f"attempt {attempt}")
        except Unavailable:
            refused += 1
            assert everything(path) == before
        else:
            assert isinstance(answer, Given | Refused)
            if answer == Refused("too_often"):
                given = await world.given()
        if refused == 3:
            break
    assert refused == 3, "the disk never was full"
    await disk.make_room()
    assert isinstance(await world.disclose(given.tokens, key="room again"), Given)
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


async def test_on_a_full_disk_all_who_wait_hear_it_at_once(small: tuple[World, SmallDisk, Path]) -> None:
    world, disk, path = small
    given = [await world.given(citizen=world.citizen(name)) for name in ("sanne", "amal", "riet")]
    await disk.fill()
    results: list[object] = []
    while Unavailable not in map(type, results):
        before = everything(path)
        results = await asyncio.gather(
            *(world.disclose(one.tokens) for one in given for _ in range(8)), return_exceptions=True
        )
    assert {type(result) for result in results} == {Unavailable}, "one batch has one fate"
    assert everything(path) == before


@pytest.mark.parametrize("fault", [Overloaded("too much"), Unavailable("no room")])
def test_what_cannot_be_written_now_is_a_503_with_retry_after_in_every_language(fault: Exception) -> None:
    for status, headers, _ in (api_error(fault), oauth_error(fault)):
        assert (status, headers["retry-after"]) == (503, "1")
    assert page_error(fault) == (503, "unavailable")


# Callers and deeds


async def test_a_storm_of_cancelled_callers_leaves_no_torn_transaction(world: World, tmp_path: Path) -> None:
    given = await world.given()
    await world.stop(given.grant)  # refusals may come as often as they like
    storm = [asyncio.create_task(world.disclose(given.tokens)) for _ in range(300)]
    for step, task in enumerate(storm):
        if step % 10 == 0:
            await asyncio.sleep(0)
        if step % 3:
            task.cancel()
    results = await asyncio.gather(*storm, return_exceptions=True)
    answered = [result for result in results if not isinstance(result, asyncio.CancelledError)]
    assert 0 < len(answered) < 300
    assert answered == [Refused("not_active")] * len(answered)
    # The count that the citizen reads is at least what was answered: a caller who left may have been counted.
    ((_, _, _, count, _),) = await world.house.store.read("refusal.of_citizen", given.citizen)
    assert len(answered) <= count <= 300
    fresh = await world.given()
    assert isinstance(await world.disclose(fresh.tokens), Given)
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


def raises_at_its_turn(book: Book) -> Story[None]:
    """A story with a fault of its own, which nobody expects."""
    yield []
    yield TURN
    raise ZeroDivisionError


def raises_while_reading(book: Book) -> Story[None]:
    yield []
    raise ZeroDivisionError


@pytest.mark.parametrize("faulty", [raises_at_its_turn, raises_while_reading])
async def test_a_deed_with_a_fault_of_its_own_harms_nobody_else_in_its_batch(
    world: World, faulty: scribes.Deed[None], tmp_path: Path
) -> None:
    given = await world.given()
    results = await asyncio.gather(
        world.disclose(given.tokens),
        world.house.scribe.do(faulty),
        world.disclose(given.tokens),
        world.stop(given.grant),
        world.house.scribe.do(faulty),
        world.disclose(given.tokens),
        return_exceptions=True,
    )
    first, fault, second, stopped, other_fault, refused = results
    assert (type(fault), type(other_fault)) == (ZeroDivisionError, ZeroDivisionError)
    assert isinstance(first, Given)
    assert isinstance(second, Given)
    assert not isinstance(stopped, BaseException)
    assert refused == Refused("not_active")
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


async def test_when_the_queue_is_full_the_next_is_told_so_and_those_who_wait_are_served(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scribes, "MOST_WAITING", 20)
    given = await world.given()
    await world.stop(given.grant)
    results = await asyncio.gather(*(world.disclose(given.tokens) for _ in range(30)), return_exceptions=True)
    assert results[:20] == [Refused("not_active")] * 20
    assert {type(result) for result in results[20:]} == {Overloaded}


async def test_a_scribe_that_stops_writes_what_is_waiting_and_takes_no_more(world: World) -> None:
    given = await world.given()
    waiting = [asyncio.create_task(world.disclose(given.tokens)) for _ in range(3)]
    await asyncio.sleep(0)
    await world.house.scribe.stop()
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert {type(one) for one in answers} == {Given}
    with pytest.raises(Overloaded):
        await world.disclose(given.tokens)


async def test_a_scribe_without_work_stops_at_once(world: World) -> None:
    idle = Scribe(
        world.house.store,
        pens=world.house.scribe.pens,
        ring=world.house.ring,
        clock=world.house.clock,
    )
    idle.start()
    await asyncio.wait_for(idle.stop(), 5)
