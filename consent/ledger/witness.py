"""What a log and a witness say to each other: "my log grew, and here is the proof" (C2SP tlog-witness).

A witness remembers one checkpoint of each log, the largest that it cosigned, and cosigns another one only when that
continues it. So one log cannot show two histories to one witness.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from typing import Literal

import msgspec

from consent.ledger.checkpoint import Checkpoint
from consent.ledger.errors import LedgerError
from consent.ledger.tree import HASH_BYTES, check_consistency, empty_root

SIZE_MEDIA = "text/x.tlog.size"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n", re.ASCII)
_MOST_HASHES = 63

# `grown`: cosign it. `behind`: say which size you have. `forked`: the same size and another root, both signed.
Verdict = Literal["grown", "impossible", "behind", "forked", "unproven"]


class Submission(msgspec.Struct, frozen=True):
    """A checkpoint on its way to a witness, not checked: grown from `old_size` entries, as `proof` shows."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str


def format_submission(old_size: int, proof: Sequence[bytes], note: str) -> str:
    """The body of `add-checkpoint`: the old size, the consistency proof and the checkpoint."""
    hashes = "".join(f"{b64encode(one).decode()}\n" for one in proof)
    return f"old {old_size}\n{hashes}\n{note}"


def parse_submission(text: str) -> Submission:
    """Read the body of `add-checkpoint`. Raises LedgerError for any malformation; the note is not looked into."""
    head, border, note = text.partition("\n\n")
    lines = head.split("\n")
    match = _OLD.fullmatch(lines[0])
    if not border or match is None or len(lines) - 1 > _MOST_HASHES:
        raise LedgerError("a submission has its old size, up to 63 hashes, an empty line and a checkpoint")
    return Submission(int(match[1]), tuple(_hash(line) for line in lines[1:]), note)


def judge(submission: Submission, new: Checkpoint, kept: Checkpoint | None) -> Verdict:
    """What a witness that remembers *kept* thinks of *new*, the checked checkpoint of *submission*."""
    old_size = submission.old_size
    if old_size > new.size:
        return "impossible"
    if old_size != (kept.size if kept else 0):
        return "behind"
    root = kept.root if kept else empty_root()
    if old_size == new.size and root != new.root:
        return "forked"
    try:
        check_consistency(old_size, root, new.size, new.root, submission.proof)
    except LedgerError:
        return "unproven"
    return "grown"


def parse_size(text: str) -> int:
    """The size that a witness answers with when it remembers another one. Raises LedgerError."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise LedgerError("a witness answers with a size and a newline")
    return int(match[1])


def _hash(line: str) -> bytes:
    try:
        raw = b64decode(line, validate=True)
    except (Base64Error, ValueError):
        raise LedgerError("a hash of a consistency proof is not base64") from None
    if len(raw) != HASH_BYTES or b64encode(raw).decode() != line:
        raise LedgerError("a hash of a consistency proof is 32 bytes, spelt in one way")
    return raw
