"""Every page in every state is for everybody: axe, a narrow screen, large targets, the keyboard, and little to load."""

import gzip
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from jinja2 import nodes
from playwright.async_api import Page, Response, expect

from consent.demo import Stage
from consent.web import render
from consent.web.render import PAGES
from consent.words.purposes import Language
from tests.e2e.conftest import Open
from tests.e2e.hands import NO, YES, answer, sign_in
from tests.e2e.places import PLACES, Scene
from tests.e2e.town import NEEDED, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")

STANDARD = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    },
    "resultTypes": ["violations"],  # what is in order need not be described
}
KILO = 1024

# What a finger has to hit: everything that is pressed, except links inside a sentence (WCAG 2.5.8 leaves those out).
SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, input, textarea, summary')]
  .filter(e => e.type !== 'hidden' && !e.hidden && e.checkVisibility() && !e.classList.contains('utrecht-skip-link'))
  .filter(e => getComputedStyle(e).display !== 'inline')
  .map(e => [e, e.getBoundingClientRect()])
  .filter(([, box]) => box.width < 44 || box.height < 44)
  .map(([e, box]) => `${e.tagName} ${e.textContent.trim() || e.id}: ${box.width} x ${box.height}`)"""
INLINE = (
    "() => [...document.querySelectorAll('a')].filter(e => getComputedStyle(e).display === 'inline').length"
)
SIDEWAYS = """() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"""


async def violations(page: Page) -> list[str]:
    """What axe finds, a line each."""
    found = await Axe().run(page, options=STANDARD)
    return [
        f"{rule['id']}: {node['html'][:120]}"
        for rule in found.response["violations"]
        for node in rule["nodes"]
    ]


async def go(open_page: Open, scene: Scene, name: str, **options: Any) -> Page:
    """Open one of the places; its door answers with the status that it must."""
    place = PLACES[name]
    cookies = None if place.who == "nobody" else getattr(scene, place.who)
    page = await open_page(storage_state=cookies, **options)
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    await place.go(page, scene)
    pages = [a for a in answers if a.request.is_navigation_request() and not 300 <= a.status < 400]
    assert pages[-1].status == place.status
    assert (urlsplit(page.url).path == "/sign-in") == (place.shows == "sign_in"), page.url
    heading = await page.locator("h1").inner_text()
    assert re.fullmatch(heading_of(place.shows, options.get("language", "nl")), heading), heading
    return page


def heading_of(name: str, language: Language) -> str:
    """A pattern of what stands above the page *name*: its headings, of which some have a name in them."""
    words: list[str] = []
    while not words:
        template = render._environment.parse((PAGES / f"{name}.html").read_text("utf-8"))
        for block in template.find_all(nodes.Block):
            if block.name == "heading":
                calls = [call for call in block.find_all(nodes.Call) if getattr(call.node, "name", "") == "_"]
                words = [call.args[0].as_const() for call in calls] or ["%(anything)s"]
        (base,) = template.find_all(nodes.Extends)  # what builds on another page has the heading of that one
        name = base.template.as_const().removesuffix(".html")
    translated = [re.escape(render._catalogues[language].gettext(text)) for text in words]
    return "|".join(re.sub(r"%\\\(\w+\\\)s", ".+", text) for text in translated)


async def test_every_page_is_one_of_the_places() -> None:
    pages = {file.stem for file in PAGES.glob("*.html")}
    parts = {name for name in pages if name.startswith("_") or name.endswith("base")}
    assert {place.shows for place in PLACES.values()} == pages - parts


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("name", PLACES)
async def test_a_page_can_be_used_by_everybody(
    name: str, language: str, open_page: Open, scene: Scene
) -> None:
    # With JavaScript, because axe is a script itself; light in one language, dark in the other.
    page = await go(
        open_page,
        scene,
        name,
        language=language,
        javascript=True,
        viewport={"width": 1280, "height": 900},
        color_scheme={"nl": "light", "en": "dark"}[language],
        reduced_motion="reduce",
    )
    assert await page.locator("html").get_attribute("lang") == language
    assert await violations(page) == []
    await page.set_viewport_size({"width": 320, "height": 640})
    assert await page.evaluate(SIDEWAYS) <= 0
    assert await page.evaluate(SMALL_TARGETS) == []


async def test_these_checks_can_fail(open_page: Open, served: Stage) -> None:
    page = await open_page(javascript=True, viewport={"width": 320, "height": 640})
    await page.goto(f"{served.issuer}/sign-in")
    await page.evaluate(
        """() => {
          document.documentElement.removeAttribute('lang');
          document.querySelector('h1').className = 'wide';
          document.querySelector('main p').className = 'grey';
          const sheet = new CSSStyleSheet();
          sheet.replaceSync(`.grey { color: #ccc; background: #fff } .wide { white-space: nowrap }
            button { min-height: 0 !important; padding: 0 !important; height: 30px }`);
          document.adoptedStyleSheets = [sheet];
        }"""
    )
    found = {line.split(":")[0] for line in await violations(page)}
    assert {"html-has-lang", "color-contrast"} <= found
    assert await page.evaluate(SIDEWAYS) > 0
    assert await page.evaluate(SMALL_TARGETS) != []


async def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there; at each stop it must be visible where the focus is."""
    for _ in range(60):
        await page.keyboard.press("Tab")
        seen = await page.evaluate(
            """selector => {
              const here = document.activeElement, style = getComputedStyle(here);
              return { arrived: here.matches(selector), name: here.outerHTML.slice(0, 80),
                ring: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
                inside: here.getBoundingClientRect().bottom > 0 };
            }""",
            selector,
        )
        assert seen["ring"], seen
        assert seen["inside"], seen
        if seen["arrived"]:
            return
    raise AssertionError(f"{selector} cannot be reached with the keyboard")


