"""Time ends a grant by itself; this only writes it down, so that the citizen reads it and the log says it.

Nothing waits for it: at the instant of expiry every door is shut already.
"""

from consent.grants.grant import end
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import GRANT, KEYS
from consent.vault.keys import pairwise_id

from .scribe import Deed
from .signal import signal

MOST_AT_ONCE = 100


def expire(at: int) -> Deed[int]:
    """A deed that writes the `expired` entry of grants that lapsed before *at* (microseconds); returns how many."""

    def story(book: Book) -> Story[int]:
        lapsed = GRANT.by("lapsed", at, MOST_AT_ONCE)
        yield [lapsed]
        yield [KEYS.one(grant.citizen) for grant in book.found(lapsed)]
        yield TURN
        written = 0
        for grant in book.found(lapsed):
            wrapped = book.get(KEYS, grant.citizen)
            ended = end(grant, "expire", at=grant.expires_at)
            if wrapped is None or ended is None or grant.is_live(at=book.at):
                continue
            keys = book.keys_of(wrapped)
            sub = pairwise_id(keys.subject, grant.organisation)
            book.record_event(
                "expired",
                citizen=grant.citizen,
                keys=keys,
                grant=ended,
                by="rule",
                reason="time_passed",
                detail=lambda _, sub=sub: {"sub": sub},  # type: ignore[misc]
            )
            signal(book, ended, "ended")
            written += 1
        return written

    return story
