"""Stories that break the rules, and a log that is closed: nobody else pays, and nothing is half written."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from consent.acts.disclose import Given
from consent.opening import DATABASE
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CITIZEN
from consent.storage.logs import LogFrozen
from consent.storage.rows import Citizen
from consent.words.errors import Conflict
from tests.acts.test_scribe import check_log, note_down, size_of
from tests.faults.stopping_store import everything
from tests.world import World


async def test_a_story_that_asks_for_rows_after_its_turn_is_caught_and_harms_nobody(world: World) -> None:
    given = await world.given()

    def greedy(book: Book) -> Story[None]:
        yield TURN
        book.put(CITIZEN, Citizen(id="never", status="active", created_at=book.at))
        yield [CITIZEN.one("x")]

    good, bad = await asyncio.gather(
        world.disclose(given.tokens), world.house.scribe.do(greedy), return_exceptions=True
    )
    assert isinstance(good, Given)
    assert isinstance(bad, RuntimeError)
    assert await world.house.store.read("citizen.get", "never") == []


async def test_a_story_that_says_no_after_it_made_an_entry_has_made_none(
    world: World, tmp_path: Path
) -> None:
    def half(book: Book) -> Story[None]:
        yield TURN
        book.record_control({"ev": "test.note"})
        raise Conflict("no, after all")

    size = await size_of(world)
    good, bad, also_good = await asyncio.gather(
        world.house.scribe.do(note_down("before")),
        world.house.scribe.do(half),
        world.house.scribe.do(note_down("after")),
        return_exceptions=True,
    )
    assert isinstance(bad, Conflict)
    assert not isinstance(good, BaseException)
    assert not isinstance(also_good, BaseException)
    assert (good.outcome, also_good.outcome) == (size, size + 1)
    assert await size_of(world) == size + 2
    await check_log(world, tmp_path / "log")


@pytest.mark.on_a_file
async def test_a_frozen_log_takes_nothing_gives_nothing_and_changes_no_grant(world: World) -> None:
    given = await world.given()
    path = world.settings.folder / DATABASE
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE log_heads SET frozen = 1")
    before = everything(path)
    with pytest.raises(LogFrozen):
        await world.disclose(given.tokens)
    with pytest.raises(LogFrozen):
        await world.stop(given.grant)
    after = everything(path)
    before.pop("used_proofs")  # a proof that was shown is spent, whatever came of it
    after.pop("used_proofs")
    assert after == before


async def test_a_story_that_says_no_after_it_wrote_a_row_has_written_none(world: World) -> None:
    def half(book: Book) -> Story[None]:
        yield TURN
        book.put(CITIZEN, Citizen(id="half", status="active", created_at=book.at))
        raise Conflict("no, after all")

    bad, good = await asyncio.gather(
        world.house.scribe.do(half), world.house.scribe.do(note_down("after")), return_exceptions=True
    )
    assert isinstance(bad, Conflict)
    assert not isinstance(good, BaseException)
    assert await world.house.store.read("citizen.get", "half") == []
