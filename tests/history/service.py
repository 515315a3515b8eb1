"""`consent serve` as processes that can be paused, killed and cut off from their database, and end for sure."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import httpx

from consent.settings import Settings

from .seen import Fault, History, now

_STARTING = 120.0  # seconds; a machine that does other things too must not fail a test
_OLD_ENOUGH = 4.0  # seconds: a worker that dies sooner counts as one that cannot start
_FELT = 2_000_000_000  # ns, after a fault is over
_WORK = 10  # disclosures between two faults: on a slow machine nothing else would ever happen


class Service:
    """One or several processes on one data folder. *mutant* is a fault that is built in (see mutants.py)."""

    def __init__(self, settings: Settings, *, processes: int = 1, mutant: str = "") -> None:
        self.settings = settings
        self.processes = processes
        self.process: subprocess.Popen[bytes] | None = None
        self._program = ["tests.history.mutants", mutant] if mutant else ["consent"]
        self._log = Path(settings.data).with_suffix(".log")
        self._since: dict[int, float] = {}  # when a worker was first seen
        self._paused: set[int] = set()

    def start(self) -> None:
        """Start it; `ready` waits until it answers."""
        words = ["serve", "--sandbox", "--data", self.settings.data, "--port", str(self.settings.port)]
        if self.settings.database:
            words += ["--database", self.settings.database, "--workers", str(self.processes)]
        limits = {f"CONSENT_LIMIT_{name}": "0" for name in ("CLIENT", "ADDRESS", "AUDITOR")}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self._program, *words],
                stdout=log,
                stderr=log,
                env=os.environ | limits,
            )

    async def ready(self) -> None:
        """Until all its processes are there and it answers."""
        until = time.monotonic() + _STARTING
        while True:
            assert self.process is not None
            assert self.process.poll() is None, f"it ended: {self.said()[-2000:]}"
            assert time.monotonic() < until, f"it does not answer: {self.said()[-2000:]}"
            if len(self.workers()) == self.processes and await self._answers():
                return
            await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        try:
            async with httpx.AsyncClient(base_url=self.settings.public_issuer, timeout=5) as http:
                return (await http.get("/log")).status_code == 200
        except httpx.TransportError:
            return False

    def workers(self) -> list[int]:
        """The processes that serve, oldest first (Linux)."""
        assert self.process is not None
        found = [self.process.pid]
        if self.processes > 1:
            listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            try:
                found = [int(child) for child in listed.read_text().split()]
            except OSError:
                found = []
        self._since = {pid: self._since.get(pid, time.monotonic()) for pid in found}
        return found

    def end(self) -> None:
        """Whatever happened, nothing of it stays behind."""
        if self.process is None or self.process.poll() is not None:
            return
        for pid in self._paused:
            _send(pid, signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            for pid in [*(self.workers() if self.processes > 1 else []), self.process.pid]:
                _send(pid, signal.SIGKILL)
            self.process.wait(10)

    def said(self) -> str:
        """What it wrote to its log."""
        return self._log.read_text("utf-8", "replace")

    # What is done to it

    async def pause(self, chance: random.Random) -> None:
        """One process stands still for a while, in the midst of whatever it does (SIGSTOP)."""
        pid = chance.choice(self.workers() or [0])
        if not pid:
            return
        self._paused.add(pid)
        _send(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(chance.uniform(0.05, 1.0))
        finally:
            _send(pid, signal.SIGCONT)
            self._paused.discard(pid)

    async def kill(self, chance: random.Random) -> None:
        """One process dies (SIGKILL); another takes its place: a worker by itself, a lone one by our hand."""
        assert self.process is not None
        old: list[int] = []
        while not old:
            await asyncio.sleep(0.1)
            old = [pid for pid in self.workers() if self.processes == 1 or self._age(pid) > _OLD_ENOUGH]
        _send(chance.choice(old), signal.SIGKILL)
        if self.processes == 1:
            await asyncio.to_thread(self.process.wait)
            self.start()
        await asyncio.sleep(0.2)  # until it is no longer counted
        await self.ready()

    def _age(self, pid: int) -> float:
        return time.monotonic() - self._since[pid]

    async def cut(self, chance: random.Random) -> None:
        """Connections to the database break, all or some (PostgreSQL)."""
        with contextlib.suppress(asyncpg.PostgresError, OSError):
            connection = await asyncpg.connect(self.settings.database)
            try:
                await connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
                    "AND application_name = 'consent' AND (random() < $1)",
                    chance.choice([0.3, 1.0]),
                )
            finally:
                await connection.close()


class Meddler:
    """Does one thing after another to a service, until told that it is over."""

    def __init__(self, service: Service, chance: random.Random, seen: History) -> None:
        self._service = service
        self._chance = chance
        self._seen = seen
        kinds = {"pause": service.pause, "kill": service.kill}
        self.kinds = kinds | {"cut": service.cut} if service.settings.database else kinds

    async def meddle(self, over: asyncio.Event, *, rest: float) -> None:
        """Each kind in turn, with about *rest* seconds in between and not before something was done meanwhile."""
        while not over.is_set():
            for kind in self._chance.sample(sorted(self.kinds), len(self.kinds)):
                given, told = self._seen.given + _WORK, self._seen.told + 1
                pause = self._chance.uniform(0.5, 1.5) * rest
                while not over.is_set():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(over.wait(), pause)
                    if self._seen.given >= given and self._seen.told >= told:
                        break
                    pause = 0.1
                if over.is_set():
                    return
                fault = Fault(kind, now(), 1 << 62)
                self._seen.faults.append(fault)
                await self.kinds[kind](self._chance)
                fault.ended = now() + _FELT


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
