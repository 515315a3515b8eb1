"""From the question to the use, and all the noes on the way."""

import os
from pathlib import Path

import httpx
import pytest
from consent_sdk import (
    Arrangement,
    Ask,
    Declined,
    FileStore,
    MemoryStore,
    Organisation,
    ProtocolError,
    Refused,
    Secret,
    Unreachable,
)

from .world import CALLBACK, ISSUER, VALUES, World


async def test_data_arrive_with_a_checked_receipt(org: Organisation, arrangement: Arrangement) -> None:
    disclosure = await org.fetch(arrangement, ["income", "name"])
    assert {name: a.value for name, a in disclosure.values.items()} == {
        "name": VALUES["name"],
        "income": VALUES["income"],
    }
    assert disclosure.values["name"].source == "brp"
    assert disclosure.provisional
    assert disclosure.proof.startswith("c2sp.org/tlog-proof@v1\n")


async def test_the_arrangement_is_what_she_chose_not_what_was_asked(arrangement: Arrangement) -> None:
    assert arrangement.attributes == ("income", "name")
    assert (arrangement.purpose, arrangement.purpose_version) == ("housing-benefit", 3)


async def test_a_no_is_declined(world: World, org: Organisation) -> None:
    ask = await world.ask(org)
    with pytest.raises(Declined):
        await org.receive(world.citizen_says_no(ask.url), ask)


async def test_another_error_at_the_callback_is_refused_with_its_code(
    world: World, org: Organisation
) -> None:
    ask = await world.ask(org)
    with pytest.raises(Refused) as caught:
        await org.receive(world.citizen_says_no(ask.url, error="server_error"), ask)
    assert caught.value.reason == "server_error"


async def test_a_mix_up_attack_fails_on_the_issuer(world: World, org: Organisation) -> None:
    ask = await world.ask(org)
    evil = world.citizen_says_yes(ask.url, ["name"], iss="https://evil.example")
    with pytest.raises(ProtocolError, match="another issuer"):
        await org.receive(evil, ask)
    missing = evil.replace("iss=", "x=")
    with pytest.raises(ProtocolError, match="another issuer"):
        await org.receive(missing, ask)
    assert "/oauth/token" not in world.paths(), "the code stayed here"


async def test_login_csrf_fails_on_the_state(world: World, org: Organisation) -> None:
    mine, theirs = await world.ask(org), await world.ask(org)
    with pytest.raises(ProtocolError, match="not to this question"):
        await org.receive(world.citizen_says_yes(theirs.url, ["name"]), mine)
    assert "/oauth/token" not in world.paths()


async def test_a_parameter_twice_is_not_an_answer(world: World, org: Organisation) -> None:
    ask = await world.ask(org)
    with pytest.raises(ProtocolError, match="twice"):
        await org.receive(world.citizen_says_yes(ask.url, ["name"]) + "&code=other", ask)


async def test_metadata_of_another_issuer_is_not_used(world: World, org: Organisation) -> None:
    world.on_metadata = lambda document: document.update(issuer="https://evil.example")
    with pytest.raises(ProtocolError, match="another issuer"):
        await world.ask(org)


async def test_an_endpoint_on_another_host_gets_no_assertion(world: World, org: Organisation) -> None:
    world.on_metadata = lambda document: document.update(token_endpoint="https://evil.example/token")
    with pytest.raises(ProtocolError, match="own host"):
        await world.ask(org)
    assert len(world.requests) == 1


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("purpose", "marketing"),
        ("purpose_version", 4),
        ("attributes", ["name", "bsn"]),
        ("grant_id", "f" * 32),
    ],
)
async def test_a_permission_that_was_not_asked_is_not_accepted(
    world: World, org: Organisation, member: str, value: object
) -> None:
    world.on_token = lambda answer: answer["authorization_details"][0].update({member: value})
    ask = await world.ask(org)
    with pytest.raises(ProtocolError):
        await org.receive(world.citizen_says_yes(ask.url, ["name"]), ask)


async def test_a_bearer_token_is_not_accepted(world: World, org: Organisation) -> None:
    world.on_token = lambda answer: answer.update(token_type="Bearer")
    ask = await world.ask(org)
    with pytest.raises(ProtocolError, match="not bound"):
        await org.receive(world.citizen_says_yes(ask.url, ["name"]), ask)


