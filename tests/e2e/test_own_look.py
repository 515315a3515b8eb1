"""A theme that speaks of components, as a browser shows it: they listen, and what people need stays."""

import sys
from pathlib import Path
from typing import Any

import pytest

from consent.web.look import check_theme
from consent.web.render import STATIC, render, sheet
from tests.e2e.conftest import Open

sys.path.insert(0, str(Path(__file__).parent.parent / "web"))
from samples import samples

pytestmark = pytest.mark.asyncio(loop_scope="session")

THEME = (
    (STATIC / "theme.css").read_text("utf-8").partition("@media")[0].replace("light dark", "light")
    + """:root {
  --utrecht-button-border-radius: 0px;
  --utrecht-button-min-block-size: 1rem;
  --utrecht-button-padding-block-end: 0;
  --utrecht-button-padding-block-start: 0;
  --utrecht-button-primary-action-background-color: #cc0000;
  --utrecht-button-primary-action-color: #ffffff;
  --utrecht-button-primary-action-hover-background-color: #990000;
  --utrecht-focus-outline-color: #24578f;
  --utrecht-focus-outline-style: none;
  --utrecht-focus-outline-width: 0;
  --utrecht-link-color: #24578f;
  --nl-data-badge-background-color: #fcefd9;
}"""
)


async def test_the_components_listen_to_a_theme_and_stay_usable(open_page: Open) -> None:
    check_theme(THEME)
    page = await open_page()

    async def show(state: str) -> None:
        template, context = samples("nl")[state]
        html = render(template, "nl", **context)
        head, _, rest = html.partition('<link rel="stylesheet"')
        await page.set_content(f"{head}<style>{sheet(THEME.encode()).decode()}</style><link title{rest}")

    async def seen(selector: str) -> dict[str, Any]:
        found: dict[str, Any] = await page.locator(selector).first.evaluate(
            """e => { const s = getComputedStyle(e); return { radius: s.borderRadius, ground: s.backgroundColor,
              colour: s.color, line: s.outline, height: e.getBoundingClientRect().height } }"""
        )
        return found

    await show("request")
    for answer in ("yes", "no"):
        button = f'button[value="{answer}"]'
        assert (await seen(button))["ground"] == "rgb(204, 0, 0)"
        await page.locator(button).focus()
        looks = await seen(button)
        assert looks["radius"] == "0px"
        assert looks["colour"] == "rgb(255, 255, 255)"
        assert looks["height"] >= 44
        assert looks["line"] == "rgb(36, 87, 143) solid 3px"
    assert (await seen("main .utrecht-link"))["colour"] == "rgb(36, 87, 143)"
    await show("home")
    assert (await seen("main .utrecht-button"))["height"] >= 44
    assert (await seen(".nl-data-badge"))["ground"] == "rgb(252, 239, 217)"
