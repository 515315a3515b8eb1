"""A backup from before a new log began, or before a key was changed: what was written since is lost, and said so."""

import asyncio
import sqlite3
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest

from consent import opening
from consent.__main__ import main
from consent.acts.disclose import Given
from consent.acts.house import House
from consent.acts.publish import head, leaf_of
from consent.acts.spread import move
from consent.commands.log_keys import change_key
from consent.keyfiles import logs_with_keys
from consent.ledger.checkpoint import ED25519, ML_DSA_44, Checkpoint, parse_body, parse_note
from consent.opening import DATABASE, add_on_purpose, open_house, prepare, succeed_on_purpose
from consent.settings import Settings
from consent.storage.logs import LogFrozen
from consent.storage.rows import FROZEN, OPEN
from consent.upkeep.backup import back_up, restore
from consent.upkeep.succession import KeysOfLater, add_log, heads_of, remember
from consent.words.errors import Misconfigured
from tests.acts.test_rotate import nothing
from tests.acts.test_succeed import EVE
from tests.faults.test_fork_guard import copy
from tests.test_backup import new, prepared
from tests.world import START, World


class Lost:
    """A backup, the keys of its service as they were in the end, and the last checkpoint that was signed."""

    def __init__(self, backup: Path, keys: Path, last: Checkpoint) -> None:
        self.backup, self.keys, self.last = backup, keys, last


def both_ways(tmp_path: Path, lost: Lost) -> Iterator[tuple[Settings, bool]]:
    """A new folder with the keys, to restore without and with `--go-on`."""
    for goes_on in (False, True):
        (tmp_path / str(goes_on)).mkdir()
        yield new(tmp_path / str(goes_on), lost.keys), goes_on


async def the_end(world: World, backup: Path) -> Lost:
    await remember(world.house.store, world.settings.folder)
    newest = (await heads_of(world.house.store))[-1]
    return Lost(backup, world.settings.folder / "keys", parse_body(parse_note(newest.note).body))


