"""What a log is written with: its keys, and the signed head that every entry ends in."""

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from consent.ledger import checkpoint
from consent.storage.logs import OpenLog
from consent.storage.store import Batch, Statement
from consent.words.errors import Misconfigured


class Pen(msgspec.Struct, frozen=True, kw_only=True):
    """What a log is written with: its name, its origin and the keys that sign its checkpoints."""

    log: str
    origin: str
    signer: Ed25519PrivateKey
    cosigner: MLDSA44PrivateKey | None = None  # of a log that signs twice
    epoch: int = 1  # of the log's head, since these are its keys
    bucket: int = 1  # which of the logs side by side

    @property
    def vkey(self) -> str:
        """The public key, as C2SP signed-note writes it."""
        return checkpoint.vkey_of(self.origin, self.signer)

    def __repr__(self) -> str:
        return f"Pen({self.origin})"


def write_head(log: OpenLog, pen: Pen, *, at: int, statement: str = "head.move") -> Batch[str]:
    """Write the tiles of a log that has grown, and its head with a signed checkpoint, which is returned.

    *statement*: what moves the head. Raises Misconfigured when another writer did.
    """
    name, head, growth = log.name, log.head, log.growth
    note = checkpoint.sign(checkpoint.body(log.origin, growth.size, growth.root()), log.origin, pen.signer)
    yield Statement("tile.put", [(name, level, n, data) for level, n, data in growth.dirty()])
    yield Statement("checkpoint.put", [(name, growth.size, note, at)])
    moved = yield Statement(statement, [(growth.size, at, note, name, head.size, head.epoch)])
    if not moved:
        raise Misconfigured("another writer moved the head of the log")
    return note
