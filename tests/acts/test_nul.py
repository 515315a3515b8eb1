"""A NUL in a name: one engine keeps it, the other falls over it. It is refused before either sees it."""

import secrets

import pytest
from consent_sdk.keys import client_assertion
from msgspec.structs import replace

from consent.acts import admit, audit
from consent.acts.approve import purpose_from
from consent.acts.authenticate import authenticate
from consent.acts.operate import Operator
from consent.acts.propose import propose
from consent.oauth.clients import ASSERTION_TYPE
from consent.oauth.token import handle_hash
from consent.storage.kinds import PURPOSE
from consent.words.errors import BadInput, InvalidClient, NotFound
from consent.words.instants import DAY, SECOND
from tests.world import MUNICIPALITY, World

ANNA = Operator("anna")


async def test_a_client_that_names_itself_with_a_nul(world: World) -> None:
    """Nobody has proved anything yet when a client is looked up."""
    assertion = client_assertion(
        world.keys[MUNICIPALITY],
        client_id=f"{MUNICIPALITY}\x00",
        issuer=world.house.issuer,
        at=world.at // SECOND,
        jti=secrets.token_urlsafe(16),
    )
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    with pytest.raises(InvalidClient):
        await authenticate(world.house, form, proofs=[], method="POST", url=f"{world.house.issuer}/oauth/par")


async def test_a_template_with_a_nul(world: World) -> None:
    given = await world.given()
    disclosed = await world.disclose(given.tokens)
    with pytest.raises(BadInput, match="no such template"):
        await world.use(given.tokens, disclosed.disclosure, template="letter\x00")


async def test_a_purpose_with_a_nul(world: World) -> None:
    (row,) = await world.house.store.read(PURPOSE.get, "energietoeslag", 1)
    wanted = replace(purpose_from(PURPOSE.from_row(row).record), id="a\x00")
    token = await world.own_token()
    proof = world.proof(MUNICIPALITY, "POST", "/organisation/purposes", token)
    with pytest.raises(BadInput, match="id: "):
        await propose(world.house, token_hash=handle_hash(token), proof=proof, purpose=wanted)


async def test_an_organisation_with_a_nul(world: World) -> None:
    until, chance = world.at + DAY, secrets.token_bytes(32)
    with pytest.raises(NotFound):
        admit.invite("a\x00", clients=1, expires_at=until, by=ANNA, chance=chance)
    with pytest.raises(NotFound):
        audit.admit(
            auditor="visitor",
            organisation="a\x00",
            from_at=0,
            until_at=1,
            reason="a complaint",
            expires_at=until,
            by=ANNA,
            chance=chance,
        )
