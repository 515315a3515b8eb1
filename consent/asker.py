"""Asks the witnesses of the log, about once a second while it grows: beside the service, never in its way.

All are asked for the same checkpoint, or their signatures would never meet under one. A round ends when the quorum is
there, or when nobody is left to wait for; a slow witness goes on alone and is asked again when it is done, a dead one
less and less often. So no witness stops the log, and none stops the others.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog

from consent.acts.house import House
from consent.acts.policy import Witness
from consent.acts.witness import candidate, settle, submit

INTERVAL = 1.0  # seconds between two rounds
LONGEST = 60.0  # seconds between two tries of a witness that does not answer

_log = structlog.get_logger()


class Asker:
    """The task that asks. `start()` in the running loop, `stop()` at the end."""

    def __init__(self, house: House, *, interval: float = INTERVAL) -> None:
        self._house = house
        self._interval = interval
        self._signed: dict[
            tuple[str, str], int
        ] = {}  # log and vkey -> the size it signed last, as far as we know
        self._failed: dict[str, int] = {}  # vkey -> how often in a row
        self._not_before: dict[str, float] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to ask; a log without witnesses needs nobody."""
        if self._house.quorum.policy.witnesses:
            self._task = asyncio.create_task(self._work(), name="asker")

    async def stop(self) -> None:
        """End at once: what was not kept is asked again after the next start."""
        tasks = [task for task in (self._task, *self._under_way.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self) -> None:
        quorum = self._house.quorum
        while True:
            try:
                await self.round()
            except Exception as fault:
                _log.error("witnessing_failed", fault=type(fault).__name__)
            try:
                await asyncio.wait_for(quorum.wanted.wait(), self._interval)
            except TimeoutError:
                continue
            # Somebody waits for a quorum. If it cannot be had now, asking without a pause would not bring it.
            quorum.wanted.clear()
            await asyncio.sleep(self._interval / 20)

    async def round(self) -> None:
        """Ask everybody who has not signed the newest checkpoint and is not busy, until the quorum is there."""
        log = self._house.log
        size, note = await candidate(self._house, log)
        now = asyncio.get_running_loop().time()
        for witness in self._house.quorum.policy.witnesses:
            key = witness.vkey
            is_due = self._signed.get((log, key), -1) < size and self._not_before.get(key, 0) <= now
            if is_due and key not in self._under_way:
                task = asyncio.create_task(self._ask(log, witness, size, note), name="witness")
                self._under_way[key] = task
                task.add_done_callback(lambda _, key=key: self._under_way.pop(key, None))  # type: ignore[misc]
        waiting = set(self._under_way.values())
        while waiting:
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if await self._house.quorum.size(log) >= size:
                return

    async def _ask(self, log: str, witness: Witness, size: int, note: str) -> None:
        key = witness.vkey
        try:
            old = self._signed.get((log, key), 0)
            asked = await submit(self._house, log, witness, old=old, size=size, note=note)
            self._signed[log, key] = asked.size
            if asked.failure is None:
                self._failed.pop(key, None)
                await settle(self._house, log, size)
                return
            fault: str = asked.failure
        except Exception as unexpected:
            fault = type(unexpected).__name__
        times = self._failed[key] = self._failed.get(key, 0) + 1
        self._not_before[key] = asyncio.get_running_loop().time() + min(
            LONGEST, self._interval * 2 ** min(times - 1, 10)
        )
        # Said at first and then rarely: a witness that is down for a night must not fill the log of the service.
        if times & (times - 1) == 0:
            report = _log.error if fault == "diverged" else _log.warning
            report("witness_does_not_sign", fault=fault, address=witness.url, size=size, count=times)


@contextlib.asynccontextmanager
async def asking(house: House) -> AsyncIterator[None]:
    """Ask for as long as the service runs."""
    asker = Asker(house)
    asker.start()
    try:
        yield
    finally:
        await asker.stop()
