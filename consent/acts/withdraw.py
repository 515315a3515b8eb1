"""Stop. One act, no questions: the grant and all its tokens are dead when this returns."""

import msgspec

from consent.grants.grant import Grant
from consent.ledger.record import Reason
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import GRANT, KEYS
from consent.words.actors import HERSELF, Actor
from consent.words.errors import NotFound
from consent.words.ids import is_id

from .acting import asks_about, check_reach, of_mandate
from .ending import write_ending
from .house import House


class Stopped(msgspec.Struct, frozen=True):
    """The grant as it ended, the index of the entry that ended it, and the proof of that entry.

    A second stop changes nothing: it gives the ended grant with the index of its newest entry, and no proof.
    """

    grant: Grant
    index: int
    proof: str | None


async def withdraw(house: House, *, citizen: str, grant: str, by: Actor = HERSELF) -> Stopped:
    """Withdraw a citizen's own grant; *by* is who does it in her name.

    Raises NotFound for a foreign or unknown one, they look alike; Forbidden when that is beyond a helper's mandate.
    """
    if not is_id(grant):
        raise NotFound("there is no such grant")

    def story(book: Book) -> Story[Stopped]:
        yield [GRANT.one(grant), KEYS.one(citizen), *asks_about(by)]
        yield TURN
        given = book.get(GRANT, grant)
        wrapped = book.get(KEYS, citizen)
        if given is None or given.citizen != citizen or wrapped is None:
            raise NotFound("there is no such grant")
        check_reach(
            book,
            by,
            "stop",
            citizen=citizen,
            organisation=given.organisation,
            names=frozenset(given.attributes),
        )
        reason: Reason = "citizen_asked" if by == HERSELF else "helper_asked"
        keys = book.keys_of(wrapped)
        ended = write_ending(
            book, given, "withdraw", keys=keys, by=by.kind, reason=reason, told=of_mandate(by)
        )
        if ended is None:
            return Stopped(given, given.last, None)
        book.log_of(citizen).prove(ended.last)
        return Stopped(ended, ended.last, None)

    written = await house.scribe.do(story)
    stopped = written.outcome
    return Stopped(stopped.grant, stopped.index, written.proofs.get((stopped.grant.log, stopped.index)))
