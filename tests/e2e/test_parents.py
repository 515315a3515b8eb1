"""A parent and a child, from the desk on: on a small phone, without JavaScript."""

import consent_sdk
import pytest
from playwright.async_api import Page, expect

from consent.demo import Stage
from tests.e2e.conftest import Open
from tests.e2e.hands import YES, press, sign_in, stop, take_up, tick
from tests.e2e.town import NEEDED, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"width": 320, "height": 640}
KNOWN = {"household_size": "3", "income_below_threshold": "Ja"}


async def _as(open_page: Open, issuer: str, persona: str) -> Page:
    page = await open_page(viewport=PHONE)
    await page.goto(f"{issuer}/sign-in")
    await sign_in(page, persona)
    return page


async def test_a_parent_says_yes_and_the_child_stops(open_page: Open, served: Stage, town: Town) -> None:
    issuer = served.issuer
    mandate, code = await town.entrust()
    mother = await _as(open_page, issuer, "els")
    at = await take_up(mother, issuer, code)
    assert at == f"/for/{mandate}"
    for name, value in KNOWN.items():
        await mother.goto(f"{issuer}{at}/my/data/{name}")
        if name == "household_size":
            await mother.get_by_role("textbox").fill(value)
        else:
            await mother.get_by_label(value, exact=True).check()
        await press(mother, "Bewaren")
        await expect(mother.locator(f"#item-{name}")).to_contain_text(value)

    # An organisation's link says nothing of whom it is about: she does, and nothing is shared before.
    asked = await town.ask()
    await mother.goto(asked.url)
    await expect(mother.get_by_role("heading", level=1)).to_have_text("Voor wie geeft u antwoord?")
    assert await mother.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await mother.get_by_role("link", name="Over Noor").click()
    await expect(mother.locator("#helping")).to_contain_text("U helpt nu: Noor.")
    await tick(mother, *NEEDED)
    await press(mother, YES["nl"])
    await expect(mother.get_by_role("heading", level=1)).to_have_text("U zei ja voor Noor")
    await mother.locator("#onward a").click()
    given = await town.receive(asked)
    assert (await town.fetch(given)).values["household_size"].value == 3

    child = await open_page(viewport=PHONE)
    await child.goto(f"{issuer}/sign-in/words")
    await child.locator("#words").fill(await town.words_for(mandate))
    await child.locator("#with-words button").click()
    await child.wait_for_url(f"{issuer}/my/sign-in")
    await child.goto(f"{issuer}/my/helpers")
    card = child.locator(f"#mandate-{mandate}")
    await expect(card).to_contain_text("Uw ouder of voogd. Dat volgt uit de wet.")
    # What the law gives, the child does not take away before 16; so no page promises that, or offers more of it.
    await expect(card.get_by_role("button")).to_have_count(0)
    await expect(child.locator("main")).not_to_contain_text("U kunt dit altijd stoppen")
    await expect(child.locator("#new-helper")).to_have_count(0)
    await child.goto(f"{issuer}/my/timeline")
    await expect(child.locator("main")).to_contain_text("Uw ouder of voogd Mama zei ja voor u.")
    await child.goto(issuer)
    await stop(child, given.grant_id)
    await expect(child.get_by_role("heading", level=1)).to_have_text("U bent gestopt")
    with pytest.raises(consent_sdk.Refused):
        await town.fetch(given)
    await mother.goto(f"{issuer}{at}")
    await expect(mother.locator("article[id^=grant-]")).to_have_count(0)
