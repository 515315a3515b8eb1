"""Several logs side by side: everybody is written about in one of them, and all else is as with one."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import consent_verify
import msgspec
import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from consent.acts.disclose import Given, Refused
from consent.acts.erase import leave
from consent.acts.freeze import freeze
from consent.acts.operate import operator
from consent.acts.publish import head, leaf_of
from consent.acts.spread import AT_ONCE, move, place_of, spread
from consent.acts.suspend import subject, suspend
from consent.ledger.entry import is_control
from consent.opening import open_house
from consent.storage.kinds import KEYS
from consent.storage.logs import LogFrozen, bucket_of, name_beside
from consent.storage.rows import CLOSED, FROZEN, OPEN
from consent.upkeep import succession
from consent.words.errors import Misconfigured
from tests.acts.test_rotate import nothing
from tests.acts.test_succeed import EVE
from tests.postgres import Cluster
from tests.world import START, World

MAIN = "2026"
BESIDE = "2026-2"


async def two_logs(world: World, *, beside: frozenset[str] = frozenset({"sanne"})) -> None:
    """Put a log beside the first, as a command does that knows nothing of this process; these people are moved."""
    await succession.add_log(world.house.store, world.settings.folder, at=world.at)
    everybody = [world.citizen(one) for one in world._people]
    theirs = [world.citizen(one) for one in beside]
    await world.house.scribe.do(move([one for one in everybody if one not in theirs], 1))
    await world.house.scribe.do(move(theirs, 2))


async def said(world: World, log: str) -> list[dict[str, object]]:
    """The control entries of a log."""
    size = (await head(world.house, log)).size
    leaves = [await leaf_of(world.house, log, index) for index in range(size)]
    return [msgspec.json.decode(leaf[152:]) for leaf in leaves if is_control(leaf)]


async def events(world: World, log: str) -> list[object]:
    lines = [line async for line in world.openings(log)]
    return [msgspec.json.decode(msgspec.json.decode(line)["A"])["ev"] for line in lines]


async def check_logs(world: World, folder: Path, *logs: str) -> None:
    for log in logs:
        report = await world.audit(folder / log, log=log)
        assert report.exit_code == 0, report.sentences


@for_any(
    people=st.lists(st.text(min_size=1, max_size=22), unique=True, max_size=40), count=st.integers(1, 15)
)
def test_another_bucket_takes_only_whom_it_gets_for_good(people: list[str], count: int) -> None:
    before, after = range(1, count + 1), range(1, count + 2)
    for one in people:
        assert place_of(one, after) in (place_of(one, before), count + 1)


def test_places_are_even() -> None:
    counts = [0, 0, 0, 0]
    for number in range(4_000):
        counts[place_of(f"citizen-{number}", range(1, 5)) - 1] += 1
    assert min(counts) > 900


@pytest.mark.parametrize(
    ("log", "bucket"),
    [("2026", 1), ("2026b", 1), ("2026-2", 2), ("2026b-16", 16), ("proef-2", 1), ("2026-0", 1)],
)
def test_a_name_says_which_bucket_a_log_is_of(log: str, bucket: int) -> None:
    assert bucket_of(log) == bucket
    if bucket > 1:
        assert name_beside(log.partition("-")[0], bucket) == log


async def test_each_is_written_about_in_one_log_and_both_hold(world: World, tmp_path: Path) -> None:
    sanne = await world.given()
    await two_logs(world)
    amal = await world.given(citizen=world.citizen("amal"))
    for given in (sanne, amal):
        assert isinstance(await world.disclose(given.tokens), Given)
    assert world.house.logs == (MAIN, BESIDE)
    # What she gave before is carried by its first use, as at New Year.
    assert await events(world, BESIDE) == ["carried", "disclosed"]
    assert await events(world, MAIN) == ["granted", "granted", "disclosed"]
    await check_logs(world, tmp_path, MAIN, BESIDE)


async def test_each_log_names_the_other(world: World) -> None:
    await two_logs(world)
    beside = (await said(world, MAIN))[-1]
    opened = (await said(world, BESIDE))[0]
    assert (beside["ev"], opened["ev"]) == ("log.beside", "log.opened")
    assert beside["beside"] == opened["key"]
    assert opened["beside"] == f"localhost:8000/log/{MAIN}"
    # The main log has another epoch: who knows nothing of the second finds out before writing anything.
    assert [(await head(world.house, log)).epoch for log in (MAIN, BESIDE)] == [2, 1]


@pytest.mark.parametrize("persona", ["sanne", "amal"])
async def test_a_stop_holds_in_either_log(world: World, tmp_path: Path, persona: str) -> None:
    citizen = world.citizen(persona)
    given = await world.given(citizen=citizen)
    await two_logs(world)
    assert isinstance(await world.disclose(given.tokens, key="one"), Given)
    stopped = await world.stop(given.grant, citizen=citizen)
    log = BESIDE if persona == "sanne" else MAIN
    assert stopped.grant.log == log
    leaf = await leaf_of(world.house, log, stopped.index)
    keys = [consent_verify.read_key(pen.vkey) for pen in world.house.scribe.pens if pen.log == log]
    assert consent_verify.check_proof(stopped.proof, leaf, keys)[0] == stopped.index
    for key in ("one", None):  # a retry of what was given before too
        assert isinstance(await world.disclose(given.tokens, key=key), Refused)
    await check_logs(world, tmp_path, MAIN, BESIDE)


async def test_what_a_process_remembers_of_where_she_is_gives_nothing_out(
    world: World, tmp_path: Path
) -> None:
    given = await world.given()
    await two_logs(world)
    assert isinstance(await world.disclose(given.tokens), Given)
    other = await open_house(world.settings, world.house.store, world.house.clock)
    other.scribe.start()
    try:  # another process moves her back, and there she stops
        await other.scribe.do(move([given.citizen], 1))
        assert isinstance(await world.disclose(given.tokens), Given)
        await other.scribe.do(move([given.citizen], 2))
        mine, world_house = world.house, other
        world.house = world_house
        await world.stop(given.grant)
        world.house = mine
        assert isinstance(await world.disclose(given.tokens), Refused)
    finally:
        await other.scribe.stop()
    assert await events(world, MAIN) == ["granted", "carried", "disclosed"]
    assert await events(world, BESIDE) == ["carried", "disclosed", "carried", "withdrawn", "refused"]
    await check_logs(world, tmp_path, MAIN, BESIDE)


async def test_many_at_once_come_out_in_their_own_logs(world: World, tmp_path: Path) -> None:
    given = [await world.given(citizen=world.citizen(one)) for one in ("sanne", "amal")]
    await two_logs(world)
    for _ in range(2):  # the first time this process looks for her in the wrong log
        answers = await asyncio.gather(*(world.disclose(one.tokens) for one in given for _ in range(2)))
        assert {type(answer) for answer in answers} == {Given}
    assert (await events(world, BESIDE)).count("disclosed") == 4
    assert (await events(world, MAIN)).count("disclosed") == 4
    await check_logs(world, tmp_path, MAIN, BESIDE)


async def test_spreading_moves_everybody_to_his_place_and_a_second_time_nobody(world: World) -> None:
    await succession.add_log(world.house.store, world.settings.folder, at=world.at)
    await world.given()  # this process finds the new log by itself
    moved = await spread(world.house)
    rows = [
        KEYS.from_row((await world.house.store.read("keys.get", one))[0]) for one in world._people.values()
    ]
    assert [row.bucket for row in rows] == [place_of(row.citizen, (1, 2)) for row in rows]
    assert moved == sum(row.bucket == 2 for row in rows)
    assert await spread(world.house) == 0
    assert AT_ONCE <= 100


async def test_what_is_suspended_stands_in_every_log(world: World) -> None:
    await world.house.scribe.do(suspend(subject("organisation", "voorbeeldstad"), by=operator("someone")))
    await two_logs(world)
    assert (await said(world, BESIDE))[1]["ev"] == "organisation.suspended"
    await world.house.scribe.do(suspend(subject("client", "voorbeeldstad-loket"), by=operator("someone")))
    for log in (MAIN, BESIDE):
        assert (await said(world, log))[-1]["ev"] == "client.suspended"


async def test_a_helper_of_another_log_who_leaves_is_written_down_where_each_belongs(world: World) -> None:
    await two_logs(world)
    await world.mandate()  # Daan, of the first log, helps Sanne, of the second
    before = [(await head(world.house, log)).size for log in (MAIN, BESIDE)]
    await leave(world.house, citizen=world.citizen("daan"))
    after = [(await head(world.house, log)).size for log in (MAIN, BESIDE)]
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1]


async def test_a_frozen_log_freezes_those_beside_it(world: World) -> None:
    given = await world.given()
    await two_logs(world)
    await world.house.store.write(freeze())
    assert [(await head(world.house, log)).frozen for log in (MAIN, BESIDE)] == [FROZEN, FROZEN]
    with pytest.raises(LogFrozen):
        await world.disclose(given.tokens)


async def test_a_log_beside_that_is_missing_means_that_the_database_is_older(world: World) -> None:
    await two_logs(world)
    heads = await succession.newest_heads(world.house.store)
    with pytest.raises(succession.KeysOfLater, match=BESIDE):
        succession.check_no_log_is_missing({MAIN, BESIDE}, heads[:1])


async def test_nothing_is_put_beside_a_frozen_log_and_no_name_is_taken(world: World) -> None:
    with pytest.raises(Misconfigured, match="hyphen"):
        await succession.succeed(world.house.store, world.settings.folder, name="2027-2", at=START)
    await world.house.store.write(freeze())
    with pytest.raises(Misconfigured, match="take entries"):
        await succession.add_log(world.house.store, world.settings.folder, at=world.at)
    assert [one.log for one in await succession.heads_of(world.house.store)] == [MAIN]


async def test_after_a_frozen_pair_come_two_again(world: World) -> None:
    given = await world.given()
    await two_logs(world)
    await world.house.store.write(freeze())
    new, lost = await succession.succeed(world.house.store, world.settings.folder, name="2026b", at=world.at)
    assert (new.log, lost) == ("2026b", 0)
    heads = await succession.newest_heads(world.house.store)
    assert [(one.log, one.frozen) for one in heads] == [("2026b", OPEN), ("2026b-2", OPEN)]
    house = await open_house(world.settings, world.house.store, world.house.clock)
    await world.house.scribe.stop()
    world.house = house
    house.scribe.start()
    assert isinstance(await world.disclose(given.tokens), Given)
    assert await events(world, "2026b-2") == ["carried", "disclosed"]


async def test_at_new_year_both_close_and_two_go_on(tmp_path: Path) -> None:
    async with World.open(tmp_path / "data", at=EVE, yearly=True) as world:
        given = await world.given()
        await two_logs(world)
        await world.disclose(given.tokens)
        world.pass_time(20)
        assert isinstance(await world.disclose(given.tokens), Given)
        assert world.house.logs == ("2031", "2031-2")
        heads = {
            one.log: one.frozen for one in await succession.heads_of(world.house.store) if one.log > "2029"
        }
        assert heads == {"2030": CLOSED, "2030-2": CLOSED, "2031": OPEN, "2031-2": OPEN}
        assert await events(world, "2031-2") == ["carried", "disclosed"]
        closed = (await said(world, "2030-2"))[-1]
        assert (closed["ev"], closed["next"]) == ("log.closed", world.house.scribe.pens[1].vkey)
        await check_logs(world, tmp_path / "logs", "2030", "2030-2", "2031", "2031-2")


@asynccontextmanager
async def held(database: str, log: str) -> AsyncIterator[None]:
    """Another process has the head of this log."""
    connection = await asyncpg.connect(database)
    try:
        async with connection.transaction():
            await connection.execute("SELECT 1 FROM log_heads WHERE log = $1 FOR UPDATE", log)
            yield
    finally:
        await connection.close()


async def check_waits(deed: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    waits = asyncio.create_task(deed)
    done, _ = await asyncio.wait({waits}, timeout=0.3)
    assert not done
    return waits


async def test_who_waits_for_one_log_keeps_nobody_of_the_other(postgres: Cluster, tmp_path: Path) -> None:
    database = await postgres.database()
    async with World.open(tmp_path / "data", database=database) as world:
        given = await world.given()
        amal = await world.given(citizen=world.citizen("amal"))
        await two_logs(world)
        await world.disclose(given.tokens, key="one")  # from now on this process knows where she is
        async with held(database, MAIN):
            assert isinstance(await world.disclose(given.tokens), Given)
            waits = await check_waits(world.disclose(amal.tokens))
        assert isinstance(await waits, Given)
        # What does not say that one log is enough takes both, whomever it is about.
        for log in (MAIN, BESIDE):
            async with held(database, log):
                waits = await check_waits(world.house.scribe.do(nothing))
            await waits
        # A retry is decided under the log of her citizen too, also when she was moved since.
        other = await open_house(world.settings, world.house.store, world.house.clock)
        other.scribe.start()
        await other.scribe.do(move([given.citizen], 1))
        await other.scribe.stop()
        async with held(database, MAIN):
            waits = await check_waits(world.disclose(given.tokens, key="one"))
        assert isinstance(await waits, Given)
    await postgres.drop(database)
