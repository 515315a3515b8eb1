"""The twenty-five numbers that the pages keep, in one place: which test keeps each, and what shows that it can fail.

A number that another file keeps is named here and not tested twice. `test_each_number_is_kept` looks whether the tests
that are named exist, so a number is not lost when somebody renames or removes a test.
"""

import ast
import re
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import consent_sdk
import httpx
import pytest
from playwright.async_api import Browser, Locator, expect

from consent.demo import Stage
from consent.web.render import render
from consent.words.purposes import LANGUAGES, Language
from tests.e2e.conftest import Open, listen
from tests.e2e.hands import add_authenticator, sign_in
from tests.e2e.places import PLACES, Scene
from tests.e2e.test_for_everybody import SIDEWAYS
from tests.e2e.town import NEEDED, OPTIONAL, Town

sys.path.insert(0, str(Path(__file__).parent.parent / "web"))
from samples import samples

pytestmark = pytest.mark.asyncio(loop_scope="session")
TESTS = Path(__file__).resolve().parent.parent

# What is kept, the test that keeps it, and the test that shows that the first can fail.
NUMBERS: dict[int, tuple[str, str, str]] = {
    1: (
        "axe finds nothing on any page, in any state, in both languages",
        "e2e/test_for_everybody.py::test_a_page_can_be_used_by_everybody",
        "e2e/test_for_everybody.py::test_these_checks_can_fail",
    ),
    2: (
        "Lighthouse: accessibility and best practices 100, performance 95 or more",
        "e2e/test_judges.py::test_lighthouse_and_pa11y_find_nothing",
        "e2e/test_judges.py::test_lighthouse_and_pa11y_see_what_is_wrong",
    ),
    3: (
        "pa11y (axe and HTML CodeSniffer): no error",
        "e2e/test_judges.py::test_lighthouse_and_pa11y_find_nothing",
        "e2e/test_judges.py::test_lighthouse_and_pa11y_see_what_is_wrong",
    ),
    4: (
        "html-validate: no error",
        "e2e/test_judges.py::test_every_page_in_every_state_is_valid_html",
        "e2e/test_judges.py::test_this_judge_sees_what_is_wrong",
    ),
    5: (
        "a first visit is 15 KB at most, 3 KB of it scripts; nobody else is asked; two cookies",
        "e2e/test_for_everybody.py::test_a_first_visit_weighs_little_and_asks_nobody_else",
        "e2e/test_passkey.py::test_one_press_makes_an_account_and_one_press_opens_it_again",
    ),
    6: (
        "on a slow phone a page answers within 1.2 seconds and nothing jumps",
        "e2e/test_judges.py::test_lighthouse_and_pa11y_find_nothing",
        "e2e/test_judges.py::test_lighthouse_and_pa11y_see_what_is_wrong",
    ),
    7: (
        "all works without JavaScript, except making a key with the device",
        "e2e/test_story.py::test_from_question_to_refusal_by_hand",
        "e2e/test_passkey.py::test_without_javascript_what_cannot_work_is_hidden",
    ),
    8: ("no is one tap", "e2e/test_numbers.py::test_taps", "e2e/test_numbers.py::test_taps"),
    9: (
        "yes is one tap an item and one more",
        "e2e/test_numbers.py::test_taps",
        "e2e/test_numbers.py::test_taps",
    ),
    10: (
        "a stop is one tap from home, without 'are you sure'",
        "e2e/test_numbers.py::test_taps",
        "e2e/test_numbers.py::test_taps",
    ),
    11: (
        "an account is one tap and a look at the device; nothing is typed",
        "e2e/test_numbers.py::test_an_account_is_one_tap_and_nothing_is_typed",
        "e2e/test_passkey.py::test_a_finger_that_the_device_does_not_know_gets_a_friendly_no",
    ),
    12: (
        "nothing is ticked beforehand",
        "e2e/test_numbers.py::test_nothing_is_ticked_beforehand",
        "e2e/test_numbers.py::test_nothing_is_ticked_beforehand",
    ),
    13: (
        "yes and no look the same",
        "e2e/test_for_everybody.py::test_yes_and_no_look_the_same_and_stand_side_by_side",
        "web/test_look.py::test_a_look_that_people_cannot_use_stops_the_start",
    ),
    14: (
        "Enter never grants",
        "e2e/test_choosing.py::test_enter_in_a_box_never_grants",
        "web/test_pages_render.py::test_enter_never_grants",
    ),
    15: (
        "shown is stored, is in the token, on the receipt and in the log",
        "properties/test_life_cycle.py::test_any_life_of_grants_is_told_alike_by_doors_log_and_pages",
        "e2e/test_story.py::test_from_question_to_refusal_by_hand",
    ),
    16: (
        "after a stop the next read is refused, within a second",
        "e2e/test_numbers.py::test_taps",
        "e2e/test_story.py::test_from_question_to_refusal_by_hand",
    ),
    17: (
        "320 px and letters of 200 % without sideways scrolling; targets of 44 px",
        "e2e/test_numbers.py::test_letters_of_twice_the_size_fit",
        "e2e/test_for_everybody.py::test_these_checks_can_fail",
    ),
    18: (
        "the keyboard is enough; the focus is seen, and goes to what is wrong",
        "e2e/test_for_everybody.py::test_the_story_with_the_keyboard_alone",
        "e2e/test_choosing.py::test_a_yes_without_a_choice_shares_nothing_and_says_what_to_do",
    ),
    19: (
        "Dutch: 15 words a sentence, Flesch-Douma 70, no word of officials",
        "web/test_plain_dutch.py::test_nothing_that_people_read_is_hard",
        "web/test_plain_dutch.py::test_this_check_can_fail",
    ),
    20: (
        "the browser complains of nothing (every test in this folder)",
        "e2e/test_numbers.py::test_a_complaint_of_the_browser_is_heard",
        "e2e/test_numbers.py::test_a_complaint_of_the_browser_is_heard",
    ),
    21: (
        "a receipt when she gives, changes, stops and when time is up, with where to complain",
        "e2e/test_numbers.py::test_every_receipt_says_where_to_complain",
        "e2e/test_numbers.py::test_every_receipt_says_where_to_complain",
    ),
    22: (
        "what was refused is in the log too, no value is; erasing, complaining and export",
        "attacks/test_leaks.py::test_no_file_and_no_log_line_holds_a_value",
        "attacks/test_leaks.py::test_the_values_did_leave_where_they_may",
    ),
    23: (
        "none of the six families of tricks (docs/explanation/no-tricks.md)",
        "e2e/test_numbers.py::test_no_trick_is_left_without_an_answer",
        "e2e/test_numbers.py::test_nothing_is_ticked_beforehand",
    ),
    24: (
        "a person who helps, on every page",
        "e2e/test_numbers.py::test_help_from_a_person_is_on_every_page",
        "web/test_pages_render.py::test_what_is_unknown_is_left_out_and_never_invented",
    ),
    25: (
        "a receipt on paper; the language link speaks its language",
        "e2e/test_numbers.py::test_a_receipt_prints_as_a_receipt",
        "web/test_pages_render.py::test_every_page_is_whole",
    ),
}


