"""What she can say after her yes, on a small phone without JavaScript: less, gone, wrong, not right, and help."""

import consent_sdk
import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import Later, Open
from tests.e2e.hands import YES, answer, press, sign_in, stop, tick
from tests.e2e.town import NEEDED, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"width": 320, "height": 640}
EXTRA = "number_of_children"


async def _yes(open_page: Open, town: Town, *attributes: str) -> tuple[Page, consent_sdk.Arrangement]:
    page = await open_page(viewport=PHONE)
    asked = await town.ask()
    await page.goto(asked.url)
    await sign_in(page, "sanne")
    await tick(page, *attributes)
    await answer(page, YES["nl"])
    return page, await town.receive(asked)


async def _fits(page: Page) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


async def test_one_item_stops_and_the_rest_goes_on(open_page: Open, town: Town) -> None:
    page, given = await _yes(open_page, town, *NEEDED, EXTRA)
    await town.fetch(given)
    issuer = town.sdk._issuer
    await page.goto(f"{issuer}/my/organisations/voorbeeldstad")
    await _fits(page)
    await page.locator(f"#stop-{given.grant_id}-{EXTRA} button").click()
    await expect(page.locator("#done")).to_contain_text("Dit deelt u niet meer met hen")
    await expect(page.locator(f"#stop-{given.grant_id}-{EXTRA}")).to_have_count(0)
    assert set((await town.fetch(given, NEEDED)).values) == set(NEEDED)
    with pytest.raises(consent_sdk.Refused):
        await town.fetch(given, [EXTRA])

    # Her timeline has both, each under its kind; another language shows the same lines.
    await page.goto(f"{issuer}/my/timeline")
    await page.locator("#narrow summary").click()
    await page.locator("#of").select_option("voorbeeldstad")
    await page.locator("#kind").select_option("refused")
    await page.locator("#filter button").click()
    await _fits(page)
    lines = page.locator(".consent-line__event")
    kinds = {await one.get_attribute("data-kind") for one in await lines.all()}
    assert kinds == {"refused"}
    count = await lines.count()
    await page.get_by_role("link", name="English").click()
    await expect(page.locator("#kind")).to_have_value("refused")
    await expect(page.locator("#of")).to_have_value("voorbeeldstad")
    await expect(lines).to_have_count(count)


async def test_a_use_feels_wrong_and_what_they_saw_is_erased(open_page: Open, town: Town) -> None:
    page, given = await _yes(open_page, town, *NEEDED)
    use = await town.use(await town.fetch(given))
    await page.goto(use.link)
    await press(page, "Dit voelt niet goed")
    await expect(page.locator("#said")).to_be_visible()
    await expect(page.locator("#feels-wrong")).to_have_count(0)
    await _fits(page)
    assert not [one for one in await town.sdk.demands.waiting() if one.use_id == use.use_id]

    await page.goto(f"{town.sdk._issuer}/")
    await stop(page, given.grant_id)
    erase = page.locator(f"#erase-{given.grant_id} button")
    await erase.click()
    await expect(page.locator("#asked")).to_be_visible()
    await expect(erase).to_have_count(0)
    (asked,) = [one for one in await town.sdk.demands.waiting() if one.grant_id == given.grant_id]
    assert (asked.kind, asked.text) == ("erase", None)
    await town.sdk.state_deletion(given.grant_id)
    await page.reload()
    await expect(page.locator('[data-answer="confirmed"]')).to_contain_text("alles was weg")
    await _fits(page)


async def test_she_asks_for_a_correction_and_finds_the_answer_and_help(open_page: Open, later: Later) -> None:
    page = await open_page(viewport=PHONE)
    await page.goto(f"{later.issuer}/sign-in")
    await sign_in(page, "sanne")
    await page.goto(f"{later.issuer}/my/data/birth_date/history")
    await _fits(page)
    await page.locator("#text").fill("Ik ben op 4 maart geboren.")
    await page.locator("#ask button").click()
    await expect(page.locator("#question")).to_contain_text("Ik ben op 4 maart geboren.")
    (asked,) = await later.town.sdk.demands.waiting()
    assert (asked.attribute, asked.text) == ("birth_date", "Ik ben op 4 maart geboren.")
    await later.town.sdk.demands.reply(
        asked.demand_id, "corrected", text="U heeft gelijk.", value="1961-03-04"
    )
    await page.reload()
    await expect(page.locator("#question")).to_contain_text("U heeft gelijk.")
    await expect(page.locator(".utrecht-paragraph--lead")).to_have_text("4 maart 1961")
    await page.locator('footer a[href="/help"]').click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Hulp van een mens")
    await _fits(page)
