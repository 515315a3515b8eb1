"""Sends signals to whoever has to hear them (RFC 8935): beside the service, never in its way.

One client is served by one task, a signal at a time and in order; a slow or dead one holds up only itself. What is
due stands in the database, so a process that dies loses nothing: another, or the next start, takes it up.
"""

import asyncio

import structlog

from consent.acts.house import House
from consent.acts.signal import Sending, claim, clients_due, settle
from consent.oauth.signals import SET_MEDIA, failure_of
from consent.words.errors import NotReached

LOOK = 0.5  # seconds between two looks for what is due: one reading statement
MOST_CLIENTS_AT_ONCE = 16  # fewer than may go outside at once: fetching a key must not wait for us

_log = structlog.get_logger()


class Sender:
    """The task that sends. `start()` in the running loop, `stop()` at the end; several processes may have one each."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for what is due."""
        self._task = asyncio.create_task(self._work(), name="sender")

    async def stop(self) -> None:
        """End at once: what is under way is sent again after its lease, by whoever looks then."""
        tasks = [task for task in (self._task, *self._under_way.values()) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            try:
                await self.look()
            except Exception as fault:
                _log.error("signals_failed", fault=type(fault).__name__)
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """Begin with each client for whom something is due, as far as there are places."""
        places = MOST_CLIENTS_AT_ONCE - len(self._under_way)
        if places <= 0:
            return
        due = [client for client in await clients_due(self._house) if client not in self._under_way]
        for client in due[:places]:
            task = asyncio.create_task(self._serve(client), name="signals")
            self._under_way[client] = task
            task.add_done_callback(lambda _, client=client: self._under_way.pop(client, None))  # type: ignore[misc]

    async def _serve(self, client: str) -> None:
        """Send what is due for one client, until there is no more or it does not take one."""
        try:
            while (sending := await claim(self._house, client)) is not None:
                # After a failure all that waits for this client is put off, so the next claim finds nothing.
                await settle(self._house, sending, await send(self._house, sending))
        except Exception as fault:
            _log.error("signals_failed", fault=type(fault).__name__)


async def send(house: House, sending: Sending) -> str | None:
    """One try. None when the receiver took it, else a word of the closed list."""
    headers = {"content-type": SET_MEDIA, "accept": "application/json"}  # RFC 8935 §2.1
    try:
        reply = await house.outside.post(sending.endpoint, sending.token.encode("ascii"), headers)
    except NotReached:
        return "not_reached"
    return failure_of(reply.status, reply.body)
