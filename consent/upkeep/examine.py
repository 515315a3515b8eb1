"""Look at everything that a service needs, and say of each part what is wrong and what to do. Nothing is changed.

It looks from outside, with the settings that the service has, whether that runs or not. What it says names parts and
numbers, and neither a citizen nor a secret.
"""

import os
import stat
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.acts.publish import keys_of
from consent.acts.timekeeper import BOUND
from consent.keyfiles import read_issuer_keys, read_log_keys, read_ring, ring_keys, wrapping
from consent.ledger.checkpoint import vkey_of
from consent.opening import DATABASE
from consent.settings import Settings
from consent.storage.look import applied_in
from consent.storage.rows import FROZEN, Head
from consent.storage.sqlite import SqliteStore
from consent.storage.store import Store, waiting_migrations
from consent.upkeep.findings import Finding, span
from consent.upkeep.succession import newest_heads
from consent.upkeep.surroundings import around, backup, file_system, issuer, room, witnessed
from consent.words.errors import Misconfigured

MOST_WAL = 256 * 2**20  # bytes: sixteen times of what is copied back at once
_FAR_AWAY = ("nfs", "cifs", "smb", "fuse.sshfs", "afs", "ceph")


async def examine(settings: Settings, *, at: int) -> AsyncIterator[Finding]:
    """Look at one part after the other, at the instant *at* (microseconds)."""
    yield issuer(settings)
    is_there = True
    for finding in _folder(settings):
        is_there &= finding.state != "fail"
        yield finding
    if is_there:
        yield room(settings.folder)
        for finding in _key_files(settings.folder, at=at):
            is_there &= finding.state != "fail"
            yield finding
        yield (found := await _database(settings))
        if is_there and found.state != "fail":
            async for finding in _inside(settings, at=at):
                yield finding
        yield backup(settings, at=at)
    async for finding in around(settings):
        yield finding


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.folder
    if folder.exists() and folder.stat().st_uid != os.geteuid():
        # The database makes files beside itself: those of another user would lock the service out.
        yield Finding(
            "folder", "fail", "it belongs to another user", "give the command as the service's own user"
        )
        return
    if not (folder / "keys").is_dir():
        yield Finding(
            "folder",
            "fail",
            "there is no data folder with keys here",
            "say with --data where, or start the service",
        )
        return
    is_open = [place for place in (folder, folder / "keys") if stat.S_IMODE(place.stat().st_mode) & 0o077]
    if is_open:
        yield Finding("folder", "fail", f"others may read {is_open[0].name}/", f"chmod 700 {is_open[0].name}")
    else:
        yield Finding("folder", "ok", "only its owner may read it")
    kind = file_system(folder)
    if not settings.database and kind.startswith(_FAR_AWAY):
        yield Finding(
            "file system",
            "fail",
            f"{kind}: the database is not safe there",
            "put it on a disk of this machine",
        )


def _key_files(folder: Path, *, at: int) -> Iterator[Finding]:
    files = [file for file in sorted((folder / "keys").iterdir()) if file.is_file()]
    open_ones = [file.name for file in files if stat.S_IMODE(file.stat().st_mode) & 0o077]
    if open_ones:
        yield Finding(
            "keys",
            "fail",
            f"others may read {', '.join(open_ones)}",
            "chmod 600; did others look, then change the keys",
        )
        return
    foreign = [file.name for file in files if file.stat().st_uid != os.geteuid()]
    if foreign:
        yield Finding(
            "keys", "fail", f"of another user: {', '.join(foreign)}", "chown, to the service's own user"
        )
        return
    try:
        read_ring(folder, at=at)
        read_issuer_keys(folder)
    except Misconfigured as no:
        yield Finding("keys", "fail", str(no), "put the key file back from where you keep copies")
        return
    yield Finding("keys", "ok", f"{len(files)} files, readable by their owner only")


