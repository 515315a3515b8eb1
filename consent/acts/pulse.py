"""What runs beside the doors says here that it ran: of this process, since it started."""

import asyncio
import time


class Pulse:
    """One a process. Instants are microseconds, sizes bytes; None: not known (yet)."""

    def __init__(self) -> None:
        self.began = time.time()  # seconds
        self.looking: asyncio.Task[dict[str, bool]] | None = (
            None  # whether it can do its work, looked at last
        )
        self.looked_at = 0.0  # seconds, by the loop's own clock
        self.swept_at: int | None = None
        self.sweeps_failed = 0  # in a row
        self.erased: int | None = None  # how many people were erased when keys were last dropped from memory
        self.retained: dict[str, int] = {}  # below which index of a log no detail is left
        self.disk_free: int | None = None
        self.disk_size: int | None = None
        self.database_size: int | None = None
        self.backed_up_at: int | None = None

    def swept(self, at: int) -> None:
        """A round of sweeping went well."""
        self.swept_at, self.sweeps_failed = at, 0

    def sweep_failed(self) -> None:
        """A round of sweeping went wrong; the next one is in a minute."""
        self.sweeps_failed += 1
