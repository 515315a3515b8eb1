"""What is said of one part of a service that somebody looks at."""

from typing import Literal

import msgspec

from consent.words.instants import HOUR, MINUTE


class Finding(msgspec.Struct, frozen=True):
    """One part, how it is, and what to do about it."""

    part: str
    state: Literal["ok", "warn", "fail"]
    said: str
    next: str = ""


def span(microseconds: int) -> str:
    """A length of time as people say it."""
    if microseconds < 2 * HOUR:
        return f"{max(microseconds, 0) // MINUTE} minutes"
    return (
        f"{microseconds // HOUR} hours" if microseconds < 48 * HOUR else f"{microseconds // (24 * HOUR)} days"
    )
