"""An organisation's own code meets a sign-in that is not enough, asks again as it was told, and gets on (RFC 9470)."""

import asyncio
import contextlib
import sqlite3

import pytest
from consent_sdk import Arrangement, Ask, Organisation, StepUpNeeded

from consent.demo import Stage
from consent.demo_browser import Browser, Page
from consent.opening import DATABASE

NAMES = ("preferred_language", "residence_permit")


def answer(browser: Browser, ask: Ask) -> str:
    """Sign in, perhaps again, and say yes to everything."""
    page = browser.open(ask.url)
    assert isinstance(page, Page)
    if "decide" in page.forms:
        page = browser.open(f"/sign-in?again=1&next={page.url.removeprefix(browser._issuer)}")
        assert isinstance(page, Page)
    question = browser.submit(page, "sign-in-persona-amal", ("persona", "amal"))
    assert isinstance(question, Page)
    ticks = [("attribute", name) for name in NAMES]
    back = browser.answer(question, *ticks, ("decision", "yes"))
    assert isinstance(back, str), back.words
    return back


def test_a_typed_error_says_what_to_ask_for_and_asking_so_leads_on(served: Stage) -> None:
    browser = Browser(served.issuer)

    async def asked(org: Organisation, **how: object) -> Arrangement:
        ask = await org.ask(
            purpose="hulp-nieuw-in-nederland",
            purpose_version=1,
            attributes=NAMES,
            duration_days=30,
            **how,  # type: ignore[arg-type]
        )
        return await org.receive(answer(browser, ask), ask)

    async def story() -> None:
        async with served.organisation() as org:
            old = await asked(org)
            database = sqlite3.connect(served.service / DATABASE, timeout=10)
            with contextlib.closing(database), database:  # as it was before sign-ins were written down
                database.execute("UPDATE grants SET acr = NULL WHERE id = ?", (old.grant_id,))
            with pytest.raises(StepUpNeeded) as needed:
                await org.fetch(old, NAMES)
            assert (needed.value.acr_values, needed.value.max_age) == (("0",), None)
            new = await asked(org, acr_values=needed.value.acr_values, max_age=0)
            assert new.acr == "0"
            assert new.auth_time is not None
            assert Arrangement.read(new.text()).auth_time == new.auth_time
            assert set((await org.fetch(new, NAMES)).values) == set(NAMES)

    asyncio.run(story())
    browser.close()
