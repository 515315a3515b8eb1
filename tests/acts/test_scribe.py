"""The scribe: one order for all, many deeds in one commit, one writer even when two processes write."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import consent_verify
import pytest

from consent.acts.disclose import Given, Refused
from consent.acts.house import House
from consent.acts.operate import Operator
from consent.acts.scribe import Deed
from consent.acts.suspend import Subject, restore, suspend
from consent.acts.waiting import MOST_IN_A_BATCH
from consent.acts.withdraw import Stopped
from consent.opening import DATABASE, open_house
from consent.storage.book import TURN, Book, Story
from consent.storage.sqlite import SqliteStore
from consent.storage.store import Statement
from consent.words.errors import InvalidDpopProof, Misconfigured
from tests.acts.meddling_store import Meddling
from tests.faults.stopping_store import everything
from tests.world import MUNICIPALITY, World

CITY = Subject("organisation", "voorbeeldstad")
OPERATOR = Operator("anna")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Meddling]:
    opened = Meddling(tmp_path / "data" / DATABASE)
    yield opened
    await opened.close()


@pytest.fixture
async def world(tmp_path: Path, store: Meddling) -> AsyncIterator[World]:
    async with World.open(tmp_path / "data", store=store) as opened:
        store.batches.clear()
        yield opened


@asynccontextmanager
async def second_house(world: World) -> AsyncIterator[House]:
    """What an operator's command is while the service runs: another house on the same file."""
    store = await SqliteStore.open(world.settings.folder / DATABASE)
    house = await open_house(world.settings, store, world.house.clock)
    house.scribe.start()
    try:
        yield house
    finally:
        await house.scribe.stop()
        await store.close()


def note_down(text: str) -> Deed[int]:
    """A deed that adds one public entry and returns its index."""

    def story(book: Book) -> Story[int]:
        yield TURN
        index = book.logs[1].next_index
        book.record_control({"ev": "test.note", "text": text})
        book.logs[1].prove(index)
        return index

    return story


async def size_of(world: World) -> int:
    size: int = (await world.house.store.read("head.get", world.house.log))[0][2]
    return size


async def check_log(world: World, folder: Path) -> None:
    report = await world.audit(folder)
    assert report.exit_code == 0, report.sentences


# One order


async def test_in_one_batch_a_disclosure_asked_after_the_stop_is_refused_and_one_before_it_is_given(
    world: World, store: Meddling, tmp_path: Path
) -> None:
    given = await world.given()
    store.batches.clear()
    before, stopped, after = await asyncio.gather(
        world.disclose(given.tokens), world.stop(given.grant), world.disclose(given.tokens)
    )
    assert store.batches == [3]
    assert isinstance(before, Given)
    assert after == Refused("not_active")
    assert before.opening.index < stopped.index
    await check_log(world, tmp_path / "log")


@pytest.mark.parametrize("seed", range(5))
async def test_any_mix_in_one_batch_comes_to_what_it_would_one_after_the_other(
    world: World, store: Meddling, seed: int, tmp_path: Path
) -> None:
    people = [await world.given(citizen=world.citizen(name)) for name in ("sanne", "amal", "riet")]
    chance = random.Random(seed)
    acts = [(chance.randrange(3), chance.random() < 0.25) for _ in range(24)]
    expected: list[object] = []
    counts, ended = [0, 0, 0], set()
    for who, stops in acts:
        if stops:
            expected.append(Stopped)
            ended.add(who)
        elif who in ended:
            expected.append("not_active")
        else:
            counts[who] += 1
            expected.append(Given if counts[who] <= 4 else "too_often")
    store.batches.clear()
    results = await asyncio.gather(
        *(
            world.stop(people[who].grant, citizen=people[who].citizen)
            if stops
            else world.disclose(people[who].tokens)
            for who, stops in acts
        )
    )
    assert len(store.batches) == 1
    assert [r.reason if isinstance(r, Refused) else type(r) for r in results] == expected
    assert [r.opening.index for r in results if isinstance(r, Given)] == sorted(
        r.opening.index for r in results if isinstance(r, Given)
    )
    await check_log(world, tmp_path / "log")


async def test_one_key_at_the_same_moment_is_one_disclosure(world: World) -> None:
    given = await world.given()
    size = await size_of(world)
    results = await asyncio.gather(*(world.disclose(given.tokens, key="one") for _ in range(10)))
    assert {type(result) for result in results} == {Given}
    assert len({(r.disclosure, r.leaf) for r in results if isinstance(r, Given)}) == 1
    assert await size_of(world) == size + 1


async def test_one_proof_at_the_same_moment_opens_once(world: World) -> None:
    given = await world.given()
    proof = world.proof(MUNICIPALITY, "POST", "/disclosures", given.tokens.access_token)
    results = await asyncio.gather(
        *(world.disclose(given.tokens, proof=proof) for _ in range(5)), return_exceptions=True
    )
    assert [type(result) for result in results] == [Given, *[InvalidDpopProof] * 4]


# Group commit


