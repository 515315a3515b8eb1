"""A client asks what a token or a grant still is, or throws a token away. It learns nothing about others' tokens."""

from typing import Any

import msgspec
from msgspec.structs import replace

from consent.grants.decide import Standing
from consent.grants.grant import Grant
from consent.grants.request import granted_details
from consent.oauth.batches import batch_details
from consent.oauth.dpop import Proof
from consent.oauth.introspect import SIGNED_TYPE, introspection, introspection_claims
from consent.oauth.jose import sign_jws
from consent.oauth.revoke import revocation
from consent.oauth.token import check_access, handle_hash, held_to
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, GRANT, GRANT_VERSION, KEYS, ORGANISATION, PURPOSE, TOKEN, USED
from consent.vault.keys import pairwise_id
from consent.words.errors import InsufficientScope, NotFound
from consent.words.ids import is_id

from .disclose import sign_in_of
from .house import House
from .once import Caller, asks, spend, spend_proof
from .standing import standing_of


async def introspect(house: House, caller: Caller, token: str) -> dict[str, Any]:
    """What a token still is (RFC 7662), for its own client only. Raises InvalidClient on a replayed assertion."""
    token_hash = handle_hash(token)

    def story(book: Book) -> Story[dict[str, Any]]:
        yield [TOKEN.one(token_hash), *asks(caller)]
        found = book.get(TOKEN, token_hash)
        yield [] if found is None or found.grant is None else [GRANT.one(found.grant)]
        grant = book.get(GRANT, found.grant) if found is not None and found.grant is not None else None
        yield (
            []
            if grant is None
            else [
                KEYS.one(grant.citizen),
                CLIENT.one(grant.client),
                ORGANISATION.one(grant.organisation),
                PURPOSE.one(grant.purpose, grant.purpose_version),
            ]
        )
        yield TURN
        spend(book, caller)
        found = book.get(TOKEN, token_hash)
        grant = book.get(GRANT, found.grant) if found is not None and found.grant is not None else None
        wrapped = book.get(KEYS, grant.citizen) if grant is not None else None
        if found is not None and grant is not None:
            found = held_to(found, until=grant.expires_at)
        live = grant is not None and wrapped is not None and grant.is_live(at=book.at)
        if live and grant is not None:  # suspended, it opens nothing: active comes back with the restoring
            live = standing_of(book, grant) == Standing(organisation=True, client=True, purpose=True)
        return introspection(
            found,
            caller=caller.client,
            issuer=house.issuer,
            at=book.at,
            grant_is_live=live,
            subject=pairwise_id(book.keys_of(wrapped).subject, grant.organisation)
            if grant and wrapped
            else None,
            authorization_details=granted_details(grant, issuer=house.issuer)
            if grant is not None
            else batch_details(house.issuer)
            if found is not None and found.kind == "batch"
            else None,
            sign_in=sign_in_of(grant) if grant is not None else None,
        )

    return (await house.scribe.do(story)).outcome


def signed_introspection(house: House, caller: Caller, facts: dict[str, Any]) -> str:
    """What `introspect` answered, signed for *caller* and nobody else (RFC 9701 §5)."""
    claims = introspection_claims(facts, issuer=house.issuer, caller=caller.client, at=house.clock())
    return sign_jws(claims, key=house.server_key, type=SIGNED_TYPE)


async def throw_away(house: House, caller: Caller, token: str) -> None:
    """Kill a token, never the grant (RFC 7009). An unknown or foreign one changes nothing and looks the same."""
    token_hash = handle_hash(token)

    def story(book: Book) -> Story[None]:
        yield [TOKEN.one(token_hash), *asks(caller)]
        found = book.get(TOKEN, token_hash)
        yield [TOKEN.by("of_code", found.code)] if found is not None and found.code is not None else []
        yield TURN
        spend(book, caller)
        dead = revocation(book.get(TOKEN, token_hash), client_id=caller.client)
        if dead is None:
            return
        falling = book.tokens_of(dead.code) if dead.code is not None else []
        own = book.get(TOKEN, dead.hash)
        for one in {t.hash: t for t in [*falling, *([own] if own else [])]}.values():
            if one.revoked_at is None:
                book.put(TOKEN, replace(one, revoked_at=book.at))

    await house.scribe.do(story)


class GrantState(msgspec.Struct, frozen=True):
    """A grant as its own organisation may see it: no cause, no person. `updated_at` is when its version began."""

    grant: Grant
    live: bool
    updated_at: int


async def grant_state(house: House, *, token_hash: bytes, proof: Proof, grant: str) -> GrantState:
    """What a grant of this client still is. Raises NotFound for a foreign, unknown or erased one; InvalidToken."""

    def story(book: Book) -> Story[GrantState]:
        versions = GRANT_VERSION.by("of_grant", grant)
        asked = [GRANT.one(grant), versions] if is_id(grant) else []
        yield [TOKEN.one(token_hash), USED.one(proof.jti_hash), *asked]
        yield TURN
        found = own_grant(book, grant, token_hash, proof)
        spend_proof(book, proof)
        began = book.get(GRANT_VERSION, (found.id, found.version))
        return GrantState(
            found, found.is_live(at=book.at), began.from_at if began is not None else found.granted_at
        )

    return (await house.scribe.do(story)).outcome


def own_grant(book: Book, grant: str, token_hash: bytes, proof: Proof) -> Grant:
    """The grant that a client names with a token of its own. Raises NotFound, InvalidToken, InsufficientScope."""
    token = check_access(book.get(TOKEN, token_hash), jkt=proof.jkt, at=book.at)
    if token.kind != "client":
        raise InsufficientScope("ask with a token of the client itself (client_credentials)")
    found = book.get(GRANT, grant)
    if found is None or found.client != token.client:
        raise NotFound("there is no such grant")
    return found
