"""Which logs are written, and which come after them: a year has one, or some side by side, each with its own keys."""

import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.acts.begin import begin_log
from consent.acts.freeze import check_tree, find_fork, freeze
from consent.acts.pen import Pen
from consent.acts.publish import keys_of
from consent.acts.spread import MOST, open_beside
from consent.acts.succeed import close_and_succeed, succeed_frozen
from consent.keyfiles import (
    LogKey,
    drop_log_keys,
    keep_log_keys,
    logs_with_keys,
    offer_log_keys,
    read_log_keys,
    remember_checkpoint,
    remembered_checkpoint,
    settle_log_keys,
)
from consent.ledger.checkpoint import (
    ED25519,
    Checkpoint,
    check_checkpoint,
    parse_body,
    parse_note,
    parse_vkey,
    vkey_of,
)
from consent.ledger.cosignature import cosigner_vkey
from consent.ledger.errors import LedgerError
from consent.storage.kinds import HEAD
from consent.storage.logs import bucket_of, name_beside
from consent.storage.rows import FROZEN, OPEN, Head
from consent.storage.store import Batch, Store
from consent.words.errors import Misconfigured
from consent.words.instants import SECOND

NEVER = 1 << 62
_NEWER = "put a newer one in its place, or read `docs/how-to/frozen-log.md`"
_log = structlog.get_logger()


class KeysOfLater(Misconfigured):
    """The folder has keys of a later time than the database, so what was written in between is lost."""


def log_name(at: int) -> str:
    """The log of the year (UTC) that the instant *at* (microseconds) lies in."""
    return str(datetime.fromtimestamp(at / SECOND, UTC).year)


async def heads_of(store: Store) -> list[Head]:
    """The heads of all logs, the newest last. Raises Misconfigured when there is none."""
    heads = [HEAD.from_row(row) for row in await store.read("head.all")]
    if not heads:
        raise Misconfigured("this database has no log; begin one with `consent log init`")
    return heads


async def newest_heads(store: Store) -> list[Head]:
    """The heads of the logs that are written now, or were last: one for each bucket, that of bucket 1 first.

    Raises Misconfigured when there is none.
    """
    newest = {bucket_of(head.log): head for head in await heads_of(store)}  # a later name takes the place
    return [newest[bucket] for bucket in sorted(newest)]


async def pen_of(store: Store, folder: Path, head: Head) -> Pen:
    """What the log of *head* is written with: of all its keys in the folder those that are not retired.

    Raises KeysOfLater when the one that signs is missing.
    """
    # The one of a log that began just before a crash may not have its name yet.
    ids = {line.key_id for line in parse_note(head.note).signatures}
    settle_log_keys(folder, head.log, lambda key: parse_vkey(vkey_of(head.origin, key)).key_id in ids)
    live = {key.key for key in await keys_of(store, head.log) if key.retired is None}
    signer, cosigner = None, None
    for key in _keys_in(folder, head.log):
        if isinstance(key, Ed25519PrivateKey):
            signer = key if vkey_of(head.origin, key) in live else signer
        elif cosigner_vkey(head.origin, key) in live:
            cosigner = key
    if signer is None and head.frozen == FROZEN:
        signer = Ed25519PrivateKey.generate()  # a frozen log signs nothing, and by this it could not
    if signer is None:
        raise KeysOfLater(
            f"the key that signs the log {head.log} in this database is not in the folder: the database is older than "
            f"the last change of that key, or the key was lost; {_NEWER}"
        )
    return Pen(
        log=head.log,
        origin=head.origin,
        signer=signer,
        cosigner=cosigner,
        epoch=head.epoch,
        bucket=bucket_of(head.log),
    )


async def pens_of(store: Store, folder: Path, heads: Iterable[Head]) -> list[Pen]:
    """The pens of these logs. Raises KeysOfLater."""
    return [await pen_of(store, folder, head) for head in heads]


