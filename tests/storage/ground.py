"""What a contract test needs of an engine: open it, look into it, open it again. Another engine joins in `ENGINES`."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from consent.storage.postgres import PostgresStore
from consent.storage.sqlite import SqliteStore
from consent.storage.store import Batch, Row, Statement, Store
from tests.postgres import Cluster


class Engine(NamedTuple):
    """How a store of one engine is opened on a place; opening again finds what was written before."""

    name: str
    open: Callable[[Path], Awaitable[Store]]


async def _sqlite(place: Path) -> Store:
    return await SqliteStore.open(place / "consent.sqlite3")


ENGINES = ("sqlite", "postgres")


def engine_of(name: str, cluster: Callable[[], Cluster]) -> Engine:
    """The engine of that name; *cluster* starts a PostgreSQL server, or gives the one that runs."""
    if name == "sqlite":
        return Engine("sqlite", _sqlite)
    urls: dict[Path, str] = {}

    async def on_postgres(place: Path) -> Store:
        if place not in urls:
            urls[place] = await cluster().database()
        return await PostgresStore.open(urls[place])

    return Engine("postgres", on_postgres)


Rows = list[Row]


def put_citizens(*names: str) -> Batch[int]:
    """A batch of one statement with several rows of parameters."""
    yield Statement("citizen.put", [(name, "active", 1) for name in names])
    return len(names)


def get_citizens(*names: str) -> Batch[Rows]:
    """A batch that only reads."""
    return (yield Statement("citizen.get", [(name,) for name in names]))


def new_log(name: str, size: int = 1) -> Batch[None]:
    """A head row, for the statements that move it."""
    yield Statement("head.new", [(name, f"host/log/{name}", size, 1, 1, 0, "note")])


def move(name: str, *, old: int, new: int, epoch: int = 1) -> Batch[Rows]:
    """Compare and swap the head of a log."""
    return (yield Statement("head.move", [(new, 2, "newer", name, old, epoch)]))


def rows_of(*found: Any) -> list[tuple[Any, ...]]:
    """Rows as plain tuples, whatever an engine's own row type is."""
    return [tuple(row) for row in found]
