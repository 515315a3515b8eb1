"""How the log lies on a web server: paths of tiles and entry bundles, and the bytes of a bundle.

C2SP tlog-tiles. Paths are written in one way only, so that every cache agrees and no path leaves the log's
folder.
"""

import re
from collections.abc import Sequence

import msgspec

from consent.ledger.entry import MAX_ENTRY_BYTES
from consent.ledger.errors import LedgerError
from consent.ledger.tiles import TILE_WIDTH

_MAX_LEVEL = 63
# Groups of three digits, all but the last after an x; the first group of several is not x000; .p/W for 1 to
# 255.
_PATH = re.compile(
    r"tile/(?P<level>0|[1-9][0-9]?|entries)/(?P<n>(?:x(?!000)[0-9]{3}/(?:x[0-9]{3}/)*)?[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


class TilePath(msgspec.Struct, frozen=True):
    """What a path names: a tile of hashes, or with level None the bundle of entries; 256 wide when full."""

    level: int | None
    n: int
    width: int


def format_tile_path(level: int | None, n: int, width: int = TILE_WIDTH) -> str:
    """The path under the log's folder, such as `tile/0/x001/234` or `tile/entries/000.p/17`.

    Raises LedgerError for a level, number or width that no tile has.
    """
    if (level is not None and not 0 <= level <= _MAX_LEVEL) or n < 0 or not 1 <= width <= TILE_WIDTH:
        raise LedgerError("no tile has this level, number or width")
    place = f"{n % 1000:03d}"
    while n >= 1000:
        n //= 1000
        place = f"x{n % 1000:03d}/{place}"
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{'entries' if level is None else level}/{place}{partial}"


def parse_tile_path(path: str) -> TilePath:
    """Read a path that `format_tile_path` could have written. Raises LedgerError for any other spelling."""
    match = _PATH.fullmatch(path)
    if match is None or len(path) > 100:
        raise LedgerError("not the path of a tile")
    level = None if match["level"] == "entries" else int(match["level"])
    width = TILE_WIDTH if match["width"] is None else int(match["width"])
    if (level is not None and level > _MAX_LEVEL) or (match["width"] is not None and width >= TILE_WIDTH):
        raise LedgerError("not the path of a tile")
    return TilePath(level, int(match["n"].replace("x", "").replace("/", "")), width)


def encode_bundle(leaves: Sequence[bytes]) -> bytes:
    """The bytes of a bundle: each entry after its length (2 bytes, big-endian). Raises LedgerError over 256
    entries.
    """
    if len(leaves) > TILE_WIDTH or any(len(leaf) > MAX_ENTRY_BYTES for leaf in leaves):
        raise LedgerError("a bundle has at most 256 entries of at most 65535 bytes")
    return b"".join([len(leaf).to_bytes(2, "big") + leaf for leaf in leaves])


def parse_bundle(bundle: bytes) -> list[bytes]:
    """The entries of a bundle. Raises LedgerError when one is cut off or there are more than 256."""
    leaves: list[bytes] = []
    place = 0
    while place < len(bundle):
        start = place + 2
        place = start + int.from_bytes(bundle[place:start], "big")
        if start > len(bundle) or place > len(bundle) or len(leaves) == TILE_WIDTH:
            raise LedgerError("a bundle is cut off or too long")
        leaves.append(bundle[start:place])
    return leaves
