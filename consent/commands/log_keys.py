"""`consent log key`: the public keys of a log, and changing one of them while the log goes on.

A new key waits in the folder until the log says that it signs, so it can be handed to witnesses before. What is true is
in the database; a crash leaves a key file that is not used, and the command can be given again.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from consent.acts.publish import keys_of
from consent.acts.rotate import rotate
from consent.keyfiles import LogKey, make_log_key, read_log_keys, remove_keys
from consent.ledger.checkpoint import ED25519, ML_DSA_44, parse_vkey, vkey_of
from consent.ledger.cosignature import cosigner_vkey
from consent.settings import read_settings
from consent.storage.rows import Head
from consent.storage.store import Store
from consent.upkeep import succession
from consent.words.errors import Misconfigured

KINDS = {"ed25519": ED25519, "ml-dsa-44": ML_DSA_44}


async def next_key(store: Store, folder: Path, head: Head, kind: int) -> LogKey:
    """The key of this kind that waits for its time; one is made when there is none. Raises Misconfigured."""
    known = {key.key for key in await keys_of(store, head.log)}
    for _, key in read_log_keys(folder, head.log):
        text = _vkey(head.origin, key)
        if text not in known and parse_vkey(text).algorithm == kind:
            return key
    new: LogKey = MLDSA44PrivateKey.generate() if kind == ML_DSA_44 else Ed25519PrivateKey.generate()
    make_log_key(folder, head.log, new)
    return new


async def change_key(
    store: Store, folder: Path, *, kind: int, lost: bool, at: int, log: str | None = None
) -> tuple[str, str | None]:
    """Let the key that waits sign a log that is written now, and destroy the one before it; None: that of bucket 1.

    Returns both as verifier keys; the second is None for a log that had no key of this kind. Raises Misconfigured.
    """
    head = await _written(store, log)
    old = await succession.pen_of(store, folder, head)
    listed = await keys_of(store, head.log)
    retired = [key.key for key in listed if key.retired is None and parse_vkey(key.key).algorithm == kind]
    key = await next_key(store, folder, head, kind)
    field = "cosigner" if kind == ML_DSA_44 else "signer"
    new = msgspec.structs.replace(old, **{field: key}, epoch=old.epoch + 1)
    ends = retired[0] if retired else None
    await store.write(rotate(old, new, retired=ends, lost=lost, at=at, chance=os.urandom))
    await succession.remember(store, folder)
    gone = {one.key for one in await keys_of(store, head.log) if one.retired is not None}
    files = read_log_keys(folder, head.log)
    remove_keys(folder, [name for name, one in files if _vkey(head.origin, one) in gone])
    return _vkey(head.origin, key), ends


async def _written(store: Store, log: str | None) -> Head:
    """The head of one of the logs that are written now; None: of bucket 1. Raises Misconfigured."""
    heads = {head.log: head for head in await succession.newest_heads(store)}
    log = log or next(iter(heads))
    if log not in heads:
        raise Misconfigured(f"no log {log} is written now; there is {', '.join(heads)}")
    return heads[log]


def _vkey(origin: str, key: LogKey) -> str:
    return vkey_of(origin, key) if isinstance(key, Ed25519PrivateKey) else cosigner_vkey(origin, key)


def add_log_key_commands(log: Any, *, where: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add `key …` to `consent log`; *where* adds the usual flags."""
    words = log.add_parser("key", help="the keys of a log").add_subparsers(required=True)
    shown = words.add_parser(
        "list", help="what to compare or to hand over: readers need not believe the log itself"
    )
    shown.add_argument("--log", help="which log (the newest)")
    where(shown)
    shown.set_defaults(run=_list)
    offered = words.add_parser("next", help="the key that will sign after the next change, for witnesses")
    change = words.add_parser("rotate", help="change a key of a log that is written now, at once")
    change.add_argument("--lost", action="store_true", help="somebody else may have the old one")
    for parser, run in ((offered, _next), (change, _rotate)):
        parser.add_argument("--log", help="which log (the newest)")
        parser.add_argument("--kind", choices=KINDS, default="ed25519", help="which of its keys (ed25519)")
        where(parser)
        parser.set_defaults(run=run)


def _list(arguments: argparse.Namespace) -> int:
    from consent.acts import publish
    from consent.commands.approvals import with_house

    async def policy(house: Any) -> str:
        return await publish.policy(house, arguments.log or house.log)

    print(with_house(read_settings(vars(arguments)), policy), end="")
    return 0


def _next(arguments: argparse.Namespace) -> int:
    from consent.commands.approvals import with_house

    settings = read_settings(vars(arguments))

    async def waiting(house: Any) -> str:
        head = await _written(house.store, arguments.log)
        return _vkey(head.origin, await next_key(house.store, settings.folder, head, KINDS[arguments.kind]))

    print(with_house(settings, waiting))
    return 0


def _rotate(arguments: argparse.Namespace) -> int:
    from consent.commands.approvals import with_house

    settings = read_settings(vars(arguments))

    async def change(house: Any) -> tuple[str, str | None]:
        kind = KINDS[arguments.kind]
        return await change_key(
            house.store,
            settings.folder,
            kind=kind,
            lost=arguments.lost,
            at=house.clock(),
            log=arguments.log,
        )

    added, retired = with_house(settings, change)
    print(f"added: {added}")
    if retired is not None:
        print(f"{'lost' if arguments.lost else 'retired'}: {retired}")
    return 0
