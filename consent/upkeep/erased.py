"""Whom a backup must not bring back: a list beside the keys of everybody who was erased, as hashes of random ids.

The database knows them too, but an older copy of it does not. Lines are only ever added.
"""

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path

from consent.acts.erase import erase_again, final
from consent.storage.store import Store
from consent.words.errors import Misconfigured
from consent.words.instants import SECOND, seconds

NAME = "erased"


def keep_erased(folder: Path, erased: Iterable[tuple[bytes, int]]) -> None:
    """Add shadows of citizens, each with the instant of her erasure, to the list of a data folder, for good."""
    file = folder / "keys" / NAME
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as known:
        fcntl.flock(known, fcntl.LOCK_EX)  # each process adds its own
        # What a power cut left of a line was promised to nobody, and comes again.
        known.truncate(known.read().rfind(b"\n") + 1)
        known.seek(0, os.SEEK_END)
        known.writelines(f"{shadow.hex()} {seconds(at)}\n".encode() for shadow, at in erased)
        known.flush()
        os.fsync(known.fileno())


def read_erased(file: Path) -> dict[bytes, int]:
    """The shadows in such a list with their instants (microseconds). Raises Misconfigured."""
    found = {}
    try:
        for line in file.read_bytes().split(b"\n")[:-1]:
            shadow, at = line.split()
            if len(shadow) != 64:
                raise ValueError("a SHA-256 in hex")
            found[bytes.fromhex(shadow.decode())] = int(at) * SECOND
    except (OSError, ValueError):
        raise Misconfigured(f"the list of the erased, {file.name}, cannot be read") from None
    return found


async def settle_erasures(store: Store, folder: Path) -> int:
    """Let list and database know the same; whoever is back in an older database is erased again. Returns how many."""
    file = folder / "keys" / NAME
    listed = read_erased(file) if file.exists() else {}
    known = dict(await final(store))
    if not file.exists() or known.keys() - listed.keys():
        keep_erased(folder, [(shadow, at) for shadow, at in known.items() if shadow not in listed])
    return await erase_again(store, frozenset(listed.keys() - known.keys()))
