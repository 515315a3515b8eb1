"""Once a minute: what has expired is written down or goes, and a new signing key is taken up."""

import asyncio
import shutil
from collections.abc import Callable
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
from consent.upkeep import succession
from consent.upkeep.backup import last_backup
from consent.words.instants import DAY, MINUTE

_IN_A_ROW = 50  # deeds
_log = structlog.get_logger()


async def sweep(house: House, folder: Path, *, keep: str = "", product: str | None = None) -> None:
    """Every minute, what has expired is written down or goes, and a new signing key is taken up.

    *keep*: for how long entries can be opened (`first_kept`); empty: for ever. *product*: what the service is called.
    """
    carried_into, retained_on, wrapped = "", -1, ("", -1)
    measure(house, folder)
    while True:
        await asyncio.sleep(MINUTE / 1_000_000)
        look_for_keys(house, folder)
        try:
            await succession.remember(house.store, folder)
            await end_all(house, lambda: expire(house.clock()))
            await house.scribe.do(lapse(house.clock()))
            await end_all(house, close)
            await house.scribe.do(tidy())
            await erase_on(house)
            if house.log != carried_into:
                into = house.log
                await carry_grants(house)
                carried_into = into
            await house.scribe.do(warn(house.clock()))
            await mail_notices(house, product)
            await tally_on(house)
            today = house.clock() // DAY
            if keep and today != retained_on:
                await keep_no_longer(house, keep)
                retained_on = today
            await retain_on(house)
            if wrapped != (house.ring.current, today):  # once a day too: another process may have been late
                await rewrap(house)
                wrapped = (house.ring.current, today)
            await count_weeks(house)
            await count_on(house)
            house.pulse.swept(house.clock())
            measure(house, folder)
        except Exception as fault:
            house.pulse.sweep_failed()
            _log.error("sweep_failed", fault=type(fault).__name__)


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
