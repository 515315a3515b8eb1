"""Sending: once, signed, to the right address; and whatever a receiver does, the others hear in time."""

import asyncio
import time
from pathlib import Path

import msgspec
import pytest

from consent.errands.outside import Network
from consent.errands.sender import Sender
from consent.oauth.jose import check_jws
from consent.oauth.keys import public_jwks
from consent.storage.rows import Signal
from consent.words.instants import SECOND
from tests.acts.test_signal import listens
from tests.signals.receiver import Behaviour, drips, nobody_listens, noise, receiving, says
from tests.world import MUNICIPALITY, World

SECRET_WORDS = ("withdrawn", "citizen_asked", "revoked", "expired", "replaced", "reason")


async def sent(world: World) -> None:
    """Look once for what is due, and wait until all of it was tried."""
    sender = Sender(world.house)
    await sender.look()
    await asyncio.gather(*sender._under_way.values())


async def stopped(world: World) -> str:
    """A grant that something went out under, and that its citizen stopped."""
    given = await world.given()
    await world.disclose(given.tokens)
    await world.stop(given.grant)
    return given.grant


async def state(world: World, grant: str) -> Signal:
    (row,) = await world.signals(grant)
    return row


async def test_what_arrives_is_a_signed_token_without_cause_person_or_value(world: World) -> None:
    with receiving() as receiver:
        await listens(world, receiver.url)
        grant = await stopped(world)
        await sent(world)
    (one,) = receiver.arrived
    assert (one.method, one.path) == ("POST", "/signals")
    assert one.headers["content-type"] == "application/secevent+jwt"
    assert one.headers["accept"] == "application/json"
    assert "authorization" not in one.headers
    keys = public_jwks([world.house.server_key])["keys"]
    header, claims = check_jws(one.body.decode(), keys, types=frozenset({"secevent+jwt"}))
    assert set(header) == {"alg", "typ", "kid"}
    assert set(claims) == {"iss", "aud", "iat", "jti", "toe", "sub_id", "events"}
    text = msgspec.json.encode(claims).decode()
    assert world.citizen() not in text
    assert not any(word in text for word in SECRET_WORDS)
    row = await state(world, grant)
    assert (row.delivered_at, row.next_try, row.tries) == (world.at, None, 1)


async def test_a_receiver_that_was_down_hears_it_later_under_the_same_id(world: World) -> None:
    with receiving() as receiver:
        port = int(receiver.url.rsplit(":", 1)[1].split("/")[0])
        await listens(world, receiver.url)
    grant = await stopped(world)
    await sent(world)
    row = await state(world, grant)
    assert (row.failure, row.delivered_at) == ("not_reached", None)
    world.pass_time(13)
    with receiving(port) as receiver:
        await sent(world)
        await sent(world)
    (one,) = receiver.arrived
    assert one.claims["jti"] == row.id
    assert (await state(world, grant)).delivered_at == world.at


