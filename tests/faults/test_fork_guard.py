"""An older or damaged database must not sign a second history: the log is frozen for good, and another follows."""

import multiprocessing
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from consent import opening
from consent.acts.disclose import Given
from consent.acts.expire import expire
from consent.acts.house import House
from consent.acts.publish import head, leaf_of
from consent.keyfiles import make_folder, remember_checkpoint, remembered_checkpoint
from consent.opening import DATABASE
from consent.settings import Settings
from consent.storage.logs import LogFrozen
from consent.storage.rows import FROZEN, OPEN
from consent.upkeep.erased import NAME, keep_erased, read_erased
from consent.upkeep.succession import guard, remember
from consent.words.errors import Misconfigured
from tests.world import START, World


def copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    for more in ("-wal", "-shm"):
        target.with_name(target.name + more).unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as a, closing(sqlite3.connect(target)) as b:
        a.backup(b)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
async def rolled_back(folder: Path, tmp_path: Path) -> tuple[Path, str, int]:
    """A folder whose database is from before a citizen stopped; with the log's name and how long it really was."""
    async with World.open(folder) as world:
        given = await world.given()
        copy(folder / DATABASE, tmp_path / "older")
        await world.stop(given.grant)
        await remember(world.house.store, folder)
        log, size = world.house.log, (await head(world.house, world.house.log)).size
    copy(tmp_path / "older", folder / DATABASE)
    return folder, log, size


async def open_frozen(folder: Path) -> House:
    settings = Settings(data=str(folder), sandbox=True, yearly_logs=False)
    store = await opening.prepare(settings)
    try:
        return await opening.open_house(settings, store, lambda: START)
    except BaseException:
        await store.close()
        raise


async def test_a_database_that_gets_older_under_a_running_service_freezes_the_log(
    folder: Path, tmp_path: Path
) -> None:
    """As a fail-over does that loses the last commits: what was acknowledged is not there any more."""
    async with World.open(folder) as world:
        given = await world.given()
        copy(folder / DATABASE, tmp_path / "older")
        await world.stop(given.grant)
        with (
            closing(sqlite3.connect(tmp_path / "older")) as old,
            closing(sqlite3.connect(folder / DATABASE)) as live,
        ):
            old.backup(live)
        before = await head(world.house, world.house.log)
        for _ in range(2):
            with pytest.raises(LogFrozen):
                await world.disclose(given.tokens)
        assert await head(world.house, world.house.log) == msgspec.structs.replace(before, frozen=FROZEN)


async def test_another_history_of_the_same_size_freezes_it_too(folder: Path, tmp_path: Path) -> None:
    async with World.open(folder) as world:
        given = await world.given()
        copy(folder / DATABASE, tmp_path / "other")
        await world.stop(given.grant)
        async with World.open(tmp_path / "elsewhere") as other:  # as large, and all of it is different
            while (await head(other.house, other.house.log)).size < (
                await head(world.house, world.house.log)
            ).size:
                await other.given()
            note = (await head(other.house, other.house.log)).note
        with closing(sqlite3.connect(folder / DATABASE)) as live:
            live.execute("UPDATE log_heads SET note = ?", (note,))
            live.commit()
        with pytest.raises(LogFrozen):
            await world.given(citizen=world.citizen("amal"))
        assert (await head(world.house, world.house.log)).frozen == FROZEN


async def test_an_older_database_freezes_the_log_and_nothing_is_written_or_given_out(
    rolled_back: tuple[Path, str, int],
) -> None:
    folder, log, _ = rolled_back
    house = await open_frozen(folder)
    house.scribe.start()
    try:
        before = await head(house, log)
        assert before.frozen == FROZEN
        with pytest.raises(LogFrozen):
            await house.scribe.do(expire(START))  # needs no entry at all
        assert await head(house, log) == before
    finally:
        await house.scribe.stop()
        await house.store.close()


async def test_a_frozen_log_stays_frozen_also_when_what_proved_it_is_gone(
    rolled_back: tuple[Path, str, int],
) -> None:
    folder, log, _ = rolled_back
    await (await open_frozen(folder)).store.close()
    (folder / "keys" / f"log-{log}.seen").unlink()
    house = await open_frozen(folder)
    assert (await head(house, log)).frozen == FROZEN
    await house.store.close()