def check_no_log_is_missing(names: set[str], heads: Sequence[Head]) -> None:
    """A key without its log means that the database is older than that log. Raises KeysOfLater.

    *names* are of all logs that have keys, read before *heads*, which are of the newest logs that the database has.

    To begin the log a second time would be a fork: two histories under one key. A frozen log writes nothing, so it
    waits for its successor; whose name comes after all that were lost, so they are none of its business.
    """
    missing = _after(names, heads)
    if missing and heads[0].frozen != FROZEN:
        raise KeysOfLater(
            f"the database has no log {min(missing)}, but its key is here: the database is an older copy; {_NEWER}"
        )


def logs_after(folder: Path, heads: Sequence[Head]) -> list[str]:
    """The logs that began after those of *heads*, or beside them, as the keys in the folder tell."""
    return _after(logs_with_keys(folder), heads)


def _after(names: Iterable[str], heads: Sequence[Head]) -> list[str]:
    newest = {bucket_of(head.log): head.log for head in heads}

    def is_after(name: str) -> bool:
        before = newest.get(bucket_of(name))
        # Of a bucket that the database knows nothing of: lost, unless a later log of all others was opened since.
        return name > before if before is not None else name.partition("-")[0] >= heads[0].log

    return sorted(name for name in names if is_after(name))


async def freeze_older(store: Store, folder: Path) -> None:
    """Freeze what is written if what lies beside the keys is of a later time. Raises Misconfigured."""
    names = logs_with_keys(folder)  # before the heads: another process may begin a log right now
    heads = await newest_heads(store)
    if any(head.frozen != OPEN for head in heads):
        return
    is_older = bool(_after(names, heads))
    for head in heads:
        is_older |= await find_fork(store, head, await seen_before(store, folder, head)) is not None
    if is_older:
        await store.write(freeze())


async def is_newest(store: Store, folder: Path) -> bool:
    """Answer whether nothing beside the keys is of a later time than the database. Raises Misconfigured."""
    await freeze_older(store, folder)
    heads = await newest_heads(store)
    try:
        await pens_of(store, folder, heads)
    except KeysOfLater:
        return False
    return all(head.frozen == OPEN for head in heads)


async def signer_of(store: Store, log: str) -> str:
    """The public key that signs a log now, as its database says; empty when it says nothing. Raises NotFound."""
    listed = [key.key for key in await keys_of(store, log) if key.retired is None]
    return next((key for key in listed if parse_vkey(key).algorithm == ED25519), "")


async def seen_before(store: Store, folder: Path, head: Head) -> list[Checkpoint]:
    """The checkpoints of this log that somebody is known to have seen: what stands beside its keys."""
    # It may be from before a key was changed, or from after a change that this database knows nothing of.
    signers = [key.key for key in await keys_of(store, head.log) if parse_vkey(key.key).algorithm == ED25519]
    return _remembered(folder, head.log, head.origin, signers)


async def last_seen(store: Store, folder: Path, head: Head) -> tuple[Checkpoint, int]:
    """The last checkpoint that is known of a log that lost entries, or of those after it that are lost as a whole.

    And how many entries are known to be lost, of bucket 1 with those beside it that the database knows nothing of:
    perhaps more are. Raises Misconfigured.
    """
    known = [parse_body(parse_note(head.note).body), *await seen_before(store, folder, head)]
    last = max(known, key=lambda one: one.size)
    before = head.origin.removesuffix(head.log)
    heads, bucket = await newest_heads(store), bucket_of(head.log)
    unknown = {bucket_of(one.log) for one in heads}.isdisjoint
    known_after = {
        name: _remembered(folder, name, before + name, [])
        for name in logs_after(folder, heads)
        if bucket_of(name) == bucket or (bucket == 1 and unknown([bucket_of(name)]))
    }
    after = [one for name, found in known_after.items() if bucket_of(name) == bucket for one in found]
    lost = last.size - head.size + sum(one.size for found in known_after.values() for one in found)
    return (after[-1] if after else last), lost


