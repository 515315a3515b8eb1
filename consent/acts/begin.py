"""A log begins: once, on purpose, in the place of one that ends, or beside one. Its first entry says what it is."""

from collections.abc import Callable, Sequence

from consent.ledger import checkpoint
from consent.ledger.checkpoint import Checkpoint, parse_body, parse_note
from consent.ledger.cosignature import cosigner_vkey
from consent.ledger.entry import NONCE_BYTES, control_entry
from consent.ledger.tiles import Growth, needed
from consent.ledger.tree import leaf_hash
from consent.storage.kinds import ENTRY, HEAD, LOG_KEY
from consent.storage.logs import OpenLog
from consent.storage.rows import EntryRow, Head, LogKey
from consent.storage.store import Batch, Statement
from consent.words.canonical import canonical
from consent.words.errors import Misconfigured
from consent.words.instants import seconds

from .pen import Pen, write_head


def begin_log(new: Pen, *, at: int, chance: Callable[[int], bytes]) -> Batch[None]:
    """The batch that opens a log with its control entry `log.opened`.

    Raises Misconfigured when it exists, or when grants stand in another log: that one has to be succeeded, or nobody
    could follow them from there to here.
    """
    if (yield Statement("grant.any", [()])):
        raise Misconfigured(
            "grants stand in the log there is; put another in its place with `consent log succeed`"
        )
    yield from open_log(new, at=at, chance=chance)


def open_log(
    new: Pen,
    *,
    at: int,
    chance: Callable[[int], bytes],
    first: dict[str, object] | None = None,
    then: Sequence[dict[str, object]] = (),
) -> Batch[None]:
    """Write a new log: `log.opened` with what *first* adds to it, and the control entries *then*.

    Raises Misconfigured when there is a log of that name.
    """
    log, origin = new.log, new.origin
    if (yield Statement("head.lock", [(log,)])):
        raise Misconfigured("a log of this name exists already; it is never begun a second time")
    keys = {"key": new.vkey}
    if new.cosigner is not None:
        keys["cosigner"] = cosigner_vkey(origin, new.cosigner)
    opened = {"ev": "log.opened"} | keys | (first or {})
    growth, entries = Growth(), []
    for index, about in enumerate((opened, *then)):
        body = canonical(about | {"o": origin, "i": index, "t": seconds(at)})
        leaf = control_entry(chance(NONCE_BYTES), body)
        growth.append(leaf_hash(leaf))
        entries.append(ENTRY.to_row(EntryRow(log=log, index=index, leaf=leaf)))
    note = checkpoint.sign(checkpoint.body(origin, growth.size, growth.root()), origin, new.signer)
    head = Head(log=log, origin=origin, size=growth.size, at=at, epoch=1, frozen=0, note=note)
    yield Statement("head.new", [HEAD.to_row(head)])
    yield Statement(ENTRY.put, entries)
    yield Statement("tile.put", [(log, level, n, data) for level, n, data in growth.dirty()])
    yield Statement("checkpoint.put", [(log, growth.size, note, at)])
    for key in keys.values():
        listed = LogKey(log=log, key=key, added=0, retired=None, lost=False)
        yield Statement("log_key.put", [LOG_KEY.to_row(listed)])


def write_last(
    pen: Pen,
    said: dict[str, object],
    *,
    at: int,
    chance: Callable[[int], bytes],
    statement: str = "head.move",
) -> Batch[Checkpoint]:
    """Write one control entry into a log whose head is held and fits *pen*; returns the checkpoint with it.

    *statement*: what moves the head. Raises Misconfigured when another writer did.
    """
    head = HEAD.from_row((yield Statement("head.lock", [(pen.log,)]))[0])
    tiles = yield Statement("tile.get", [(pen.log, level, n) for level, n in needed(head.size)])
    growth = Growth.load(head.size, {(level, n): data for level, n, data in tiles})
    body = canonical(said | {"o": pen.origin, "i": head.size, "t": seconds(at)})
    log = OpenLog(head, growth)
    yield Statement(ENTRY.put, [ENTRY.to_row(log.append(control_entry(chance(NONCE_BYTES), body)))])
    note = yield from write_head(log, pen, at=at, statement=statement)
    return parse_body(parse_note(note).body)


def said_again() -> Batch[list[dict[str, object]]]:
    """What is suspended, for the first entries of a new log: an auditor may read only that one."""
    then: list[dict[str, object]] = []
    for (organisation,) in (yield Statement("organisation.suspended", [()])):
        then.append({"ev": "organisation.suspended", "org": organisation})
    for organisation, client in (yield Statement("client.suspended", [()])):
        then.append({"ev": "client.suspended", "org": organisation, "client": client})
    for organisation, purpose, version in (yield Statement("purpose.suspended", [()])):
        then.append({"ev": "purpose.suspended", "org": organisation, "purpose": f"{purpose}@{version}"})
    return then
