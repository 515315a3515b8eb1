"""An organisation gets what a citizen allowed: the most important story of the house.

    token, proof, grant, decision, sealed values, entry, checkpoint   one transaction
    commit                                                            the entry is durable and signed
    only then                                                         the vault opens, the answer leaves

If we crash after the commit, the log says more than happened, never less.
"""

from base64 import b64encode
from functools import partial
from typing import cast

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent.grants.decide import Standing, decide, decide_again
from consent.grants.grant import Grant
from consent.ledger.entry import Opening, disclosed_commitments
from consent.oauth.dpop import Proof
from consent.oauth.step_up import SignIn, lacking
from consent.oauth.token import Token, check_access
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import (
    ACCESS,
    DISCLOSED,
    GRANT,
    HOLDINGS,
    KEYS,
    MEMO,
    TOKEN,
    USED,
)
from consent.storage.rows import Disclosed, Memo
from consent.vault.keys import CitizenKeys, pairwise_id
from consent.vault.seal import OpenedValue, SealedValue, open_sealed
from consent.words.actors import GivenBy
from consent.words.attributes import CATALOGUE, SPECIAL
from consent.words.decision import Permit, Refusal
from consent.words.errors import (
    BadInput,
    Conflict,
    InsufficientScope,
    InsufficientUserAuthentication,
    InvalidToken,
    NotWitnessed,
)
from consent.words.ids import id_in_time
from consent.words.instants import day

from .approve import purpose_of
from .house import House
from .notify import notify
from .once import spend_proof
from .publish import opening_of, prove
from .refuse import asks_for_refusal, record_refusal
from .standing import asks_for_standing, standing_of

Values = tuple[tuple[SealedValue, OpenedValue], ...]


class Given(msgspec.Struct, frozen=True):
    """A disclosure as it leaves: values, the entry with what opens it, and its proof."""

    disclosure: str
    grant: str
    given_by: GivenBy
    values: Values
    leaf: bytes
    opening: Opening
    proof: str


class Refused(msgspec.Struct, frozen=True):
    """No values. A retry of what was disclosed before still gets the old entry and its proof: it did happen."""

    reason: str
    leaf: bytes | None = None
    opening: Opening | None = None
    proof: str | None = None


class Wanted(msgspec.Struct, frozen=True):
    """What is asked under one grant. *key* is the hash of the Idempotency-Key, *body* what a retry repeats."""

    attributes: frozenset[str]
    key: bytes | None
    body: bytes


class Yes(msgspec.Struct, frozen=True):
    """It is written: values may leave, and only now."""

    permit: Permit
    sealed: tuple[SealedValue, ...]
    keys: CitizenKeys
    disclosure: str
    grant: Grant
    log: str
    index: int
    witnessed: bool  # this purpose wants the witnesses first
    entry: tuple[bytes, Opening] | None = None  # its leaf and what opens it; None for a repeated one


class No(msgspec.Struct, frozen=True):
    """It is refused; for a retry, where its old entry stands."""

    reason: str
    log: str | None = None
    index: int | None = None


# Named here, for an annotation of an inner function is worked out at every call.
Outcome = Yes | No | InsufficientUserAuthentication
_Telling = Story[Outcome]
_Details = dict[str, object]