def _remembered(folder: Path, log: str, origin: str, signers: list[str]) -> list[Checkpoint]:
    note = remembered_checkpoint(folder, log)
    if note is None:
        return []
    keys = [key for key in _keys_in(folder, log) if isinstance(key, Ed25519PrivateKey)]
    try:
        return [check_checkpoint(note, [*signers, *(vkey_of(origin, key) for key in keys)])]
    except LedgerError:
        raise Misconfigured(f"the file log-{log}.seen beside the keys is no checkpoint of this log") from None


def _keys_in(folder: Path, log: str) -> list[LogKey]:
    return [key for _, key in read_log_keys(folder, log)] if log in logs_with_keys(folder) else []


async def guard(store: Store, folder: Path, head: Head, pen: Pen) -> None:
    """Look whether the database fits what the log signed, and freeze the log for good if it does not.

    Raises Misconfigured for a database that is damaged.
    """
    if head.frozen == OPEN:
        await check_tree(store, head, pen.vkey)
        seen = await seen_before(store, folder, head)
        # Read after that: what another process wrote and remembered meanwhile is no fork.
        head = HEAD.from_row((await store.read(HEAD.get, head.log))[0])
        if await find_fork(store, head, seen) is not None:
            await store.write(freeze())
    elif head.frozen == FROZEN:
        _log.error("log_frozen", log=head.log, size=head.size)


async def remember(store: Store, folder: Path) -> None:
    """Keep the newest checkpoint of each open log beside its keys, if there is room for it."""
    for head in await newest_heads(store):
        if head.frozen != OPEN:
            continue
        try:
            remember_checkpoint(folder, head.log, head.note)
        except OSError as fault:
            _log.error("checkpoint_not_kept", log=head.log, size=head.size, fault=type(fault).__name__)


async def succeed(store: Store, folder: Path, *, name: str, at: int) -> tuple[Pen, int | None]:
    """Put another log in the place of the newest, which is closed unless it is frozen, and so with those beside it.

    Returns the pen of the first, and how many entries of frozen ones are known to be lost: perhaps more are. None if
    they were in order. Raises Misconfigured.
    """
    heads = await newest_heads(store)
    olds = await pens_of(store, folder, heads)
    newest = _newest_name(folder, heads)
    if name <= newest:
        raise Misconfigured(f"the names of logs are in order: the new one has to come after {newest}")
    _check_name(name)
    news = _new_pens(folder, name, heads)
    if heads[0].frozen != FROZEN:
        await _write_with_keys(store, folder, news, close_and_succeed(olds, news, at=at, chance=os.urandom))
        return news[0], None
    known = [await last_seen(store, folder, head) for head in heads]
    ends = [(head.log, last) for head, (last, _) in zip(heads, known, strict=True)]
    await _write_with_keys(store, folder, news, succeed_frozen(ends, news, at=at, chance=os.urandom))
    return news[0], sum(lost for _, lost in known)


async def add_log(store: Store, folder: Path, *, at: int) -> Pen:
    """Put another log beside those that are written; returns its pen. Raises Misconfigured."""
    heads = await newest_heads(store)
    pens = await pens_of(store, folder, heads)
    main = heads[0]
    if bucket_of(name_beside(main.log, 2)) == 1:
        raise Misconfigured(f"the log {main.log} is not named after a year, so none can stand beside it")
    bucket = max(bucket_of(one) for one in [*logs_with_keys(folder), pens[-1].log]) + 1
    if bucket > MOST:
        raise Misconfigured(f"at most {MOST} logs stand side by side")
    name = name_beside(main.log, bucket)
    new = _new_pen(folder, name, main.origin.removesuffix(main.log) + name)
    await _write_with_keys(store, folder, [new], open_beside(pens, new, at=at, chance=os.urandom))
    return new


