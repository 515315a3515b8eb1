"""Sweep out what has expired: proofs seen, codes, short tokens, unanswered requests, sessions, counts."""

from consent.storage.book import TURN, Book, Story
from consent.storage.store import Statement
from consent.words.instants import DAY, HOUR, MINUTE

from .scribe import Deed

# Kept a little longer than they work: a second use of an old code must still be recognised (RFC 6749 §4.1.2).
_KEPT = {
    "tidy.used": 10 * MINUTE,  # a clock that is set back a little must not make a forgotten proof good again
    "tidy.codes": HOUR,
    "tidy.tokens": HOUR,
    "tidy.requests": HOUR,  # that nobody looked at
    "tidy.questions": 30 * DAY,  # somebody's, unanswered: until then its page says that it has expired
    "tidy.sessions": DAY,
    "tidy.ceremonies": 0,
    "tidy.links": 0,
    "tidy.allowances": 2 * MINUTE,
    "tidy.notices": 365 * DAY,
    "tidy.cases": 90 * DAY,  # of questions that nobody answered
    "tidy.signals": 90 * DAY,  # answered: what was said stays in the log, and statements as they were signed
}


def tidy() -> Deed[None]:
    """A deed that deletes what can no longer be used. It touches neither grant nor log."""

    def story(book: Book) -> Story[None]:
        yield TURN
        for statement, kept in _KEPT.items():
            book.also(Statement(statement, [(book.at - kept,)]))

    return story
