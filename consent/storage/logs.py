"""The logs that stand side by side: their names, and one of them as a batch holds it."""

import re

from consent.ledger.tiles import Growth
from consent.ledger.tree import leaf_hash
from consent.words.errors import ConsentError

from .rows import EntryRow, Head

_BESIDE = re.compile(r"[0-9]{4}[a-z]?-([1-9][0-9]{0,3})")


def bucket_of(log: str) -> int:
    """Which of the logs side by side *log* is, or was: `2026` and `2026b` are of bucket 1, `2026-2` is of bucket 2."""
    beside = _BESIDE.fullmatch(log)
    return int(beside[1]) if beside else 1


def name_beside(main: str, bucket: int) -> str:
    """The name of the log of *bucket* that stands beside *main*, the log of bucket 1."""
    return main if bucket == 1 else f"{main}-{bucket}"


class LogFrozen(ConsentError):
    """The log takes no entries any more, so nothing can be given out."""

    code = "log_frozen"


class Elsewhere(ConsentError):
    """What is written about this citizen goes to a log that this batch does not hold; she is in *bucket*."""

    code = "elsewhere"

    def __init__(self, bucket: int) -> None:
        super().__init__("the log of this citizen is not held by this batch")
        self.bucket = bucket


class OpenLog:
    """A log that a batch holds: how it stood, and what the batch adds to it."""

    __slots__ = ("entries", "growth", "head", "name", "origin", "to_prove")

    def __init__(self, head: Head, growth: Growth) -> None:
        self.name = head.log
        self.origin = head.origin
        self.head = head
        self.growth = growth
        self.entries: list[bytes] = []
        self.to_prove: list[int] = []

    @property
    def next_index(self) -> int:
        """The index that the next entry gets."""
        return self.head.size + len(self.entries)

    def append(self, leaf: bytes) -> EntryRow:
        """Add a leaf; returns its row."""
        self.growth.append(leaf_hash(leaf))
        index = self.next_index
        self.entries.append(leaf)
        return EntryRow(log=self.name, index=index, leaf=leaf)

    def prove(self, index: int) -> None:
        """Ask for the inclusion proof of an entry of this batch, made as soon as it is committed."""
        self.to_prove.append(index)
