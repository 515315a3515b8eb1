"""PostgreSQL: for more than one process, or more than one machine. Through asyncpg, on the same texts as SQLite.

A batch is one transaction on a connection of the writers' own; its first statement locks the head row of the log, so
batches of all processes come one after another, and each statement after it sees what the one before has committed
(READ COMMITTED takes a new snapshot for each). Durability is the server's: `synchronous_commit` is never less than on,
and a fail-over to a standby that may lack something is not followed (`lineage`).
"""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, TypeVar

import asyncpg

from consent.words.errors import Misconfigured

from .lineage import Lineage
from .sides import MARKS
from .store import (
    PLAIN_SELECT,
    Batch,
    Row,
    Unavailable,
    Unknown,
    Waiting,
    digest_of,
    spelt,
    statements,
    waiting_migrations,
)

T = TypeVar("T")

_SPELT = {"{int}": "BIGINT", "{blob}": "BYTEA", "{strict}": "", "{by_key}": ""}
_WRITERS = 2  # the scribe has one; the other is for what is done once, at a start
_READERS = 8
_PATIENCE = 10.0  # seconds to wait for a connection, and for the head row
# The connection is gone or none can be had: as against what the server says about a statement.
_LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what it says when the connection ends between two of its states
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
)
# What the machine or another process does to us: no space, no memory, too long a wait for a lock.
_SURROUNDINGS = (
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.DeadlockDetectedError,
    asyncpg.ReadOnlySQLTransactionError,
)
_Pool = Any  # asyncpg has no types
_Connection = Any


class PostgresStore:
    """A `Store` on one PostgreSQL database. Make it with `open`."""

    def __init__(self, writers: _Pool, readers: _Pool) -> None:
        self._writers = writers
        self._readers = readers
        self._texts = _texts()
        self._for_many: dict[str, str] = {}

    @classmethod
    async def open(cls, url: str, *, migrate: bool = False) -> "PostgresStore":
        """Connect to a database. An empty one gets its tables, one of an older version only with *migrate*.

        Raises Misconfigured: it cannot be reached, is read-only, newer or altered, or has to be migrated first.
        """
        pools: list[_Pool] = []
        lineage = Lineage()
        try:
            for size, reads in ((_WRITERS, "off"), (_READERS, "on")):
                pools.append(await _connect(url, size, lineage, only_reads=reads))
            async with pools[0].acquire() as connection:
                await _check_no_copy(connection)
                await _migrate(connection, also_older=migrate)
        except BaseException as fault:
            for pool in pools:
                pool.terminate()
            if isinstance(fault, Unavailable):
                raise Misconfigured(str(fault)) from None
            if isinstance(fault, (*_LOST, asyncpg.PostgresError, ValueError)):
                # Its own words may hold the address with the password.
                raise Misconfigured(f"the database cannot be opened ({type(fault).__name__})") from None
            raise
        return cls(*pools)

    async def write(self, batch: Batch[T]) -> T:
        """Run *batch* in one durable transaction (see `Store`)."""
        # Shielded: a cancelled caller must not leave a transaction open, and a commit in doubt.
        return await asyncio.shield(self._write(batch))

    async def read(self, name: str, *parameters: Any) -> list[Row]:
        """The rows of one reading statement, from a committed state."""
        async with _taken(self._readers) as connection:
            return [tuple(row) for row in await connection.fetch(self._texts[name], *parameters)]

    async def scrub(self) -> bool:
        """Ask the server to give up the dead rows; their place is overwritten in time."""
        async with _taken(self._writers) as connection:
            await connection.execute("VACUUM")
        return True

    async def close(self) -> None:
        """Let go of all connections."""
        for pool in (self._writers, self._readers):
            await pool.close()

    async def _write(self, batch: Batch[T]) -> T:
        async with _taken(self._writers) as connection:
            transaction = connection.transaction()
            try:
                await transaction.start()
                result = await self._drive(connection, batch)
            except BaseException as fault:
                # Before the COMMIT nothing has left the process: whatever the batch decided never happened.
                batch.close()
                with contextlib.suppress(*_LOST, asyncpg.PostgresError):
                    await transaction.rollback()
                if isinstance(fault, _SURROUNDINGS):
                    raise Unavailable(
                        "nothing can be written now, and nothing was; try again later"
                    ) from fault
                raise
            try:
                await transaction.commit()
            except _LOST as fault:
                raise Unknown("whether it was written is not known; repeat the request") from fault
            return result

    async def _drive(self, connection: _Connection, batch: Batch[T]) -> T:
        found: list[Row] | None = None
        while True:
            try:
                name, rows = batch.send(found) if found is not None else next(batch)
            except StopIteration as done:
                result: T = done.value
                return result
            found = await self._run(connection, name, rows)

    async def _run(self, connection: _Connection, name: str, rows: Sequence[Row]) -> list[Row]:
        """Execute one statement for all *rows* of parameters, in their order, in as few turns as it can be done in."""
        text = self._texts[name]
        if len(rows) > 1:
            if PLAIN_SELECT.match(text) and rows[0]:
                if name not in self._for_many:
                    self._for_many[name] = await _for_many(connection, text)
                found = await connection.fetch(self._for_many[name], *map(list, zip(*rows, strict=True)))
                return [tuple(row) for row in found]
            if not text.startswith("SELECT") and "RETURNING" not in text:
                await connection.executemany(text, rows)
                return []
        return [tuple(row) for values in rows for row in await connection.fetch(text, *values)]


