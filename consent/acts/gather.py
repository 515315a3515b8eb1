"""An organisation gets what many citizens allowed, in one request. Each item is a disclosure and decided for itself.

    the token and its proof   a deed of its own, which comes first
    each item                 a deed: grant, decision, entry and answer are its own; all in one commit where they fit
    after the commit          the values, and one proof of all entries together

So an item is answered to the letter as if it had come alone, and one that fails is nobody else's business.
"""

from collections.abc import Callable, Sequence

import msgspec

from consent.grants.grant import Grant
from consent.ledger.entry import Opening
from consent.oauth.dpop import Proof
from consent.oauth.token import Token, check_access
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, DISCLOSED, GRANT, HOLDINGS, KEYS, MEMO, TOKEN, USED
from consent.words.actors import GivenBy
from consent.words.errors import BadInput, InsufficientScope, InvalidToken, NotFound, NotWitnessed

from .approve import settings_from
from .disclose import (
    No,
    Outcome,
    Values,
    Wanted,
    Yes,
    check_known,
    decided,
    old_entry,
    opened,
    said_before,
)
from .house import House
from .once import spend_proof
from .publish import Place, SharedProof, opening_of, prove_together
from .refuse import asks_for_refusal
from .scribe import Deed, Written
from .standing import asks_for_standing


class Item(msgspec.Struct, frozen=True):
    """What is asked under one grant."""

    grant: str
    wanted: Wanted


class Entry(msgspec.Struct, frozen=True):
    """An entry of the log, what opens it, and where it stands."""

    leaf: bytes
    opening: Opening
    place: Place


class Given(msgspec.Struct, frozen=True):
    """A disclosure as it leaves."""

    disclosure: str
    grant: str
    given_by: GivenBy
    values: Values
    entry: Entry


class Refused(msgspec.Struct, frozen=True):
    """No values; with the old entry of a retry."""

    reason: str
    entry: Entry | None = None


class Gathered(msgspec.Struct, frozen=True):
    """The answer to each item in its place: an error is what it would have been alone. *places*: which of *proofs* an
    entry has."""

    results: list[Given | Refused | Exception]
    proofs: list[SharedProof]
    places: dict[Place, int]


async def gather(house: House, *, token_hash: bytes, proof: Proof, items: Sequence[Item]) -> Gathered:
    """Disclose under several grants of the client that a token for batches belongs to.

    Raises InvalidToken, InsufficientScope (a token of another kind, or batches not approved any more) and
    InvalidDpopProof for all, Overloaded before anything is written. An item has NotFound for a grant that is another
    client's, unknown or erased, BadInput for an attribute that does not exist, and all that a disclosure may raise.
    """
    first = (TOKEN.one(token_hash), USED.one(proof.jti_hash))
    let_in = False

    def enter(book: Book) -> Story[None]:
        nonlocal let_in
        let_in = False  # a deed may be told twice, when a batch is written anew
        yield list(first)
        row = book.get(TOKEN, token_hash)
        yield [] if row is None else [CLIENT.one(row.client)]
        yield TURN
        token = _batch_token(book, token_hash, proof)
        client = book.get(CLIENT, token.client)
        if client is None or not settings_from(client.settings).batch_disclosure:
            raise InsufficientScope("batch_disclosure is not approved for this client any more")
        spend_proof(book, proof)
        let_in = True

    def one(item: Item, entered: str | None = None) -> Deed[Outcome]:
        def story(book: Book) -> Story[Outcome]:
            yield [*first, GRANT.one(item.grant)]
            grant = _own(book, book.get(TOKEN, token_hash), item.grant)
            client = grant.client
            yield [
                *([MEMO.one(client, item.wanted.key)] if item.wanted.key is not None else []),
                KEYS.one(grant.citizen),
                HOLDINGS.one(grant.citizen),
                *asks_for_standing(client, grant.organisation, grant.purpose, grant.purpose_version),
                asks_for_refusal(grant),
            ]
            memo = book.get(MEMO, (client, item.wanted.key)) if item.wanted.key is not None else None
            said = entered or (memo and memo.disclosure)
            yield [DISCLOSED.one(said)] if said else []
            yield TURN
            # In order: the proof was spent by this very request, in this commit or the one before it.
            if not let_in or book.get(USED, proof.jti_hash) is None:
                raise InvalidToken("the request was not let in")
            grant = _own(book, _batch_token(book, token_hash, proof), item.grant)
            wrapped = book.get(KEYS, grant.citizen)
            if wrapped is None:
                raise NotFound("there is no such grant")
            before = said_before(book, client, grant, item.wanted, entered)
            return decided(house, book, grant, book.keys_of(wrapped), client, item.wanted, before)

        return story

    faults = [_unknown(item) for item in items]
    asked = [place for place, fault in enumerate(faults) if fault is None]
    entry, *written = await house.scribe.do_all([enter, *[one(items[place]) for place in asked]])
    if isinstance(entry, BaseException):
        raise entry
    outcomes: list[Outcome | Exception] = [fault or No("") for fault in faults]
    for place, done in zip(asked, written, strict=True):
        outcomes[place] = _outcome(done)
    await _wait_for_witnesses(house, outcomes, lambda place, entered: one(items[place], entered))
    return await _told(house, outcomes)


