"""The same random requests to our rules and to Authlib's own server engine: alike, but for a table of differences.

Compared is the class of each answer: "ok", or the RFC's error code. Where they differ, the reason stands in the table;
each of its rows has an example here, so a row that no longer holds is found as well.
"""

import asyncio
import json
import secrets
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode

import pytest
from consent_sdk.keys import challenge_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.acts import redeem as redeeming
from consent.oauth.clients import Client
from consent.oauth.forms import parse_form
from consent.oauth.metadata import TOKEN_PATH
from consent.oauth.par import check_pushed_request
from consent.oauth.token import check_token_form
from consent.words.errors import ConsentError
from consent.words.instants import SECOND
from tests.world import MUNICIPALITY, VERIFIER, World

from . import authlib_house
from .authlib_house import OK, AuthlibHouse

OTHER = "voorbeeld-energie-app"
REDIRECT = "http://127.0.0.1:9/callback"
ELSEWHERE = "http://127.0.0.1:9/elsewhere"
DETAILS = json.dumps([{"type": "any"}])


def fresh() -> str:
    """A handle like those of both houses."""
    return secrets.token_urlsafe(32)


# What is asked for


class Asked(NamedTuple):
    """A request for authorization; "" leaves the parameter empty, None out."""

    response_type: str | None = "code"
    client_id: str | None = MUNICIPALITY
    redirect_uri: str | None = REDIRECT
    code_challenge: str | None = challenge_of(VERIFIER)
    code_challenge_method: str | None = "S256"
    state: str | None = "s"
    twice: str | None = None

    def encoded(self) -> str:
        """As it goes over the line."""
        fields = [(name, one) for name, one in self._asdict().items() if one is not None and name != "twice"]
        fields += [(name, one) for name, one in fields if name == self.twice]
        return urlencode([*fields, ("authorization_details", DETAILS)])


ASKED = st.builds(
    Asked,
    response_type=st.sampled_from(["code", "code", "code", "token", "code id_token", "CODE", "", None]),
    client_id=st.sampled_from([MUNICIPALITY] * 4 + ["unknown", "", None]),
    redirect_uri=st.sampled_from([REDIRECT] * 4 + [ELSEWHERE, REDIRECT + "/", REDIRECT + "?a=b", "", None]),
    code_challenge=st.sampled_from([challenge_of(VERIFIER)] * 3 + ["short", "é" * 43, "a" * 44, "", None]),
    code_challenge_method=st.sampled_from(["S256", "S256", "S256", "plain", "s256", "", None]),
    state=st.sampled_from(["s", "", None]) | st.text(max_size=20).filter(lambda text: "\x00" not in text),
    twice=st.sampled_from(
        [None] * 6 + ["response_type", "client_id", "redirect_uri", "code_challenge", "state"]
    ),
)


class Row(NamedTuple):
    """Where we differ: why, what both say, when, and an example."""

    why: str
    ours: str
    theirs: tuple[str, ...]
    when: Callable[[Any, list[Any]], bool]
    example: Any


ANY = ("invalid_client", "unsupported_response_type", "invalid_request")
QUESTIONS = [
    Row(
        "The assertion says who asks, so client_id may be absent (RFC 9126 §2.1); they need it to redirect",
        OK,
        ("invalid_client",),
        lambda asked, _: not asked.client_id,
        Asked(client_id=None),
    ),
    Row(
        "Another client_id than the proved one is a fault of the request; there it is a client nobody knows",
        "invalid_request",
        ("invalid_client",),
        lambda asked, _: asked.client_id != MUNICIPALITY,
        Asked(client_id="unknown"),
    ),
    Row(
        "A missing response_type is a missing parameter (RFC 6749 §4.1.2.1); they call it unsupported",
        "invalid_request",
        ("unsupported_response_type",),
        lambda asked, _: not asked.response_type,
        Asked(response_type=None),
    ),
    Row(
        "redirect_uri is always named (FAPI 2.0 §5.3.2.2-6), they fall back to the registered one",
        "invalid_request",
        (OK,),
        lambda asked, _: not asked.redirect_uri,
        Asked(redirect_uri=None),
    ),
    Row(
        "PKCE is for every client (FAPI 2.0 §5.3.2.2-5), they demand it of public clients only",
        "invalid_request",
        (OK,),
        lambda asked, _: not asked.code_challenge,
        Asked(code_challenge=None, code_challenge_method=None),
    ),
    Row(
        "The method is always named: without one RFC 7636 §4.3 means plain",
        "invalid_request",
        (OK,),
        lambda asked, _: not asked.code_challenge_method,
        Asked(code_challenge_method=None),
    ),
    Row(
        "A challenge of S256 has 43 characters (RFC 7636 §4.2), they let pass up to 128",
        "invalid_request",
        (OK,),
        lambda asked, _: asked.code_challenge == "a" * 44,
        Asked(code_challenge="a" * 44),
    ),
    Row(
        "Of two faults each names the one that it meets first; what occurs twice we meet before all others",
        "invalid_request",
        ANY,
        lambda asked, _: faults(asked) > 1,
        Asked(response_type="token", twice="state"),
    ),
]


