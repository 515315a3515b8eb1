"""The proof that leaves with the data: that one entry is in the log under a signed checkpoint.

C2SP tlog-proof, version 1: a text that can be kept and checked offline. The leaf itself is not in it; whoever
checks brings the leaf.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from binascii import b2a_base64
from collections.abc import Iterable, Sequence

import msgspec

from consent.ledger.checkpoint import Checkpoint, check_checkpoint
from consent.ledger.errors import LedgerError
from consent.ledger.tree import HASH_BYTES, check_inclusion, leaf_hash

_HEADER = "c2sp.org/tlog-proof@v1\n"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)
_MAX_HASHES = 63


class Proof(msgspec.Struct, frozen=True):
    """A proof taken apart, not yet checked. `extra` is authenticated by nothing and is not used here."""

    index: int
    hashes: tuple[bytes, ...]
    note: str
    extra: bytes | None = None


def format_proof(index: int, hashes: Sequence[bytes], note: str) -> str:
    """Write the proof for entry *index*: its hashes from the leaf up, and the checkpoint *note* as it is."""
    lines = b"".join([b2a_base64(one) for one in hashes]).decode()
    return f"{_HEADER}index {index}\n{lines}\n{note}"


def parse_proof(text: str) -> Proof:
    """Take a proof apart without checking it. Raises LedgerError for any malformation."""
    if not text.startswith(_HEADER):
        raise LedgerError("a proof begins with its format and version")
    head, border, note = text[len(_HEADER) :].partition("\n\n")
    if not border:
        raise LedgerError("a proof holds a checkpoint after an empty line")
    lines = head.split("\n")
    extra = None
    if lines[0].startswith("extra "):
        extra = _base64(lines.pop(0)[6:])
    match = _INDEX.fullmatch(lines[0]) if lines else None
    if match is None:
        raise LedgerError("a proof names its index, a decimal number without leading zeros")
    if len(lines) - 1 > _MAX_HASHES:
        raise LedgerError("a proof has too many hashes")
    hashes = tuple(_base64(line) for line in lines[1:])
    if any(len(one) != HASH_BYTES for one in hashes):
        raise LedgerError("a hash in a proof is 32 bytes")
    return Proof(int(match[1]), hashes, note, extra)


def check_proof(text: str, leaf: bytes, vkeys: Iterable[str]) -> Checkpoint:
    """Prove that *leaf* is in the log that one of *vkeys* signs for; returns the checkpoint that it is under.

    Raises LedgerError. The index is `parse_proof(text).index`; compare it with the record's own `i`.
    """
    proof = parse_proof(text)
    checkpoint = check_checkpoint(proof.note, vkeys)
    check_inclusion(leaf_hash(leaf), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return checkpoint


def _base64(text: str) -> bytes:
    try:
        raw = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise LedgerError("base64 in a proof is malformed") from None
    if b64encode(raw).decode() != text:
        raise LedgerError("base64 in a proof is not in its one canonical form")
    return raw