async def _database(settings: Settings) -> Finding:
    part = "database"
    if not settings.database and not (settings.folder / DATABASE).exists():
        return Finding(
            part, "fail", "it is missing, and there are keys", "read docs/how-to/back-up-and-restore.md"
        )
    try:
        applied = await applied_in(settings.database or settings.folder / DATABASE)
        waiting = waiting_migrations(applied)
    except Misconfigured as no:
        return Finding(
            part, "fail", str(no), "is it the right one, and does its server run? Is this version new enough?"
        )
    if not applied:
        return Finding(
            part, "fail", "it is empty, and there are keys", "read docs/how-to/back-up-and-restore.md"
        )
    if waiting:
        return Finding(
            part, "fail", f"{len(waiting)} changes of this version are missing", "give `consent migrate`"
        )
    return Finding(part, "ok", f"it answers and has the {len(applied)} changes of this version")


async def _inside(settings: Settings, *, at: int) -> AsyncIterator[Finding]:
    store: Store
    try:
        if settings.database:
            from consent.storage.postgres import PostgresStore

            store = await PostgresStore.open(settings.database)
        else:
            store = await SqliteStore.open(settings.folder / DATABASE)
    except Misconfigured as no:
        yield Finding("database", "fail", str(no), "does something else hold it?")
        return
    try:
        if not settings.database:
            yield _wal(settings.folder)
        try:
            heads = await newest_heads(store)
        except Misconfigured as no:
            yield Finding("log", "fail", str(no), "read docs/how-to/frozen-log.md")
            return
        for head in heads:
            yield await _log(store, settings, head)
        yield _clock(max(heads, key=lambda head: head.at), at=at)
        yield await _ring(store, settings.folder, at=at)
        for head in heads:
            yield await witnessed(store, settings, head)
    finally:
        await store.close()


def _wal(folder: Path) -> Finding:
    file = folder / f"{DATABASE}-wal"
    size = file.stat().st_size if file.exists() else 0
    said = f"{size // 2**20} MiB are not copied back into the database file"
    if size > MOST_WAL:
        return Finding(
            "wal", "warn", said, "something reads for very long: end it, or start the service anew"
        )
    return Finding("wal", "ok", said)


async def _log(store: Store, settings: Settings, head: Head) -> Finding:
    if head.frozen == FROZEN:
        return Finding(
            "log", "fail", f"{head.log} is frozen: nothing is given out", "read docs/how-to/frozen-log.md"
        )
    if not head.origin.startswith(f"{urlsplit(settings.public_issuer).netloc}/"):
        return Finding(
            "log", "fail", f"it was begun as {head.origin}", "give the issuer of then, or begin another log"
        )
    live = {key.key for key in await keys_of(store, head.log) if key.retired is None}
    try:
        keys = [
            key for _, key in read_log_keys(settings.folder, head.log) if isinstance(key, Ed25519PrivateKey)
        ]
    except Misconfigured as no:
        return Finding("log", "fail", str(no), "put the key file back from where you keep copies")
    if not any(vkey_of(head.origin, key) in live for key in keys):
        return Finding(
            "log",
            "fail",
            "the key that signs it now is missing",
            "put it back; or the database is an older copy",
        )
    return Finding("log", "ok", f"{head.log} takes entries; it has {head.size}")


def _clock(head: Head, *, at: int) -> Finding:
    said = f"the newest entry is {span(at - head.at)} old"
    if at < head.at - BOUND:
        return Finding(
            "clock", "fail", "this machine is behind the newest entry of the log", "set its clock right"
        )
    if at < head.at:
        return Finding("clock", "warn", "this machine is a little behind the log", "does it keep time (NTP)?")
    return Finding("clock", "ok", said)


async def _ring(store: Store, folder: Path, *, at: int) -> Finding:
    keys = ring_keys(folder)
    counts: dict[str, int] = dict(await store.read("keys.of_ring"))
    missing = sorted(set(counts) - {key.id for key in keys})
    current = wrapping(keys, at=at)
    if missing:
        return Finding(
            "ring", "fail", f"{missing[0]} is missing: the keys of {counts[missing[0]]} citizens do not open",
            "put its file back from where you keep copies",
        )  # fmt: skip
    old = sum(count for name, count in counts.items() if name != current.id)
    if old:
        return Finding(
            "ring", "warn", f"{old} citizens' keys are not under {current.id}", "a service that runs does it; or "
            "`consent ring rewrap`",
        )  # fmt: skip
    return Finding("ring", "ok", f"all citizens' keys are under {current.id}")