def faults(asked: Asked) -> int:
    """How many things are not as in a right request."""
    return sum(one != right for one, right in zip(asked._replace(state="s"), Asked(), strict=True))


def our_answer(asked: Asked) -> str:
    """What the pushed request gets after its client was proved."""
    client = Client(
        id=MUNICIPALITY, organisation="voorbeeldstad", jwks=(), redirect_uris=(REDIRECT,), name="Desk"
    )
    try:
        check_pushed_request(parse_form(asked.encoded().encode()), client=client, proof_jkt=None)
    except ConsentError as no:
        return no.code
    return OK


def their_house(clock: Callable[[], float] = lambda: 0.0) -> AuthlibHouse:
    """Authlib's server with the same two clients."""
    return AuthlibHouse(
        [authlib_house.Client(MUNICIPALITY, REDIRECT), authlib_house.Client(OTHER, REDIRECT)],
        clock=clock,
        fresh=fresh,
    )


def explained(rows: list[Row], ours: str, theirs: str, asked: Any, earlier: list[Any]) -> bool:
    """Whether a row of the table says why these two answers differ."""
    return any(row.ours == ours and theirs in row.theirs and row.when(asked, earlier) for row in rows)


@settings(max_examples=600)
@given(ASKED)
def test_a_request_for_authorization_is_judged_alike(asked: Asked) -> None:
    ours, (theirs, _) = our_answer(asked), their_house().authorize(asked.encoded())
    assert ours == theirs or explained(QUESTIONS, ours, theirs, asked, [])


@pytest.mark.parametrize("row", QUESTIONS, ids=lambda row: row.why)
def test_each_difference_in_requests_is_one(row: Row) -> None:
    theirs, _ = their_house().authorize(row.example.encoded())
    assert our_answer(row.example) == row.ours
    assert theirs in row.theirs
    assert theirs != row.ours


# Token requests

How = Literal["right", "missing", "empty", "malformed", "unknown"]
HOW = ["right"] * 5 + ["missing", "empty", "malformed", "unknown"]


class Try(NamedTuple):
    """One token request of a series about one code; the words say what is in each field."""

    grant_type: str | None = "authorization_code"
    client: str = MUNICIPALITY
    code: How = "right"
    verifier: How = "right"
    redirect: How = "right"
    refresh: How = "right"
    twice: str | None = None
    after: int = 0  # seconds since the one before

    def encoded(self, code: str, refresh: str) -> str:
        """As it goes over the line, with the code and the refresh token of one house."""
        wanted: list[tuple[str, str, How]] = []
        if self.grant_type != "refresh_token":
            wanted += [
                ("code", code, self.code),
                ("code_verifier", VERIFIER, self.verifier),
                ("redirect_uri", REDIRECT, self.redirect),
            ]
        if self.grant_type != "authorization_code":
            wanted += [("refresh_token", refresh, self.refresh)]
        fields = [("grant_type", self.grant_type)] if self.grant_type is not None else []
        for name, right, how in wanted:
            said = {"right": right, "empty": "", "malformed": "short and é", "unknown": "u" * 43}
            fields += [(name, said[how])] if how != "missing" else []
        fields += [pair for pair in fields if pair[0] == self.twice]
        return urlencode(fields)


TRY = st.builds(
    Try,
    grant_type=st.sampled_from(
        ["authorization_code"] * 6 + ["refresh_token"] * 4 + ["client_credentials", "password", "", None]
    ),
    client=st.sampled_from([MUNICIPALITY] * 5 + [OTHER]),
    code=st.sampled_from(HOW),
    verifier=st.sampled_from(HOW),
    redirect=st.sampled_from(HOW),
    refresh=st.sampled_from(HOW),
    twice=st.sampled_from(
        [None] * 6 + ["grant_type", "code", "code_verifier", "redirect_uri", "refresh_token"]
    ),
    after=st.sampled_from([0, 0, 0, 0, 59, 60]),
)


def absent(how: How) -> bool:
    """Left out; without a value is the same (RFC 6749 §3.1)."""
    return how in ("missing", "empty")


def is_exchange(asked: Try) -> bool:
    """Whether it offers a code."""
    return asked.grant_type == "authorization_code"


