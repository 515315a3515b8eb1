"""The newest checkpoint that enough witnesses have signed, and waiting for it."""

import asyncio

from consent.storage.store import Store

from .policy import WitnessPolicy

LOOK = 0.5  # seconds: another process may have asked the witnesses


class Quorum:
    """What the policy asks for and how far the log has come with it. One a process."""

    def __init__(self, policy: WitnessPolicy, store: Store, *, seconds: float = 5) -> None:
        """*seconds*: how long a disclosure waits whose purpose wants witnesses."""
        self.policy = policy
        self.wanted = asyncio.Event()  # somebody waits: ask now
        self._store = store
        self._seconds = seconds
        self._moved = asyncio.Event()

    def moved(self) -> None:
        """Tell who waits that a later checkpoint is witnessed."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def size(self, log: str) -> int:
        """The size of the newest checkpoint of *log* that met the policy; 0 when none did."""
        rows = await self._store.read("witnessed.get", log)
        return int(rows[0][1]) if rows else 0

    async def reaches(self, log: str, size: int) -> bool:
        """Wait until a checkpoint of *log* with at least *size* entries is witnessed; False when it takes too long.

        Without witnesses it is False at once: nobody but the log vouches for anything.
        """
        if not self.policy.witnesses:
            return False
        loop = asyncio.get_running_loop()
        until = loop.time() + self._seconds
        while True:
            moved = self._moved  # before we look: what moves in between must not be missed
            if await self.size(log) >= size:
                return True
            left = until - loop.time()
            if left <= 0:
                return False
            self.wanted.set()
            try:
                await asyncio.wait_for(moved.wait(), min(left, LOOK))
            except TimeoutError:
                continue
