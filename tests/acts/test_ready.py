"""Can it do its work now? Each part that fails is named, and nothing more is said."""

import asyncio
import os
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from msgspec.structs import replace

from consent.acts import ready
from consent.acts.freeze import freeze
from consent.acts.house import House
from consent.acts.ready import CHECKS, readiness
from consent.errands.sweeping import measure
from consent.opening import DATABASE
from consent.storage.store import Row
from tests.world import World


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine is not what is asked about here, nor whether a second has gone by."""
    monkeypatch.setattr(ready, "WITHIN", 60.0)
    monkeypatch.setattr(ready, "_KEPT", 3600.0)


async def says_no(house: House) -> set[str]:
    checks = await readiness(house)
    assert set(checks) == set(CHECKS)
    return {name for name, holds in checks.items() if not holds}


async def test_a_house_in_order_is_ready(world: World) -> None:
    assert await says_no(world.house) == set()


async def test_looking_writes_nothing(world: World) -> None:
    before = await world.house.store.read("head.all")
    await readiness(world.house)
    assert await world.house.store.read("head.all") == before


async def test_a_frozen_log_is_named_and_nothing_else(world: World) -> None:
    await world.house.store.write(freeze())
    assert await says_no(world.house) == {"log"}


async def test_a_key_file_that_others_may_read_or_that_is_gone_is_named(world: World) -> None:
    keys = world.settings.folder / "keys"
    os.chmod(keys / "ring-1.key", 0o640)
    assert await says_no(world.house) == {"keys"}
    os.chmod(keys / "ring-1.key", 0o600)
    world.house.pulse.looking = None  # do not wait for the second to pass
    assert await says_no(world.house) == set()
    for key in keys.glob("log-*.key"):
        key.unlink()
    world.house.pulse.looking = None
    assert await says_no(world.house) == {"keys"}


async def test_a_scribe_that_has_ended_is_named(world: World) -> None:
    await world.house.scribe.stop()
    assert await says_no(world.house) == {"scribe"}


class Silent:
    """A store that never answers."""

    async def read(self, name: str, *parameters: Any) -> list[Row]:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_store_that_does_not_answer_is_not_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "WITHIN", 0.05)
    house: Any = replace(world.house, store=Silent())  # type: ignore[arg-type]
    async with asyncio.timeout(240):
        checks = await readiness(house)
    assert {name for name in ("store", "migrations", "log") if not checks[name]} == {
        "store",
        "migrations",
        "log",
    }


@pytest.mark.on_a_file
async def test_tables_that_this_version_needs_and_a_newer_one_has_more(world: World) -> None:
    with closing(sqlite3.connect(world.settings.folder / DATABASE, isolation_level=None)) as file:
        file.execute("INSERT INTO schema_migrations VALUES (9999, 'of tomorrow', 0)")
        assert await says_no(world.house) == set()
        file.execute("DELETE FROM schema_migrations WHERE version = 2")
    world.house.pulse.looking = None
    assert await says_no(world.house) == {"migrations"}


async def test_however_many_ask_it_is_looked_at_once(world: World) -> None:
    found = await asyncio.gather(*(readiness(world.house) for _ in range(50)))
    assert all(one is found[0] for one in found)
    assert await readiness(world.house) is found[0]
    world.house.pulse.looked_at -= 7200  # time goes by
    assert await readiness(world.house) is not found[0]


async def test_whoever_goes_away_takes_nobodys_answer_along(world: World) -> None:
    gone = asyncio.create_task(readiness(world.house))
    stays = asyncio.create_task(readiness(world.house))
    await asyncio.sleep(0)  # both have begun to wait
    assert world.house.pulse.looking is not None
    gone.cancel()
    assert all((await stays).values())


async def test_room_is_measured_with_and_without_a_file(world: World) -> None:
    """It is the first thing that sweeping does: what it raised, ended all sweeping."""
    measure(world.house, world.settings.folder)
    pulse = world.house.pulse
    assert pulse.disk_free is not None
    assert (pulse.database_size is None) == bool(world.settings.database)
