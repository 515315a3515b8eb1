"""Look at a database without changing anything in it: which tables it has, before anybody opens it to work."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from consent.words.errors import Misconfigured

_PATIENCE = 10.0  # seconds
_ASKED = "SELECT version, sha256 FROM schema_migrations"


async def applied_in(database: str | Path) -> dict[int, str]:
    """The digests of the migrations that made the tables of *database*, a file or an address; none for an empty one.

    Raises Misconfigured when it cannot be opened.
    """
    if isinstance(database, Path):
        return await asyncio.to_thread(_in_file, database)
    return await _at_address(database)


def _in_file(file: Path) -> dict[int, str]:
    # Who only reads would still make files beside it. Without a log of writes nobody has it open, and none is needed.
    how = "mode=ro" if file.with_name(f"{file.name}-wal").exists() else "immutable=1"
    try:
        with closing(
            sqlite3.connect(f"{file.resolve().as_uri()}?{how}", uri=True, timeout=_PATIENCE)
        ) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE name = 'schema_migrations'")
            return dict(connection.execute(_ASKED).fetchall()) if tables.fetchall() else {}
    except sqlite3.Error as fault:
        code = getattr(fault, "sqlite_errorname", "unknown error")
        raise Misconfigured(f"the database cannot be opened ({code})") from None


async def _at_address(url: str) -> dict[int, str]:
    try:
        import asyncpg
    except ImportError:
        raise Misconfigured("PostgreSQL takes one more package: pip install 'consent[postgres]'") from None
    try:
        connection = await asyncpg.connect(url, timeout=_PATIENCE, command_timeout=_PATIENCE)
        try:
            if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
                return {}
            return dict(map(tuple, await connection.fetch(_ASKED)))
        finally:
            await connection.close()
    except (OSError, TimeoutError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
        # Its own words may hold the address.
        raise Misconfigured(f"the database cannot be opened ({type(fault).__name__})") from None