@contextlib.asynccontextmanager
async def _taken(pool: _Pool) -> AsyncIterator[_Connection]:
    """A connection of *pool*. What fails for want of one, or of what the server needs, is Unavailable."""
    try:
        async with asyncio.timeout(_PATIENCE):
            connection = await pool.acquire()
    except (*_LOST, *_SURROUNDINGS, TimeoutError, Unavailable) as fault:
        raise Unavailable("the database cannot be reached; try again later") from fault
    try:
        yield connection
    except _LOST as fault:
        raise Unavailable("the database was lost on the way; try again later") from fault
    finally:
        with contextlib.suppress(*_LOST, asyncpg.PostgresError):
            await pool.release(connection)


async def _connect(url: str, size: int, lineage: Lineage, *, only_reads: str) -> _Pool:
    async def begin(connection: _Connection) -> None:
        # A sum of whole numbers is a whole number, as everywhere else.
        await connection.set_type_codec("numeric", schema="pg_catalog", encoder=str, decoder=int)
        await lineage.look(connection)

    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        timeout=_PATIENCE,
        command_timeout=60,
        statement_cache_size=512,
        init=begin,
        server_settings={
            "application_name": "consent",
            "lock_timeout": str(int(_PATIENCE * 1000)),
            "idle_in_transaction_session_timeout": "60000",  # a process that was frozen must not keep the head
            "default_transaction_isolation": "read committed",
            "default_transaction_read_only": only_reads,
        },
    )


async def _check_no_copy(connection: _Connection) -> None:
    if await connection.fetchval("SELECT to_regclass($1)", MARKS):
        raise Misconfigured("a copy into this database has not ended; give `consent copy` again")


async def _migrate(connection: _Connection, *, also_older: bool) -> None:
    async with connection.transaction():
        # The name of a lock that only migrations take: two processes that start at once take turns.
        await connection.execute("SELECT pg_advisory_xact_lock(7173462)")
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations "
            "(version BIGINT PRIMARY KEY, sha256 TEXT NOT NULL, applied_at BIGINT NOT NULL)"
        )
        applied = dict(map(tuple, await connection.fetch("SELECT version, sha256 FROM schema_migrations")))
        waiting: list[Waiting] = waiting_migrations(applied)
        if waiting and applied and not also_older:
            raise Misconfigured("the database is of an older version; run `consent migrate` first")
        for version, text in waiting:
            await connection.execute(spelt(text, _SPELT))
            await connection.execute(
                "INSERT INTO schema_migrations VALUES ($1, $2, $3)",
                version,
                digest_of(text),
                time.time_ns() // 1000,
            )


def _texts() -> Mapping[str, str]:
    """The statements as they are, but that reading the head for a batch locks it against all other batches."""
    texts = {
        name: "\n".join(line for line in text.splitlines() if not line.startswith("--"))
        for name, text in statements().items()
    }
    return texts | {"head.lock": f"{texts['head.lock']} FOR UPDATE"}


async def _for_many(connection: _Connection, text: str) -> str:
    """A plain SELECT joined with the list of what is asked, answered in the order of asking.

    The types of the list are those that the server finds for the parameters of the SELECT itself.
    """
    types = [kind.name for kind in (await connection.prepare(text)).get_parameters()]
    lists = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(types, 1))
    columns = ", ".join(f"column{n}" for n in range(1, len(types) + 1))
    asked = f"unnest({lists}) WITH ORDINALITY AS asked ({columns}, place)"
    joined = re.sub(r"\$(\d+)", r"asked.column\1", text).replace("FROM ", f"FROM {asked} CROSS JOIN ", 1)
    return f"{joined} ORDER BY asked.place"
