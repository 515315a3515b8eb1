"""Anybody checks the log in a browser: the live one, a receipt and a copy; nothing leaves the page."""

import asyncio
import json
import re
import shutil
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from playwright.async_api import Page, expect

from consent.demo import Stage
from consent.ledger.checkpoint import body
from consent.ledger.cosignature import cosign, cosigner_vkey
from consent.web import log_check
from tests.e2e.conftest import Open
from tests.ledger import vectors
from tests.ledger.small_log import NOON, ORIGIN, SmallLog

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


async def test_what_the_page_has_no_words_for_is_marked_as_english(served: Stage, open_page: Open) -> None:
    newer = """export const verifyReceipt = async () => ({ verdict: "INVALID", sentences: ["It is all new."] });
        export const [logAt, logOfFiles, useMlDsa, verifyLog] = Array(4).fill(() => null);"""
    page = await open_page(javascript=True)
    await page.route(
        "**/static/verify.js*", lambda route: route.fulfill(body=newer, content_type="text/javascript")
    )
    await page.goto(f"{served.issuer}/log/verify")
    await page.locator("#receipt-file").set_input_files(vectors.FOLDER / "receipts" / "good.json")
    assert await verdict_of(page) == "INVALID"
    await expect(page.locator("#found [data-lines] li[lang=en]")).to_have_text("It is all new.")


async def test_both_signatures_of_the_log_are_checked_in_the_browser(
    served: Stage, open_page: Open, tmp_path: Path
) -> None:
    log = SmallLog().fill(9)
    lattice = MLDSA44PrivateKey.from_seed_bytes(bytes(range(32)))
    second = cosigner_vkey(ORIGIN, lattice)
    line = cosign(body(ORIGIN, 9, log.growth.root()), ORIGIN, lattice, at=NOON)
    wrong = cosign(body(ORIGIN, 9, bytes(32)), ORIGIN, lattice, at=NOON)
    page = await open_page(javascript=True)
    for name, under, verdict in (
        ("both", line, "UNWITNESSED"),
        ("one", "", "UNWITNESSED"),
        ("wrong", wrong, "INVALID"),
    ):
        log.export(tmp_path / name)
        (tmp_path / name / "checkpoint").write_text(log.checkpoint() + under)
        (tmp_path / name / "policy").write_text(f"log {log.vkey}\nlog {second}\nquorum none\n")
        await page.goto(f"{served.issuer}/log/verify")
        await page.locator("#copy-folder").set_input_files(tmp_path / name)
        assert await verdict_of(page) == verdict
        lacking = page.locator(
            "#found li", has_text="De tweede handtekening van het logboek (ML-DSA-44) ontbreekt."
        )
        await expect(lacking.locator("visible=true")).to_have_count(1 if name == "one" else 0)
        await expect(page.locator("#found [lang=en]")).to_have_count(0)


# Where what the verifier says is put together of pieces.
_BETWEEN = (
    r"\n|(?<=signed\.) (?=Both)|\{\d\}| \(\{\d\}\) "
    r"|grant at entry|organisation was|purpose was|of the openings|The opening of the entry"
)


async def test_each_sentence_of_the_page_is_one_of_the_verifier() -> None:
    # Spelled anew there, it would no longer be found in the page's words.
    code = re.sub(r"\$\{(?:[^{}]|\{[^{}]*\})*\}", "{}", VERIFY_JS.read_text("utf-8")).replace("\\n", "\n")
    for sentence in log_check.SENTENCES:
        for part in re.split(
            _BETWEEN,
            sentence,
        ):
            assert part.strip(" .()\n") in code, (sentence, part)


async def test_whatever_the_verifier_says_is_wrong_the_page_says_in_its_own_words() -> None:
    code = VERIFY_JS.read_text("utf-8").partition("// --- The command line ---")[0]
    thrown = re.findall(r"new (?:Broken|Unchecked)\(\s*(?:\"([^\"]+)\"|`([^`]+)`)", code)
    said = {re.sub(r"\$\{(?:[^{}]|\{[^{}]*\})*\}", "{1}", a or b) for a, b in thrown}
    # These two are put together of others, which the kit says (tests/ledger/test_vectors.py).
    said -= {"Entry {1} {1}.", "{1} is not an opening.", "{1} has a key of another length than 32 bytes."}
    said -= {"The checkpoint of {1} entries is signed with a key that entry {1}."}
    own = {re.sub(r"\{\d\}", "{1}", sentence) for sentence in log_check.SENTENCES}
    assert len(said) > 40
    assert said - own == set()


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
