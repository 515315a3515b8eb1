"""What is around a service: the disk, the address people use, witnesses, backups, mail. Nothing is changed there."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from consent.acts.gauge import BACKUP_WITHIN, ROOM_WITHIN
from consent.errands.mailer import Server, mailer_of
from consent.errands.outside import Known
from consent.settings import Settings
from consent.storage.rows import Head
from consent.storage.store import Store
from consent.upkeep.backup import last_backup
from consent.upkeep.findings import Finding, span
from consent.words.errors import Misconfigured, NotReached

LEAST_ROOM = 2  # percent of the disk
_PAUSES = (1.5, 1.5, 3, 5)  # seconds: a service that is busy for a moment is not one that fails


class _Ready(msgspec.Struct, frozen=True):
    """What `/readyz` says."""

    checks: dict[str, bool]


def issuer(settings: Settings) -> Finding:
    """Which address people use."""
    if settings.public_issuer.startswith("https://"):
        return Finding("issuer", "ok", f"people use {settings.public_issuer}")
    return Finding(
        "issuer",
        "warn",
        "people on this machine only can use it",
        "for others, set an https issuer and a proxy",
    )


def file_system(folder: Path) -> str:
    """The kind of file system of *folder*, as Linux calls it; empty where that cannot be known."""
    try:
        lines = [line.split() for line in Path("/proc/self/mounts").read_text("utf-8").splitlines()]
    except OSError:
        return ""
    where = folder.resolve()
    here = [(len(on), kind) for _, on, kind, *_ in lines if where.is_relative_to(on)]
    return max(here, default=(0, ""))[1]


def room(folder: Path) -> Finding:
    """How much room there is for the database."""
    room = shutil.disk_usage(folder)
    percent = 100 * room.free // room.total
    said = f"{percent} % of the disk is free ({room.free // 2**20} MiB)"
    if percent < LEAST_ROOM:
        return Finding(
            "disk", "fail", said, "make room now: when it is full, nothing can be given out or stopped"
        )
    return Finding(
        "disk", "warn" if percent < ROOM_WITHIN else "ok", said, (percent < ROOM_WITHIN and "make room") or ""
    )


async def witnessed(store: Store, settings: Settings, head: Head) -> Finding:
    """Which witnesses answer, and how far they signed."""
    policy = settings.policy
    if not policy.witnesses:
        return Finding(
            "witnesses", "warn", "nobody else signs the log", "find some: docs/how-to/run-a-witness.md"
        )
    way = Known()
    try:
        answers = await asyncio.gather(
            *(way.send("GET", one.url, b"") for one in policy.witnesses), return_exceptions=True
        )
    finally:
        await way.close()
    there = [
        one
        for one, answer in zip(policy.witnesses, answers, strict=True)
        if not isinstance(answer, Exception)
    ]
    away = sorted({one.name for one in policy.witnesses} - {one.name for one in there})
    rows = await store.read("witnessed.get", head.log)
    said = f"{len(there)} of {len(policy.witnesses)} answer; they signed {rows[0][1] if rows else 0} of {head.size}"
    if len({one.organisation for one in there}) < policy.needed:
        return Finding(
            "witnesses", "fail", said, f"ask the operators of {', '.join(away)}; no quorum can be had"
        )
    return Finding(
        "witnesses",
        "warn" if away else "ok",
        said,
        (away and f"ask the operators of {', '.join(away)}") or "",
    )


def backup(settings: Settings, *, at: int) -> Finding:
    """How old the last backup is."""
    if settings.database:
        return Finding("backup", "ok", "on PostgreSQL it is that server's own affair; nothing is known here")
    last = last_backup(settings.folder)
    if last is None:
        return Finding("backup", "warn", "none is known", "give `consent backup` from a timer")
    said = f"the last one is {span(at - last)} old"
    if at - last > BACKUP_WITHIN:
        return Finding("backup", "warn", said, "does the timer of `consent backup` run?")
    return Finding("backup", "ok", said)


async def around(settings: Settings) -> AsyncIterator[Finding]:
    """What answers: the service itself, the mail server, the broker."""
    way = Known()
    try:
        yield await _service(settings, way)
        if settings.mail_server:
            yield await _mail(settings)
        if settings.broker_issuer:
            yield await _broker(settings, way)
    finally:
        await way.close()


async def _service(settings: Settings, way: Known) -> Finding:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    host = f"[{host}]" if ":" in host else host
    for pause in (*_PAUSES, None):
        try:
            reply = await way.send("GET", f"http://{host}:{settings.port}/readyz", b"")
            checks = msgspec.json.decode(reply.body, type=_Ready).checks
        except NotReached:
            return Finding("service", "warn", "it does not answer here", "start it: `consent serve`")
        except msgspec.DecodeError:
            return Finding("service", "fail", "something else answers at its port", "look what listens there")
        wrong = sorted(name for name, holds in checks.items() if not holds)
        if not wrong:
            return Finding("service", "ok", "it runs and is ready")
        if pause is not None:
            await asyncio.sleep(pause)
    return Finding(
        "service", "fail", f"it runs and is not ready: {', '.join(wrong)}", "look at the lines above"
    )


async def _mail(settings: Settings) -> Finding:
    try:
        mailer = mailer_of(settings)
        failure = await mailer.failure() if isinstance(mailer, Server) else None
    except Misconfigured as no:
        return Finding("mail", "fail", str(no), "look at mail_password_file")
    if failure:
        return Finding(
            "mail",
            "fail",
            f"the mail server does not let us in ({failure})",
            "look at mail_server and mail_user",
        )
    return Finding("mail", "ok", "the mail server lets us in")


async def _broker(settings: Settings, way: Known) -> Finding:
    try:
        reply = await way.send(
            "GET", f"{settings.broker_issuer.rstrip('/')}/.well-known/openid-configuration", b""
        )
        is_there = reply.status == 200
    except NotReached:
        is_there = False
    if not is_there:
        return Finding("broker", "fail", "it does not say how to sign in there", "look at broker_issuer")
    return Finding("broker", "ok", "it answers")
