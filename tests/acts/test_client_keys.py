"""Keys that a client publishes itself: fetched when needed, kept for a while, and never a way to hold us up."""

import asyncio
import json
from typing import Any

import pytest
from consent_sdk.keys import SigningKey
from msgspec.structs import replace

from consent.acts.approve import approve, client_from, organisation_from
from consent.acts.client_keys import FRESH, KEPT, MOST_SETS, PAUSE, ClientKeys
from consent.acts.house import House
from consent.oauth.clients import ClientSettings
from consent.oauth.jose import KEYS_LIMIT
from consent.oauth.metadata import TOKEN_PATH
from consent.storage.kinds import CLIENT, ORGANISATION
from consent.words.errors import InvalidClient, NotReached
from consent.words.instants import SECOND
from tests.world import MUNICIPALITY, START, World

URI = "https://keys.example/jwks"


class Publisher:
    """A client's web site with its keys: as slow and as wrong as a test wants."""

    def __init__(self, *keys: SigningKey) -> None:
        self.document = document(*keys)
        self.is_up = True
        self.calls: list[str] = []
        self.called = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.at = START

    async def get(self, uri: str) -> bytes:
        self.calls.append(uri)
        self.called.set()
        await self.gate.wait()
        if not self.is_up:
            raise NotReached("no answer")
        return self.document

    def keys(self) -> ClientKeys:
        return ClientKeys(self.get, lambda: self.at)


def jwk(key: SigningKey, **more: Any) -> dict[str, Any]:
    return dict(key.public_jwk) | more


def document(*keys: SigningKey | dict[str, Any]) -> bytes:
    return json.dumps({"keys": [k if isinstance(k, dict) else jwk(k) for k in keys]}).encode()


def signed(key: SigningKey) -> str:
    return key.sign({"typ": "JWT"}, {"of": "the client"})


def names(keys: tuple[dict[str, Any], ...]) -> list[str]:
    return [jwk["x"] for jwk in keys]


async def must_fail(keys: ClientKeys, *tokens: str) -> None:
    with pytest.raises(InvalidClient):
        await keys.of(URI, *tokens)


async def test_a_set_is_fetched_once_and_again_when_it_is_no_longer_fresh() -> None:
    site = Publisher(SigningKey.new())
    keys = site.keys()
    for seconds, calls in ((0, 1), (FRESH - 1, 1), (FRESH, 2)):
        site.at = START + seconds
        assert len(await keys.of(URI)) == 1
        assert len(site.calls) == calls


async def test_a_new_key_works_at_once_and_one_that_was_taken_away_does_not_for_long() -> None:
    old, new = SigningKey.new(), SigningKey.new()
    site = Publisher(old)
    keys = site.keys()
    await keys.of(URI, signed(old))
    site.document = document(new)
    site.at += PAUSE
    assert names(await keys.of(URI, signed(new))) == [new.public_jwk["x"]]
    assert len(site.calls) == 2


async def test_a_stranger_with_keys_of_his_own_cannot_make_us_hammer() -> None:
    site = Publisher(SigningKey.new())
    keys = site.keys()
    for second in range(100):
        site.at = START + second * SECOND
        await keys.of(URI, signed(SigningKey.new()), "not a token", "é", "e30.e30.")
    assert len(site.calls) == 1 + 100 // 30


async def test_a_silent_address_is_not_asked_again_for_a_while() -> None:
    site = Publisher()
    site.is_up = False
    keys = site.keys()
    for second in range(60):
        site.at = START + second * SECOND
        await must_fail(keys)
    assert len(site.calls) == 2
    site.is_up, site.document = True, document(SigningKey.new())
    site.at += PAUSE
    assert await keys.of(URI)


async def test_while_the_address_is_down_the_kept_set_works_and_not_for_ever() -> None:
    key = SigningKey.new()
    site = Publisher(key)
    keys = site.keys()
    await keys.of(URI)
    site.is_up = False
    for at in (FRESH, FRESH + 1, KEPT - 1):
        site.at = START + at
        assert names(await keys.of(URI)) == [key.public_jwk["x"]]
    site.at = START + KEPT
    await must_fail(keys)


async def test_a_clock_that_is_set_back_keeps_no_set_alive() -> None:
    site = Publisher(SigningKey.new())
    keys = site.keys()
    await keys.of(URI)
    site.at -= 10 * KEPT
    site.is_up = False
    await must_fail(keys)


