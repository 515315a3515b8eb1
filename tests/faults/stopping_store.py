"""A store that breaks on purpose: at the nth statement of a batch, at its commit, or when the answer comes back."""

import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

from consent.storage.sqlite import SqliteStore
from consent.storage.store import Batch, Row, Statement, Unknown

T = TypeVar("T")


class Stopped(Exception):
    """The process ended here, as far as the batch can tell."""


class StoppingStore:
    """A real SQLite store that works until it is told where to break; then it stays broken until it is mended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._real: SqliteStore | None = None
        self._at: int | str | None = None
        self._dead = False
        self.broke = False

    def break_at(self, place: int | str) -> None:
        """Break the next batch: before its statement *place* is run, at its "commit", or "after" it."""
        self._at, self._dead, self.broke = place, False, False

    def mend(self) -> None:
        """Work again."""
        self._at, self._dead = None, False

    async def write(self, batch: Batch[T]) -> T:
        real = await self._opened()
        if self._dead:
            raise Stopped
        place, self._at = self._at, None
        if place is None:
            return await real.write(batch)
        if place == "after":
            await real.write(batch)
            self._broken()
            raise Unknown("the answer to the commit was lost")
        if place == "commit":
            try:
                return await real.write(_refused_at_commit(batch))
            finally:
                self._broken()
        return await real.write(self._stopped_at(batch, int(place)))

    async def read(self, name: str, *parameters: Any) -> list[Row]:
        return await (await self._opened()).read(name, *parameters)

    async def scrub(self) -> bool:
        return await (await self._opened()).scrub()

    async def close(self) -> None:
        if self._real is not None:
            await self._real.close()

    def _broken(self) -> None:
        self._dead = self.broke = True

    def _stopped_at(self, batch: Batch[T], place: int) -> Batch[T]:
        for step, statement in _steps(outcome := _Outcome(batch)):
            if step == place:
                self._broken()
                raise Stopped
            outcome.rows = yield statement
        return outcome.value  # type: ignore[no-any-return]

    async def _opened(self) -> SqliteStore:
        if self._real is None:
            self._real = await SqliteStore.open(self._path)
            # A reference that points nowhere, checked only at the commit: so the COMMIT itself fails.
            self._real._texts |= {
                "fault.late": "-- late\nPRAGMA defer_foreign_keys = ON",
                "fault.orphan": "INSERT INTO citizen_keys VALUES ('nobody', 1, 'ring-1', x'00', x'00', 1)",
            }
        return self._real


class _Outcome:
    """A batch that is run one statement at a time, and what it returned in the end."""

    def __init__(self, batch: Batch[Any]) -> None:
        self.batch = batch
        self.rows: list[Row] | None = None
        self.value: Any = None


def _steps(outcome: _Outcome) -> Generator[tuple[int, Statement], None, None]:
    step = 0
    while True:
        try:
            statement = next(outcome.batch) if step == 0 else outcome.batch.send(outcome.rows or [])
        except StopIteration as done:
            outcome.value = done.value
            return
        yield step, statement
        step += 1


def _refused_at_commit(batch: Batch[T]) -> Batch[T]:
    yield Statement("fault.late", [()])
    result = yield from batch
    yield Statement("fault.orphan", [()])
    return result


def everything(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, read from the file by a connection of its own."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = [n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in tables}
    finally:
        connection.close()
