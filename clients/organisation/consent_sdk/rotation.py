"""Going on to a new key of a log: the keys that you know signed the checkpoint behind which one of them ends.

The log writes `key.added` with the new key, then `key.retired` with that checkpoint (docs/reference/ledger.md,
"When a key changes"). The readers raise ValueError; nothing here fetches.
"""

from typing import Any

import msgspec

from .encoding import read_json
from .merkle import Tile
from .note import Checkpoint, LogKey, check_checkpoint, read_log_key, signature_lines, unverified_origin

_CONTROL = b"CLg\x01\x01\0\0\0"
_BODY = 152


class Change(msgspec.Struct, frozen=True):
    """What two entries say: the key that comes, the one that ends, and the checkpoint that ends with the first."""

    added: LogKey
    retired: str
    last: Checkpoint


def has_unknown_line(note: str, keys: list[LogKey]) -> bool:
    """Answer whether somebody signed *note* under the log's name with a key that is not among *keys*."""
    known = {(key.name, key.key_id) for key in keys}
    origin = unverified_origin(note)
    return any(name == origin and (name, blob[:4]) not in known for name, blob in signature_lines(note)[1])


def places(listing: str) -> list[tuple[int, str]]:
    """Where the log says that keys were retired: the index of the entry and the key. Nobody has vouched for it."""
    found = []
    for line in listing.splitlines():
        words = line.split(" ")
        if len(words) == 3 and words[1].isascii() and words[1].isdigit() and len(words[1]) < 19:
            found.append((int(words[1]), words[2]))
    return sorted(found)


def read_change(index: int, added: bytes, retired: bytes, keys: list[LogKey]) -> Change:
    """Read the entries at *index* - 1 and *index*, and check that *keys* signed the change. Raises ValueError.

    Whether *added* stands in the tree of `last` is the caller's to check.
    """
    coming, ending = _body(added, "key.added"), _body(retired, "key.retired")
    new = read_log_key(str(coming.get("key")))
    old = next(
        (key for key in keys if key.vkey == ending.get("key") and key.since < index <= key.until), None
    )
    if old is None or (new.name, new.is_second) != (old.name, old.is_second):
        raise ValueError("the new key does not take the place of one that is known")
    last = check_checkpoint(str(ending.get("last", "")), keys)
    if last.size != index or last.origin != old.name or not last.is_signed_twice:
        raise ValueError("the keys of before did not sign the checkpoint before the change")
    return Change(msgspec.structs.replace(new, since=index - 1), old.vkey, last)


def changed(keys: list[LogKey], change: Change) -> list[LogKey]:
    """The keys after the change, the old one with its end."""
    ended = [
        msgspec.structs.replace(key, until=change.last.size) if key.vkey == change.retired else key
        for key in keys
    ]
    return [*ended, change.added]


def bundle_path(index: int) -> tuple[str, str]:
    """Where the entry *index* is published: the bundle up to it, and the full one (tlog-tiles, "Log entries")."""
    tile = Tile(0, index // 256, index % 256 + 1)
    return (
        tile.path.replace("tile/0/", "tile/entries/", 1),
        tile.full_path.replace("tile/0/", "tile/entries/", 1),
    )


def entry_in(bundle: bytes, place: int) -> bytes:
    """The entry at *place* of a bundle, each after its length in two bytes. Raises ValueError."""
    start = 0
    for _ in range(place):
        start += 2 + int.from_bytes(bundle[start : start + 2], "big")
    end = start + 2 + int.from_bytes(bundle[start : start + 2], "big")
    if end > len(bundle) or end < start + 3:
        raise ValueError("the bundle is cut off")
    return bundle[start + 2 : end]


def write_keys(keys: list[LogKey]) -> list[list[Any]]:
    """Keys as they are remembered."""
    return [[key.vkey, key.since, key.until] for key in keys]


def remembered_keys(kept: list[list[Any]]) -> list[LogKey]:
    """What `write_keys` wrote. Raises ValueError."""
    return [
        msgspec.structs.replace(read_log_key(vkey), since=since, until=until) for vkey, since, until in kept
    ]


def _body(leaf: bytes, event: str) -> dict[str, Any]:
    if leaf[:8] != _CONTROL or len(leaf) <= _BODY:
        raise ValueError("the entry is not about the log itself")
    body = read_json(leaf[_BODY:], dict[str, Any])
    if body.get("ev") != event:
        raise ValueError(f"the entry is not {event}")
    return body
