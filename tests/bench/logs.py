"""Logs side by side: ours on SQLite, pymerkle's on SQLite, and bare rows, which is what the disk allows.

Each appends the same leaves and makes every batch durable before it answers. `OurLog` is the ledger and the store of
the service with nothing around them: no grant is decided, no citizen's rows are written.
"""

import sqlite3
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pymerkle
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.ledger import checkpoint
from consent.ledger.proof import check_proof, format_proof
from consent.ledger.tiles import Growth, needed
from consent.ledger.tree import leaf_hash
from consent.storage.kinds import HEAD
from consent.storage.sqlite import SqliteStore
from consent.storage.store import Batch, Statement

LOG = "2030"
ORIGIN = f"consent.example/log/{LOG}"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


class Log(Protocol):
    """Something that takes leaves."""

    async def append(self, leaves: Sequence[bytes]) -> object:
        """Make all of them durable at once."""


class Rate(NamedTuple):
    """What a while of appending came to."""

    entries: int
    seconds: float
    cpu: float  # seconds of this process's processor time
    waited: float  # seconds in which it could have run and others had its core

    @property
    def per_second(self) -> float:
        """Entries a second."""
        return self.entries / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor time for one entry."""
        return self.cpu / self.entries * 1e6


async def rate(log: Log, leaves: Sequence[bytes], size: int, seconds: float) -> Rate:
    """Append batches of *size* for *seconds*."""
    count, began, used, waited = 0, time.perf_counter(), time.process_time(), _waited()
    while time.perf_counter() - began < seconds:
        start = count % (len(leaves) - size)
        await log.append(leaves[start : start + size])
        count += size
    return Rate(count, time.perf_counter() - began, time.process_time() - used, _waited() - waited)


def _waited() -> float:
    """How long the threads of this process have waited for a core (Linux: the scheduler's own count)."""
    return sum(int(s.read_text().split()[1]) for s in Path("/proc/self/task").glob("*/schedstat")) / 1e9


class BareRows:
    """One table, one row a leaf, WAL and synchronous=FULL: nothing that a log needs, only what any database must do."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for words in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"):
            self._connection.execute(words)
        self._connection.execute("CREATE TABLE leaves (id INTEGER PRIMARY KEY, leaf BLOB NOT NULL) STRICT")

    async def append(self, leaves: Sequence[bytes]) -> None:
        """One transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO leaves (leaf) VALUES (?)", [(leaf,) for leaf in leaves])
        self._connection.execute("COMMIT")

    async def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class Pymerkle:
    """pymerkle's durable tree as it comes: a leaf, then the root, then its proof. Batches of one only."""

    def __init__(self, path: Path, *, wal: bool = False) -> None:
        self._tree = pymerkle.SqliteTree(str(path))
        self.root: Callable[[], bytes] = getattr(self._tree, "get_root", None) or self._tree.get_state
        if wal:  # not its default, and our journal mode
            self._tree.con.execute("PRAGMA journal_mode=WAL")
            self._tree.con.execute("PRAGMA synchronous=FULL")

    async def fill(self, leaves: Sequence[bytes]) -> None:
        """Leaves to begin with, at once and without proofs."""
        self._tree.append_entries(leaves)

    async def append(self, leaves: Sequence[bytes]) -> object:
        """A leaf, the root and the proof, one after the other."""
        proof: Any = None
        for leaf in leaves:
            index = self._tree.append_entry(leaf)
            self.root()
            proof = self._tree.prove_inclusion(index)
        return proof

    async def close(self) -> None:
        """Close the database."""
        self._tree.close()


class OurLog:
    """The log alone: leaf, tiles, signed checkpoint and head in one transaction, then a tlog-proof for each leaf."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._growth = Growth()
        self.size = 0

    @classmethod
    async def begin(cls, path: Path) -> "OurLog":
        """An empty log in a new database."""
        log = cls(await SqliteStore.open(path))
        await log._store.write(_one(Statement("head.new", [(LOG, ORIGIN, 0, 0, 0, 0, "")])))
        return log

    async def append(self, leaves: Sequence[bytes]) -> list[str]:
        """One transaction; the proofs are made after it."""
        first = self.size
        note = await self._store.write(self._batch(leaves))
        growth = self._growth
        proofs = [
            format_proof(index, growth.inclusion_proof(index), note)
            for index in range(first, first + len(leaves))
        ]
        growth.forget()
        self.size = growth.size
        return proofs

    def _batch(self, leaves: Sequence[bytes]) -> Batch[str]:
        head = HEAD.from_row((yield Statement("head.lock", [(LOG,)]))[0])
        growth = self._growth
        rows = [(LOG, growth.append(leaf_hash(leaf)), leaf) for leaf in leaves]
        yield Statement("entry.put", rows)
        note = checkpoint.sign(checkpoint.body(ORIGIN, growth.size, growth.root()), ORIGIN, KEY)
        yield Statement("tile.put", [(LOG, level, n, data) for level, n, data in growth.dirty()])
        yield Statement("checkpoint.put", [(LOG, growth.size, note, 0)])
        moved = yield Statement("head.move", [(growth.size, 0, note, LOG, head.size, head.epoch)])
        assert moved
        return note

    def root(self) -> bytes:
        """The root over all leaves."""
        return self._growth.root()

    async def check(self, leaves: Sequence[bytes]) -> None:
        """Each of *leaves*, appended once more, is proved by its proof; and the database has all and the same."""
        for leaf, proof in zip(leaves, await self.append(leaves), strict=True):
            check_proof(proof, leaf, [checkpoint.vkey_of(ORIGIN, KEY)])
        stored = await self._store.read("head.get", LOG)
        size = stored[0][2]
        assert size == self.size == len(await self._store.read("entry.range", LOG, 0, size + 1))
        tiles = {
            (level, n): (await self._store.read("tile.get", LOG, level, n))[0][2] for level, n in needed(size)
        }
        assert b64encode(Growth.load(size, tiles).root()).decode() == stored[0][6].split("\n")[2]

    async def close(self) -> None:
        """Close the database."""
        await self._store.close()


def _one(statement: Statement) -> Batch[None]:
    yield statement