@pytest.fixture
async def of_last_year(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lost:
    """Made ten seconds before New Year; then she stopped."""
    now = [EVE]
    monkeypatch.setattr(opening, "clock", lambda: now[0])  # the one of the commands
    async with World.open(tmp_path / "data", at=EVE, yearly=True) as world:
        given = await world.given()
        await prepared(world.settings)
        backup = await back_up(world.settings, tmp_path / "backups", at=world.at)
        world.pass_time(20)
        await world.stop(given.grant)
        assert world.house.log == "2031"
        now[0] = world.at
        return await the_end(world, backup)


async def before_a_key(tmp_path: Path, kind: int) -> Lost:
    """Made before a key of the log was changed; then she stopped."""
    async with World.open(tmp_path / "data") as world:
        given = await world.given()
        await prepared(world.settings)
        backup = await back_up(world.settings, tmp_path / "backups", at=world.at)
        await change_key(world.house.store, world.settings.folder, kind=kind, lost=False, at=world.at)
        await world.stop(given.grant)
        return await the_end(world, backup)


async def before_a_log_beside(tmp_path: Path) -> Lost:
    """Made before a log was put beside the first, and she was moved there; then she stopped."""
    async with World.open(tmp_path / "data") as world:
        given = await world.given()
        await prepared(world.settings)
        backup = await back_up(world.settings, tmp_path / "backups", at=world.at)
        await add_log(world.house.store, world.settings.folder, at=world.at)
        await world.house.scribe.do(move([given.citizen], 2))
        await world.stop(given.grant)
        assert world.house.logs == ("2026", "2026-2")
        return await the_end(world, backup)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[House]:
    store = await prepare(settings)
    try:
        house = await open_house(settings, store, lambda: EVE)
        house.scribe.start()
        try:
            yield house
        finally:
            await house.scribe.stop()
    finally:
        await store.close()


async def check_frozen(settings: Settings) -> None:
    """It starts, and writes nothing."""
    async with opened(settings) as house:
        assert (await head(house, house.log)).frozen == FROZEN
        with pytest.raises(LogFrozen):
            await house.scribe.do(nothing)


async def check_succeeded(settings: Settings, name: str, last: Checkpoint) -> None:
    """The log of this *name* is written, and begins with the *last* checkpoint that anybody saw."""
    async with opened(settings) as house:
        assert (house.log, (await head(house, house.log)).frozen) == (name, OPEN)
        said = msgspec.json.decode((await leaf_of(house, name, 0))[152:])["after"]
        assert said == {"o": last.origin, "size": last.size, "root": b64encode(last.root).decode()}
        await house.scribe.do(nothing)


async def test_a_backup_from_before_new_year_is_frozen_and_the_next_log_takes_no_name_that_was_used(
    of_last_year: Lost, tmp_path: Path
) -> None:
    for settings, goes_on in both_ways(tmp_path, of_last_year):
        done = await restore(settings, of_last_year.backup, at=EVE, goes_on=goes_on)
        assert (done.is_frozen, done.lost_logs) == (True, ("2031",))
        assert done.lost == of_last_year.last.size
        await check_frozen(settings)
    said = await succeed_on_purpose(settings, None, carry=False)
    assert said.startswith("localhost:8000/log/2031b is written now")
    assert said.endswith(f"entries lost: {done.lost}, grants carried: 0, grants ended: 1")
    await check_succeeded(settings, "2031b", of_last_year.last)


async def test_the_name_of_a_lost_log_is_refused_and_so_is_one_from_before_it(
    of_last_year: Lost, tmp_path: Path
) -> None:
    settings = new(tmp_path, of_last_year.keys)
    await restore(settings, of_last_year.backup, at=EVE)
    for name in ("2031", "2030b"):
        with pytest.raises(Misconfigured, match="after 2031"):
            await succeed_on_purpose(settings, name, carry=False)
    await check_frozen(settings)


async def test_the_command_says_which_log_is_lost_and_what_comes_next(
    of_last_year: Lost, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = new(tmp_path, of_last_year.keys)
    words = ["restore", str(of_last_year.backup), "--data", settings.data]
    assert await asyncio.to_thread(main, words) == 0
    said = capsys.readouterr().out
    assert "log 2030: " in said
    assert "log 2031: began after this backup, and is lost" in said
    assert f"entries known to be lost: {of_last_year.last.size}; there may be more" in said
    assert "`consent log succeed` opens the next" in said


async def test_a_database_of_last_year_put_there_by_hand_does_not_start_and_is_succeeded_on_purpose(
    of_last_year: Lost, tmp_path: Path
) -> None:
    settings = new(tmp_path, of_last_year.keys)
    await restore(settings, of_last_year.backup, at=EVE)
    thaw(settings)
    with pytest.raises(KeysOfLater, match="no log 2031"):
        await check_frozen(settings)
    assert await is_open(settings), "a newer copy may come yet"
    await succeed_on_purpose(settings, None, carry=False)
    await check_succeeded(settings, "2031b", of_last_year.last)


@pytest.mark.parametrize("kind", [ED25519, ML_DSA_44])
async def test_a_backup_from_before_a_key_was_changed_is_frozen_without_that_key(
    tmp_path: Path, kind: int
) -> None:
    lost = await before_a_key(tmp_path, kind)
    for settings, goes_on in both_ways(tmp_path, lost):
        done = await restore(settings, lost.backup, at=START, goes_on=goes_on)
        assert (done.is_frozen, done.lost_logs, done.lost) == (True, (), 3)  # two about the key, and her stop
        await check_frozen(settings)
    said = await succeed_on_purpose(settings, None, carry=False)
    assert said.endswith("entries lost: 3, grants carried: 0, grants ended: 1")
    (old, name) = sorted(logs_with_keys(settings.folder))
    await check_succeeded(settings, name, lost.last)
    assert name == f"{old}b"


async def test_a_backup_from_before_a_log_was_put_beside_the_first_is_frozen_and_succeeded_by_one(
    tmp_path: Path,
) -> None:
    lost = await before_a_log_beside(tmp_path)
    for settings, goes_on in both_ways(tmp_path, lost):
        done = await restore(settings, lost.backup, at=START, goes_on=goes_on)
        # In the first log what says that another stands beside it, in that one its beginning, her grant and her stop.
        assert (done.is_frozen, done.lost_logs, done.lost) == (True, ("2026-2",), 4)
        await check_frozen(settings)
    said = await succeed_on_purpose(settings, None, carry=False)
    assert said.endswith("entries lost: 4, grants carried: 0, grants ended: 1")
    async with opened(settings) as house:
        assert house.logs == ("2026b",)
    await add_on_purpose(settings)
    async with opened(settings) as house:
        assert house.logs == ("2026b", "2026b-3"), "no name is taken twice"


async def test_a_backup_of_two_logs_comes_back_as_two_and_both_are_frozen(tmp_path: Path) -> None:
    async with World.open(tmp_path / "data") as world:
        given = await world.given()
        await prepared(world.settings)
        await add_log(world.house.store, world.settings.folder, at=world.at)
        await world.house.scribe.do(move([given.citizen], 2))
        await world.disclose(given.tokens)
        backup = await back_up(world.settings, tmp_path / "backups", at=world.at)
        await world.stop(given.grant)  # an entry of the second log alone is lost
        lost = await the_end(world, backup)
    for settings, goes_on in both_ways(tmp_path, lost):
        done = await restore(settings, lost.backup, at=START, goes_on=goes_on)
        assert (done.is_frozen, done.lost_logs, done.lost) == (True, (), 1)
        await check_frozen(settings)
    said = await succeed_on_purpose(settings, None, carry=False)
    assert said.endswith("entries lost: 1, grants carried: 0, grants ended: 1")
    async with opened(settings) as house:
        assert house.logs == ("2026b", "2026b-2")


async def test_it_is_frozen_also_when_only_the_missing_key_tells(tmp_path: Path) -> None:
    lost = await before_a_key(tmp_path, ED25519)
    for seen in lost.keys.glob("*.seen"):
        seen.unlink()
    for settings, goes_on in both_ways(tmp_path, lost):
        done = await restore(settings, lost.backup, at=START, goes_on=goes_on)
        assert (done.is_frozen, done.lost) == (True, 0)
    await check_frozen(settings)


async def test_a_frozen_log_whose_keys_are_all_gone_is_succeeded_too(tmp_path: Path) -> None:
    lost = await before_a_key(tmp_path, ED25519)
    settings = new(tmp_path, lost.keys)
    for key in (settings.folder / "keys").glob("log-*"):
        key.unlink()
    assert (await restore(settings, lost.backup, at=START, goes_on=True)).is_frozen
    await check_frozen(settings)
    said = await succeed_on_purpose(settings, None, carry=False)
    assert said.endswith("entries lost: 0, grants carried: 0, grants ended: 1")


async def test_a_key_that_is_missing_proves_nothing_about_a_database_that_runs(tmp_path: Path) -> None:
    """Perhaps this is another machine, to which nobody has copied the key yet: its log must not be frozen for that."""
    async with World.open(tmp_path / "data") as world:
        await remember(world.house.store, world.settings.folder)
        log = world.house.log
    settings = world.settings
    key = settings.folder / "keys" / f"log-{log}.key"
    key.rename(tmp_path / "away")
    with pytest.raises(KeysOfLater, match="or the key was lost"):
        await succeed_on_purpose(settings, None, carry=False)
    assert await is_open(settings)
    # If it was lost, the way on is a backup, and to restore that.
    backup = await back_up(settings, tmp_path / "backups", at=START)
    assert (await restore(new(tmp_path, settings.folder / "keys"), backup, at=START)).is_frozen
    (tmp_path / "away").rename(key)
    async with World.open(tmp_path / "data") as again:
        assert isinstance(await again.disclose((await again.given()).tokens), Given)


async def test_an_older_database_with_newer_keys_does_not_start_and_is_succeeded_on_purpose(
    tmp_path: Path,
) -> None:
    async with World.open(tmp_path / "data") as world:
        given = await world.given()
        copy(tmp_path / "data" / DATABASE, tmp_path / "older")
        await change_key(world.house.store, world.settings.folder, kind=ED25519, lost=False, at=world.at)
        await world.stop(given.grant)
        lost = await the_end(world, tmp_path)
    copy(tmp_path / "older", tmp_path / "data" / DATABASE)
    with pytest.raises(KeysOfLater):
        await check_frozen(world.settings)
    await succeed_on_purpose(world.settings, None, carry=False)
    await check_succeeded(world.settings, f"{lost.last.origin.rpartition('/')[2]}b", lost.last)


def thaw(settings: Settings) -> None:
    """What a copy by hand has instead of a restored database: its log was never frozen."""
    with closing(sqlite3.connect(settings.folder / DATABASE)) as connection, connection:
        connection.execute("UPDATE log_heads SET frozen = 0 WHERE log = '2030'")


async def is_open(settings: Settings) -> bool:
    store = await prepare(settings)
    try:
        return (await heads_of(store))[-1].frozen == OPEN
    finally:
        await store.close()
