"""`consent copy`: the whole database of a service that stands still into another, also into one of the other engine.

A copy that was killed goes on where it was. Until it is whole and checked, nobody can serve what has arrived: the heads
of the logs come last, a file has another name until then, and a PostgreSQL database with marks of a copy is refused.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from consent.keyfiles import check_owner, keep_folder, make_folder
from consent.ledger.checkpoint import ED25519, check_checkpoint, parse_vkey
from consent.ledger.errors import LedgerError
from consent.ledger.tiles import Growth
from consent.ledger.tree import leaf_hash
from consent.opening import DATABASE, only_server
from consent.settings import Settings, check_settings
from consent.storage.rows import Head
from consent.storage.sides import Side, Table, key_in, make_file, sqlite_side
from consent.storage.sqlite import SqliteStore
from consent.words.errors import Misconfigured

CHUNK = 2_000  # rows in one transaction
_TOLD = 100_000  # rows between two lines of progress
_UNFINISHED = "copying.sqlite3"
_HEADS, _ENTRIES, _LOG_KEYS = "log_heads", "log_entries", "log_keys"
Tell = Callable[[str], None]


class Copied(NamedTuple):
    """What was found when all had arrived. *differences*: sentences; none when the copy is the source."""

    tables: int
    rows: int
    logs: tuple[str, ...]
    differences: tuple[str, ...]


async def copy(source: str, target: str, *, tell: Tell) -> Copied:
    """Copy the database at one address to another, and check it. *tell* hears how far it is, never a value.

    Raises Misconfigured: somebody serves one of them, the target has other data, or an engine failed; then the same
    command goes on later.
    """
    origin, goal = place_of(source), place_of(target)
    if origin == goal:
        raise Misconfigured("a database cannot be copied onto itself")
    async with _source(origin) as there, _target(goal) as here:
        if await there.marks() is not None:
            raise Misconfigured("a copy into the source has not ended; it is not whole")
        await _prepare(there, here)
        tables = await _shared(there, here)
        for table in tables:
            await _carry(there, here, table, tell)
        tell("all has arrived; comparing")
        found = await compare(there, here, tables)
        if not found.differences:
            await here.end()
    if isinstance(goal, Path) and not found.differences:
        _name(goal)
    return found


def place_of(address: str) -> Path | str:
    """The data folder, or the address of a PostgreSQL database, that somebody means. Raises Misconfigured."""
    parts = urlsplit(address)
    if parts.scheme in ("postgresql", "postgres"):
        check_settings(Settings(database=address))
        return address
    if parts.scheme == "sqlite" and not parts.netloc and parts.path.strip("/"):
        return Path(parts.path).resolve()
    if parts.scheme or not address:
        raise Misconfigured(
            "copy from or to a data folder, sqlite:///FOLDER, or postgresql://USER@HOST/NAME; nothing else"
        )
    return Path(address).resolve()


@asynccontextmanager
async def _source(place: Path | str) -> AsyncIterator[Side]:
    if isinstance(place, str):
        async with _postgres(place, held=True) as side:
            yield side
        return
    file = place / DATABASE
    if not file.exists():
        raise Misconfigured("there is no database in the data folder to copy from")
    check_owner(place)
    with only_server(place):
        async with sqlite_side(file, held=True) as side:
            yield side


@asynccontextmanager
async def _target(place: Path | str) -> AsyncIterator[Side]:
    if isinstance(place, str):
        async with _postgres(place, held=False) as side:
            if await side.marks() is None:
                from consent.storage.postgres import PostgresStore

                await (await PostgresStore.open(place)).close()  # makes the tables, if there are none
            yield side
        return
    make_folder(place)
    with only_server(place), _unnamed(place) as file:
        await (await SqliteStore.open(file)).close()
        async with sqlite_side(file, held=False) as side:
            yield side


@asynccontextmanager
async def _postgres(url: str, *, held: bool) -> AsyncIterator[Side]:
    try:
        from consent.storage.postgres_side import postgres_side
    except ImportError:
        raise Misconfigured("PostgreSQL takes one more package: pip install 'consent[postgres]'") from None
    async with postgres_side(url, held=held) as side:
        yield side


@contextmanager
def _unnamed(folder: Path) -> Iterator[Path]:
    """The file that gets the name of the database once it is whole (`_name`)."""
    if any(folder.glob(f"{DATABASE}*")):
        raise Misconfigured("the data folder to copy to has a database already; nothing was changed")
    file = folder / _UNFINISHED
    make_file(file)
    yield file


def _name(folder: Path) -> None:
    (folder / _UNFINISHED).rename(folder / DATABASE)
    keep_folder(folder)


async def _prepare(there: Side, here: Side) -> None:
    """Begin a copy in an empty database, or see that the one that began there is of this source, as it is now."""
    if await there.versions() != await here.versions():
        raise Misconfigured(
            "source and target are not both of this version; run `consent migrate` on both first"
        )
    known, marks = await _identity(there), await here.marks()
    if marks is not None:
        if marks[""] != known:
            raise Misconfigured(
                "the copy that began there is of another source, or this one was served since; empty the target"
            )
        return
    is_empty = True
    for table in (await here.tables()).values():
        is_empty = is_empty and not await here.rows(table, None, limit=1)
    if is_empty:
        await here.begin(known)
    elif await _identity(here) != known:  # else it is a whole copy: it is compared once more
        raise Misconfigured("the database to copy to is not empty; nothing was changed")


async def _identity(side: Side) -> bytes:
    """By which a source is known again: how far its logs are, as their checkpoints sign it."""
    heads = await side.rows((await side.tables())[_HEADS], None, limit=CHUNK)
    if not heads:
        return b""
    return hashlib.sha256(msgspec.msgpack.encode(sorted(heads))).digest()


async def _shared(there: Side, here: Side) -> list[Table]:
    """The tables in the order of copying: what others refer to first, the heads of the logs last."""
    ours, theirs = await there.tables(), await here.tables()
    if {t.name: (set(t.columns), t.key) for t in ours.values()} != {
        t.name: (set(t.columns), t.key) for t in theirs.values()
    }:
        raise Misconfigured("source and target do not have the same tables")
    order = TopologicalSorter({name: sorted(ours[name].refers_to) for name in sorted(ours)}).static_order()
    return [ours[name] for name in sorted(order, key=lambda name: name == _HEADS)]


async def _carry(there: Side, here: Side, table: Table, tell: Tell) -> None:
    """Copy what is missing of one table, a chunk and its mark at a time."""
    marks = await here.marks()
    if marks is None:
        return
    last = key_in(marks.get(table.name))
    total = await there.count(table)
    done = told = await here.count(table) if last is not None else 0
    while rows := await there.rows(table, last, limit=CHUNK):
        await here.put(table, rows)
        last = table.key_of(rows[-1])
        done += len(rows)
        if done - told >= _TOLD:
            tell(f"{table.name}: {done} of {total}")
            told = done
    if total:
        tell(f"{table.name}: {done} of {total}")


async def compare(there: Side, here: Side, tables: list[Table]) -> Copied:
    """Compare all rows of both sides, and fold the copied entries of each log to the root that the source signed."""
    differences, rows = [], 0
    for table in tables:
        ours, theirs = await _sum(there, table), await _sum(here, table)
        rows += theirs[0]
        if ours[0] != theirs[0]:
            differences.append(f"{table.name}: {ours[0]} rows there, {theirs[0]} here")
        elif ours[1] != theirs[1]:
            differences.append(f"{table.name}: a row is not what it is in the source")
    by_name = {table.name: table for table in tables}
    keys = await there.rows(by_name[_LOG_KEYS], None, limit=CHUNK)
    logs, folded = [], await _roots(here, by_name[_ENTRIES])
    for row in await there.rows(by_name[_HEADS], None, limit=CHUNK):
        head = msgspec.convert(dict(zip(by_name[_HEADS].columns, row, strict=True)), Head)
        signers = [_named(by_name[_LOG_KEYS], key) for key in keys]
        try:
            signed = check_checkpoint(
                head.note, [str(key["key"]) for key in signers if _signs(key, head.log)]
            )
            is_whole = folded.get(head.log) == (signed.size, signed.root) and signed.size == head.size
        except LedgerError:
            is_whole = False
        if not is_whole:
            differences.append(f"log {head.log}: its entries do not lead to its signed checkpoint")
        logs.append(f"{head.log}: {head.size} entries")
    return Copied(len(tables), rows, tuple(logs), tuple(differences))


def _named(table: Table, row: tuple[object, ...]) -> dict[str, object]:
    return dict(zip(table.columns, row, strict=True))


def _signs(key: dict[str, object], log: str) -> bool:
    return key["log"] == log and key["retired"] is None and parse_vkey(str(key["key"])).algorithm == ED25519


async def _all(side: Side, table: Table) -> AsyncIterator[list[tuple[object, ...]]]:
    """All rows, a chunk at a time, in the order that this engine gives to the keys."""
    last = None
    while rows := await side.rows(table, last, limit=CHUNK):
        yield rows
        last = table.key_of(rows[-1])


async def _sum(side: Side, table: Table) -> tuple[int, int]:
    """How many rows, and the sum of their hashes: the same whatever order an engine gives to them."""
    count = total = 0
    async for rows in _all(side, table):
        count += len(rows)
        for row in rows:
            total += int.from_bytes(hashlib.sha256(msgspec.msgpack.encode(row)).digest())
    return count, total % (1 << 256)


async def _roots(side: Side, entries: Table) -> dict[str, tuple[int, bytes]]:
    """Size and root of each log, from its entries alone; none for a log in which one is missing."""
    growing: dict[str, Growth] = {}
    broken = set()
    async for rows in _all(side, entries):
        for named in (_named(entries, row) for row in rows):
            log = str(named["log"])
            growth = growing.setdefault(log, Growth())
            if named["idx"] != growth.append(leaf_hash(bytes(named["leaf"]))):  # type: ignore[call-overload]
                broken.add(log)
        for growth in growing.values():
            growth.dirty()
            growth.forget()
    return {log: (growth.size, growth.root()) for log, growth in growing.items() if log not in broken}