TOKENS = [
    Row(
        "What occurs twice is refused (RFC 6749 §3.2), they take the first",
        "invalid_request",
        (OK, "invalid_grant", "unsupported_grant_type"),
        lambda asked, _: asked.twice is not None,
        [Try(twice="code")],
    ),
    Row(
        "A missing grant_type is a missing parameter (RFC 6749 §5.2), they call it unsupported",
        "invalid_request",
        ("unsupported_grant_type",),
        lambda asked, _: not asked.grant_type,
        [Try(grant_type=None)],
    ),
    Row(
        "redirect_uri need not be repeated (OAuth 2.1 §4.1.3): PKCE does what it was for",
        OK,
        ("invalid_grant",),
        lambda asked, _: is_exchange(asked) and absent(asked.redirect),
        [Try(redirect="missing")],
    ),
    Row(
        "A verifier that is missing or malformed proves nothing (RFC 7636 §4.6): invalid_grant, whatever it lacks",
        "invalid_grant",
        ("invalid_request",),
        lambda asked, _: is_exchange(asked) and asked.verifier in ("missing", "empty", "malformed"),
        [Try(verifier="missing")],
    ),
    Row(
        "A parameter without a value counts as absent (RFC 6749 §3.1), they look the empty code up",
        "invalid_request",
        ("invalid_grant",),
        lambda asked, _: (is_exchange(asked) and asked.code == "empty") or asked.refresh == "empty",
        [Try(code="empty")],
    ),
    Row(
        "A code offered twice takes its tokens along (RFC 6749 §4.1.2); they leave that to whoever uses them",
        "invalid_grant",
        (OK,),
        lambda asked, earlier: asked.grant_type == "refresh_token" and sum(map(is_exchange, earlier)) > 1,
        [Try(), Try(), Try(grant_type="refresh_token")],
    ),
]


class TwoHouses:
    """Ours with a database, and Authlib's, on one clock."""

    def __init__(self, runner: asyncio.Runner, world: World) -> None:
        self.runner, self.world = runner, world
        self.theirs = their_house(lambda: world.at / SECOND)

    def answers(self, tries: list[Try]) -> Iterator[tuple[str, str]]:
        """What both say to each of *tries* about one new code."""
        _, back = self.theirs.authorize(Asked().encoded())
        their_code, their_refresh, our_refresh = back["code"], fresh(), fresh()
        our_code = self.runner.run(self._our_code())
        for asked in tries:
            self.world.pass_time(asked.after)
            ours, tokens = self.runner.run(self._redeemed(asked, our_code, our_refresh))
            if tokens is not None and tokens.refresh_token:
                our_refresh = tokens.refresh_token
            theirs, given = self.theirs.token(asked.encoded(their_code, their_refresh), asked.client)
            their_refresh = given.get("refresh_token", their_refresh)
            yield ours, theirs

    async def _our_code(self) -> str:
        answered = await self.world.answer(await self.world.ask())
        return await self.world.code(answered)

    async def _redeemed(self, asked: Try, code: str, refresh: str) -> tuple[str, redeeming.Tokens | None]:
        _, caller = await self.world.caller(asked.client, {}, TOKEN_PATH)
        try:
            form = check_token_form(parse_form(asked.encoded(code, refresh).encode()))
            return OK, await redeeming.redeem(self.world.house, caller, form)
        except ConsentError as no:
            return no.code, None


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHouses]:
    with asyncio.Runner() as runner:
        opened = World.open(tmp_path_factory.mktemp("two-houses") / "data")
        world = runner.run(opened.__aenter__())
        yield TwoHouses(runner, world)
        runner.run(opened.__aexit__(None, None, None))


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TRY, min_size=1, max_size=4))
def test_a_series_of_token_requests_is_judged_alike(houses: TwoHouses, tries: list[Try]) -> None:
    for place, (ours, theirs) in enumerate(houses.answers(tries)):
        if ours != theirs:
            assert explained(TOKENS, ours, theirs, tries[place], tries[: place + 1])
            break  # from here on both know other things


@pytest.mark.parametrize("row", TOKENS, ids=lambda row: row.why)
def test_each_difference_in_tokens_is_one(houses: TwoHouses, row: Row) -> None:
    *alike, (ours, theirs) = houses.answers(row.example)
    assert all(one == other for one, other in alike)
    assert ours == row.ours
    assert theirs in row.theirs


def test_what_is_right_is_right_in_both_houses(houses: TwoHouses) -> None:
    assert our_answer(Asked()) == their_house().authorize(Asked().encoded())[0] == OK
    refresh = Try(grant_type="refresh_token")
    right = [Try(), refresh, refresh, Try(grant_type="client_credentials")]
    assert list(houses.answers(right)) == [(OK, OK)] * 4
    late = [Try(after=59), Try(after=1)]
    assert list(houses.answers(late)) == [(OK, OK), ("invalid_grant", "invalid_grant")]
    assert list(houses.answers([Try(after=60)])) == [("invalid_grant", "invalid_grant")]
    stranger = [Try(client=OTHER), Try(), Try(grant_type="refresh_token", client=OTHER)]
    assert [ours for ours, theirs in houses.answers(stranger) if ours == theirs] == [
        "invalid_grant", OK, "invalid_grant",
    ]  # fmt: skip
