"""A year ends: the log is closed, another takes its place, and whatever runs goes on there, in one order."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from consent.acts import succeed
from consent.acts.disclose import Given, Refused
from consent.acts.operate import operator
from consent.acts.publish import head, leaf_of, prove
from consent.acts.receipt import receipt, receipt_proof
from consent.acts.succeed import carry_grants
from consent.acts.suspend import subject, suspend
from consent.acts.timeline import timeline
from consent.keyfiles import logs_with_keys, offer_log_keys
from consent.ledger.checkpoint import check_checkpoint, vkey_of
from consent.ledger.entry import is_control
from consent.opening import open_house
from consent.storage.kinds import GRANT
from consent.storage.rows import Head
from consent.storage.store import Store
from consent.upkeep.succession import heads_of, pen_of
from consent.words.errors import Misconfigured
from consent.words.instants import SECOND
from consent.words.keyed import tag
from tests.world import World

EVE = 1_924_991_990 * SECOND  # ten seconds before 2031


@pytest.fixture
async def eve(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """On a file, but where a test asks for PostgreSQL by name."""
    if getattr(request, "param", "sqlite") == "sqlite":
        async with World.open(tmp_path / "data", at=EVE, yearly=True) as world:
            yield world
        return
    cluster = request.getfixturevalue("postgres")
    database = await cluster.database()
    async with World.open(tmp_path / "data", at=EVE, yearly=True, database=database) as world:
        yield world
    await cluster.drop(database)


async def bodies(world: World, log: str) -> list[dict[str, object]]:
    """The control entries of a log."""
    size = (await head(world.house, log)).size
    leaves = [await leaf_of(world.house, log, index) for index in range(size)]
    return [msgspec.json.decode(leaf[152:]) for leaf in leaves if is_control(leaf)]


async def records(world: World, log: str) -> list[dict[str, object]]:
    lines = [line async for line in world.openings(log)]
    return [msgspec.json.decode(msgspec.json.decode(line)["A"]) for line in lines]


async def test_at_new_year_the_log_is_closed_and_the_next_one_names_its_last_checkpoint(
    eve: World, tmp_path: Path
) -> None:
    await eve.given()
    assert eve.house.log == "2030"
    eve.pass_time(10)
    await eve.given(citizen=eve.citizen("amal"))
    assert eve.house.log == "2031"
    old, new = await head(eve.house, "2030"), await head(eve.house, "2031")
    last = (await bodies(eve, "2030"))[-1]
    assert (last["ev"], last["i"], last["next"]) == ("log.closed", old.size - 1, eve.house.vkey)
    opened = (await bodies(eve, "2031"))[0]
    pen = await pen_of(eve.house.store, eve.settings.folder, old)
    checked = check_checkpoint(old.note, [vkey_of(old.origin, pen.signer)])
    assert opened["ev"] == "log.opened"
    assert opened["after"] == {"o": old.origin, "size": checked.size, "root": opened["after"]["root"]}  # type: ignore[index]
    assert checked.size == old.size
    assert new.origin == "localhost:8000/log/2031"
    for log in ("2030", "2031"):
        report = await eve.audit(tmp_path / log, log=log)
        assert report.exit_code == 0, report.sentences


async def test_a_grant_is_carried_by_its_first_use_and_what_goes_out_lands_where_it_lives(
    eve: World, tmp_path: Path
) -> None:
    given = await eve.given()
    await eve.disclose(given.tokens)
    eve.pass_time(20)
    answer = await eve.disclose(given.tokens)
    assert isinstance(answer, Given)
    stopped = await eve.stop(given.grant)
    refused = await eve.disclose(given.tokens)
    assert isinstance(refused, Refused)
    told = [(r["ev"], r.get("n"), r.get("prev")) for r in await records(eve, "2031")]
    first = stopped.grant.index
    assert told == [
        ("carried", 0, None),
        ("disclosed", 1, first),
        ("withdrawn", 2, first + 1),
        ("refused", 3, first + 2),
    ]
    assert (answer.opening.index, stopped.index, stopped.grant.log) == (first + 1, first + 2, "2031")
    report = await eve.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


async def test_what_ended_in_the_old_log_is_over_in_the_new_one_too(eve: World, tmp_path: Path) -> None:
    given = await eve.given()
    await eve.disclose(given.tokens)
    await eve.stop(given.grant)
    eve.pass_time(20)
    assert await carry_grants(eve.house) == 0
    assert isinstance(await eve.disclose(given.tokens), Refused)
    await eve.state_deletion(given.grant)
    carried, refused, stated = await records(eve, "2031")
    assert (carried["ev"], refused["ev"], stated["ev"]) == ("carried", "refused", "deletion_stated")
    assert carried["exp"] == EVE // SECOND
    report = await eve.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


@pytest.mark.parametrize(
    ("eve", "held"), [("sqlite", 1), ("sqlite", 2), ("sqlite", 500), ("postgres", 2)], indirect=["eve"]
)
async def test_all_live_grants_are_carried_once_in_an_order_that_tells_nothing(
    eve: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    """Also when not all names are in memory at the same time."""
    monkeypatch.setattr(succeed, "MOST_HELD", held)
    monkeypatch.setattr(succeed, "_PIECE", 1)
    people = ("sanne", "amal", "riet")
    grants = [(await eve.given(citizen=eve.citizen(name))).grant for name in people]
    eve.pass_time(20)
    await eve.own_token()
    assert eve.house.log == "2031"
    house = msgspec.structs.replace(eve.house, chance=lambda count: b"a" * count)
    assert await carry_grants(house) == 3
    order = sorted(grants, key=lambda grant: tag(b"a" * 32, grant.encode()))
    places = [GRANT.from_row((await eve.house.store.read(GRANT.get, name))[0]).index for name in order]
    assert places == sorted(places)
    assert len(set(places)) == 3
    assert await carry_grants(eve.house) == 0
    report = await eve.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


async def test_an_organisation_that_is_suspended_stays_so_for_whoever_reads_only_the_new_log(
    eve: World,
) -> None:
    deed = suspend(subject("organisation", "voorbeeldstad"), by=operator("someone"))
    await eve.house.scribe.do(deed)
    eve.pass_time(20)
    await eve.house.scribe.do(suspend(subject("purpose", "energietoeslag"), by=operator("someone")))
    told = [(b["ev"], b.get("org")) for b in await bodies(eve, "2031")]
    assert told[:2] == [("log.opened", None), ("organisation.suspended", "voorbeeldstad")]


async def test_a_retry_and_a_receipt_of_the_old_log_stay_valid(eve: World) -> None:
    given = await eve.given()
    first = await eve.disclose(given.tokens, key="k")
    eve.pass_time(20)
    again = await eve.disclose(given.tokens, key="k")
    assert isinstance(first, Given)
    assert isinstance(again, Given)
    assert (again.leaf, again.opening.record) == (first.leaf, first.opening.record)
    await eve.disclose(given.tokens)
    kept = await receipt(eve.house, citizen=given.citizen, grant=given.grant, language="en")
    assert kept.entry.log == "2030"
    assert await receipt_proof(eve.house, citizen=given.citizen, grant=given.grant) == await prove(
        eve.house, "2030", kept.entry.index
    )
    lines = [
        line.kind
        for month in (await timeline(eve.house, citizen=given.citizen, language="en")).months
        for line in month.lines
    ]
    assert lines.count("disclosed") == 2
    assert lines.count("granted") == 1


async def test_a_stop_and_a_disclosure_over_new_year_keep_their_order(eve: World, tmp_path: Path) -> None:
    given = await eve.given()
    eve.pass_time(20)
    before, stopped, after = await asyncio.gather(
        eve.disclose(given.tokens), eve.stop(given.grant), eve.disclose(given.tokens)
    )
    assert isinstance(before, Given)
    assert after == Refused("not_active")
    assert before.opening.index < stopped.index
    report = await eve.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


async def test_another_process_on_the_same_folder_follows_into_the_new_log(eve: World) -> None:
    given = await eve.given()
    other = await open_house(eve.settings, eve.house.store, lambda: EVE)
    other.scribe.start()
    eve.pass_time(20)
    await eve.disclose(given.tokens)
    try:
        await other.scribe.do(suspend(subject("organisation", "voorbeeldstad"), by=operator("someone")))
    finally:
        await other.scribe.stop()
    assert other.log == "2031"
    assert (await bodies(eve, "2031"))[-1]["ev"] == "organisation.suspended"


async def test_a_process_that_starts_while_another_begins_the_year_finds_no_older_copy(
    eve: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = await eve.given()

    async def overtaken(store: Store) -> list[Head]:
        heads = await heads_of(store)
        eve.pass_time(20)
        await eve.disclose(given.tokens)
        return heads

    monkeypatch.setattr("consent.opening.newest_heads", overtaken)
    other = await open_house(eve.settings, eve.house.store, eve.house.clock)
    assert eve.house.log == "2031"
    other.scribe.start()
    try:
        await other.scribe.do(suspend(subject("organisation", "voorbeeldstad"), by=operator("someone")))
    finally:
        await other.scribe.stop()
    assert other.log == "2031"


def no_space(*_: object) -> None:
    raise OSError("no space left")


async def test_a_year_that_cannot_be_closed_now_goes_on_in_the_old_log(
    eve: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = eve.settings.folder / "keys"
    given = await eve.given()
    eve.pass_time(20)
    with monkeypatch.context() as patch:
        patch.setattr("consent.upkeep.succession.offer_log_keys", no_space)
        assert isinstance(await eve.disclose(given.tokens), Given)
    assert eve.house.log == "2030"
    eve.pass_time(61)
    assert isinstance(await eve.disclose(given.tokens), Given)
    assert eve.house.log == "2031"
    assert not list(keys.glob("*.new"))


async def test_a_crash_before_the_key_has_its_name_loses_no_key(eve: World) -> None:
    await eve.given()
    eve.pass_time(20)
    await eve.own_token()
    keys = eve.settings.folder / "keys"
    key = (await pen_of(eve.house.store, eve.settings.folder, await head(eve.house, "2031"))).signer
    offered = f"log-2031.{key.public_key().public_bytes_raw().hex()[:16]}"
    (keys / "log-2031.key").rename(keys / f"{offered}.new")
    (keys / "log-2031.mldsa44.key").rename(keys / f"{offered}.mldsa44.new")
    offer_log_keys(eve.settings.folder, "2031")  # of a process that came second and lost
    house = await open_house(eve.settings, eve.house.store, eve.house.clock)
    assert house.vkey == eve.house.vkey
    assert logs_with_keys(eve.settings.folder) >= {"2030", "2031"}


async def test_a_database_from_before_new_year_does_not_begin_the_year_a_second_time(
    eve: World, tmp_path: Path
) -> None:
    offered, _ = offer_log_keys(eve.settings.folder, "2031")
    (
        eve.settings.folder / "keys" / f"log-2031.{offered.public_key().public_bytes_raw().hex()[:16]}.new"
    ).rename(eve.settings.folder / "keys" / "log-2031.key")
    with pytest.raises(Misconfigured, match="has no log 2031, but its key is here"):
        await open_house(eve.settings, eve.house.store, eve.house.clock)
