"""A citizen erases everything: shut at once, ended one by one, then gone; nobody can tell what was hers."""

import asyncio
import sqlite3
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from consent.acts import erase as erasing
from consent.acts import grant as granting
from consent.acts.ask import Gone, look
from consent.acts.disclose import Given, Refused
from consent.acts.hold import keep
from consent.acts.operate import Operator
from consent.acts.overview import overview
from consent.acts.retain import retain
from consent.acts.session import who
from consent.acts.sign_in import as_persona
from consent.opening import DATABASE
from consent.storage.kinds import ERASURE, GRANT
from consent.words.errors import AccountClosing, ConsentError, InvalidGrant, InvalidToken, NotFound
from tests.world import World

HOUR = 3600
DAY = 24 * HOUR


async def records(world: World) -> list[dict[str, Any]]:
    """All audit records that can be opened, in the log's order."""
    return [msgspec.json.decode(msgspec.json.decode(line)["A"]) async for line in world.openings()]


async def until_gone(world: World) -> None:
    """Let the two weeks go by, an hour at a time, as the sweeper does."""
    for _ in range(15 * 24):
        world.pass_time(HOUR)
        await erasing.go_on(world.house)


async def test_the_gate_shuts_in_one_commit_and_a_retry_gets_the_proof_and_no_value(world: World) -> None:
    given = await world.given()
    before = await world.disclose(given.tokens, key="k")
    assert isinstance(before, Given)
    cookie = await as_persona(world.house, "sanne", before=None)
    await erasing.leave(world.house, citizen=given.citizen)
    assert await world.disclose(given.tokens) == Refused("not_active")
    again = await world.disclose(given.tokens, key="k")
    assert isinstance(again, Refused)
    assert (again.leaf, again.proof is not None) == (before.leaf, True)
    with pytest.raises(InvalidGrant):
        await world.refresh(given.tokens)
    assert await who(world.house, cookie) is None
    assert not (await world.state(given.grant)).live
    assert [record["ev"] for record in await records(world)] == ["granted", "disclosed", "frozen"]


async def test_who_is_leaving_gives_nothing_and_changes_nothing(world: World) -> None:
    citizen = world.citizen()
    asked = await world.ask()
    page = await look(world.house, citizen=citizen, request=asked, language="nl")
    leaving = erasing.leave(world.house, citizen=citizen)
    answer = granting.answer(
        world.house,
        citizen=citizen,
        request=asked,
        language="nl",
        decision="yes",
        chosen=frozenset({"income_below_threshold", "household_size"}),
        seal=page.seal,
    )
    _, answered = await asyncio.gather(leaving, answer, return_exceptions=True)
    assert isinstance(answered, Gone)
    with pytest.raises(AccountClosing):
        await keep(world.house, citizen=citizen, name="email", text="a@b.nl")


async def test_a_yes_of_the_same_batch_before_it_is_shut_as_well(world: World) -> None:
    citizen = world.citizen()
    asked = await world.ask()
    answered, _ = await asyncio.gather(
        world.answer(asked), erasing.leave(world.house, citizen=citizen), return_exceptions=True
    )
    grants = [GRANT.from_row(row) for row in await world.house.store.read("grant.of_citizen", citizen)]
    assert isinstance(answered, granting.Answered) or grants == []
    assert [grant.state for grant in grants if grant.state == "live"] == []


async def test_two_at_once_are_one(world: World) -> None:
    await world.given()
    one, two = await asyncio.gather(
        erasing.leave(world.house, citizen=world.citizen()),
        erasing.leave(world.house, citizen=world.citizen()),
    )
    assert one == two == await erasing.leaving(world.house, citizen=world.citizen())
    assert [record["ev"] for record in await records(world)].count("frozen") == 1


