"""Who has not answered is visible: to the citizen on her receipt, to the operator in a list; neither too early."""

import msgspec
import pytest

from consent.acts import hold as holding
from consent.acts.answers import answers, unanswered
from consent.acts.overview import find_purpose
from consent.acts.receipt import receipt
from consent.acts.signal import settle
from consent.acts.timeline import timeline
from consent.settings import Settings, check_settings
from consent.storage.kinds import GRANT
from consent.words.errors import Misconfigured
from consent.words.instants import DAY, SECOND
from tests.acts.test_signal import OWN, claimed, listens
from tests.world import World

DAY_S = DAY // SECOND


async def standing(world: World) -> list[tuple[str, str]]:
    return [(one.standing, one.event) for one in await unanswered(world.house, only_late=False)]


async def late(world: World) -> list[tuple[str, str]]:
    return [(one.standing, one.event) for one in await unanswered(world.house, only_late=True)]


async def shown(world: World, grant: str) -> tuple[list[bool], bool | None]:
    """On the receipt: which signals are late, and whether the deletion is."""
    kept = await receipt(world.house, citizen=world.citizen(), grant=grant, language="nl")
    gone = kept.answers.gone
    return [one.is_late for one in kept.answers.heard], gone.is_late if gone is not None else None


async def test_silence_becomes_visible_after_its_time_and_not_before(world: World) -> None:
    await listens(world)
    given = await world.given()
    await world.disclose(given.tokens)
    assert await standing(world) == []
    await world.stop(given.grant)
    assert await standing(world) == [("waiting", "ended"), ("owed", "deletion")]
    assert await late(world) == []
    world.pass_time(3 * DAY_S - 1)
    assert await shown(world, given.grant) == ([False], False)
    world.pass_time(1)
    assert await late(world) == [("waiting", "ended")]
    assert await shown(world, given.grant) == ([True], False)
    world.pass_time(27 * DAY_S)  # thirty days, although the purpose keeps data for two years
    assert await late(world) == [("waiting", "ended"), ("owed", "deletion")]
    assert await shown(world, given.grant) == ([True], True)
    sending = await claimed(world)
    await settle(world.house, sending, None)
    assert await late(world) == [
        ("delivered", "ended"),
        ("owed", "deletion"),
    ]  # a program took it; nobody said so
    await world.acknowledge(sending.signal)
    await world.state_deletion(given.grant)
    assert await standing(world) == []
    assert await shown(world, given.grant) == ([False], False)


async def test_where_nothing_went_out_nothing_is_owed(world: World) -> None:
    given = await world.given()
    await world.stop(given.grant)
    world.pass_time(100 * DAY_S)
    assert await late(world) == [("waiting", "ended")]
    assert (await shown(world, given.grant))[1] is None


async def test_data_that_may_be_kept_for_a_week_is_owed_after_a_week(world: World) -> None:
    given = await world.given()
    await world.disclose(given.tokens)
    await world.stop(given.grant)
    (row,) = await world.house.store.read(GRANT.get, given.grant)
    grant = GRANT.from_row(row)
    purpose = await find_purpose(world.house, grant.purpose, grant.purpose_version)
    found = await answers(world.house, grant, msgspec.structs.replace(purpose, data_life_days=7), "nl")
    assert found.gone is not None
    assert found.gone.due_at == world.at + 7 * DAY


async def test_a_grant_that_ran_out_owes_from_its_end_also_when_nobody_wrote_that_down(world: World) -> None:
    given = await world.given(days=1)
    await world.disclose(given.tokens)
    world.pass_time(31 * DAY_S)
    assert (await shown(world, given.grant))[1] is True


async def test_the_timeline_says_what_was_confirmed(world: World) -> None:
    chosen = frozenset({"income_below_threshold", "household_size", OWN})
    given = await world.given(chosen=chosen)
    await world.disclose(given.tokens)
    await holding.keep(world.house, citizen=world.citizen(), name=OWN, text="Essent")
    world.pass_time(1)
    await world.stop(given.grant)
    for signal in reversed(await world.signals(given.grant)):
        world.pass_time(1)
        await world.acknowledge(signal.id)
    await world.state_deletion(given.grant, world.statement(given.grant, scope="all_but_legal_duty"))
    world.pass_time(1)
    await world.state_deletion(given.grant)
    (month,) = (await timeline(world.house, citizen=world.citizen(), language="en")).months
    told = [
        (line.kind, line.about) for line in month.lines if line.kind in ("acknowledged", "deletion_stated")
    ]
    assert told == [
        ("deletion_stated", None),
        ("deletion_stated", "legal_obligation"),
        ("acknowledged", "ended"),
        ("acknowledged", "corrected"),
    ]


@pytest.mark.parametrize("days", [0, -1, 366])
def test_the_time_to_acknowledge_is_a_number_of_days(days: int) -> None:
    with pytest.raises(Misconfigured, match="acknowledge_days"):
        check_settings(Settings(acknowledge_days=days))
