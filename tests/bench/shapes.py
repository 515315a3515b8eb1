"""Load shapes against the real service: `python -m tests.bench.shapes [--seconds N] [--peak N] [--citizens N]`.

    morning    the load grows from a tenth of the peak to the peak and back: organisations ask, citizens look at their
               page, answer questions (from the pushed request to the token) and stop. Nobody waits for anybody: each
               begins when its time has come, and its latency counts from then, so also what it stood in line
    polling    one organisation asks for one citizen over and over on 32 connections; she stops, and shares anew; what
               waits meanwhile is a disclosure of another citizen
    storm      all citizens stop at once while organisations go on asking

`consent serve` runs on a data folder of its own, with --postgres on a PostgreSQL that is started for it and then with
--workers processes. Latencies are those that httpx sees in one Python process on the same machine, its own time among
them (a proof to sign, an answer to read): they show how kinds compare and what a shape does to them, not how fast the
service can be; `tests/bench/run.py` measures that. Exit code 1 if an answer was one that nobody may get.
"""

import argparse
import asyncio
import contextlib
import random
import secrets
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import httpx

from consent.settings import Settings
from tests.conftest import free_port
from tests.history.people import Home, Live, Town
from tests.history.play import furnish
from tests.history.service import Service
from tests.postgres import Cluster, cluster

POLLERS = 32
_TRIES = 100  # a busy service may say no for a while
# One of each twenty of the morning.
_MORNING = ("disclosure", "page", "question or stop", *("disclosure",) * 6, "page") * 2
Latencies = dict[str, list[float]]  # seconds, by kind


class Shape(NamedTuple):
    """What came of one shape. *wrong*: answers that nobody may get."""

    name: str
    latencies: Latencies
    wrong: list[str]


