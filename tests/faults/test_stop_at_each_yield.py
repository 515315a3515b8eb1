"""The process ends in the middle of a batch, at every place where it can: then nothing of the batch has happened.

Real batches run on a store that stops them before statement n, for every n, that fails the COMMIT, or that loses
its answer. Each time the database is compared with what it was, row by row, the log is verified by the auditor's
verifier, and the same deeds are done again.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from consent.acts import ask as asking
from consent.acts import disclose as disclosing
from consent.acts import grant as granting
from consent.acts import use as using
from consent.acts import withdraw as withdrawing
from consent.acts.operate import Operator
from consent.acts.register import Kept
from consent.acts.scribe import Written
from consent.acts.suspend import Subject, restore, suspend
from consent.ledger.checkpoint import parse_body, parse_note
from consent.ledger.tiles import needed, root_from
from consent.opening import DATABASE, open_house
from consent.storage.sqlite import SqliteStore
from consent.storage.store import Unknown
from tests.acts.test_register import Developer, invitation
from tests.faults.stopping_store import Stopped, StoppingStore, everything
from tests.world import NEEDED, World

Deed = Callable[[], Awaitable[object]]


class Ground(NamedTuple):
    """A world on a store that can be broken."""

    world: World
    store: StoppingStore
    path: Path


class Scene(NamedTuple):
    """Deeds that go into one batch, what each comes to, and how many entries they add."""

    deeds: tuple[Deed, ...]
    comes_to: tuple[type, ...]
    entries: int


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    path = tmp_path / "data" / DATABASE
    store = StoppingStore(path)
    try:
        async with World.open(tmp_path / "data", store=store) as world:
            yield Ground(world, store, path)
    finally:
        await store.close()


async def grant(world: World) -> Scene:
    return Scene((await yes(world, "amal"),), (granting.Answered,), 1)


async def disclose(world: World) -> Scene:
    given = await world.given()
    return Scene((lambda: world.disclose(given.tokens, key=given.grant),), (disclosing.Given,), 1)


async def withdraw(world: World) -> Scene:
    given = await world.given()
    return Scene((lambda: world.stop(given.grant),), (withdrawing.Stopped,), 1)


async def use(world: World) -> Scene:
    given = await world.given()
    disclosed = await world.disclose(given.tokens)
    assert isinstance(disclosed, disclosing.Given)
    return Scene((lambda: world.use(given.tokens, disclosed.disclosure),), (using.Registered,), 1)


async def suspended(world: World) -> Scene:
    """What an operator takes away before a fetch of the same batch is taken away for it."""
    about = Subject("organisation", "voorbeeldstad")
    await world.house.scribe.do(restore(about, by=Operator("anna")))  # a scene is set more than once
    given = await world.given()
    deeds = (
        lambda: world.house.scribe.do(suspend(about, by=Operator("anna"))),
        lambda: world.disclose(given.tokens),
    )
    return Scene(deeds, (Written, disclosing.Refused), 2)


async def registered(world: World) -> Scene:
    """A place of an invitation is used up together with the registration, or neither is."""
    developer = Developer(world)
    token = await invitation(world)
    return Scene((lambda: developer.register(token),), (Kept,), 0)


async def mixed(world: World) -> Scene:
    """All kinds at once: the disclosure before the stop is given, the one after it is refused."""
    given = await world.given()
    disclosed = await world.disclose(given.tokens)
    assert isinstance(disclosed, disclosing.Given)
    deeds = (
        lambda: world.disclose(given.tokens, key=given.grant),
        lambda: world.use(given.tokens, disclosed.disclosure),
        await yes(world, "amal"),
        lambda: world.stop(given.grant),
        lambda: world.disclose(given.tokens),
        await yes(world, "riet", decision="no"),
    )
    kinds = (
        disclosing.Given,
        using.Registered,
        granting.Answered,
        withdrawing.Stopped,
        disclosing.Refused,
        granting.Answered,
    )
    return Scene(deeds, kinds, 6)


async def yes(world: World, persona: str, *, decision: str = "yes") -> Deed:
    """An answer to a request that its citizen has in front of her. Her grant from before, if any, is ended first."""
    citizen = world.citizen(persona)
    for row in await world.house.store.read("grant.of_citizen", citizen):
        await world.stop(row[0], citizen=citizen)
    request = await world.ask()
    page = await asking.look(world.house, citizen=citizen, request=request, language="nl")
    return lambda: granting.answer(
        world.house,
        citizen=citizen,
        request=request,
        language="nl",
        decision=decision,
        chosen=NEEDED,
        seal=page.seal,
    )


SCENES = pytest.mark.parametrize("make", [grant, disclose, withdraw, use, suspended, registered, mixed])


async def do(scene: Scene) -> list[object]:
    """All deeds of a scene at once: asked in one breath, they come into one batch."""
    return await asyncio.gather(*(deed() for deed in scene.deeds), return_exceptions=True)


async def size_of(world: World) -> int:
    size: int = (await world.house.store.read("head.get", world.house.log))[0][2]
    return size


async def check_tree(world: World) -> None:
    """The signed root, the stored tiles and the tree that the scribe has in memory are one."""
    (row,) = await world.house.store.read("head.get", world.house.log)
    signed = parse_body(parse_note(row[6]).body)
    tiles = {}
    for level, n in needed(signed.size):
        ((_, _, data),) = await world.house.store.read("tile.get", world.house.log, level, n)
        tiles[level, n] = data
    assert root_from(signed.size, tiles) == signed.root
    in_memory = world.house.scribe._growths.get(world.house.log)
    assert in_memory is None or (in_memory.size, in_memory.root()) == (signed.size, signed.root)


async def check_log(world: World, folder: Path) -> None:
    report = await world.audit(folder)
    assert report.exit_code == 0, report.sentences


async def check_repeat(ground: Ground, scene: Scene, *, entries: int) -> None:
    """The same deeds again, now that the store works: all come to what they should, and the log is good."""
    before = await size_of(ground.world)
    again = await do(scene)
    assert [type(result) for result in again] == list(scene.comes_to), again
    assert await size_of(ground.world) == before + entries
    await check_tree(ground.world)


async def reopened(ground: Ground, scene: Scene) -> None:
    """The process has started anew on the same folder: nothing is left of what the old one had in memory."""
    world, old = ground.world, ground.world.house
    store = await SqliteStore.open(ground.path)
    world.house = await open_house(world.settings, store, old.clock)
    world.house.scribe.start()
    try:
        await check_repeat(ground, scene, entries=scene.entries)
    finally:
        await world.house.scribe.stop()
        await store.close()
        world.house = old


@SCENES
async def test_stopped_before_any_statement_nothing_has_happened_and_the_deeds_can_be_repeated(
    ground: Ground, make: Callable[[World], Awaitable[Scene]], tmp_path: Path
) -> None:
    place = 0
    while True:
        scene = await make(ground.world)
        before = everything(ground.path)
        ground.store.break_at(place)
        results = await do(scene)
        if not ground.store.broke:
            break
        # Nobody was answered, so no value, proof or code has left.
        assert [type(result) for result in results] == [Stopped] * len(scene.deeds)
        assert everything(ground.path) == before, f"something was written before statement {place}"
        ground.store.mend()
        if place % 2:
            await reopened(ground, scene)
        else:
            await check_repeat(ground, scene, entries=scene.entries)
        place += 1
    # At the least: lock, reading, five tables of an entry, tiles, checkpoint, head.
    assert place >= (10 if scene.entries else 5)
    assert [type(result) for result in results] == list(scene.comes_to)
    await check_log(ground.world, tmp_path / "log")


@SCENES
async def test_when_the_commit_itself_fails_nothing_has_happened(
    ground: Ground, make: Callable[[World], Awaitable[Scene]], tmp_path: Path
) -> None:
    scene = await make(ground.world)
    before = everything(ground.path)
    ground.store.break_at("commit")
    results = await do(scene)
    kinds = [sqlite3.IntegrityError] if len(scene.deeds) == 1 else [Stopped] * len(scene.deeds)
    assert [type(result) for result in results] == kinds
    assert everything(ground.path) == before
    ground.store.mend()
    await check_repeat(ground, scene, entries=scene.entries)
    await check_log(ground.world, tmp_path / "log")


@SCENES
async def test_when_the_answer_of_the_commit_is_lost_the_deeds_stand_once_and_nothing_is_released(
    ground: Ground, make: Callable[[World], Awaitable[Scene]], tmp_path: Path
) -> None:
    scene = await make(ground.world)
    before = await size_of(ground.world)
    ground.store.break_at("after")
    results = await do(scene)
    assert [type(result) for result in results] == [Unknown] * len(scene.deeds)
    ground.store.mend()
    assert await size_of(ground.world) == before + scene.entries
    await check_tree(ground.world)
    await check_log(ground.world, tmp_path / "log")


async def test_a_retry_after_a_lost_answer_finds_the_one_disclosure_that_was_written(ground: Ground) -> None:
    scene = await disclose(ground.world)
    ground.store.break_at("after")
    await do(scene)
    ground.store.mend()
    await check_repeat(ground, scene, entries=0)
    first, second = [(await do(scene))[0] for _ in range(2)]
    assert isinstance(first, disclosing.Given)
    assert isinstance(second, disclosing.Given)
    assert (first.disclosure, first.leaf) == (second.disclosure, second.leaf)


async def test_a_stop_whose_answer_was_lost_holds(ground: Ground) -> None:
    given = await ground.world.given()
    ground.store.break_at("after")
    with pytest.raises(Unknown):
        await ground.world.stop(given.grant)
    ground.store.mend()
    assert await ground.world.disclose(given.tokens) == disclosing.Refused("not_active")
    assert (await ground.world.stop(given.grant)).grant.state == "withdrawn"
