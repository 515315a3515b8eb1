"""An organisation proposes a version of a purpose. An operator reads it before any citizen does."""

from msgspec.structs import replace

from consent.oauth.dpop import Proof
from consent.oauth.token import check_access
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, ORGANISATION, PROPOSAL, PURPOSE, TOKEN, USED, Ask
from consent.storage.rows import Proposal, PurposeRow
from consent.words.canonical import canonical
from consent.words.errors import BadInput, InsufficientScope, InvalidToken, OrganisationSuspended
from consent.words.purposes import Purpose
from consent.words.rules import check_purpose, check_slug

from .house import House
from .once import spend_proof

MOST_WAITING = 20


async def propose(house: House, *, token_hash: bytes, proof: Proof, purpose: Purpose) -> Proposal:
    """Keep *purpose* until an operator decides. The organisation is that of the token, whatever the purpose says.

    The same words again change nothing. Raises BadInput for words that break a rule, a version that is not the next,
    an id of somebody else, or too many that wait; OrganisationSuspended, InvalidToken, InsufficientScope.
    """
    check_slug(purpose.id, "id")  # a database need not see anything else

    def story(book: Book) -> Story[Proposal]:
        yield [TOKEN.one(token_hash), USED.one(proof.jti_hash)]
        token = check_access(book.get(TOKEN, token_hash), jkt=proof.jkt, at=book.at)
        if token.kind != "client":
            raise InsufficientScope("ask with a token of the client itself (client_credentials)")
        yield [CLIENT.one(token.client)]
        client = book.get(CLIENT, token.client)
        if client is None:
            raise InvalidToken("the token is not active")
        yield [*asks_to_propose(client.organisation, purpose.id)]
        yield TURN
        client = book.get(CLIENT, token.client)
        if client is None or client.status == "suspended":
            raise OrganisationSuspended("nothing can be proposed while this is suspended")
        spend_proof(book, proof)
        return keep_proposal(book, client.organisation, purpose)

    return (await house.scribe.do(story)).outcome


def asks_to_propose(organisation: str, purpose: str) -> list[Ask]:
    """The rows to read before `keep_proposal`."""
    return [
        ORGANISATION.one(organisation),
        PROPOSAL.by("pending", organisation),
        PROPOSAL.by("versions", purpose),
        PURPOSE.by("versions", purpose),
    ]


def versions_of(book: Book, purpose: str) -> list[Proposal | PurposeRow]:
    """All versions of a purpose that were ever proposed or approved, also by a story before in the batch."""
    rows: list[Proposal | PurposeRow] = [*book.known(PROPOSAL), *book.known(PURPOSE)]
    return [row for row in rows if row.id == purpose]


def keep_proposal(book: Book, organisation: str, purpose: Purpose) -> Proposal:
    """Keep *purpose* as one of *organisation*, whatever it says itself. The same words again change nothing.

    Raises BadInput, OrganisationSuspended.
    """
    there = book.get(ORGANISATION, organisation)
    if there is None or there.status == "suspended":
        raise OrganisationSuspended("nothing can be proposed while this is suspended")
    mine = replace(purpose, organisation=organisation)
    check_purpose(mine, "")
    versions = versions_of(book, mine.id)
    if any(row.organisation != organisation for row in versions):
        raise BadInput("id: it belongs to another organisation")
    same = book.get(PROPOSAL, (mine.id, mine.version))
    if same is not None and same.record == canonical(mine):
        return same
    if any(mine.version <= row.version for row in versions):
        raise BadInput("version: higher than all that were ever proposed; words never change under one")
    waiting = [
        row for row in book.known(PROPOSAL) if (row.organisation, row.state) == (organisation, "pending")
    ]
    if len(waiting) >= MOST_WAITING:
        raise BadInput(f"{MOST_WAITING} proposals wait for the operator already")
    row = Proposal(
        id=mine.id,
        version=mine.version,
        organisation=organisation,
        record=canonical(mine),
        state="pending",
        note="",
        submitted_at=book.at,
    )
    book.put(PROPOSAL, row)
    return row
