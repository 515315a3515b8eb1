"""So many requests a minute and no more: together, over all processes and restarts, whatever the clock does."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import replace

from consent.acts.allowance import Mark, check_allowance, mark, use_up
from consent.acts.house import House, Limits
from consent.acts.redeem import redeem
from consent.acts.tidy import tidy
from consent.oauth.metadata import TOKEN_PATH
from consent.oauth.token import ClientCredentials
from consent.opening import open_house, prepare
from consent.words.errors import TooManyRequests
from consent.words.instants import DAY, SECOND
from tests.world import MUNICIPALITY, World

SOMEBODY = "203.0.113.7/32"


def limited(house: House, **limits: int) -> House:
    return replace(house, limits=Limits(**limits))


async def how_many(house: House, marks: tuple[Mark, ...], tries: int) -> int:
    """How many of so many tries at once are let through."""
    outcomes = await asyncio.gather(*[use_up(house, marks) for _ in range(tries)], return_exceptions=True)
    assert all(one is None or isinstance(one, TooManyRequests) for one in outcomes)
    return outcomes.count(None)


async def rows(house: House, marks: tuple[Mark, ...]) -> list[tuple[object, ...]]:
    return [row for one in marks for row in await house.store.read("allowance.get", one.key)]


async def test_requests_at_the_same_moment_do_not_get_more_than_one_after_another(world: World) -> None:
    house = limited(world.house, address=10)
    assert await how_many(house, mark(house, "address", SOMEBODY), 40) == 10


async def test_two_processes_count_together(world: World) -> None:
    one = limited(world.house, address=10)
    store = await prepare(world.settings)
    other = limited(await open_house(world.settings, store, world.house.clock), address=10)
    other.scribe.start()
    try:
        both = await asyncio.gather(
            how_many(one, mark(one, "address", SOMEBODY), 20),
            how_many(other, mark(other, "address", SOMEBODY), 20),
        )
    finally:
        await other.scribe.stop()
        await store.close()
    assert sum(both) == 10


async def test_a_minute_after_the_first_request_there_is_a_new_allowance_and_not_before(world: World) -> None:
    house = limited(world.house, address=2)
    marks = mark(house, "address", SOMEBODY)
    assert await how_many(house, marks, 2) == 2
    world.pass_time(59)
    with pytest.raises(TooManyRequests) as no:
        await use_up(house, marks)
    assert no.value.wait == 1
    world.pass_time(1)
    assert await how_many(house, marks, 3) == 2


async def test_who_is_turned_away_waits_no_longer_for_trying_and_writes_nothing(world: World) -> None:
    house = limited(world.house, address=2)
    marks = mark(house, "address", SOMEBODY)
    await how_many(house, marks, 2)
    before = await rows(house, marks)
    world.pass_time(30)
    assert await how_many(house, marks, 10) == 0
    with pytest.raises(TooManyRequests):
        await check_allowance(house, marks)
    assert await rows(house, marks) == before


async def test_a_clock_that_is_set_back_gives_nothing_new_and_shuts_nobody_out(world: World) -> None:
    house = limited(world.house, address=2)
    marks = mark(house, "address", SOMEBODY)
    world.pass_time(3000)
    await how_many(house, marks, 1)
    world.pass_time(-2000)
    assert await how_many(house, marks, 3) == 1
    with pytest.raises(TooManyRequests) as no:
        await use_up(house, marks)
    assert no.value.wait == 60
    world.pass_time(60)
    assert await how_many(house, marks, 3) == 2


async def test_one_does_not_use_up_the_allowance_of_another(world: World) -> None:
    house = limited(world.house, address=1, client=1, sign_in=1)
    assert await how_many(house, mark(house, "address", SOMEBODY), 3) == 1
    assert await how_many(house, mark(house, "address", "203.0.113.8/32"), 3) == 1
    assert await how_many(house, mark(house, "sign_in", SOMEBODY), 3) == 1
    assert await how_many(house, mark(house, "client", SOMEBODY), 3) == 1


async def test_no_limit_and_nobody_known_leave_no_trace(world: World) -> None:
    assert mark(limited(world.house), "address", SOMEBODY) == ()
    assert mark(limited(world.house, address=1), "address", None) == ()


@pytest.mark.on_a_file
async def test_an_address_is_written_nowhere_and_has_another_name_tomorrow(
    world: World, tmp_path: Path
) -> None:
    house = limited(world.house, address=5)
    (today,) = mark(house, "address", SOMEBODY)
    await use_up(house, (today,))
    world.pass_time(DAY // SECOND)
    (tomorrow,) = mark(house, "address", SOMEBODY)
    assert today.key != tomorrow.key
    copy = sqlite3.connect(tmp_path / "copy.sqlite3")
    source = sqlite3.connect(Path(world.settings.data) / "consent.sqlite3")
    source.backup(copy)
    source.close()
    assert copy.execute("SELECT count(*) FROM allowances").fetchone() == (1,)
    copy.close()
    octets = (tmp_path / "copy.sqlite3").read_bytes()
    assert today.key in octets
    assert b"203.0.113.7" not in octets


async def test_a_count_goes_when_it_is_worth_nothing_any_more(world: World) -> None:
    house = limited(world.house, address=5)
    marks = mark(house, "address", SOMEBODY)
    await use_up(house, marks)
    world.pass_time(60)
    await house.scribe.do(tidy())
    assert await rows(house, marks) != []
    world.pass_time(61)
    await house.scribe.do(tidy())
    assert await rows(house, marks) == []


async def test_a_request_beyond_the_allowance_spends_neither_assertion_nor_proof(world: World) -> None:
    """So the very same request works a minute later, and nothing of it stays behind now."""
    house = limited(world.house, client=1)
    marks = mark(house, "client", MUNICIPALITY)
    _, caller = await world.caller(MUNICIPALITY, {}, TOKEN_PATH)
    await redeem(house, replace(caller, marks=marks), ClientCredentials())
    _, caller = await world.caller(MUNICIPALITY, {}, TOKEN_PATH)
    again = replace(caller, marks=marks)
    for _ in range(3):
        with pytest.raises(TooManyRequests):
            await redeem(house, again, ClientCredentials())
    world.pass_time(60)
    assert (await redeem(house, again, ClientCredentials())).access_token


async def test_nobody_in_the_same_batch_suffers_for_one_who_asks_too_often(world: World) -> None:
    house = limited(world.house, client=1)
    marks = mark(house, "client", MUNICIPALITY)
    callers = [(await world.caller(MUNICIPALITY, {}, TOKEN_PATH))[1] for _ in range(6)]
    deeds = [redeem(house, replace(one, marks=marks), ClientCredentials()) for one in callers[:4]]
    polite = [redeem(house, one, ClientCredentials()) for one in callers[4:]]
    outcomes = await asyncio.gather(*deeds, *polite, return_exceptions=True)
    assert [isinstance(one, TooManyRequests) for one in outcomes] == [False, True, True, True, False, False]
