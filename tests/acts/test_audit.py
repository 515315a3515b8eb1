"""An auditor opens one organisation's entries of one period, whole chains of them, and every read is an entry."""

import os

import consent_verify
import msgspec
import pytest
from msgspec.structs import replace

from consent.acts.audit import admit, admitted, open_for_audit, shut_out
from consent.acts.house import Limits
from consent.acts.operate import operator
from consent.acts.oversee import journal
from consent.acts.publish import head
from consent.ledger.entry import is_control
from consent.upkeep.export import export_log
from consent.words.errors import BadInput, InvalidToken, NotFound, TooManyRequests
from consent.words.instants import DAY
from tests.world import World

ANNA = operator("anna")


async def let_in(world: World, *, organisation: str = "voorbeeldstad", begin: int, end: int) -> str:
    deed, token = admit(
        auditor="auditor-one",
        organisation=organisation,
        from_at=begin,
        until_at=end,
        reason="yearly check",
        expires_at=world.at + DAY,
        by=ANNA,
        chance=os.urandom(32),
    )
    await world.house.scribe.do(deed)
    return token


async def read(world: World, token: str) -> bytes:
    return b"".join(
        [line async for line in await open_for_audit(world.house, token=token, log=world.house.log)]
    )


async def test_a_grant_from_before_the_period_comes_with_its_beginning(
    world: World, tmp_path: object
) -> None:
    given = await world.given()
    world.pass_time(300)
    begin = world.at
    await world.disclose(given.tokens)
    lines = await read(world, await let_in(world, begin=begin, end=begin + DAY))
    events = [msgspec.json.decode(msgspec.json.decode(line)["A"])["ev"] for line in lines.splitlines()]
    assert events == ["granted", "disclosed"]
    await export_log(world.house, world.house.log, tmp_path / "log")  # type: ignore[operator]
    report = consent_verify.verify_log(str(tmp_path / "log"), openings=lines)  # type: ignore[operator]
    assert report.exit_code == 0, report.sentences


async def test_another_organisations_entries_stay_shut(world: World) -> None:
    await world.given()
    token = await let_in(world, organisation="voorbeeld-energie", begin=0, end=world.at + DAY)
    assert await read(world, token) == b""


async def test_each_read_is_a_public_entry_that_names_neither_auditor_nor_reason(world: World) -> None:
    token = await let_in(world, begin=0, end=world.at + DAY)
    await read(world, token)
    ((_, leaf),) = (await world.house.store.read("entry.range", world.house.log, 1, 2))[:1]
    assert is_control(leaf)
    body = msgspec.json.decode(leaf[152:])
    assert (body["ev"], body["org"], body["i"]) == ("audit.read", "voorbeeldstad", 1)
    assert b"auditor-one" not in leaf
    assert b"yearly" not in leaf


async def test_a_token_ends_and_a_guess_opens_nothing(world: World) -> None:
    token = await let_in(world, begin=0, end=world.at + DAY)
    world.pass_time(24 * 3600)
    for tried in (token, "x" * 43):
        with pytest.raises(InvalidToken):
            await read(world, tried)


def test_an_empty_period_or_reason_is_refused() -> None:
    good = {"auditor": "a", "organisation": "o", "expires_at": 1, "by": ANNA, "chance": bytes(32)}
    with pytest.raises(BadInput):
        admit(from_at=2, until_at=2, reason="yearly check", **good)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        admit(from_at=1, until_at=2, reason="   x   ", **good)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        admit(from_at=1, until_at=2, reason="yearly\ncheck", **good)  # type: ignore[arg-type]


async def test_an_organisation_that_is_not_there_is_refused_instead_of_looking_well(world: World) -> None:
    with pytest.raises(NotFound):
        await let_in(world, organisation="voorbelstad", begin=0, end=world.at)


async def test_a_token_for_longer_than_ninety_days_is_refused(world: World) -> None:
    deed, _ = admit(
        auditor="a", organisation="voorbeeldstad", from_at=0, until_at=1, reason="yearly check",
        expires_at=world.at + 90 * DAY + 1, by=ANNA, chance=bytes(32),
    )  # fmt: skip
    with pytest.raises(BadInput):
        await world.house.scribe.do(deed)


async def test_whoever_was_shut_out_reads_nothing_and_leaves_no_entry(world: World) -> None:
    tokens = [await let_in(world, begin=0, end=world.at + DAY) for _ in range(2)]
    assert (await world.house.scribe.do(shut_out("auditor-one", by=ANNA))).outcome == 2
    assert (await world.house.scribe.do(shut_out("auditor-one", by=ANNA))).outcome == 0
    before = (await head(world.house, world.house.log)).size
    for token in tokens:
        with pytest.raises(InvalidToken):
            await read(world, token)
    assert (await head(world.house, world.house.log)).size == before
    assert [one.ended_at is None for one in await admitted(world.house)] == [False, False]
    with pytest.raises(NotFound):
        await world.house.scribe.do(shut_out("nobody", by=ANNA))


async def test_a_read_that_is_under_way_stops_at_the_next_page_and_is_an_entry_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is cut off must not look like a whole answer, so the stream breaks."""
    monkeypatch.setattr("consent.acts.audit._PAGE", 1)
    given = await world.given()
    await world.disclose(given.tokens)
    token = await let_in(world, begin=0, end=world.at + DAY)
    before = (await head(world.house, world.house.log)).size
    lines = await open_for_audit(world.house, token=token, log=world.house.log)
    assert b"granted" in await anext(lines)
    await world.house.scribe.do(shut_out("auditor-one", by=ANNA))
    with pytest.raises(InvalidToken):
        await anext(lines)
    assert (await head(world.house, world.house.log)).size == before + 1


async def test_pages_join_without_a_gap_and_the_period_is_half_open(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consent.acts.audit._PAGE", 1)
    given = await world.given()
    world.pass_time(300)
    await world.disclose(given.tokens)
    disclosed_at = (await head(world.house, world.house.log)).at
    periods = {(0, disclosed_at): 1, (0, disclosed_at + 1): 2, (disclosed_at, disclosed_at + 1): 2}
    periods |= {(disclosed_at + 1, disclosed_at + DAY): 0}
    for (begin, end), count in periods.items():
        assert len((await read(world, await let_in(world, begin=begin, end=end))).splitlines()) == count


async def test_a_stolen_token_does_not_fill_the_log(world: World) -> None:
    house = replace(world.house, limits=Limits(auditor=2))
    token = await let_in(world, begin=0, end=world.at + DAY)
    for _ in range(2):
        await open_for_audit(house, token=token, log=house.log)
    before = (await head(house, house.log)).size
    with pytest.raises(TooManyRequests):
        await open_for_audit(house, token=token, log=house.log)
    assert (await head(house, house.log)).size == before
    await open_for_audit(
        house, token=await let_in(world, begin=0, end=world.at + DAY), log=house.log
    )  # another's is free


async def test_who_let_whom_in_and_out_is_in_the_journal_without_the_token(world: World) -> None:
    token = await let_in(world, begin=0, end=world.at + DAY)
    await world.house.scribe.do(shut_out("auditor-one", by=ANNA))
    lines = await journal(world.house)
    assert {(line.operator, line.act, line.subject) for line in lines} >= {
        ("anna", "let_in", "auditor-one"),
        ("anna", "shut_out", "auditor-one"),
    }
    assert all(token not in repr(line) for line in lines)
