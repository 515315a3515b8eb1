"""She asks an organisation to erase: it hears that she asks, and she reads how far that is."""

import pytest

from consent.acts import erase as erasing
from consent.acts.dealings import Dealing, dealing
from consent.acts.demand import demands_of, to_erase
from consent.acts.signal import claim
from consent.words.errors import NotFound, StillActive, TooManyRequests
from consent.words.instants import DAY, SECOND
from tests.acts.test_erase import until_gone
from tests.acts.test_signal import claimed, listens, read
from tests.world import MUNICIPALITY, World


async def one(world: World, grant: str) -> Dealing:
    return await dealing(world.house, citizen=world.citizen(), grant=grant, language="en")


async def test_asked_then_overdue_then_confirmed(world: World) -> None:
    await listens(world)
    given = await world.given()
    await world.disclose(given.tokens)
    with pytest.raises(StillActive):
        await to_erase(world.house, citizen=given.citizen, grant=given.grant)
    await world.stop(given.grant)
    assert (await one(world, given.grant)).may_ask
    world.pass_time(60)
    for _ in range(2):
        await to_erase(world.house, citizen=given.citizen, grant=given.grant)
    asked = await one(world, given.grant)
    assert (asked.asked_at, asked.may_ask) == (world.at, False)
    assert asked.gone is not None
    assert not asked.gone.is_late
    assert [signal.event for signal in await world.signals(given.grant)] == ["asked", "ended"]
    # What goes out names the grant, and neither her nor a reason.
    await claim(world.house, MUNICIPALITY)
    world.pass_time(1)
    _, claims = read(world, await claimed(world))
    assert claims["events"] == {f"{world.house.issuer}/events/demand-made/v1": {}}
    assert claims["sub_id"] == {"format": "opaque", "id": given.grant}
    world.pass_time(31 * DAY / SECOND)
    late = (await one(world, given.grant)).gone
    assert late is not None
    assert late.is_late
    await world.state_deletion(given.grant)
    done = (await one(world, given.grant)).gone
    assert done is not None
    assert (done.scope, done.is_late) == ("all", False)


async def test_there_is_nothing_to_ask_where_nothing_went_out_or_all_is_gone(world: World) -> None:
    unseen = await world.given()
    await world.stop(unseen.grant)
    assert not (await one(world, unseen.grant)).may_ask
    gone = await world.given()
    await world.disclose(gone.tokens)
    await world.stop(gone.grant)
    await world.state_deletion(gone.grant)
    for given in (unseen, gone):
        await to_erase(world.house, citizen=given.citizen, grant=given.grant)
    assert await demands_of(world.house, unseen.citizen) == []


async def test_somebody_else_asks_nothing_in_her_name(world: World) -> None:
    given = await world.given()
    await world.disclose(given.tokens)
    await world.stop(given.grant)
    for grant in (given.grant, "0" * 32, "x"):
        with pytest.raises(NotFound):
            await to_erase(world.house, citizen=world.citizen("riet"), grant=grant)
    assert await demands_of(world.house, given.citizen) == []


async def test_erasures_in_one_minute_have_an_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consent.acts.demand.MOST_A_MINUTE", 1)
    ended = []
    for _ in range(2):
        given = await world.given()
        await world.disclose(given.tokens)
        await world.stop(given.grant)
        ended.append(given)
    first, second = ended
    await to_erase(world.house, citizen=first.citizen, grant=first.grant)
    await to_erase(world.house, citizen=first.citizen, grant=first.grant)  # nothing is asked a second time
    with pytest.raises(TooManyRequests):
        await to_erase(world.house, citizen=first.citizen, grant=second.grant)
    assert [one.grant for one in await demands_of(world.house, first.citizen)] == [first.grant]
    world.pass_time(61)
    await to_erase(world.house, citizen=first.citizen, grant=second.grant)
    assert len(await demands_of(world.house, first.citizen)) == 2


async def test_it_goes_with_her(world: World) -> None:
    given = await world.given()
    await world.disclose(given.tokens)
    await world.stop(given.grant)
    await to_erase(world.house, citizen=given.citizen, grant=given.grant)
    await erasing.leave(world.house, citizen=given.citizen)
    await until_gone(world)
    assert await demands_of(world.house, given.citizen) == []
