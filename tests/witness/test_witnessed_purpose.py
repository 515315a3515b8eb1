"""A purpose may want its entries witnessed before a value leaves: then a log that nobody else saw gives nothing out."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from consent.acts import publish
from consent.acts.approve import approve
from consent.acts.disclose import Given, Refused
from consent.acts.gather import Given as Gathered
from consent.acts.gather import Refused as RefusedOfMany
from consent.acts.withdraw import withdraw
from consent.errands.asker import Asker
from consent.ledger.cosignature import check_cosignatures
from consent.ledger.proof import check_proof
from consent.seed import read_seed
from consent.words.errors import NotWitnessed
from tests.gathering import allow_batches, batch_token, gather, grants, item
from tests.witness.witnessed_house import Town
from tests.world import NEEDED, PURPOSE, World
from tests.world import Given as Said


async def said_yes(world: World) -> Said:
    """A grant under a version of the purpose that wants witnesses."""
    file = next(f for f in read_seed().organisations if any(p.id == PURPOSE for p in f.purposes))
    purpose = next(p for p in file.purposes if p.id == PURPOSE)
    await world.house.scribe.do(approve(file.organisation, [], [replace(purpose, version=2, witnessed=True)]))
    answered = await world.answer(await world.ask(version=2), chosen=NEEDED)
    code = await world.code(answered)
    return Said(world.citizen(), answered.grant, code, await world.exchange(code))


async def entries(world: World) -> int:
    return (await publish.head(world.house, world.house.log)).size


async def test_values_leave_with_a_proof_that_the_witnesses_signed(world: World, tmp_path: Path) -> None:
    town = Town(world, tmp_path / "w", a="org-a", b="org-b", c="org-c")
    said = await said_yes(world)
    asker = Asker(world.house, interval=0.05)
    asker.start()
    try:
        given = await world.disclose(said.tokens, key="k")
    finally:
        await asker.stop()
    assert isinstance(given, Given)
    assert len(given.values) == len(NEEDED)
    check_proof(given.proof, given.leaf, [world.house.vkey])
    signers = check_cosignatures(given.proof.partition("\n\n")[2], [w.vkey for w in town.policy.witnesses])
    assert town.policy.is_met(list(signers))


async def test_without_the_quorum_the_entry_stands_and_nothing_leaves_until_a_retry(
    world: World, tmp_path: Path
) -> None:
    town = Town(world, tmp_path / "w", seconds=0.05, a="org-a")
    town.dead = {"a"}
    said = await said_yes(world)
    before = await entries(world)
    for _ in range(2):
        with pytest.raises(NotWitnessed):
            await world.disclose(said.tokens, key="k")
    assert await entries(world) == before + 1, "one entry, however often it is repeated"
    town.dead = set()
    await Asker(world.house).round()
    given = await world.disclose(said.tokens, key="k")
    assert isinstance(given, Given)
    assert given.opening.index == before
    assert await entries(world) == before + 1


async def test_who_stops_while_the_witnesses_are_awaited_is_not_passed_by(
    world: World, tmp_path: Path
) -> None:
    """The entry is older than the withdrawal, but the value would leave after it was acknowledged."""
    town = Town(world, tmp_path / "w", a="org-a")
    said = await said_yes(world)
    before = await entries(world)
    asking = asyncio.create_task(world.disclose(said.tokens, key="k"))
    async with asyncio.timeout(5):
        await world.house.quorum.wanted.wait()
    assert await entries(world) == before + 1, "the entry is made, the value waits"
    await withdraw(world.house, citizen=said.citizen, grant=said.grant)
    await Asker(world.house).round()
    answer = await asking
    assert isinstance(answer, Refused)
    assert answer.reason == "not_active"
    assert answer.opening is not None
    assert answer.opening.index == before, "it did happen, and the proof of it goes out"
    assert town.asked["a"] > 0


async def test_a_service_without_witnesses_gives_nothing_under_such_a_purpose(world: World) -> None:
    said = await said_yes(world)
    with pytest.raises(NotWitnessed):
        await world.disclose(said.tokens, key="k")


async def test_other_purposes_wait_for_nobody(world: World, tmp_path: Path) -> None:
    town = Town(world, tmp_path / "w", a="org-a")
    town.dead = {"a"}
    said = await world.given()
    assert isinstance(await world.disclose(said.tokens), Given)
    assert town.asked["a"] == 0


async def test_a_batch_waits_once_for_all_that_want_witnesses_and_holds_up_nothing_else(
    world: World, tmp_path: Path
) -> None:
    town = Town(world, tmp_path / "w", seconds=60, a="org-a")
    await allow_batches(world)
    said, plain = await said_yes(world), (await grants(world, 1))[0]
    before = await entries(world)
    token = await batch_token(world)
    asking = asyncio.create_task(
        gather(world, token, *[item(one.grant, *NEEDED) for one in (said, plain, said)])
    )
    async with asyncio.timeout(60):
        await world.house.quorum.wanted.wait()
    assert await entries(world) == before + 3, "the entries are made, the values wait"
    await Asker(world.house).round()
    got = await asking
    assert [type(one) for one in got.results] == [Gathered] * 3
    (proof,) = got.proofs
    signers = check_cosignatures(proof.note, [w.vkey for w in town.policy.witnesses])
    assert town.policy.is_met(list(signers))


async def test_who_stops_while_a_batch_waits_for_witnesses_is_not_passed_by(
    world: World, tmp_path: Path
) -> None:
    Town(world, tmp_path / "w", seconds=60, a="org-a")
    await allow_batches(world)
    said, plain = await said_yes(world), (await grants(world, 1))[0]
    before = await entries(world)
    token = await batch_token(world)
    asking = asyncio.create_task(gather(world, token, *[item(one.grant, *NEEDED) for one in (said, plain)]))
    async with asyncio.timeout(60):
        await world.house.quorum.wanted.wait()
    await withdraw(world.house, citizen=said.citizen, grant=said.grant)
    await Asker(world.house).round()
    stopped, given = (await asking).results
    assert isinstance(stopped, RefusedOfMany)
    assert stopped.reason == "not_active"
    assert stopped.entry is not None
    assert stopped.entry.opening.index == before
    assert isinstance(given, Gathered)


async def test_without_the_quorum_only_what_wants_it_is_held_back(world: World, tmp_path: Path) -> None:
    town = Town(world, tmp_path / "w", seconds=0.05, a="org-a")
    town.dead = {"a"}
    await allow_batches(world)
    said, plain = await said_yes(world), (await grants(world, 1))[0]
    held, given = (
        await gather(world, await batch_token(world), *[item(one.grant, *NEEDED) for one in (said, plain)])
    ).results
    assert isinstance(held, NotWitnessed)
    assert isinstance(given, Gathered)
