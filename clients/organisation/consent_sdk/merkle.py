"""The Merkle tree of the log, from the reader's side: hashes, inclusion, and growth without rewriting.

Sources: RFC 6962 §2.1 and RFC 9162 §2.1 (hashes and inclusion), C2SP tlog-tiles (where the hashes are
published). Nothing here fetches or trusts: hashes come in, and an answer goes out.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import NamedTuple

HASH_BYTES = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
MAX_SIZE = 1 << 62


class Node(NamedTuple):
    """A complete subtree: the 2**level entries from number * 2**level on."""

    level: int
    number: int


class Tile(NamedTuple):
    """A published row of hashes, `width` of them (1 to 256), at a tile level."""

    level: int
    number: int
    width: int

    @property
    def path(self) -> str:
        """Where it is published below the log's prefix, for example `tile/0/x001/234.p/7`."""
        return self.full_path if self.width == TILE_WIDTH else f"{self.full_path}.p/{self.width}"

    @property
    def full_path(self) -> str:
        """Where the same tile is once it is full; a log may then drop the partial one."""
        digits = f"{self.number:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        return f"tile/{self.level}/" + "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])


def leaf_hash(leaf: bytes) -> bytes:
    """Hash one entry (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees together (RFC 6962 §2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Answer whether *leaf* (the entry itself) stands at *index* in the tree of *size* entries with *root*.

    RFC 9162 §2.1.3.2. A path with a hash too many or too few is a no, and so is a hash of another length.
    """
    if not 0 <= index < size <= MAX_SIZE or any(len(step) != HASH_BYTES for step in path):
        return False
    here, last, found = index, size - 1, leaf_hash(leaf)
    for step in path:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = node_hash(step, found)
            # A right edge without a sibling is carried up unhashed.
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            found = node_hash(found, step)
        here, last = here >> 1, last >> 1
    return last == 0 and found == root


def shared_paths(
    leaves: Mapping[int, bytes], size: int, hashes: Sequence[bytes]
) -> tuple[bytes, dict[int, tuple[bytes, ...]]]:
    """The root that *leaves* (entries by index) and *hashes* give a tree of *size*, and the path of each to that root.

    *hashes* are the roots of all parts of the tree without one of these entries, from left to right, the tree cut as
    RFC 6962 §2.1 cuts it. Raises ValueError for a hash too few or too many, and an index that is not in the tree.
    """
    indices = sorted(leaves)
    if not indices or indices[0] < 0 or indices[-1] >= size or size > MAX_SIZE:
        raise ValueError("an index is not in the tree")
    paths: dict[int, list[bytes]] = {index: [] for index in indices}
    left = iter(hashes)

    def root(start: int, end: int, inside: list[int]) -> bytes:
        if not inside:
            found = next(left, b"")
            if len(found) != HASH_BYTES:
                raise ValueError("a hash is missing")
            return found
        if end - start == 1:
            return leaf_hash(leaves[start])
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        cut = bisect_left(inside, middle)
        one, other = root(start, middle, inside[:cut]), root(middle, end, inside[cut:])
        for index in inside[:cut]:
            paths[index].append(other)
        for index in inside[cut:]:
            paths[index].append(one)
        return node_hash(one, other)

    whole = root(0, size, indices)
    if next(left, None) is not None:
        raise ValueError("a hash too many")
    return whole, {index: tuple(path) for index, path in paths.items()}


def cover(start: int, end: int) -> list[Node]:
    """The fewest complete subtrees that are exactly the entries from *start* up to *end*, in order."""
    nodes = []
    while start < end:
        level = (start & -start).bit_length() - 1 if start else end.bit_length()
        while start + (1 << level) > end:
            level -= 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return nodes


def roots(old_size: int, new_size: int, hashes: Mapping[Node, bytes]) -> tuple[bytes, bytes]:
    """The root of the first *old_size* entries and that of all *new_size*, from one set of subtree hashes.

    *hashes* holds those of `cover(0, old_size)` and `cover(old_size, new_size)`. When the two results equal
    two signed roots, the larger tree begins with the smaller one: to see another beginning in it, somebody
    would need two inputs with the same SHA-256. Sizes: 0 < old_size <= new_size.
    """
    stack: list[tuple[int, bytes]] = []

    def push(node: Node) -> None:
        level, found = node.level, hashes[node]
        # Equal neighbours close into their parent, as when the entries had been added one by one.
        while stack and stack[-1][0] == level:
            level, found = level + 1, node_hash(stack.pop()[1], found)
        stack.append((level, found))

    def root() -> bytes:
        found = stack[-1][1]
        for _, left in reversed(stack[:-1]):
            found = node_hash(left, found)
        return found

    for node in cover(0, old_size):
        push(node)
    old_root = root()
    for node in cover(old_size, new_size):
        push(node)
    return old_root, root()


def tile_of(node: Node, size: int) -> Tile:
    """The tile that holds what *node* is made of, with its width in a tree of *size* entries."""
    level, height = divmod(node.level, TILE_HEIGHT)
    number = (node.number << height) // TILE_WIDTH
    width = min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - number * TILE_WIDTH)
    return Tile(level, number, width)


def hash_in_tile(node: Node, row: bytes) -> bytes:
    """The hash of *node* from the bytes of its tile. Raises IndexError when the row is too short."""
    height = node.level % TILE_HEIGHT
    first = (node.number << height) % TILE_WIDTH
    hashes = [row[i * HASH_BYTES : (i + 1) * HASH_BYTES] for i in range(first, first + (1 << height))]
    if any(len(each) != HASH_BYTES for each in hashes):
        raise IndexError("the tile is too short")
    while len(hashes) > 1:
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes[0]