def _newest_name(folder: Path, heads: Sequence[Head]) -> str:
    """The last name that a log of bucket 1 had, as far as we know, also if all that we have is its key."""
    names = [heads[0].log, *logs_after(folder, heads)]
    return max(name.partition("-")[0] if bucket_of(name) > 1 else name for name in names)


def _check_name(name: str) -> None:
    if bucket_of(name) > 1:
        raise Misconfigured("a year with a hyphen and a number is the name of a log beside another")


async def free_name(
    store: Store, folder: Path, *, at: int, is_known: Callable[[str], Awaitable[bool]]
) -> str:
    """The name of a log that begins now: the year, with a letter when a log of this year was there before.

    *is_known*: whether somebody else has seen a log of this origin, of which our files know nothing. Raises
    Misconfigured.
    """
    heads = await newest_heads(store)
    head, newest = heads[0], _newest_name(folder, heads)
    year = log_name(at)
    for name in (year, *[year + letter for letter in "bcdefghijklmnopqrstuvwxyz"]):
        if name > newest and not await is_known(head.origin.removesuffix(head.log) + name):
            return name
    raise Misconfigured(f"no name of this year comes after the log {newest}; choose one with --name")


async def begin(store: Store, folder: Path, *, log: str, origin: str, at: int) -> None:
    """Begin the first log of a folder, with a key of its own. Raises Misconfigured when either exists."""
    _check_name(log)
    new = _new_pen(folder, log, origin)
    await _write_with_keys(store, folder, [new], begin_log(new, at=at, chance=os.urandom))


def _new_pens(folder: Path, name: str, heads: Sequence[Head]) -> list[Pen]:
    """Pens for the log *name* and those beside it, after *heads*."""
    pens = []
    for head in heads:
        new = name_beside(name, bucket_of(head.log))
        pens.append(_new_pen(folder, new, head.origin.removesuffix(head.log) + new))
    return pens


def _new_pen(folder: Path, log: str, origin: str) -> Pen:
    signer, cosigner = offer_log_keys(folder, log)
    return Pen(log=log, origin=origin, signer=signer, cosigner=cosigner, bucket=bucket_of(log))


async def _write_with_keys(store: Store, folder: Path, news: Sequence[Pen], batch: Batch[object]) -> None:
    """Write *batch*, which begins the logs of *news*; their keys get their names once that is done."""
    try:
        began = await store.write(batch)
    except Misconfigured:
        for new in news:
            drop_log_keys(folder, new.log, new.signer)
        raise
    for new in news:
        if began is False:
            drop_log_keys(folder, new.log, new.signer)
        else:
            keep_log_keys(folder, new.log, new.signer)


class Yearly:
    """At New Year the log is closed and the next year's takes its place (a `Succession` of the scribe)."""

    def __init__(self, store: Store, folder: Path, clock: Callable[[], int], *, is_on: bool) -> None:
        self._store = store
        self._folder = folder
        self._clock = clock
        self._is_on = is_on

    def until(self, log: str) -> int:
        """The end of the year that *log* is named after; never, for a log that is not named after a year."""
        year = log[:4]
        if not self._is_on or not (year.isascii() and year.isdigit()):
            return NEVER
        return int(datetime(int(year) + 1, 1, 1, tzinfo=UTC).timestamp()) * SECOND

    async def follow(self, log: str) -> list[Pen]:
        """The pens of the logs after *log* and those beside it: of those that are there by now, else of new ones.

        Before their time those of *log* itself and beside it, with the keys of now.
        """
        heads = await newest_heads(self._store)
        if heads[0].log == log and (at := self._clock()) >= self.until(log):
            olds = await pens_of(self._store, self._folder, heads)
            news = _new_pens(self._folder, log_name(at), heads)
            batch = close_and_succeed(olds, news, at=at, chance=os.urandom)
            await _write_with_keys(self._store, self._folder, news, batch)
            heads = await newest_heads(self._store)
        return await pens_of(self._store, self._folder, heads)
