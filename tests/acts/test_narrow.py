"""She stops one item: the grant goes on without it, at once, and what went out of it is owed."""

import asyncio
from pathlib import Path

import pytest

from consent.acts.ask import Gone, look
from consent.acts.dealings import dealings
from consent.acts.disclose import Given, Refused
from consent.acts.narrow import narrow
from consent.acts.operate import Operator
from consent.acts.receipt import receipt_file
from consent.acts.suspend import Subject, suspend
from consent.acts.timeline import timeline
from consent.words.errors import NotFound
from tests.acts.test_amend import records
from tests.acts.test_dropped import dropped
from tests.world import MUNICIPALITY, NEEDED, World

OTHER = "energy_supplier"
MORE = "number_of_children"


async def test_it_stops_at_once_with_the_tokens_of_before_and_the_rest_goes_on(
    world: World, tmp_path: Path
) -> None:
    given = await world.given(chosen=NEEDED | {OTHER})
    assert isinstance(await world.disclose(given.tokens, OTHER), Given)
    after = await narrow(world.house, citizen=given.citizen, grant=given.grant, name=OTHER)
    assert set(after.attributes) == NEEDED
    assert await world.disclose(given.tokens, OTHER) == Refused("beyond_grant")
    assert isinstance(await world.disclose(given.tokens, *NEEDED), Given)
    began, _, amended, *_ = await records(world, given.grant)
    assert (amended["ev"], amended["by"], amended["reason"]) == ("amended", "self", "citizen_asked")
    # She agreed to nothing new: the terms, the end and the sign-in are those of her yes.
    assert (amended["terms"], amended["exp"]) == (began["terms"], began["exp"])
    assert (after.acr, after.signed_in_at, after.version) == (
        given.tokens.grant.acr if given.tokens.grant else None,
        world.at,
        2,
    )
    (signal,) = await world.signals(given.grant)
    assert (signal.event, signal.attributes) == ("amended", (OTHER,))
    assert [row.attributes for row in await dropped(world, given.grant)] == [(OTHER,)]
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences
    file = await receipt_file(world.house, citizen=given.citizen, grant=given.grant)
    assert len(file["dpv:hasRecordOfActivity"]["dct:hasVersion"]) == 2


async def test_the_page_of_an_organisation_says_when_the_operator_stopped_it(world: World) -> None:
    given = await world.given()
    await world.house.scribe.do(suspend(Subject("organisation", "voorbeeldstad"), by=Operator("anna")))
    page = await dealings(world.house, citizen=given.citizen, organisation="voorbeeldstad", language="en")
    assert page.halted
    assert [one.on_hold for one in page.live] == [True]


async def test_what_is_needed_may_go_and_the_page_says_what_that_means(world: World) -> None:
    given = await world.given()
    page = await dealings(world.house, citizen=given.citizen, organisation="voorbeeldstad", language="en")
    (one,) = page.live
    assert {item.name for item in one.items if item.required} == NEEDED
    assert not page.halted
    assert one.consequence
    first, last = sorted(NEEDED)
    await narrow(world.house, citizen=given.citizen, grant=given.grant, name=first)
    ended = await narrow(world.house, citizen=given.citizen, grant=given.grant, name=last)
    # The last one that is stopped stops the grant.
    assert ended.state == "withdrawn"
    assert await world.disclose(given.tokens, last) == Refused("not_active")


async def test_a_second_tap_and_a_tap_after_the_end_change_nothing(world: World) -> None:
    given = await world.given(chosen=NEEDED | {OTHER})
    taps = [narrow(world.house, citizen=given.citizen, grant=given.grant, name=OTHER) for _ in range(2)]
    await asyncio.gather(*taps)
    assert [r["ev"] for r in await records(world, given.grant)] == ["granted", "amended"]
    await world.stop(given.grant)
    before = await world.house.store.read("grant.get", given.grant)
    await narrow(world.house, citizen=given.citizen, grant=given.grant, name=MORE)
    await narrow(world.house, citizen=given.citizen, grant=given.grant, name=sorted(NEEDED)[0])
    assert await world.house.store.read("grant.get", given.grant) == before


async def test_somebody_else_reaches_neither_the_grant_nor_the_organisation(world: World) -> None:
    given = await world.given(chosen=NEEDED | {OTHER})
    riet = world.citizen("riet")
    for grant, name in ((given.grant, OTHER), ("0" * 32, OTHER), ("x", OTHER), (given.grant, "nothing")):
        with pytest.raises(NotFound):
            await narrow(world.house, citizen=riet, grant=grant, name=name)
    for organisation in ("voorbeeldstad", "nobody"):
        with pytest.raises(NotFound):
            await dealings(world.house, citizen=riet, organisation=organisation, language="nl")
    assert [r["ev"] for r in await records(world, given.grant)] == ["granted"]


@pytest.mark.parametrize("first", ["item", "stop"])
async def test_an_item_and_the_whole_at_once_end_in_a_stop(world: World, tmp_path: Path, first: str) -> None:
    given = await world.given(chosen=NEEDED | {OTHER})
    acts = [
        narrow(world.house, citizen=given.citizen, grant=given.grant, name=OTHER),
        world.stop(given.grant),
    ]
    await asyncio.gather(*(acts if first == "item" else acts[::-1]))
    assert not (await world.state(given.grant)).live
    assert (await world.audit(tmp_path / "log")).exit_code == 0


async def test_a_fetch_in_the_same_commit_is_before_it_and_owed_or_after_it_and_refused(world: World) -> None:
    given = await world.given(chosen=NEEDED | {OTHER})
    got, _ = await asyncio.gather(
        world.disclose(given.tokens, OTHER),
        narrow(world.house, citizen=given.citizen, grant=given.grant, name=OTHER),
    )
    assert bool(await dropped(world, given.grant)) == isinstance(got, Given)


async def test_a_question_about_what_it_was_before_is_no_longer_right(world: World) -> None:
    given = await world.given(chosen=NEEDED | {OTHER})
    asked = await world.ask(attributes=(*NEEDED, OTHER, MORE), amends=given.grant)
    await narrow(world.house, citizen=given.citizen, grant=given.grant, name=OTHER)
    with pytest.raises(Gone):
        await look(world.house, citizen=given.citizen, request=asked, language="nl")
    (month,) = (await timeline(world.house, citizen=given.citizen, language="nl")).months
    assert month.lines[0].kind == "amended"
    assert (await world.state(given.grant, client=MUNICIPALITY)).grant.version == 2
