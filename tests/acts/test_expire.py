"""Expiry follows from time alone; the entry that says so comes later and changes nothing."""

from pathlib import Path

import pytest

from consent.acts import ask as asking
from consent.acts import lead_back as leading
from consent.acts.disclose import Refused
from consent.acts.expire import expire
from consent.acts.overview import overview
from consent.acts.tidy import tidy
from consent.acts.timeline import timeline
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
