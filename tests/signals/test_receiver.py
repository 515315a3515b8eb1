"""The SDK's receiver hands on what the service really said to this client, once; all else is answered by rule."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec
import pytest
from consent_sdk import MemoryStore, Organisation, Signal, SignalAnswer, signals_app
from consent_sdk.keys import SigningKey

from consent.oauth.keys import public_jwks
from consent.oauth.metadata import metadata
from consent.words.instants import SECOND
from tests.acts.test_signal import claimed, listens
from tests.world import MUNICIPALITY, World

MEDIA = {"Content-Type": "application/secevent+jwt"}


class Desk:
    """The municipality's receiver: its keys come from the service as everybody gets them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.heard: list[Signal] = []
        self.asked: list[str] = []
        self.keys = [world.house.server_key]
        self.is_down = False
        self.store = MemoryStore()
        self.receiver = self.organisation().receiver(self._hear)
        self.fault: Exception | None = None

    def organisation(self) -> Organisation:
        return Organisation(
            self.world.house.issuer,
            MUNICIPALITY,
            self.world.keys[MUNICIPALITY].pem(),
            "http://127.0.0.1:9/callback",
            self.store,
            http=httpx.AsyncClient(transport=httpx.MockTransport(self._serve)),
            clock=lambda: self.world.at / SECOND,
        )

    def _serve(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if self.is_down:
            raise httpx.ConnectError("nobody is there")
        if request.url.path == "/oauth/jwks":
            return httpx.Response(200, json=public_jwks(self.keys))
        return httpx.Response(200, json=metadata(self.world.house.issuer))

    async def _hear(self, signal: Signal) -> None:
        await asyncio.sleep(0)  # as a handler that writes to a database would
        if self.fault is not None:
            raise self.fault
        self.heard.append(signal)

    async def take(self, token: str, headers: dict[str, str] = MEDIA) -> SignalAnswer:
        return await self.receiver.take(token.encode(), headers)


async def token(world: World) -> tuple[str, str]:
    """A token as the service sends it, and the grant it is about."""
    await listens(world)
    given = await world.given()
    await world.stop(given.grant)
    return (await claimed(world)).token, given.grant


def parts(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    head, claims, _ = text.split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, claims))  # type: ignore[return-value]


def signed_anew(world: World, text: str, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """The same token with other members, signed by the service's own key. None leaves a member out."""
    before_header, before = parts(text)
    new_header = {name: one for name, one in (before_header | header).items() if one is not None}
    new = {name: one for name, one in (before | claims).items() if one is not None}
    return SigningKey(world.house.server_key).sign(new_header, new)


async def test_a_signal_is_handed_on_once_and_says_what_happened(world: World) -> None:
    text, grant = await token(world)
    desk = Desk(world)
    answer = await desk.take(text)
    assert (answer.status, answer.body) == (202, b"")
    assert answer.signal == Signal(
        id=parts(text)[1]["jti"], kind="ended", grant_id=grant, happened_at=world.at // SECOND
    )
    again = await desk.take(text)
    assert (again.status, again.signal) == (202, None)
    assert desk.heard == [answer.signal]


async def test_two_deliveries_at_once_are_handed_on_once(world: World) -> None:
    text, _ = await token(world)
    desk = Desk(world)
    answers = await asyncio.gather(*[desk.take(text) for _ in range(5)])
    assert {answer.status for answer in answers} == {202}
    assert len(desk.heard) == 1


async def test_a_handler_that_fails_gets_it_again(world: World) -> None:
    text, _ = await token(world)
    desk = Desk(world)
    desk.fault = RuntimeError("the database is away")
    with pytest.raises(RuntimeError):
        await desk.take(text)
    desk.fault = None
    assert (await desk.take(text)).signal is not None
    assert len(desk.heard) == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"iss": "https://other.example"}, "invalid_issuer"),
        ({"iss": None}, "invalid_issuer"),
        ({"aud": "voorbeeld-energie-app"}, "invalid_audience"),
        ({"aud": [MUNICIPALITY, "voorbeeld-energie-app"]}, "invalid_audience"),
        ({"aud": None}, "invalid_audience"),
        ({"iat": 1_900_000_000 - 601}, "invalid_request"),
        ({"iat": 1_900_000_000 + 61}, "invalid_request"),
        ({"iat": None}, "invalid_request"),
        ({"iat": True}, "invalid_request"),
        ({"jti": None}, "invalid_request"),
        ({"jti": "../../etc/passwd"}, "invalid_request"),
        ({"jti": 7}, "invalid_request"),
        ({"sub_id": None}, "invalid_request"),
        ({"sub_id": {"format": "iss_sub", "iss": "x", "sub": "y"}}, "invalid_request"),
        ({"events": None}, "invalid_request"),
        ({"events": ["grant-ended"]}, "invalid_request"),
    ],
    ids=str,
)
async def test_a_token_for_somebody_else_or_of_another_time_is_refused(
    world: World, changed: dict[str, Any], code: str
) -> None:
    text, _ = await token(world)
    desk = Desk(world)
    answer = await desk.take(signed_anew(world, text, {}, changed))
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/json"
    assert msgspec.json.decode(answer.body)["err"] == code
    assert desk.heard == []
    assert (await desk.take(text)).status == 202  # and it spent nothing


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"typ": "JWT"}, "invalid_request"),
        ({"typ": "dpop+jwt"}, "invalid_request"),
        ({"typ": None}, "invalid_request"),
        ({"crit": ["exp"]}, "invalid_request"),
        ({"alg": "RS256"}, "invalid_key"),
        ({"alg": ""}, "invalid_key"),
        ({"kid": "another"}, "invalid_key"),
        ({"kid": None}, "invalid_key"),
        ({"kid": ["a"]}, "invalid_key"),
    ],
    ids=str,
)
async def test_a_token_of_another_kind_is_refused(world: World, header: dict[str, Any], code: str) -> None:
    text, _ = await token(world)
    desk = Desk(world)
    answer = await desk.take(signed_anew(world, text, header, {}))
    assert (answer.status, msgspec.json.decode(answer.body)["err"]) == (400, code)
    assert desk.heard == []