async def test_each_number_is_kept() -> None:
    assert list(NUMBERS) == list(range(1, 26))
    for number, (_, *kept_by) in NUMBERS.items():
        for address in kept_by:
            file, _, name = address.partition("::")
            functions = ast.walk(ast.parse((TESTS / file).read_text("utf-8")))
            found = [f for f in functions if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)]
            assert name in {f.name for f in found}, f"{number}: {address}"


class Taps:
    """Fingers that count."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, target: Locator) -> None:
        self.count += 1
        await target.click()


async def test_taps(open_page: Open, town: Town, served: Stage) -> None:
    """8, 9, 10 and 16: taps are counted, and the stop works at once."""
    page = await open_page(viewport={"width": 390, "height": 844})
    asked = await town.ask()
    await page.goto(asked.url)
    await sign_in(page, "riet")
    no = Taps()
    await no(page.locator('button[name=decision][value="no"]'))
    assert no.count == 1
    await page.locator("#onward a").click()
    with pytest.raises(consent_sdk.Declined):
        await town.receive(asked)

    asked = await town.ask()
    await page.goto(asked.url)
    yes = Taps()
    for name in (*NEEDED, OPTIONAL[0]):
        await yes(page.locator(f"label[for=attribute-{name}]"))
    await yes(page.locator('button[name=decision][value="yes"]'))
    await page.locator("#onward a").click()
    arrangement = await town.receive(asked)
    assert yes.count == len(arrangement.attributes) + 1 == 4
    await town.fetch(arrangement)

    await page.goto(served.issuer)
    stop = Taps()
    await stop(page.locator(f"#stop-{arrangement.grant_id} button"))
    before = time.monotonic()
    with pytest.raises(consent_sdk.Refused, match="grant_not_active"):
        await town.fetch(arrangement)
    assert time.monotonic() - before < 1
    assert stop.count == 1 <= yes.count


async def test_an_account_is_one_tap_and_nothing_is_typed(open_page: Open, served: Stage) -> None:
    page = await open_page(javascript=True)
    await add_authenticator(page)
    await page.goto(f"{served.issuer}/sign-in")
    assert await page.locator("[data-passkey] input").count() == 0
    tap = Taps()
    await tap(page.locator('button[data-act="create"]'))
    await page.wait_for_url(f"{served.issuer}/")
    assert tap.count == 1
    # Who signs in once more is not new.
    await page.goto(f"{served.issuer}/sign-in?again=1")
    await expect(page.locator('button[data-act="get"]')).to_have_count(1)
    await expect(page.locator('button[data-act="create"]')).to_have_count(0)


TICKED = "() => document.querySelectorAll('main input:checked').length"


@pytest.mark.parametrize("name", ["question", "question-nothing-chosen"])
async def test_nothing_is_ticked_beforehand(name: str, open_page: Open, scene: Scene) -> None:
    """The one exception is a change of what she shares already: there the page says that it is ticked."""
    page = await open_page(storage_state=getattr(scene, PLACES[name].who))
    await PLACES[name].go(page, scene)
    assert await page.evaluate(TICKED) == 0
    await page.locator("label.consent-choice__what").first.click()
    assert await page.evaluate(TICKED) == 1


TWICE = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(':root { font-size: 212.5% !important }');
  document.adoptedStyleSheets = [sheet];
}"""


