"""An organisation answers a signal: "we heard it", and, after an ending or a change that took something away, "what we
had of it is gone", signed.

Both are entries under the grant, so the citizen reads them and an auditor finds them. A second time changes nothing.
"""

import hashlib
from base64 import b64encode

import msgspec
from msgspec.structs import replace

from consent.grants.grant import Grant
from consent.oauth.dpop import Proof
from consent.oauth.signals import Deletion, Scope, check_deletion_statement
from consent.oauth.token import Token, check_access
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, DELETION, DISCLOSED, DROPPED, GRANT, KEYS, SIGNAL, TOKEN, USED
from consent.storage.rows import Dropped, StatedDeletion
from consent.vault.keys import CitizenKeys, pairwise_id
from consent.words.errors import BadInput, InsufficientScope, NotFound, StillActive
from consent.words.ids import is_id
from consent.words.instants import SECOND

from .approve import client_from
from .house import House
from .once import spend_proof


class Acknowledged(msgspec.Struct, frozen=True):
    """Which signal, and when it was acknowledged (microseconds)."""

    signal: str
    at: int


async def acknowledge(house: House, *, token_hash: bytes, proof: Proof, signal: str) -> Acknowledged:
    """Take a client's word that it heard a signal. Raises NotFound for a foreign or unknown one, InvalidToken."""

    def story(book: Book) -> Story[Acknowledged]:
        yield [
            TOKEN.one(token_hash),
            USED.one(proof.jti_hash),
            *([SIGNAL.one(signal)] if is_id(signal) else []),
        ]
        heard = book.get(SIGNAL, signal)
        yield [] if heard is None else [GRANT.one(heard.grant)]
        grant = book.get(GRANT, heard.grant) if heard is not None else None
        yield [] if grant is None else [KEYS.one(grant.citizen)]
        yield TURN
        token = _own_token(book, token_hash, proof)
        heard = book.get(SIGNAL, signal)
        if heard is None or heard.client != token.client:
            raise NotFound("there is no such signal")
        grant, keys = _own_grant(book, heard.grant, token)
        spend_proof(book, proof)
        if heard.acknowledged_at is not None:
            return Acknowledged(heard.id, heard.acknowledged_at)
        index, _ = book.record_event(
            "acknowledged",
            citizen=grant.citizen,
            keys=keys,
            grant=grant,
            by="organisation",
            detail=lambda _: {
                "sub": pairwise_id(keys.subject, grant.organisation),
                "signal": heard.id,
                "about": heard.event,
            },
        )
        # Whoever answers has it, also when its "202" was lost on the way.
        delivered_at = heard.delivered_at if heard.delivered_at is not None else book.at
        book.put(
            SIGNAL,
            replace(
                heard,
                delivered_at=delivered_at,
                next_try=None,
                dead_at=None,
                failure=None,
                acknowledged_at=book.at,
                acknowledged_index=index,
            ),
        )
        return Acknowledged(heard.id, book.at)

    return (await house.scribe.do(story)).outcome


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """A deletion statement that is kept, and the entry it stands under."""

    grant: str
    scope: Scope
    deleted_at: int
    stated_at: int
    log: str
    index: int
    attributes: tuple[str, ...] = ()  # what it is about; empty: all that was received


async def state_deletion(
    house: House, *, token_hash: bytes, proof: Proof, grant: str, statement: str
) -> Stated:
    """Keep a client's signed statement that what it received is gone: all of it under an ended grant, or the attributes
    that it names and that a change took out of a running one.

    A lesser statement after "all" changes nothing. Raises NotFound (foreign, unknown, erased), StillActive,
    BadInput (not this client's signature, another grant, gone before something went out), InvalidToken.
    """
    if not is_id(grant):
        raise NotFound("there is no such grant")
    deletion, jwks = await _checked(house, token_hash, proof, grant, statement)

    def story(book: Book) -> Story[Stated]:
        yield [
            TOKEN.one(token_hash),
            USED.one(proof.jti_hash),
            GRANT.one(grant),
            DELETION.one(grant, "all"),
            DELETION.one(grant, "all_but_legal_duty"),
            DISCLOSED.by("of_grant", grant, 1),
            DROPPED.by("of_grant", grant),
        ]
        found = book.get(GRANT, grant)
        yield [] if found is None else [KEYS.one(found.citizen)]
        yield TURN
        token = _own_token(book, token_hash, proof)
        given, keys = _own_grant(book, grant, token)
        if deletion.attributes:
            return _state_part(book, given, keys, proof, deletion, statement, jwks)
        if given.is_live(at=book.at):
            raise StillActive("the grant has not ended: what you have may be used, and more may be asked")
        _check_after(
            deletion, max((one.at for one in book.found(DISCLOSED.by("of_grant", grant, 1))), default=0)
        )
        spend_proof(book, proof)
        before = book.get(DELETION, (grant, "all")) or book.get(DELETION, (grant, deletion.scope))
        if before is not None:
            return _stated(before)
        index = _record(book, given, keys, deletion, statement)
        kept = StatedDeletion(
            grant=grant,
            scope=deletion.scope,
            statement=statement,
            jwks=jwks,
            deleted_at=deletion.deleted_at,
            stated_at=book.at,
            log=book.log_of(given.citizen).name,
            index=index,
        )
        book.put(DELETION, kept)
        return _stated(kept)

    return (await house.scribe.do(story)).outcome


