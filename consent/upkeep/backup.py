"""`consent backup` and `consent restore`: two files of one instant, and what an older state must not bring back.

The citizens' keys are a file of their own: whoever throws that away early can keep the other one long, and nothing of
an erased citizen opens. The keys of the service, its ring and its logs are in no backup; the operator keeps them
elsewhere, or a stolen backup would open everything and sign.
"""

import hashlib
import os
import re
import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from consent.acts.erase import UNDO
from consent.acts.freeze import check_tree, freeze, root_at
from consent.keyfiles import has_keys, keep_folder, make_folder, ring_keys
from consent.ledger.checkpoint import parse_body, parse_note
from consent.opening import DATABASE, only_server, prepare
from consent.settings import Settings
from consent.storage.copies import copy_apart, join
from consent.storage.rows import FROZEN
from consent.storage.sqlite import SqliteStore
from consent.storage.store import Batch, Statement, Store
from consent.upkeep import succession
from consent.upkeep.erased import NAME as ERASED
from consent.upkeep.erased import keep_erased, read_erased, settle_erasures
from consent.upkeep.succession import heads_of, newest_heads
from consent.words.errors import Misconfigured
from consent.words.instants import SECOND, seconds

DATA, KEYS, MANIFEST = "data.sqlite3", "keys.sqlite3", "manifest.json"
LAST = "last-backup"  # in the data folder: when it was copied last
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_UNFINISHED = ".unfinished"


class LogState(msgspec.Struct, frozen=True):
    """How far a log was."""

    log: str
    origin: str
    size: int
    root: str  # base64


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backup is: of which instant (seconds), of which logs, and the SHA-256 (hex) of each file."""

    version: int = 1
    made_at: int
    logs: tuple[LogState, ...]
    files: dict[str, str]


class Restored(msgspec.Struct, frozen=True):
    """What a restored folder has. *lost_logs* began after the backup; *lost* entries are known to be missing."""

    manifest: Manifest
    erased_again: int
    is_frozen: bool
    lost_logs: tuple[str, ...]
    lost: int


async def back_up(settings: Settings, into: Path, *, at: int, keep: int | None = None) -> Path:
    """Write a backup into a new folder in *into*, also while the service runs; returns it. Raises Misconfigured.

    It appears whole or not at all. *keep*: of how many backups the keys are kept, this one among them.
    """
    _check_is_a_file(settings)
    if keep is not None and keep < 1:
        raise Misconfigured("keep the keys of one backup at least")
    with _new_folder(into, at) as unfinished:
        await _fill(settings, unfinished, at=at)
    if keep is not None:
        drop_old_keys(into, keep)
    (settings.folder / LAST).write_text(f"{seconds(at)}\n", "ascii")
    return _place(into, at)


def last_backup(folder: Path) -> int | None:
    """When (microseconds) the database of this data folder was copied last; None when that is not known."""
    try:
        return int((folder / LAST).read_text("ascii")) * SECOND
    except (OSError, ValueError):
        return None


def _place(into: Path, at: int) -> Path:
    return into / datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y%m%dT%H%M%SZ")


@contextmanager
def _new_folder(into: Path, at: int) -> Iterator[Path]:
    """A folder to write a backup into; it gets its name once all of it is there. Raises Misconfigured."""
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_server(into, busy="another backup is being written into this folder"):
        for left in into.glob(f"*{_UNFINISHED}"):  # after a crash: it may hold keys
            shutil.rmtree(left)
        place = _place(into, at)
        if place.exists():
            raise Misconfigured("there is a backup of this second already")
        unfinished = place.with_suffix(_UNFINISHED)
        unfinished.mkdir(mode=0o700)
        try:
            yield unfinished
            unfinished.rename(place)
        except BaseException:
            shutil.rmtree(unfinished)
            raise
        keep_folder(into)


async def _fill(settings: Settings, place: Path, *, at: int) -> None:
    if not _has_database(settings.folder):
        raise Misconfigured("there is no database in this data folder")
    await (await prepare(settings)).close()  # the tables and the list of the erased are up to date
    copy_apart(settings.folder / DATABASE, place / DATA, place / KEYS)
    copy = await SqliteStore.open(place / DATA)
    try:
        logs = await check_logs(copy)
    finally:
        await copy.close()
    _write(place / ERASED, (settings.folder / "keys" / ERASED).read_bytes())
    files = {name: _hash(place / name) for name in (DATA, KEYS, ERASED)}
    manifest = Manifest(made_at=seconds(at), logs=logs, files=files)
    _write(place / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    for name in (DATA, KEYS):
        _keep_file(place / name)
    keep_folder(place)


def drop_old_keys(into: Path, keep: int) -> None:
    """Delete the citizens' keys of all backups in *into* but the *keep* newest. The rest of each stays."""
    places = sorted(place for place in into.iterdir() if _STAMP.fullmatch(place.name))
    for place in places[:-keep]:
        (place / KEYS).unlink(missing_ok=True)
        keep_folder(place)


async def check_logs(store: Store) -> tuple[LogState, ...]:
    """Check that the tiles of each log lead to its newest checkpoint, and that their keys signed the newest logs.

    By the key that this database names: the one in the folder may be of a later time.

    Returns how far they are. Raises Misconfigured.
    """
    for head in await newest_heads(store):
        await check_tree(store, head, await succession.signer_of(store, head.log))
    states = []
    for head in await heads_of(store):
        root = parse_body(parse_note(head.note).body).root
        try:
            is_whole = root == await root_at(store, head.log, head.size)
        except KeyError:
            is_whole = False
        if not is_whole:
            raise Misconfigured(f"the log {head.log} does not fit its own checkpoint")
        states.append(LogState(head.log, head.origin, head.size, b64encode(root).decode()))
    return tuple(states)


