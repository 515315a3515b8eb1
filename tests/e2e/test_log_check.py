"""Anybody checks the log in a browser: the live one, a receipt and a copy; nothing leaves the page."""

import asyncio
import json
import re
import shutil
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, expect

from consent.demo import Stage
from consent.web import log_check
from tests.e2e.conftest import Open
from tests.ledger import vectors

pytestmark = pytest.mark.asyncio(loop_scope="session")
INDEX = json.loads((vectors.FOLDER / "index.json").read_text("utf-8"))
VERIFY_JS = vectors.FOLDER.parent / "verify.js"
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
    # In words of the page's own language, all of them.
    lines = page.locator("#found [data-lines] li")
    await expect(lines.first).to_have_text(
        "De sleutel komt uit het logboek zelf. Vergelijk hem daarom met een andere bron."
    )
    log = await page.locator("[data-check]").get_attribute("data-check")
    answer = await asyncio.to_thread(httpx.get, f"{served.issuer}/log/{log}/checkpoint")
    size = answer.text.split("\n")[1]
    await expect(lines.filter(has_text=f"telt {size} regels")).to_have_count(1)
    await expect(page.locator("#found [lang=en]")).to_have_count(0)


async def test_an_english_reader_gets_the_words_of_the_verifier(served: Stage, open_page: Open) -> None:
    page = await open_page(javascript=True, language="en")
    await page.goto(f"{served.issuer}/log/verify")
    await page.locator("#check-live").click()
    assert await verdict_of(page) == "UNWITNESSED"
    await expect(page.locator("#found [data-lines] li").first).to_contain_text("trust on first use")


async def test_what_the_page_has_no_words_for_is_marked_as_english(
    served: Stage, open_page: Open, tmp_path: Path
) -> None:
    strange = tmp_path / "strange.json"
    strange.write_text('{"entry": {"leaf": "!"}, "proof": "c2sp.org/tlog-proof@v1\\n"}')
    page = await open_page(javascript=True)
    await page.goto(f"{served.issuer}/log/verify")
    await page.locator("#vkey").fill(VKEY)
    await page.locator("#receipt-file").set_input_files(strange)
    assert await verdict_of(page) == "INVALID"
    await expect(page.locator("#found [data-lines] li[lang=en]")).to_have_text(
        "The leaf is not valid base64."
    )


@pytest.mark.parametrize("sentence", log_check.SENTENCES)
async def test_each_sentence_of_the_page_is_one_of_the_verifier(sentence: str) -> None:
    # Spelled anew there, it would no longer be found in the page's words.
    code = re.sub(r"\$\{(?:[^{}]|\{[^{}]*\})*\}", "{}", VERIFY_JS.read_text("utf-8"))
    assert re.sub(r"\{\d\}", "{}", sentence) in code


@pytest.mark.parametrize(("name", "verdict"), [("good", "UNWITNESSED"), ("altered-hash", "INVALID")])
async def test_a_receipt_is_checked_and_never_sent(
    served: Stage, open_page: Open, name: str, verdict: str
) -> None:
    page = await open_page(javascript=True)
    await page.goto(f"{served.issuer}/log/verify")
    sent: list[str] = []
    page.on("request", lambda request: "/static/" in request.url or sent.append(request.url))
    await page.locator("#vkey").fill(VKEY)
    await page.locator("#receipt-file").set_input_files(vectors.FOLDER / "receipts" / f"{name}.json")
    assert await verdict_of(page) == verdict
    assert sent == []


@pytest.mark.parametrize(("name", "verdict"), [("good", "UNWITNESSED"), ("altered-hash", "INVALID")])
async def test_a_receipt_may_be_dropped_on_the_page(
    served: Stage, open_page: Open, name: str, verdict: str
) -> None:
    page = await open_page(javascript=True)
    await page.goto(f"{served.issuer}/log/verify")
    await page.locator("#vkey").fill(VKEY)
    text = (vectors.FOLDER / "receipts" / f"{name}.json").read_text("utf-8")
    dropped = await page.evaluate_handle(
        """text => {
          const data = new DataTransfer();
          data.items.add(new File([text], "receipt.json", { type: "application/json" }));
          return data;
        }""",
        text,
    )
    sent: list[str] = []
    page.on("request", lambda request: "/static/" in request.url or sent.append(request.url))
    await page.locator("#files").dispatch_event("dragover", {"dataTransfer": dropped})
    await page.locator("#files").dispatch_event("drop", {"dataTransfer": dropped})
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
