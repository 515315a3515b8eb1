"""A log ends and another takes its place: at New Year, or because it was frozen.

The old log's last entry names the new one with its key; the first entry of the new one names the last checkpoint of the
old. Both are one commit: there is never a moment with two open logs, nor with none. Grants that live are then carried
over: each gets an entry in the new log before anything else is written about it there. So from the commit on every
disclosure and every stop is in one order again, the new log's.
"""

from base64 import b64encode
from collections.abc import Callable

from consent.ledger import checkpoint
from consent.ledger.checkpoint import Checkpoint
from consent.ledger.cosignature import cosign, cosigner_vkey
from consent.ledger.entry import NONCE_BYTES, control_entry
from consent.ledger.tiles import Growth, needed
from consent.ledger.tree import leaf_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import ENTRY, GRANT, HEAD, KEYS
from consent.storage.rows import CLOSED, FROZEN, OPEN, EntryRow
from consent.storage.store import Batch, Statement
from consent.words.canonical import canonical
from consent.words.errors import Misconfigured
from consent.words.instants import seconds
from consent.words.keyed import tag

from .begin import open_log
from .ending import MOST_AT_ONCE, end_found
from .house import House
from .scribe import Deed, Pen

MOST_HELD = 500_000  # names of grants that are kept in memory: at most a hundred megabytes
_PIECE = 2_000  # that one statement reads
_HASHED = 16  # bytes
_BEYOND = b"\xff" * (_HASHED + 1)


def close_and_succeed(old: Pen, new: Pen, *, at: int, chance: Callable[[int], bytes]) -> Batch[bool]:
    """The batch that closes one log and opens the next. Returns False, and changes nothing, if it is closed already.

    Raises Misconfigured for a log that is not there, and for a frozen one: that takes no entry, not even a last one.
    """
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
    tiles = yield Statement("tile.get", [(old.log, level, n) for level, n in needed(head.size)])
    growth = Growth.load(head.size, {(level, n): data for level, n, data in tiles})
    closed = {"ev": "log.closed", "o": old.origin, "i": head.size, "t": seconds(at), "next": new.vkey}
    leaf = control_entry(chance(NONCE_BYTES), canonical(closed))
    growth.append(leaf_hash(leaf))
    last = Checkpoint(old.origin, growth.size, growth.root())
    body = checkpoint.body(last.origin, last.size, last.root)
    note = checkpoint.sign(body, old.origin, old.signer)
    yield Statement(ENTRY.put, [ENTRY.to_row(EntryRow(log=old.log, index=head.size, leaf=leaf))])
    yield Statement("tile.put", [(old.log, level, n, data) for level, n, data in growth.dirty()])
    yield Statement("checkpoint.put", [(old.log, growth.size, note, at)])
    moved = yield Statement("head.move", [(growth.size, at, note, old.log, head.size, head.epoch)])
    if not moved:
        raise Misconfigured("another writer moved the head of the log")
    yield Statement("head.stop", [(old.log, CLOSED)])
    if old.cosigner is not None:  # nobody looks at this log again to sign it a second time
        vkey = cosigner_vkey(old.origin, old.cosigner)
        line = cosign(body, old.origin, old.cosigner, at=seconds(at))
        yield Statement("cosignature.put", [(old.log, growth.size, vkey, line, at)])
    yield from _open_after(last, new, at=at, chance=chance)
    return True


def succeed_frozen(
    frozen: str, last: Checkpoint, new: Pen, *, at: int, chance: Callable[[int], bytes]
) -> Batch[None]:
    """The batch that opens a log after a frozen one, whose last checkpoint that anybody saw is *last*.

    Raises Misconfigured when that log is not frozen.
    """
    heads = yield Statement("head.lock", [(frozen,)])
    if not heads or HEAD.from_row(heads[0]).frozen != FROZEN:
        raise Misconfigured("this log is not frozen")
    yield from _open_after(last, new, at=max(at, HEAD.from_row(heads[0]).at), chance=chance)


def end_grants(log: str) -> Deed[int]:
    """A deed that ends live grants of logs before *log*, at most a hundred; returns how many.

    For a log that lost entries: among them may be stops, and nobody shares on because a database was lost.
    """
    return end_found(
        GRANT.by("elsewhere_whole", log, MOST_AT_ONCE), "revoke", by="operator", reason="log_closed"
    )


def _open_after(last: Checkpoint, new: Pen, *, at: int, chance: Callable[[int], bytes]) -> Batch[None]:
    """Open *new* after the checkpoint *last*. What is suspended is said again: an auditor may read only this log."""
    then: list[dict[str, object]] = []
    for (organisation,) in (yield Statement("organisation.suspended", [()])):
        then.append({"ev": "organisation.suspended", "org": organisation})
    for organisation, client in (yield Statement("client.suspended", [()])):
        then.append({"ev": "client.suspended", "org": organisation, "client": client})
    for organisation, purpose, version in (yield Statement("purpose.suspended", [()])):
        then.append({"ev": "purpose.suspended", "org": organisation, "purpose": f"{purpose}@{version}"})
    after = {"o": last.origin, "size": last.size, "root": b64encode(last.root).decode()}
    yield from open_log(
        new,
        at=at,
        chance=chance,
        first={"after": after},
        then=then,
    )


async def carry_grants(house: House) -> int:
    """Carry every live grant that still stands in an older log into the present one; returns how many.

    In a new random order each time: with the same order in each year's log, entries of one grant could be told by their
    place. What a crash leaves undone is found again; a grant that is used meanwhile is carried by that use.
    """
    log, secret = house.log, house.chance(32)
    carried, last = 0, b""
    while dealt := await _deal(house, log, secret, last):
        last = dealt[-1]
        for start in range(0, len(dealt), MOST_AT_ONCE):
            names = [one[_HASHED:].decode() for one in dealt[start : start + MOST_AT_ONCE]]
            carried += (await house.scribe.do(_carry(names))).outcome
    return carried


async def _deal(house: House, log: str, secret: bytes, last: bytes) -> list[bytes]:
    """The next grants to carry after *last*, each behind its hash under *secret*, in the order of those.

    There may be millions, so all that are left are read through each time, and only the first of them kept.
    """
    found: list[bytes] = []
    place, end = (-1, ""), _BEYOND
    while rows := await house.store.read("grant.elsewhere", log, *place, _PIECE):
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
                or grant.log == book.head.log
            ):
                continue
            book.carry(grant, book.keys_of(wrapped))
            carried += 1
        return carried

    return story
