"""A client turns a code into tokens, a refresh token into a new access token, or asks one for itself.

A code works once: the check and the mark are one transaction. A second try kills what the first one got (RFC 6749
§4.1.2). Refresh tokens live as long as the grant and are not rotated (FAPI 2.0 §5.3.2.1-9).
"""

from typing import Literal, cast

import msgspec
from msgspec.structs import replace

from consent.grants.grant import Grant
from consent.oauth.batches import BATCH_TOKEN_LIFE, check_batch_details
from consent.oauth.dpop import Proof
from consent.oauth.par import ACCESS_TOKEN_LIFE
from consent.oauth.step_up import SignIn
from consent.oauth.token import (
    ClientCredentials,
    CodeExchange,
    Refresh,
    Token,
    access_handle,
    check_code,
    check_refresh,
    handle_from,
    handle_hash,
    held_to,
    is_reused,
)
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, CODE, GRANT, KEYS, ORGANISATION, PURPOSE, TOKEN, Ask
from consent.vault.keys import pairwise_id
from consent.words.errors import InvalidGrant, InvalidRequest, UnauthorizedClient

from .approve import settings_from
from .disclose import sign_in_of
from .house import House
from .once import Caller, asks, spend

_Kind = Literal["access", "refresh", "client", "batch"]


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What the client gets. Grant and `sub` are None for a token of the client itself."""

    access_token: str
    expires_in: int  # seconds
    refresh_token: str | None = None
    grant: Grant | None = None
    sub: str | None = None
    is_batch: bool = False  # a token of the client itself, for batches only

    @property
    def sign_in(self) -> SignIn | None:
        """The sign-in under which she agreed, if it was written down."""
        return sign_in_of(self.grant) if self.grant is not None else None


async def redeem(house: House, caller: Caller, form: CodeExchange | Refresh | ClientCredentials) -> Tokens:
    """Answer a token request.

    Raises InvalidGrant, InvalidRequest, InvalidClient, InvalidDpopProof, InvalidAuthorizationDetails,
    UnauthorizedClient.
    """
    if caller.proof is None:
        # RFC 9449 §5; FAPI 2.0 §5.3.2.1-4: every token here is bound to a key.
        raise InvalidRequest("a token request needs a DPoP proof")
    if isinstance(form, ClientCredentials):
        if form.details is not None:
            check_batch_details(form.details, issuer=house.issuer)
        return await _for_the_client(house, caller, caller.proof, is_batch=form.details is not None)
    if isinstance(form, Refresh):
        return await _refresh(house, caller, caller.proof, form)
    return await _exchange(house, caller, caller.proof, form)


async def _exchange(house: House, caller: Caller, proof: Proof, form: CodeExchange) -> Tokens:
    code_hash = handle_hash(form.code)
    access = access_handle(house.chance(32), needs_nonce=caller.needs_nonce)
    refresh = handle_from(house.chance(32))

    def story(book: Book) -> Story[Tokens | InvalidGrant]:
        yield [CODE.one(code_hash), TOKEN.by("of_code", code_hash), *asks(caller), CLIENT.one(caller.client)]
        code = book.get(CODE, code_hash)
        yield [] if code is None else [GRANT.one(code.grant)]
        grant = book.get(GRANT, code.grant) if code is not None else None
        yield [] if grant is None else _asks_for(grant)
        yield TURN
        code = book.get(CODE, code_hash)
        if is_reused(code, client_id=caller.client):
            # Somebody else may have had the code first: what came of it dies with this try.
            spend(book, caller)
            for token in book.tokens_of(code_hash):
                if token.revoked_at is None:
                    book.put(TOKEN, replace(token, revoked_at=book.at))
            return InvalidGrant("the code has been used, and what came of it is dead; ask the citizen again")
        good = check_code(code, form, client_id=caller.client, jkt=proof.jkt, at=book.at)
        grant = book.get(GRANT, good.grant)
        sub = _sub(book, grant, caller)
        if grant is None or sub is None:
            raise InvalidGrant("the grant is not active; ask the citizen again")
        _check_standing(book, grant, caller)
        spend(book, caller)
        book.put(CODE, replace(good, used_at=book.at))
        book.put(TOKEN, _token(access, "access", caller, proof, book, grant, code_hash))
        book.put(TOKEN, _token(refresh, "refresh", caller, proof, book, grant, code_hash))
        return Tokens(
            access_token=access,
            expires_in=_seconds_left(book, grant),
            refresh_token=refresh,
            grant=grant,
            sub=sub,
        )

    # An error that a story returns is raised here like any other, after what it wrote is committed.
    return cast("Tokens", (await house.scribe.do(story)).outcome)


async def _refresh(house: House, caller: Caller, proof: Proof, form: Refresh) -> Tokens:
    refresh_hash = handle_hash(form.refresh_token)
    access = access_handle(house.chance(32), needs_nonce=caller.needs_nonce)

    def story(book: Book) -> Story[Tokens]:
        yield [TOKEN.one(refresh_hash), *asks(caller), CLIENT.one(caller.client)]
        token = book.get(TOKEN, refresh_hash)
        yield [GRANT.one(token.grant)] if token is not None and token.grant is not None else []
        grant = book.get(GRANT, token.grant) if token is not None and token.grant is not None else None
        yield [] if grant is None else _asks_for(grant)
        yield TURN
        token = book.get(TOKEN, refresh_hash)
        grant = book.get(GRANT, token.grant) if token is not None and token.grant is not None else None
        if token is not None and grant is not None:
            token = held_to(token, until=grant.expires_at)
        good = check_refresh(token, client_id=caller.client, jkt=proof.jkt, at=book.at)
        sub = _sub(book, grant, caller)
        if grant is None or sub is None:
            raise InvalidGrant("the grant is not active; ask the citizen again")
        _check_standing(book, grant, caller)
        spend(book, caller)
        book.put(TOKEN, _token(access, "access", caller, proof, book, grant, good.code))
        return Tokens(access_token=access, expires_in=_seconds_left(book, grant), grant=grant, sub=sub)

    return (await house.scribe.do(story)).outcome


async def _for_the_client(house: House, caller: Caller, proof: Proof, *, is_batch: bool) -> Tokens:
    life = BATCH_TOKEN_LIFE if is_batch else ACCESS_TOKEN_LIFE
    access = access_handle(house.chance(32), needs_nonce=caller.needs_nonce)

    def story(book: Book) -> Story[Tokens]:
        yield [*asks(caller), CLIENT.one(caller.client)]
        client = book.get(CLIENT, caller.client)
        yield [] if client is None else [ORGANISATION.one(client.organisation)]
        yield TURN
        _check_standing(book, None, caller)
        client = book.get(CLIENT, caller.client)
        if is_batch and (client is None or not settings_from(client.settings).batch_disclosure):
            raise UnauthorizedClient("the operator has not approved batch_disclosure for this client")
        spend(book, caller)
        kind: _Kind = "batch" if is_batch else "client"
        book.put(TOKEN, _token(access, kind, caller, proof, book, None, None))
        return Tokens(access_token=access, expires_in=life // 1_000_000, is_batch=is_batch)

    return (await house.scribe.do(story)).outcome


def _asks_for(grant: Grant) -> list[Ask]:
    """The rows that say what a grant still opens."""
    return [
        KEYS.one(grant.citizen),
        ORGANISATION.one(grant.organisation),
        PURPOSE.one(grant.purpose, grant.purpose_version),
    ]


def _check_standing(book: Book, grant: Grant | None, caller: Caller) -> None:
    """Refuse tokens while an approval is suspended. Raises UnauthorizedClient, which ends nothing: code and refresh
    token work again once it is restored, where invalid_grant would make the client throw them away."""
    client = book.get(CLIENT, caller.client)
    organisation = book.get(ORGANISATION, client.organisation) if client is not None else None
    purpose = book.get(PURPOSE, (grant.purpose, grant.purpose_version)) if grant is not None else None
    asked = [client, organisation, *([purpose] if grant is not None else [])]
    if any(row is None or row.status != "approved" for row in asked):
        raise UnauthorizedClient("this is suspended; nothing is lost, turn to the operator")


def _sub(book: Book, grant: Grant | None, caller: Caller) -> str | None:
    """Her name at the organisation, or None when the grant opens nothing (any more)."""
    if grant is None or grant.client != caller.client or not grant.is_live(at=book.at):
        return None
    wrapped = book.get(KEYS, grant.citizen)
    if wrapped is None:
        return None
    return pairwise_id(book.keys_of(wrapped).subject, grant.organisation)


def _seconds_left(book: Book, grant: Grant) -> int:
    """An access token never outlives its grant."""
    return max(1, (min(book.at + ACCESS_TOKEN_LIFE, grant.expires_at) - book.at) // 1_000_000)


def _token(
    handle: str,
    kind: _Kind,
    caller: Caller,
    proof: Proof,
    book: Book,
    grant: Grant | None,
    code: bytes | None,
) -> Token:
    if grant is None:
        expires_at = book.at + (BATCH_TOKEN_LIFE if kind == "batch" else ACCESS_TOKEN_LIFE)
    elif kind == "refresh":
        expires_at = grant.expires_at
    else:
        expires_at = min(book.at + ACCESS_TOKEN_LIFE, grant.expires_at)
    return Token(
        hash=handle_hash(handle),
        kind=kind,
        client=caller.client,
        grant=grant.id if grant is not None else None,
        jkt=proof.jkt,
        issued_at=book.at,
        expires_at=expires_at,
        revoked_at=None,
        code=code,
    )
