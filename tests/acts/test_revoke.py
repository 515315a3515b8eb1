"""An organisation ends a grant itself: dead at once, once, and told to the citizen as what it is."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from consent.acts.disclose import Given, Refused
from consent.acts.overview import overview
from consent.acts.receipt import receipt
from consent.acts.revoke import revoke
from consent.acts.timeline import timeline
from consent.oauth.token import handle_hash
from consent.words.errors import InsufficientScope, InvalidDpopProof, InvalidGrant, NotFound
from tests.world import MUNICIPALITY, World


async def entries(world: World) -> int:
    size: int = (await world.house.store.read("head.get", world.house.log))[0][2]
    return size


async def test_it_and_its_tokens_are_dead_at_once_and_the_log_says_who_and_why(world: World) -> None:
    given = await world.given()
    ended = await world.let_go(given.grant)
    assert (ended.state, ended.ended_at) == ("revoked", world.at)
    assert await world.disclose(given.tokens) == Refused("not_active")
    with pytest.raises(InvalidGrant):
        await world.refresh(given.tokens)
    ((*_, octets),) = await world.house.store.read("opening.get", world.house.log, ended.index + 1)
    record = msgspec.json.decode(octets)
    assert (record["ev"], record["by"], record["reason"]) == ("revoked", "organisation", "organisation_asked")
    assert (record["c"], record["n"]) == (ended.index, 1)


async def test_a_second_time_changes_nothing_and_neither_does_ending_what_she_stopped(world: World) -> None:
    given = await world.given()
    await world.let_go(given.grant)
    size = await entries(world)
    assert (await world.let_go(given.grant)).state == "revoked"
    assert await entries(world) == size
    other = await world.given(citizen=world.citizen("riet"))
    await world.stop(other.grant, citizen=other.citizen)
    size = await entries(world)
    assert (await world.let_go(other.grant)).state == "withdrawn"
    assert await entries(world) == size


async def test_what_time_had_ended_reads_as_ended_by_time(world: World) -> None:
    given = await world.given(days=1)
    world.pass_time(24 * 3600 + 1)
    assert (await world.let_go(given.grant)).state == "expired"


@pytest.mark.parametrize("name", ["0" * 32, "x", ""])
async def test_unknown_and_foreign_ones_look_alike(world: World, name: str) -> None:
    given = await world.given()
    with pytest.raises(NotFound) as unknown:
        await world.let_go(name)
    with pytest.raises(NotFound) as foreign:
        await world.let_go(given.grant, client="voorbeeld-energie-app")
    assert str(unknown.value) == str(foreign.value)
    assert isinstance(await world.disclose(given.tokens), Given)


async def test_only_a_token_of_the_client_itself_ends_a_grant_and_a_proof_works_once(world: World) -> None:
    given = await world.given()
    path = f"/grants/{given.grant}"
    access = given.tokens.access_token
    with pytest.raises(InsufficientScope):
        await revoke(
            world.house,
            token_hash=handle_hash(access),
            proof=world.proof(MUNICIPALITY, "DELETE", path, access),
            grant=given.grant,
        )
    token = await world.own_token()
    proof = world.proof(MUNICIPALITY, "DELETE", path, token)
    await revoke(world.house, token_hash=handle_hash(token), proof=proof, grant=given.grant)
    with pytest.raises(InvalidDpopProof):
        await revoke(world.house, token_hash=handle_hash(token), proof=proof, grant=given.grant)


async def test_she_reads_that_they_stopped_it_and_not_that_she_or_somebody_else_did(world: World) -> None:
    given = await world.given()
    await world.let_go(given.grant)
    await world.disclose(given.tokens)  # a refusal after the end must not hide who ended it
    (month,) = (await timeline(world.house, citizen=given.citizen, language="nl")).months
    assert [line.kind for line in month.lines] == ["refused", "let_go", "granted"]
    page = await receipt(world.house, citizen=given.citizen, grant=given.grant, language="nl")
    assert (page.ended_how, page.ended_at) == ("let_go", world.at)
    (ended,) = (await overview(world.house, citizen=given.citizen, language="nl")).ended
    assert ended.how == "let_go"


async def test_an_end_and_a_fetch_at_once_stand_in_one_order(world: World, tmp_path: Path) -> None:
    given = await world.given()
    disclosed, ended, late = await asyncio.gather(
        world.disclose(given.tokens), world.let_go(given.grant), world.disclose(given.tokens, key="x")
    )
    assert ended.state == "revoked"
    assert not (isinstance(disclosed, Refused) and isinstance(late, Given))
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


async def test_the_state_of_a_grant_says_when_and_for_what_and_no_cause(world: World) -> None:
    given = await world.given()
    running = await world.state(given.grant)
    assert (running.live, running.grant.given_by, running.updated_at) == (True, "self", world.at)
    began = world.at
    world.pass_time(60)
    await world.let_go(given.grant)
    over = await world.state(given.grant)
    assert (over.live, over.updated_at) == (False, began)