async def test_a_forged_token_is_refused(world: World) -> None:
    text, _ = await token(world)
    head, claims, signature = text.split(".")
    header, _ = parts(text)
    stranger = SigningKey.new().sign(
        {name: one for name, one in header.items() if name != "alg"}, parts(text)[1]
    )
    none = base64.urlsafe_b64encode(json.dumps(header | {"alg": "none"}).encode()).rstrip(b"=").decode()
    other = base64.urlsafe_b64encode(
        json.dumps(parts(text)[1] | {"aud": MUNICIPALITY + " "}).encode()
    ).rstrip(b"=")
    desk = Desk(world)
    for forged in (
        stranger,
        f"{none}.{claims}.",
        f"{none}.{claims}.{signature}",
        f"{head}.{other.decode()}.{signature}",
        f"{head}.{claims}.",
        f"{head}.{claims}.{signature[:-4]}",
        f"{head}.{claims}.{'A' * 86}",
    ):
        answer = await desk.take(forged)
        assert (answer.status, msgspec.json.decode(answer.body)["err"]) == (400, "invalid_key")
    for garbage in (
        "",
        "a",
        "a.b",
        "a.b.c.d",
        "..",
        f"{claims}.{head}.{signature}",
        "é.é.é",
        "[" * 60_000,
        "x" * 70_000,
    ):
        answer = await desk.take(garbage)
        assert (answer.status, msgspec.json.decode(answer.body)["err"]) == (400, "invalid_request")
    assert desk.heard == []


@pytest.mark.parametrize(
    "headers", [{}, {"content-type": "application/jwt"}, {"content-type": "text/plain"}], ids=str
)
async def test_only_the_media_type_of_a_signal_is_taken(world: World, headers: dict[str, str]) -> None:
    text, _ = await token(world)
    assert (await Desk(world).take(text, headers)).status == 400


async def test_a_recorded_token_is_worth_nothing_later(world: World) -> None:
    text, _ = await token(world)
    desk = Desk(world)
    world.pass_time(601)
    assert (await desk.take(text)).status == 400


async def test_an_event_of_tomorrow_is_taken_and_not_handed_on(world: World) -> None:
    text, _ = await token(world)
    desk = Desk(world)
    unknown = signed_anew(world, text, {}, {"events": {f"{world.house.issuer}/events/grant-blessed/v1": {}}})
    foreign = signed_anew(world, text, {}, {"events": {"https://other.example/events/grant-ended/v1": {}}})
    for one in (unknown, foreign):
        answer = await desk.take(one)
        assert (answer.status, answer.signal) == (202, None)
    assert desk.heard == []


async def test_a_new_key_of_the_service_is_fetched_and_a_strangers_name_is_not_asked_for_again_and_again(
    world: World,
) -> None:
    text, _ = await token(world)
    desk = Desk(world)
    for _ in range(20):
        await desk.take(signed_anew(world, text, {"kid": "stranger"}, {}))
    assert desk.asked.count("/oauth/jwks") == 1
    desk = Desk(world)
    desk.keys = []
    assert (await desk.take(text)).status == 400
    desk.keys = [world.house.server_key]
    world.pass_time(31)
    assert (await desk.take(text)).status == 202


async def test_a_key_that_the_service_took_back_is_believed_for_minutes_only(world: World) -> None:
    text, _ = await token(world)
    desk = Desk(world)
    assert (await desk.take(text)).status == 202
    desk.keys = []  # lost, so destroyed: who has it now signs whatever he likes
    world.pass_time(299)
    assert (await desk.take(text)).status == 202
    world.pass_time(1)
    answer = await desk.take(text)
    assert (answer.status, json.loads(answer.body)["err"]) == (400, "invalid_key")


async def test_without_the_services_keys_the_answer_is_later(world: World) -> None:
    text, _ = await token(world)
    desk = Desk(world)
    desk.is_down = True
    assert (await desk.take(text)).status == 503
    desk.is_down = False
    assert (await desk.take(text)).status == 202


Asgi = Callable[..., Awaitable[None]]


async def post(app: Asgi, body: bytes, method: str = "POST") -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        return await http.request(
            method, "/signals", content=body, headers={"content-type": "application/secevent+jwt"}
        )


async def test_the_asgi_application_answers_the_same(world: World) -> None:
    text, _ = await token(world)
    desk = Desk(world)
    app = signals_app(desk.receiver)
    assert (await post(app, b"", "GET")).status_code == 405
    assert (await post(app, b"x" * 200_000)).json()["err"] == "invalid_request"
    assert (await post(app, text.encode())).status_code == 202
    desk.fault = RuntimeError()
    other, _ = await token(world)
    assert (await post(app, other.encode())).status_code == 500
    assert len(desk.heard) == 1
