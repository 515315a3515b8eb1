"""A log gets a new key of its own, and the old one ends: with its last checkpoint it says which key follows.

`key.added` announces the new key. The old keys sign the checkpoint that has this entry as its last one, and
`key.retired` carries that checkpoint. So whoever knows only the old key can go on to the new one, and nobody else can
lead them there.
"""

from collections.abc import Callable

from consent.ledger import checkpoint
from consent.ledger.cosignature import cosign, cosigner_vkey
from consent.ledger.entry import NONCE_BYTES, control_entry
from consent.ledger.tiles import Growth, needed
from consent.ledger.tree import leaf_hash
from consent.storage.kinds import ENTRY, HEAD, LOG_KEY
from consent.storage.rows import OPEN, EntryRow, LogKey
from consent.storage.store import Batch, Statement
from consent.words.canonical import canonical
from consent.words.errors import Misconfigured
from consent.words.instants import seconds

from .pen import Pen


def rotate(
    old: Pen, new: Pen, *, retired: str | None, lost: bool, at: int, chance: Callable[[int], bytes]
) -> Batch[int]:
    """The batch that changes one key of a log: *new* has it, *old* may still sign its last. Returns the new size.

    *retired* is the verifier key that ends; None when there was none of this kind. *lost*: somebody else may have it,
    so it leads nobody to the new one. Raises Misconfigured for a log that takes no entries, and when the keys were
    changed meanwhile.
    """
    heads = yield Statement("head.lock", [(old.log,)])
    if not heads:
        raise Misconfigured("the log is not in this database")
    head = HEAD.from_row(heads[0])
    if head.frozen != OPEN:
        raise Misconfigured("a log that takes no entries keeps its keys")
    if head.epoch != old.epoch:
        raise Misconfigured("a key of this log has just been changed; look with `consent log key list`")
    at = max(at, head.at)
    tiles = yield Statement("tile.get", [(old.log, level, n) for level, n in needed(head.size)])
    growth = Growth.load(head.size, {(level, n): data for level, n, data in tiles})
    about = {"o": old.origin, "t": seconds(at)}
    added = new.vkey if new.vkey != old.vkey else _second(new)
    leaves = [
        control_entry(
            chance(NONCE_BYTES), canonical(about | {"ev": "key.added", "i": head.size, "key": added})
        )
    ]
    growth.append(leaf_hash(leaves[0]))
    if retired is not None:
        ends: dict[str, object] = {"ev": "key.retired", "i": growth.size, "key": retired}
        ends |= {"lost": 1} if lost else {"last": _signed(old, growth, at)}
        leaves.append(control_entry(chance(NONCE_BYTES), canonical(about | ends)))
        growth.append(leaf_hash(leaves[1]))
    entries = [EntryRow(log=old.log, index=index, leaf=leaf) for index, leaf in enumerate(leaves, head.size)]
    yield Statement(ENTRY.put, [ENTRY.to_row(entry) for entry in entries])
    yield Statement("tile.put", [(old.log, level, n, data) for level, n, data in growth.dirty()])
    body = checkpoint.body(new.origin, growth.size, growth.root())
    note = checkpoint.sign(body, new.origin, new.signer)
    yield Statement("checkpoint.put", [(old.log, growth.size, note, at)])
    # The epoch moves: a process that still has the old key finds that out before it signs.
    moved = yield Statement("head.turn", [(growth.size, at, note, old.log, head.size, head.epoch)])
    if not moved:
        raise Misconfigured("another writer moved the head of the log")
    if new.cosigner is not None:
        line = cosign(body, new.origin, new.cosigner, at=seconds(at))
        yield Statement("cosignature.put", [(old.log, growth.size, _second(new), line, at)])
    # All of them: a log from before keys were listed has them listed from now on.
    listed = {key: LogKey(log=old.log, key=key, added=0, retired=None, lost=False) for key in _keys(old)}
    if retired is not None:
        listed[retired] = LogKey(log=old.log, key=retired, added=0, retired=head.size + 1, lost=lost)
    listed[added] = LogKey(log=old.log, key=added, added=head.size, retired=None, lost=False)
    yield Statement("log_key.put", [LOG_KEY.to_row(key) for key in listed.values()])
    return growth.size


def _signed(pen: Pen, growth: Growth, at: int) -> str:
    """The checkpoint of now, with all lines of a pen's keys."""
    body = checkpoint.body(pen.origin, growth.size, growth.root())
    note = checkpoint.sign(body, pen.origin, pen.signer)
    return note + (cosign(body, pen.origin, pen.cosigner, at=seconds(at)) if pen.cosigner is not None else "")


def _second(pen: Pen) -> str:
    return cosigner_vkey(pen.origin, pen.cosigner) if pen.cosigner is not None else ""


def _keys(pen: Pen) -> list[str]:
    return [key for key in (pen.vkey, _second(pen)) if key]
