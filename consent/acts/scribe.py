"""The scribe: one writer, who takes what is waiting, writes it in one transaction, and only then answers.

There is no timer: as soon as one commit has ended, the next batch begins with whatever came in meanwhile. A lone
request is a batch of one. The order within a batch is the order of asking, so a withdrawal and a disclosure are
always in one order, the same in the log as in effect.

Where several logs stand side by side, each for its part of the citizens (a *bucket*), a batch holds the heads of all of
them, always in the same order, so that nothing else is written meanwhile. A deed that says that one log is enough may
be written while another process holds another log.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import structlog

from consent.ledger.proof import format_proof
from consent.ledger.tiles import Growth, needed
from consent.storage.book import Book, Story, UnwrappedKeys
from consent.storage.kinds import HEAD, Ask
from consent.storage.logs import Elsewhere, LogFrozen, OpenLog
from consent.storage.rows import CLOSED, Head
from consent.storage.store import Batch, Statement, Store, Unavailable, Unknown
from consent.vault.keys import KeyRing
from consent.words.errors import ConsentError, Misconfigured, Overloaded
from consent.words.instants import MINUTE

from .freeze import freeze
from .meter import ScribeMeter
from .pen import Pen, write_head
from .waiting import MOST_IN_A_BATCH, Asked, Waiting

T = TypeVar("T")
Deed = Callable[[Book], Story[T]]

MOST_WAITING = 4096

_log = structlog.get_logger()


class Succession(Protocol):
    """When the logs give way to the next, and how: the scribe only knows those that it writes now."""

    def until(self, log: str) -> int:
        """The instant (microseconds) from which on *log* takes no entries any more."""

    async def follow(self, log: str) -> Sequence[Pen]:
        """The pens to write with after *log*, of bucket 1: it is closed with those beside it, if its time has come and
        nobody has done it yet. Of the same logs when only a key was changed, or when one was added.
        """


class _Moved(Unavailable):
    """Another process closed the log that we were about to write, changed a key of it or put one beside it; nothing was
    written."""


class _Older(LogFrozen):
    """The database lacks what this process has seen in it: it was put back, or lost at a fail-over."""


class Written(Generic[T]):
    """What a deed came to, after it was committed."""

    __slots__ = ("at", "outcome", "proofs")

    def __init__(self, outcome: T, at: int, proofs: "Proofs") -> None:
        self.outcome = outcome
        self.at = at
        self.proofs = proofs  # tlog-proof texts by log and index, for entries whose story asked for one


Proofs = dict[tuple[str, int], str]


class Scribe:
    """Takes deeds, writes them in batches, answers after the commit. One a process."""

    def __init__(
        self,
        store: Store,
        *,
        pens: Sequence[Pen],
        ring: KeyRing,
        clock: Callable[[], int],
        chance: Callable[[int], bytes] | None = None,
        succession: Succession | None = None,
    ) -> None:
        """*pens*: one for each log that is written now, by their buckets."""
        self._store = store
        self.pens = tuple(pens)
        self._succession = succession
        self._until = succession.until(self.pen.log) if succession is not None else None
        self._ring = ring
        self._clock = clock
        self._chance = chance or _Chance().take
        self._unwrapped = UnwrappedKeys(ring)
        self._growths: dict[str, Growth] = {}  # of each log, as this process left it
        # Size and checkpoint of each, as this process last left or found them.
        self._newest: dict[str, tuple[int, str]] = {}
        self._waiting = Waiting()
        self._call = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.bells: list[asyncio.Event] = []  # rung when the log has grown
        self.meter = ScribeMeter()

    def start(self) -> None:
        """Begin to write; call it in the running loop."""
        self._task = asyncio.create_task(self._work(), name="scribe")

    @property
    def pen(self) -> Pen:
        """Of the log of bucket 1: the only one, if none was put beside it."""
        return self.pens[0]

    @property
    def waiting(self) -> int:
        """How many deeds wait for a batch."""
        return len(self._waiting)

    def forget(self, citizen: str | None = None) -> None:
        """Drop a citizen's keys from memory, after hers were destroyed; without a name, everybody's."""
        self._unwrapped.forget(citizen)

    async def stop(self) -> None:
        """Write what is waiting, then end."""
        self._stopping = True
        self._call.set()
        if self._task is not None:
            await self._task

    async def do(self, deed: Deed[T], *, about: object = None) -> Written[T]:
        """Write one deed; returns when it is committed.

        *about*: what leads to the one citizen whom it is about, always the same one. Then her log is enough for it: it
        asks for her keys and for `Book.log_of` before it does anything, and writes nothing that a deed about somebody
        else reads, but rows that can be there only once.

        Raises what the deed raised (nothing was written then) and Overloaded when too many are waiting.
        """
        if self._stopping or len(self._waiting) >= MOST_WAITING:
            raise Overloaded("too much is waiting to be written; try again in a moment")
        answer: asyncio.Future[Written[T]] = asyncio.get_running_loop().create_future()
        self._waiting.add(Asked(deed, answer, about))
        self._call.set()
        return await answer

    async def do_all(self, deeds: Sequence[Deed[Any]]) -> list[Written[Any] | BaseException]:
        """Write some deeds in this order, in one commit if there is room; returns when the last is committed.

        Each has its own answer: what it came to, or what it raised. Raises Overloaded: then none of them is written.
        """
        if self._stopping or len(self._waiting) + len(deeds) > MOST_WAITING:
            raise Overloaded("too much is waiting to be written; try again in a moment")
        loop = asyncio.get_running_loop()
        answers: list[asyncio.Future[Written[Any]]] = [loop.create_future() for _ in deeds]
        self._waiting.add(*[Asked(deed, answer, None) for deed, answer in zip(deeds, answers, strict=True)])
        self._call.set()
        return await asyncio.gather(*answers, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            await self._call.wait()
            if not self._waiting:
                if self._stopping:
                    return
                self._call.clear()
                continue
            await self._gather()
            batch, bucket = self._waiting.take([pen.bucket for pen in self.pens])
            pens = tuple([pen for pen in self.pens if pen.bucket == bucket])  # none: all that there are then
            try:
                if self._until is not None and self._clock() >= self._until:
                    await self._follow()
                    pens = ()
            except Unavailable:
                pass  # the clock cannot be believed: no year ends by it, and the batch will say so
            await self._write(batch, pens)

    async def _follow(self) -> None:
        """Go on in the next logs. If they cannot be had now, the present ones still take entries for a while."""
        if self._succession is None:
            return
        try:
            self.pens = tuple(await self._succession.follow(self.pen.log))
            self._until = self._succession.until(self.pen.log)
            self._growths = {}
        except Exception as fault:
            self._until = self._clock() + MINUTE
            _log.error("log_not_succeeded", fault=type(fault).__name__)

    async def _gather(self) -> None:
        """Let the loop read what has already arrived: one batch is cheaper than two. A lone deed waits a turn.

        Not a timer: it ends with the first turn that brings nothing, or when the batch is full.
        """
        before = 0
        while before < len(self._waiting) < MOST_IN_A_BATCH:
            before = len(self._waiting)
            await asyncio.sleep(0)

    async def _write(self, waiting: Sequence[Asked], pens: tuple[Pen, ...] = ()) -> None:
        began = time.perf_counter()
        try:
            deeds = [one.deed for one in waiting]
            try:
                book, results, notes = await self._commit(deeds, pens or self.pens)
            except _Moved:
                await self._follow()
                book, results, notes = await self._commit(deeds, self.pens)
        except Exception as fault:
            # One deed's fault must not be everybody's: nothing was written, so each is tried alone. Not so when the
            # store itself failed: then it would fail again, or write a second time what it may have written.
            if len(waiting) > 1 and not isinstance(fault, Unavailable | Unknown | LogFrozen):
                for one in waiting:
                    await self._write([one], pens)
                return
            self.meter.failed += 1
            _log.error("batch_failed", fault=type(fault.__cause__ or fault).__name__, count=len(waiting))
            for one in waiting:
                _answer(one.answer, fault)
            return
        self.meter.seconds.add(time.perf_counter() - began)
        self.meter.deeds.add(len(waiting))
        try:
            written = self._prove(book, results, notes)
        except Exception as fault:
            # It is written, so it is not tried again: a retry with the same key gets the proof from the log.
            self._growths = {}
            _log.error("proof_failed", fault=type(fault).__name__, count=len(waiting))
            written = [fault] * len(waiting)
        for one, result in zip(waiting, written, strict=True):
            if isinstance(result, Elsewhere) and len(book.logs) < len(self.pens):
                self._waiting.send_on(one, result.bucket)
            else:
                _answer(one.answer, result)
        if any(log.entries for log in book.logs.values()):
            for bell in self.bells:
                bell.set()

    async def _commit(
        self, deeds: list[Deed[Any]], pens: tuple[Pen, ...]
    ) -> tuple[Book, list[Any], Mapping[int, str]]:
        try:
            book, results, notes = await self._store.write(self.batch(deeds, pens))
        except BaseException as fault:
            # What the trees in memory have appended may not be in the database: read them again.
            self._growths = {}
            if isinstance(fault, _Older):
                _log.error("log_frozen", log=self.pen.log)
                await self._store.write(freeze())
            raise
        for bucket, log in book.logs.items():
            self._newest[log.name] = (log.next_index, notes[bucket])
        return book, results, notes

    def _check_newest(self, head: Head) -> None:
        """Check that all is there that we have seen; after that another process may have written. Raises _Older."""
        size, note = self._newest.get(head.log, (0, ""))
        if head.size < size or (head.size == size and note and _root(head.note) != _root(note)):
            # To go on would be a second history under one key, and a stop may be missing in it.
            raise _Older("the log is frozen: its database is older than what was answered")

    def _prove(self, book: Book, results: list[Any], notes: Mapping[int, str]) -> list[Any]:
        """What each deed is answered. After the commit: only now may a signature, a proof or a value leave."""
        proofs: Proofs = {}
        for bucket, log in book.logs.items():
            note = notes[bucket]
            for index in log.to_prove:
                proofs[log.name, index] = format_proof(index, log.growth.inclusion_proof(index), note)
            log.growth.forget()
        return [
            result if isinstance(result, ConsentError) else Written(result, book.at, proofs)
            for result in results
        ]

    def _open(self, pen: Pen) -> Batch[OpenLog]:
        """Hold the head of a log, and check that it may be written by us."""
        log = pen.log
        heads = yield Statement("head.lock", [(log,)])
        if not heads:
            raise Misconfigured("the log of this service is not in its database")
        head = HEAD.from_row(heads[0])
        if head.frozen == CLOSED and self._succession is not None:
            raise _Moved("the log has just been succeeded; try again")
        if head.epoch != pen.epoch:
            # Never sign with a key that was retired.
            raise _Moved("a key of the log was changed, and this process does not have the new one")
        if head.frozen:
            # Not even what needs no entry: in a copy that is too old, what has ended since looks alive.
            raise LogFrozen("the log is frozen: nothing is given out and nothing is written")
        self._check_newest(head)
        growth = self._growths.get(log)
        if growth is None or growth.size != head.size:
            wanted = needed(head.size)
            tiles = yield Statement("tile.get", [(log, level, n) for level, n in wanted])
            growth = Growth.load(head.size, {(level, n): data for level, n, data in tiles})
            self._growths[log] = growth
        return OpenLog(head, growth)

    def batch(
        self, deeds: Sequence[Deed[Any]], pens: Sequence[Pen]
    ) -> Batch[tuple[Book, list[Any], Mapping[int, str]]]:
        """One batch, as the statements that a store runs. If we stop at any `yield`, nothing has happened.

        *pens*: of the logs that it holds, in the order of their buckets.
        """
        logs: dict[int, OpenLog] = {}
        for pen in pens:
            logs[pen.bucket] = yield from self._open(pen)
        # Read once, after the lock; never before the newest entry, whatever the machine's clock does.
        book = Book(
            at=max([self._clock(), *[log.head.at for log in logs.values()]]),
            logs=logs,
            ring=self._ring,
            unwrapped=self._unwrapped,
            chance=self._chance,
        )
        results: list[Any] = [None] * len(deeds)
        turns: list[tuple[int, Story[Any]]] = []
        reading = [(place, deed(book)) for place, deed in enumerate(deeds)]
        while reading:
            asks: dict[object, list[Ask]] = {}
            still = []
            for place, story in reading:
                wish = _advance(story, place, results)
                if wish is _ENDED or wish is _SAID_NO:
                    continue
                if wish is None:
                    turns.append((place, story))
                else:
                    book.wish(wish, asks)
                    still.append((place, story))
            reading = still
            for alike in asks.values():
                rows = [row for ask in alike for row in ask.rows]
                book.take(alike, (yield Statement(alike[0].statement, rows)))
        for place, story in sorted(turns, key=lambda turn: turn[0]):
            before = book.changes
            end = _advance(story, place, results)
            if end is not _ENDED and end is not _SAID_NO:
                raise RuntimeError("a story asked for rows after its turn had come")
            if end is _SAID_NO and book.changes > before:
                # What it wrote must not stand when it says no in the end: the others are tried without it.
                raise results[place]
        yield from book.writes()
        notes = {bucket: log.head.note for bucket, log in logs.items()}
        for pen in pens:
            log = logs[pen.bucket]
            if log.entries:
                notes[pen.bucket] = yield from write_head(log, pen, at=book.at)
        return book, results, notes


def _root(note: str) -> str:
    return note.split("\n", 3)[2]  # the third line of a checkpoint (C2SP tlog-checkpoint)


_ENDED: list[Ask] = []
_SAID_NO: list[Ask] = []


def _advance(story: Story[Any], place: int, results: list[Any]) -> list[Ask] | None:
    """Let a story go on: to its next wish, to its turn (None), or to its end.

    A no that is raised must have written nothing. A story that writes because it says no (a code that is offered twice
    kills tokens) returns the error instead.
    """
    try:
        return next(story)
    except StopIteration as done:
        results[place] = done.value
        return _ENDED
    except ConsentError as no:
        results[place] = no
        return _SAID_NO


def _answer(future: "asyncio.Future[Any]", result: Any) -> None:
    if future.done():  # the caller went away; what was written stays written
        return
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)


class _Chance:
    """Random bytes from the operating system, fetched in larger pieces: a batch needs hundreds of small ones."""

    def __init__(self) -> None:
        self._pool = b""
        self._used = 0

    def take(self, count: int) -> bytes:
        if self._used + count > len(self._pool):
            self._pool = os.urandom(max(16_384, count))
            self._used = 0
        self._used += count
        return self._pool[self._used - count : self._used]
