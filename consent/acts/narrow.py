"""A citizen stops sharing one item: the grant goes on without it. The last one that is stopped stops the grant."""

from consent.grants import grant as grants
from consent.ledger.record import Reason
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import GRANT, KEYS
from consent.vault.keys import pairwise_id
from consent.words.actors import HERSELF, Actor
from consent.words.attributes import CATALOGUE
from consent.words.errors import NotFound
from consent.words.ids import is_id

from .amend import asks_to_amend, write_amendment
from .ending import write_ending
from .house import House


async def narrow(house: House, *, citizen: str, grant: str, name: str, by: Actor = HERSELF) -> grants.Grant:
    """Take attribute *name* out of a citizen's own grant; *by* is who does it in her name. Returns the grant after it.

    A needed one may go too: what that means is for the page to say, and for her to choose. Nothing new was agreed to,
    so terms and sign-in stay as they were. A second time changes nothing. Raises NotFound for a foreign or unknown
    grant and for an attribute that there is not.
    """
    if not is_id(grant) or name not in CATALOGUE:
        raise NotFound("there is no such grant")

    def story(book: Book) -> Story[grants.Grant]:
        yield [GRANT.one(grant), KEYS.one(citizen)]
        given = book.get(GRANT, grant)
        yield asks_to_amend(given, {*given.attributes}.difference({name}) if given is not None else ())
        yield TURN
        given = book.get(GRANT, grant)
        wrapped = book.get(KEYS, citizen)
        if given is None or given.citizen != citizen or wrapped is None:
            raise NotFound("there is no such grant")
        if name not in given.attributes or not given.is_live(at=book.at):
            return given
        keys = book.keys_of(wrapped)
        reason: Reason = "citizen_asked" if by == HERSELF else "helper_asked"
        rest = tuple(other for other in given.attributes if other != name)
        if not rest:
            return write_ending(book, given, "withdraw", keys=keys, by=by.kind, reason=reason) or given
        after = grants.amend(
            given,
            purpose_version=given.purpose_version,
            attributes=rest,
            expires_at=given.expires_at,
            language=given.language,
            terms=given.terms,
            by=by,
            acr=given.acr,
            signed_in_at=given.signed_in_at,
            at=book.at,
        )
        assert after is not None
        write_amendment(
            book,
            given,
            after,
            keys=keys,
            by=by,
            reason=reason,
            detail=lambda _: {"sub": pairwise_id(keys.subject, given.organisation)},
        )
        return after

    return (await house.scribe.do(story)).outcome
