"""An organisation lets go: it ends a grant itself, because it needs the data no longer. Nobody has to ask it to."""

from consent.grants.grant import Grant
from consent.oauth.dpop import Proof
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import GRANT, KEYS, TOKEN, USED
from consent.words.errors import NotFound
from consent.words.ids import is_id

from .ending import write_ending
from .house import House
from .inspect import own_grant
from .once import spend_proof


async def revoke(house: House, *, token_hash: bytes, proof: Proof, grant: str) -> Grant:
    """End a grant of this client; it and all its tokens are dead when this returns. A second time changes nothing.

    Raises NotFound for a foreign, unknown or erased one, InvalidToken, InsufficientScope, InvalidDpopProof.
    """

    def story(book: Book) -> Story[Grant]:
        yield [TOKEN.one(token_hash), USED.one(proof.jti_hash), *([GRANT.one(grant)] if is_id(grant) else [])]
        given = book.get(GRANT, grant)
        yield [] if given is None else [KEYS.one(given.citizen)]
        yield TURN
        given = own_grant(book, grant, token_hash, proof)
        wrapped = book.get(KEYS, given.citizen)
        if wrapped is None:
            raise NotFound("there is no such grant")
        spend_proof(book, proof)
        keys = book.keys_of(wrapped)
        ended = write_ending(book, given, "revoke", keys=keys, by="organisation", reason="organisation_asked")
        return ended or given

    return (await house.scribe.do(story)).outcome
