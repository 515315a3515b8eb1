"""SQLite: the embedded default. One file, one writer, WAL, synchronous=FULL.

The whole batch runs in one hop on aiosqlite's thread: a statement costs microseconds there, a hop costs as much as
twenty of them. Readers have a connection of their own and never wait for the writer.
"""

import asyncio
import re
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from consent.words.errors import Misconfigured

from .store import (
    PLAIN_SELECT,
    Batch,
    Row,
    Unavailable,
    digest_of,
    spelt,
    statements,
    waiting_migrations,
)

T = TypeVar("T")

# Kept per connection by SQLite: each of these is set again every time one is opened.
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # NORMAL can lose an acknowledged withdrawal at a power cut
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=10000",
    "PRAGMA secure_delete=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-65536",
    "PRAGMA wal_autocheckpoint=4000",  # 16 MB: pages that change in every batch are copied back less often
)
# What the machine does to us, as against what we do wrong: no space, no lock, no access.
_SURROUNDINGS = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)


# How the words that migrations leave open are spelt here.
_SPELT = {"{int}": "INTEGER", "{blob}": "BLOB", "{strict}": "STRICT", "{by_key}": "STRICT, WITHOUT ROWID"}

# Rows of parameters that one execution takes, where there are as many: a batch reads and writes dozens of a kind.
_AT_ONCE = (64, 16, 4)


class SqliteStore:
    """A `Store` on one SQLite file. Make it with `open`."""

    def __init__(self, writer: aiosqlite.Connection, reader: aiosqlite.Connection, path: Path) -> None:
        self.path = path
        self._writer = writer
        self._reader = reader
        self._texts = _texts()
        self._for_many = {name: _for_many(text) for name, text in self._texts.items()}

    @classmethod
    async def open(cls, path: Path) -> "SqliteStore":
        """Open or create the database file and bring its tables up to date. Raises Misconfigured."""
        try:
            writer = await _connect(path)
            try:
                await _hop(writer, _migrate)
                reader = await _connect(path)
                await reader.execute("PRAGMA query_only=ON")
            except BaseException:
                await writer.close()
                raise
        except sqlite3.DatabaseError as fault:
            code = getattr(fault, "sqlite_errorname", "unknown error")
            raise Misconfigured(f"the database cannot be opened or brought up to date ({code})") from None
        return cls(writer, reader, path)

    async def write(self, batch: Batch[T]) -> T:
        """Run *batch* in one durable transaction (see `Store`)."""
        # Shielded: a cancelled caller must not leave the thread's transaction to the next one.
        try:
            return await asyncio.shield(_hop(self._writer, _drive, self._texts, self._for_many, batch))
        except sqlite3.OperationalError as fault:
            if fault.sqlite_errorcode & 0xFF in _SURROUNDINGS:
                raise Unavailable("nothing can be written now, and nothing was; try again later") from fault
            raise

    async def read(self, name: str, *parameters: Any) -> list[Row]:
        """The rows of one reading statement, from a committed state."""
        return list(await self._reader.execute_fetchall(self._texts[name], parameters))  # type: ignore[arg-type]

    async def scrub(self) -> bool:
        """Empty the write-ahead log: secure_delete zeroes what is deleted, but older pages still stand in there."""
        ((busy, _, _),) = await self._writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        return not busy

    async def close(self) -> None:
        """Close both connections; their threads would keep the process alive otherwise."""
        await self._reader.close()
        await self._writer.close()


async def _hop(connection: aiosqlite.Connection, work: Callable[..., T], *arguments: Any) -> T:
    """Run *work* on the connection's thread in one hop. aiosqlite has no public name for this (see decision 0004)."""
    result: T = await connection._execute(work, connection._conn, *arguments)  # type: ignore[no-untyped-call]
    return result


