"""A database is brought up to date once, and never by a version that does not know it. SQLite's own promises too."""

import asyncio
import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from consent.storage import store as stores
from consent.storage.sqlite import SqliteStore
from consent.storage.store import migrations
from consent.words.errors import Misconfigured

LATER = "CREATE TABLE later (id TEXT PRIMARY KEY, at {int} NOT NULL) {strict};\nINSERT INTO later VALUES ('x', 1);\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "consent.sqlite3"


@contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    try:
        yield connection
        connection.commit()
    finally:
        connection.close()


async def open_and_close(path: Path) -> None:
    await (await SqliteStore.open(path)).close()


def shape(path: Path) -> list[tuple[str, str]]:
    with database(path) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


async def test_a_new_database_gets_every_table_as_a_strict_one(path: Path) -> None:
    await open_and_close(path)
    with database(path) as connection:
        tables = connection.execute(
            "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        applied = connection.execute(
            "SELECT version, sha256 FROM schema_migrations ORDER BY version"
        ).fetchall()
    assert len(tables) > 20
    assert [name for name, strict in tables if not strict] == []
    assert applied == [(v, hashlib.sha256(text.encode()).hexdigest()) for v, text in migrations()]


async def test_opening_a_second_time_changes_nothing(path: Path) -> None:
    await open_and_close(path)
    before = shape(path)
    with database(path) as connection:
        applied = connection.execute("SELECT * FROM schema_migrations").fetchall()
    await open_and_close(path)
    assert shape(path) == before
    with database(path) as connection:
        assert connection.execute("SELECT * FROM schema_migrations").fetchall() == applied


async def test_a_later_migration_is_added_to_what_is_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await open_and_close(path)
    known = migrations()
    later = (known[-1][0] + 1, LATER)
    monkeypatch.setattr(stores, "migrations", lambda: [*known, later])
    await open_and_close(path)
    with database(path) as connection:
        assert connection.execute("SELECT id, at FROM later").fetchall() == [("x", 1)]
        assert connection.execute("SELECT max(version) FROM schema_migrations").fetchall() == [(later[0],)]


async def test_tokens_of_before_batches_are_kept_and_open_what_they_opened(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations()
    monkeypatch.setattr(stores, "migrations", lambda: known[:31])
    await open_and_close(path)
    row = (b"hash", "client", "desk", None, "jkt", 1, 2, None, None)
    put = "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    with database(path) as connection:
        connection.execute(put, row)
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(put, (b"other", "batch", *row[2:]))
    monkeypatch.setattr(stores, "migrations", lambda: known)
    await open_and_close(path)
    with database(path) as connection:
        assert connection.execute("SELECT * FROM tokens").fetchall() == [row]
        connection.execute(put, (b"other", "batch", *row[2:]))
        indices = connection.execute("SELECT name FROM pragma_index_list('tokens') WHERE origin = 'c'")
        assert {name for (name,) in indices} == {"tokens_of_code", "tokens_by_expiry", "tokens_of_grant"}


async def test_a_migration_that_fails_leaves_the_database_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await open_and_close(path)
    before, known = shape(path), migrations()
    broken = (known[-1][0] + 1, "CREATE TABLE later (id TEXT) {strict};\nINSERT INTO nowhere VALUES (1);\n")
    monkeypatch.setattr(stores, "migrations", lambda: [*known, broken])
    with pytest.raises(Misconfigured):
        await open_and_close(path)
    assert shape(path) == before
    monkeypatch.setattr(stores, "migrations", lambda: known)
    await open_and_close(path)


async def test_a_migration_with_another_text_than_the_one_applied_is_refused(path: Path) -> None:
    await open_and_close(path)
    with database(path) as connection:
        connection.execute("UPDATE schema_migrations SET sha256 = 'another' WHERE version = 1")
    with pytest.raises(Misconfigured, match="migration 0001"):
        await open_and_close(path)


async def test_a_database_of_a_newer_version_is_refused_and_not_touched(path: Path) -> None:
    await open_and_close(path)
    with database(path) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (9999, 'unknown here', 0)")
    before = shape(path)
    with pytest.raises(Misconfigured, match="newer"):
        await open_and_close(path)
    assert shape(path) == before


def test_migrations_are_numbered_in_order_and_portable() -> None:
    known = migrations()
    assert [version for version, _ in known] == list(range(1, len(known) + 1))
    for _, text in known:
        words = text.upper()
        for engine_own in (
            "AUTOINCREMENT",
            "SERIAL",
            "TRIGGER",
            "INTEGER",
            "BIGINT",
            "BYTEA",
            "JSONB",
            "NOW()",
        ):
            assert engine_own not in " ".join(
                line for line in words.splitlines() if not line.startswith("--")
            ), engine_own


async def test_each_connection_keeps_what_is_set_for_it(path: Path) -> None:
    store = await SqliteStore.open(path)
    try:
        for connection, query_only in ((store._writer, 0), (store._reader, 1)):
            expected = {
                "journal_mode": "wal",
                "synchronous": 2,  # FULL: a commit survives a power cut
                "foreign_keys": 1,
                "secure_delete": 1,
                "busy_timeout": 10_000,
                "query_only": query_only,
            }
            for pragma, value in expected.items():
                ((found,),) = await connection.execute_fetchall(f"PRAGMA {pragma}")
                assert found == value, pragma
    finally:
        await store.close()


@pytest.mark.parametrize("content", [b"this is no database" * 300, b"SQLite format 3\x00" + bytes(4000)])
def test_a_file_that_is_no_database_is_refused_in_words(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(Misconfigured, match="cannot be opened"):
        asyncio.run(open_and_close(path))
    assert path.read_bytes() == content


def test_what_cannot_be_opened_leaves_no_thread_that_speaks_to_a_loop_that_is_closed(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with asyncio.Runner() as runner:
        with pytest.raises(Misconfigured, match="cannot be opened"):
            runner.run(SqliteStore.open(tmp_path / "no such folder" / "consent.sqlite3"))
        left = [one.name for one in set(threading.enumerate()) - before if "connection_worker" in one.name]
    assert left == []


async def test_a_place_where_nothing_can_be_written_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be opened"):
        await SqliteStore.open(tmp_path / "no such folder" / "consent.sqlite3")


def test_each_migration_has_a_number_of_its_own_and_none_is_missing() -> None:
    numbers = [version for version, _ in migrations()]
    assert numbers == list(range(1, len(numbers) + 1))
