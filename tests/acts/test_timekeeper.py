"""A clock that jumps writes nothing: neither a year's end nor the log's own time is ever taken from it."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from consent.acts import ready
from consent.acts.house import House
from consent.acts.publish import checkpoint, head
from consent.acts.quorum import Quorum
from consent.acts.tidy import tidy
from consent.acts.timekeeper import BOUND, ClockDoubted, Timekeeper
from consent.errands.asker import Asker
from consent.errands.lookout import look_around
from consent.errands.metrics import metrics
from consent.opening import open_house
from consent.storage.kinds import HEAD
from consent.web.errors import api_error, oauth_error, page_error
from consent.words.instants import DAY, HOUR, SECOND
from tests.witness.witnessed_house import Town
from tests.world import START, World

YEAR = 366 * DAY


class Machine:
    """A machine with a clock that anybody can set and ticks that nobody can."""

    def __init__(self) -> None:
        self.clock, self.ticks = START, 77

    def pass_time(self, much: int) -> None:
        self.clock += much
        self.ticks += much


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with World.open(tmp_path / "data", yearly=True) as opened:
        yield opened


@pytest.fixture
async def house(world: World, machine: Machine) -> AsyncIterator[House]:
    house = await open_house(world.settings, world.house.store, lambda: machine.clock, lambda: machine.ticks)
    house.scribe.start()
    yield house
    await house.scribe.stop()


async def write(house: House) -> int:
    """Write something; the instant at which it was."""
    return (await house.scribe.do(tidy())).at


async def test_a_clock_a_year_ahead_ends_no_year_and_leaves_no_trace(house: House, machine: Machine) -> None:
    before = await head(house, house.log)
    machine.clock += YEAR
    for _ in range(2):
        with pytest.raises(ClockDoubted):
            await write(house)
    assert (await house.store.read("head.all"))[-1] == HEAD.to_row(before)
    machine.clock -= YEAR
    machine.pass_time(SECOND)
    assert await write(house) == START + SECOND, "it goes on by itself, at the time that it is"


@pytest.mark.parametrize("jump", [BOUND + 1, -BOUND - 1])
async def test_outside_the_bound_nothing_is_written_and_inside_it_is(
    house: House, machine: Machine, jump: int
) -> None:
    machine.clock += jump
    with pytest.raises(ClockDoubted):
        await write(house)
    machine.clock -= 1 if jump > 0 else -1
    await write(house)


async def test_time_that_really_passes_is_no_jump_and_ends_the_year(house: House, machine: Machine) -> None:
    machine.pass_time(YEAR)
    assert await write(house) == START + YEAR
    assert house.log == "2031"


async def test_while_the_clock_is_doubted_the_log_is_still_served(house: House, machine: Machine) -> None:
    machine.clock += HOUR
    assert (await checkpoint(house, house.log)).startswith((await head(house, house.log)).origin)


async def test_whoever_watches_over_the_service_hears_that_it_is_the_clock(
    house: House, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready, "WITHIN", 60.0)
    monkeypatch.setattr(ready, "_KEPT", 0.0)
    assert all((await ready.readiness(house)).values())
    assert "\nconsent_clock_doubted 0\n" in await metrics(house)
    machine.clock += HOUR
    checks = await ready.readiness(house)
    assert {name for name, holds in checks.items() if not holds} == {"clock", "scribe"}  # nothing is written
    assert "\nconsent_clock_doubted 1\n" in await metrics(house)
    machine.clock -= HOUR
    await write(house)
    assert all((await ready.readiness(house)).values())


def test_each_door_says_that_it_is_the_clock_and_that_a_retry_helps() -> None:
    no = ClockDoubted("the clock")
    status, headers, body = api_error(no)
    assert (status, headers["retry-after"], msgspec.json.decode(body)["code"]) == (503, "1", "clock_doubted")
    assert oauth_error(no)[0] == 503
    assert page_error(no) == (503, "stopped")


# What the witnesses say


def keeper(machine: Machine, *, needed: int) -> Timekeeper:
    return Timekeeper(lambda: machine.clock, lambda: machine.ticks, needed=needed)


def is_believed(keeper: Timekeeper) -> bool:
    try:
        keeper.now()
    except ClockDoubted:
        return False
    return True


def test_a_quorum_of_organisations_finds_a_clock_that_was_wrong_from_the_start(machine: Machine) -> None:
    kept = keeper(machine, needed=2)
    kept.heard("a", START - YEAR)
    kept.heard("a", START - YEAR)
    assert is_believed(kept), "one organisation is one voice"
    kept.heard("b", START - YEAR)
    kept.heard("c", START - YEAR)
    assert not is_believed(kept)
    machine.clock -= YEAR
    assert is_believed(kept)


@pytest.mark.parametrize("lie", [YEAR, -YEAR])
@pytest.mark.parametrize("honest", ["b", "bc", "bcd"])
def test_one_witness_that_lies_about_the_time_moves_nothing(machine: Machine, honest: str, lie: int) -> None:
    kept = keeper(machine, needed=2)
    kept.heard("a", START + lie)
    for organisation in honest:
        kept.heard(organisation, START)
        assert is_believed(kept)


async def test_before_the_first_answer_the_witnesses_tell_the_time(
    world: World, machine: Machine, tmp_path: Path
) -> None:
    town = Town(world, tmp_path / "w", a="org-a", b="org-b", c="org-c")
    machine.clock += YEAR
    house = await open_house(
        replace(world.settings, witnesses=town.policy.witnesses),
        world.house.store,
        lambda: machine.clock,
        lambda: machine.ticks,
    )
    house = replace(house, to_witnesses=town)
    await look_around(house, world.settings.folder, demand=True)
    house.scribe.start()
    try:
        with pytest.raises(ClockDoubted):
            await write(house)
        assert (await house.store.read("head.all"))[-1][0] == "2030"
    finally:
        await house.scribe.stop()


async def test_a_machine_that_was_halted_goes_on_as_soon_as_witnesses_say_what_time_it_is(
    world: World, house: House, machine: Machine, tmp_path: Path
) -> None:
    """A virtual machine that stood still: its clock was set right afterwards, its ticks know nothing of it."""
    town = Town(world, tmp_path / "w", a="org-a")
    house = replace(house, quorum=Quorum(town.policy, house.store), to_witnesses=town)
    asker = Asker(house, interval=0)
    await asker.round()
    machine.clock += HOUR
    with pytest.raises(ClockDoubted):
        await write(house)
    world.pass_time(HOUR // SECOND)  # the witness's clock
    await asker.round()
    assert await write(house) == START + HOUR
    await asker.stop()
