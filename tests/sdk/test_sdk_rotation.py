"""The log changes its key: an organisation that pinned the old one goes on by what that one signed, and only so."""

import pytest
from consent_sdk import Arrangement, MemoryStore, Organisation, ProofError
from consent_sdk.log import Log
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .log_world import TestLog
from .world import ISSUER, World

OLD, NEXT, THIRD, STRANGER = (Ed25519PrivateKey.generate() for _ in range(4))


def log_of(http: object, store: MemoryStore, keys: list[str]) -> Log:
    return Log(ISSUER, keys=keys, store=store, prefix="", http=http)  # type: ignore[arg-type]


async def test_receipts_go_on_under_the_new_key(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    await org.fetch(arrangement, ["name"])
    world.log.grow(300)
    world.log.rotate(NEXT)
    assert (await org.fetch(arrangement, ["name"])).values
    world.log.rotate(THIRD)
    assert (await org.fetch(arrangement, ["name"])).values


@pytest.mark.parametrize("entries", [0, 1, 253, 254, 255, 256, 700])
async def test_what_was_followed_is_remembered(world: World, entries: int) -> None:
    world.log.grow(entries)
    pinned, store = world.log.vkey, MemoryStore()
    world.log.rotate(NEXT)
    async with world.client() as http:
        await log_of(http, store, [pinned]).accept(world.log.note())
        asked = sum(path.endswith("/keys") for path in world.paths())
        await log_of(http, store, [pinned]).accept(world.log.note())
        assert sum(path.endswith("/keys") for path in world.paths()) == asked == 1


async def test_a_retired_key_signs_nothing_any_more(world: World) -> None:
    pinned, old, store = world.log.vkey, world.log.private, MemoryStore()
    world.log.rotate(NEXT)
    async with world.client() as http:
        log = log_of(http, store, [pinned])
        await log.accept(world.log.note())
        world.log.grow(3)
        thief = TestLog(world.log.origin, old)
        thief.leaves = world.log.leaves
        with pytest.raises(ProofError, match="no signature"):
            await log.accept(thief.note())
        assert (await log.accept(thief.note(2))).size == 2  # what it signed in its time still holds


async def test_a_checkpoint_that_a_retired_key_signed_before_we_knew_is_evidence(world: World) -> None:
    pinned, old, store = world.log.vkey, world.log.private, MemoryStore()
    world.log.rotate(NEXT)
    thief = TestLog(world.log.origin, old)
    thief.leaves = world.log.leaves
    async with world.client() as http:
        log = log_of(http, store, [pinned])
        stolen = thief.note()
        await log.accept(stolen)
        world.log.grow(1)
        with pytest.raises(ProofError, match="retired before it") as caught:
            await log.accept(world.log.note())
        assert caught.value.evidence is not None
        assert caught.value.evidence["kept"] == stolen


FRAUDS = {
    "of a stranger": lambda log: {"last": _by(log, STRANGER)},
    "of another root": lambda log: {"last": _other_root(log)},
    "of another size": lambda log: {"last": log.note(len(log.leaves) - 1)},
    "lost": lambda log: {"last": "", "lost": 1},
    "of no known key": lambda log: {"key": TestLog(log.origin, STRANGER).vkey},
}


def _by(log: TestLog, key: Ed25519PrivateKey) -> str:
    other = TestLog(log.origin, key)
    other.leaves = log.leaves
    return other.note()


def _other_root(log: TestLog) -> str:
    other = TestLog(log.origin, log.private)
    other.grow(len(log.leaves) - 1)
    return other.note()


@pytest.mark.parametrize("fraud", FRAUDS, ids=str)
async def test_nobody_else_leads_us_to_a_key(world: World, fraud: str) -> None:
    log = world.log
    log.grow(5)
    pinned = log.vkey
    log.rotate(NEXT, FRAUDS[fraud])
    async with world.client() as http:
        store = MemoryStore()
        with pytest.raises(ProofError, match="no signature"):
            await log_of(http, store, [pinned]).accept(log.note())
        assert await store.get(f"log-keys {log.origin}") is None


async def test_a_key_that_is_not_pinned_any_more_leads_nowhere(world: World) -> None:
    pinned, store = world.log.vkey, MemoryStore()
    world.log.rotate(NEXT)
    async with world.client() as http:
        await log_of(http, store, [pinned]).accept(world.log.note())
        other = TestLog(world.log.origin, STRANGER).vkey
        with pytest.raises(ProofError, match="no signature"):
            await log_of(http, store, [other]).accept(world.log.note())
