"""Expiry follows from time alone; the entry that says so comes later and changes nothing."""

from pathlib import Path

import pytest

from consent.acts import ask as asking
from consent.acts import expire as expiring
from consent.acts import lead_back as leading
from consent.acts.disclose import Refused
from consent.acts.expire import expire
from consent.acts.overview import overview
from consent.acts.tidy import tidy
from consent.acts.timeline import timeline
from consent.errands import sweeping
from consent.words.errors import NotFound
from tests.world import World


async def test_the_entry_is_written_once_and_the_log_stays_good(world: World, tmp_path: Path) -> None:
    given = await world.given(days=1)
    world.pass_time(24 * 3600)
    seen = await overview(world.house, citizen=given.citizen, language="en")
    assert [(ended.id, ended.how) for ended in seen.ended] == [(given.grant, "expired")]
    assert (await world.house.scribe.do(expire(world.at))).outcome == 1
    assert (await world.house.scribe.do(expire(world.at))).outcome == 0
    months = (await timeline(world.house, citizen=given.citizen, language="en")).months
    assert [line.kind for month in months for line in month.lines] == ["expired", "granted"]
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


async def test_what_ends_in_one_instant_is_written_down_in_one_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An organisation may ask everybody until the same day."""
    for module in (expiring, sweeping):
        monkeypatch.setattr(module, "MOST_AT_ONCE", 1)
    for name in ("sanne", "amal", "riet"):
        await world.given(citizen=world.citizen(name), days=1)
    world.pass_time(24 * 3600)
    assert len(await world.house.store.read("grant.lapsed", world.at, 10)) == 3
    await sweeping.end_all(world.house, lambda: expire(world.at))
    assert await world.house.store.read("grant.lapsed", world.at, 10) == []
    assert (await world.house.scribe.do(expire(world.at))).outcome == 0


async def test_what_does_not_end_in_one_sweep_waits_for_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (expiring, sweeping):
        monkeypatch.setattr(module, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(sweeping, "_IN_A_ROW", 1)
    for name in ("sanne", "amal"):
        await world.given(citizen=world.citizen(name), days=1)
    world.pass_time(24 * 3600)
    await sweeping.end_all(world.house, lambda: expire(world.at))
    assert (await world.house.scribe.do(expire(world.at))).outcome == 1


async def test_a_live_grant_is_left_alone(world: World) -> None:
    given = await world.given(days=2)
    world.pass_time(24 * 3600)
    assert (await world.house.scribe.do(expire(world.at))).outcome == 0
    assert not isinstance(given.grant, Refused)


async def test_tidying_removes_only_what_no_longer_works(world: World) -> None:
    given = await world.given()
    await world.house.scribe.do(tidy())
    assert await world.house.store.read("token.of_code", b"") == []
    before = len(await world.house.store.read("grant.of_citizen", given.citizen))
    world.pass_time(30 * 24 * 3600)
    await world.house.scribe.do(tidy())
    assert len(await world.house.store.read("grant.of_citizen", given.citizen)) == before
    assert await world.house.store.read("request.open_of_citizen", given.citizen, 0) == []


async def test_a_question_that_expired_says_so_for_a_month_and_one_that_nobody_saw_for_an_hour(
    world: World,
) -> None:
    looked_at, unseen = await world.ask(), await world.ask()
    citizen = world.citizen()
    await asking.look(world.house, citizen=citizen, request=looked_at, language="nl")
    world.pass_time(29 * 24 * 3600)
    await world.house.scribe.do(tidy())
    with pytest.raises(asking.Gone) as gone:
        await asking.look(world.house, citizen=citizen, request=looked_at, language="nl")
    assert gone.value.reason == "expired"
    past = await leading.past(world.house, citizen=citizen, request=looked_at)
    assert past is not None
    assert (past.organisation, past.answer) == ("Gemeente Voorbeeldstad", None)
    assert await leading.past(world.house, citizen=world.citizen("daan"), request=looked_at) is None
    with pytest.raises(NotFound) as never:
        await asking.look(world.house, citizen=citizen, request=unseen, language="nl")
    assert not isinstance(never.value, asking.Gone)
    world.pass_time(3 * 24 * 3600)
    await world.house.scribe.do(tidy())
    assert await leading.past(world.house, citizen=citizen, request=looked_at) is None
