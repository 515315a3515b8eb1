"""One log, one story: growth is checked with each receipt, and a fork is kept as evidence."""

import os

import pytest
from consent_sdk import Arrangement, Forked, MemoryStore, Organisation, ProofError
from consent_sdk.errors import ConsentError
from consent_sdk.log import Log
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from .log_world import TestLog
from .world import ISSUER, World

ORIGIN = "consent.example/log/2030"
_KEY = Ed25519PrivateKey.generate()
_LEAVES = [i.to_bytes(152, "big") for i in range(70_000)]


def _log(world: World, http: object, store: MemoryStore) -> Log:
    return Log(ISSUER, keys=[], store=store, prefix="", http=http)  # type: ignore[arg-type]


async def test_a_growing_log_stays_believed(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    for entries in (0, 1, 250, 7, 300):
        world.log.grow(entries)
        assert (await org.fetch(arrangement, ["name"])).values
    assert any(".p/" in path for path in world.paths())
    assert any(path.startswith("/log/2030/tile/1/") for path in world.paths())


async def test_a_rewritten_past_is_a_fork_with_both_signed_checkpoints(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    first = await org.fetch(arrangement, ["name"])
    world.log.leaves[0] = os.urandom(152)
    with pytest.raises(Forked) as caught:
        await org.fetch(arrangement, ["name"])
    assert caught.value.kept == first.proof.partition("\n\n")[2]
    assert caught.value.seen == world.log.note()
    with pytest.raises(Forked):
        await org.fetch(arrangement, ["name"])


async def test_two_roots_for_one_size_are_a_fork(world: World) -> None:
    async with world.client() as http:
        store = MemoryStore()
        log = _log(world, http, store)
        await log.accept(world.log.note())
        world.log.leaves[0] = os.urandom(152)
        with pytest.raises(Forked):
            await log.accept(world.log.note())
        assert await store.get(f"fork {ORIGIN}") is not None


async def test_a_shorter_log_with_another_past_is_a_fork(world: World) -> None:
    async with world.client() as http:
        log = _log(world, http, MemoryStore())
        world.log.grow(20)
        await log.accept(world.log.note())
        other = TestLog(ORIGIN, world.log.private)
        other.grow(5)
        with pytest.raises(Forked):
            await log.accept(other.note())


async def test_answers_may_overtake_each_other(world: World) -> None:
    async with world.client() as http:
        store = MemoryStore()
        log = _log(world, http, store)
        world.log.grow(20)
        newest = world.log.note()
        await log.accept(newest)
        await log.accept(world.log.note(13))
        assert await store.get(f"checkpoint {ORIGIN}") == newest


async def test_tiles_that_do_not_give_the_signed_root_prove_nothing(world: World) -> None:
    async with world.client() as http:
        log = _log(world, http, MemoryStore())
        await log.accept(world.log.note())
        world.log.grow(20)
        note = world.log.note()
        world.log.leaves[15] = os.urandom(152)
        with pytest.raises(ProofError, match="consistency"):
            await log.accept(note)


async def test_without_tiles_there_is_no_data(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    await org.fetch(arrangement, ["name"])
    world.is_log_reachable = False
    with pytest.raises(ProofError, match="consistency"):
        await org.fetch(arrangement, ["name"])


async def test_a_partial_tile_may_have_been_replaced_by_the_full_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.client() as http:
        log = _log(world, http, MemoryStore())
        world.log.grow(99)
        await log.accept(world.log.note())
        world.log.grow(100)
        note = world.log.note()
        world.log.grow(200)
        serve = world.log.serve
        monkeypatch.setattr(world.log, "serve", lambda path: None if ".p/" in path else serve(path))
        assert (await log.accept(note)).size == 200


async def test_the_key_of_first_use_is_pinned(world: World) -> None:
    async with world.client() as http:
        store = MemoryStore()
        await _log(world, http, store).accept(world.log.note())
        assert await store.get(f"log-key {ORIGIN}") == world.log.vkey
        leaves = world.log.leaves
        world.log = TestLog(ORIGIN)
        world.log.leaves = leaves
        with pytest.raises(ProofError, match="signature"):
            await _log(world, http, store).accept(world.log.note())


@pytest.mark.parametrize(
    "origin", ["evil.example/log/2030", "consent.example/log/../x", "consent.example", "x/log/2030"]
)
async def test_the_log_of_another_service_is_never_fetched(world: World, origin: str) -> None:
    async with world.client() as http:
        with pytest.raises(ConsentError):
            await _log(world, http, MemoryStore()).accept(TestLog(origin).note())
        assert world.requests == []


@given(old=st.integers(1, 700), more=st.integers(0, 700))
@settings(max_examples=25, deadline=None)
async def test_any_growth_is_consistent_and_any_other_past_is_not(old: int, more: int) -> None:
    world = World()
    world.log = TestLog(ORIGIN, _KEY)
    async with world.client() as http:
        store = MemoryStore()
        log = _log(world, http, store)
        world.log.leaves = _LEAVES[: old + more]
        await log.accept(world.log.note(old))
        assert (await log.accept(world.log.note())).size == old + more
        world.log.leaves = [os.urandom(152), *_LEAVES[1 : old + more + 1]]
        with pytest.raises(Forked):
            await log.accept(world.log.note())
