"""A PostgreSQL database as one side of a copy (see `sides.py`)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from consent.words.errors import Misconfigured

from .sides import MARKS, NOT_COPIED, Table, mark_of
from .store import Row

_COLUMNS = """
SELECT c.relname, a.attname, array_position(i.indkey::smallint[], a.attnum)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
ORDER BY c.relname, a.attnum
"""
_REFERENCES = """
SELECT f.relname, t.relname
FROM pg_constraint k
JOIN pg_class f ON f.oid = k.conrelid
JOIN pg_class t ON t.oid = k.confrelid
WHERE k.contype = 'f' AND f.relnamespace = current_schema()::regnamespace
"""
_OTHERS = """
SELECT count(*)
FROM pg_stat_activity
WHERE datname = current_database() AND application_name IN ('consent', 'consent copy') AND pid <> pg_backend_pid()
"""
_LOOKS = 40


class PostgresSide:
    """A database. Open it with `postgres_side`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def versions(self) -> list[Row]:
        """See `Side`."""
        return await self._all("SELECT version, sha256 FROM schema_migrations ORDER BY version")

    async def tables(self) -> dict[str, Table]:
        """See `Side`."""
        columns: dict[str, list[str]] = {}
        keys: dict[str, list[tuple[int, str]]] = {}
        refers: dict[str, set[str]] = {}
        for name, column, place in await self._all(_COLUMNS):
            columns.setdefault(name, []).append(column)
            keys.setdefault(name, []).extend([(place, column)] if place is not None else [])
        for name, other in await self._all(_REFERENCES):
            refers.setdefault(name, set()).add(other)
        return {
            name: Table(
                name,
                tuple(listed),
                tuple(column for _, column in sorted(keys[name])),
                frozenset(refers.get(name, ())),
            )
            for name, listed in columns.items()
            if name not in NOT_COPIED
        }

    async def count(self, table: Table) -> int:
        """See `Side`."""
        return int(await self._connection.fetchval(f"SELECT count(*) FROM {table.name}"))  # noqa: S608

    async def rows(self, table: Table, after: Row | None, *, limit: int) -> list[Row]:
        """See `Side`."""
        places = [f"${n}" for n in range(1, len(after or ()) + 1)]
        return await self._all(table.next(places, limit=limit), *(after or ()))

    async def marks(self) -> dict[str, bytes] | None:
        """See `Side`."""
        if await self._connection.fetchval("SELECT to_regclass($1)", MARKS) is None:
            return None
        return {name: bytes(mark) for name, mark in await self._all(f"SELECT name, mark FROM {MARKS}")}  # noqa: S608

    async def begin(self, source: bytes) -> None:
        """See `Side`."""
        async with self._connection.transaction():
            await self._connection.execute(
                f"CREATE TABLE {MARKS} (name TEXT PRIMARY KEY, mark BYTEA NOT NULL)"
            )
            await self._remember("", source)

    async def put(self, table: Table, rows: Sequence[Row]) -> None:
        """See `Side`."""
        async with self._connection.transaction():
            await self._connection.copy_records_to_table(table.name, records=rows, columns=table.columns)
            await self._remember(table.name, mark_of(table, rows))

    async def end(self) -> None:
        """See `Side`."""
        await self._connection.execute(f"DROP TABLE IF EXISTS {MARKS}")

    async def hold(self) -> None:
        """See one state of all tables from now on, and let no batch write: each begins with its row of `log_heads`."""
        await self._connection.transaction(isolation="repeatable_read").start()
        await self._connection.execute("SELECT 1 FROM log_heads FOR UPDATE")

    async def check_nobody_else(self) -> None:
        """Raises Misconfigured when somebody serves this database, or copies from or to it.

        A process that was just killed may still look connected, so we look a few times.
        """
        for _ in range(_LOOKS):
            if not await self._connection.fetchval(_OTHERS):
                return
            await asyncio.sleep(0.25)
        raise Misconfigured("the service or another copy is connected to this database; stop it first")

    async def _remember(self, name: str, mark: bytes) -> None:
        await self._connection.execute(
            f"INSERT INTO {MARKS} VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET mark = excluded.mark",  # noqa: S608
            name,
            mark,
        )

    async def _all(self, text: str, *parameters: object) -> list[Row]:
        return [tuple(row) for row in await self._connection.fetch(text, *parameters)]


@asynccontextmanager
async def postgres_side(url: str, *, held: bool) -> AsyncIterator[PostgresSide]:
    """A database that nobody serves; *held*: it stays as it is meanwhile. Raises Misconfigured."""
    try:
        connection = await asyncpg.connect(
            url,
            timeout=10,
            server_settings={
                "application_name": "consent copy",
                "lock_timeout": "10000",
                "idle_in_transaction_session_timeout": "0",
            },
        )
        try:
            side = PostgresSide(connection)
            await side.check_nobody_else()
            if held:
                await side.hold()
            yield side
        finally:
            await connection.close(timeout=10)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
        # Its own words may hold the address, or a value.
        raise Misconfigured(
            f"the PostgreSQL database cannot be copied from or to ({type(fault).__name__})"
        ) from None
