"""The house as the state machine needs it: recognisable values, a crash at any statement, a second opening."""

import asyncio
import atexit
import os
import shutil
import tempfile
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from consent.acts.hold import put_value
from consent.opening import open_house, prepare
from consent.settings import Settings
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import HOLDINGS, KEYS
from consent.storage.store import Batch, Row, Statement, Store
from consent.words.attributes import CATALOGUE, Value, check_value
from tests.postgres import Cluster
from tests.world import World

T = TypeVar("T")

PEOPLE = ("sanne", "riet")
NAMES = (
    "income_below_threshold", "household_size", "number_of_children", "energy_supplier",
    "energy_contract_number", "email",
)  # fmt: skip
FROM_HERSELF = frozenset(name for name in NAMES if CATALOGUE[name].source == "self")


# In memory where that is possible: the power cuts here are ours, and waiting for a disk would be most of the time.
_FAST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class PowerCut(Exception):
    """The machine stopped; whoever was waiting heard nothing."""


class FragileStore:
    """A real store that can lose power: before statement *n* of a batch, or after the commit and before the answer."""

    def __init__(self, real: Store) -> None:
        self.real = real
        self.cut_before: int | None = None
        self.cut_after_commit = False
        self.is_dark = False

    async def write(self, batch: Batch[T]) -> T:
        if self.is_dark:
            raise PowerCut
        result = await self.real.write(batch if self.cut_before is None else self._until(batch))
        if self.cut_after_commit:
            self.is_dark = True
            raise PowerCut
        return result

    def _until(self, batch: Batch[T]) -> Batch[T]:
        found: list[Row] | None = None
        count = 0
        while True:
            if count == self.cut_before:
                self.is_dark = True
                raise PowerCut
            try:
                statement: Statement = next(batch) if found is None else batch.send(found)
            except StopIteration as done:
                result: T = done.value
                return result
            found = yield statement
            count += 1

    async def read(self, name: str, *parameters: Any) -> list[Row]:
        return await self.real.read(name, *parameters)

    async def close(self) -> None:
        await self.real.close()


class Home:
    """One data folder through all its openings. Synchronous outside: it has an event loop of its own.

    With a *cluster* its database is there, and a power cut is the end of all connections.
    """

    def __init__(self, cluster: Cluster | None = None) -> None:
        self.cluster = cluster
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="consent-life-", dir=_FAST))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.canaries: list[Value] = []
        self._opening = 0
        self._data = self.folder / "0"
        self._database = self.run(cluster.database()) if cluster is not None else ""
        first = self.run(self._plant())
        self.keys, self.people = first.keys, dict(first._people)
        self.at = first.at

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def copy(self) -> "Home":
        """The same folder and people once more, so that each example begins alike and begins soon."""
        other = object.__new__(Home)
        other.loop = asyncio.new_event_loop()
        other.folder = Path(tempfile.mkdtemp(prefix="consent-life-", dir=_FAST))
        other.canaries, other.keys, other.people, other.at = [], self.keys, self.people, self.at
        other._opening, other.cluster = 0, self.cluster
        other._database = other.run(self.cluster.copy(self._database)) if self.cluster is not None else ""
        other._data = other.folder / "0"
        shutil.copytree(self._data, other._data)
        return other

    async def _plant(self) -> World:
        async with World.open(self._data, database=self._database) as world:
            return world

    def open(self) -> World:
        """Open the folder as it is; nothing is approved or planted again."""
        return self.run(self._open())

    async def _open(self) -> World:
        settings = Settings(data=str(self._data), database=self._database, sandbox=True, yearly_logs=False)
        self.store = FragileStore(await prepare(settings))
        now = [self.at]
        house = await open_house(settings, self.store, lambda: now[0])
        world = World(house, settings, self.keys)
        world._now, world.at, world._people = now, self.at, self.people  # type: ignore[attr-defined]
        house.scribe.start()
        return world

    def crash(self, world: World) -> World:
        """Lose power and come up again: only what was on disk at that moment is there."""
        self.store.is_dark = True
        self._opening += 1
        after = self.folder / str(self._opening)
        shutil.copytree(self._data, after)
        self.close(world)
        self._data, self.at = after, world.at
        return self.open()

    def close(self, world: World) -> None:
        self.run(self._close(world))

    async def _close(self, world: World) -> None:
        await world.house.scribe.stop()
        await self.store.close()

    def remove(self) -> None:
        """End of an example."""
        if self.cluster is not None:
            self.run(self.cluster.drop(self._database))
        self.loop.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # Values that can be recognised

    def canary(self, name: str) -> Value:
        """A value that occurs nowhere else, so that every copy of it in a file or an answer can be found."""
        number = 704_000_000 + 7_919 * len(self.canaries)
        text = {
            "energy_supplier": f"Kanarie {number} NV",
            "energy_contract_number": f"KNR-{number}",
            "email": f"kanarie{number}@example.org",
        }
        value: Value = True if CATALOGUE[name].kind == "boolean" else text.get(name, number)
        self.canaries.append(value)
        return check_value(CATALOGUE[name], value)

    def all_bytes(self) -> Iterable[tuple[str, bytes]]:
        """Every file of every opening: database, write-ahead log, keys, lock."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                yield path.name, path.read_bytes()
        if self.cluster is not None:
            yield "database", self.run(self.cluster.rows(self._database))

    def leaks(self, where: bytes) -> list[Value]:
        """The canaries that *where* holds, plain, escaped or in base64."""
        return [value for value in self.canaries if any(form in where for form in _forms(value))]


def register(world: World, citizen: str, name: str, value: Value | None) -> Any:
    """A register sends a new value, or says that there is none any more."""

    def story(book: Book) -> Story[None]:
        yield [KEYS.one(citizen), HOLDINGS.one(citizen)]
        yield TURN
        wrapped = book.get(KEYS, citizen)
        assert wrapped is not None
        put_value(
            book, citizen=citizen, keys=book.keys_of(wrapped), name=name, value=value,
            source=CATALOGUE[name].source, as_of="2030-01-01",
        )  # fmt: skip

    return world.house.scribe.do(story)


def _forms(value: Value) -> list[bytes]:
    if isinstance(value, bool):
        return []  # true stands everywhere
    plain = str(value).encode()
    found = [plain]
    for shift in range(3):  # base64 depends on what stands before
        for encode in (b64encode, urlsafe_b64encode):
            found.append(encode(bytes(shift) + plain)[4 if shift else 0 : -4])
    return found


def decoded(record: bytes) -> dict[str, Any]:
    """An audit record as it stands in the log."""
    found: dict[str, Any] = msgspec.json.decode(record)
    return found
