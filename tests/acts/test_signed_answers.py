"""Answers that travel through a browser, and answers about tokens, signed with the service's own key."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from consent.acts import inspect as inspecting
from consent.acts.grant import Answered
from consent.oauth.jarm import LIFE
from consent.oauth.jose import check_jws
from consent.oauth.keys import public_jwks
from consent.oauth.metadata import INTROSPECT_PATH
from consent.words.instants import SECOND
from tests.world import MUNICIPALITY, World


def read(world: World, token: str, typ: str) -> dict[str, Any]:
    keys = public_jwks([world.house.server_key])["keys"]
    header, claims = check_jws(token, keys, types=frozenset({typ}))
    assert header["kid"] == keys[0]["kid"]
    return claims


@pytest.mark.parametrize("decision", ["yes", "no"])
async def test_yes_and_no_go_back_signed_and_with_nothing_beside(world: World, decision: str) -> None:
    request = await world.ask(response_mode="jwt")
    answered = await world.answer(request, decision=decision)
    assert isinstance(answered, Answered)
    query = parse_qs(urlsplit(await world.back(answered)).query)
    assert set(query) == {"response"}
    claims = read(world, query["response"][0], "jwt")
    said = claims.pop("code" if decision == "yes" else "error")
    assert claims == {
        "iss": world.house.issuer,
        "aud": MUNICIPALITY,
        "exp": (world.at + LIFE) // SECOND,
        "state": "s",
    }
    if decision == "yes":
        assert (await world.exchange(said)).grant is not None
    else:
        assert said == "access_denied"


async def test_a_signed_introspection_tells_a_stranger_nothing(world: World) -> None:
    """RFC 9701 §5: whoever is not the token's client learns that it is not active, signed."""
    given = await world.given()
    others = [name for name in world.keys if name != MUNICIPALITY]
    for who, is_active in ((MUNICIPALITY, True), (others[0], False)):
        _, caller = await world.caller(who, {}, INTROSPECT_PATH)
        facts = await inspecting.introspect(world.house, caller, given.tokens.access_token)
        claims = read(
            world, inspecting.signed_introspection(world.house, caller, facts), "token-introspection+jwt"
        )
        assert (claims["iss"], claims["aud"]) == (world.house.issuer, who)
        assert set(claims) == {"iss", "aud", "iat", "token_introspection"}
        assert claims["token_introspection"] == facts
        assert facts["active"] is is_active
        assert is_active or facts == {"active": False}
