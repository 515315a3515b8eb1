"""Attack: an Idempotency-Key as a way around the log. A key may repeat an answer, never widen it."""

import asyncio

import pytest

from consent.acts.disclose import Given, Refused
from consent.words.errors import Conflict
from tests.world import NEEDED, World


async def size(world: World) -> int:
    ((_, _, entries, *_),) = await world.house.store.read("head.get", world.house.log)
    return int(entries)


async def test_a_key_of_one_citizens_disclosure_opens_nothing_of_anothers(world: World) -> None:
    sanne = await world.given()
    riet = await world.given(citizen=world.citizen("riet"))
    assert isinstance(await world.disclose(sanne.tokens, key="one"), Given)
    before = await size(world)
    with pytest.raises(Conflict):
        await world.disclose(riet.tokens, key="one")
    assert await size(world) == before


async def test_a_key_of_an_older_grant_gives_no_values_under_the_new_one_without_an_entry(
    world: World,
) -> None:
    old = await world.given()
    assert isinstance(await world.disclose(old.tokens, key="one"), Given)
    new = await world.given()
    with pytest.raises(Conflict):
        await world.disclose(new.tokens, key="one")
    retry = await world.disclose(old.tokens, key="one")
    assert isinstance(retry, Refused)
    assert retry.reason == "not_active"


async def test_the_same_key_twice_at_once_is_one_disclosure_with_one_entry(world: World) -> None:
    given = await world.given()
    before = await size(world)
    one, two = await asyncio.gather(
        world.disclose(given.tokens, key="one"), world.disclose(given.tokens, key="one")
    )
    assert isinstance(one, Given)
    assert isinstance(two, Given)
    assert (one.disclosure, one.leaf, one.values) == (two.disclosure, two.leaf, two.values)
    assert await size(world) == before + 1


async def test_the_same_key_with_other_names_at_once_is_one_disclosure_and_one_conflict(world: World) -> None:
    given = await world.given()
    before = await size(world)
    one, two = await asyncio.gather(
        world.disclose(given.tokens, "household_size", key="one"),
        world.disclose(given.tokens, "income_below_threshold", key="one"),
        return_exceptions=True,
    )
    assert isinstance(one, Given)
    assert isinstance(two, Conflict)
    assert await size(world) == before + 1


async def test_after_a_stop_a_key_gives_the_old_proof_and_no_value(world: World) -> None:
    given = await world.given(chosen=NEEDED | {"energy_supplier"})
    first = await world.disclose(given.tokens, key="one")
    assert isinstance(first, Given)
    stopped, retry = await asyncio.gather(world.stop(given.grant), world.disclose(given.tokens, key="one"))
    assert isinstance(retry, Refused)
    assert (retry.reason, retry.leaf) == ("not_active", first.leaf)
    assert retry.opening is not None
    assert retry.opening.detail is None
    assert stopped.grant.state == "withdrawn"


async def test_a_key_of_another_client_is_its_own_and_hits_nothing(world: World) -> None:
    given = await world.given()
    first = await world.disclose(given.tokens, key="one")
    other = await world.ask(
        client="voorbeeld-energie-app", purpose="besparen", attributes=("energy_contract_number",)
    )
    answered = await world.answer(other, chosen=frozenset({"energy_contract_number"}))
    code = await world.code(answered)
    tokens = await world.exchange(code, client="voorbeeld-energie-app")
    theirs = await world.disclose(tokens, key="one", client="voorbeeld-energie-app")
    assert isinstance(first, Given)
    assert isinstance(theirs, Given)
    assert theirs.disclosure != first.disclosure