class Load:
    """Everybody, a connection for each, and how long each thing took that they did."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.took: Latencies = defaultdict(list)
        self._idle: list[httpx.AsyncClient] = []

    @contextlib.asynccontextmanager
    async def connection(self):  # type: ignore[no-untyped-def]
        """One that nobody else uses now."""
        http = self._idle.pop() if self._idle else self.town.client()
        try:
            yield http
        finally:
            http.cookies.clear()
            self._idle.append(http)

    async def close(self) -> None:
        """Let go of all of them."""
        for http in self._idle:
            await http.aclose()

    async def disclosure(self, home: Home, due: float, kind: str = "disclosure") -> None:
        """An organisation asks; a no is a kind of its own."""
        if home.live is None:
            return
        async with self.connection() as http:
            fetch = await self.town.fetch(http, home, home.live, secrets.token_urlsafe(16))
        if fetch.ended is None:
            kind = "no answer"
        elif fetch.code != "given":
            kind = "told that it ended" if fetch.code == "grant_not_active" else fetch.code
        self.note(kind, due)

    async def page(self, home: Home, due: float) -> None:
        """A citizen opens what she shares."""
        async with self.connection() as http:
            http.cookies.set("session", home.cookie)
            answer = await http.get("/")
        if answer.status_code != 200:
            self.town.seen.wrong.append(f"page: {answer.status_code}")
        self.note("page", due)

    async def question(self, home: Home, due: float) -> None:
        """The whole way from a pushed request over the page to a token: eight requests."""
        live: Live | None = None
        async with self.connection() as organisation, self.connection() as http:
            http.cookies.set("session", home.cookie)
            for _ in range(_TRIES):
                live = await self.town.share(organisation, http)
                if live is not None:
                    break
        if live is None:
            raise RuntimeError(f"nobody can share: {self.town.seen.wrong[:1]}")
        home.live = live
        self.note("question", due)

    async def stop(self, home: Home, due: float) -> None:
        """She stops; it took until she was told."""
        if home.live is None:
            return
        async with self.connection() as http:
            http.cookies.set("session", home.cookie)
            is_told = await self.town.stop(http, home, home.live)
        if not is_told:
            self.town.seen.wrong.append("a stop was never acknowledged")
        self.note("stop", due)

    def note(self, kind: str, due: float) -> None:
        """It took from when it was due until now."""
        self.took[kind].append(time.perf_counter() - due)


async def morning(load: Load, *, seconds: float, peak: float) -> None:
    """Arrivals by a clock of their own: a tenth of *peak* a second at first, *peak* in the middle."""
    homes = load.town.homes
    askers, others = homes[: len(homes) // 2], homes[len(homes) // 2 :]
    free = list(others)

    async def one(kind: str, number: int, due: float) -> None:
        if kind == "page":
            await load.page(homes[number % len(homes)], due)
        elif kind == "disclosure":
            await load.disclosure(askers[number % len(askers)], due)
        elif free:
            home = free.pop(0)
            if home.live is None:
                await load.question(home, due)
            else:
                await load.stop(home, due)
                home.live = None
            free.append(home)

    began, due, number = time.perf_counter(), 0.0, 0
    async with asyncio.TaskGroup() as group:
        while due < seconds:
            await asyncio.sleep(max(0.0, began + due - time.perf_counter()))
            group.create_task(one(_MORNING[number % len(_MORNING)], number, began + due))
            number += 1
            due += 1 / (peak * (0.1 + 0.9 * (1 - abs(2 * due / seconds - 1))))


async def polling(load: Load, *, seconds: float) -> None:
    """As many as can ask for one citizen, who stops and shares anew; others must not be held up by it."""
    polled, other = load.town.homes[0], load.town.homes[1]
    over = asyncio.Event()

    async def poll() -> None:
        while not over.is_set():
            await load.disclosure(polled, time.perf_counter(), "disclosure, polled")

    async def another() -> None:
        while not over.is_set():
            await load.disclosure(other, time.perf_counter(), "disclosure, another citizen")
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as group:
        for _ in range(POLLERS):
            group.create_task(poll())
        group.create_task(another())
        until = time.perf_counter() + seconds
        while True:
            await asyncio.sleep(min(0.5, seconds / 4))
            await load.stop(polled, time.perf_counter())
            await load.question(polled, time.perf_counter())
            if time.perf_counter() > until:
                break
        over.set()


async def storm(load: Load, *, seconds: float) -> None:
    """Everybody stops in the same instant, while organisations ask for each of them."""
    homes = load.town.homes
    over = asyncio.Event()

    async def ask(home: Home) -> None:
        while not over.is_set():
            await load.disclosure(home, time.perf_counter())
            await asyncio.sleep(0.2)
        await load.disclosure(home, time.perf_counter())

    async with asyncio.TaskGroup() as group:
        for home in homes:
            group.create_task(ask(home))
        await asyncio.sleep(seconds / 4)
        at = time.perf_counter()
        await asyncio.gather(*(load.stop(home, at) for home in homes))
        await asyncio.sleep(min(0.5, seconds / 4))  # they go on asking
        over.set()


async def play(
    *, seconds: float, peak: float, citizens: int, server: Cluster | None = None, workers: int = 1
) -> list[Shape]:
    """All three, one after the other, on a service of their own."""
    database = await server.database() if server is not None else ""
    with tempfile.TemporaryDirectory(prefix="consent-shapes-") as folder:
        settings = Settings(
            data=f"{folder}/service", port=free_port(), sandbox=True, database=database, workers=workers
        )
        town, _ = await furnish(settings, citizens=citizens, chance=random.Random(1))
        service = Service(settings, processes=workers)
        try:
            service.start()
            await service.ready()
            shapes: dict[str, Callable[[Load], Awaitable[None]]] = {
                "morning": lambda load: morning(load, seconds=seconds, peak=peak),
                "polling": lambda load: polling(load, seconds=seconds),
                "storm": lambda load: storm(load, seconds=seconds),
            }
            return [await _played(name, shape, town) for name, shape in shapes.items()]
        finally:
            await asyncio.to_thread(service.end)
            if server is not None:
                await server.drop(database)


async def _played(name: str, shape: Callable[[Load], Awaitable[None]], town: Town) -> Shape:
    load = Load(town)
    try:
        for home in town.homes:  # everybody shares when it begins
            if home.live is None:
                await load.question(home, time.perf_counter())
        load.took.clear()
        town.seen.wrong.clear()
        await shape(load)
        if name == "storm":
            for home in town.homes:
                home.live = None
        return Shape(name, dict(load.took), list(town.seen.wrong))
    finally:
        await load.close()


def table(shapes: list[Shape]) -> str:
    """A line a kind: how many, and after how many milliseconds half, 95 and 99 of a hundred and the last were done."""
    lines = [f"{'shape':<9}{'kind':<30}{'count':>7}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'max ms':>9}"]
    for shape in shapes:
        for kind, took in sorted(shape.latencies.items()):
            took = sorted(took)
            at = (took[min(len(took) - 1, int(len(took) * part))] * 1e3 for part in (0.5, 0.95, 0.99, 1))
            lines.append(f"{shape.name:<9}{kind:<30}{len(took):>7}" + "".join(f"{ms:>9.1f}" for ms in at))
        lines += [f"{shape.name:<9}WRONG: {said}" for said in shape.wrong[:5]]
    return "\n".join(lines)


def main() -> int:
    """Play, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.shapes")
    parser.add_argument("--seconds", type=float, default=10, help="of each shape (10)")
    parser.add_argument(
        "--peak", type=float, default=60, help="arrivals a second in the middle of the morning (60)"
    )
    parser.add_argument("--citizens", type=int, default=40)
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--workers", type=int, default=1, help="processes, with --postgres")
    said = parser.parse_args()
    if min(said.seconds, said.peak) <= 0 or said.citizens < 4:
        parser.error("seconds and peak are more than zero, and there are at least four citizens")
    if said.workers > 1 and not said.postgres:
        parser.error("several processes need --postgres")
    with cluster() if said.postgres else contextlib.nullcontext() as server:
        shapes = asyncio.run(
            play(
                seconds=said.seconds,
                peak=said.peak,
                citizens=said.citizens,
                server=server,
                workers=said.workers,
            )
        )
    print(table(shapes))
    return 1 if any(shape.wrong for shape in shapes) else 0


if __name__ == "__main__":
    sys.exit(main())
