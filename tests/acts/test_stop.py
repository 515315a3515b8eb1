"""The code on a receipt: it stops one sharing, for whoever has it, and tells nothing; she hears of it."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st
from msgspec.structs import replace

from consent.acts import erase as erasing
from consent.acts import paper, stop
from consent.acts.allowance import Mark, mark
from consent.acts.disclose import Given
from consent.acts.house import House, Limits
from consent.acts.overview import overview
from consent.acts.timeline import timeline
from consent.opening import DATABASE
from consent.words.actors import Actor
from consent.words.errors import NotFound, TooManyRequests
from tests.world import World

WRONG = paper.digits_from(b"nobody has this code")


async def code_of(world: World, grant: str, *, citizen: str | None = None) -> str:
    code = await stop.code_for(world.house, citizen=citizen or world.citizen(), grant=grant)
    assert code is not None
    return code


async def test_a_code_stops_its_grant_and_no_other(world: World) -> None:
    hers = await world.given()
    other = await world.given(citizen=world.citizen("riet"))
    code = await code_of(world, hers.grant)
    assert await stop.look(world.house, code=code, marks=())
    assert isinstance(await world.disclose(hers.tokens), Given)
    assert await stop.stop(world.house, code=code, marks=())
    assert not isinstance(await world.disclose(hers.tokens), Given)
    assert isinstance(await world.disclose(other.tokens), Given)


async def test_a_receipt_has_the_same_code_each_time_and_none_when_it_has_ended(world: World) -> None:
    given = await world.given()
    code = await code_of(world, given.grant)
    assert await code_of(world, given.grant) == code
    await world.stop(given.grant)
    assert await stop.code_for(world.house, citizen=given.citizen, grant=given.grant) is None
    again = await world.given()
    assert await code_of(world, again.grant) != code


async def test_somebody_elses_receipt_gives_no_code(world: World) -> None:
    given = await world.given()
    with pytest.raises(NotFound):
        await stop.code_for(world.house, citizen=world.citizen("daan"), grant=given.grant)


async def test_a_second_time_and_an_ended_grant_change_nothing(world: World) -> None:
    given = await world.given()
    code = await code_of(world, given.grant)
    assert await stop.stop(world.house, code=code, marks=())
    state = await world.state(given.grant)
    assert not await stop.look(world.house, code=code, marks=())
    assert not await stop.stop(world.house, code=code, marks=())
    assert (await world.state(given.grant)) == state
    # One that lapsed ended by itself, and that is what stands there.
    lapsed = await world.given(days=1)
    code = await code_of(world, lapsed.grant)
    world.pass_time(2 * 24 * 3600)
    assert not await stop.stop(world.house, code=code, marks=())
    ended = (await overview(world.house, citizen=lapsed.citizen, language="en")).ended
    assert {one.id: one.how for one in ended}[lapsed.grant] == "expired"


async def test_of_many_at_once_one_stops_it(world: World) -> None:
    given = await world.given()
    code = await code_of(world, given.grant)
    outcomes = await asyncio.gather(*[stop.stop(world.house, code=code, marks=()) for _ in range(8)])
    assert sorted(outcomes) == [False] * 7 + [True]


async def test_she_hears_of_it_until_she_says_that_she_read_it(world: World) -> None:
    given = await world.given()
    await stop.stop(world.house, code=await code_of(world, given.grant), marks=())
    (line, *_) = (await timeline(world.house, citizen=given.citizen, language="en")).months[0].lines
    assert (line.kind, line.about, line.grant) == ("withdrawn", "stop_code", given.grant)
    (ended,) = (await overview(world.house, citizen=given.citizen, language="en")).ended
    assert ended.how == "stop_code"
    assert [one.grant for one in await stop.used(world.house, citizen=given.citizen)] == [given.grant]
    with pytest.raises(NotFound):
        await stop.seen(world.house, citizen=world.citizen("daan"), grant=given.grant)
    await stop.seen(world.house, citizen=given.citizen, grant=given.grant)
    assert await stop.used(world.house, citizen=given.citizen) == []


async def test_her_own_stop_is_not_told_as_one_with_the_code(world: World) -> None:
    given = await world.given()
    await code_of(world, given.grant)
    await world.stop(given.grant)
    (line, *_) = (await timeline(world.house, citizen=given.citizen, language="en")).months[0].lines
    assert (line.kind, line.about) == ("withdrawn", "citizen_asked")
    (ended,) = (await overview(world.house, citizen=given.citizen, language="en")).ended
    assert ended.how == "withdrawn"
    assert await stop.used(world.house, citizen=given.citizen) == []


async def test_outsiders_verify_a_stop_with_the_code_like_any_other(world: World, tmp_path: Path) -> None:
    given = await world.given()
    by = Actor(kind="clerk", id="0" * 32)
    assert await stop.stop(world.house, code=await code_of(world, given.grant), marks=(), by=by)
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


@pytest.mark.on_a_file
async def test_neither_code_nor_digits_stand_in_the_database(world: World) -> None:
    given = await world.given()
    code = await code_of(world, given.grant)
    await stop.stop(world.house, code=code, marks=())
    with sqlite3.connect(Path(world.settings.data) / DATABASE) as database:
        dump = "\n".join(database.iterdump())
    database.close()
    assert "stop_codes" in dump
    for form in (code, code.replace(" ", ""), code[:-2], code[:-2].replace(" ", "")):
        assert form not in dump
        assert form.encode().hex() not in dump.lower()


async def test_the_code_of_who_has_left_is_a_wrong_one(world: World) -> None:
    given = await world.given()
    code = await code_of(world, given.grant)
    await erasing.leave(world.house, citizen=given.citizen)
    assert not await stop.stop(world.house, code=code, marks=())  # it is shut already
    for _ in range(15):
        world.pass_time(24 * 3600)
        await erasing.go_on(world.house)
    with pytest.raises(NotFound):
        await stop.look(world.house, code=code, marks=())


# Guessing


def narrow(house: House) -> House:
    return replace(house, limits=Limits(stop_code=3, stop_codes=5))


def marks_at(house: House, address: str) -> tuple[Mark, ...]:
    return (*mark(house, "stop_code", address), *mark(house, "stop_codes", ""))


async def guess(house: House, address: str, code: str) -> str:
    try:
        await stop.look(house, code=code, marks=marks_at(house, address))
    except (NotFound, TooManyRequests) as no:
        return type(no).__name__
    return "found"


async def test_wrong_codes_are_limited_by_address_and_in_all_and_then_no_right_one_is_told_either(
    world: World,
) -> None:
    house = narrow(world.house)
    code = await code_of(world, (await world.given()).grant)
    assert [await guess(house, "a", WRONG) for _ in range(4)] == ["NotFound"] * 3 + ["TooManyRequests"]
    assert await guess(house, "a", code) == "TooManyRequests"
    assert await guess(house, "b", code) == "found"
    assert [await guess(house, "b", WRONG) for _ in range(3)] == ["NotFound"] * 2 + ["TooManyRequests"]
    assert await guess(house, "c", code) == "TooManyRequests"  # from everywhere together it was enough
    world.pass_time(60)
    assert await guess(house, "c", code) == "found"


async def test_guesses_at_the_same_moment_get_no_more_answers(world: World) -> None:
    house = narrow(world.house)
    said = await asyncio.gather(*[guess(house, "a", WRONG) for _ in range(30)])
    assert sorted(said) == ["NotFound"] * 3 + ["TooManyRequests"] * 27


async def test_a_right_code_uses_nothing_up_and_a_slip_neither(world: World) -> None:
    house = narrow(world.house)
    code = await code_of(world, (await world.given()).grant)
    slip = code[:-1] + ("B" if code[-1] != "B" else "C")
    for text in (code, slip) * 8:
        assert await guess(house, "a", text) == ("found" if text == code else "NotFound")


# The code as text


@examples(st.binary(min_size=16, max_size=32), st.integers(0, 15), st.integers(1, 9))
def test_one_wrong_digit_is_found(chance: bytes, place: int, off: int) -> None:
    code = paper.digits_from(chance)
    digits = code.replace(" ", "")
    wrong = digits[:place] + str((int(digits[place]) + off) % 10) + digits[place + 1 :]
    assert paper.digits_as_written(digits) == code
    assert paper.digits_as_written(wrong) is None


@examples(st.binary(min_size=16, max_size=32), st.integers(0, 15), st.integers(0, 15))
def test_two_digits_that_changed_places_are_found(chance: bytes, one: int, other: int) -> None:
    digits = list(paper.digits_from(chance).replace(" ", ""))
    if digits[one] != digits[other]:
        digits[one], digits[other] = digits[other], digits[one]
        assert paper.digits_as_written("".join(digits)) is None


@pytest.mark.parametrize(
    "text", ["", " ", "x", "1" * 16, "1" * 17, "٣" * 16 + "B", "0" * 16 + "I", "0" * 99 + "B", "B" * 5000]
)
def test_what_is_no_code_is_none(text: str) -> None:
    assert paper.digits_as_written(text) is None


def test_how_it_is_spaced_does_not_matter() -> None:
    code = paper.digits_from(bytes(16))
    assert code == "0000 0000 0000 0000 B"
    for text in (
        "0000000000000000b",
        " 0000-0000-0000-0000-B ",
        "0000.0000.0000.0000 b",
        "0000 – 0000 0000 0000B",
    ):
        assert paper.digits_as_written(text) == code
