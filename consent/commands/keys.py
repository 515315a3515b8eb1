"""`consent key`: a new signing key for the service, made known before it is used, and old ones destroyed in time.

What a key is now follows from the name of its file and the clock, so nothing can be half done: a key file is there or
not. A running service reads the folder every minute.
"""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from consent.keyfiles import held_keys, make_issuer_key, read_issuer_keys, remove_keys
from consent.oauth.keys import RETIRED_FOR, ServerKeys, public_jwks
from consent.settings import read_settings
from consent.words.errors import Misconfigured
from consent.words.instants import HOUR, SECOND

KNOWN_BEFORE = 24  # hours: nobody keeps our key set longer than a day
MOST_HOURS = 30 * 24


class KeyState(msgspec.Struct, frozen=True):
    """What one signing key is now."""

    file: str
    kid: str
    state: Literal["next", "active", "retired", "gone"]  # gone: nothing that it signed is around any more
    active_from: int  # microseconds


def states(folder: Path, *, at: int) -> list[KeyState]:
    """All signing keys of a data folder, oldest first. Raises Misconfigured."""
    named = read_issuer_keys(folder)
    keys = ServerKeys(list(named.values()))
    active, published = keys.active(at), keys.published(at)
    found = []
    is_past = True
    for name, key in named.items():
        state: Literal["next", "active", "retired", "gone"] = "retired" if is_past else "next"
        if key.private is active:
            state, is_past = "active", False
        elif not any(key.private is one for one in published):
            state = "gone"
        kid = public_jwks([key.private])["keys"][0]["kid"]
        found.append(KeyState(name, kid, state, key.active_from))
    return found


def rotate(folder: Path, *, at: int, hours: int = KNOWN_BEFORE) -> str:
    """Make the next key, to sign *hours* from now, and destroy those that are gone. Returns its file's name.

    Raises Misconfigured when one waits already: each key has its time.
    """
    if not 1 <= hours <= MOST_HOURS:
        raise Misconfigured(f"a new key is known between 1 and {MOST_HOURS} hours before it signs")
    with held_keys(folder):
        known = states(folder, at=at)
        if any(key.state == "next" for key in known):
            raise Misconfigured("a next key waits already; see `consent key list`")
        name = make_issuer_key(folder, active_from=at + hours * HOUR)
        remove_keys(folder, [key.file for key in known if key.state == "gone"])
    return name


def replace_lost(folder: Path, *, at: int) -> str:
    """Make a key that signs at once and destroy all others: somebody else may have them. Returns its file's name."""
    with held_keys(folder):
        known = states(folder, at=at)
        name = make_issuer_key(folder, active_from=at)
        # Only now: if we crash before, the new key signs and the command can be given again.
        remove_keys(folder, [key.file for key in known])
    return name


def add_key_commands(commands: Any, *, where: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add `consent key …` to the command line; *where* adds the usual flags."""
    words = commands.add_parser("key", help="the service's own signing key").add_subparsers(required=True)
    new = words.add_parser("rotate", help="make the next signing key; it is published first, and signs later")
    new.add_argument(
        "--hours", type=int, default=KNOWN_BEFORE, help=f"when it begins to sign ({KNOWN_BEFORE})"
    )
    new.add_argument("--lost", action="store_true", help="it signs now, and all others are destroyed")
    where(new)
    new.set_defaults(run=_rotate)
    shown = words.add_parser("list", help="which signing keys there are, and what each is now")
    where(shown)
    shown.set_defaults(run=_list)


def _rotate(arguments: argparse.Namespace) -> int:
    from consent.opening import clock

    folder = read_settings(vars(arguments)).folder
    if arguments.lost:
        name = replace_lost(folder, at=clock())
        print(f"{name} signs from now on; a running service knows it within a minute")
    else:
        name = rotate(folder, at=clock(), hours=arguments.hours)
        print(f"{name} is published within a minute and signs in {arguments.hours} hours")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from consent.opening import clock

    for key in states(read_settings(vars(arguments)).folder, at=clock()):
        since = (
            datetime.fromtimestamp(key.active_from // SECOND, UTC).isoformat()
            if key.active_from
            else "the start"
        )
        until = f", published {RETIRED_FOR // (24 * HOUR)} days longer" if key.state == "retired" else ""
        print(f"{key.state:8} {key.kid} from {since}{until}")
    return 0
