"""Instants: whole microseconds since 1970-01-01T00:00:00Z inside, whole seconds on the wire and in records.

An integer is the same in both databases, can be signed, and knows no time zone.
"""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def seconds(at: int) -> int:
    """The instant *at* (microseconds) in whole seconds, as records and the wire carry it."""
    return at // SECOND


def instant(whole_seconds: int) -> int:
    """The instant (microseconds) of a number of whole seconds from a record or the wire."""
    return whole_seconds * SECOND


def day(at: int) -> int:
    """The number of the UTC day that *at* (microseconds) falls in; some counts are kept per day."""
    return at // DAY