async def restore(
    settings: Settings, backup: Path, *, at: int, erased: Path | None = None, goes_on: bool = False
) -> Restored:
    """Make the database of a data folder that has its keys, and none yet. Raises Misconfigured; then there is none.

    Nobody knows whether this is the newest state: a stop may be missing. So its log is frozen, unless *goes_on*: the
    operator knows that nothing was written after the backup, and nothing beside the keys says otherwise. *erased*: a
    newer list than the one beside the keys.
    """
    _check_is_a_file(settings)
    folder = settings.folder
    manifest = _read_manifest(backup)
    if not has_keys(folder):
        raise Misconfigured("put the folder with the keys of the service there first: a backup has none")
    make_folder(folder)
    with only_server(folder):
        if _has_database(folder):
            raise Misconfigured("the data folder has a database already; nothing was changed")
        listed = _newest_list(folder, erased) | read_erased(backup / ERASED)
        with _staged(folder) as staged:
            return await _stage(folder, backup, manifest, staged, listed, at=at, goes_on=goes_on)


def _has_database(folder: Path) -> bool:
    return any(folder.glob(f"{DATABASE}*"))  # also when only what was written last, its -wal, is left


def _newest_list(folder: Path, given: Path | None) -> dict[bytes, int]:
    """Who was erased, as far as anybody knows. Raises Misconfigured."""
    if given is not None:
        return read_erased(given)
    if not (folder / "keys" / ERASED).exists():
        raise Misconfigured(
            "the list of who was erased is not beside the keys; give the newest that there is with --erased, "
            "or erased citizens would come back"
        )
    return {}  # `settle_erasures` reads it


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """A file that becomes the database once all of it is right; else there is none."""
    staged = folder / "restoring.sqlite3"
    _remove(staged)
    try:
        yield staged
        staged.rename(folder / DATABASE)
    finally:
        _remove(staged)
    keep_folder(folder)


async def _stage(
    folder: Path,
    backup: Path,
    manifest: Manifest,
    staged: Path,
    listed: dict[bytes, int],
    *,
    at: int,
    goes_on: bool,
) -> Restored:
    """Make the whole database at *staged*."""
    missing = join(backup / DATA, backup / KEYS, staged) - {key.id for key in ring_keys(folder)}
    if missing:
        raise Misconfigured(f"the key {min(missing)} of the ring is missing: nothing under it would open")
    store = await SqliteStore.open(staged)
    try:
        if await check_logs(store) != manifest.logs:
            raise Misconfigured("the logs of this backup are not those that its manifest names")
        await store.write(_shut(at))
        # Into the list first: from then on each start erases them again, also after a crash right here.
        keep_erased(folder, listed.items())
        again = await settle_erasures(store, folder)
        if not (goes_on and await succession.is_newest(store, folder)):
            await store.write(freeze())
        heads = await newest_heads(store)
        lost = sum([(await succession.last_seen(store, folder, head))[1] for head in heads])
        await store.scrub()
    finally:
        await store.close()
    _keep_file(staged)
    lost_logs = tuple(succession.logs_after(folder, heads))
    is_frozen = any(head.frozen == FROZEN for head in heads)
    return Restored(manifest, again, is_frozen, lost_logs, lost)


def _shut(at: int) -> Batch[None]:
    """The batch that ends what lets somebody in: after the backup it may have been ended already."""
    for name in ("restore.end_sessions", "restore.end_ceremonies", "restore.end_codes"):
        yield Statement(name, [()])
    yield Statement("restore.end_tokens", [()])
    yield Statement("restore.end_invitations", [()])
    yield Statement("restore.end_operators", [(at,)])
    yield Statement("restore.end_auditors", [(at,)])
    yield Statement("restore.wait_again", [(at + UNDO,)])


def _read_manifest(backup: Path) -> Manifest:
    """Read what a backup says of itself, and check its files. Raises Misconfigured."""
    try:
        manifest = msgspec.json.decode((backup / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        raise Misconfigured("this folder is no backup: its manifest cannot be read") from None
    if manifest.version != 1 or manifest.files.keys() != {DATA, KEYS, ERASED}:
        raise Misconfigured("this backup is of a newer version of the service")
    if not (backup / KEYS).exists():
        raise Misconfigured("the keys of this backup were thrown away: nothing in it opens; take a newer one")
    for name, expected in manifest.files.items():
        if not (backup / name).exists() or _hash(backup / name) != expected:
            raise Misconfigured(f"the file {name} of this backup is not what its manifest says")
    return manifest


def _hash(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _write(file: Path, content: bytes) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())


def _keep_file(file: Path) -> None:
    """Let what was written into *file* outlive a power cut."""
    with file.open("rb") as content:
        os.fsync(content.fileno())


def _remove(database: Path) -> None:
    for end in ("", "-wal", "-shm"):
        database.with_name(database.name + end).unlink(missing_ok=True)


def _check_is_a_file(settings: Settings) -> None:
    if settings.database:
        raise Misconfigured(
            "this copies the file of an embedded database; for PostgreSQL see docs/how-to/run-on-postgresql.md"
        )
