"""A helper beside her: from the code on paper to a stop in his name, on a small phone, without JavaScript."""

import pytest
from playwright.async_api import Page

from consent.demo import Stage
from tests.e2e.conftest import Open
from tests.e2e.hands import press, sign_in, stop, tick
from tests.e2e.town import NEEDED, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"width": 320, "height": 640}


async def _as(open_page: Open, issuer: str, persona: str) -> Page:
    page = await open_page(viewport=PHONE)
    await page.goto(f"{issuer}/sign-in")
    await sign_in(page, persona)
    return page


async def test_a_helper_stops_something_and_she_reads_who_did(
    open_page: Open, served: Stage, town: Town
) -> None:
    issuer = served.issuer
    her = await _as(open_page, issuer, "sanne")
    asked = await town.ask()
    await her.goto(asked.url)
    await tick(her, *NEEDED)
    await her.locator('button[value="yes"]').click()
    grant = her.url
    await her.goto(f"{issuer}/my/data")
    await her.get_by_role("link", name="Wie u mag helpen").click()
    await her.locator("#new-helper").click()
    await her.get_by_label("Wie helpt u?").fill("Buurman Piet")
    await her.get_by_label("Hoe noemt deze persoon u?").fill("Sanne van hiernaast")
    await her.get_by_label("Kijken en stoppen").check()
    await her.get_by_label("30 dagen").check()
    await press(her, "Maak een code")
    assert "Buurman Piet" in await her.locator("h1").inner_text()
    words = ", ".join(await her.locator("#code li").all_inner_texts())

    him = await _as(open_page, issuer, "daan")
    await him.goto(f"{issuer}/my/data")
    await him.get_by_role("link", name="Ik help iemand").click()
    await him.locator("#code").fill(words.upper())
    await press(him, "Bekijk waar de code voor is")
    assert await him.locator("h1").inner_text() == "Wilt u Sanne van hiernaast helpen?"
    await press(him, "Ja, ik help")
    assert "U helpt nu: Sanne van hiernaast." in await him.locator("#helping").inner_text()
    assert await him.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    cards = him.locator("article[id^=grant-]")
    before = await cards.count()
    assert before >= 1, grant
    first = str(await cards.first.get_attribute("id")).removeprefix("grant-")
    await stop(him, first)
    assert await him.locator("h1").inner_text() == "Gestopt"

    await her.goto(f"{issuer}/my/timeline")
    assert "Uw helper Buurman Piet stopte het delen" in await her.locator("main").inner_text()
    await her.goto(f"{issuer}/my/helpers")
    await her.locator("article", has_text="Buurman Piet").get_by_role("button").click()
    await him.reload()
    assert "Gestopt" not in await him.locator("h1").inner_text()
