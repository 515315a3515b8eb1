"""Attack: time. Answers after the end, clocks set back, the last microsecond before the end."""

from pathlib import Path

import pytest

from consent.acts import ask as asking
from consent.acts.disclose import Given, Refused
from consent.acts.redeem import Tokens, redeem
from consent.acts.tidy import tidy
from consent.oauth.metadata import TOKEN_PATH
from consent.oauth.token import Refresh
from consent.words.errors import InvalidDpopProof, InvalidGrant, InvalidToken
from consent.words.instants import SECOND
from tests.world import MUNICIPALITY, World
from tests.world import Given as Yes

DAY = 24 * 3600


async def refreshed(world: World, given: Yes) -> Tokens:
    _, caller = await world.caller(MUNICIPALITY, {}, TOKEN_PATH)
    return await redeem(world.house, caller, Refresh(refresh_token=str(given.tokens.refresh_token)))


async def test_a_yes_after_the_day_until_which_it_was_asked_is_too_late(world: World, tmp_path: Path) -> None:
    request = await world.ask(days=1)
    world.pass_time(290)
    await asking.look(world.house, citizen=world.citizen(), request=request, language="nl")
    world.pass_time(DAY - 291)
    last = await asking.look(world.house, citizen=world.citizen(), request=request, language="nl")
    world.pass_time(1)
    assert last.shown.until == world.at
    with pytest.raises(asking.Gone):
        await world.answer(request)
    assert (await world.audit(tmp_path / "log")).size == 1


async def test_the_last_microsecond_still_opens_and_the_instant_itself_does_not(world: World) -> None:
    given = await world.given(days=1)
    assert given.tokens.grant is not None
    world.pass_time((given.tokens.grant.expires_at - world.at) / SECOND - 60)
    tokens = await refreshed(world, given)
    world.pass_time(60 - 1 / SECOND)
    assert world.at == given.tokens.grant.expires_at - 1
    assert isinstance(await world.disclose(tokens, *given.tokens.grant.attributes), Given)
    world.pass_time(1 / SECOND)
    with pytest.raises(InvalidToken):  # an access token never outlives its grant
        await world.disclose(tokens, *given.tokens.grant.attributes)
    with pytest.raises(InvalidGrant):
        await refreshed(world, given)


async def test_a_clock_set_back_brings_no_ended_grant_back(world: World) -> None:
    given = await world.given()
    await world.stop(given.grant)
    world.pass_time(-3600)
    assert await world.disclose(given.tokens) == Refused("not_active")


async def test_a_clock_set_back_after_sweeping_makes_no_old_proof_good(world: World) -> None:
    given = await world.given()
    proof = world.proof(MUNICIPALITY, "POST", "/disclosures", given.tokens.access_token)
    assert isinstance(await world.disclose(given.tokens, proof=proof), Given)
    world.pass_time(120)
    await world.house.scribe.do(tidy())
    world.pass_time(-110)
    with pytest.raises(InvalidDpopProof):
        await world.disclose(given.tokens, proof=proof)


async def test_a_request_uri_ends_by_itself(world: World) -> None:
    request = await world.ask()
    world.pass_time(300)
    with pytest.raises(asking.Gone):
        await asking.look(world.house, citizen=world.citizen(), request=request, language="nl")
