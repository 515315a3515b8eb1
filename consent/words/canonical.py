"""One way to write a structure as bytes, for everything that is hashed or signed.

Sorted keys, no white space, UTF-8, integers and strings only: for such values this is RFC 8785. The exact
bytes are stored and hashed; nothing is ever decoded and encoded again to check it.
"""

from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder(order="sorted")


def canonical(structure: Any) -> bytes:
    """Encode *structure* (dict, list, str, int, bool, None, Struct) to its canonical JSON bytes."""
    return _ENCODER.encode(structure)


def length_prefixed(*parts: bytes) -> bytes:
    """Join *parts* so that no two different lists give the same bytes: each after its length (8 bytes, big-endian)."""
    return b"".join([len(part).to_bytes(8, "big") + part for part in parts])