async def test_all_who_wait_share_one_call_and_whoever_leaves_takes_nothing_along() -> None:
    site = Publisher(SigningKey.new())
    site.gate.clear()
    keys = site.keys()
    waiting = [asyncio.create_task(keys.of(URI)) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    site.gate.set()
    came = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(came[0], asyncio.CancelledError)
    assert all(len(one) == 1 for one in came[1:])  # type: ignore[arg-type]
    assert len(site.calls) == 1


async def test_a_slow_address_holds_up_nobody_else() -> None:
    site = Publisher(SigningKey.new())
    keys = site.keys()
    await keys.of("https://quick.example/")
    site.gate.clear()
    slow = asyncio.create_task(keys.of(URI))
    await asyncio.sleep(0)
    assert await asyncio.wait_for(keys.of("https://quick.example/"), 1)
    site.gate.set()
    assert await slow


async def test_only_so_many_sets_are_kept() -> None:
    site = Publisher(SigningKey.new())
    keys = site.keys()
    for n in range(MOST_SETS + 20):
        await keys.of(f"https://keys.example/{n}")
    assert len(keys._sets) == MOST_SETS
    before = len(site.calls)
    await keys.of(f"https://keys.example/{MOST_SETS}")
    assert len(site.calls) == before


@pytest.mark.parametrize(
    "wrong",
    [
        b"", b"[]", b"{", b"{}", b'{"keys":{}}', b'{"keys":[]}', b'{"keys":[1]}', b"\xff", b"[" * 60_000,
        json.dumps({"keys": [jwk(SigningKey.new()) for _ in range(KEYS_LIMIT + 1)]}).encode(),
        document(jwk(SigningKey.new(), d="AAAA")), document(jwk(SigningKey.new()), {"kty": "oct", "k": "c2VjcmV0"}),
        document(jwk(SigningKey.new(), use="enc")), document(jwk(SigningKey.new(), x="AAAA")),
        document({"kty": "RSA", "n": "AQAB", "e": "AQAB"}),
    ],
)  # fmt: skip
async def test_what_is_no_usable_key_set_opens_nothing(wrong: bytes) -> None:
    site = Publisher()
    site.document = wrong
    await must_fail(site.keys())


async def test_what_others_need_in_the_set_is_passed_over_and_a_double_name_is_coped_with() -> None:
    """FAPI 2.0 §5.4.3."""
    one, two = SigningKey.new(), SigningKey.new()
    site = Publisher()
    others = [{"kty": "AKP", "alg": "ML-DSA-44", "pub": "x"}, jwk(SigningKey.new(), use="enc"), {"kid": 7}]
    site.document = document(*others, jwk(one, kid="same"), jwk(two, kid="same"))
    assert [k["kid"] for k in await site.keys().of(URI)] == ["same", "same"]


async def with_address(world: World, site: Publisher, **settings: Any) -> None:
    """Let the municipality publish its keys itself."""
    (row,) = await world.house.store.read(CLIENT.get, MUNICIPALITY)
    client = client_from(CLIENT.from_row(row))
    (found,) = await world.house.store.read(ORGANISATION.get, client.organisation)
    organisation = organisation_from(ORGANISATION.from_row(found).record)
    chosen = replace(client, jwks=(), settings=ClientSettings(jwks_uri=URI, **settings))
    await world.house.scribe.do(approve(organisation, [chosen], []))
    house: House = world.house
    world.house = replace(house, client_keys=ClientKeys(site.get, house.clock))


async def test_a_client_with_its_keys_at_an_address_comes_in_and_stays_out_when_they_are_gone(
    world: World,
) -> None:
    site = Publisher(world.keys[MUNICIPALITY])
    await with_address(world, site)
    given = await world.given()
    assert len(site.calls) == 1
    # The kid is doubled: each key is tried.
    site.document = document(jwk(SigningKey.new(), kid="x"), jwk(world.keys[MUNICIPALITY]))
    world.pass_time(PAUSE / SECOND)
    new = SigningKey.new()
    old, world.keys[MUNICIPALITY] = world.keys[MUNICIPALITY], new
    with pytest.raises(InvalidClient):
        await world.caller(MUNICIPALITY, {}, TOKEN_PATH)
    site.document = document(new)
    world.pass_time(PAUSE / SECOND)
    await world.caller(MUNICIPALITY, {}, TOKEN_PATH)
    world.keys[MUNICIPALITY] = old
    world.pass_time(PAUSE / SECOND)
    with pytest.raises(InvalidClient):
        await world.caller(MUNICIPALITY, {}, TOKEN_PATH)
    assert given.tokens.grant is not None


async def test_while_a_client_waits_for_its_own_site_others_are_served(world: World) -> None:
    """The scribe never waits for it: a grant can be given, used and stopped meanwhile."""
    given = await world.given()
    site = Publisher(world.keys[MUNICIPALITY])
    site.gate.clear()
    await with_address(world, site)
    slow = asyncio.create_task(world.caller(MUNICIPALITY, {}, TOKEN_PATH))
    await asyncio.sleep(0.05)
    await asyncio.wait_for(world.disclose(given.tokens), 5)
    await asyncio.wait_for(world.stop(given.grant), 5)
    assert not slow.done()
    site.gate.set()
    await slow
