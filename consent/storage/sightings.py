"""What a witness remembers: of each log one checkpoint, in a SQLite file of its own, next to no other data.

A witness that forgets can be led to cosign two histories, so the file is as strict as the service's own: what was
answered is on disk (synchronous=FULL), and looking and writing are one transaction.
"""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from consent.words.errors import Misconfigured

T = TypeVar("T")

_SHAPE = (
    "CREATE TABLE IF NOT EXISTS sightings (origin TEXT PRIMARY KEY, note TEXT NOT NULL, at INTEGER NOT NULL) STRICT",
    "CREATE TABLE IF NOT EXISTS refused (origin TEXT NOT NULL, note TEXT NOT NULL, at INTEGER NOT NULL, "
    "PRIMARY KEY (origin, note)) STRICT",
    "CREATE TABLE IF NOT EXISTS followed (vkey TEXT PRIMARY KEY, led_by TEXT NOT NULL, at INTEGER NOT NULL) STRICT",
)
MOST_FOLLOWED = 256  # keys: a log has one a year
MOST_REFUSED = 64  # of one log: evidence, but nobody may fill the disk with it


class Sighting(msgspec.Struct, frozen=True):
    """A checkpoint with the log's signatures and ours, and when we cosigned it (seconds)."""

    note: str
    at: int


class Sightings:
    """One witness's memory. Calls block: a server makes them in a thread; two processes may share the file."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises Misconfigured."""
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=10
            )
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            for statement in _SHAPE:
                self._connection.execute(statement)
        except sqlite3.DatabaseError:
            raise Misconfigured("the witness's database cannot be opened") from None

    def last(self, origin: str) -> Sighting | None:
        """The checkpoint of a log that was cosigned last, or None."""
        with self._lock:
            return self._last(origin)

    def _last(self, origin: str) -> Sighting | None:
        rows = self._connection.execute(
            "SELECT note, at FROM sightings WHERE origin = ?", (origin,)
        ).fetchall()
        return Sighting(*rows[0]) if rows else None

    def move(self, origin: str, decide: Callable[[Sighting | None], Sighting | T]) -> Sighting | T:
        """Let *decide* look at the last sighting of a log, and keep the one that it returns.

        When it returns anything else, nothing is written. All of it is one transaction: of two submissions at once the
        second sees what the first left.
        """
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                decided = decide(self._last(origin))
                if isinstance(decided, Sighting):
                    self._connection.execute(
                        "INSERT INTO sightings (origin, note, at) VALUES (?, ?, ?) "
                        "ON CONFLICT (origin) DO UPDATE SET note = excluded.note, at = excluded.at",
                        (origin, decided.note, decided.at),
                    )
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        return decided

    def refuse(self, origin: str, note: str, at: int) -> None:
        """Keep a signed checkpoint that could not be cosigned: perhaps it proves that the log has two histories."""
        with self._lock:
            self._connection.execute(
                "INSERT OR IGNORE INTO refused (origin, note, at) "
                "SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM refused WHERE origin = ?1) < ?4",
                (origin, note, at, MOST_REFUSED),
            )

    def refused(self, origin: str) -> list[str]:
        """The signed checkpoints of a log that could not be cosigned, oldest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT note FROM refused WHERE origin = ? ORDER BY at, note", (origin,)
            ).fetchall()
        return [note for (note,) in rows]

    def follow(self, vkey: str, led_by: str, at: int) -> bool:
        """Remember that the log under the key *led_by* named the key *vkey*; False when there are too many."""
        with self._lock:
            self._connection.execute(
                "INSERT OR IGNORE INTO followed (vkey, led_by, at) "
                "SELECT ?, ?, ? WHERE (SELECT count(*) FROM followed) < ?",
                (vkey, led_by, at, MOST_FOLLOWED),
            )
            rows = self._connection.execute("SELECT 1 FROM followed WHERE vkey = ?", (vkey,)).fetchall()
        return bool(rows)

    def followed(self) -> list[tuple[str, str]]:
        """Each key that was named, and the key that led there; the oldest first."""
        with self._lock:
            return self._connection.execute("SELECT vkey, led_by FROM followed ORDER BY at, rowid").fetchall()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