@pytest.mark.parametrize(
    "name", ["sign-in", "home", "question", "receipt", "timeline", "data", "entry", "why"]
)
async def test_letters_of_twice_the_size_fit(name: str, open_page: Open, scene: Scene) -> None:
    cookies = None if PLACES[name].who == "nobody" else getattr(scene, PLACES[name].who)
    page = await open_page(javascript=True, storage_state=cookies, viewport={"width": 640, "height": 800})
    await PLACES[name].go(page, scene)
    await page.evaluate(TWICE)
    assert await page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)") == 34
    assert await page.evaluate(SIDEWAYS) <= 0


async def test_a_complaint_of_the_browser_is_heard(browser: Browser, served: Stage) -> None:
    page = await browser.new_page()
    complaints: list[str] = []
    listen(page, complaints)
    await page.goto(f"{served.issuer}/sign-in")
    assert complaints == []
    await page.evaluate(
        "document.head.append(Object.assign(document.createElement('img'), {src: '//x.example/i'}))"
    )
    await page.evaluate("setTimeout(() => { throw new Error('our own fault') })")
    await expect(page.locator("h1")).to_be_visible()
    await page.close()
    assert len(complaints) == 2
    assert "Content Security Policy" in " ".join(complaints)


def pages_of(language: Language, *states: str) -> dict[str, str]:
    """Pages as text, by their state; all of them when none is named. Each has a person to call."""
    chosen = samples(language)
    help = chosen["home"][1]["help"]
    return {
        state: render(template, language, **(context | {"help": help}))
        for state, (template, context) in chosen.items()
        if (not states or state in states) and template.endswith(".html")
    }


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_receipt_says_where_to_complain(language: Language) -> None:
    receipts = pages_of(language, "receipt", "receipt_changed", "receipt_ended", "receipt_taken_back")
    assert len(receipts) == 4
    for html in receipts.values():
        route = html.partition('id="disagree"')[2]
        assert "tel:" in route
        assert 'href="/my/organisations/' in route
    (page,) = pages_of(language, "dealings").values()  # where that link leads
    assert 'id="complain"' in page
    assert 'rel="noreferrer"' in page.partition('id="complain"')[2]
    assert 'id="disagree"' not in pages_of(language, "home")["home"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_help_from_a_person_is_on_every_page(language: Language) -> None:
    for state, html in pages_of(language).items():
        footer = html.partition("<footer")[2]
        assert html.count('id="help"') == 1, state
        assert 'id="help"' in footer, state
        assert "tel:" in footer, state


async def test_no_trick_is_left_without_an_answer() -> None:
    text = (TESTS.parent / "docs" / "explanation" / "no-tricks.md").read_text("utf-8")
    families = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert families == ["Overloading", "Skipping", "Stirring", "Obstructing", "Fickle", "Left in the dark"]
    for part in text.split("\n## ")[1:]:
        named = re.findall(r"`tests/([\w/]+\.py)::(\w+)`", part)
        assert named, part
        for file, name in named:
            assert f"def {name}(" in (TESTS / file).read_text("utf-8"), name


async def test_a_receipt_prints_as_a_receipt(open_page: Open, scene: Scene) -> None:
    page = await open_page(storage_state=scene.settled)
    await page.goto(scene.issuer + scene.live)
    await expect(page.locator("header")).to_be_visible()
    await page.emulate_media(media="print", color_scheme="dark")
    for gone in ("header", "form", ".utrecht-skip-link", ".consent-noprint"):
        for one in await page.locator(gone).all():
            await expect(one).to_be_hidden()
    for kept in ("h1", ".consent-slip", "#help"):
        await expect(page.locator(kept)).to_be_visible()
    assert await page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


class Links(HTMLParser):
    """The addresses that a page leads to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name in ("href", "src"):
                self.found.add(value)


async def dead_links(issuer: str, jar: dict[str, str], begin: set[str]) -> tuple[int, list[str]]:
    """Follow every link of our own from *begin* on; how many there are, and which lead nowhere."""
    waiting, seen, dead = set(begin), set(begin), []
    async with httpx.AsyncClient(base_url=issuer, cookies=jar, headers={"accept": "text/html"}) as anybody:
        while waiting:
            here = waiting.pop()
            answer = await anybody.get(here, follow_redirects=True, timeout=30)
            if answer.status_code != 200:
                dead.append(f"{answer.status_code} {here}")
            if not answer.headers["content-type"].startswith("text/html"):
                continue
            for link in Links(answer.text).found:
                target = urlsplit(urljoin(str(answer.url), link))
                # A language is the same page; the log's own pages are as many as it has entries.
                if f"{target.scheme}://{target.netloc}" != issuer or "lang=" in target.query:
                    continue
                path = target.path + (f"?{target.query}" if target.query else "")
                kind = re.sub(r"[0-9a-f]{32}|\d+", "*", path)
                if path not in seen and sum(re.sub(r"[0-9a-f]{32}|\d+", "*", s) == kind for s in seen) < 4:
                    seen.add(path)
                    waiting.add(path)
    return len(seen), dead


async def test_no_link_on_any_page_is_dead(scene: Scene) -> None:
    for state, begin in (
        (scene.settled, {"/", scene.question, scene.live, scene.ended, scene.use}),
        (scene.newcomer, {"/", scene.missing}),
        ({"cookies": []}, {"/sign-in", "/sign-in/words", "/signed-out", scene.erasure}),
    ):
        jar = {one["name"]: one["value"] for one in state["cookies"]}
        count, dead = await dead_links(scene.issuer, jar, begin)
        print(count, dead)
        assert count > 8
        assert dead == []
    count, dead = await dead_links(scene.issuer, {}, {"/nothing-here"})
    assert dead == ["404 /nothing-here"]


async def test_the_page_that_says_you_can_always_stop_leads_to_the_stop(
    open_page: Open, scene: Scene
) -> None:
    page = await open_page(storage_state=scene.settled)
    await page.goto(scene.issuer + scene.question)
    await page.get_by_role("link", name="U kunt altijd stoppen").click()
    await expect(page.locator('form[action$="/stop"] button').first).to_be_visible()
