"""`consent ring`: another key to wrap the citizens' keys with, and the old one gone when nothing needs it.

A key has a time before which nobody wraps with it: every process, and every machine that you copied the file to, can
open by then what others wrap. A service that runs looks into the folder every minute.
"""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from consent.acts.house import House
from consent.acts.rewrap import rewrap, under
from consent.keyfiles import RingKey, held_keys, make_ring_key, remove_keys, ring_keys, wrapping
from consent.settings import read_settings
from consent.words.errors import Misconfigured
from consent.words.instants import HOUR, SECOND

KNOWN_BEFORE = 1  # hours
MOST_HOURS = 30 * 24


def rotate(folder: Path, *, at: int, hours: int = KNOWN_BEFORE) -> RingKey:
    """Make the next key of the ring, to wrap *hours* from now. Raises Misconfigured: no ring, or one waits already."""
    if not 1 <= hours <= MOST_HOURS:
        raise Misconfigured(f"a new key is known between 1 and {MOST_HOURS} hours before it wraps")
    with held_keys(folder):
        if any(key.active_from > at for key in ring_keys(folder)):
            raise Misconfigured("a next key waits already; see `consent ring list`")
        return make_ring_key(folder, active_from=at + hours * HOUR)


async def drop(house: House, folder: Path, name: str, *, at: int) -> str:
    """Destroy an old key under which nothing is wrapped any more; returns its file's name. Raises Misconfigured."""
    keys = ring_keys(folder)
    found = [key for key in keys if key.id == name]
    if not found:
        raise Misconfigured("the ring has no such key; see `consent ring list`")
    current = wrapping(keys, at=at)
    if found[0].number >= current.number:
        raise Misconfigured("only a key that a newer one has followed can go")
    if at < current.active_from + KNOWN_BEFORE * HOUR:
        raise Misconfigured(
            "another process may still wrap with it; wait an hour after the new one has begun"
        )
    if count := (await under(house)).get(name, 0):
        raise Misconfigured(
            f"the keys of {count} citizens are wrapped with it; give `consent ring rewrap` first"
        )
    remove_keys(folder, [found[0].file])
    return found[0].file


def add_ring_commands(commands: Any, *, where: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add `consent ring …` to the command line; *where* adds the usual flags."""
    words = commands.add_parser("ring", help="the keys that wrap the citizens' keys").add_subparsers(
        required=True
    )
    listed = words.add_parser("list", help="which there are, and how many citizens' keys each wraps")
    where(listed)
    listed.set_defaults(run=_list)
    new = words.add_parser(
        "rotate", help="make the next key; it wraps later, and a service that runs goes over to it"
    )
    new.add_argument(
        "--hours", type=int, default=KNOWN_BEFORE, help=f"when it begins to wrap ({KNOWN_BEFORE})"
    )
    where(new)
    new.set_defaults(run=_rotate)
    again = words.add_parser(
        "rewrap", help="wrap everything with the newest key now, also while the service runs"
    )
    where(again)
    again.set_defaults(run=_rewrap)
    gone = words.add_parser("drop", help="destroy an old key, when nothing is wrapped with it any more")
    gone.add_argument("key", metavar="KEY", help="such as ring-1")
    where(gone)
    gone.set_defaults(run=_drop)


def _list(arguments: argparse.Namespace) -> int:
    from consent.commands.approvals import with_house
    from consent.opening import clock

    settings = read_settings(vars(arguments))
    counts, keys = with_house(settings, under), ring_keys(settings.folder)
    current = wrapping(keys, at=clock())
    for key in keys:
        state = "wraps" if key == current else "next" if key.number > current.number else "old"
        since = (
            datetime.fromtimestamp(key.active_from // SECOND, UTC).isoformat()
            if key.active_from
            else "the start"
        )
        print(f"{state:5} {key.id} from {since}, wraps the keys of {counts.pop(key.id, 0)} citizens")
    for name, count in counts.items():
        print(f"gone  {name}: the keys of {count} citizens do not open")
    return 1 if counts else 0


def _rotate(arguments: argparse.Namespace) -> int:
    from consent.opening import clock

    key = rotate(read_settings(vars(arguments)).folder, at=clock(), hours=arguments.hours)
    print(
        f"{key.file} is known within a minute and wraps in {arguments.hours} hours; copy it to your other machines"
    )
    return 0


def _rewrap(arguments: argparse.Namespace) -> int:
    from consent.commands.approvals import with_house

    done = with_house(read_settings(vars(arguments)), rewrap)
    print(f"wrapped anew: {done.done}, could not be opened: {done.closed}")
    return 1 if done.closed else 0


def _drop(arguments: argparse.Namespace) -> int:
    from consent.commands.approvals import with_house
    from consent.opening import clock

    settings = read_settings(vars(arguments))
    file = with_house(settings, lambda house: drop(house, settings.folder, arguments.key, at=clock()))
    print(f"{file} is destroyed here; older backups need it until their own keys are thrown away")
    return 0
