"""The log signs a second time, with a key that a quantum computer does not break: after the commit, in nobody's way."""

import asyncio
from collections.abc import Callable

from consent.ledger import cosignature
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import HEAD
from consent.storage.rows import Head
from consent.storage.store import Statement, Store, Unavailable
from consent.words.errors import Overloaded
from consent.words.instants import HOUR, seconds

from .pen import Pen
from .scribe import Scribe

GAP = 0.1  # seconds between two signatures: who asks may wait as long


class Cosigner:
    """The second keys of the logs, and the lines that they write. One a process."""

    def __init__(self, store: Store, scribe: Scribe, *, clock: Callable[[], int]) -> None:
        self._store = store
        self._scribe = scribe
        self._clock = clock
        self._signed: dict[str, int] = {}  # at which size each log was signed last by this process
        self._signing: asyncio.Task[None] | None = None

    async def cosign(self) -> None:
        """See to it that the newest checkpoint of each log of now has the second signature. Raises Overloaded.

        All who ask at one time wait for one signature. A frozen log gets no more: its newest checkpoint may be older
        than what others have seen, and a cosignature says that it is not.
        """
        for head in [await self._head(pen.log) for pen in self._scribe.pens]:
            while self._is_due(head):
                if self._signing is None or self._signing.done():
                    self._signing = asyncio.create_task(self._sign(), name="cosign")
                await asyncio.shield(self._signing)

    def _is_due(self, head: Head) -> bool:
        pen = next((pen for pen in self._scribe.pens if pen.log == head.log), None)  # closed meanwhile: none
        is_behind = self._signed.get(head.log, 0) < head.size
        return pen is not None and pen.cosigner is not None and is_behind and not head.frozen

    async def catch_up(self) -> None:
        """The same for a reader, who takes an older checkpoint when nothing can be written now."""
        try:
            await self.cosign()
        except (Overloaded, Unavailable):
            return

    async def _sign(self) -> None:
        if self._signed:
            await asyncio.sleep(GAP)
        for pen in self._scribe.pens:
            await self._sign_one(pen)

    async def _sign_one(self, pen: Pen) -> None:
        log, key = pen.log, pen.cosigner
        if key is None:
            return
        head = await self._head(log)
        if (
            head.epoch != pen.epoch
        ):  # a key of the log was changed: the scribe takes the new one before it writes
            await self._scribe.do(_nothing)
            return
        if self._signed.get(log) == head.size:
            return
        body = head.note.partition("\n\n")[0] + "\n"
        vkey = cosignature.cosigner_vkey(head.origin, key)
        lines = await self._store.read("cosignature.of_size", log, head.size)
        if vkey in [key for key, _, _ in lines]:  # another process, or this one before it was started again
            self._signed[log] = head.size
            return
        # Not before the checkpoint itself, whatever the machine's clock does.
        at = max(self._clock(), head.at)
        line = cosignature.cosign(body, head.origin, key, at=seconds(at))

        def story(book: Book) -> Story[None]:
            yield TURN
            now = book.logs.get(pen.bucket)
            if now is None or now.name != log or now.head.epoch != pen.epoch:
                return  # retired meanwhile
            book.also(Statement("cosignature.put", [(log, head.size, vkey, line, at)]))
            book.also(Statement("cosignature.fade", [(log, vkey, head.size, at - HOUR)]))

        await self._scribe.do(story)
        if pen in self._scribe.pens:
            self._signed[log] = head.size

    async def _head(self, log: str) -> Head:
        return HEAD.from_row((await self._store.read(HEAD.get, log))[0])


def _nothing(book: Book) -> Story[None]:
    yield TURN