def _unknown(item: Item) -> BadInput | None:
    try:
        check_known(item.wanted)
    except BadInput as fault:
        return fault
    return None


async def _wait_for_witnesses(
    house: House,
    outcomes: list[Outcome | Exception],
    again: Callable[[int, str], Deed[Outcome]],
) -> None:
    """Hold back what witnesses have to sign first; then each of these is decided anew, as a retry of its entry."""
    held = {place: yes for place, yes in enumerate(outcomes) if isinstance(yes, Yes) and yes.witnessed}
    sizes: dict[str, int] = {}
    for yes in held.values():
        sizes[yes.log] = max(sizes.get(yes.log, 0), yes.index + 1)
    reached = {log: await house.quorum.reaches(log, size) for log, size in sizes.items()}
    for place, yes in held.items():
        if not reached[yes.log]:
            outcomes[place] = NotWitnessed(
                "the entry is made, its witnesses have not signed it yet; repeat the request"
            )
    ready = [(place, yes) for place, yes in held.items() if reached[yes.log]]
    if ready:
        # While we waited a citizen may have stopped.
        written = await house.scribe.do_all([again(place, yes.disclosure) for place, yes in ready])
        for (place, _), done in zip(ready, written, strict=True):
            outcomes[place] = _outcome(done)


async def _told(house: House, outcomes: Sequence[Outcome | Exception]) -> Gathered:
    """The answers, after the commit; what cannot be opened (any more) fails alone."""
    results: list[Given | Refused | Exception] = []
    for outcome in outcomes:
        try:
            results.append(outcome if isinstance(outcome, Exception) else await _answer(house, outcome))
        except Exception as fault:
            results.append(fault)
    proofs, places = await prove_together(
        house, [one.entry.place for one in results if not isinstance(one, Exception) and one.entry]
    )
    return Gathered(results, proofs, places)


async def _answer(house: House, outcome: Yes | No) -> Given | Refused:
    if isinstance(outcome, No):
        if outcome.log is None or outcome.index is None:
            return Refused(outcome.reason)
        place = (outcome.log, outcome.index)
        return Refused(outcome.reason, Entry(*await opening_of(house, *place, None), place))
    values = opened(outcome)
    leaf, opening = outcome.entry or await old_entry(house, outcome)
    grant = outcome.grant
    place = (outcome.log, outcome.index)
    return Given(outcome.disclosure, grant.id, grant.given_by, values, Entry(leaf, opening, place))


def _outcome(done: Written[Outcome] | BaseException) -> Outcome | Exception:
    """What a deed came to; what is no answer at all (we are being stopped) ends the whole request."""
    if isinstance(done, Exception):
        return done
    if isinstance(done, BaseException):
        raise done
    return done.outcome


def _batch_token(book: Book, token_hash: bytes, proof: Proof) -> Token:
    token = check_access(book.get(TOKEN, token_hash), jkt=proof.jkt, at=book.at)
    if token.kind != "batch":
        raise InsufficientScope("ask for a token for batches: client_credentials with authorization_details")
    return token


def _own(book: Book, token: Token | None, grant: str) -> Grant:
    """A grant of the client itself: foreign, unknown and erased ones are all NotFound."""
    found = book.get(GRANT, grant)
    if token is None or found is None or found.client != token.client:
        raise NotFound("there is no such grant")
    return found