async def test_deeds_asked_at_the_same_moment_share_a_commit_and_each_gets_its_own_proof(
    world: World, store: Meddling
) -> None:
    written = await asyncio.gather(*(world.house.scribe.do(note_down(f"{n}")) for n in range(64)))
    assert store.batches == [64]
    first = written[0].outcome
    assert [one.outcome for one in written] == list(range(first, first + 64))
    keys = [consent_verify.read_key(world.house.vkey)]
    for one in written:
        ((_, _, leaf),) = await world.house.store.read("entry.get", world.house.log, one.outcome)
        index, under = consent_verify.check_proof(one.proofs[world.house.log, one.outcome], leaf, keys)
        assert (index, under.size) == (one.outcome, first + 64)


async def test_what_comes_in_during_a_commit_is_the_next_batch(world: World, store: Meddling) -> None:
    scribe, loop = world.house.scribe, asyncio.get_running_loop()
    later: list[asyncio.Task[Any]] = []

    def ask_for_more(book: Book) -> Story[int]:
        yield TURN

        def ask() -> None:
            later.extend(asyncio.create_task(scribe.do(note_down("later"))) for _ in range(32))

        asyncio.run_coroutine_threadsafe(asyncio.to_thread(lambda: None), loop).result(10)
        loop.call_soon_threadsafe(ask)
        book.record_control({"ev": "test.note"})
        return book.logs[1].next_index

    await scribe.do(ask_for_more)
    await asyncio.gather(*later)
    assert store.batches == [1, 32]


async def test_a_batch_is_bounded_so_that_nobody_waits_for_all(world: World, store: Meddling) -> None:
    await asyncio.gather(*(world.house.scribe.do(note_down("many")) for _ in range(300)))
    assert store.batches == [MOST_IN_A_BATCH, 300 - MOST_IN_A_BATCH]


async def test_across_tiles_and_faults_every_proof_leads_to_a_root_that_the_log_had(
    world: World, tmp_path: Path
) -> None:
    chance = random.Random(20)

    def faulty(book: Book) -> Story[int]:
        yield TURN
        book.record_control({"ev": "test.note"})
        raise ZeroDivisionError

    proofs: list[tuple[int, str]] = []
    while len(proofs) < 600:
        deeds = [note_down("good") for _ in range(chance.randint(1, 120))]
        if chance.random() < 0.2:
            deeds = [*deeds[:8], faulty]
        for one in await asyncio.gather(*(world.house.scribe.do(d) for d in deeds), return_exceptions=True):
            if not isinstance(one, BaseException):
                proofs.append((one.outcome, one.proofs[world.house.log, one.outcome]))
    await check_log(world, tmp_path / "log")
    assert sorted(index for index, _ in proofs) == list(range(1, len(proofs) + 1))
    source, note = consent_verify.find_log(str(tmp_path / "log"))
    checkpoint = consent_verify.read_checkpoint(note)
    every = range(checkpoint.size + 1)
    tree = consent_verify.read_tree(source, checkpoint.size, set(every), every)
    keys = [consent_verify.read_key(world.house.vkey)]
    for index, proof in proofs:
        _, under = consent_verify.check_proof(proof, tree.leaves[index], keys)
        assert tree.root_at(under.size) == under.root


# One writer


async def test_two_houses_on_one_file_write_one_log(world: World, tmp_path: Path) -> None:
    async with second_house(world) as other:
        for n in range(12):
            house = (world.house, other)[n % 2]
            written = await asyncio.gather(*(house.scribe.do(note_down(f"{n}")) for _ in range(n + 1)))
            assert all(one.proofs for one in written)
        both = [h.scribe.do(note_down("both")) for h in (world.house, other) for _ in range(20)]
        indices = [one.outcome for one in await asyncio.gather(*both)]
    assert len(set(indices)) == 40
    assert await size_of(world) == 1 + sum(range(1, 13)) + 40
    await check_log(world, tmp_path / "log")


async def test_what_another_process_decides_holds_for_the_next_deed(world: World) -> None:
    given = await world.given()
    assert isinstance(await world.disclose(given.tokens), Given)
    async with second_house(world) as other:
        await other.scribe.do(suspend(CITY, by=OPERATOR))
        assert await world.disclose(given.tokens) == Refused("organisation_suspended")
        await other.scribe.do(restore(CITY, by=OPERATOR))
        assert isinstance(await world.disclose(given.tokens), Given)


async def test_when_another_moved_the_head_nothing_is_released_and_nothing_written(
    world: World, store: Meddling, tmp_path: Path
) -> None:
    given = await world.given()
    path = world.settings.folder / DATABASE
    before = everything(path)
    log = world.house.log

    def move_first(statement: Statement) -> Statement | None:
        if statement.name != "head.move":
            return None
        ((new, at, note, _, old, epoch),) = statement.rows
        return Statement("head.move", [(new + 7, at, note, log, old, epoch)])

    store.before = move_first
    with pytest.raises(Misconfigured, match="another writer moved the head"):
        await world.disclose(given.tokens)
    assert everything(path) == before
    store.before = None
    assert isinstance(await world.disclose(given.tokens), Given)
    await check_log(world, tmp_path / "log")
