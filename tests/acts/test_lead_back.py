"""The way back to who asked: a code is born at the tap, works once, and says no when she stopped meanwhile."""

import pytest

from consent.acts.ask import look
from consent.acts.grant import Answered
from consent.acts.lead_back import WAY_BACK_LIFE, declined, lead_back, untold
from consent.acts.withdraw import withdraw
from consent.oauth.par import CODE_LIFE
from consent.words.errors import InvalidGrant, NotFound
from consent.words.instants import SECOND
from tests.world import World


async def said(world: World, decision: str = "yes") -> Answered:
    answered = await world.answer(await world.ask(), decision=decision)
    assert isinstance(answered, Answered)
    return answered


async def test_the_codes_minute_begins_when_she_goes_and_not_at_her_yes(world: World) -> None:
    answered = await said(world)
    world.pass_time(10 * CODE_LIFE // SECOND)
    assert (await world.exchange(await world.code(answered))).grant is not None


async def test_a_second_tap_spends_the_code_of_the_first(world: World) -> None:
    answered = await said(world)
    first, second = await world.code(answered), await world.code(answered)
    with pytest.raises(InvalidGrant):
        await world.exchange(first)
    assert (await world.exchange(second)).grant is not None


async def test_once_the_organisation_has_its_answer_nothing_leads_back(world: World) -> None:
    answered = await said(world)
    citizen = world.citizen()
    assert [one.request for one in await untold(world.house, citizen=citizen)] == [answered.request]
    await world.exchange(await world.code(answered))
    assert await untold(world.house, citizen=citizen) == ()
    with pytest.raises(NotFound):
        await world.back(answered)


async def test_who_stops_on_the_receipt_takes_a_no_along(world: World) -> None:
    answered = await said(world)
    await withdraw(world.house, citizen=world.citizen(), grant=str(answered.grant))
    back = await world.back(answered)
    assert "error=access_denied" in back
    assert "code=" not in back


async def test_a_no_leads_back_with_a_no_as_often_as_she_likes(world: World) -> None:
    answered = await said(world, "no")
    assert await world.back(answered) == await world.back(answered)
    assert "error=access_denied" in await world.back(answered)
    page = await declined(world.house, citizen=world.citizen(), request=answered.request, language="nl")
    assert page.leads_back
    assert page.until is None


@pytest.mark.parametrize("decision", ["yes", "no"])
async def test_nobody_else_goes_back_with_her_answer_and_she_does_not_before_it(
    world: World, decision: str
) -> None:
    request = await world.ask()
    await look(world.house, citizen=world.citizen(), request=request, language="nl")
    with pytest.raises(NotFound):
        await lead_back(world.house, citizen=world.citizen(), request=request)
    answered = await world.answer(request, decision=decision)
    for citizen, asked in (("0" * 32, request), (world.citizen(), "0" * 32), (world.citizen(), "x")):
        with pytest.raises(NotFound):
            await lead_back(world.house, citizen=citizen, request=asked)
        with pytest.raises(NotFound):
            await declined(world.house, citizen=citizen, request=asked, language="nl")
    await world.back(answered)
    world.pass_time(WAY_BACK_LIFE // SECOND)
    with pytest.raises(NotFound):
        await world.back(answered)
