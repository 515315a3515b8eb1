"""At a desk, on a small screen and without JavaScript: how a case stands, and a stop with the code on paper."""

import pytest
from playwright.async_api import expect

from consent.demo import Stage
from tests.e2e.conftest import Open
from tests.e2e.hands import YES, code_on, path_of, press, sign_in, tick, type_code
from tests.e2e.town import NEEDED, Town

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_clerk_sees_one_word_and_she_sees_the_clerk(
    open_page: Open, served: Stage, town: Town
) -> None:
    small = {"viewport": {"width": 320, "height": 640}}
    hers = await open_page(**small)
    asked = await town.sdk.ask(
        purpose="energietoeslag",
        purpose_version=1,
        attributes=list(NEEDED),
        duration_days=30,
        case="Z-2026-0042",
    )
    await hers.goto(asked.url)
    await sign_in(hers, "riet")

    desk = await open_page(**small)
    await desk.goto(f"{served.issuer}/sign-in?next=/work")
    await sign_in(desk, "joris")
    await desk.locator("#roles a").first.click()
    assert path_of(desk) == "/desk/voorbeeldstad"

    async def stands(case: str) -> str | None:
        await desk.locator("#case").fill(case)
        await press(desk, "Kijk hoe het staat")
        assert path_of(desk) == "/desk/voorbeeldstad"
        assert case not in desk.url
        return await desk.locator("#standing").get_attribute("data-status")

    assert await stands("z-2026-0042") == "waits"
    await tick(hers, *NEEDED)
    await press(hers, YES["nl"])
    assert await stands("Z-2026-0042") == "yes"
    assert "Riet" not in await desk.locator("main").inner_text()
    await hers.goto(f"{served.issuer}/my/timeline")
    await expect(hers.locator("#looks")).to_contain_text("Een medewerker van Gemeente Voorbeeldstad keek")

    await hers.goto(f"{served.issuer}/")
    await hers.get_by_role("link", name="Bekijk wat en waarom").first.click()
    code = await code_on(hers)
    await desk.get_by_role("link", name="Vul een stopcode in").click()
    await type_code(desk, code)
    await press(desk, "Stop dit delen")
    assert path_of(desk) == "/stop/done"
    await hers.goto(f"{served.issuer}/")
    await expect(hers.locator("main")).to_contain_text("gebruikte iemand de stopcode van uw bewijs")
    await hers.goto(f"{served.issuer}/my/timeline")
    await expect(hers.locator("main")).to_contain_text("Aan de balie van Gemeente Voorbeeldstad")
    await desk.goto(f"{served.issuer}/desk/voorbeeldstad")
    assert await stands("Z-2026-0042") == "stopped"
    await hers.goto(f"{served.issuer}/desk/voorbeeldstad")
    await expect(hers.locator("h1")).to_contain_text("niet")
