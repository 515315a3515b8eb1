"""The task that keeps the second signature of the log new: at once after a quiet time, else about once a second."""

import asyncio

import structlog

from consent.acts.house import House

PACE = 1.0  # seconds

_log = structlog.get_logger()


async def keep_cosigning(house: House) -> None:
    """Sign after each growth of the log, until cancelled."""
    grown = asyncio.Event()
    house.scribe.bells.append(grown)
    grown.set()
    while True:
        await grown.wait()
        grown.clear()
        try:
            await house.cosigner.cosign()
        except Exception as fault:
            _log.error("cosigning_failed", fault=type(fault).__name__)
            grown.set()
        await asyncio.sleep(PACE)