async def disclose(
    house: House,
    *,
    token_hash: bytes,
    proof: Proof,
    attributes: frozenset[str],
    key: bytes | None,
    body: bytes,
) -> Given | Refused:
    """Disclose *attributes* under the grant of a token, or say no.

    *key* is the hash of the Idempotency-Key, *body* what a retry repeats. Raises BadInput for an attribute that
    does not exist, InvalidToken, InsufficientScope, InvalidDpopProof, InsufficientUserAuthentication, and
    Conflict for a used key with another body.
    """
    check_known(wanted := Wanted(attributes, key, body))

    def story(book: Book, entered: str | None = None) -> _Telling:
        yield [ACCESS.one(token_hash), USED.one(proof.jti_hash)]
        row = book.get(TOKEN, token_hash)
        token = _grant_token(row, proof, at=book.at)
        grant = book.get(GRANT, token.grant)
        if grant is None:  # erased: nothing is left that could say more
            raise InvalidToken("the token is not active")
        if key is not None:
            yield [MEMO.one(token.client, key)]
        memo = book.get(MEMO, (token.client, key)) if key is not None else None
        yield [
            *asks_for_standing(token.client, grant.organisation, grant.purpose, grant.purpose_version),
            *([DISCLOSED.one(said)] if (said := entered or (memo and memo.disclosure)) else []),
            asks_for_refusal(grant),
        ]
        yield TURN
        # In order: whatever the stories before this one did, is seen here.
        if book.get(TOKEN, token_hash) is not row:
            token = _grant_token(book.get(TOKEN, token_hash), proof, at=book.at)
        grant = book.get(GRANT, token.grant)
        wrapped = book.get(KEYS, grant.citizen) if grant is not None else None
        if grant is None or wrapped is None:
            raise InvalidToken("the token is not active")
        book.log_of(grant.citizen)  # if it is not held, nothing may be decided here
        before = said_before(book, token.client, grant, wanted, entered)
        if entered is None:
            spend_proof(book, proof)
        outcome = decided(house, book, grant, book.keys_of(wrapped), token.client, wanted, before)
        if isinstance(outcome, Yes) and outcome.entry is not None:
            book.log_of(grant.citizen).prove(outcome.index)
        return outcome

    written = await house.scribe.do(story, about=token_hash)
    # An error that a story returns is raised there like any other, after what it wrote is committed.
    outcome = cast("Yes | No", written.outcome)
    if isinstance(outcome, Yes) and outcome.witnessed:
        if not await house.quorum.reaches(outcome.log, outcome.index + 1):
            raise NotWitnessed("the entry is made, its witnesses have not signed it yet; repeat the request")
        # Decided anew, as a retry of that entry: while we waited the citizen may have stopped.
        again = await house.scribe.do(partial(story, entered=outcome.disclosure), about=token_hash)
        outcome = cast("Yes | No", again.outcome)
    if isinstance(outcome, No):
        if outcome.log is None or outcome.index is None:
            return Refused(outcome.reason)
        leaf, opening = await opening_of(house, outcome.log, outcome.index, None)
        return Refused(outcome.reason, leaf, opening, await prove(house, outcome.log, outcome.index))
    values = opened(outcome)
    if outcome.entry is not None:
        (leaf, opening), proven = outcome.entry, written.proofs[outcome.log, outcome.index]
    else:
        leaf, opening = await old_entry(house, outcome)
        proven = await prove(house, outcome.log, outcome.index)
    grant = outcome.grant
    return Given(outcome.disclosure, grant.id, grant.given_by, values, leaf, opening, proven)


def check_known(wanted: Wanted) -> None:
    """Check that all that is asked exists. Raises BadInput."""
    if not wanted.attributes <= CATALOGUE.keys():
        raise BadInput("an attribute is not in the catalogue; see docs/reference/attributes.md")


def said_before(
    book: Book, client: str, grant: Grant, wanted: Wanted, entered: str | None
) -> Disclosed | None:
    """The disclosure that this one repeats: by its key, or *entered* a moment ago. Raises Conflict."""
    memo = book.get(MEMO, (client, wanted.key)) if wanted.key is not None else None
    said = entered or (memo and memo.disclosure)
    before = book.get(DISCLOSED, said) if said else None
    if memo is not None and (memo.body != wanted.body or before is None or before.grant != grant.id):
        # Also the same names under another grant: its values have no entry, so they may not leave.
        raise Conflict("this Idempotency-Key came with another request before; make a new one")
    return before


def decided(
    house: House,
    book: Book,
    grant: Grant,
    keys: CitizenKeys,
    client: str,
    wanted: Wanted,
    before: Disclosed | None,
) -> Outcome:
    """Answer what is wanted under *grant*, with all that has to be written; *before*: what it repeats."""
    standing = standing_of(book, grant)
    if before is not None:
        return _again(house, book, before, grant, keys, client=client, standing=standing)
    return _first(house, book, grant, keys, client=client, standing=standing, wanted=wanted)


def opened(yes: Yes) -> Values:
    """The values of a disclosure. After the commit: no entry, no data."""
    cipher = AESGCM(yes.keys.data.reveal())
    return tuple([(sealed, open_sealed(yes.permit, sealed, cipher=cipher)) for sealed in yes.sealed])


async def old_entry(house: House, outcome: Yes) -> tuple[bytes, Opening]:
    """The entry of a disclosure that is repeated, with what opens it."""
    return await opening_of(house, outcome.log, outcome.index, (outcome.permit.citizen, outcome.keys))


def _grant_token(row: Token | None, proof: Proof, *, at: int) -> "_GrantToken":
    token = check_access(row, jkt=proof.jkt, at=at)
    if token.grant is None:
        raise InsufficientScope(
            "this token belongs to the client itself; a disclosure needs a citizen's grant"
        )
    return _GrantToken(token.client, token.grant)


