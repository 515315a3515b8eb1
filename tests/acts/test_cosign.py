"""The second signature of the log comes after the commit, under the newest checkpoint, and never under a frozen one."""

import asyncio
import sqlite3

import pytest

from consent.acts import publish
from consent.ledger import checkpoint as cp
from consent.ledger.checkpoint import ML_DSA_44, parse_vkey
from consent.ledger.cosignature import check_cosignatures
from consent.storage.book import TURN, Book, Story
from consent.storage.store import Statement
from consent.words.instants import HOUR, SECOND
from tests.world import World


async def second_key(world: World) -> str:
    (key,) = [
        key.key
        for key in await publish.keys(world.house, world.house.log)
        if parse_vkey(key.key).algorithm == ML_DSA_44
    ]
    return key


async def test_the_served_checkpoint_is_the_newest_and_has_both_signatures(world: World) -> None:
    await world.given()
    note = await publish.checkpoint(world.house, world.house.log)
    newest = await publish.head(world.house, world.house.log)
    key = await second_key(world)
    assert cp.check_checkpoint(note, [world.house.vkey]).size == newest.size > 1
    assert check_cosignatures(note, [key]) == {key: world.at // SECOND}


async def test_a_disclosure_does_not_wait_for_it(world: World) -> None:
    given = await world.given()
    await publish.checkpoint(world.house, world.house.log)
    disclosed = await world.disclose(given.tokens)
    assert check_cosignatures(disclosed.proof.partition("\n\n")[2], [await second_key(world)]) == {}
    newest = await publish.checkpoint(world.house, world.house.log, newest=True)
    assert check_cosignatures(newest, [await second_key(world)]) == {}
    assert cp.check_checkpoint(newest, [world.house.vkey]).size > 1


async def test_a_clock_that_goes_back_does_not_sign_before_the_checkpoint(world: World) -> None:
    await world.given()
    at = (await publish.head(world.house, world.house.log)).at
    world.pass_time(-500)
    note = await publish.checkpoint(world.house, world.house.log)
    key = await second_key(world)
    assert check_cosignatures(note, [key]) == {key: at // SECOND}


async def test_lines_that_a_later_one_replaces_fade_unless_others_signed_there_too(world: World) -> None:
    log, key = world.house.log, await second_key(world)
    sizes = []
    for _ in range(3):
        await world.given(citizen=world.citizen())
        await publish.checkpoint(world.house, log)
        sizes.append((await publish.head(world.house, log)).size)
        if len(sizes) == 1:
            await witnessed(world, sizes[0])
        world.pass_time(1 + HOUR // SECOND)
    found = [len(await world.house.store.read("cosignature.of_size", log, size)) for size in sizes]
    assert found == [2, 0, 1]
    assert [row[0] for row in await world.house.store.read("cosignature.of_size", log, sizes[2])] == [key]


async def witnessed(world: World, size: int) -> None:
    def story(book: Book) -> Story[None]:
        yield TURN
        row = (world.house.log, size, "witness", "— w AAAAAAAA\n", world.at)
        book.also(Statement("cosignature.put", [row]))

    await world.house.scribe.do(story)


@pytest.mark.on_a_file
async def test_a_frozen_log_gets_no_second_signature_any_more(world: World) -> None:
    await world.given()
    with sqlite3.connect(world.settings.folder / "consent.sqlite3") as database:
        database.execute("UPDATE log_heads SET frozen = 1")
    note = await publish.checkpoint(world.house, world.house.log)
    assert check_cosignatures(note, [await second_key(world)]) == {}
    assert cp.check_checkpoint(note, [world.house.vkey]).size > 1


async def test_the_policy_lists_both_keys(world: World) -> None:
    policy = await publish.policy(world.house, world.house.log)
    assert policy == f"log {world.house.vkey}\nlog {await second_key(world)}\nquorum none\n"


async def test_all_who_ask_at_one_time_wait_for_one_signature(world: World) -> None:
    await world.given()
    log = world.house.log
    notes = await asyncio.gather(*(publish.checkpoint(world.house, log) for _ in range(20)))
    assert len(set(notes)) == 1  # each signature is different, so there was one


async def test_a_lost_key_is_no_longer_named(world: World) -> None:
    lost = await second_key(world)

    def story(book: Book) -> Story[None]:
        yield TURN
        book.also(Statement("log_key.put", [(world.house.log, lost, 0, 1, 1)]))

    await world.house.scribe.do(story)
    assert await publish.policy(world.house, world.house.log) == f"log {world.house.vkey}\nquorum none\n"
