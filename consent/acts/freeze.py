"""A log that may have forked takes no entry any more, for good: two histories under one key prove nothing to anybody.

It is known by a checkpoint that the log itself signed and that does not fit its database: a larger one, or another
root. That is what an older copy of a database looks like. Beside a frozen log nothing is decided: what was stopped
after the copy was made would look as if it still ran.
"""

from collections.abc import Iterable

from consent.ledger.checkpoint import Checkpoint, check_checkpoint
from consent.ledger.errors import LedgerError
from consent.ledger.tiles import TILE_WIDTH, needed, root_from
from consent.ledger.tree import leaf_hash
from consent.storage.rows import FROZEN, Head
from consent.storage.store import Batch, Statement, Store
from consent.words.errors import Misconfigured


async def check_tree(store: Store, head: Head, vkey: str) -> None:
    """Check that the newest checkpoint is this log's own, that the tiles lead to it and the last entries to the tiles.

    Raises Misconfigured: then the database is damaged, and the log would sign something that nobody can follow.
    """
    try:
        said = check_checkpoint(head.note, [vkey])
        first = (head.size - 1) // TILE_WIDTH * TILE_WIDTH
        rows = await store.read("entry.range", head.log, first, head.size)
        tile = b"".join(leaf_hash(leaf) for _, leaf in rows)
        kept = (await store.read("tile.get", head.log, 0, first // TILE_WIDTH))[0][2]
        is_whole = (
            (said.origin, said.size, said.root)
            == (head.origin, head.size, await root_at(store, head.log, head.size))
            and len(rows) == head.size - first
            and bytes(kept).startswith(tile)  # another process may have written more since *head* was read
        )
    except (LedgerError, KeyError, IndexError):
        is_whole = False
    if not is_whole:
        raise Misconfigured(
            f"the log {head.log} does not fit its own checkpoint: the database is damaged; nothing was changed"
        )


async def root_at(store: Store, log: str, size: int) -> bytes:
    """The root that the log had at *size*, from its tiles. Raises KeyError or LedgerError when they are not there."""
    tiles = {}
    for level, n in needed(size):
        for _, _, data in await store.read("tile.get", log, level, n):
            tiles[level, n] = bytes(data)
    return root_from(size, tiles)


async def find_fork(store: Store, head: Head, seen: Iterable[Checkpoint]) -> Checkpoint | None:
    """The largest of these checkpoints, signed by the log and seen by somebody, that does not fit the log; None if all
    fit."""
    for one in sorted(seen, key=lambda one: one.size, reverse=True):
        try:
            if one.size > head.size or one.root != await root_at(store, head.log, one.size):
                return one
        except (KeyError, LedgerError):
            return one
    return None


def freeze() -> Batch[None]:
    """The batch that freezes what is written now: where one log lost entries, those beside it did too.

    Nothing thaws them; other logs follow (`succeed`).
    """
    yield Statement("head.stop_all", [(FROZEN,)])