@pytest.mark.parametrize(
    ("behave", "failure"),
    [
        (says(202, b"anything at all \xff"), None),
        (says(200), "not_accepted"),
        (says(204), "not_accepted"),
        (says(400, b'{"err":"invalid_audience","description":"<script>"}'), "invalid_audience"),
        (says(400, b'{"err":"<script>"}'), "http_4xx"),
        (says(400, b"[" * 50_000), "http_4xx"),
        (says(404), "http_4xx"),
        (says(503, retry_after="99999"), "http_5xx"),
        (says(202, b"x" * 100_000), "not_reached"),
        (noise, "not_reached"),
    ],
    ids=["202", "200", "204", "rfc", "rfc-unknown", "deep", "404", "503", "large", "noise"],
)
async def test_only_202_counts_and_what_a_receiver_says_is_never_kept(
    world: World, behave: Behaviour, failure: str | None
) -> None:
    with receiving() as receiver:
        receiver.behave = behave
        await listens(world, receiver.url)
        grant = await stopped(world)
        await sent(world)
    row = await state(world, grant)
    assert (row.failure, row.delivered_at is None) == (failure, failure is not None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(world: World, status: int) -> None:
    with receiving() as elsewhere, receiving() as receiver:
        receiver.behave = says(status, location=elsewhere.url)
        await listens(world, receiver.url)
        grant = await stopped(world)
        await sent(world)
        assert elsewhere.arrived == []
    assert (await state(world, grant)).failure == "redirected"


async def test_a_slow_receiver_holds_up_nobody_and_neither_does_it_stop_the_scribe(world: World) -> None:
    """A drop at a time from one; another client hears within a moment, and a citizen's stop takes no longer."""
    other = "voorbeeld-energie-app"
    with receiving() as slow, receiving() as quick:
        slow.behave = drips
        await listens(world, slow.url)
        await listens(world, quick.url, client=other)
        grant = await stopped(world)
        sender = Sender(world.house)
        await sender.look()
        await asyncio.to_thread(slow.wait_for, 1)
        began = time.monotonic()
        mine = frozenset({"energy_contract_number"})
        request = await world.ask(client=other, purpose="besparen", attributes=tuple(mine))
        answered = await world.answer(request, chosen=mine)
        assert answered.grant is not None  # type: ignore[union-attr]
        await world.stop(answered.grant)  # type: ignore[union-attr]
        await sender.look()
        await asyncio.to_thread(quick.wait_for, 1)
        assert time.monotonic() < began + 3
        assert MUNICIPALITY in sender._under_way
        await asyncio.gather(*sender._under_way.values())
    assert (await state(world, grant)).failure == "not_reached"


async def test_two_senders_send_each_signal_once(world: World) -> None:
    with receiving() as receiver:
        await listens(world, receiver.url)
        for _ in range(6):
            await stopped(world)
        senders = [Sender(world.house) for _ in range(2)]
        await asyncio.gather(*[sender.look() for sender in senders])
        await asyncio.gather(*[task for sender in senders for task in sender._under_way.values()])
    ids = [one.claims["jti"] for one in receiver.arrived]
    assert len(ids) == len(set(ids)) == 6


async def test_a_sender_that_is_ended_while_it_sends_leaves_the_rest_to_the_next(world: World) -> None:
    with receiving() as receiver:
        receiver.behave = drips
        await listens(world, receiver.url)
        grant = await stopped(world)
        sender = Sender(world.house)
        sender.start()
        await asyncio.to_thread(receiver.wait_for, 1)
        await sender.stop()
        assert (await state(world, grant)).delivered_at is None
        receiver.behave = says(202)
        world.pass_time(61)  # its lease
        await sent(world)
    first, second = receiver.arrived
    assert first.claims["jti"] == second.claims["jti"]
    assert (await state(world, grant)).delivered_at == world.at


async def test_after_a_restart_what_was_not_sent_is_sent(tmp_path: Path) -> None:
    with receiving() as receiver:
        async with World.open(tmp_path / "data") as world:
            await listens(world, receiver.url)
            grant = await stopped(world)
        async with World.open(tmp_path / "data") as again:
            await listens(again, receiver.url)
            await sent(again)
            assert (await state(again, grant)).delivered_at is not None
    assert len(receiver.arrived) == 1


async def test_a_house_that_is_no_sandbox_calls_nobody_on_this_machine(world: World) -> None:
    house = msgspec.structs.replace(world.house, outside=Network(sandbox=False))
    with receiving() as receiver:
        await listens(world, receiver.url)
        grant = await stopped(world)
        sender = Sender(house)
        await sender.look()
        await asyncio.gather(*sender._under_way.values())
        assert receiver.arrived == []
    assert (await state(world, grant)).failure == "not_reached"


async def test_a_dead_address_costs_a_try_and_nothing_else(world: World) -> None:
    await listens(world, nobody_listens())
    grant = await stopped(world)
    await sent(world)
    row = await state(world, grant)
    assert row.failure == "not_reached"
    assert row.next_try is not None
    assert row.next_try <= world.at + 13 * SECOND
