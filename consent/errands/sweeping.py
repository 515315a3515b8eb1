"""Once a minute: what has expired is written down or goes, and a new signing key is taken up."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from consent.acts.close import close
from consent.acts.count import go_on as count_on
from consent.acts.doubt import count_weeks
from consent.acts.ending import MOST_AT_ONCE
from consent.acts.erase import go_on as erase_on
from consent.acts.expire import expire
from consent.acts.house import House
from consent.acts.mandate import lapse
from consent.acts.retain import BY_SETTING, first_kept, retain
from consent.acts.retain import go_on as retain_on
from consent.acts.rewrap import rewrap
from consent.acts.scribe import Deed
from consent.acts.succeed import carry_grants
from consent.acts.tally import go_on as tally_on
from consent.acts.tell import warn
from consent.acts.tidy import tidy
from consent.errands.telling import mail_notices
from consent.keyfiles import read_issuer_keys, read_ring
from consent.opening import DATABASE
from consent.storage.logs import LogFrozen
from consent.upkeep import succession
from consent.upkeep.backup import last_backup
from consent.words.errors import Overloaded
from consent.words.instants import DAY, MINUTE

_IN_A_ROW = 50  # deeds
_log = structlog.get_logger()


async def sweep(house: House, folder: Path, *, keep: str = "", product: str | None = None) -> None:
    """Every minute, what has expired is written down or goes, and a new signing key is taken up.

    *keep*: for how long entries can be opened (`first_kept`); empty: for ever. *product*: what the service is called.
    One chore that fails keeps no other from being done. What may take hours goes on beside the rounds: at New Year all
    grants are carried into the new log, and a mail server may let each mail wait.
    """
    chores = _Chores(house, folder, keep, product)
    lengthy: dict[_Chore, asyncio.Task[Exception | None]] = {}
    measure(house, folder)
    async with asyncio.TaskGroup() as beside:
        while True:
            await asyncio.sleep(MINUTE / 1_000_000)
            look_for_keys(house, folder)
            faults = []
            for chore in chores.short:
                faults.append(await _fault_of(chore))
                if isinstance(faults[-1], Overloaded | LogFrozen):
                    break  # nothing can be written now: the others would only say it again
            else:
                for chore in chores.lengthy:
                    task = lengthy.get(chore)
                    if task is None or task.done():
                        faults += [task.result()] if task is not None else []
                        lengthy[chore] = beside.create_task(_fault_of(chore))
            if any(faults):
                house.pulse.sweep_failed()
            else:
                house.pulse.swept(house.clock())
            measure(house, folder)


_Chore = Callable[[], Awaitable[object]]


async def _fault_of(chore: _Chore) -> Exception | None:
    """Do it; answers what went wrong."""
    try:
        await chore()
    except Exception as fault:
        _log.error("sweep_failed", fault=type(fault).__name__)
        return fault
    return None


class _Chores:
    """What is done in a round, in this order, and when that was done last which is not done in each."""

    def __init__(self, house: House, folder: Path, keep: str, product: str | None) -> None:
        self._house = house
        self._keep = keep
        self._carried_into, self._retained_on, self._wrapped = "", -1, ("", -1)
        self.short: tuple[_Chore, ...] = (
            lambda: succession.remember(house.store, folder),
            lambda: end_all(house, lambda: expire(house.clock())),
            lambda: house.scribe.do(lapse(house.clock())),
            lambda: end_all(house, close),
            lambda: house.scribe.do(tidy()),
            lambda: erase_on(house),
            lambda: house.scribe.do(warn(house.clock())),
            lambda: tally_on(house),
            self._retain,
            self._rewrap,
            lambda: count_weeks(house),
            lambda: count_on(house),
        )
        self.lengthy: tuple[_Chore, ...] = (self._carry, lambda: mail_notices(house, product))

    async def _carry(self) -> None:
        if self._carried_into != (into := self._house.log):
            await carry_grants(self._house)
            self._carried_into = into

    async def _retain(self) -> None:
        today = self._house.clock() // DAY
        if self._keep and today != self._retained_on:
            await keep_no_longer(self._house, self._keep)
            self._retained_on = today
        await retain_on(self._house)

    async def _rewrap(self) -> None:
        # Once a day too: another process may have been late.
        wrapped = (self._house.ring.current, self._house.clock() // DAY)
        if wrapped != self._wrapped:
            await rewrap(self._house)
            self._wrapped = wrapped


async def end_all(house: House, ending: Callable[[], Deed[int]]) -> None:
    """End all grants that such deeds find, a hundred in each: what one organisation was given may end in one instant.

    Thousands at the most: the next sweep goes on, and what else a sweep does waits for no more.
    """
    for _ in range(_IN_A_ROW):
        if (await house.scribe.do(ending())).outcome < MOST_AT_ONCE:
            return


async def keep_no_longer(house: House, keep: str) -> None:
    """Move the watermark to the day that is *keep* ago. What is deleted does not come back, so a clock that is doubted
    deletes nothing.
    """
    if not house.timekeeper.is_doubted:
        await retain(house, before=first_kept(keep, at=house.clock()), by=BY_SETTING)


def measure(house: House, folder: Path) -> None:
    """How much room there is for the database, and when it was copied last."""
    room = shutil.disk_usage(folder)
    house.pulse.disk_free, house.pulse.disk_size = room.free, room.total
    file = folder / DATABASE
    house.pulse.database_size = file.stat().st_size if file.exists() else None  # on PostgreSQL there is none
    house.pulse.backed_up_at = last_backup(folder)


def look_for_keys(house: House, folder: Path) -> None:
    """Use the signing keys and the ring that are in the folder now; what we have stays when they cannot be read."""
    try:
        house.server_keys.take(list(read_issuer_keys(folder).values()))
        house.ring.take(read_ring(folder, at=house.clock()))
    except Exception as fault:
        _log.error("keys_not_read", fault=type(fault).__name__)
