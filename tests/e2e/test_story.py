"""The main story by hand, in both languages and with JavaScript off: asked, read, chosen, given, used, stopped."""

import json
from pathlib import Path

import consent_sdk
import consent_verify
import pytest
from playwright.async_api import Page, expect

from consent.demo import Stage
from tests.e2e.conftest import Open
from tests.e2e.hands import NO, YES, answer, path_of, press, sign_in, stop, tick
from tests.e2e.town import NEEDED, OPTIONAL, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")

ASKS = {
    "nl": "Gemeente Voorbeeldstad vraagt om uw gegevens",
    "en": "Gemeente Voorbeeldstad asks for your data",
}
VALUES = {"nl": {"Ja", "1", "Voorbeeld Energie"}, "en": {"Yes", "1", "Voorbeeld Energie"}}
SHARED = {
    "nl": {"Of u een laag inkomen hebt", "Aantal mensen in huis", "Aantal kinderen"},
    "en": {"Whether you have a low income", "Number of people at home", "Number of children"},
}
STOPPED = {"nl": "U bent gestopt", "en": "You stopped"}
REFUSED = {"nl": "Dat mocht niet. Zij kregen niets.", "en": "That was not allowed. They got nothing."}
DECLINED = {
    "nl": "U zei nee tegen Gemeente Voorbeeldstad. U deelde niets.",
    "en": "You said no to Gemeente Voorbeeldstad. You shared nothing.",
}


async def texts(page: Page, selector: str) -> list[str]:
    """What stands in each of the elements, on one line."""
    return [" ".join(text.split()) for text in await page.locator(selector).all_inner_texts()]


@pytest.mark.parametrize("language", ["nl", "en"])
async def test_from_question_to_refusal_by_hand(
    language: str, open_page: Open, town: Town, served: Stage
) -> None:
    page = await open_page(language=language)
    asked = await town.ask()

    # The organisation's link asks her to sign in first, and says for whom she came.
    await page.goto(asked.url)
    assert path_of(page) == "/sign-in"
    assert await page.locator("html").get_attribute("lang") == language
    await expect(page.locator(".utrecht-paragraph--lead")).to_contain_text("Gemeente Voorbeeldstad")
    await sign_in(page, "riet")

    # The question: her own values, and nothing ticked.
    await expect(page.get_by_role("heading", level=1)).to_have_text(ASKS[language])
    assert set(await texts(page, ".consent-choice__value")) == VALUES[language]
    boxes = page.locator("#decide input[type=checkbox]")
    assert await boxes.count() == 4
    assert await page.locator("#decide :checked").count() == 0

    # One tap an item and one for the yes; the browser arrives at the organisation, with a code.
    await tick(page, *NEEDED, OPTIONAL[0])
    await answer(page, YES[language])
    assert page.url.startswith(f"{town.origin}/callback?")
    arrangement = await town.receive(asked)
    assert set(arrangement.attributes) == {*NEEDED, OPTIONAL[0]}

    # What is shared is what the receipt says.
    await page.goto(f"{served.issuer}/my/grants/{arrangement.grant_id}")
    items = page.locator(".consent-slip .consent-plain li")  # behind each its reason
    labels = await items.evaluate_all("items => items.map(item => item.firstChild.textContent.trim())")
    assert set(labels) == SHARED[language]

    # A use stands on the timeline with its sentence, and the sentence explains itself.
    disclosure = await town.fetch(arrangement)
    assert set(disclosure.values) == set(arrangement.attributes)
    use = await town.use(disclosure)
    await page.goto(f"{served.issuer}/my/timeline")
    assert use.because[language] in await texts(page, ".because")
    await page.goto(use.link)
    assert await texts(page, ".because") == [use.because[language]]
    assert await page.locator(f"#stop-{arrangement.grant_id}").count() == 1

    # One tap from home, and the next fetch is refused.
    await page.goto(served.issuer)
    await stop(page, arrangement.grant_id)
    await expect(page.get_by_role("heading", level=1)).to_have_text(STOPPED[language])
    assert set(await texts(page, ".consent-chips li")) == SHARED[language]
    with pytest.raises(consent_sdk.Refused, match="grant_not_active"):
        await town.fetch(arrangement)
    await page.goto(f"{served.issuer}/my/timeline")
    assert REFUSED[language] in (await texts(page, '[data-kind="refused"]'))[0]
    await page.goto(served.issuer)
    assert await page.locator(f"#stop-{arrangement.grant_id}").count() == 0


