"""A witness goes on to a log's new key and to next year's log by itself: as the last entry that it cosigned says."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from consent.acts import publish
from consent.acts.witness import candidate, submit
from consent.errands.asker import Asker
from consent.ledger.checkpoint import ED25519, ML_DSA_44, body, parse_body, parse_note, sign
from consent.ledger.entry import control_entry
from consent.ledger.proof import format_proof
from consent.ledger.tree import leaf_hash
from consent.ledger.witness import format_submission
from consent.storage.sightings import MOST_FOLLOWED, Sightings
from consent.witness import Witness
from consent.words.canonical import canonical
from tests.acts.test_rotate import changed
from tests.acts.test_succeed import EVE
from tests.witness.watched import GrowingLog
from tests.witness.witnessed_house import Town
from tests.world import World


@pytest.fixture
async def eve(tmp_path: Path) -> AsyncIterator[World]:
    async with World.open(tmp_path / "data", at=EVE, yearly=True) as world:
        yield world


async def rounds(asker: Asker, count: int = 4) -> None:
    for _ in range(count):
        await asker.round()
        await asyncio.sleep(0.02)  # what failed is asked again then


def witnessed(world: World, note: str) -> bool:
    return any(line.name == "a.example" for line in parse_note(note).signatures)


def reopened(witness: Witness, *logs: str) -> Witness:
    return Witness(
        name=witness._name, key=witness._key, logs=logs, memory=witness._memory, clock=witness._clock
    )


async def test_at_new_year_nobody_has_to_do_anything(eve: World, tmp_path: Path) -> None:
    await eve.given()
    first = eve.house.vkey
    town = Town(eve, tmp_path / "w", a="org-a")
    asker = Asker(eve.house, interval=0.001)
    await rounds(asker)
    eve.pass_time(20)
    await eve.given(citizen=eve.citizen("amal"))
    assert eve.house.log == "2031"
    await rounds(asker)
    assert witnessed(eve, await publish.checkpoint(eve.house, "2031"))
    await asker.stop()
    # It stays so after a start with the key of last year alone; and not when that is given up.
    assert reopened(town.witnesses["a"], first).count == 2
    assert reopened(town.witnesses["a"], GrowingLog("x.example/log/1").vkey).count == 1


@pytest.mark.parametrize("kinds", [(ED25519,), (ED25519, ML_DSA_44, ED25519)], ids=["once", "three times"])
async def test_a_new_key_is_followed_from_the_old_one(
    world: World, tmp_path: Path, kinds: tuple[int, ...]
) -> None:
    await world.given()
    Town(world, tmp_path / "w", a="org-a")
    asker = Asker(world.house, interval=0.001)
    await rounds(asker)
    for kind in kinds:
        await changed(world, kind)
    await world.given(citizen=world.citizen("amal"))
    await rounds(asker)
    note = await publish.checkpoint(world.house, world.house.log)
    assert parse_body(parse_note(note).body).size == (await publish.head(world.house, world.house.log)).size
    assert witnessed(world, note)
    await asker.stop()


async def test_a_lost_key_leads_no_witness(world: World, tmp_path: Path) -> None:
    await world.given()
    town = Town(world, tmp_path / "w", a="org-a")
    asker = Asker(world.house, interval=0.001)
    await rounds(asker)
    await changed(world, lost=True)
    await rounds(asker)
    assert town.witnesses["a"]._memory.followed() == []
    size, note = await candidate(world.house, world.house.log)
    asked = await submit(world.house, world.house.log, town.policy.witnesses[0], old=0, size=size, note=note)
    assert asked.failure == "refused"
    await asker.stop()


# What anybody may send


async def shown(world: World, index: int, size: int) -> str:
    house = world.house
    proof = format_proof(
        index,
        await publish.inclusion(house, house.log, index, size),
        (await publish.head(house, house.log)).note,
    )
    return f"{b64encode(await publish.leaf_of(house, house.log, index)).decode()}\n{proof}"


async def test_only_the_last_entry_of_what_it_cosigned_last_leads_it(world: World, tmp_path: Path) -> None:
    """Attack: an older change of key, another tree, another service: nothing of that makes a witness watch more."""
    await world.given()
    town = Town(world, tmp_path / "w", a="org-a")
    witness, asker = town.witnesses["a"], Asker(world.house, interval=0.001)
    size = (await publish.head(world.house, world.house.log)).size
    assert witness.follow(await shown(world, size - 1, size))[0] == 404  # it saw nothing of this log yet
    await rounds(asker)
    assert witness.follow(await shown(world, size - 1, size))[0] == 422  # an event
    assert witness.follow(await shown(world, 0, size))[0] == 422  # it names a key, and is not the last
    await world.given(citizen=world.citizen("amal"))
    grown = (await publish.head(world.house, world.house.log)).size
    assert witness.follow(await shown(world, grown - 1, grown))[:2] == (409, "text/x.tlog.size")
    good = await shown(world, grown - 1, grown)
    for spoiled in (
        "",
        "\n",
        good[1:],
        good.replace("index ", "index 1"),
        "AAAA\n" + good.partition("\n")[2],
    ):
        assert witness.follow(spoiled)[0] == 400
    assert witness.count == 1
    assert witness._memory.followed() == []
    await asker.stop()


@pytest.mark.parametrize(
    ("said", "follows"),
    [
        ({"ev": "log.closed", "next": "consent.example/log/2031"}, True),
        ({"ev": "log.closed", "next": "elsewhere.example/log/2031"}, False),
        ({"ev": "log.closed", "next": "consent.example/log/2026"}, False),
        ({"ev": "key.added", "key": "consent.example/log/2026"}, True),
        ({"ev": "key.added", "key": "consent.example/log/2031"}, False),
        ({"ev": "log.opened", "key": "consent.example/log/2026"}, False),
        ({"ev": "key.added", "key": "nonsense"}, False),
        ({"ev": "key.added"}, False),
    ],
)
def test_a_log_leads_to_its_own_next_key_and_nowhere_else(
    tmp_path: Path, said: dict[str, str], follows: bool
) -> None:
    """Attack: whoever runs a log that is watched would have the witness watch the log of somebody else."""
    log = GrowingLog("consent.example/log/2026")
    named = {
        name: GrowingLog(value, seed=2).vkey if "/log/" in value else value for name, value in said.items()
    }
    leaf = control_entry(bytes(16), canonical({"i": 0, "o": log.origin, "t": 1} | named))
    note = sign(body(log.origin, 1, leaf_hash(leaf)), log.origin, log.key)
    witness = Witness(
        name="w.example", key=log.key, logs=[log.vkey], memory=Sightings(tmp_path / "w"), clock=lambda: 1
    )
    assert witness.add_checkpoint(format_submission(0, [], note))[0] == 200
    status = witness.follow(f"{b64encode(leaf).decode()}\n{format_proof(0, [], note)}")[0]
    assert (status, len(witness._memory.followed())) == ((200, 1) if follows else (422, 0))


def test_nobody_fills_its_disk_with_keys(tmp_path: Path) -> None:
    memory = Sightings(tmp_path / "w")
    kept = [memory.follow(f"key {number}", "first", 1) for number in range(MOST_FOLLOWED + 2)]
    assert kept.count(True) == MOST_FOLLOWED
    assert memory.follow("key 0", "first", 2)
