"""A citizen's audit key, as text that she can keep and copy by hand.

It holds her scan key of each log, and nothing else: whoever has it finds her entries in these logs and opens none. Each
log has its own, so the key of one year finds nothing in the next.
"""

from base64 import b32encode
from collections.abc import Iterable
from hashlib import sha256

FORMAT = "consent-audit-key/v1"
_GROUP = 4


def format_audit_key(scans: Iterable[tuple[str, bytes]]) -> str:
    """Write the file for (origin, 32-byte scan key) pairs: a heading, then a line for each log.

    Base32 (RFC 4648 §6) in small letters and groups of four. The last three of the 35 bytes are a checksum over
    origin and key, so that one wrong letter is noticed before hours of searching with it.
    """
    return FORMAT + "\n" + "".join(f"{origin} {_spelled(origin, scan)}\n" for origin, scan in scans)


def _spelled(origin: str, scan: bytes) -> str:
    check = sha256(f"{FORMAT}\n{origin}\n".encode() + scan).digest()[:3]
    letters = b32encode(scan + check).decode().lower()
    return "-".join(["cak1", *(letters[n : n + _GROUP] for n in range(0, len(letters), _GROUP))])
