"""A grant is changed, renewed and ended over HTTP: the SDK on one side, her pages on the other."""

from collections.abc import AsyncIterator

import consent_sdk
import httpx
import pytest

from consent.demo import Stage
from consent.demo_browser import Browser, Page
from tests.web.office import ASKED, REDIRECT, Office, office_of

LESS, MORE = ASKED


@pytest.fixture(scope="module")
def office(served: Stage) -> Office:
    return office_of(served, "wijzigdam")


@pytest.fixture
async def desk(office: Office) -> AsyncIterator[consent_sdk.Organisation]:
    async with consent_sdk.Organisation(
        office.stage.issuer, office.client_id, office.key.pem(), REDIRECT, consent_sdk.MemoryStore(),
        organisation=office.organisation,
    ) as organisation:  # fmt: skip
        yield organisation


def question(browser: Browser, url: str) -> Page:
    """Her page of a question; signed in on the way, if need be."""
    found = browser.open(url)
    assert isinstance(found, Page)
    if "decide" not in found.forms:
        found = browser.submit(found, "sign-in-persona-sanne", ("persona", "sanne"))
        assert isinstance(found, Page)
    return found


def says(browser: Browser, page: Page, decision: str, *names: str) -> str:
    back = browser.answer(page, *[("attribute", name) for name in names], ("decision", decision))
    assert isinstance(back, str), back.words
    return back


async def test_from_a_first_yes_over_a_change_and_a_renewal_to_an_end(
    office: Office, desk: consent_sdk.Organisation
) -> None:
    browser = Browser(office.stage.issuer)
    ask = await desk.ask(purpose=office.purpose, purpose_version=1, attributes=[LESS], duration_days=10)
    first = await desk.receive(says(browser, question(browser, ask.url), "yes", LESS), ask)

    # She says no to a change: everything stays.
    ask = await desk.amend(first, attributes=[LESS, MORE], duration_days=20)
    page = question(browser, ask.url)
    assert page.heading == "Gemeente Wijzigdam vraagt om een verandering"
    assert (page.forms["decide"].ticked, len(page.forms["decide"].boxes)) == (1, 2)
    with pytest.raises(consent_sdk.Declined):
        await desk.receive(says(browser, page, "no"), ask)
    assert (await desk.grant(first.grant_id)).attributes == (LESS,)
    timeline = browser.open("/my/timeline")
    assert isinstance(timeline, Page)
    assert "U zei nee tegen een verandering door Gemeente Wijzigdam. Er veranderde niets." in timeline.words

    # And yes to the next: the same grant, and the old arrangement's token gets what she added.
    ask = await desk.amend(first, attributes=[LESS, MORE], duration_days=20)
    changed = await desk.receive(says(browser, question(browser, ask.url), "yes", LESS, MORE), ask)
    assert changed.grant_id == first.grant_id
    assert set((await desk.fetch(first, [MORE])).values) == {MORE}

    # A renewal is one tap.
    ask = await desk.renew(changed, duration_days=60)
    page = question(browser, ask.url)
    assert page.forms["decide"].boxes == []
    renewed = await desk.receive(says(browser, page, "yes"), ask)
    assert (renewed.grant_id, renewed.attributes) == (first.grant_id, changed.attributes)
    assert renewed.expires_at > changed.expires_at
    receipt = browser.open(f"/my/grants/{first.grant_id}")
    assert isinstance(receipt, Page)
    assert "Wat u hebt veranderd" in receipt.words

    await desk.end_grant(first.grant_id)
    with pytest.raises(consent_sdk.Refused):
        await desk.fetch(renewed, [LESS])
    with pytest.raises(consent_sdk.Refused) as over:
        await desk.renew(renewed, duration_days=60)
    assert over.value.reason == "invalid_grant_id"
    timeline = browser.open("/my/timeline")
    assert isinstance(timeline, Page)
    assert "Gemeente Wijzigdam stopte dit. Zij hebben uw gegevens niet meer nodig." in timeline.words
    browser.close()


def test_the_metadata_says_where_grants_are_managed_and_how(office: Office) -> None:
    document = httpx.get(f"{office.stage.issuer}/.well-known/oauth-authorization-server").json()
    assert document["grant_management_endpoint"] == f"{office.stage.issuer}/grants"
    assert set(document["grant_management_actions_supported"]) == {
        "create", "query", "revoke", "merge", "replace", "update"
    }  # fmt: skip
