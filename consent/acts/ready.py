"""Can this process do its work now? Asked by whatever sends it visitors: names of checks, yes or no, and no more."""

import asyncio
import functools

from consent.storage.book import TURN, Book, Story
from consent.storage.logs import LogFrozen
from consent.storage.rows import FROZEN
from consent.storage.store import migrations

from .house import House
from .publish import head

CHECKS = ("store", "migrations", "log", "clock", "keys", "scribe")
WITHIN = 2.0  # seconds for each that waits
_KEPT = 1.0  # seconds: however many ask, it is looked at once


async def readiness(house: House) -> dict[str, bool]:
    """Each of CHECKS, and whether it holds. It is looked at once a second at most, whoever asks."""
    pulse, now = house.pulse, asyncio.get_running_loop().time()
    if pulse.looking is None or (pulse.looking.done() and now - pulse.looked_at >= _KEPT):
        pulse.looking = asyncio.create_task(_look(house), name="ready")
    return await asyncio.shield(
        pulse.looking
    )  # whoever goes away must not take the answer of the others along


async def _look(house: House) -> dict[str, bool]:
    store = await _look_into(house)
    keys, scribe = _has_keys(house), await _is_writing(house)
    house.pulse.looked_at = asyncio.get_running_loop().time()
    return store | {"clock": not house.timekeeper.is_doubted, "keys": keys, "scribe": scribe}


async def _look_into(house: House) -> dict[str, bool]:
    try:
        async with asyncio.timeout(WITHIN):
            row = await head(house, house.log)
            applied = {version for version, _ in await house.store.read("schema.applied")}
    except Exception:
        return {"store": False, "migrations": False, "log": False}
    # A newer version may have added to the tables already: what this one needs is there all the same.
    return {"store": True, "migrations": _needed() <= applied, "log": row.frozen != FROZEN}


@functools.cache
def _needed() -> frozenset[int]:
    return frozenset(version for version, _ in migrations())


def _has_keys(house: House) -> bool:
    try:
        for log in house.logs:
            house.check_keys(log)
    except Exception:
        return False
    return True


async def _is_writing(house: House) -> bool:
    """Whether a deed that writes nothing gets its answer: it takes the same way as every other."""
    try:
        async with asyncio.timeout(WITHIN):
            await house.scribe.do(_nothing)
    except LogFrozen:
        return True  # it answered; that nothing may be written is another check
    except Exception:
        return False
    return True


def _nothing(book: Book) -> Story[None]:
    yield TURN
