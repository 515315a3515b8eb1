"""A log begins: once, on purpose. Its first entry says what it is."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from consent.ledger import checkpoint
from consent.ledger.cosignature import cosigner_vkey
from consent.ledger.entry import control_entry
from consent.ledger.tiles import Growth
from consent.ledger.tree import leaf_hash
from consent.storage.kinds import ENTRY, HEAD, LOG_KEY
from consent.storage.rows import EntryRow, Head, LogKey
from consent.storage.store import Batch, Statement
from consent.words.canonical import canonical
from consent.words.errors import Misconfigured
from consent.words.instants import seconds


def begin_log(
    *,
    log: str,
    origin: str,
    signer: Ed25519PrivateKey,
    cosigner: MLDSA44PrivateKey,
    at: int,
    nonce: bytes,
) -> Batch[None]:
    """The batch that opens a log with its control entry `log.opened`.

    Raises Misconfigured when it exists, or when grants stand in another log: an entry about one of them would point to
    a place in that log, so the new one would be INVALID for ever.
    """
    if (yield Statement("head.lock", [(log,)])):
        raise Misconfigured("a log of this name exists already; it is never begun a second time")
    if (yield Statement("grant.any", [()])):
        raise Misconfigured("grants stand in the log there is, and cannot be carried into another one yet")
    keys = {"key": checkpoint.vkey_of(origin, signer), "cosigner": cosigner_vkey(origin, cosigner)}
    body = canonical({"ev": "log.opened", "o": origin, "i": 0, "t": seconds(at)} | keys)
    leaf = control_entry(nonce, body)
    growth = Growth()
    growth.append(leaf_hash(leaf))
    note = checkpoint.sign(checkpoint.body(origin, growth.size, growth.root()), origin, signer)
    head = Head(log=log, origin=origin, size=growth.size, at=at, epoch=1, frozen=0, note=note)
    yield Statement("head.new", [HEAD.to_row(head)])
    yield Statement(ENTRY.put, [ENTRY.to_row(EntryRow(log=log, index=0, leaf=leaf))])
    yield Statement("tile.put", [(log, level, n, data) for level, n, data in growth.dirty()])
    yield Statement("checkpoint.put", [(log, growth.size, note, at)])
    for key in keys.values():
        yield Statement(
            "log_key.put", [LOG_KEY.to_row(LogKey(log=log, key=key, added=0, retired=None, lost=False))]
        )
