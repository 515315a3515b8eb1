"""The door says no under a real grant: one entry a grant, reason and day; the citizen sees each day's count.

A guessed id or a bad proof makes no entry: it says nothing about a person. After erasure there is none either.
"""

from msgspec.structs import replace

from consent.grants.grant import Grant
from consent.storage.book import Book
from consent.storage.kinds import REFUSAL, Ask
from consent.storage.rows import RefusalCount
from consent.vault.keys import CitizenKeys, pairwise_id
from consent.words.decision import Refusal
from consent.words.instants import day

from .notify import notify


def asks_for_refusal(grant: Grant) -> Ask:
    """The rows to read before a decision that may be a no: when it was last said, for each reason."""
    return REFUSAL.by("newest", grant.id, listed=False)


def record_refusal(book: Book, grant: Grant, keys: CitizenKeys, refusal: Refusal) -> None:
    """Count a refusal, and write its entry when it is the day's first for this grant and reason.

    The entry's detail counts what it stands for: this refusal, and those of the same reason that were only counted
    since the entry before it.
    """
    if grant.state == "frozen" or refusal.reason == "other_client":
        return
    today = day(book.at)
    key = (grant.id, refusal.reason, today)
    counted = book.get(REFUSAL, key)
    if counted is not None:
        book.put(REFUSAL, replace(counted, count=counted.count + 1))
        return
    before = book.newest_refusal(grant.id, refusal.reason)
    uncounted = before.count - 1 if before is not None else 0
    index, _ = book.record_event(
        "refused",
        citizen=grant.citizen,
        keys=keys,
        grant=grant,
        by="organisation",
        reason=refusal.reason,
        detail=lambda _: {"sub": pairwise_id(keys.subject, grant.organisation), "count": 1 + uncounted},
    )
    book.put(REFUSAL, RefusalCount(grant=grant.id, reason=refusal.reason, day=today, count=1, index=index))
    if refusal.reason == "too_often":
        notify(book, grant.citizen, "too_often", grant=grant)
