"""What a change takes away after it went out has to be gone at the organisation, which signs for it as after an end."""

import asyncio
from pathlib import Path

import pytest

from consent.acts import hold as holding
from consent.acts.disclose import Given
from consent.acts.receipt import receipt
from consent.acts.timeline import timeline
from consent.storage.kinds import DROPPED
from consent.storage.rows import Dropped
from consent.words.errors import BadInput, StillActive
from consent.words.instants import SECOND
from tests.acts.test_amend import records
from tests.acts.test_answers import DAY_S, late, standing
from tests.acts.test_signal import listens
from tests.world import NEEDED, World
from tests.world import Given as Permission

OTHER = "energy_supplier"
MORE = "number_of_children"


async def dropped(world: World, grant: str) -> list[Dropped]:
    return [DROPPED.from_row(row) for row in await world.house.store.read("dropped.of_grant", grant)]


async def without(world: World, name: str = OTHER) -> Permission:
    """A grant that had *name*, gave it out, and has it no more."""
    await listens(world)
    given = await world.given(chosen=NEEDED | {OTHER, MORE})
    assert isinstance(await world.disclose(given.tokens, name), Given)
    world.pass_time(10.7)
    return await world.amended(given, *(NEEDED | {OTHER, MORE}) - {name})


async def shown(world: World, grant: str) -> list[tuple[tuple[str, ...], str | None, bool]]:
    kept = await receipt(world.house, citizen=world.citizen(), grant=grant, language="en")
    return [(part.labels, part.scope, part.is_late) for part in kept.answers.parts]


async def test_from_the_change_to_the_statement(world: World, tmp_path: Path) -> None:
    given = await without(world)
    (signal,) = await world.signals(given.grant)
    assert (signal.event, signal.attributes) == ("amended", (OTHER,))
    assert await standing(world) == [("waiting", "amended"), ("owed", "part_deletion")]
    assert await late(world) == []
    ((label,), scope, is_late) = (await shown(world, given.grant))[0]
    assert (scope, is_late) == (None, False)
    world.pass_time(30 * DAY_S)
    assert ("owed", "part_deletion") in await late(world)
    assert await shown(world, given.grant) == [((label,), None, True)]
    await world.acknowledge(signal.id)
    stated = await world.state_deletion(given.grant, world.statement(given.grant, attributes=[OTHER]))
    assert (stated.scope, stated.attributes) == ("all", (OTHER,))
    assert await standing(world) == []
    assert await shown(world, given.grant) == [((label,), "all", False)]
    entry = (await records(world, given.grant))[-1]
    assert (entry["ev"], entry["by"], entry["attributes"]) == ("deletion_stated", "organisation", [OTHER])
    (month, *_) = (await timeline(world.house, citizen=world.citizen(), language="en")).months
    assert (month.lines[0].kind, month.lines[0].labels) == ("deletion_stated", (label,))
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences
    # What she still shares goes on.
    assert isinstance(await world.disclose(await world.refresh(given.tokens), MORE), Given)


async def test_what_never_went_out_is_not_owed(world: World) -> None:
    given = await world.given(chosen=NEEDED | {OTHER})
    await world.disclose(given.tokens, *NEEDED)
    await world.amended(given, *NEEDED)
    (signal,) = await world.signals(given.grant)
    assert (signal.attributes, await dropped(world, given.grant)) == ((), [])


async def test_what_went_out_in_the_same_commit_is_owed(world: World) -> None:
    given = await world.given(chosen=NEEDED | {OTHER})
    asked = await world.ask(attributes=tuple(NEEDED), amends=given.grant)
    answering = world.answer(asked, citizen=given.citizen, chosen=NEEDED)
    got, _ = await asyncio.gather(world.disclose(given.tokens, OTHER), answering)
    assert bool(await dropped(world, given.grant)) == isinstance(got, Given)


async def test_a_correction_after_a_disclosure_in_the_same_commit_is_told(world: World) -> None:
    await listens(world)
    given = await world.given(chosen=NEEDED | {OTHER})
    keeping = holding.keep(world.house, citizen=world.citizen(), name=OTHER, text="Essent")
    got, _ = await asyncio.gather(world.disclose(given.tokens, OTHER), keeping)
    assert isinstance(got, Given)
    assert [one.event for one in await world.signals(given.grant)] == ["corrected"]


async def test_what_comes_back_is_no_longer_owed_and_owed_anew_after_another_change(world: World) -> None:
    given = await without(world)
    back = await world.amended(given, *NEEDED, OTHER)
    assert [row.attributes for row in await dropped(world, given.grant)] == [()]
    assert await shown(world, given.grant) == []
    with pytest.raises(StillActive):
        await world.state_deletion(given.grant, world.statement(given.grant, attributes=[OTHER]))
    world.pass_time(5)
    await world.disclose(back.tokens, OTHER)
    await world.amended(back, *NEEDED)
    assert [row.attributes for row in await dropped(world, given.grant)] == [(), (OTHER,)]


async def test_two_changes_answered_by_one_statement_and_all_after_the_lesser_one(world: World) -> None:
    given = await without(world)
    await world.disclose(given.tokens, MORE)
    given = await world.amended(given, *NEEDED)
    names = sorted([OTHER, MORE])
    part = world.statement(given.grant, attributes=names, scope="all_but_legal_duty")
    first = await world.state_deletion(given.grant, part)
    assert [row.scope for row in await dropped(world, given.grant)] == ["all_but_legal_duty"] * 2
    only = world.statement(given.grant, attributes=[OTHER])
    second = await world.state_deletion(given.grant, only)
    assert second.index > first.index
    assert await world.state_deletion(given.grant, only) == second
    again = await world.state_deletion(given.grant, part)
    assert again.index in (first.index, second.index)
    entries = [one for one in await records(world, given.grant) if one["ev"] == "deletion_stated"]
    assert [(one["attributes"], one.get("reason")) for one in entries] == [
        (names, "legal_obligation"),
        ([OTHER], None),
    ]


@pytest.mark.parametrize(
    "names",
    [["jan_jansen"], sorted(["jan_jansen", OTHER]), [MORE], [], [OTHER, OTHER], OTHER, [1], {"a": 1}, None],
)
async def test_a_statement_brings_no_words_of_its_own_into_the_log(world: World, names: object) -> None:
    given = await without(world)
    with pytest.raises((BadInput, StillActive)):
        await world.state_deletion(given.grant, world.statement(given.grant, attributes=names))
    assert [row.stated_at for row in await dropped(world, given.grant)] == [None]
    assert "deletion_stated" not in [one["ev"] for one in await records(world, given.grant)]


async def test_gone_before_it_went_out_is_not_gone(world: World) -> None:
    given = await without(world)
    early = world.at // SECOND - 12
    with pytest.raises(BadInput, match="before the last time"):
        await world.state_deletion(
            given.grant, world.statement(given.grant, attributes=[OTHER], deleted_at=early)
        )


async def test_after_the_end_a_word_about_the_whole_is_a_word_about_its_parts(world: World) -> None:
    given = await without(world)
    await world.stop(given.grant)
    assert [event for _, event in await standing(world)] == ["amended", "ended", "deletion", "part_deletion"]
    await world.state_deletion(given.grant)
    assert [event for _, event in await standing(world)] == ["amended", "ended"]
    assert await shown(world, given.grant) == []
