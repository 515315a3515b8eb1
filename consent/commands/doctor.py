"""`consent doctor`: a line for each part of a service, with what to do where something is wrong."""

import argparse
import asyncio
from collections.abc import Callable
from typing import Any

from consent.settings import read_settings


def add_doctor_command(commands: Any, *, where: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add `consent doctor` to the command line; *where* adds the usual flags."""
    doctor = commands.add_parser(
        "doctor", help="look at everything that the service needs; exit 1 if a part fails"
    )
    doctor.add_argument("--host", help="the address that the service listens on (127.0.0.1)")
    where(doctor)
    doctor.set_defaults(run=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    from consent.opening import clock
    from consent.upkeep.examine import examine

    settings = read_settings(vars(arguments))

    async def look() -> bool:
        is_well = True
        async for found in examine(settings, at=clock()):
            print(f"{found.state:4}  {found.part:11}  {found.said}", flush=True)
            if found.next:
                print(f"      {'':11}  → {found.next}", flush=True)
            is_well &= found.state != "fail"
        return is_well

    return 0 if asyncio.run(look()) else 1