class _GrantToken(msgspec.Struct, frozen=True):
    client: str
    grant: str


def _first(
    house: House,
    book: Book,
    grant: Grant,
    keys: CitizenKeys,
    *,
    client: str,
    standing: Standing,
    wanted: Wanted,
) -> Outcome:
    """Decide, write the entry, remember the disclosure."""
    holdings = book.get(HOLDINGS, grant.citizen)
    held = {value.name: value for value in holdings.kept if not value.removed} if holdings is not None else {}
    purpose = purpose_of(book, grant)
    answer = decide(
        wanted.attributes,
        grant,
        client=client,
        held=held.keys(),
        frequency_per_day=purpose.frequency_per_day,
        standing=standing,
        at=book.at,
    )
    if isinstance(answer, Refusal):
        record_refusal(book, grant, keys, answer)
        return No(answer.reason)
    weak = _lacking(house, book, grant, answer)
    if weak is not None:
        return weak
    sealed = tuple([held[name] for name in sorted(answer.attributes)])
    today = day(book.at)

    def detail(detail_key: bytes) -> _Details:
        commitments = disclosed_commitments(detail_key, [value.commitment for value in sealed])
        return {
            "sub": pairwise_id(keys.subject, grant.organisation),
            "values": [
                (value.name, value.version, b64encode(commitment).decode())
                for value, commitment in zip(sealed, commitments, strict=True)
            ],
        }

    index, entry = book.record_event(
        "disclosed",
        citizen=grant.citizen,
        keys=keys,
        grant=grant,
        counted={"day": today, "disclosed_today": grant.count_today(day=today) + 1},
        attributes=tuple([value.name for value in sealed]),
        by="organisation",
        detail=detail,
    )
    if grant.day == 0:
        notify(book, grant.citizen, "first_use", grant=grant, once="first")
    log = book.log_of(grant.citizen).name
    disclosed = Disclosed(
        id=id_in_time(book.at, book.chance(10)),
        grant=grant.id,
        client=client,
        citizen=grant.citizen,
        log=log,
        index=index,
        items=tuple([(value.name, value.version) for value in sealed]),
        at=book.at,
    )
    if wanted.key is None:
        book.add(DISCLOSED, disclosed)
    else:  # its retry may stand in the same batch
        book.put(DISCLOSED, disclosed)
        memo = Memo(
            client=client, key=wanted.key, body=wanted.body, disclosure=disclosed.id, created_at=book.at
        )
        book.put(MEMO, memo)
    opening = Opening(index, entry.consent_key, entry.audit_key, entry.record, entry.detail_key, entry.detail)
    return Yes(
        answer, sealed, keys, disclosed.id, grant, log, index, purpose.witnessed, (entry.leaf, opening)
    )


def _again(
    house: House,
    book: Book,
    disclosed: Disclosed,
    grant: Grant,
    keys: CitizenKeys,
    *,
    client: str,
    standing: Standing,
) -> Outcome:
    """Answer a retry of *disclosed*: decided anew, and never with a value that is no longer hers."""
    given = frozenset(name for name, _ in disclosed.items)
    answer = decide_again(given, grant, client=client, standing=standing, at=book.at)
    if isinstance(answer, Refusal):
        record_refusal(book, grant, keys, answer)
        return No(answer.reason, disclosed.log, disclosed.index)
    weak = _lacking(house, book, grant, answer)
    if weak is not None:
        return weak
    holdings = book.get(HOLDINGS, grant.citizen)
    sealed = []
    for name, version in disclosed.items:
        value = holdings.get(name) if holdings is not None else None
        if value is None or value.version != version:
            return No("values_changed", disclosed.log, disclosed.index)
        sealed.append(value)
    witnessed = purpose_of(book, grant).witnessed
    return Yes(answer, tuple(sealed), keys, disclosed.id, grant, disclosed.log, disclosed.index, witnessed)


def _lacking(house: House, book: Book, grant: Grant, permit: Permit) -> InsufficientUserAuthentication | None:
    """Why the sign-in behind *grant* is not enough for what *permit* opens; what is not special takes none."""
    if permit.attributes.isdisjoint(SPECIAL):
        return None
    return lacking(house.step_up, sign_in_of(grant), at=book.at)


def sign_in_of(grant: Grant) -> SignIn | None:
    """The sign-in under which she agreed to *grant* as it is now; None for one of before that was written down."""
    if grant.acr is None or grant.signed_in_at is None:
        return None
    return SignIn(grant.acr, grant.signed_in_at)
