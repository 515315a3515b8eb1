"""Signing in at a broker: it opens one account, and whatever is wrong with the answer opens none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from msgspec.structs import replace

from consent.acts import federate
from consent.acts.house import House
from consent.acts.session import who
from consent.acts.sign_in import as_persona
from consent.errands import broker
from consent.errands.broker import broker_of
from consent.settings import Settings
from consent.words.errors import Conflict, NotReached, NotSignedIn
from consent.words.instants import SECOND
from tests.world import World

from .provider import CLIENT, SECRET, Provider, providing


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing() as listening:
        yield listening


@pytest.fixture
def house(world: World, provider: Provider, tmp_path: Path) -> House:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    file.chmod(0o600)
    settings = Settings(
        broker_issuer=provider.issuer,
        broker_client=CLIENT,
        broker_secret_file=str(file),
        broker_name="Voorbeeldlogin",
    )
    return replace(world.house, broker=broker_of(settings))


async def go(house: House, provider: Provider, subject: str = "sub-1", **changed: str) -> str | None:
    """There and back; *changed* is what somebody altered on the way."""
    address, cookie = await federate.begin(house, visitor=None)
    answer = provider.sign_in(address, subject) | changed
    return await federate.finish(house, answer=answer, cookie=cookie, visitor=None, before=None)


async def test_the_same_person_opens_the_same_account(house: House, provider: Provider) -> None:
    first, again, other = [await who(house, await go(house, provider, s)) for s in ("a", "a", "b")]
    assert first is not None
    assert again is not None
    assert other is not None
    assert first.citizen == again.citizen != other.citizen
    assert (first.method, first.sign_in.acr) == ("broker", "1")


@pytest.mark.parametrize("changed", [{"state": "x" * 43}, {"state": ""}, {"iss": "https://evil.example"}])
async def test_an_answer_for_another_browser_or_of_another_server(
    house: House, provider: Provider, changed: dict[str, str]
) -> None:
    """CSRF and mix-up: the attacker's code never gets to a token endpoint."""
    with pytest.raises(NotSignedIn):
        await go(house, provider, **changed)
    assert list(provider._codes) == ["code-0"]


async def test_who_names_himself_must_do_so_always(house: House, provider: Provider) -> None:
    provider.about = {"authorization_response_iss_parameter_supported": True}
    address, cookie = await federate.begin(house, visitor=None)
    answer = provider.sign_in(address, "a")
    del answer["iss"]
    with pytest.raises(NotSignedIn):
        await federate.finish(house, answer=answer, cookie=cookie, visitor=None, before=None)


LIES: dict[str, dict[str, Any]] = {
    "of another issuer": {"iss": "https://evil.example"},
    "for another client": {"aud": "somebody-else"},
    "for two, and presented by another": {"aud": [CLIENT, "x"], "azp": "x"},
    "of another sign-in": {"nonce": "n" * 43},
    "without a nonce": {"nonce": None},
    "too old": {"exp": 1_000_000_000},
    "naming nobody": {"sub": None},
    "naming a number": {"sub": 7},
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_token_that_is(house: House, provider: Provider, lie: str) -> None:
    provider.lies = LIES[lie]
    with pytest.raises(NotSignedIn):
        await go(house, provider)


async def test_a_token_of_another_key(house: House, provider: Provider) -> None:
    provider.signs_with = ECKey.generate_key("P-256", {"kid": "one", "alg": "ES256"})
    with pytest.raises(NotSignedIn):
        await go(house, provider)


async def test_a_new_key_is_looked_up(house: House, provider: Provider) -> None:
    await go(house, provider)
    provider.key = provider.signs_with = ECKey.generate_key("P-256", {"kid": "one", "alg": "ES256"})
    assert await go(house, provider) is not None


async def test_an_answer_counts_once_and_in_its_own_browser(house: House, provider: Provider) -> None:
    address, cookie = await federate.begin(house, visitor=None)
    answer = provider.sign_in(address, "a")
    _, other = await federate.begin(house, visitor=None)
    with pytest.raises(NotSignedIn):
        await federate.finish(house, answer=answer, cookie=other, visitor=None, before=None)
    await federate.finish(house, answer=answer, cookie=cookie, visitor=None, before=None)
    with pytest.raises(NotSignedIn):
        await federate.finish(house, answer=answer, cookie=cookie, visitor=None, before=None)


async def test_a_quarter_of_an_hour_later_it_is_too_late(
    world: World, house: House, provider: Provider
) -> None:
    address, cookie = await federate.begin(house, visitor=None)
    answer = provider.sign_in(address, "a")
    world.pass_time(federate.BROKER_LIFE / SECOND)
    with pytest.raises(NotSignedIn):
        await federate.finish(house, answer=answer, cookie=cookie, visitor=None, before=None)


async def test_adding_it_to_an_account_that_is_not_its_own(house: House, provider: Provider) -> None:
    """To her own account it is added; that of somebody else is not taken over, nor by who came after."""
    daan = await who(house, await as_persona(house, "daan", before=None))
    amal = await who(house, await as_persona(house, "amal", before=None))
    assert daan is not None
    assert amal is not None
    address, cookie = await federate.begin(house, visitor=daan)
    answer = provider.sign_in(address, "daan-there")
    with pytest.raises(NotSignedIn):
        await federate.finish(house, answer=answer, cookie=cookie, visitor=amal, before=None)
    address, cookie = await federate.begin(house, visitor=daan)
    answer = provider.sign_in(address, "daan-there")
    assert await federate.finish(house, answer=answer, cookie=cookie, visitor=daan, before=None) is None
    found = await who(house, await go(house, provider, "daan-there"))
    assert found is not None
    assert found.citizen == daan.citizen
    address, cookie = await federate.begin(house, visitor=amal)
    answer = provider.sign_in(address, "daan-there")
    with pytest.raises(Conflict):
        await federate.finish(house, answer=answer, cookie=cookie, visitor=amal, before=None)


async def test_a_key_that_the_broker_took_back_is_believed_for_minutes_only(
    house: House, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    await go(house, provider)
    provider.key = ECKey.generate_key(
        "P-256", {"kid": "two", "alg": "ES256"}
    )  # it still signs with the other
    assert await go(house, provider) is not None
    monkeypatch.setattr(broker, "FRESH", 0.0)
    with pytest.raises(NotSignedIn):
        await go(house, provider)


@pytest.mark.parametrize(
    "about", [{"issuer": "https://evil.example"}, {"token_endpoint": "ftp://x"}, {"jwks_uri": None}]
)
async def test_a_description_of_somebody_else(
    house: House, provider: Provider, about: dict[str, Any]
) -> None:
    provider.about = about
    with pytest.raises(NotReached):
        await federate.begin(house, visitor=None)
