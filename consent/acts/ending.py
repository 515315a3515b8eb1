"""How a grant ends, whoever ends it: the grant, its entry in the log and the word to its client, in one commit."""

from collections.abc import Mapping

from consent.grants.grant import Ending, Grant, end
from consent.ledger.record import By, Event, Reason
from consent.oauth.signals import SignalEvent
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import GRANT, KEYS, Ask
from consent.vault.keys import CitizenKeys, pairwise_id

from .notify import notify
from .scribe import Deed
from .signal import signal

MOST_AT_ONCE = 100  # grants that one deed ends: what is asked meanwhile must not wait for more

_NOTHING: Mapping[str, object] = {}
_EVENTS: dict[Ending, Event] = {"withdraw": "withdrawn", "revoke": "revoked", "expire": "expired"}


def write_ending(
    book: Book,
    grant: Grant,
    ending: Ending,
    *,
    keys: CitizenKeys,
    by: By,
    reason: Reason,
    told: Mapping[str, object] = _NOTHING,
) -> Grant | None:
    """End *grant* and return it as it stands then, its `last` the entry that says so; None if there is nothing to end.

    *told* is what more the entry's detail says, which she alone reads. Time comes first: a lapsed grant ended at its
    own end, whatever is tried now, and a live one does not expire.
    """
    if ending == "expire" and grant.is_live(at=book.at):
        return None
    at = book.at
    if not grant.is_live(at=at):
        ending, by, reason, at, told = "expire", "rule", "time_passed", grant.expires_at, _NOTHING
    ended = end(grant, ending, at=at)
    if ended is None:
        return None
    _write(book, ended, _EVENTS[ending], keys=keys, by=by, reason=reason, told=told)
    # Whoever ended it: what hangs on the client's endpoint hears every ending in the same way.
    signal(book, ended, "ended")
    if by != "self" or told:  # what she did herself, signed in, is no news to her
        notify(book, grant.citizen, "stopped", who="code" if told else by, grant=grant)
    return book.get(GRANT, grant.id)


def freeze(book: Book, grant: Grant) -> bool:
    """Shut a live grant now, without a word in the log: `write_parting` follows within a day. False if it was shut."""
    if not grant.is_live(at=book.at):
        return False
    frozen = end(grant, "freeze", at=book.at)
    if frozen is not None:
        book.put(GRANT, frozen)
    return frozen is not None


def write_parting(book: Book, grant: Grant, *, keys: CitizenKeys, told: SignalEvent) -> None:
    """Write the ending of a frozen grant. It ended when it froze; the log has it as a stop like any other."""
    ended = end(grant, "erase", at=grant.ended_at or book.at)
    if ended is not None:
        _write(book, ended, "withdrawn", keys=keys, by="self", reason="citizen_asked")
        signal(book, ended, told)


def _write(
    book: Book,
    ended: Grant,
    event: Event,
    *,
    keys: CitizenKeys,
    by: By,
    reason: Reason,
    told: Mapping[str, object] = _NOTHING,
) -> None:
    book.record_event(
        event,
        citizen=ended.citizen,
        keys=keys,
        grant=ended,
        by=by,
        reason=reason,
        detail=lambda _: {"sub": pairwise_id(keys.subject, ended.organisation), **told},
    )


def end_found(found: Ask, ending: Ending, *, by: By, reason: Reason) -> Deed[int]:
    """A deed that ends all grants that an ask finds; it returns how many."""

    def story(book: Book) -> Story[int]:
        yield [found]
        yield [KEYS.one(grant.citizen) for grant in book.found(found)]
        yield TURN
        written = 0
        for grant in book.found(found):
            wrapped = book.get(KEYS, grant.citizen)
            if wrapped is not None:
                keys = book.keys_of(wrapped)
                written += write_ending(book, grant, ending, keys=keys, by=by, reason=reason) is not None
        return written

    return story