async def test_an_expired_token_is_renewed_exactly_once(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    world.access_tokens_expire()
    await org.fetch(arrangement, ["name"])
    assert world.paths().count("/disclosures") == 2

    world.requests.clear()
    world.tokens.clear()
    world.on_token = lambda answer: world.tokens.clear()
    with pytest.raises(Refused, match="invalid_token"):
        await org.fetch(arrangement, ["name"])
    assert world.paths().count("/disclosures") == 2


async def test_both_tries_carry_the_same_idempotency_key(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    world.access_tokens_expire()
    await org.fetch(arrangement, ["name"])
    keys = {r.headers["idempotency-key"] for r in world.requests if r.url.path == "/disclosures"}
    assert len(keys) == 1


async def test_after_she_stopped_the_answer_is_no(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    await org.fetch(arrangement, ["name"])
    world.citizen_stops()
    with pytest.raises(Refused) as caught:
        await org.fetch(arrangement, ["name"])
    assert (caught.value.reason, caught.value.status) == ("grant_not_active", 401)
    assert world.paths()[-1] == "/disclosures", "no new token is asked for a permission that is over"


async def test_a_repeat_after_she_stopped_brings_the_old_proof_and_no_value(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    await org.fetch(arrangement, ["name"], idempotency_key="monday")
    world.citizen_stops()
    world.now += 100_000
    with pytest.raises(Refused) as caught:
        await org.fetch(arrangement, ["name"], idempotency_key="monday")
    assert caught.value.is_checked
    assert caught.value.entry is not None
    assert str(VALUES["name"]) not in str(caught.value.entry) + str(caught.value.proof)


async def test_false_evidence_in_a_refusal_is_marked_as_unchecked(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    await org.fetch(arrangement, ["name"], idempotency_key="monday")
    world.repeats["monday"]["entry"]["opening"]["A"] = "{}"
    world.citizen_stops()
    with pytest.raises(Refused) as caught:
        await org.fetch(arrangement, ["name"], idempotency_key="monday")
    assert not caught.value.is_checked


async def test_evidence_from_the_permission_of_somebody_else_is_not_evidence(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    await org.fetch(arrangement, ["name"])
    grant = world.grants[arrangement.grant_id]
    grant.consent_key = os.urandom(32)
    world.repeats["tuesday"] = world._book(grant, ["name"])
    world.citizen_stops()
    with pytest.raises(Refused) as caught:
        await org.fetch(arrangement, ["name"], idempotency_key="tuesday")
    assert not caught.value.is_checked


async def test_without_an_access_token_a_dead_permission_is_refused_too(world: World) -> None:
    store = MemoryStore()
    async with world.client() as http:
        org = world.organisation(store, http)
        ask = await world.ask(org)
        arrangement = await org.receive(world.citizen_says_yes(ask.url, ["name"]), ask)
        world.citizen_stops()
        with pytest.raises(Refused, match="invalid_grant"):
            await world.organisation(store, http).fetch(arrangement, ["name"])


async def test_too_much_is_refused_with_what_to_do(org: Organisation, arrangement: Arrangement) -> None:
    with pytest.raises(Refused) as caught:
        await org.fetch(arrangement, ["city", "name"])
    assert (caught.value.reason, caught.value.detail) == ("beyond_grant", "Ask for less.")


async def test_a_second_process_with_the_same_store_can_receive_and_fetch(
    world: World, tmp_path: Path
) -> None:
    path = tmp_path / "store.json"
    async with world.client() as http:
        ask = await world.ask(world.organisation(FileStore(path), http))
        other = world.organisation(FileStore(path), http)
        arrangement = await other.receive(world.citizen_says_yes(ask.url, ["name"]), Ask.read(ask.text()))
        third = world.organisation(FileStore(path), http)
        remembered = await third.arrangement(arrangement.grant_id)
        assert remembered is not None
        assert (await third.fetch(remembered, ["name"])).values["name"].value == VALUES["name"]


async def test_a_rotated_refresh_token_replaces_the_old_one(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    def rotate(answer: dict[str, object]) -> None:
        world.grants[arrangement.grant_id].refresh_token = "new"
        answer["refresh_token"] = "new"

    world.on_token = rotate
    for _ in range(2):
        world.access_tokens_expire()
        await org.fetch(arrangement, ["name"])
    remembered = await org.arrangement(arrangement.grant_id)
    assert remembered is not None
    assert remembered.refresh_token.reveal() == "new"


async def test_a_server_nonce_is_taken_over_and_kept(world: World, org: Organisation) -> None:
    world.nonce = "n-1"
    ask = await world.ask(org)
    arrangement = await org.receive(world.citizen_says_yes(ask.url, ["name"]), ask)
    await org.fetch(arrangement, ["name"])
    assert world.paths().count("/oauth/par") == 2
    assert world.paths().count("/oauth/token") == 1
    world.nonce = "n-2"
    await org.fetch(arrangement, ["name"])


async def test_a_use_gives_the_sentence_in_two_languages(org: Organisation) -> None:
    use = await org.use(disclosures=["a" * 32], template="benefit")
    assert set(use.because) == {"nl", "en"}
    assert use.link == f"{ISSUER}/why/5"


@pytest.mark.parametrize("link", ["https://evil.example/why", "javascript:alert(1)", "//evil.example/x"])
async def test_a_why_link_to_elsewhere_is_not_passed_on(world: World, org: Organisation, link: str) -> None:
    answer = {"use_id": "5", "because": {"nl": "…", "en": "…"}, "link": link}
    token = {"access_token": "t", "token_type": "DPoP", "expires_in": 1}
    world.answers = [httpx.Response(200, json=token), httpx.Response(200, json=answer)]
    with pytest.raises(ProtocolError, match="elsewhere"):
        await org.use(disclosures=["a" * 32], template="benefit")


async def test_the_state_of_a_permission_can_be_read(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    assert (await org.grant(arrangement.grant_id)).is_active
    world.citizen_stops()
    assert not (await org.grant(arrangement.grant_id)).is_active
    with pytest.raises(Refused) as caught:
        await org.grant("0" * 32)
    assert caught.value.status == 404


async def test_an_id_cannot_lead_to_another_address(world: World, org: Organisation) -> None:
    with pytest.raises(Refused):
        await org.grant("../uses?x")
    assert world.requests[-1].url.raw_path == b"/grants/..%2Fuses%3Fx"


async def test_revoked_tokens_are_forgotten(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    await org.revoke_tokens(arrangement)
    assert await org.arrangement(arrangement.grant_id) is None
    with pytest.raises(Refused, match="invalid_grant"):
        await org.fetch(arrangement, ["name"])


async def test_no_answer_brings_the_key_to_repeat_with(world: World) -> None:
    async def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/disclosures" and not broken.pop():
            raise httpx.ReadTimeout("gone")
        return await world.handle(request)

    broken = [True, False]
    async with httpx.AsyncClient(transport=httpx.MockTransport(handle)) as http:
        org = world.organisation(MemoryStore(), http)
        ask = await world.ask(org)
        arrangement = await org.receive(world.citizen_says_yes(ask.url, ["name"]), ask)
        with pytest.raises(Unreachable) as caught:
            await org.fetch(arrangement, ["name"])
        assert caught.value.idempotency_key is not None
        await org.fetch(arrangement, ["name"], caught.value.idempotency_key)
        repeat = next(r for r in world.requests if r.url.path == "/disclosures")
        assert repeat.headers["idempotency-key"] == caught.value.idempotency_key


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(502, text="<html>"), Unreachable),
        (httpx.Response(400, text="<html>"), ProtocolError),
        (httpx.Response(200, text="[1]"), ProtocolError),
        (httpx.Response(302, headers={"location": "https://evil.example"}), ProtocolError),
        (httpx.Response(503, json={"code": "overloaded"}, headers={"retry-after": "7"}), Refused),
    ],
)
async def test_strange_answers_have_their_error(
    world: World, org: Organisation, arrangement: Arrangement, answer: httpx.Response, error: type[Exception]
) -> None:
    world.answers = [answer]
    with pytest.raises(error) as caught:
        await org.fetch(arrangement, ["name"])
    if isinstance(caught.value, Refused):
        assert caught.value.retry_after == 7


async def test_nothing_secret_and_no_value_is_printed(
    world: World, org: Organisation, arrangement: Arrangement
) -> None:
    ask = await world.ask(org)
    disclosure = await org.fetch(arrangement, ["name"])
    printed = repr([ask, arrangement, disclosure, org, str(disclosure.values)])
    for secret in (ask.verifier.reveal(), arrangement.refresh_token.reveal(), str(VALUES["name"])):
        assert secret not in printed
    assert str(VALUES["name"]) not in str(disclosure.receipt())


def test_a_secret_says_nothing() -> None:
    assert "x1" not in f"{Secret('x1')!r} {Secret('x1')}"


@pytest.mark.parametrize(
    "issuer",
    ["http://consent.example", "https://a.example/", "https://a.example?x=1", "ftp://a", "https://u@a"],
)
def test_an_issuer_without_tls_or_with_a_second_spelling_is_not_taken(issuer: str, world: World) -> None:
    with pytest.raises(ValueError, match="issuer"):
        Organisation(issuer, "c", world.private, CALLBACK, MemoryStore())
