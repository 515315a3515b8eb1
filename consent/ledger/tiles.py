"""The tree as tiles: rows of up to 256 hashes that only grow, and the proofs that can be read from them.

C2SP tlog-tiles. A stored row (level, n) grows at its end until it holds 256 hashes; a partial tile of an
older size is a prefix of it, so none is stored twice. Behind its 256 hashes a full row has the 16 that stand four
heights above them, which spare a proof nine tenths of its hashing; older rows are without. `Growth` holds the
right edge in memory for whoever appends; the functions at the end make proofs for old entries from rows that
were read back.
"""

from collections.abc import Iterable, Mapping, Sequence

from consent.ledger.errors import LedgerError
from consent.ledger.tree import HASH_BYTES, complete_root, empty_root, node_hash

TILE_WIDTH = 256
TILE_HEIGHT = 8
_TILE_BYTES = TILE_WIDTH * HASH_BYTES
_BETWEEN = 4  # heights from a row's hashes to those behind them
_HEIGHTS = 64

Coordinates = tuple[int, int]  # level, n


def needed(size: int) -> list[Coordinates]:
    """The tiles that `Growth.load` and `root_from` need for a log of *size*: the partial ones, lowest level
    first.
    """
    wanted = []
    level = 0
    while size >> (TILE_HEIGHT * level):
        count = size >> (TILE_HEIGHT * level)
        if count % TILE_WIDTH:
            wanted.append((level, count // TILE_WIDTH))
        level += 1
    return wanted


def tile_width(level: int, n: int, size: int) -> int:
    """How many hashes tile (*level*, *n*) has in a log of *size*: 256 when full, 0 when there is none."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - n * TILE_WIDTH))


class Growth:
    """The right edge of a log in memory: takes leaf hashes, gives roots, changed tile rows and proofs.

    It remembers every hash from the start of each rightmost tile, plus all that was appended since the last
    `forget()`. Nothing here is durable: the order is append, write `dirty()`, commit, prove, `forget()`.

    When the transaction fails, go back: `mark = growth.snapshot()` before the first append and
    `growth.restore(mark)` afterwards, which costs only what is thrown away. A mark is worth nothing after
    `forget()`, and when another process may have written, `load` again instead.
    """

    __slots__ = ("_first", "_paths", "_ragged", "_rows", "_size", "_written")

    def __init__(self) -> None:
        """An empty log."""
        self._size = 0
        self._written = 0  # size of the tree that dirty() has handed out
        # _rows[h][k] is the root of the complete subtree of 2**h leaves with number _first[h] + k.
        self._rows: list[list[bytes]] = [[] for _ in range(_HEIGHTS)]
        self._first = [0] * _HEIGHTS
        self._ragged: list[bytes | None] | None = None
        self._paths: dict[Coordinates, list[bytes]] = {}  # height, node; of the present size

    @classmethod
    def load(cls, size: int, tiles: Mapping[Coordinates, bytes]) -> "Growth":
        """Take up a stored log of *size* from the rows that `needed(size)` names.

        A row may hold more than that size had (its prefix is used). Raises KeyError with the coordinates of a
        missing row, LedgerError for one that is too short or a size that is no size.
        """
        if not 0 <= size < 1 << (_HEIGHTS - 1):
            raise LedgerError("a log has between 0 and 2**63 entries")
        growth = cls()
        growth._size = growth._written = size
        growth._first = [_edge(size, height) for height in range(_HEIGHTS)]
        for level, n in needed(size):
            bottom = level * TILE_HEIGHT
            stored, count = tiles[level, n], tile_width(level, n, size)
            _check_row(stored, count)
            row = [stored[k : k + HASH_BYTES] for k in range(0, count * HASH_BYTES, HASH_BYTES)]
            growth._rows[bottom] = row
            for height in range(bottom + 1, bottom + TILE_HEIGHT):
                row = [node_hash(row[k], row[k + 1]) for k in range(0, len(row) - 1, 2)]
                growth._rows[height] = row
        return growth

    @property
    def size(self) -> int:
        """The number of entries, including those not yet committed."""
        return self._size

    def append(self, entry_hash: bytes) -> int:
        """Add one leaf hash and return its index."""
        index = node = self._size
        rows = self._rows
        height = 0
        rows[0].append(entry_hash)
        while node & 1:
            row = rows[height]
            entry_hash = node_hash(row[-2], entry_hash)
            height += 1
            node >>= 1
            rows[height].append(entry_hash)
        self._size = index + 1
        self._ragged, self._paths = None, {}
        return index

    def root(self) -> bytes:
        """The root over all entries so far."""
        if self._size == 0:
            return empty_root()
        root = self._edges()[-1]
        if root is None:
            raise LedgerError("a tree with entries has a root")
        return root

    def dirty(self) -> list[tuple[int, int, bytes]]:
        """The rows (level, n, hashes) that changed since the last call, whole; they now count as written."""
        changed = []
        level = 0
        while self._size >> (TILE_HEIGHT * level):
            height = level * TILE_HEIGHT
            before, count = self._written >> height, self._size >> height
            if count > before:
                for n in range(before // TILE_WIDTH, (count - 1) // TILE_WIDTH + 1):
                    row = self._row(height, n, TILE_WIDTH)
                    if len(row) == _TILE_BYTES:
                        row += self._row(height + _BETWEEN, n, TILE_WIDTH >> _BETWEEN)
                    changed.append((level, n, row))
            level += 1
        self._written = self._size
        return changed

    def _row(self, height: int, n: int, width: int) -> bytes:
        start = n * width - self._first[height]
        return b"".join(self._rows[height][start : start + width])

    def inclusion_proof(self, index: int) -> list[bytes]:
        """The proof that entry *index* is in the tree of the present size: hashes from the leaf up (RFC 6962
        §2.1.1).

        Raises KeyError with the coordinates of the tile that is no longer remembered, LedgerError when the
        log has no such entry.
        """
        if not 0 <= index < self._size:
            raise LedgerError("the log has no entry with this index")
        return self._path(0, index)

    def _path(self, height: int, node: int) -> list[bytes]:
        """The hashes beside the way from *node* to the root; kept, as neighbours go nearly all of it together."""
        if self._size - 1 >> height == 0:
            return []
        path = self._paths.get((height, node))
        if path is None:
            sibling = node ^ 1
            beside: bytes | None = None
            if (sibling + 1) << height <= self._size:
                if sibling < self._first[height]:
                    raise KeyError(_tile_of(height, sibling))
                beside = self._rows[height][sibling - self._first[height]]
            elif sibling << height < self._size:
                beside = self._edges()[height]  # the ragged right edge
            path = ([] if beside is None else [beside]) + self._path(height + 1, node >> 1)
            self._paths[height, node] = path
        return path

    def snapshot(self) -> int:
        """A mark to go back to; hold it only until `forget()`."""
        return self._size

    def restore(self, mark: int) -> None:
        """Throw away what was appended after `snapshot()` gave *mark*; the rows count as unwritten again.

        Raises LedgerError when that part of the tree is forgotten, or lies ahead.
        """
        if not 0 <= mark <= self._size or any(mark >> h < self._first[h] for h in range(_HEIGHTS)):
            raise LedgerError("a mark is worth nothing after forget()")
        for height in range(self._size.bit_length() + 1):
            del self._rows[height][(mark >> height) - self._first[height] :]
        self._size = mark
        self._written = min(self._written, mark)
        self._ragged, self._paths = None, {}

    def forget(self) -> None:
        """Drop all but the right edge, to keep memory bounded. Only once `dirty()` was stored: LedgerError
        otherwise.
        """
        if self._written != self._size:
            raise LedgerError("what is not written cannot be forgotten")
        self._paths = {}
        for height in range(self._size.bit_length() + 1):
            edge = _edge(self._size, height)
            del self._rows[height][: edge - self._first[height]]
            self._first[height] = edge

    def _edges(self) -> list[bytes | None]:
        """For each height h the root over the leaves after the last complete subtree of 2**h; the last is the
        root.
        """
        if self._ragged is None:
            edges: list[bytes | None] = [None]
            running: bytes | None = None
            for height in range(self._size.bit_length()):
                if self._size >> height & 1:
                    left = self._rows[height][-1]
                    running = left if running is None else node_hash(left, running)
                edges.append(running)
            self._ragged = edges
        return self._ragged


def root_from(size: int, tiles: Mapping[Coordinates, bytes]) -> bytes:
    """The root of the tree of *size* from the rows that `needed(size)` names. Raises KeyError and LedgerError
    as load.
    """
    # This is how the rows are checked: from their own hashes, not from those behind them.
    bare = {place: row[:_TILE_BYTES] for place, row in tiles.items()}
    return range_root(0, size, bare) if size else empty_root()


def proof_needs(index: int, size: int) -> list[Coordinates]:
    """The tiles that `inclusion_proof_from` needs. Raises LedgerError when the tree has no such entry."""
    return tiles_under(_inclusion_ranges(index, size))


def inclusion_proof_from(index: int, size: int, tiles: Mapping[Coordinates, bytes]) -> list[bytes]:
    """The proof that entry *index* is in the tree of *size* (RFC 6962 §2.1.1), from stored rows, full or
    longer.

    Raises KeyError with the coordinates of a missing row, LedgerError for one that is too short.
    """
    return [range_root(*part, tiles) for part in _inclusion_ranges(index, size)]


def consistency_needs(old_size: int, size: int) -> list[Coordinates]:
    """The tiles that `consistency_proof_from` needs. Raises LedgerError when the old tree is larger."""
    return tiles_under(_consistency_ranges(old_size, size))


def consistency_proof_from(old_size: int, size: int, tiles: Mapping[Coordinates, bytes]) -> list[bytes]:
    """The proof that the tree of *size* begins with the tree of *old_size* (RFC 6962 §2.1.2), from stored
    rows.
    """
    return [range_root(*part, tiles) for part in _consistency_ranges(old_size, size)]


def _edge(size: int, height: int) -> int:
    """The first node at *height* that lies in the rightmost tile of its level, for a log of *size*."""
    level, above = divmod(height, TILE_HEIGHT)
    count = size >> (level * TILE_HEIGHT)
    return (count // TILE_WIDTH * TILE_WIDTH) >> above


def _tile_of(height: int, node: int) -> Coordinates:
    """The tile whose hashes a complete node is made from (or stands in)."""
    level, above = divmod(height, TILE_HEIGHT)
    return level, (node << above) // TILE_WIDTH


def _check_row(row: bytes, count: int) -> None:
    is_long = len(row) > _TILE_BYTES and len(row) != _TILE_BYTES + (_TILE_BYTES >> _BETWEEN)
    if len(row) % HASH_BYTES or len(row) < count * HASH_BYTES or is_long:
        raise LedgerError("a tile row is too short or too long")


def _inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The ranges of leaves whose roots are the proof, from the leaf up: PATH of RFC 6962 §2.1.1."""
    if not 0 <= index < size:
        raise LedgerError("the tree has no entry with this index")
    return _beside(index + 1, size, to_leaf=True)[::-1]


def _consistency_ranges(old_size: int, size: int) -> list[tuple[int, int]]:
    """The ranges of leaves whose roots are the proof: SUBPROOF of RFC 6962 §2.1.2."""
    if not 0 <= old_size <= size:
        raise LedgerError("a consistency proof goes from a smaller tree to a larger one")
    return _beside(old_size, size, to_leaf=False)[::-1] if old_size not in (0, size) else []


def _beside(behind: int, size: int, *, to_leaf: bool) -> list[tuple[int, int]]:
    """What lies beside the way from the root to a subtree that ends before entry *behind*: the largest, or a leaf."""
    ranges = []
    start, end = 0, size
    while end != behind or (to_leaf and end - start > 1):
        middle = start + _split(end - start)
        if behind <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    # The old tree itself is known to whoever asks, when it is one complete subtree from the first leaf on.
    return ranges if to_leaf or not start else [*ranges, (start, end)]


def _split(count: int) -> int:
    """The largest power of two below *count*."""
    return 1 << ((count - 1).bit_length() - 1)


def _nodes_of(start: int, end: int) -> Iterable[tuple[int, int]]:
    """The complete subtrees (height, number) that cover an aligned range, from left to right."""
    while start < end:
        height = (end - start).bit_length() - 1
        yield height, start >> height
        start += 1 << height


def tiles_under(ranges: Sequence[tuple[int, int]]) -> list[Coordinates]:
    """The tiles that `range_root` reads for these ranges of leaves."""
    return sorted({_tile_of(height, node) for start, end in ranges for height, node in _nodes_of(start, end)})


def range_root(start: int, end: int, tiles: Mapping[Coordinates, bytes]) -> bytes:
    """The root of a range of leaves as a tree is cut into (RFC 6962 §2.1). Raises LedgerError for a tile too short."""
    running: bytes | None = None
    for height, node in reversed(list(_nodes_of(start, end))):
        level, n = _tile_of(height, node)
        above = height - level * TILE_HEIGHT
        place, width = (node << above) % TILE_WIDTH, 1 << above
        row, start, end = tiles[level, n], place * HASH_BYTES, (place + width) * HASH_BYTES
        _check_row(row, place + width)
        if above >= _BETWEEN and len(row) > _TILE_BYTES:
            row, start, end = row[_TILE_BYTES:], start >> _BETWEEN, end >> _BETWEEN
        left = complete_root(row[start:end])
        running = left if running is None else node_hash(left, running)
    if running is None:
        raise LedgerError("a range of leaves is not empty")
    return running
