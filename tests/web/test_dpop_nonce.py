"""A client that wants its proofs to hold a nonce: refused without one, told one, and nobody else is bothered."""

import httpx
import pytest
from consent_sdk import MemoryStore, Organisation

from consent.demo import Stage
from consent.demo_browser import Browser, Page
from consent.keyfiles import read_issuer_keys
from consent.oauth.keys import ServerKeys
from consent.oauth.nonce import AGING, LIFE, make_nonce
from consent.words.instants import SECOND
from tests.web.office import ASKED, REDIRECT, Office, fresh, now, office_of


@pytest.fixture(scope="module")
def careful(served: Stage) -> Office:
    return office_of(served, "nauwkeurig", dpop_nonce_required=True)


@pytest.fixture(scope="module")
def office(served: Stage) -> Office:
    return office_of(served)


def nonce_of(stage: Stage, age: int = 0) -> str:
    """A nonce as the service made it *age* seconds ago: another process with its key files makes the same."""
    keys = ServerKeys(list(read_issuer_keys(stage.service).values()))
    at = (now() - age) * SECOND
    return make_nonce(keys.nonce_keys(at), at=at)


def own_token(office: Office, nonce: str | None) -> httpx.Response:
    proof = office.proof("POST", "/oauth/token", nonce=nonce)
    return office.post("/oauth/token", office.identified(grant_type="client_credentials"), dpop=proof)


def test_without_a_nonce_the_token_endpoint_gives_one(careful: Office) -> None:
    """RFC 9449 §8."""
    asked = own_token(careful, None)
    assert (asked.status_code, asked.json()["error"]) == (400, "use_dpop_nonce")
    assert asked.headers["cache-control"] == "no-store"
    given = own_token(careful, asked.headers["dpop-nonce"])
    assert given.status_code == 200
    assert "dpop-nonce" not in given.headers
    # The whole form may be sent again: neither its assertion nor its proof was used up.
    form = careful.identified(grant_type="client_credentials")
    assert careful.post("/oauth/token", form).status_code == 400
    proof = careful.proof("POST", "/oauth/token", nonce=asked.headers["dpop-nonce"])
    assert careful.post("/oauth/token", form, dpop=proof).status_code == 200


@pytest.mark.parametrize("nonce", ["", "made-up", "A" * 32])
def test_a_nonce_of_somebody_else_gets_one_of_ours(careful: Office, nonce: str) -> None:
    asked = own_token(careful, nonce)
    assert (asked.status_code, asked.json()["error"]) == (400, "use_dpop_nonce")
    assert own_token(careful, asked.headers["dpop-nonce"]).status_code == 200


def test_a_nonce_of_another_process_works_gets_renewed_and_ends(careful: Office) -> None:
    """RFC 9449 §8.2: the new one comes with an answer, before the old one is refused."""
    renewed = own_token(careful, nonce_of(careful.stage, AGING // SECOND + 1))
    assert renewed.status_code == 200
    assert own_token(careful, renewed.headers["dpop-nonce"]).status_code == 200
    assert own_token(careful, nonce_of(careful.stage, LIFE // SECOND + 1)).status_code == 400


def test_a_pushed_request_with_a_proof_needs_it_as_well(careful: Office) -> None:
    assert careful.post("/oauth/par", careful.request_fields(fresh() * 3)).json()["error"] == "use_dpop_nonce"
    proof = careful.proof("POST", "/oauth/par", nonce=nonce_of(careful.stage))
    assert careful.post("/oauth/par", careful.request_fields(fresh() * 3), dpop=proof).status_code == 201


def test_at_the_api_the_token_says_that_a_nonce_is_needed(careful: Office) -> None:
    """RFC 9449 §9."""
    token = own_token(careful, nonce_of(careful.stage)).json()["access_token"]
    path = f"/grants/{'0' * 32}"
    asked = careful.call("GET", path, token)
    assert (asked.status_code, asked.json()["code"]) == (401, "use_dpop_nonce")
    assert 'DPoP error="use_dpop_nonce"' in asked.headers["www-authenticate"]
    proof = careful.proof("GET", path, token, nonce=asked.headers["dpop-nonce"])
    assert careful.call("GET", path, token, dpop=proof).status_code == 404
    aged = careful.proof("GET", path, token, nonce=nonce_of(careful.stage, AGING // SECOND + 1))
    assert "dpop-nonce" in careful.call("GET", path, token, dpop=aged).headers
    # Without its mark it is another token, and no token of ours.
    bare = token.removesuffix("~n")
    assert bare != token
    assert careful.call("GET", path, bare).json()["code"] == "invalid_token"


def test_nobody_else_is_bothered(office: Office) -> None:
    """Also a client that sends a nonce without being asked."""
    for nonce in (None, "made-up", nonce_of(office.stage, 10_000)):
        given = own_token(office, nonce)
        assert given.status_code == 200
        assert "dpop-nonce" not in given.headers
        assert "~" not in given.json()["access_token"]


async def test_the_sdk_copes_with_nonces_by_itself(careful: Office) -> None:
    """From the question to the values, without a line of code for it."""
    async with Organisation(
        careful.stage.issuer,
        careful.client_id,
        careful.key.pem(),
        REDIRECT,
        MemoryStore(),
        organisation="nauwkeurig",
    ) as organisation:
        ask = await organisation.ask(
            purpose=careful.purpose, purpose_version=1, attributes=list(ASKED), duration_days=30
        )
        browser = Browser(careful.stage.issuer)
        entrance = browser.open(ask.url)
        assert isinstance(entrance, Page)
        question = browser.submit(entrance, "sign-in-persona-sanne", ("persona", "sanne"))
        assert isinstance(question, Page)
        ticks = [("attribute", name) for name in ASKED]
        back = browser.answer(question, *ticks, ("decision", "yes"))
        assert isinstance(back, str)
        browser.close()
        arrangement = await organisation.receive(back, ask)
        disclosure = await organisation.fetch(arrangement, list(ASKED))
        assert set(disclosure.values) == set(ASKED)
