"""Time ends a grant by itself; this only writes it down, so that the citizen reads it and the log says it.

Nothing waits for it: at the instant of expiry every door is shut already.
"""

from consent.storage.kinds import GRANT

from .ending import MOST_AT_ONCE, end_found
from .scribe import Deed


def expire(at: int) -> Deed[int]:
    """A deed that writes the `expired` entry of grants that lapsed before *at* (microseconds); returns how many."""
    return end_found(GRANT.by("lapsed", at, MOST_AT_ONCE), "expire", by="rule", reason="time_passed")
