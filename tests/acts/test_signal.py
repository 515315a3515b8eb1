"""What an organisation has to hear: written with what it tells, taken by one process, tried until it is delivered."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from consent.acts import hold as holding
from consent.acts.approve import approve, client_from, organisation_from
from consent.acts.expire import expire
from consent.acts.signal import Sending, claim, clients_due, send_again, settle
from consent.oauth.clients import ClientSettings
from consent.oauth.jose import check_jws
from consent.oauth.keys import public_jwks
from consent.oauth.signals import MOST_TRIES
from consent.storage.kinds import CLIENT, ORGANISATION
from consent.words.errors import NotFound
from consent.words.instants import DAY, SECOND
from tests.world import MUNICIPALITY, World

ENDPOINT = "https://receiver.example/signals"
OWN = "energy_supplier"  # an attribute that a citizen writes herself


async def listens(world: World, endpoint: str | None = ENDPOINT, client: str = MUNICIPALITY) -> None:
    """Give a client an endpoint."""
    (row,) = await world.house.store.read(CLIENT.get, client)
    known = client_from(CLIENT.from_row(row))
    (found,) = await world.house.store.read(ORGANISATION.get, known.organisation)
    organisation = organisation_from(ORGANISATION.from_row(found).record)
    changed = msgspec.structs.replace(known, settings=ClientSettings(signals_endpoint=endpoint))
    await world.house.scribe.do(approve(organisation, [changed], []))


async def claimed(world: World) -> Sending:
    sending = await claim(world.house, MUNICIPALITY)
    assert sending is not None
    return sending


def read(world: World, sending: Sending) -> tuple[dict[str, object], dict[str, object]]:
    """Header and claims of what is sent, with its signature checked against the published keys."""
    keys = public_jwks([world.house.server_key])["keys"]
    return check_jws(sending.token, keys, types=frozenset({"secevent+jwt"}))


async def test_a_stop_tells_the_organisation_that_it_ended_and_not_why(world: World) -> None:
    await listens(world)
    given = await world.given()
    await world.disclose(given.tokens)
    await world.stop(given.grant)
    assert await clients_due(world.house) == [MUNICIPALITY]
    sending = await claimed(world)
    assert (sending.client, sending.endpoint, sending.tries) == (MUNICIPALITY, ENDPOINT, 1)
    header, claims = read(world, sending)
    assert header["typ"] == "secevent+jwt"
    now = world.at // SECOND
    assert claims == {
        "iss": world.house.issuer,
        "aud": MUNICIPALITY,
        "iat": now,
        "toe": now,
        "jti": sending.signal,
        "sub_id": {"format": "opaque", "id": given.grant},
        "events": {f"{world.house.issuer}/events/grant-ended/v1": {}},
    }


async def test_every_ending_sounds_the_same(world: World) -> None:
    """Stopped, replaced by a new yes, run out: whoever hears of it learns that it ended, and no more."""
    await listens(world)
    replaced = await world.given(days=1)
    stopped = await world.given(days=1)
    await world.stop(stopped.grant)
    lapsed = await world.given(days=1)
    world.pass_time(2 * DAY // SECOND)
    assert (await world.house.scribe.do(expire(world.at))).outcome == 1
    heard = []
    for _ in range(3):
        sending = await claimed(world)
        await settle(world.house, sending, None)
        _, claims = read(world, sending)
        heard.append((claims["sub_id"], claims["events"]))
    assert {grant["id"] for grant, _ in heard} == {replaced.grant, stopped.grant, lapsed.grant}  # type: ignore[index]
    assert all(events == {f"{world.house.issuer}/events/grant-ended/v1": {}} for _, events in heard)
    assert await claim(world.house, MUNICIPALITY) is None


async def test_a_stop_that_changes_nothing_tells_nothing(world: World) -> None:
    given = await world.given()
    await world.stop(given.grant)
    await world.stop(given.grant)
    assert len(await world.signals(given.grant)) == 1


async def test_a_correction_reaches_whoever_got_the_older_value_and_names_no_value(world: World) -> None:
    await listens(world)
    citizen = world.citizen()
    given = await world.given(chosen=frozenset({"income_below_threshold", "household_size", OWN}))
    await holding.keep(world.house, citizen=citizen, name=OWN, text="Vattenfall")
    assert await world.signals(given.grant) == []  # nobody has seen an older one
    await world.disclose(given.tokens, OWN)
    for text in ("Essent", "Eneco"):
        await holding.keep(world.house, citizen=citizen, name=OWN, text=text)
    (one,) = await world.signals(given.grant)  # what waits says it already
    assert (one.event, one.attributes) == ("corrected", (OWN,))
    sending = await claimed(world)
    _, claims = read(world, sending)
    assert claims["events"] == {f"{world.house.issuer}/events/value-corrected/v1": {"attributes": [OWN]}}
    assert "Eneco" not in str(claims)
    await holding.remove(world.house, citizen=citizen, name=OWN)
    assert len(await world.signals(given.grant)) == 2  # the first is under way, and might be too early


async def test_a_correction_is_no_news_to_others(world: World) -> None:
    citizen = world.citizen()
    without = await world.given()
    await world.disclose(without.tokens)
    await holding.keep(world.house, citizen=citizen, name=OWN, text="Essent")
    assert await world.signals(without.grant) == []
    await world.stop(without.grant)
    ended = await world.given(chosen=frozenset({"income_below_threshold", "household_size", OWN}))
    await world.disclose(ended.tokens, OWN)
    await world.stop(ended.grant)
    await holding.keep(world.house, citizen=citizen, name=OWN, text="Eneco")
    assert [one.event for one in await world.signals(ended.grant)] == ["ended"]


async def test_one_process_sends_and_after_a_crash_another_under_the_same_id(world: World) -> None:
    await listens(world)
    given = await world.given()
    await world.stop(given.grant)
    both = await asyncio.gather(*[claim(world.house, MUNICIPALITY) for _ in range(2)])
    (first,) = [sending for sending in both if sending is not None]
    assert await clients_due(world.house) == []
    world.pass_time(61)  # it never settled: that process is gone
    second = await claimed(world)
    assert (second.signal, second.tries) == (first.signal, 2)
    _, before = read(world, first)
    _, after = read(world, second)
    assert before["jti"] == after["jti"]
    assert before["iat"] < after["iat"]  # type: ignore[operator]
    await settle(world.house, first, "not_reached")  # too late to say anything
    (row,) = await world.signals(given.grant)
    assert row.failure is None
    await settle(world.house, second, None)
    await settle(world.house, first, "not_reached")
    (row,) = await world.signals(given.grant)
    assert row.delivered_at == world.at
    assert row.next_try is None


async def test_it_is_tried_less_and_less_often_for_about_a_week_and_then_visibly_given_up(
    world: World,
) -> None:
    await listens(world)
    given = await world.given()
    await world.stop(given.grant)
    began, waits = world.at, []
    for _ in range(MOST_TRIES):
        sending = await claimed(world)
        await settle(world.house, sending, "http_5xx")
        (row,) = await world.signals(given.grant)
        if row.next_try is not None:
            waits.append(row.next_try - world.at)
            world.pass_time((row.next_try - world.at) / SECOND + 0.001)
    assert waits[0] < 13 * SECOND
    assert max(waits) <= 15 * 3600 * SECOND
    assert 5 * DAY < world.at - began < 9 * DAY
    assert (row.tries, row.failure, row.dead_at, row.next_try) == (MOST_TRIES, "http_5xx", world.at, None)
    assert await clients_due(world.house) == []
    await world.house.scribe.do(send_again(row.id))
    assert (await claimed(world)).signal == row.id


async def test_an_endpoint_that_does_not_answer_is_left_alone_with_everything_that_waits_for_it(
    world: World,
) -> None:
    await listens(world)
    await world.given()
    await world.stop((await world.given()).grant)  # two endings: the first was replaced
    await settle(world.house, await claimed(world), "not_reached")
    assert await clients_due(world.house) == []
    assert await claim(world.house, MUNICIPALITY) is None
    world.pass_time(13)
    assert await clients_due(world.house) == [MUNICIPALITY]


async def test_a_client_that_does_not_listen_can_begin_to(world: World) -> None:
    given = await world.given()
    await world.stop(given.grant)
    assert await claim(world.house, MUNICIPALITY) is None
    assert await clients_due(world.house) == []  # not looked at again and again
    await listens(world)
    world.pass_time(3600)
    sending = await claimed(world)
    assert sending.tries == 1


async def test_what_was_delivered_or_is_unknown_is_not_sent_again(world: World) -> None:
    await listens(world)
    given = await world.given()
    await world.stop(given.grant)
    sending = await claimed(world)
    await settle(world.house, sending, None)
    for name in (sending.signal, "0" * 32, "x"):
        with pytest.raises(NotFound):
            await world.house.scribe.do(send_again(name))


async def test_a_signal_stands_in_the_very_commit_of_its_stop(tmp_path: Path) -> None:
    """A store that dies while it writes leaves neither; one that lives leaves both."""
    async with World.open(tmp_path / "data") as world:
        given = await world.given()
        await world.stop(given.grant)
    async with World.open(tmp_path / "data") as again:
        (one,) = await again.signals(given.grant)
        ((_, state),) = [(row[0], row[11]) for row in await again.house.store.read("grant.get", given.grant)]
        assert (one.event, state) == ("ended", "withdrawn")