async def test_what_she_shared_ends_within_a_day_as_any_other_stop_and_is_told_then(world: World) -> None:
    given = await world.given()
    await erasing.leave(world.house, citizen=given.citizen)
    assert await world.signals(given.grant) == []
    world.pass_time(DAY)
    await erasing.go_on(world.house)
    last = (await records(world))[-1]
    assert (last["ev"], last["by"], last["reason"]) == ("withdrawn", "self", "citizen_asked")
    (signal,) = await world.signals(given.grant)
    assert (signal.event, signal.at) == ("erased", world.at)
    await world.acknowledge(signal.id)
    await world.state_deletion(given.grant)


async def test_whoever_holds_data_of_an_ended_grant_hears_it_and_whoever_got_nothing_does_not(
    world: World,
) -> None:
    given = await world.given()
    await world.disclose(given.tokens)
    await world.stop(given.grant)
    empty = await world.given()
    await world.stop(empty.grant)
    await erasing.leave(world.house, citizen=given.citizen)
    world.pass_time(DAY)
    size = len(await records(world))
    for _ in range(3):
        await erasing.go_on(world.house)
    assert [signal.event for signal in await world.signals(given.grant)] == ["erased", "ended"]
    assert [signal.event for signal in await world.signals(empty.grant)] == ["ended"]
    assert len(await records(world)) == size


async def test_she_can_take_it_back_and_her_grants_do_not_come_back(world: World, tmp_path: Path) -> None:
    given = await world.given()
    await erasing.leave(world.house, citizen=given.citizen)
    world.pass_time(13 * DAY)
    await erasing.come_back(world.house, citizen=given.citizen)
    assert await erasing.leaving(world.house, citizen=given.citizen) is None
    await until_gone(world)
    assert await world.disclose((await world.given()).tokens)
    seen = await overview(world.house, citizen=given.citizen, language="en")
    assert [(one.id, one.how) for one in seen.ended] == [(given.grant, "withdrawn")]
    assert [signal.event for signal in await world.signals(given.grant)] == ["ended"]
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


async def test_it_is_final_after_two_weeks_and_never_before_all_is_written(world: World) -> None:
    given = await world.given()
    left = await erasing.leave(world.house, citizen=given.citizen)
    world.pass_time(14 * DAY - 1)
    for _ in range(3):
        await erasing.go_on(world.house)
    assert (await erasing.look_up(world.house, code=left.code)).erased_at is None
    world.pass_time(1)
    await erasing.go_on(world.house)
    found = await erasing.look_up(world.house, code=left.code)
    assert (found.citizen, found.erased_at, found.complete_at) == (None, world.at, world.at)
    assert found.shadow == erasing.shadow(given.citizen)
    with pytest.raises(NotFound):
        await erasing.come_back(world.house, citizen=given.citizen)
    with pytest.raises(NotFound):
        await erasing.leave(world.house, citizen=given.citizen)
    with pytest.raises(NotFound):
        await erasing.look_up(world.house, code="A" * 22)


async def test_a_late_sweep_writes_the_endings_before_it_erases(world: World, tmp_path: Path) -> None:
    given = await world.given()
    left = await erasing.leave(world.house, citizen=given.citizen)
    world.pass_time(30 * DAY)
    await erasing.go_on(world.house)
    assert [record["ev"] for record in await records(world)] == ["granted", "frozen", "withdrawn", "erased"]
    assert (await erasing.look_up(world.house, code=left.code)).complete_at is not None


@pytest.mark.on_a_file
async def test_everything_of_hers_is_gone_and_her_ids_are_like_unknown_ones(world: World) -> None:
    given = await world.given()
    disclosed = await world.disclose(given.tokens, key="k")
    assert isinstance(disclosed, Given)
    await world.use(given.tokens, disclosed.disclosure)
    await world.ask()
    left = await erasing.leave(world.house, citizen=given.citizen)
    await until_gone(world)
    with pytest.raises(InvalidToken):
        await world.disclose(given.tokens, key="k")
    for name in (given.grant, "0" * 32):
        with pytest.raises(NotFound, match="there is no such grant"):
            await world.state(name)
        with pytest.raises(NotFound, match="there is no such grant"):
            await world.let_go(name)
        with pytest.raises(NotFound):
            await world.state_deletion(name)
    with pytest.raises(NotFound):
        await as_persona(world.house, "sanne", before=None)
    rows = rows_about(world, given.citizen, given.grant)
    assert rows == {}
    assert await erasing.leaving(world.house, citizen=given.citizen) is None
    assert (await erasing.look_up(world.house, code=left.code)).complete_at is not None