@pytest.mark.parametrize("language", ["nl", "en"])
async def test_a_no_is_one_tap_and_a_line_of_her_own(
    language: str, open_page: Open, town: Town, served: Stage
) -> None:
    page = await open_page(language=language)
    asked = await town.ask()
    await page.goto(asked.url)
    await sign_in(page, "riet")
    await answer(page, NO[language])
    assert page.url.startswith(f"{town.origin}/callback?error=access_denied")
    with pytest.raises(consent_sdk.Declined):
        await town.receive(asked)
    await page.goto(f"{served.issuer}/my/timeline")
    newest = page.locator(".consent-line__event").first
    assert await newest.get_attribute("data-kind") == "declined"
    await expect(newest).to_contain_text(DECLINED[language])


async def test_the_receipt_is_hers_to_keep_and_its_proof_holds_for_an_outsider(
    open_page: Open, town: Town, served: Stage, tmp_path: Path
) -> None:
    page = await open_page()
    asked = await town.ask()
    await page.goto(asked.url)
    await sign_in(page, "riet")
    await tick(page, *NEEDED)
    await answer(page, YES["nl"])
    arrangement = await town.receive(asked)
    await page.goto(f"{served.issuer}/my/grants/{arrangement.grant_id}")
    kept = {}
    for ending in ("json", "tlog-proof"):
        async with page.expect_download() as waiting:
            await page.locator(f'a[href$="receipt.{ending}"]').click()
        download = await waiting.value
        assert download.suggested_filename == f"receipt-{arrangement.grant_id}.{ending}"
        await download.save_as(tmp_path / ending)
        kept[ending] = (tmp_path / ending).read_text("utf-8")

    receipt = json.loads(kept["json"])
    index = receipt["log"]["index"]
    source, note = consent_verify.find_log(served.issuer)
    size = consent_verify.read_checkpoint(note).size
    leaves = consent_verify.read_tree(source, size, {index, index - 1}).leaves
    good = consent_verify.verify_log(served.issuer, proof=kept["tlog-proof"], leaf=leaves[index])
    assert good.exit_code == 0, good.sentences
    other = consent_verify.verify_log(served.issuer, proof=kept["tlog-proof"], leaf=leaves[index - 1])
    assert other.verdict == "INVALID"
    # Her file says what her page says, and holds no value.
    assert await page.locator(".consent-kicker").inner_text() == f"Bewijs {receipt_number(arrangement)}"
    assert "Voorbeeld Energie" not in kept["json"]


def receipt_number(arrangement: consent_sdk.Arrangement) -> str:
    """The number on the page: enough of the grant's id to say it on the telephone."""
    grant = arrangement.grant_id.upper()
    return f"{grant[:4]}-{grant[4:8]}-{grant[8:12]}"


async def test_changing_the_language_on_the_way_leads_to_the_same_question(
    open_page: Open, town: Town
) -> None:
    page = await open_page()
    await page.goto((await town.ask()).url)
    await page.get_by_role("link", name="English").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("You choose who sees your data")
    await sign_in(page, "riet")
    await expect(page.get_by_role("heading", level=1)).to_have_text(ASKS["en"])
    await page.get_by_role("link", name="Nederlands").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(ASKS["nl"])
    await answer(page, NO["nl"])
    await town.arrived()


async def test_a_question_open_in_two_windows_takes_one_answer(open_page: Open, town: Town) -> None:
    page = await open_page()
    asked = await town.ask()
    await page.goto(asked.url)
    await sign_in(page, "riet")
    second = await page.context.new_page()
    await second.goto(page.url)
    await answer(page, NO["nl"])
    await town.arrived()
    await tick(second, *NEEDED)
    await press(second, YES["nl"])
    await expect(second.get_by_role("heading", level=1)).to_have_text("U gaf al antwoord op deze vraag")
    assert town.nobody_arrived()
