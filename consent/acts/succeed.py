"""A log ends and another takes its place: at New Year, or because it was frozen.

The old log's last entry names the new one with its key; the first entry of the new one names the last checkpoint of the
old. Both are one commit: there is never a moment with two open logs, nor with none. Grants that live are then carried
over: each gets an entry in the new log before anything else is written about it there. So from the commit on every
disclosure and every stop is in one order again, the new log's.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence

from consent.ledger import checkpoint
from consent.ledger.checkpoint import Checkpoint
from consent.ledger.cosignature import cosign, cosigner_vkey
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import GRANT, HEAD, KEYS
from consent.storage.rows import CLOSED, FROZEN, OPEN
from consent.storage.store import Batch, Statement
from consent.words.errors import Misconfigured
from consent.words.instants import seconds
from consent.words.keyed import tag

from .begin import open_log, said_again, write_last
from .ending import MOST_AT_ONCE, end_found
from .house import House
from .pen import Pen
from .scribe import Deed

MOST_HELD = 500_000  # names of grants that are kept in memory: at most a hundred megabytes
_PIECE = 2_000  # that one statement reads
_HASHED = 16  # bytes
_BEYOND = b"\xff" * (_HASHED + 1)


def close_and_succeed(
    olds: Sequence[Pen], news: Sequence[Pen], *, at: int, chance: Callable[[int], bytes]
) -> Batch[bool]:
    """The batch that closes the logs that are written and opens the next in their places, each with those beside it.

    Returns False, and changes nothing, if they are closed already. Raises Misconfigured for a log that is not there,
    and for a frozen one: that takes no entry, not even a last one.
    """
    for old in olds:
        heads = yield Statement("head.lock", [(old.log,)])
        if not heads:
            raise Misconfigured("the log that ends is not in this database")
        head = HEAD.from_row(heads[0])
        if head.frozen == CLOSED:
            return False
        if head.frozen != OPEN:
            raise Misconfigured("a frozen log takes no entries; `consent log succeed` opens another after it")
        if head.epoch != old.epoch:
            raise Misconfigured("a key of the log was changed meanwhile; try again")
        at = max(at, head.at)
    for old, new in zip(olds, news, strict=True):
        last = yield from write_last(old, {"ev": "log.closed", "next": new.vkey}, at=at, chance=chance)
        yield Statement("head.stop", [(old.log, CLOSED)])
        if old.cosigner is not None:  # nobody looks at this log again to sign it a second time
            vkey = cosigner_vkey(old.origin, old.cosigner)
            body = checkpoint.body(last.origin, last.size, last.root)
            line = cosign(body, old.origin, old.cosigner, at=seconds(at))
            yield Statement("cosignature.put", [(old.log, last.size, vkey, line, at)])
        yield from _open_after(last, new, at=at, chance=chance)
    return True


def succeed_frozen(
    lost: Sequence[tuple[str, Checkpoint]], news: Sequence[Pen], *, at: int, chance: Callable[[int], bytes]
) -> Batch[None]:
    """The batch that opens a log after each frozen one: its name, and the last checkpoint of it that anybody saw.

    Raises Misconfigured when one of them is not frozen.
    """
    for (frozen, last), new in zip(lost, news, strict=True):
        heads = yield Statement("head.lock", [(frozen,)])
        if not heads or HEAD.from_row(heads[0]).frozen != FROZEN:
            raise Misconfigured("this log is not frozen")
        yield from _open_after(last, new, at=max(at, HEAD.from_row(heads[0]).at), chance=chance)


def end_grants() -> Deed[int]:
    """A deed that ends live grants of logs that take no entries any more, at most a hundred; returns how many.

    For a log that lost entries: among them may be stops, and nobody shares on because a database was lost.
    """
    return end_found(GRANT.by("elsewhere_whole", MOST_AT_ONCE), "revoke", by="operator", reason="log_closed")


def _open_after(last: Checkpoint, new: Pen, *, at: int, chance: Callable[[int], bytes]) -> Batch[None]:
    """Open *new* after the checkpoint *last*."""
    after = {"o": last.origin, "size": last.size, "root": b64encode(last.root).decode()}
    yield from open_log(new, at=at, chance=chance, first={"after": after}, then=(yield from said_again()))


async def carry_grants(house: House) -> int:
    """Carry every live grant that still stands in an older log into the present one of hers; returns how many.

    In a new random order each time: with the same order in each year's log, entries of one grant could be told by their
    place. What a crash leaves undone is found again; a grant that is used meanwhile is carried by that use.
    """
    secret = house.chance(32)
    carried, last = 0, b""
    while dealt := await _deal(house, secret, last):
        last = dealt[-1]
        for start in range(0, len(dealt), MOST_AT_ONCE):
            names = [one[_HASHED:].decode() for one in dealt[start : start + MOST_AT_ONCE]]
            carried += (await house.scribe.do(_carry(names))).outcome
    return carried


async def _deal(house: House, secret: bytes, last: bytes) -> list[bytes]:
    """The next grants to carry after *last*, each behind its hash under *secret*, in the order of those.

    There may be millions, so all that are left are read through each time, and only the first of them kept.
    """
    found: list[bytes] = []
    place, end = (-1, ""), _BEYOND
    while rows := await house.store.read("grant.elsewhere", *place, _PIECE):
        place = (rows[-1][1], rows[-1][0])
        hashed = [tag(secret, name)[:_HASHED] + name for name in [row[0].encode() for row in rows]]
        found += [one for one in hashed if last < one < end]
        if len(found) >= 2 * MOST_HELD:
            found = sorted(found)[:MOST_HELD]
            end = found[-1]
    return sorted(found)[:MOST_HELD]


def _carry(names: list[str]) -> Deed[int]:
    """A deed that carries those of these grants that live and are not here yet."""

    def story(book: Book) -> Story[int]:
        yield [GRANT.each([(name,) for name in names])]
        grants = [grant for name in names if (grant := book.get(GRANT, name)) is not None]
        yield [KEYS.each([(grant.citizen,) for grant in grants])]
        yield TURN
        carried = 0
        for name in names:
            grant = book.get(GRANT, name)
            wrapped = book.get(KEYS, grant.citizen) if grant is not None else None
            if (
                grant is None
                or wrapped is None
                or not grant.is_live(at=book.at)
                or grant.log == book.log_of(grant.citizen).name
            ):
                continue
            book.carry(grant, book.keys_of(wrapped))
            carried += 1
        return carried

    return story
