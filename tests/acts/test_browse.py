"""Anybody looks at the public log, and sees no more than what the log itself tells."""

import msgspec
import pytest

from consent.acts import browse as browsing
from consent.acts import publish as publishing
from consent.acts import suspend as suspending
from consent.acts.operate import Operator
from consent.ledger.tree import leaf_hash
from consent.words.errors import NotFound
from tests.world import World

BY = Operator("lena")


async def lived_in(world: World) -> tuple[str, int]:
    """A log with a gift, two reads, a suspension and its end, and nothing after it but a stop."""
    given = await world.given()
    await world.disclose(given.tokens)
    world.pass_time(100)
    about = suspending.subject("organisation", "voorbeeldstad")
    await world.house.scribe.do(suspending.suspend(about, by=BY))
    world.pass_time(100)
    await world.house.scribe.do(suspending.restore(about, by=BY))
    world.pass_time(100)
    await world.stop(given.grant)
    return world.house.log, (await publishing.head(world.house, world.house.log)).size


async def test_the_checkpoint_is_shown_with_each_signature_checked(world: World) -> None:
    log, size = await lived_in(world)
    front = await browsing.front(world.house, log)
    served = await publishing.checkpoint(world.house, log)
    assert (front.size, front.root) == (size, served.split("\n")[2])
    assert {line.by for line in front.signed} >= {"log"}
    assert all(line.is_right for line in front.signed)


async def test_a_wrong_signature_is_called_wrong(world: World) -> None:
    log, _ = await lived_in(world)
    note = await publishing.checkpoint(world.house, log, newest=True)
    body, _, signature = note.partition("\n\n")
    other = body.replace(f"\n{note.split(chr(10))[1]}\n", "\n999999\n")
    (line,) = browsing._signed(f"{other}\n\n{signature}", {world.house.vkey: "log"})
    assert line.is_right is False


async def test_an_event_tells_neither_what_it_is_nor_when(world: World) -> None:
    log, size = await lived_in(world)
    found = await browsing.entries(world.house, log)
    events = [line for line in found.lines if line.said is None]
    controls = [line for line in found.lines if line.said is not None]
    assert len(found.lines) == size
    assert [line.said["ev"] for line in controls if line.said][-2:] == [
        "organisation.suspended",
        "organisation.restored",
    ]
    assert events
    assert {name for line in events for name in msgspec.to_builtins(line)} == {"index", "hash", "said"}
    # The withdrawal came a hundred seconds after the last control entry, and that is not known from here.
    assert found.before is None
    last = await browsing.entry(world.house, log, size - 1)
    assert (last.after, last.before) == (controls[-1].said["t"] if controls[-1].said else None, None)


async def test_each_entry_has_the_hash_and_the_proof_of_the_tree(world: World) -> None:
    log, size = await lived_in(world)
    for line in (await browsing.entries(world.house, log)).lines:
        assert line.hash == leaf_hash(await publishing.leaf_of(world.house, log, line.index)).hex()
        assert f"index {line.index}\n" in await publishing.prove(world.house, log, line.index)
    with pytest.raises(NotFound):
        await browsing.entries(world.house, log, size)


async def test_pages_follow_each_other_without_a_gap(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "PAGE", 2)
    log, size = await lived_in(world)
    seen, at = [], 0
    while True:
        found = await browsing.entries(world.house, log, at)
        seen += [line.index for line in found.lines]
        if found.later is None:
            break
        at = found.later
    assert seen == list(range(size))
    first = await browsing.controls(world.house, log, 0)
    assert first.later is not None
    second = await browsing.controls(world.house, log, first.later)
    assert second.earlier == first.lines[0].index
    assert all(line.said is not None for line in (*first.lines, *second.lines))


@pytest.mark.on_a_file
async def test_control_entries_are_found_by_an_index_and_not_by_reading_the_log(world: World) -> None:
    texts = {
        name: world.house.store._texts[name]  # type: ignore[attr-defined]
        for name in ("entry.controls", "entry.controls_before", "entry.control_until", "entry.control_from")
    }
    for name, text in texts.items():
        reader = world.house.store._reader  # type: ignore[attr-defined]
        plan = await reader.execute_fetchall(f"EXPLAIN QUERY PLAN {text}", ("x", 0, 1)[: text.count("?")])
        assert "log_controls" in str([tuple(row) for row in plan]), name