def rows_about(world: World, *names: str) -> dict[str, int]:
    """In how many rows of each table one of *names* stands, in whatever column."""
    connection = sqlite3.connect(f"file:{Path(world.settings.data) / DATABASE}?mode=ro", uri=True)
    try:
        tables = [n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {}
        for table in tables:
            rows = connection.execute(f"SELECT * FROM {table}").fetchall()
            count = sum(any(name in str(value) for value in row for name in names) for row in rows)
            if count:
                found[table] = count
        return found
    finally:
        connection.close()


@pytest.mark.on_a_file
async def test_what_this_looks_in_has_rows_before(world: World) -> None:
    """The search above finds something where there is something."""
    given = await world.given()
    disclosed = await world.disclose(given.tokens, key="k")
    assert isinstance(disclosed, Given)
    await world.use(given.tokens, disclosed.disclosure)
    tables = rows_about(world, given.citizen, given.grant)
    assert {
        "citizens",
        "citizen_keys",
        "sealed_values",
        "grants",
        "grant_versions",
        "tokens",
        "codes",
    } <= set(tables)
    assert {"requests", "disclosures", "uses", "citizen_entries", "personas"} <= set(tables)


@pytest.mark.on_a_file
async def test_what_fell_below_the_watermark_before_she_left_is_gone_too(world: World) -> None:
    """What went out is found through the entries of its citizen, and those are deleted by then."""
    given = await world.given()
    assert isinstance(await world.disclose(given.tokens, key="k"), Given)
    await world.stop(given.grant)
    world.pass_time(DAY)
    await retain(world.house, before=world.at, by=Operator("anna"))
    await erasing.leave(world.house, citizen=given.citizen)
    world.pass_time(15 * DAY)
    for _ in range(2):
        await erasing.go_on(world.house)
    assert rows_about(world, given.citizen, given.grant) == {}


@pytest.mark.on_a_file
async def test_every_table_that_leads_to_a_person_is_wiped(world: World) -> None:
    """Whoever adds a table with a citizen or a grant in it adds its deletion too."""
    connection = sqlite3.connect(f"file:{Path(world.settings.data) / DATABASE}?mode=ro", uri=True)
    leading = {
        table
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for column in connection.execute(f"PRAGMA table_info({table})").fetchall()
        if column[1] in ("citizen", "grant_id", "disclosure")
    }
    connection.close()
    texts = world.house.store._texts  # type: ignore[attr-defined]
    wiped = {texts[name].split()[2] for name in erasing._WIPES}
    assert leading - {"erasures"} <= wiped


async def test_old_proofs_stay_good_and_nothing_about_her_follows(world: World, tmp_path: Path) -> None:
    given = await world.given()
    await world.disclose(given.tokens)
    before = await world.audit(tmp_path / "before")
    await erasing.leave(world.house, citizen=given.citizen)
    await until_gone(world)
    with pytest.raises(ConsentError):
        await world.disclose(given.tokens)
    after = await world.audit(tmp_path / "after")
    assert (before.exit_code, after.exit_code) == (0, 0), after.sentences
    assert [record["ev"] for record in await records(world)] == [
        "granted",
        "disclosed",
        "frozen",
        "withdrawn",
        "erased",
    ]


async def test_a_fetch_of_the_same_batch_after_the_erasure_finds_nobody(world: World) -> None:
    given = await world.given()
    left = await erasing.leave(world.house, citizen=given.citizen)
    world.pass_time(DAY)
    await erasing.go_on(world.house)
    fresh = await world.given(citizen=world.citizen("riet"))
    world.pass_time(14 * DAY - DAY - 60)
    tokens = await world.refresh(fresh.tokens)
    world.pass_time(60)
    row = await erasing.look_up(world.house, code=left.code)
    done, hers, other = await asyncio.gather(
        erasing.finish(world.house, row),
        world.disclose(given.tokens),
        world.disclose(tokens),
        return_exceptions=True,
    )
    assert done is True
    assert isinstance(hers, InvalidToken)
    assert isinstance(other, Given)
    assert [record["ev"] for record in await records(world)][-2:] == ["erased", "disclosed"]


@pytest.mark.on_a_file
async def test_the_endings_of_one_person_do_not_stand_together(world: World) -> None:
    """Many leave at once, each with several grants: in no commit two of one person, and in no order of hers."""
    people = [world.citizen(name) for name in ("sanne", "riet", "amal")]
    owner: dict[int, str] = {}
    for _ in range(5):
        for person in people:
            given = await world.given(citizen=person)
            await world.disclose(given.tokens)
    for person in people:
        for row in await world.house.store.read("grant.of_citizen", person):
            owner[GRANT.from_row(row).index] = person
        await erasing.leave(world.house, citizen=person)
    plans = await world.house.store.read("planned_ending.due", world.at + DAY * 1_000_000, 100)
    assert len(plans) == 15
    assert len({due for _, due in plans}) == 15
    assert all(world.at <= due < world.at + erasing.PARTING for _, due in plans)
    # Three persons with five instants each, drawn from 22 hours: that all five of each stand together has a chance of
    # 3!·5!³/15!, less than one in a hundred thousand.
    order = [person for _, person in sorted((due, owner_of(world, name)) for name, due in plans)]
    assert sum(a != b for a, b in pairwise(order)) > 2
    world.pass_time(DAY)
    left = [15]
    while left[-1]:
        await world.house.scribe.do(erasing.part())
        left.append(len(await world.house.store.read("planned_ending.due", world.at, 100)))
    assert left == [15, 12, 9, 6, 3, 0]


def owner_of(world: World, grant: str) -> str:
    connection = sqlite3.connect(f"file:{Path(world.settings.data) / DATABASE}?mode=ro", uri=True)
    try:
        return str(connection.execute("SELECT citizen FROM grants WHERE id = ?", (grant,)).fetchone()[0])
    finally:
        connection.close()


@pytest.mark.on_a_file
async def test_whom_an_old_backup_brings_back_is_erased_again(world: World) -> None:
    given = await world.given()
    await erasing.leave(world.house, citizen=given.citizen)
    shadows = frozenset({erasing.shadow(given.citizen), erasing.shadow("0" * 32)})
    assert await erasing.final(world.house.store) == []
    other = await world.given(citizen=world.citizen("riet"))
    assert await erasing.erase_again(world.house.store, shadows) == 1
    assert rows_about(world, given.citizen, given.grant) == {}
    assert isinstance(await world.disclose(other.tokens), Given)
    await erasing.leave(world.house, citizen=other.citizen)
    await until_gone(world)
    assert [one for one, _ in await erasing.final(world.house.store)] == [erasing.shadow(other.citizen)]


async def test_a_second_erasure_after_coming_back_is_a_new_one(world: World) -> None:
    given = await world.given()
    first = await erasing.leave(world.house, citizen=given.citizen)
    world.pass_time(DAY)
    await erasing.come_back(world.house, citizen=given.citizen)
    with pytest.raises(NotFound):
        await erasing.look_up(world.house, code=first.code)
    second = await erasing.leave(world.house, citizen=given.citizen)
    assert second.final_at == world.at + erasing.UNDO
    await until_gone(world)
    found = await erasing.look_up(world.house, code=second.code)
    assert found.complete_at is not None
    assert ERASURE.key(found) == found.hash
