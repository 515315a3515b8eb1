"""Anybody checks the log in a browser: the live one, a receipt and a copy; nothing leaves the page."""

import json
import re
import shutil
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from consent.demo import Stage
from tests.e2e.conftest import Open
from tests.ledger import vectors

pytestmark = pytest.mark.asyncio(loop_scope="session")
INDEX = json.loads((vectors.FOLDER / "index.json").read_text("utf-8"))
VKEY = INDEX["receipts"][0]["vkey"]


async def verdict_of(page: Page) -> str:
    await expect(page.locator("#found")).to_be_visible(timeout=30_000)
    shown = page.locator("[data-verdict]:visible")
    await expect(shown).to_have_count(1)
    return await shown.get_attribute("data-verdict") or ""


async def test_the_live_log_is_checked_in_the_browser(served: Stage, open_page: Open) -> None:
    page = await open_page(javascript=True)
    await page.goto(f"{served.issuer}/log/verify")
    await page.locator("#check-live").click()
    assert await verdict_of(page) == "UNWITNESSED"
    await expect(page.locator("#found li").first).to_contain_text("trust on first use")


@pytest.mark.parametrize(("name", "verdict"), [("good", "UNWITNESSED"), ("altered-hash", "INVALID")])
async def test_a_receipt_is_checked_and_never_sent(
    served: Stage, open_page: Open, name: str, verdict: str
) -> None:
    page = await open_page(javascript=True)
    await page.goto(f"{served.issuer}/log/verify")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    await page.locator("#vkey").fill(VKEY)
    await page.locator("#receipt-file").set_input_files(vectors.FOLDER / "receipts" / f"{name}.json")
    assert await verdict_of(page) == verdict
    assert sent == []


@pytest.mark.parametrize(("name", "verdict"), [("honest", "UNWITNESSED"), ("after-withdrawn", "INVALID")])
async def test_a_copy_with_openings_is_replayed(
    served: Stage, open_page: Open, tmp_path: Path, name: str, verdict: str
) -> None:
    shutil.copytree(vectors.FOLDER / "logs" / name, tmp_path / "copy")
    page = await open_page(javascript=True)
    await page.goto(f"{served.issuer}/log/verify")
    await page.locator("#vkey").fill(VKEY)
    await page.locator("#copy-folder").set_input_files(tmp_path / "copy")
    assert await verdict_of(page) == verdict, await page.locator("#found").inner_text()


async def test_without_a_script_the_page_says_what_else_there_is(served: Stage, open_page: Open) -> None:
    page = await open_page(javascript=False)
    await page.goto(f"{served.issuer}/log/verify")
    assert re.search(r"<noscript>.*verify\.py.*</noscript>", await page.content())
    await expect(page.locator("#check-live")).to_be_hidden()
