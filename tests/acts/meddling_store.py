"""A real store that counts its batches and lets a test put statements of its own between those of a batch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from consent.storage.sqlite import SqliteStore
from consent.storage.store import Batch, Row, Statement, T


class Meddling:
    """Opens the file at its first use; the world makes the folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._real: SqliteStore | None = None
        self.batches: list[int] = []  # how many entries each batch added
        self.before: Callable[[Statement], Statement | None] | None = None

    async def write(self, batch: Batch[T]) -> T:
        return await (await self._opened()).write(self._meddled(batch))

    async def read(self, name: str, *parameters: Any) -> list[Row]:
        return await (await self._opened()).read(name, *parameters)

    async def scrub(self) -> bool:
        return await (await self._opened()).scrub()

    async def close(self) -> None:
        if self._real is not None:
            await self._real.close()

    def _meddled(self, batch: Batch[T]) -> Batch[T]:
        entries, rows = 0, None
        while True:
            try:
                statement = next(batch) if rows is None else batch.send(rows)
            except StopIteration as done:
                self.batches.append(entries)
                return done.value  # type: ignore[no-any-return]
            own = self.before(statement) if self.before else None
            if own is not None:
                yield own
            if statement.name == "entry.put":
                entries += len(statement.rows)
            rows = yield statement

    async def _opened(self) -> SqliteStore:
        if self._real is None:
            self._real = await SqliteStore.open(self._path)
        return self._real