def _drive(
    connection: sqlite3.Connection,
    texts: Mapping[str, str],
    for_many: Mapping[str, Mapping[int, str]],
    batch: Batch[T],
) -> T:
    """Run a batch on the connection's own thread: its statements between BEGIN IMMEDIATE and COMMIT."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        found: list[Row] | None = None
        while True:
            try:
                name, rows = batch.send(found) if found is not None else next(batch)
            except StopIteration as done:
                result: T = done.value
                break
            found = _run(connection, texts[name], for_many.get(name, {}), rows)
        connection.execute("COMMIT")
    except BaseException:
        # Before the COMMIT nothing has left the process: whatever the batch decided never happened.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        batch.close()
        raise
    return result


def _run(
    connection: sqlite3.Connection, text: str, for_many: Mapping[int, str], rows: Sequence[Row]
) -> list[Row]:
    """Execute one statement for all *rows* of parameters, in their order, as many at once as it can take."""
    if for_many and text.startswith("UPDATE") and len({row[0] for row in rows}) < len(rows):
        for_many = {}  # of two changes of one row only one would be made
    found: list[Row] = []
    done = 0
    for size, at_once in for_many.items():
        while len(rows) - done >= size:
            parameters = list(chain.from_iterable(rows[done : done + size]))
            found += connection.execute(at_once, parameters).fetchall()
            done += size
    for row in rows[done:]:
        found += connection.execute(text, row).fetchall()
    return found


async def _connect(path: Path) -> aiosqlite.Connection:
    opening = aiosqlite.connect(path, isolation_level=None, cached_statements=512)
    try:
        connection = await opening
    except BaseException:
        # Its thread says that it ends to this loop, which may be closed as soon as we return (see decision 0004).
        await asyncio.to_thread(opening._thread.join)
        raise
    try:
        for pragma in _PRAGMAS:
            await connection.execute_fetchall(pragma)
        ((synchronous,),) = await connection.execute_fetchall("PRAGMA synchronous")
        ((journal,),) = await connection.execute_fetchall("PRAGMA journal_mode")
        if synchronous != 2 or journal != "wal":
            raise Misconfigured(
                "this file system does not let SQLite keep its promises (WAL, synchronous=FULL)"
            )
    except BaseException:
        await connection.close()  # its thread would keep the process alive
        raise
    return connection


def _texts() -> dict[str, str]:
    """The statements in SQLite's spelling: `?1` for `$1`, without the comment lines in front."""
    texts = {}
    for name, text in statements().items():
        lines = [line for line in text.splitlines() if not line.startswith("--")]
        texts[name] = "\n".join(lines).replace("$", "?")
    return texts


_VALUES = re.compile(r"VALUES \(\?1(, \?\d+)*\)")
_UPDATE = re.compile(r"UPDATE (\w+)\s+SET ([\w\s=?,]+?)\s+WHERE (\w+) = \?1;?\s*")


def _for_many(text: str) -> dict[int, str]:
    """The same statement for many rows of parameters at once, by their number; empty where that means something else.

    Half of what a row costs is the call. An INSERT gets more rows, an UPDATE takes its values from a list. A SELECT is
    joined with the list of what is asked, which CROSS JOIN keeps in front: the rows come in the order of asking.
    """
    numbers = [int(n) for n in re.findall(r"\?(\d+)", text)]
    row = f"({', '.join('?' * max(numbers, default=0))})"
    lists = {count: f"VALUES {', '.join([row] * count)}" for count in _AT_ONCE}
    if text.startswith("INSERT") and _VALUES.search(text) and numbers == sorted(set(numbers)):
        return {count: _VALUES.sub(values, text) for count, values in lists.items()}
    update = _UPDATE.fullmatch(text)
    if update is not None:
        table, changes, key = update.groups()
        changed = re.sub(r"\?(\d+)", r"asked.column\1", changes)
        return {  # our own statements, put together
            count: f"UPDATE {table} SET {changed} FROM ({values}) AS asked WHERE {table}.{key} = asked.column1"  # noqa: S608
            for count, values in lists.items()
        }
    if numbers and PLAIN_SELECT.match(text):
        joined = re.sub(r"\?(\d+)", r"asked.column\1", text)
        fronts = {count: f"FROM ({values}) AS asked CROSS JOIN " for count, values in lists.items()}
        return {count: joined.replace("FROM ", front, 1) for count, front in fronts.items()}
    return {}


def _migrate(connection: sqlite3.Connection) -> None:
    """Apply what is missing, in one transaction; refuse a database that is newer or was altered."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations "
            "(version INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT"
        )
        applied = dict(connection.execute("SELECT version, sha256 FROM schema_migrations").fetchall())
        for version, text in waiting_migrations(applied):
            for statement in spelt(text, _SPELT).split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_migrations VALUES (?, ?, ?)",
                (version, digest_of(text), time.time_ns() // 1000),
            )
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
