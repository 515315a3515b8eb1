"""A clerk asks how a case stands: one word, of the own organisation only, and she who was asked sees it."""

import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import replace

from consent.acts import erase as erasing
from consent.acts import join as joining
from consent.acts.approve import approve, organisation_from
from consent.acts.enquire import enquire, looks
from consent.acts.house import Limits
from consent.acts.operate import Operator
from consent.acts.tidy import tidy
from consent.opening import DATABASE
from consent.storage.kinds import ORGANISATION as ORGANISATION_KIND
from consent.words.errors import InvalidRequest, NotFound, TooManyRequests
from tests.world import World

ORGANISATION, ANOTHER = "voorbeeldstad", "elders"
CASE = "Z-2026/0017"


async def clerk(world: World, persona: str = "daan", organisation: str = ORGANISATION) -> str:
    """Make somebody a clerk by an invitation; returns the account."""
    deed, code = joining.invite(
        organisation, "clerk", name="Desk", by=Operator("test"), chance=world.house.chance(16)
    )
    await world.house.scribe.do(deed)
    await joining.join(world.house, citizen=world.citizen(persona), code=code)
    return world.citizen(persona)


async def word(world: World, who: str, case: str = CASE, organisation: str = ORGANISATION) -> str:
    return (await enquire(world.house, citizen=who, organisation=organisation, case=case)).status


async def test_the_word_follows_what_happens(world: World) -> None:
    who = await clerk(world)
    request = await world.ask(case=CASE)
    assert await word(world, who) == "waits"
    answered = await world.answer(request)
    found = await enquire(world.house, citizen=who, organisation=ORGANISATION, case=CASE)
    assert (found.status, found.until) == ("yes", world.at + 90 * 24 * 3600 * 1_000_000)
    await world.stop(answered.grant)  # type: ignore[union-attr, arg-type]
    assert await word(world, who) == "stopped"
    world.pass_time(1)
    await world.answer(await world.ask(case=" z-2026/0017 "), decision="no")  # asked again: the newest counts
    assert await word(world, who) == "no"
    world.pass_time(1)
    await world.ask(case=CASE)
    assert await word(world, who) == "waits"
    world.pass_time(2 * 24 * 3600)
    assert await word(world, who) == "expired"
    await world.house.scribe.do(tidy())
    assert await word(world, who) == "expired"  # also when nothing of the question is left


async def test_a_grant_that_ran_out_is_over_and_not_stopped(world: World) -> None:
    who = await clerk(world)
    await world.answer(await world.ask(case=CASE, days=1))
    world.pass_time(25 * 3600)
    assert await word(world, who) == "expired"


async def test_she_sees_each_look_with_its_day_and_count(world: World) -> None:
    who = await clerk(world)
    request = await world.ask(case=CASE)
    await word(world, who)  # nobody opened the question yet: there is nobody to tell
    await world.answer(request)
    assert await looks(world.house, citizen=world.citizen()) == []
    await word(world, who)
    await word(world, who)
    (one,) = await looks(world.house, citizen=world.citizen())
    assert (one.organisation, one.at, one.count) == ("Gemeente Voorbeeldstad", world.at, 2)
    world.pass_time(24 * 3600)
    await word(world, who)
    assert [one.count for one in await looks(world.house, citizen=world.citizen())] == [1, 2]
    assert await looks(world.house, citizen=who) == []


async def test_nobody_but_a_clerk_of_this_organisation_learns_anything(world: World) -> None:
    """A clerk of another one, other roles, one whose role has ended: a real number and a made-up one look alike."""
    await world.answer(await world.ask(case=CASE))
    await another_organisation(world)
    elsewhere = await clerk(world, "riet", ANOTHER)
    ended = await clerk(world, "daan")
    (role,) = [one for one in await joining.roles_of(world.house, ended) if one.role == "clerk"]
    await world.house.scribe.do(joining.end_member(role.id, ORGANISATION, by=Operator("test")))
    for who in (elsewhere, ended, world.citizen()):
        said = set()
        for case in (CASE, "no such case"):
            with pytest.raises(NotFound) as no:
                await word(world, who, case)
            said.add(str(no.value))
        assert len(said) == 1
    # In his own organisation the number of another one is nothing either.
    with pytest.raises(NotFound):
        await word(world, elsewhere, CASE, ANOTHER)
    assert await looks(world.house, citizen=world.citizen()) == []


async def another_organisation(world: World) -> None:
    (row,) = await world.house.store.read(ORGANISATION_KIND.get, ORGANISATION)
    known = organisation_from(ORGANISATION_KIND.from_row(row).record)
    await world.house.scribe.do(approve(replace(known, id=ANOTHER, name="Elders"), [], []))


async def test_trying_numbers_is_limited_for_each_clerk_right_or_wrong(world: World) -> None:
    house = replace(world.house, limits=Limits(case=3))
    who = await clerk(world)
    await world.ask(case=CASE)
    for case in ("1", "2", CASE):
        try:
            await enquire(house, citizen=who, organisation=ORGANISATION, case=case)
        except NotFound:
            assert case != CASE
    for case in ("3", CASE):
        with pytest.raises(TooManyRequests):
            await enquire(house, citizen=who, organisation=ORGANISATION, case=case)
    world.pass_time(60)
    assert (await enquire(house, citizen=who, organisation=ORGANISATION, case=CASE)).status == "waits"


@pytest.mark.parametrize("case", ["", "  ", "x" * 65, "a\nb", "a\x00b"])
async def test_what_is_no_case_number_is_refused_when_it_is_asked(case: str, world: World) -> None:
    with pytest.raises(InvalidRequest):
        await world.ask(case=case)


async def test_the_number_stands_nowhere_and_nothing_is_left_after_an_erasure(world: World) -> None:
    who = await clerk(world)
    await world.answer(await world.ask(case=CASE))
    await word(world, who)
    with sqlite3.connect(Path(world.settings.data) / DATABASE) as database:
        dump = "\n".join(database.iterdump())
    database.close()
    assert CASE not in dump
    assert CASE.encode().hex() not in dump.lower()
    await erasing.leave(world.house, citizen=world.citizen())
    for _ in range(15):
        world.pass_time(24 * 3600)
        await erasing.go_on(world.house)
    with pytest.raises(NotFound):
        await word(world, who)
