"""May the machine's clock be believed? What is written bears its time for good: a clock that jumps stops it.

It is compared with time that nobody can set: the ticks since the machine began, counted from what the clock said at the
start. As soon as a quorum of the witnesses has told its time, from what they say. A clock outside the bound stops all
writing, and the service goes on by itself when it is back within it.
"""

from collections.abc import Callable
from statistics import median_low

import structlog

from consent.storage.store import Unavailable
from consent.words.instants import MINUTE

# Half of what an auditor allows; the rest is for how late a checkpoint reaches a witness.
BOUND = 5 * MINUTE

_log = structlog.get_logger()


class ClockDoubted(Unavailable):
    """The clock is not where it has to be; nothing was written."""

    code = "clock_doubted"


class Timekeeper:
    """The clock, as long as it can be believed. One a process; all instants are microseconds."""

    def __init__(
        self,
        clock: Callable[[], int],
        steady: Callable[[], int] | None = None,
        *,
        needed: int = 0,
        bound: int = BOUND,
    ) -> None:
        """*steady*: time that nobody sets, from any beginning (None: nothing to compare with). *needed*: how many
        organisations with witnesses make a quorum."""
        self._clock = clock
        self._steady = steady or clock
        self._needed = needed
        self._bound = bound
        self._at_start = self._base = (
            clock() - self._steady()
        )  # what to add to `steady` for the time it should be
        self._heard: dict[str, int] = {}  # organisation -> the same, as its witness has it
        self._is_doubted = False

    def now(self) -> int:
        """What time it is. Raises ClockDoubted."""
        at = self._clock()
        if abs(at - self._steady() - self._base) > self._bound:
            if not self._is_doubted:
                self._is_doubted = True
                _log.error("clock_doubted")
            raise ClockDoubted("the clock of the service cannot be believed now; nothing is written")
        if self._is_doubted:
            self._is_doubted = False
            _log.warning("clock_believed_again")
        return at

    def heard(self, organisation: str, at: int) -> None:
        """Note that a witness of *organisation* has just signed at *at*, by its own clock.

        One organisation is one voice, and less than a quorum of them says nothing. Of the voices the one in the middle
        counts, so a single one that lies moves nothing; where they are even in number, our own from the start joins.
        """
        self._heard[organisation] = at - self._steady()
        voices = list(self._heard.values())
        if len(voices) >= self._needed:
            self._base = median_low(voices if len(voices) % 2 else [*voices, self._at_start])

    @property
    def is_doubted(self) -> bool:
        """Whether the last look at the clock found it outside the bound."""
        return self._is_doubted