def _state_part(
    book: Book,
    given: Grant,
    keys: CitizenKeys,
    proof: Proof,
    deletion: Deletion,
    statement: str,
    jwks: str,
) -> Stated:
    """Keep a statement about attributes that changes took out of the grant, one entry for all that it answers."""
    names = frozenset(deletion.attributes)
    if given.is_live(at=book.at) and not names.isdisjoint(given.attributes):
        raise StillActive("the grant still has one of these attributes: what you have of it may be used")
    taken = [row for row in book.found(DROPPED.by("of_grant", given.id)) if row.attributes]
    about = [row for row in taken if names.issuperset(row.attributes)]
    # No name of the caller's own choosing comes into the log.
    if names != {name for row in about for name in row.attributes}:
        raise BadInput(
            "attributes are all those that a change took away after they were given out, and no others"
        )
    _check_after(deletion, max(row.given_at for row in about))
    spend_proof(book, proof)
    # "all" answers whatever a lesser statement left open; anything again changes nothing.
    open_ones = [row for row in about if row.scope not in ("all", deletion.scope)]
    if not open_ones:
        return _stated_part(about[-1])
    index = _record(book, given, keys, deletion, statement)
    for row in open_ones:
        kept = replace(
            row,
            scope=deletion.scope,
            statement=statement,
            jwks=jwks,
            deleted_at=deletion.deleted_at,
            stated_at=book.at,
            log=book.log_of(given.citizen).name,
            index=index,
        )
        book.put(DROPPED, kept)
    return _stated_part(kept)


def _check_after(deletion: Deletion, newest: int) -> None:
    # In whole seconds, as the statement has it: gone in the very second of the last delivery may be true.
    if deletion.deleted_at < newest - newest % SECOND:
        raise BadInput("deleted_at lies before the last time that something was disclosed")


def _record(book: Book, given: Grant, keys: CitizenKeys, deletion: Deletion, statement: str) -> int:
    """Write the entry of a statement and return its index."""
    index, _ = book.record_event(
        "deletion_stated",
        citizen=given.citizen,
        keys=keys,
        grant=given,
        attributes=deletion.attributes,
        by="organisation",
        reason="legal_obligation" if deletion.scope == "all_but_legal_duty" else None,
        detail=lambda _: {
            "sub": pairwise_id(keys.subject, given.organisation),
            "scope": deletion.scope,
            "statement": b64encode(hashlib.sha256(statement.encode()).digest()).decode(),
        },
    )
    return index


async def _checked(
    house: House, token_hash: bytes, proof: Proof, grant: str, statement: str
) -> tuple[Deletion, str]:
    """The statement, verified with the keys of the client whose token this is, and those keys.

    Outside the transaction: a signature takes time. The token is looked at again inside.
    """
    rows = await house.store.read(TOKEN.get, token_hash)
    token = check_access(TOKEN.from_row(rows[0]) if rows else None, jkt=proof.jkt, at=house.clock())
    (row,) = await house.store.read(CLIENT.get, token.client)
    client = client_from(CLIENT.from_row(row))
    if client.settings.jwks_uri is not None:
        client = replace(client, jwks=await house.client_keys.of(client.settings.jwks_uri, statement))
    deletion = check_deletion_statement(
        statement, client=client.id, keys=client.jwks, issuer=house.issuer, grant=grant, at=house.clock()
    )
    return deletion, msgspec.json.encode(client.jwks).decode()


def _own_token(book: Book, token_hash: bytes, proof: Proof) -> Token:
    token = check_access(book.get(TOKEN, token_hash), jkt=proof.jkt, at=book.at)
    if token.kind != "client":
        raise InsufficientScope("ask with a token of the client itself (client_credentials)")
    return token


def _own_grant(book: Book, name: str, token: Token) -> tuple[Grant, CitizenKeys]:
    """A grant of this client with its citizen's keys; without them nothing can be written about it any more."""
    grant = book.get(GRANT, name)
    wrapped = book.get(KEYS, grant.citizen) if grant is not None else None
    if grant is None or wrapped is None or grant.client != token.client:
        raise NotFound("there is no such grant")
    return grant, book.keys_of(wrapped)


def _stated(kept: StatedDeletion) -> Stated:
    return Stated(
        grant=kept.grant,
        scope=kept.scope,
        deleted_at=kept.deleted_at,
        stated_at=kept.stated_at,
        log=kept.log,
        index=kept.index,
    )


def _stated_part(row: Dropped) -> Stated:
    assert row.scope is not None
    assert row.deleted_at is not None
    assert row.stated_at is not None
    assert row.log is not None
    assert row.index is not None
    return Stated(
        grant=row.grant,
        scope=row.scope,
        deleted_at=row.deleted_at,
        stated_at=row.stated_at,
        log=row.log,
        index=row.index,
        attributes=row.attributes,
    )
