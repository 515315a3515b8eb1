"""Asks the witnesses of the log, about once a second while it grows: beside the service, never in its way.

All are asked for the same checkpoint, or their signatures would never meet under one. A round ends when the quorum is
there, or when nobody is left to wait for; a slow witness goes on alone and is asked again when it is done, a dead one
less and less often. So no witness stops the log, and none stops the others.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import structlog

from consent.acts.house import House
from consent.acts.policy import Witness
from consent.acts.witness import candidate, lead, settle, submit
from consent.errands.lookout import heed
from consent.storage.kinds import HEAD
from consent.storage.logs import bucket_of
from consent.storage.rows import CLOSED, FROZEN, Head

INTERVAL = 1.0  # seconds between two rounds
LONGEST = 60.0  # seconds between two tries of a witness that does not answer

Heed = Callable[[str, Witness], Awaitable[None]]
_Whom = tuple[str, str]

_log = structlog.get_logger()


class Asker:
    """The task that asks. `start()` in the running loop, `stop()` at the end."""

    def __init__(self, house: House, *, interval: float = INTERVAL, heed: Heed | None = None) -> None:
        """*heed*: what to do when a witness says that it saw another history."""
        self._house = house
        self._interval = interval
        self._heed = heed
        # By log and key of a witness:
        self._signed: dict[_Whom, int] = {}  # the size it signed last, as far as we know
        self._failed: dict[_Whom, int] = {}  # how often in a row
        self._not_before: dict[_Whom, float] = {}
        self._under_way: dict[_Whom, asyncio.Task[None]] = {}
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
        heads = [HEAD.from_row(row) for row in await self._house.store.read("head.all")]
        logs = self._house.logs
        await asyncio.gather(
            *(
                self._ask_about(log, [one for one in heads if bucket_of(one.log) == bucket_of(log)])
                for log in logs
            )
        )

    async def _ask_about(self, log: str, heads: list[Head]) -> None:
        """The same about one log; *heads*: of all that were in its place, it is the last."""
        house = self._house
        for head in heads[-2:]:
            # The last checkpoint of a log that was closed: until it has its quorum, it could still be another.
            if head.frozen == CLOSED and await house.quorum.size(head.log) < head.size:
                self._begin(head.log, *await candidate(house, head.log))
            if head.frozen == FROZEN and head.log == log:
                return  # its newest checkpoint may be older than what a witness has
        size, note = await candidate(house, log)
        self._begin(log, size, note)
        waiting = {task for (of, _), task in self._under_way.items() if of == log}
        while waiting:
            _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if await house.quorum.size(log) >= size:
                return

    def _begin(self, log: str, size: int, note: str) -> None:
        now = asyncio.get_running_loop().time()
        for witness in self._house.quorum.policy.witnesses:
            whom = (log, witness.vkey)
            if whom in self._under_way or self._not_before.get(whom, 0) > now:
                continue
            # While our clock is doubted nothing grows, but a witness that signs again says what time it is.
            if self._signed.get(whom, -1) < size or self._house.timekeeper.is_doubted:
                task = asyncio.create_task(self._ask(whom, witness, size, note), name="witness")
                self._under_way[whom] = task
                task.add_done_callback(lambda _, whom=whom: self._under_way.pop(whom, None))  # type: ignore[misc]

    async def _ask(self, whom: _Whom, witness: Witness, size: int, note: str) -> None:
        log = whom[0]
        try:
            old = self._signed.get(whom, 0)
            asked = await submit(self._house, log, witness, old=old, size=size, note=note)
            self._signed[whom] = asked.size
            if asked.failure is None:
                self._failed.pop(whom, None)
                await settle(self._house, log, size)
                return
            fault: str = asked.failure
            if fault == "diverged" and self._heed is not None:
                await self._heed(log, witness)
            if fault == "refused" and await lead(self._house, log, witness):
                return  # it knows the key now, and is asked again in the next round
        except Exception as unexpected:
            fault = type(unexpected).__name__
        times = self._failed[whom] = self._failed.get(whom, 0) + 1
        self._not_before[whom] = asyncio.get_running_loop().time() + min(
            LONGEST, self._interval * 2 ** min(times - 1, 10)
        )
        # Said at first and then rarely: a witness that is down for a night must not fill the log of the service.
        if times & (times - 1) == 0:
            report = _log.error if fault == "diverged" else _log.warning
            report("witness_does_not_sign", fault=fault, address=witness.url, size=size, count=times)


@contextlib.asynccontextmanager
async def asking(house: House, folder: Path) -> AsyncIterator[None]:
    """Ask for as long as the service runs; *folder* is where its keys are."""
    asker = Asker(house, heed=partial(heed, house, folder))
    asker.start()
    try:
        yield
    finally:
        await asker.stop()
