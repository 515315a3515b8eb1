"""An organisation at work, without JavaScript and on a small phone: a colleague joins, and a purpose is written."""

import pytest
from playwright.async_api import expect

from consent.demo import ORGANISATION, Stage
from tests.e2e.conftest import Open
from tests.e2e.hands import path_of, press, sign_in

pytestmark = pytest.mark.asyncio(loop_scope="session")
SMALL = {"viewport": {"width": 320, "height": 640}}
WORDS = {
    "title": ("uw parkeerkaart", "your parking permit"),
    "why": ("De gemeente kijkt waar u woont.", "The municipality looks where you live."),
    "consequence_of_no": ("krijgt u nog geen kaart", "you get no permit yet"),
    "other_way": ("Kom naar de balie.", "Come to the desk."),
    "because": ("U krijgt dit door: {attributes}.", "You get this because of: {attributes}."),
    "reason.0": ("De kaart geldt in uw straat.", "The permit is for your street."),
}


async def test_a_colleague_joins_writes_a_purpose_and_sends_it(served: Stage, open_page: Open) -> None:
    owner = await open_page(**SMALL)
    await owner.goto(f"{served.issuer}/sign-in")
    await sign_in(owner, "fenna")
    await owner.locator("#work").click()
    await owner.get_by_role("link", name="Gemeente Voorbeeldstad").click()
    await owner.get_by_role("link", name="Team", exact=True).click()
    await owner.locator("#name").fill("Daan")
    await owner.locator("#role-editor").check()
    await press(owner, "Maak een code")
    assert await owner.locator("h1").inner_text() == "Een code voor Daan"
    code = await owner.locator("#code").inner_text()
    await owner.get_by_role("link", name="Terug naar het team").click()
    assert code not in await owner.content()  # shown once

    editor = await open_page(**SMALL)
    await editor.goto(f"{served.issuer}/join")
    await sign_in(editor, "daan")
    await editor.locator("#code").fill(code)
    await press(editor, "Meedoen")
    await editor.get_by_role("link", name="Gemeente Voorbeeldstad").click()
    await editor.get_by_role("link", name="Doelen").click()
    await editor.locator("#purpose").fill("parkeerkaart")
    await press(editor, "Begin met schrijven")

    await editor.locator("#add").select_option("street")
    await press(editor, "Toevoegen")
    for name, texts in WORDS.items():
        for language, text in zip(("nl", "en"), texts, strict=True):
            await editor.locator(f'[id="{name}.{language}"]').fill(text)
    await editor.locator('[id="why.nl"]').fill("Uw straat wordt gecontroleerd.")
    for name in ("maximum_days", "data_life_days", "frequency_per_day"):
        await editor.locator(f"#{name}").fill("30")
    await press(editor, "Naar de beheerder sturen")
    # The fault stands beside its field, which a reader of the screen hears; nothing was sent.
    await expect(editor.locator("#fault")).to_be_focused()
    await editor.locator("#fault a").click()
    assert editor.url.endswith("#why.nl")
    await expect(editor.locator('[id="fault-why.nl"]')).to_have_text("Gebruik een ander woord voor ‘wordt’.")
    assert await editor.locator("[aria-invalid]").count() == 1
    assert await editor.evaluate("document.documentElement.scrollWidth") <= 320

    await editor.locator('[id="why.nl"]').fill(WORDS["why"][0])
    await press(editor, "Bekijk de vraag")
    await expect(editor.get_by_role("heading", level=1)).to_have_text(
        "Gemeente Voorbeeldstad vraagt om uw gegevens"
    )
    await expect(editor.locator("main")).to_contain_text(
        "Voor uw parkeerkaart. De gemeente kijkt waar u woont."
    )
    await expect(editor.locator("#attribute-street")).to_be_disabled()
    await expect(editor.locator('button[value="yes"]')).to_be_disabled()
    await editor.get_by_role("link", name="Terug naar uw woorden").click()
    await press(editor, "Naar de beheerder sturen")
    assert path_of(editor) == f"/console/{ORGANISATION}/purposes"
    await expect(editor.locator("#purpose-parkeerkaart")).to_contain_text(
        "Versie 1. De beheerder kijkt ernaar."
    )
    assert "parkeerkaart@1" in served.run("purpose", "list", "--waiting")

    served.run("purpose", "refuse", "parkeerkaart@1", "--note", "Say which street.", "--by", "anna")
    await editor.reload()
    await expect(editor.locator("#purpose-parkeerkaart")).to_contain_text("Say which street.")
    await editor.locator("#purpose-parkeerkaart").get_by_role("button").click()
    await expect(editor.locator('[id="why.nl"]')).to_have_value(WORDS["why"][0])
    await press(editor, "Gooi dit concept weg")

    # Her role ends while she has the page open: what she sends then is for nobody.
    await owner.goto(f"{served.issuer}/console/{ORGANISATION}/team")
    await owner.locator("li", has_text="Daan").get_by_role("button").click()
    await editor.locator("#purpose").fill("nog-een")
    await press(editor, "Begin met schrijven")
    await expect(editor.locator("main")).not_to_contain_text("parkeerkaart")
    await editor.goto(f"{served.issuer}/work")
    await expect(editor.locator("#roles")).to_have_count(0)