async def test_the_story_with_the_keyboard_alone(open_page: Open, town: Town, served: Stage) -> None:
    page = await open_page()
    asked = await town.ask()
    await page.goto(asked.url)
    await tab_to(page, "#sign-in-persona-riet button")
    await page.keyboard.press("Enter")
    await page.wait_for_url(lambda url: urlsplit(url).path.startswith("/my/requests/"))

    # The first thing on a page is the way past its menu.
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    await page.keyboard.press("Enter")
    for name in NEEDED:
        await tab_to(page, f"#attribute-{name}")
        await page.keyboard.press("Space")
    await tab_to(page, 'button[value="yes"]')
    await tab_to(page, 'button[value="no"]')
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await page.locator("#onward a").wait_for()
    await tab_to(page, "#onward a")
    await page.keyboard.press("Enter")
    arrangement = await town.receive(asked)
    assert set(arrangement.attributes) == set(NEEDED)
    await page.wait_for_url(f"{town.origin}/callback?*")

    await page.goto(served.issuer)
    await tab_to(page, f"#stop-{arrangement.grant_id} button")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("U bent gestopt")


async def test_yes_and_no_look_the_same_and_stand_side_by_side(open_page: Open, town: Town) -> None:
    page = await open_page(viewport={"width": 1280, "height": 900})
    await page.goto((await town.ask()).url)
    await sign_in(page, "riet")
    looks = []
    for words in (YES["nl"], NO["nl"]):
        button = page.get_by_role("button", name=words)
        looks.append(
            await button.evaluate(
                """e => {
                  const style = getComputedStyle(e), box = e.getBoundingClientRect();
                  const own = [...style].filter(n => !/origin|inline-size|block-size/.test(n));
                  return { box: [box.width, box.height, box.top],
                    style: Object.fromEntries(own.map(n => [n, style.getPropertyValue(n)])) };
                }"""
            )
        )
    assert len(looks[0]["style"]) > 200
    assert looks[0] == looks[1]
    await answer(page, NO["nl"])
    await town.arrived()


@pytest.mark.parametrize("name", ["sign-in", "home", "question", "receipt", "timeline", "data"])
async def test_a_first_visit_weighs_little_and_asks_nobody_else(
    name: str, open_page: Open, scene: Scene
) -> None:
    place = PLACES[name]
    cookies = {"nobody": None, "settled": scene.settled}[place.who]
    page = await open_page(javascript=True, storage_state=cookies)
    network = await page.context.new_cdp_session(page)
    kinds: dict[str, str] = {}
    addresses: set[str] = set()
    sizes: dict[str, int] = {}

    def answered(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event["type"]
        addresses.add(event["response"]["url"])

    network.on("Network.responseReceived", answered)
    network.on(
        "Network.loadingFinished",
        lambda event: sizes.update({event["requestId"]: int(event["encodedDataLength"])}),
    )
    await network.send("Network.enable")
    await place.go(page, scene)
    await page.wait_for_load_state("networkidle")
    assert {urlsplit(address).netloc for address in addresses} == {urlsplit(scene.issuer).netloc}
    document = (await page.content()).encode()
    (sent,) = (size for id, size in sizes.items() if kinds[id] == "Document")
    scripts = sum(size for id, size in sizes.items() if kinds[id] == "Script")
    # A page travels as it is: its length under compression would tell something about what stands in it.
    packed = sum(sizes.values()) - sent + len(gzip.compress(document))
    print(f"{name}: {sum(sizes.values())} bytes, {packed} with the page packed, scripts {scripts}")
    assert 2 * KILO < packed <= 15 * KILO
    assert sum(sizes.values()) <= 30 * KILO
    assert scripts <= 3 * KILO
    files = {urlsplit(address).path for address in addresses if ".js" in address}
    assert files == {"/static/away.js"} | ({"/static/passkey.js"} if name == "sign-in" else set())
