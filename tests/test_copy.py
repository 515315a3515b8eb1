"""A copy is the source, row for row, on either engine; a killed one goes on, and a spoiled one is found."""

import asyncio
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import consent_verify
import pytest

from consent.__main__ import main
from consent.acts.disclose import Given
from consent.opening import DATABASE, only_server, open_house, prepare
from consent.settings import Settings
from consent.storage import postgres_side
from consent.storage.postgres import PostgresStore
from consent.storage.postgres_side import PostgresSide
from consent.storage.sides import MARKS, SqliteSide, Table
from consent.upkeep import copying
from consent.upkeep.copying import compare, copy
from consent.upkeep.export import export_log
from consent.words.errors import Misconfigured
from tests.postgres import Cluster
from tests.world import START, World

ENGINES = ("sqlite", "postgres")


class Filled(NamedTuple):
    """The data folder of a service that stands still: one grant that runs, one that was stopped."""

    folder: Path
    world: World
    runs: Any
    stopped: Any


@pytest.fixture(scope="module")
def filled_once(tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """Filled once; each test gets a folder of its own."""

    async def fill(folder: Path) -> Filled:
        async with World.open(folder) as world:
            stopped = await world.given()
            assert isinstance(await world.disclose(stopped.tokens), Given)
            await world.stop(stopped.grant)
            runs = await world.given()
            assert isinstance(await world.disclose(runs.tokens), Given)
        return Filled(folder, world, runs, stopped)

    return asyncio.run(fill(tmp_path_factory.mktemp("filled") / "data"))


@pytest.fixture
def filled(filled_once: Filled, tmp_path: Path) -> Filled:
    return filled_once._replace(folder=Path(shutil.copytree(filled_once.folder, tmp_path / "data")))


Place = Callable[[str], Awaitable[str]]


@pytest.fixture
async def place(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """An empty place of an engine, by its address."""
    made: list[str] = []

    async def new(engine: str) -> str:
        if engine == "sqlite":
            return str(tmp_path / "copied")
        made.append(await request.getfixturevalue("postgres").empty())
        return made[-1]

    yield new
    for url in made:
        await request.getfixturevalue("postgres").drop(url)


@asynccontextmanager
async def opened(filled: Filled, address: str) -> AsyncIterator[World]:
    """The world as it goes on over a copy, with the same keys of the service."""
    if "://" in address:
        settings = Settings(data=str(filled.folder), database=address, sandbox=True, yearly_logs=False)
    else:
        if address != str(filled.folder):
            shutil.copytree(filled.folder / "keys", f"{address}/keys", dirs_exist_ok=True)
        settings = Settings(data=address, sandbox=True, yearly_logs=False)
    store = await prepare(settings)
    try:
        house = await open_house(settings, store, lambda: START)
        house.scribe.start()
        try:
            yield World(house, settings, filled.world.keys)
        finally:
            await house.scribe.stop()
    finally:
        await store.close()


def quiet(_: str) -> None:
    pass


def rows_of(folder: Path) -> dict[str, set[tuple[object, ...]]]:
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        tables = [n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: set(connection.execute(f"SELECT * FROM {name}"))
            for name in tables
            if name != "schema_migrations"  # when each was applied is a database's own
        }


@pytest.mark.parametrize("engine", ENGINES)
async def test_the_service_goes_on_over_a_copy_where_it_stood(
    engine: str, filled: Filled, place: Place, tmp_path: Path
) -> None:
    target = await place(engine)
    found = await copy(str(filled.folder), target, tell=quiet)
    assert found.differences == ()
    async with opened(filled, target) as world:
        assert not isinstance(await world.disclose(filled.stopped.tokens), Given)
        assert isinstance(await world.disclose(filled.runs.tokens), Given)
        await export_log(world.house, world.house.log, tmp_path / "log")
    assert consent_verify.verify_log(str(tmp_path / "log")).exit_code == 0


async def test_there_and_back_again_is_the_same_to_the_byte(filled: Filled, place: Place) -> None:
    there, back = await place("postgres"), await place("sqlite")
    await copy(str(filled.folder), there, tell=quiet)
    await copy(there, f"sqlite://{back}", tell=quiet)
    assert rows_of(Path(back)) == rows_of(filled.folder)
    assert set(os.listdir(back)) == {DATABASE, "keys", "lock"}
    assert os.listdir(f"{back}/keys") == []
    again = await copy(str(filled.folder), there, tell=quiet)  # a whole copy is compared once more
    assert again.differences == ()


async def test_what_is_copied_are_all_tables_that_either_engine_has(
    filled: Filled, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await place("postgres")
    await (await PostgresStore.open(url)).close()
    carried: list[Table] = []

    async def noted(there: object, here: object, table: Table, tell: object) -> None:
        carried.append(table)

    monkeypatch.setattr(copying, "_carry", noted)
    await copy(str(filled.folder), url, tell=quiet)
    with closing(sqlite3.connect(filled.folder / DATABASE)) as connection:
        made = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        on_sqlite = {name for (name,) in made} - {"schema_migrations"}
    connected = await asyncpg.connect(url)
    made = await connected.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connected.close()
    assert len(on_sqlite) > 50
    assert {table.name for table in carried} == on_sqlite
    assert {name for (name,) in made} == on_sqlite | {"schema_migrations", MARKS}
    assert carried[-1].name == "log_heads"  # so that nobody can serve half a copy
    for place_of, table in enumerate(carried):
        assert table.refers_to <= {one.name for one in carried[:place_of]}, table.name
        assert table.key, table.name


KILLED = """
import os, signal, sys
from consent.__main__ import main
from consent.storage.postgres_side import PostgresSide
from consent.storage.sides import SqliteSide
from consent.upkeep import copying

copying.CHUNK, left = 2, int(sys.argv[1])


def dying(remember):
    def until_then(*words):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return remember(*words)

    return until_then


for kind in (SqliteSide, PostgresSide):
    kind._remember = dying(kind._remember)
sys.exit(main(["copy", "--from", sys.argv[2], "--to", sys.argv[3]]))
"""


def killed_after(marks: int, source: str, target: str) -> None:
    """Copy until so many marks are written, and die in the middle of the next transaction, its rows sent already."""
    words = [sys.executable, "-c", KILLED, str(marks), source, target]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_copy_that_is_killed_goes_on_where_it_was_and_nobody_serves_it_before(
    engine: str, filled: Filled, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = await place(engine)
    for marks in (3, 20):  # the second is counted from where the first one ended
        await asyncio.to_thread(killed_after, marks, str(filled.folder), target)
        with pytest.raises(Misconfigured):
            async with opened(filled, target):
                pass
    put: list[int] = []
    for kind in (SqliteSide, PostgresSide):
        monkeypatch.setattr(kind, "put", _counting(kind.put, put))
    found = await copy(str(filled.folder), target, tell=quiet)
    assert found.differences == ()
    assert 0 < sum(put) < found.rows - 20  # what had arrived was not sent again
    async with opened(filled, target) as world:
        assert isinstance(await world.disclose(filled.runs.tokens), Given)


def _counting(real: Any, put: list[int]) -> Any:
    async def counted(self: Any, table: Table, rows: list[Any]) -> None:
        put.append(len(rows))
        await real(self, table, rows)

    return counted


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("table", "column"), [("log_entries", "leaf"), ("sealed_values", "sealed")])
async def test_a_changed_byte_is_found_and_the_copy_is_not_served(
    engine: str, table: str, column: str, filled: Filled, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def spoiled(there: Any, here: Any, tables: list[Table]) -> Any:
        (one,) = [found for found in tables if found.name == table]
        row = (await here.rows(one, None, limit=1))[0]
        old = bytes(row[one.columns.index(column)])
        new = old[:-1] + bytes([old[-1] ^ 1])
        if engine == "sqlite":
            here._all(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", new, old)
        else:
            await here._all(f"UPDATE {table} SET {column} = $1 WHERE {column} = $2", new, old)
        return await compare(there, here, tables)

    target = await place(engine)
    monkeypatch.setattr(copying, "compare", spoiled)
    found = await copy(str(filled.folder), target, tell=quiet)
    expected = [f"{table}: a row is not what it is in the source"]
    if table == "log_entries":
        expected.append(f"log {filled.world.house.log}: its entries do not lead to its signed checkpoint")
    assert list(found.differences) == expected
    with pytest.raises(Misconfigured):
        async with opened(filled, target):
            pass


async def test_entries_that_do_not_lead_to_the_signed_checkpoint_are_found_though_both_sides_have_them(
    filled: Filled, place: Place
) -> None:
    with closing(sqlite3.connect(filled.folder / DATABASE)) as connection:
        connection.execute("UPDATE log_entries SET leaf = zeroblob(152) WHERE idx = 1")
        connection.commit()
    found = await copy(str(filled.folder), await place("postgres"), tell=quiet)
    (said,) = found.differences
    assert "do not lead to its signed checkpoint" in said


async def test_a_source_that_was_served_since_is_no_longer_the_same(filled: Filled, place: Place) -> None:
    target = await place("postgres")
    await asyncio.to_thread(killed_after, 3, str(filled.folder), target)
    async with opened(filled, str(filled.folder)) as world:
        await world.disclose(filled.runs.tokens)
    with pytest.raises(Misconfigured, match="was served since"):
        await copy(str(filled.folder), target, tell=quiet)


async def test_nothing_is_copied_while_somebody_serves_or_over_what_is_there(
    filled: Filled, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, url = str(filled.folder), await place("postgres")
    with only_server(filled.folder), pytest.raises(Misconfigured, match="serves this data folder"):
        await copy(source, url, tell=quiet)
    await copy(source, url, tell=quiet)
    with monkeypatch.context() as patched:
        patched.setattr(postgres_side, "_LOOKS", 1)
        async with opened(filled, url):
            for one, other in ((url, str(tmp_path / "third")), (source, url)):
                with pytest.raises(Misconfigured, match="stop it first"):
                    await copy(one, other, tell=quiet)
    another = str(tmp_path / "another")
    async with World.open(Path(another)):
        pass
    for goal, said in ((another, "has a database already"), (url, "not empty")):
        with pytest.raises(Misconfigured, match=said):
            await copy(another if goal == url else url, goal, tell=quiet)
    with pytest.raises(Misconfigured, match="onto itself"):
        await copy(source, source, tell=quiet)


async def test_a_source_of_an_older_version_is_refused_and_not_touched(filled: Filled, place: Place) -> None:
    with closing(sqlite3.connect(filled.folder / DATABASE)) as connection:
        connection.execute(
            "DELETE FROM schema_migrations WHERE version = (SELECT max(version) FROM schema_migrations)"
        )
        connection.commit()
    before = rows_of(filled.folder)
    with pytest.raises(Misconfigured, match="consent migrate"):
        await copy(str(filled.folder), await place("postgres"), tell=quiet)
    assert rows_of(filled.folder) == before


@pytest.mark.parametrize(
    "address", ["mysql://db/x", "postgresql://u:hidden@db/x", "postgresql://db", "", "sqlite://"]
)
def test_an_address_that_cannot_be_is_refused_without_repeating_it(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["copy", "--from", str(tmp_path), "--to", address]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "hidden" not in said.err


def test_the_command_says_how_far_it_is_and_no_value(
    tmp_path: Path, postgres: Cluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fill() -> None:
        async with World.open(tmp_path / "data") as world:
            await world.given()

    asyncio.run(fill())
    url = asyncio.run(postgres.empty())
    monkeypatch.setattr(copying, "_TOLD", 1)
    assert main(["copy", "--from", str(tmp_path / "data"), "--to", url]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    known = re.compile(
        r"[a-z_]+: \d+ of \d+|all has arrived; comparing|log \d{4}: \d+ entries, which lead to its signed checkpoint"
        r"|The copy is whole: \d+ tables, \d+ rows, each as in the source\."
        r"|Key files are not copied\. From now on serve one of the two only\."
    )
    assert [line for line in lines if not known.fullmatch(line)] == []
    assert any(line.startswith("log_entries: ") for line in lines)

    async def spoil() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("UPDATE citizens SET created_at = created_at + 1")
        await connection.close()

    asyncio.run(spoil())
    assert main(["copy", "--from", str(tmp_path / "data"), "--to", url]) == 1
    assert "citizens: a row is not what it is in the source" in capsys.readouterr().err
    asyncio.run(postgres.drop(url))
