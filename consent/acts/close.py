"""A client is gone for good; what citizens had allowed it ends, a few at a time.

It opened nothing from the first moment on: this only writes it down, grant by grant, so that each citizen reads it.
"""

from consent.grants.grant import end
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import GRANT, KEYS
from consent.vault.keys import pairwise_id

from .scribe import Deed
from .signal import signal

MOST_AT_ONCE = 100


def close() -> Deed[int]:
    """A deed that ends live grants of removed clients, at most a hundred; returns how many."""

    def story(book: Book) -> Story[int]:
        orphaned = GRANT.by("of_removed", MOST_AT_ONCE)
        yield [orphaned]
        yield [KEYS.one(grant.citizen) for grant in book.found(orphaned)]
        yield TURN
        written = 0
        for grant in book.found(orphaned):
            wrapped = book.get(KEYS, grant.citizen)
            ended = end(grant, "revoke", at=book.at)
            if wrapped is None or ended is None or not grant.is_live(at=book.at):
                continue
            keys = book.keys_of(wrapped)
            sub = pairwise_id(keys.subject, grant.organisation)
            book.record_event(
                "revoked",
                citizen=grant.citizen,
                keys=keys,
                grant=ended,
                by="organisation",
                reason="organisation_asked",
                detail=lambda _, sub=sub: {"sub": sub},  # type: ignore[misc]
            )
            signal(book, ended, "ended")
            written += 1
        return written

    return story
