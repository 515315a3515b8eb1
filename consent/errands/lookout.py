"""Do the witnesses know more of the log than our database? Asked before the first answer, and when one of them objects.

What the log signed and a witness kept, and what does not fit our database, is a fork: the log is frozen for good. A
witness that names a size and shows nothing cannot prove it. At the start we believe it all the same, since that is when
an old copy of a database comes into use, and do not start; a service that runs goes on and says so.
"""

import asyncio
from pathlib import Path

import structlog

from consent.acts import publish
from consent.acts.freeze import find_fork, freeze
from consent.acts.house import House
from consent.acts.policy import Witness
from consent.acts.timekeeper import BOUND
from consent.acts.witness import LastSeen, ask, last_seen, seen_by
from consent.keyfiles import remember_checkpoint
from consent.storage.rows import OPEN
from consent.words.errors import Misconfigured

_log = structlog.get_logger()


async def look_around(house: House, folder: Path, *, demand: bool) -> None:
    """Ask all witnesses what they saw last of the logs and what time it is, before anything is written or given out.

    *demand*: a quorum of them has to answer. Raises Misconfigured when the service must not start.
    """
    for log in house.logs:
        await _look_at(house, folder, log, demand=demand)


async def _look_at(house: House, folder: Path, log: str, *, demand: bool) -> None:
    policy = house.quorum.policy
    head = await publish.head(house, log)
    if not policy.witnesses or head.frozen != OPEN:
        return
    seen = await last_seen(house, log, head.note)
    if await _freeze_if_forked(house, folder, log, seen):
        return
    head = await publish.head(house, log)  # another process may have written meanwhile
    ahead = [one for one in seen if one.checkpoint is None and (one.size or 0) > head.size]
    if ahead:
        raise Misconfigured(
            f"the witness {ahead[0].witness.name} says that it signed {ahead[0].size} entries of the log {log}, and "
            f"the database has {head.size}: it is an older copy; put a newer one back, or read "
            "`docs/how-to/frozen-log.md`"
        )
    there = [one for one in seen if one.size is not None]
    if len({one.witness.organisation for one in there}) < policy.needed:
        if demand:
            raise Misconfigured("too few witnesses answer to know that the database is not an older copy")
        _log.warning("witnesses_not_asked", log=log, count=len(there))
    await asyncio.gather(
        *(
            ask(house, log, one.witness, old=one.size or 0, size=head.size, note=head.note)
            for one in there
            if (one.size or 0) <= head.size
        )
    )


async def check_clock(house: House) -> None:
    """Check that the machine's clock is not behind the log: its time would stand still. Raises Misconfigured."""
    newest = max([(await publish.head(house, log)).at for log in house.logs])
    if house.clock() < newest - BOUND:
        raise Misconfigured("the clock of this machine is behind the newest entry of the log; set it right")


async def heed(house: House, folder: Path, log: str, witness: Witness) -> None:
    """A witness says that it saw another history: freeze the log if it can show that."""
    head = await publish.head(house, log)
    if head.frozen == OPEN:
        await _freeze_if_forked(house, folder, log, [await seen_by(house, log, witness, head.note)])


async def _freeze_if_forked(house: House, folder: Path, log: str, seen: list[LastSeen]) -> bool:
    # Read after they answered: what another process wrote meanwhile is no fork.
    head = await publish.head(house, log)
    notes = {one.checkpoint: one.note for one in seen if one.checkpoint is not None and one.note is not None}
    fork = await find_fork(house.store, head, notes)
    if fork is None:
        return False
    # First what proves it: after a crash here the next start finds it beside the keys and freezes the log itself.
    remember_checkpoint(folder, log, notes[fork])
    await house.store.write(freeze())
    _log.error("log_frozen", log=log, size=head.size)
    return True
