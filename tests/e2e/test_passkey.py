"""Signing in with the device, in a real browser: nothing is typed, a stranger's finger does not do, no other host."""

import httpx
import pytest
from playwright.async_api import Page, Request, expect

from consent.demo import Stage
from tests.e2e.conftest import Open
from tests.e2e.hands import NO, add_authenticator, answer, path_of, press, sign_up
from tests.e2e.town import Town

pytestmark = pytest.mark.asyncio(loop_scope="session")

FAILED = "Inloggen lukte niet."


async def sign_in_with_device(page: Page, stage: Stage) -> None:
    """Press the first button of the sign-in page."""
    await page.goto(f"{stage.issuer}/sign-in")
    await page.locator('button[data-act="get"]').click()


async def test_one_press_makes_an_account_and_one_press_opens_it_again(
    open_page: Open, served: Stage
) -> None:
    page = await open_page(javascript=True)
    await sign_up(page, served.issuer)
    assert path_of(page) == "/"
    await expect(page.locator(".utrecht-paragraph--lead")).to_contain_text("U deelt nu met niemand.")
    # Something of her own, so that it can be recognised.
    await page.goto(f"{served.issuer}/my/data/city")
    await page.locator("#value").fill("Terugvinddorp")
    await press(page, "Bewaren")
    await press(page, "Uitloggen")
    assert path_of(page) == "/signed-out"
    await page.goto(f"{served.issuer}/my/data")
    assert path_of(page) == "/sign-in"

    await page.locator('button[data-act="get"]').click()
    await page.wait_for_url(f"{served.issuer}/my/data")
    await expect(page.locator("#item-city")).to_contain_text("Terugvinddorp")
    cookies = {cookie["name"]: cookie for cookie in await page.context.cookies()}
    assert set(cookies) <= {"session", "lang"}
    assert cookies["session"]["httpOnly"]
    assert cookies["session"]["sameSite"] == "Lax"


async def test_a_newcomer_ends_at_the_question_she_came_for(
    open_page: Open, served: Stage, town: Town
) -> None:
    page = await open_page(javascript=True)
    asked = await town.ask()
    await sign_up(page, served.issuer, path=asked.url.removeprefix(served.issuer))
    assert path_of(page).startswith("/my/requests/")
    await answer(page, NO["nl"])
    await town.arrived()


async def test_a_finger_that_the_device_does_not_know_gets_a_friendly_no(
    open_page: Open, served: Stage
) -> None:
    page = await open_page(javascript=True)
    await add_authenticator(page, verified=False)
    for act in ("create", "get"):
        await page.goto(f"{served.issuer}/sign-in")
        await page.locator(f'button[data-act="{act}"]').click()
        fault = page.locator("[data-failed]")
        await expect(fault).to_contain_text(FAILED)
        await expect(fault).to_be_visible()
        await expect(page.locator(f'button[data-act="{act}"]')).to_be_focused()
        assert path_of(page) == "/sign-in"
    # The other way is still there, and works.
    await page.locator("#sign-in-persona-daan button").click()
    assert path_of(page) == "/"


async def test_without_javascript_what_cannot_work_is_hidden(open_page: Open, served: Stage) -> None:
    page = await open_page()
    await page.goto(f"{served.issuer}/sign-in")
    await expect(page.locator("button[data-act]").first).to_be_hidden()
    # The browser of the tests never draws this element; a person who switched scripts off reads it.
    assert "Gebruik hieronder uw e-mail." in (await page.locator("noscript").text_content() or "")
    await page.locator("#sign-in-persona-riet button").click()
    assert path_of(page) == "/"


async def test_an_answer_counts_once_and_from_our_own_page_only(open_page: Open, served: Stage) -> None:
    """What the browser sent is sent again: with its ceremony used, from elsewhere, and as another kind."""
    page = await open_page(javascript=True)
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    await sign_up(page, served.issuer)
    finished = next(one for one in sent if one.url.endswith("/sign-up/passkey"))
    body = (finished.post_data or "").encode()
    ceremony = (await finished.all_headers())["cookie"]
    json = {"content-type": "application/json"}
    async with httpx.AsyncClient(base_url=served.issuer) as anybody:
        again = await anybody.post(
            "/sign-up/passkey", content=body, headers=json | {"origin": served.issuer, "cookie": ceremony}
        )
        assert (again.status_code, again.json()) == (401, {"error": "not_signed_in"})
        # A fresh ceremony, but the device answered another challenge; and a ceremony of the other kind.
        for begun, finished_as, expected in (
            ("/sign-up", "/sign-up", (401, {"error": "not_signed_in"})),
            ("/sign-in", "/sign-in", (401, {"error": "not_signed_in"})),
            ("/sign-in", "/sign-up", (400, {"error": "bad_input"})),
        ):
            started = await anybody.post(
                f"{begun}/passkey/options", json={}, headers={"origin": served.issuer}
            )
            cookie = {"cookie": f"ceremony={started.cookies['ceremony']}", "origin": served.issuer}
            answer = await anybody.post(f"{finished_as}/passkey", content=body, headers=json | cookie)
            assert (answer.status_code, answer.json()) == expected
            assert "session" not in answer.cookies
        for origin in ("https://evil.example", served.issuer.replace("localhost", "127.0.0.1")):
            for path in ("/sign-in/passkey/options", "/sign-up/passkey"):
                answer = await anybody.post(path, content=body, headers=json | {"origin": origin})
                assert answer.status_code == 403


async def test_a_number_in_the_address_bar_becomes_a_name(open_page: Open, served: Stage) -> None:
    page = await open_page(javascript=True)
    await page.goto(f"http://127.0.0.1:{served.port}/sign-in?next=/my/timeline")
    assert page.url == f"{served.issuer}/sign-in?next=/my/timeline"
    async with httpx.AsyncClient() as anybody:
        answer = await anybody.get(
            f"http://127.0.0.1:{served.port}/my/data?next=%2F", headers={"accept": "text/html"}
        )
        assert answer.status_code == 308
        assert answer.headers["location"] == f"{served.issuer}/my/data?next=%2F"
