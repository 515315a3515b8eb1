"""An organisation proposes a version of a purpose. An operator reads it before any citizen does."""

from msgspec.structs import replace

from consent.oauth.dpop import Proof
from consent.oauth.token import check_access
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, ORGANISATION, PROPOSAL, PURPOSE, TOKEN, USED
from consent.storage.rows import Proposal
from consent.words.canonical import canonical
from consent.words.errors import BadInput, InsufficientScope, InvalidToken, OrganisationSuspended
from consent.words.purposes import Purpose
from consent.words.rules import check_purpose

from .house import House
from .once import spend_proof

MOST_WAITING = 20


async def propose(house: House, *, token_hash: bytes, proof: Proof, purpose: Purpose) -> Proposal:
    """Keep *purpose* until an operator decides. The organisation is that of the token, whatever the purpose says.

    The same words again change nothing. Raises BadInput for words that break a rule, a version that is not the next,
    an id of somebody else, or too many that wait; OrganisationSuspended, InvalidToken, InsufficientScope.
    """

    def story(book: Book) -> Story[Proposal]:
        yield [TOKEN.one(token_hash), USED.one(proof.jti_hash)]
        token = check_access(book.get(TOKEN, token_hash), jkt=proof.jkt, at=book.at)
        if token.kind != "client":
            raise InsufficientScope("ask with a token of the client itself (client_credentials)")
        yield [CLIENT.one(token.client)]
        client = book.get(CLIENT, token.client)
        if client is None:
            raise InvalidToken("the token is not active")
        waiting = PROPOSAL.by("pending", client.organisation)
        proposed, approved = PROPOSAL.by("versions", purpose.id), PURPOSE.by("versions", purpose.id)
        yield [ORGANISATION.one(client.organisation), waiting, proposed, approved]
        yield TURN
        client = book.get(CLIENT, token.client)
        organisation = book.get(ORGANISATION, client.organisation) if client is not None else None
        if client is None or organisation is None or "suspended" in (client.status, organisation.status):
            raise OrganisationSuspended("nothing can be proposed while this is suspended")
        mine = replace(purpose, organisation=client.organisation)
        check_purpose(mine, "")
        spend_proof(book, proof)
        versions = [*book.found(proposed), *book.found(approved)]
        if any(row.organisation != mine.organisation for row in versions):
            raise BadInput("id: it belongs to another organisation")
        there = next((row for row in book.found(proposed) if row.version == mine.version), None)
        if there is not None and there.record == canonical(mine):
            return there  # type: ignore[no-any-return]
        if any(mine.version <= row.version for row in versions):
            raise BadInput("version: higher than all that were ever proposed; words never change under one")
        if len(book.found(waiting)) >= MOST_WAITING:
            raise BadInput(f"{MOST_WAITING} proposals wait for the operator already")
        row = Proposal(
            id=mine.id,
            version=mine.version,
            organisation=mine.organisation,
            record=canonical(mine),
            state="pending",
            note="",
            submitted_at=book.at,
        )
        book.put(PROPOSAL, row)
        return row

    return (await house.scribe.do(story)).outcome
