"""Her own data by hand, without JavaScript: add, change, remove, and what happens to what was written wrong."""

from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from consent.demo import Stage
from tests.e2e.conftest import Open
from tests.e2e.hands import path_of, press, sign_in, sign_up

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAVE = {"nl": "Bewaren", "en": "Save"}
REMOVE = {"nl": "Verwijderen", "en": "Remove"}
FAULT = {"nl": "Wij kunnen niet lezen wat u schreef.", "en": "We cannot read what you wrote."}
BIRTH = {"nl": ("Geboortedatum", "3 maart 1961"), "en": ("Date of birth", "3 March 1961")}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def newcomer(browser: Browser, served: Stage) -> Any:
    """The cookies of a citizen who keeps nothing here yet."""
    context = await browser.new_context(locale="nl-NL")
    await sign_up(await context.new_page(), served.issuer)
    cookies = await context.storage_state()
    await context.close()
    return cookies


async def write(page: Page, text: str, language: str) -> None:
    """Fill in the one field of the form, and save."""
    await page.locator("#value").fill(text)
    await press(page, SAVE[language])


@pytest.mark.parametrize("language", ["nl", "en"])
async def test_a_date_is_added_corrected_changed_and_removed(
    language: str, open_page: Open, served: Stage, newcomer: Any
) -> None:
    label, shown = BIRTH[language]
    page = await open_page(language=language, storage_state=newcomer)
    await page.goto(f"{served.issuer}/my/data")
    await page.get_by_role("link", name=label, exact=True).click()

    # A day that does not exist: the summary has the focus, what she wrote is still there, nothing is kept.
    await write(page, "31-02-1961", language)
    await expect(page.locator("#fault")).to_be_focused()
    await expect(page.locator("#fault")).to_contain_text(FAULT[language])
    await expect(page.locator("#value")).to_have_value("31-02-1961")
    await expect(page.locator("#value")).to_have_attribute("aria-invalid", "true")
    await page.locator("#fault a").click()
    assert page.url.endswith("#value")

    await write(page, "3-3-1961", language)
    assert path_of(page) == "/my/data"
    item = page.locator("#item-birth_date")
    await expect(item.locator(".consent-row__value")).to_have_text(shown)

    await item.locator('a[href$="/birth_date"]').click()
    await expect(page.locator("#value")).to_have_value("1961-03-03")
    await write(page, "1962-03-03", language)
    await expect(item.locator(".consent-row__value")).to_have_text(shown.replace("1961", "1962"))

    await item.locator('a[href$="/birth_date"]').click()
    await press(page, REMOVE[language])
    assert path_of(page) == "/my/data"
    await expect(item).to_have_count(0)


async def test_what_she_writes_is_shown_as_she_wrote_it(
    open_page: Open, served: Stage, newcomer: Any
) -> None:
    page = await open_page(storage_state=newcomer)
    for name, text in (
        ("surname", "<b>O'Brien & “Zoon”</b>"),
        ("children_first_names", "Zoë, Łukasz"),
    ):
        await page.goto(f"{served.issuer}/my/data/{name}")
        await write(page, text, "nl")
        shown = page.locator(f"#item-{name} .consent-row__value")
        await expect(shown).to_have_text(text.replace(", ", " en "))
        await page.goto(f"{served.issuer}/my/data/{name}")
        await press(page, "Verwijderen")


async def test_what_a_register_says_cannot_be_changed_here(open_page: Open, served: Stage) -> None:
    page = await open_page()
    await page.goto(f"{served.issuer}/sign-in")
    await sign_in(page, "riet")
    await page.goto(f"{served.issuer}/my/data")
    item = page.locator("#item-birth_date")
    await expect(item).to_contain_text("Klopt het niet? Vraag daar of zij het aanpassen.")
    await expect(item.locator('a[href$="/birth_date"]')).to_have_count(0)
    answer = await page.goto(f"{served.issuer}/my/data/birth_date")
    assert answer is not None
    assert answer.status == 403
    await expect(page.get_by_role("heading", level=1)).to_have_text("Dit kan hier niet")
    await expect(page.locator("main")).to_contain_text("Er is niets veranderd.")
