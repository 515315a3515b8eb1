"""The log has its checkpoints signed by others: dead, slow and lying witnesses stop neither the log nor each other."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from consent.acts import publish
from consent.acts.policy import Witness as Listed
from consent.acts.policy import WitnessPolicy, check_policy
from consent.acts.witness import LastSeen, candidate, last_seen, submit
from consent.errands.asker import Asker
from consent.ledger.checkpoint import check_checkpoint, parse_body, parse_note
from consent.ledger.cosignature import check_cosignatures
from consent.ledger.errors import LedgerError
from consent.ledger.proof import check_proof
from consent.words.errors import NotFound
from tests.witness.witnessed_house import Town, liar, other_log, stranger
from tests.world import World


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "witnesses"


def signed(world: World, town: Town, note: str) -> set[str]:
    """The names of those who signed a checkpoint of our log, all lines checked."""
    check_checkpoint(note, [world.house.vkey])
    found = check_cosignatures(note, [one.vkey for one in town.policy.witnesses])
    return {name for name, one in town.listed.items() if one.vkey in found}


def size_of(note: str) -> int:
    return parse_body(parse_note(note).body).size


async def test_the_served_checkpoint_is_signed_by_the_quorum(world: World, folder: Path) -> None:
    town = Town(world, folder, a="org-a", b="org-b", c="org-c")
    log, asker = world.house.log, Asker(world.house)
    with pytest.raises(NotFound, match="quorum"):
        await publish.checkpoint(world.house, log)
    for _ in range(3):
        await world.given()
        await asker.round()
        await asker.round()
        note = await publish.checkpoint(world.house, log)
        assert len(signed(world, town, note)) >= 2
        assert size_of(note) == (await publish.head(world.house, log)).size
    await asker.stop()


async def test_what_came_since_is_served_when_asked_for(world: World, folder: Path) -> None:
    Town(world, folder, a="org-a")
    log, asker = world.house.log, Asker(world.house)
    await asker.round()
    before = size_of(await publish.checkpoint(world.house, log))
    await world.given()
    assert size_of(await publish.checkpoint(world.house, log)) == before
    assert size_of(await publish.checkpoint(world.house, log, newest=True)) > before


async def test_a_dead_witness_stops_nobody_and_is_asked_less_and_less(world: World, folder: Path) -> None:
    town = Town(world, folder, a="org-a", b="org-b", c="org-c")
    town.dead = {"c"}
    asker = Asker(world.house)
    for _ in range(5):
        await world.given()
        await asker.round()
        assert signed(world, town, await publish.checkpoint(world.house, world.house.log)) == {"a", "b"}
    assert town.asked["c"] == 1
    await asker.stop()


async def test_a_slow_witness_delays_nobody_once_the_others_suffice(world: World, folder: Path) -> None:
    town = Town(world, folder, a="org-a", b="org-b", c="org-c")
    town.slow["c"] = 60
    asker = Asker(world.house)
    async with asyncio.timeout(5):
        for _ in range(3):
            await world.given()
            await asker.round()
            assert signed(world, town, await publish.checkpoint(world.house, world.house.log)) == {"a", "b"}
    assert town.asked["c"] == 1, "it is still busy with the first"
    await asker.stop()


async def test_two_keys_of_one_organisation_are_one_voice(world: World, folder: Path) -> None:
    town = Town(world, folder, quorum=2, a="org-a", b="org-a", c="org-c")
    town.dead = {"c"}
    asker = Asker(world.house)
    await asker.round()
    with pytest.raises(NotFound, match="quorum"):
        await publish.checkpoint(world.house, world.house.log)
    town.dead = set()
    later = Asker(world.house)
    await later.round()
    assert "c" in signed(world, town, await publish.checkpoint(world.house, world.house.log))


@pytest.mark.parametrize("lie", ["wrong key", "other text", "nonsense", "no bytes", "a 500"])
async def test_a_witness_that_lies_counts_for_nothing(world: World, folder: Path, lie: str) -> None:
    town = Town(world, folder, quorum=1, a="org-a")
    answers = {
        "wrong key": liar,
        "other text": other_log(town.witnesses["a"]),
        "nonsense": lambda text: replace(liar(text), body=b"\xff nonsense"),
        "no bytes": lambda text: replace(liar(text), body=b""),
        "a 500": lambda text: replace(liar(text), status=500),
    }
    town.behave["a"] = answers[lie]
    asker = Asker(world.house)
    await asker.round()
    with pytest.raises(NotFound, match="quorum"):
        await publish.checkpoint(world.house, world.house.log)
    newest = await publish.checkpoint(world.house, world.house.log, newest=True)
    assert signed(world, town, newest) == set(), "nothing of it was kept"


async def test_a_log_that_forgot_what_it_sent_goes_on_from_what_the_witness_knows(
    world: World, folder: Path
) -> None:
    town = Town(world, folder, a="org-a")
    await Asker(world.house).round()
    await world.given()
    await Asker(world.house).round()  # as after a restart: it is told the size, and proves growth
    note = await publish.checkpoint(world.house, world.house.log)
    assert signed(world, town, note) == {"a"}
    assert size_of(note) == (await publish.head(world.house, world.house.log)).size
    assert town.asked["a"] == 3


async def test_a_witness_that_saw_another_history_says_so(world: World, folder: Path, tmp_path: Path) -> None:
    """The fork: one key, two histories. Whoever shows the second to the same witness is found out."""
    town = Town(world, folder, a="org-a")
    log = world.house.log
    await world.given()
    copy = tmp_path / "other"
    async with World.open(copy) as other:  # the same name and key, other entries
        other.house = replace(other.house, to_witnesses=town)
        town.witnesses["a"]._logs[world.house.vkey.partition("+")[0]] = [world.house.vkey, other.house.vkey]
        while (await publish.head(other.house, log)).size < (await publish.head(world.house, log)).size:
            await other.given()
        size, note = await candidate(other.house, log)
        seen = await submit(other.house, log, town.listed["a"], old=0, size=size, note=note)
        assert seen.failure is None
        ours, mine = await candidate(world.house, log)
        asked = await submit(world.house, log, town.listed["a"], old=0, size=ours, note=mine)
        assert asked.failure == "diverged"
        (told,) = await last_seen(world.house, log, mine)
        assert told.failure == "wrong_signature" or told.checkpoint != parse_body(parse_note(mine).body)


async def test_witnesses_tell_what_they_saw_last(world: World, folder: Path) -> None:
    town = Town(world, folder, quorum=1, a="org-a", b="org-b", c="org-c", d="org-d")
    town.dead, town.unread = {"b"}, {"c", "d"}
    log = world.house.log
    await world.given()
    size, note = await candidate(world.house, log)
    for name in ("a", "c"):
        await submit(world.house, log, town.listed[name], old=0, size=size, note=note)
    await world.given()
    newest = (await publish.head(world.house, log)).note
    told = await last_seen(world.house, log, newest)
    assert told[0].note is not None
    assert signed(world, town, told[0].note) == {"a"}
    assert told == [
        LastSeen(town.listed["a"], size, parse_body(parse_note(note).body), told[0].note),
        LastSeen(town.listed["b"], failure="not_reached"),
        LastSeen(town.listed["c"], size),
        LastSeen(town.listed["d"], 0),
    ]


async def test_a_proof_of_an_old_entry_comes_under_the_witnessed_checkpoint(
    world: World, folder: Path
) -> None:
    town = Town(world, folder, a="org-a")
    log = world.house.log
    await Asker(world.house).round()
    size = size_of(await publish.checkpoint(world.house, log))
    await world.given()
    for index, is_witnessed in ((0, True), (size - 1, True), (size, False)):
        text = await publish.prove(world.house, log, index)
        check_proof(text, await publish.leaf_of(world.house, log, index), [world.house.vkey])
        assert (signed(world, town, text.partition("\n\n")[2]) == {"a"}) is is_witnessed


async def test_the_policy_names_witnesses_organisations_and_quorum(world: World, folder: Path) -> None:
    town = Town(world, folder, a="org-a", b="org-b", c="org-b", d="org-d")
    text = await publish.policy(world.house, world.house.log)
    lines = text.splitlines()
    assert f"witness a.example {town.listed['a'].vkey} https://a.example" in lines
    assert "group org:org-b any b.example c.example" in lines
    assert "group org-quorum 2 org:org-a org:org-b org:org-d" in lines
    assert lines[-1] == "quorum org-quorum"


def test_a_policy_that_nobody_could_meet_is_refused() -> None:
    one, two = (Listed(stranger(), "https://w.example", organisation) for organisation in ("a", "b"))
    two = replace(two, vkey=stranger().replace("s.example", "s.example"))
    with pytest.raises(LedgerError, match="share a name"):
        check_policy(WitnessPolicy((one, two)))
    with pytest.raises(LedgerError, match="quorum"):
        check_policy(WitnessPolicy((one,), 2))
    with pytest.raises(LedgerError, match="one word"):
        check_policy(WitnessPolicy((replace(one, organisation="a b"),)))
    with pytest.raises(LedgerError):
        check_policy(WitnessPolicy((replace(one, vkey="nonsense"),)))