async def test_the_next_log_names_the_last_checkpoint_that_was_seen_and_lost_stops_stay_stops(
    rolled_back: tuple[Path, str, int],
) -> None:
    folder, log, size = rolled_back
    await (await open_frozen(folder)).store.close()
    settings = Settings(data=str(folder), sandbox=True, yearly_logs=False)
    said = await opening.succeed_on_purpose(settings, log + "b", carry=False)
    assert "grants carried: 0, grants ended: 1" in said
    house = await open_frozen(folder)
    try:
        assert house.log == log + "b"
        assert (await head(house, log)).frozen == FROZEN
        opened = msgspec.json.decode((await leaf_of(house, house.log, 0))[152:])
        assert (opened["after"]["o"].endswith(f"/{log}"), opened["after"]["size"]) == (True, size)
    finally:
        await house.store.close()


async def test_a_log_in_order_is_succeeded_with_all_its_grants(folder: Path) -> None:
    async with World.open(folder) as world:
        await world.given()
        log = world.house.log
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        connection.execute(
            "UPDATE grants SET expires_at = ?", (1 << 60,)
        )  # the command has the machine's own clock
    settings = Settings(data=str(folder), sandbox=True, yearly_logs=False)
    said = await opening.succeed_on_purpose(settings, log + "b", carry=False)
    assert said.endswith("entries lost: 0, grants carried: 1, grants ended: 0")


async def test_a_changed_tile_stops_the_start_and_changes_nothing(folder: Path) -> None:
    async with World.open(folder) as world:
        await world.given()
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        connection.execute("UPDATE log_tiles SET data = zeroblob(length(data)) WHERE level = 0")
    with pytest.raises(Misconfigured, match="does not fit its own checkpoint"):
        await open_frozen(folder)
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        assert connection.execute("SELECT frozen FROM log_heads").fetchall() == [(0,)]


async def test_a_changed_entry_stops_the_start(folder: Path) -> None:
    async with World.open(folder) as world:
        await world.given()
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        connection.execute("UPDATE log_entries SET leaf = zeroblob(152) WHERE idx = 1")
    with pytest.raises(Misconfigured, match="does not fit its own checkpoint"):
        await open_frozen(folder)


async def test_a_database_that_only_grew_is_no_fork(folder: Path) -> None:
    async with World.open(folder) as world:
        given = await world.given()
        await remember(world.house.store, folder)
        assert isinstance(await world.disclose(given.tokens), Given)
    house = await open_frozen(folder)
    assert (await head(house, house.log)).frozen == 0
    await house.store.close()


async def test_what_another_process_writes_while_one_starts_is_neither_damage_nor_a_fork(
    folder: Path,
) -> None:
    async with World.open(folder) as world:
        given = await world.given()
        before = await head(world.house, world.house.log)  # as the one that starts has read it
        assert isinstance(await world.disclose(given.tokens), Given)
        await remember(world.house.store, folder)
        await guard(world.house.store, folder, before, world.house.scribe.pen)
        assert (await head(world.house, world.house.log)).frozen == OPEN


def test_processes_that_end_together_each_remember_the_checkpoint(tmp_path: Path) -> None:
    all_at_once(_remember_often, tmp_path)
    assert (remembered_checkpoint(tmp_path, "2026") or "").startswith("note ")


def test_processes_that_erase_at_once_each_keep_whom(tmp_path: Path) -> None:
    all_at_once(_erase_often, tmp_path)
    assert read_erased(tmp_path / "keys" / NAME) == {
        bytes([n, i]) * 16: 0 for n in range(4) for i in range(50)
    }


def all_at_once(work: Callable[[Path, int], None], folder: Path) -> None:
    make_folder(folder)
    (folder / "keys").mkdir(exist_ok=True)
    some = [multiprocessing.get_context("fork").Process(target=work, args=(folder, n)) for n in range(4)]
    for one in some:
        one.start()
    for one in some:
        one.join()
    assert [one.exitcode for one in some] == [0, 0, 0, 0]


def _remember_often(folder: Path, number: int) -> None:
    for _ in range(50):
        remember_checkpoint(folder, "2026", f"note {number}")


def _erase_often(folder: Path, number: int) -> None:
    for i in range(50):
        keep_erased(folder, [(bytes([number, i]) * 16, 0)])
