"""The SDK at the real service, as a client that signs what it asks and takes signed answers only; and its account."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from consent_sdk import Arrangement, Ask, Declined, MemoryStore, Organisation, ProtocolError, Refused
from consent_sdk.keys import SigningKey

from consent.demo import Stage
from tests.attacks.attacker import Citizen
from tests.web.office import ASKED, REDIRECT, Office, office_of


@pytest.fixture(scope="module")
def desk(served: Stage) -> Office:
    return office_of(
        served, "zegel", require_signed_request_object=True, authorization_signed_response_alg="ES256"
    )


@pytest.fixture
async def org(desk: Office) -> AsyncIterator[Organisation]:
    async with organisation(desk, signs_requests=True, wants_signed_answers=True) as made:
        yield made


def organisation(desk: Office, **chosen: Any) -> Organisation:
    return Organisation(
        desk.stage.issuer,
        desk.client_id,
        desk.key.pem(),
        REDIRECT,
        MemoryStore(),
        organisation=desk.organisation,
        **chosen,
    )


async def asked(desk: Office, org: Organisation) -> Ask:
    return await org.ask(purpose=desk.purpose, purpose_version=1, attributes=ASKED, duration_days=30)


def came_back(desk: Office, ask: Ask, decision: str = "yes") -> str:
    """The address that she comes back to after her answer."""
    address = ask.url.removeprefix(desk.stage.issuer)
    found = desk.answered(address, decision)
    assert set(found) == {"keep", "response"}, "nothing stands beside the signed answer"
    return f"{REDIRECT}&response={found['response']}"


async def given(desk: Office, org: Organisation) -> Arrangement:
    ask = await asked(desk, org)
    return await org.receive(came_back(desk, ask), ask)


async def test_a_client_that_is_held_to_signatures_gets_its_data(desk: Office, org: Organisation) -> None:
    arrangement = await given(desk, org)
    assert arrangement.attributes == tuple(sorted(ASKED))
    disclosure = await org.fetch(arrangement, [ASKED[0]])
    assert disclosure.values[ASKED[0]].value == 3
    renewed = await org.renew(arrangement, duration_days=60)
    assert (await org.receive(came_back(desk, renewed), renewed)).grant_id == arrangement.grant_id


async def test_without_a_signature_the_service_takes_no_question(desk: Office) -> None:
    async with organisation(desk, wants_signed_answers=True) as plain:
        with pytest.raises(Refused, match="invalid_request"):
            await asked(desk, plain)


async def test_her_no_is_signed_too(desk: Office, org: Organisation) -> None:
    ask = await asked(desk, org)
    with pytest.raises(Declined):
        await org.receive(came_back(desk, ask, "no"), ask)


async def test_an_answer_that_somebody_spoilt_or_made_is_not_taken(desk: Office, org: Organisation) -> None:
    ask = await asked(desk, org)
    back = came_back(desk, ask)
    token = parse_qs(urlsplit(back).query)["response"][0]
    head, payload, _ = token.split(".")
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, payload))
    stranger = SigningKey.new()

    def forged(key: SigningKey = stranger, **changed: Any) -> str:
        return key.sign({"typ": "JWT", "kid": header["kid"]}, claims | changed)

    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    plain = f"{REDIRECT}&code={claims['code']}&state={claims['state']}&iss={claims['iss']}"
    for wrong, because in (
        (plain, "not signed"),
        (f"{REDIRECT}&response={unsigned}.{payload}.", "another kind"),
        (f"{REDIRECT}&response={forged()}", "no published key"),
        (f"{REDIRECT}&response={forged(iss='https://evil.example')}", "another issuer"),
        (f"{REDIRECT}&response={forged(aud='somebody-else')}", "another client"),
        (f"{REDIRECT}&response={forged(exp=claims['exp'] - 3600)}", "is over"),
        (f"{REDIRECT}&response=x", "compact"),
        (f"{back}&code=other&response=x", "twice"),
    ):
        with pytest.raises(ProtocolError, match=because):
            await org.receive(wrong, ask)
    other = await asked(desk, org)
    with pytest.raises(ProtocolError, match="not to this question"):
        await org.receive(back, other)
    # None of them cost anything: the true answer still works.
    assert (await org.receive(back, ask)).attributes == tuple(sorted(ASKED))


async def test_an_answer_for_later_is_over(desk: Office) -> None:
    now = datetime.now(UTC)
    late = organisation(
        desk, signs_requests=True, wants_signed_answers=True, clock=lambda: now.timestamp() + moved[0]
    )
    moved = [0.0]
    async with late as org:
        ask = await asked(desk, org)
        back = came_back(desk, ask)
        moved[0] = 180
        with pytest.raises(ProtocolError, match="is over"):
            await org.receive(back, ask)


async def test_a_client_sees_its_own_grants_in_pages(desk: Office, org: Organisation) -> None:
    arrangement = await given(desk, org)
    await given(desk, org)  # a new one ends the one before
    found = {grant.grant_id: grant.is_active async for grant in org.account.grants(page=1)}
    assert len(found) >= 2
    assert (found[arrangement.grant_id], sum(found.values())) == (False, 1)
    assert [grant.grant_id async for grant in org.account.grants()] == list(found)


async def test_a_client_sees_how_much_it_used(desk: Office, org: Organisation) -> None:
    arrangement = await given(desk, org)
    for _ in range(10):
        await org.fetch(arrangement, [ASKED[0]])
    today = datetime.now(UTC).date()
    (line,) = [one for one in await org.account.usage() if one.purpose == desk.purpose]
    assert (line.uses, line.purpose_version) == ("<10", 1)
    assert isinstance(line.disclosures, int)
    assert line.disclosures >= 10
    assert await org.account.usage(begin=today - timedelta(days=7), until=today) == ()
    with pytest.raises(Refused, match="bad_input"):
        await org.account.usage(begin=today, until=today - timedelta(days=1))


async def test_what_a_citizen_asks_is_read_and_answered(desk: Office, org: Organisation) -> None:
    arrangement = await given(desk, org)
    disclosure = await org.fetch(arrangement, [ASKED[0]])
    use = await org.use(disclosures=[disclosure.disclosure_id], template="letter")
    with Citizen(desk.stage) as sanne:
        sanne.browser.submit(sanne.page(f"/why/{use.use_id}"), "ask", ("text", "Waarom?"))
    (asks,) = await org.demands.waiting()
    assert (asks.kind, asks.use_id, asks.sub, asks.text) == (
        "explain",
        use.use_id,
        arrangement.sub,
        "Waarom?",
    )
    assert "Waarom" not in repr(asks)
    for outcome in ("corrected", "refused"):
        with pytest.raises(Refused, match="bad_input"):
            await org.demands.reply(asks.demand_id, outcome, text="Nee.", value=1)
    with pytest.raises(Refused, match="not_found"):
        await org.demands.reply("../demands", "answered", text="Daarom.")
    kept = await org.demands.reply(asks.demand_id, "answered", text="Daarom.")
    assert (kept.demand_id, kept.outcome) == (asks.demand_id, "answered")
    assert await org.demands.reply(asks.demand_id, "answered", text="Toch anders.") == kept
    assert await org.demands.waiting() == ()
    assert await org.demands.misgivings() == ()


async def test_a_proposed_purpose_waits_for_the_operator(desk: Office, org: Organisation) -> None:
    text = {"nl": "een voorbeeld", "en": "an example"}
    sentence = {"nl": "Dit is een voorbeeld.", "en": "This is an example."}
    purpose = {
        "id": "zegel-proef", "version": 1, "legal_basis": "consent", "title": text, "why": sentence,
        "consequence_of_no": {"nl": "gebeurt er niets", "en": "nothing happens"}, "other_way": sentence,
        "because": {}, "maximum_days": 30, "data_life_days": 30, "frequency_per_day": 1, "storage_places": ["NL"],
        "attributes": [{"name": "household_size", "required": True, "reason": sentence}],
        "contact": {"name": {"nl": "Team Proef", "en": "Example team"}},
    }  # fmt: skip
    assert (await org.account.propose(purpose)).status == "pending"
    stand = {(one.id, one.version): one.status for one in await org.account.purposes()}
    assert stand == {(desk.purpose, 1): "approved", ("zegel-proef", 1): "pending"}
    with pytest.raises(Refused, match="bad_input"):
        await org.account.propose(purpose | {"organisation": "somebody-else"})
