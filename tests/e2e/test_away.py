"""Somebody comes into the room: one press, and neither this page nor the way back shows anything."""

import pytest
from playwright.async_api import Page, Route, expect

from consent.demo import Stage
from tests.e2e.conftest import Open
from tests.e2e.hands import path_of, press, sign_in

pytestmark = pytest.mark.asyncio(loop_scope="session")

WEATHER = "https://www.knmi.nl/"


async def weather(page: Page) -> list[str]:
    """Let the harmless site be there; returns what it was asked, and from where."""
    asked: list[str] = []

    async def answer(route: Route) -> None:
        asked.append(route.request.headers.get("referer", "nobody"))
        await route.fulfill(body="<!doctype html><html lang=nl><title>Weer</title>", content_type="text/html")

    await page.route(f"{WEATHER}**", answer)
    return asked


@pytest.mark.parametrize("javascript", [False, True])
async def test_one_press_and_she_is_signed_out_elsewhere(
    javascript: bool, open_page: Open, served: Stage
) -> None:
    page = await open_page(javascript=javascript, viewport={"width": 320, "height": 640})
    asked = await weather(page)
    await page.goto(f"{served.issuer}/sign-in")
    await sign_in(page, "riet")
    await page.goto(f"{served.issuer}/my/timeline")
    button = page.locator("#away button")
    await expect(button).to_be_in_viewport()
    await button.click()
    await page.wait_for_url(WEATHER)
    assert asked == ["nobody"]  # the site hears nothing of where she was
    # Back, as often as it goes: nothing of hers.
    for _ in range(4):
        await page.go_back(wait_until="load")
        assert path_of(page) in ("/sign-in", "/", "blank"), page.url
        if path_of(page) == "/sign-in":
            await expect(page.locator("#sign-out")).to_have_count(0)
    await page.goto(f"{served.issuer}/my/timeline")
    assert path_of(page) == "/sign-in"


async def test_nothing_of_the_other_site_is_loaded_before(open_page: Open, served: Stage) -> None:
    page = await open_page(javascript=True)
    await page.goto(f"{served.issuer}/sign-in")
    await sign_in(page, "riet")
    asked = await weather(page)
    await page.goto(f"{served.issuer}/")
    await expect(page.locator("#away")).to_be_visible()
    await page.wait_for_load_state("networkidle")
    assert asked == []


async def test_quiet_pages_have_a_title_that_tells_nothing(open_page: Open, served: Stage) -> None:
    page = await open_page(language="nl")
    await page.goto(f"{served.issuer}/sign-in?next=/my/quiet")
    await sign_in(page, "riet")
    await press(page, "Zet aan")
    for path in ("/my/quiet", "/", "/my/timeline", "/my/data", "/my/sign-in"):
        await page.goto(served.issuer + path)
        assert await page.title() == "Pagina"
        assert "In eigen hand" not in await page.title()
    await page.goto(f"{served.issuer}/my/quiet")
    await press(page, "Zet uit")
    assert await page.title() == "Kijkt er iemand met u mee? – In eigen hand"
