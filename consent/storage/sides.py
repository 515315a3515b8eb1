"""The two sides of a copy from one database to another: what stands there, table by table, in the order of its keys.

What there is says the engine's own catalogue, no list of ours: whatever a migration adds is copied too, in the form
that each engine has for it. A side is held while it is copied from: nobody else writes there.
"""

import os
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from consent.words.errors import Misconfigured

from .store import Row

MARKS = "copy_marks"  # in the target, until the copy is whole: the last key of each table that arrived
NOT_COPIED = frozenset({MARKS, "schema_migrations"})


class Table(NamedTuple):
    """One table: its columns, those of its key, and the tables that its rows refer to."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    refers_to: frozenset[str]

    def key_of(self, row: Row) -> Row:
        """The key of a row that has all columns."""
        return tuple(row[self.columns.index(column)] for column in self.key)

    def next(self, parameters: Sequence[str], *, limit: int) -> str:
        """The text that reads the rows after a key, or with no *parameters* the first ones; in the order of the key."""
        key = ", ".join(self.key)
        after = f"WHERE ({key}) > ({', '.join(parameters)})" if parameters else ""
        return f"SELECT {', '.join(self.columns)} FROM {self.name} {after} ORDER BY {key} LIMIT {limit:d}"  # noqa: S608


class Side(Protocol):
    """A database as a copy sees it."""

    async def versions(self) -> list[Row]:
        """The migrations that were applied, and the digests of their texts."""
        ...

    async def tables(self) -> dict[str, Table]:
        """All tables that are copied, by name."""
        ...

    async def count(self, table: Table) -> int:
        """How many rows it has."""
        ...

    async def rows(self, table: Table, after: Row | None, *, limit: int) -> list[Row]:
        """The next rows after a key, in the order of the keys."""
        ...

    async def marks(self) -> dict[str, bytes] | None:
        """What `put` and `begin` wrote; None when no copy into this database is under way."""
        ...

    async def begin(self, source: bytes) -> None:
        """A copy begins here, of what *source* identifies. It stands under the name "" from now on."""
        ...

    async def put(self, table: Table, rows: Sequence[Row]) -> None:
        """Add rows and the mark that says how far the table came: in one transaction, all or nothing."""
        ...

    async def end(self) -> None:
        """The copy is whole: forget the marks."""
        ...


def mark_of(table: Table, rows: Sequence[Row]) -> bytes:
    """What is remembered of how far a table came; `key_in` reads it."""
    return msgspec.msgpack.encode(table.key_of(rows[-1]))


def key_in(mark: bytes | None) -> Row | None:
    """The key in a mark; None when there is none yet."""
    return None if mark is None else msgspec.msgpack.decode(mark, type=tuple)


class SqliteSide:
    """A file. Open it with `sqlite_side`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def versions(self) -> list[Row]:
        """See `Side`."""
        return self._all("SELECT version, sha256 FROM schema_migrations ORDER BY version")

    async def tables(self) -> dict[str, Table]:
        """See `Side`."""
        names = self._all(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND substr(name, 1, 7) <> 'sqlite_'"
        )
        found = {}
        for (name,) in names:
            columns = self._all("SELECT name, pk FROM pragma_table_info(?)", name)
            keys = sorted((place, column) for column, place in columns if place)
            refers = self._all('SELECT "table" FROM pragma_foreign_key_list(?)', name)
            found[name] = Table(
                name,
                tuple(column for column, _ in columns),
                tuple(column for _, column in keys),
                frozenset(other for (other,) in refers),
            )
        return {name: table for name, table in found.items() if name not in NOT_COPIED}

    async def count(self, table: Table) -> int:
        """See `Side`."""
        return int(self._all(f"SELECT count(*) FROM {table.name}")[0][0])  # noqa: S608

    async def rows(self, table: Table, after: Row | None, *, limit: int) -> list[Row]:
        """See `Side`."""
        return self._all(table.next(["?"] * len(after or ()), limit=limit), *(after or ()))

    async def marks(self) -> dict[str, bytes] | None:
        """See `Side`."""
        if not self._all("SELECT 1 FROM sqlite_master WHERE name = ?", MARKS):
            return None
        return dict(self._all(f"SELECT name, mark FROM {MARKS}"))  # noqa: S608

    async def begin(self, source: bytes) -> None:
        """See `Side`."""
        self._all("BEGIN IMMEDIATE")
        self._all(f"CREATE TABLE {MARKS} (name TEXT PRIMARY KEY, mark BLOB NOT NULL) STRICT")
        self._remember("", source)
        self._all("COMMIT")

    async def put(self, table: Table, rows: Sequence[Row]) -> None:
        """See `Side`."""
        places = ", ".join("?" * len(table.columns))
        into = f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({places})"  # noqa: S608
        self._all("BEGIN IMMEDIATE")
        self._connection.executemany(into, rows)
        self._remember(table.name, mark_of(table, rows))
        self._all("COMMIT")

    async def end(self) -> None:
        """See `Side`."""
        self._all(f"DROP TABLE IF EXISTS {MARKS}")

    def hold(self) -> None:
        """Let nobody write from now on."""
        self._all("BEGIN IMMEDIATE")

    def _remember(self, name: str, mark: bytes) -> None:
        self._all(f"INSERT OR REPLACE INTO {MARKS} VALUES (?, ?)", name, mark)  # noqa: S608

    def _all(self, text: str, *parameters: object) -> list[Row]:
        return self._connection.execute(text, parameters).fetchall()


@asynccontextmanager
async def sqlite_side(file: Path, *, held: bool) -> AsyncIterator[SqliteSide]:
    """A file, by its whole path, with its tables; *held*: nobody writes there meanwhile. Raises Misconfigured."""
    try:
        address = f"{file.as_uri()}?mode=rw"  # WAL cannot be read with less
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            for pragma in ("busy_timeout=10000", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                connection.execute(f"PRAGMA {pragma}")
            side = SqliteSide(connection)
            if held:
                side.hold()
            yield side
    except sqlite3.Error as fault:
        code = getattr(fault, "sqlite_errorname", "unknown error")
        raise Misconfigured(f"the file cannot be copied from or to ({code})") from None


def make_file(file: Path) -> None:
    """A file for its owner only, empty when it is new."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
