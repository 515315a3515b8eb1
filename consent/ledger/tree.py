"""The Merkle tree over the leaves: hashes, and the two checks that a proof has to pass.

RFC 6962 section 2.1 and RFC 9162 section 2.1. A leaf and a node hash differ in their first byte, so that
nobody can pass one off as the other.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256

from consent.ledger.errors import LedgerError

HASH_BYTES = 32


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of one entry (RFC 6962 §2.1)."""
    return sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two neighbouring subtrees (RFC 6962 §2.1)."""
    return sha256(b"\1" + left + right).digest()


def empty_root() -> bytes:
    """The root of a log without entries: the hash of nothing (RFC 6962 §2.1)."""
    return sha256(b"").digest()


@lru_cache(maxsize=4096)
def complete_root(hashes: bytes) -> bytes:
    """The root over hashes of equal height that stand behind one another in *hashes*; a power of two of them.

    Remembered, because the proofs of old entries have most of their hashes in common: at most 16 MB.
    """
    while len(hashes) > HASH_BYTES:
        pairs = range(0, len(hashes), 2 * HASH_BYTES)
        hashes = b"".join([sha256(b"\1" + hashes[k : k + 2 * HASH_BYTES]).digest() for k in pairs])
    return hashes


def check_inclusion(entry_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Prove that *entry_hash* stands at *index* in the tree of *size* entries with *root* (RFC 9162
    §2.1.3.2).

    Raises LedgerError; also when the proof is longer or shorter than the place asks, or a hash is not 32
    bytes.
    """
    _check_lengths(entry_hash, root, *proof)
    if not 0 <= index < size:
        raise LedgerError("an inclusion proof is for an entry inside the tree")
    node, last = index, size - 1
    running = entry_hash
    for step in proof:
        if last == 0:
            raise LedgerError("an inclusion proof is too long")
        if node % 2 or node == last:
            running = node_hash(step, running)
            # A node without a right neighbour moves up until it is a right child itself.
            while node % 2 == 0 and node:
                node, last = node >> 1, last >> 1
        else:
            running = node_hash(running, step)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise LedgerError("an inclusion proof is too short")
    if running != root:
        raise LedgerError("an inclusion proof does not lead to the root")


def check_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Prove that the tree of *new_size* begins with the whole tree of *old_size* (RFC 9162 §2.1.4.2).

    Raises LedgerError. From the empty tree, and between equal sizes, the proof is empty.
    """
    _check_lengths(old_root, new_root, *proof)
    if not 0 <= old_size <= new_size:
        raise LedgerError("a consistency proof goes from a smaller tree to a larger one")
    if old_size == 0 or old_size == new_size:
        if proof:
            raise LedgerError("a consistency proof is too long")
        if old_size == 0 and old_root != empty_root():
            raise LedgerError("the root of an empty tree is the hash of nothing")
        if old_size == new_size and old_root != new_root:
            raise LedgerError("two trees of one size have different roots")
        if new_size == 0 and new_root != empty_root():
            raise LedgerError("the root of an empty tree is the hash of nothing")
        return
    node, last = old_size - 1, new_size - 1
    while node % 2:
        node, last = node >> 1, last >> 1
    steps = list(proof)
    if node == 0:
        # The old tree is one complete subtree: its root is the seed, and is not sent.
        steps.insert(0, old_root)
    if not steps:
        raise LedgerError("a consistency proof is too short")
    old_running = new_running = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise LedgerError("a consistency proof is too long")
        if node % 2 or node == last:
            old_running = node_hash(step, old_running)
            new_running = node_hash(step, new_running)
            while node % 2 == 0 and node:
                node, last = node >> 1, last >> 1
        else:
            new_running = node_hash(new_running, step)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise LedgerError("a consistency proof is too short")
    if old_running != old_root:
        raise LedgerError("a consistency proof does not lead to the old root")
    if new_running != new_root:
        raise LedgerError("a consistency proof does not lead to the new root")


def _check_lengths(*hashes: bytes) -> None:
    # Without this a 31-byte "hash" could move a byte over the border between two siblings.
    if any(len(one) != HASH_BYTES for one in hashes):
        raise LedgerError("a hash is 32 bytes")
