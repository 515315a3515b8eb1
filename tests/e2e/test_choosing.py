"""A question and what can come between: nothing ticked, Enter, an item that is missing, a question that is over."""

import re

import pytest
from playwright.async_api import Page, expect

from consent.demo import Stage
from tests.e2e.conftest import Later, Open
from tests.e2e.hands import NO, YES, answer, path_of, press, sign_in, stop, tick
from tests.e2e.town import NEEDED, OTHER_ATTRIBUTES, OTHER_PURPOSE, Town

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    # Serving in this process shows what the framework will want one day.
    pytest.mark.filterwarnings("ignore:.*deprecated inferred style"),
]


async def ask(page: Page, town: Town, persona: str = "riet") -> None:
    """Bring an invented person to a fresh question."""
    await page.goto((await town.ask()).url)
    await sign_in(page, persona)


async def is_told(page: Page, sentence: str) -> None:
    """The page begins with *sentence*, announces it in its title, and has the focus on it."""
    fault = page.locator("#fault")
    await expect(fault).to_contain_text(sentence)
    await expect(fault).to_be_focused()
    assert (await page.title()).startswith("Fout: ")


async def test_a_yes_without_a_choice_shares_nothing_and_says_what_to_do(open_page: Open, town: Town) -> None:
    page = await open_page()
    await ask(page, town)
    question = page.url
    await press(page, YES["nl"])
    assert page.url == question
    await is_told(page, "U koos nog niets.")
    await tick(page, NEEDED[0])
    await press(page, YES["nl"])
    await is_told(page, "U sloeg iets over dat zij nodig hebben.")
    # What she ticked is still ticked.
    ticked = page.locator("#decide :checked")
    assert [await box.get_attribute("value") for box in await ticked.all()] == [NEEDED[0]]
    assert town.nobody_arrived()
    await answer(page, NO["nl"])
    await town.arrived()


@pytest.mark.parametrize("javascript", [False, True])
async def test_enter_in_a_box_never_grants(javascript: bool, open_page: Open, town: Town) -> None:
    page = await open_page(javascript=javascript)
    await ask(page, town)
    await tick(page, *NEEDED)
    await page.locator(f"#attribute-{NEEDED[0]}").press("Enter")
    await is_told(page, "Kies onderaan ‘Ja’ of ‘Nee’.")
    assert town.nobody_arrived()
    await answer(page, NO["nl"])
    await town.arrived()


async def test_what_is_missing_can_be_filled_in_on_the_way(
    open_page: Open, town: Town, served: Stage
) -> None:
    page = await open_page()
    asked = await town.ask()
    await page.goto(asked.url)
    await sign_in(page, "daan")  # nobody knows whether his income is low
    question = path_of(page)
    await expect(page.locator("#attribute-income_below_threshold")).to_have_count(0)
    await tick(page, "household_size")
    await press(page, YES["nl"])
    await is_told(page, "Iets wat zij nodig hebben, staat hier nog niet. Vul dat eerst in.")

    await page.get_by_role("button", name=re.compile("Vul dit eerst in.*of u een laag inkomen hebt")).click()
    assert path_of(page) == "/my/data/income_below_threshold"
    await press(page, "Bewaren")  # neither yes nor no
    await is_told(page, "U koos nog niets. Kies ja of nee.")
    await page.get_by_label("Ja", exact=True).check()
    await press(page, "Bewaren")
    assert path_of(page) == question
    # What she ticked before is still ticked, and no address ever said what she filled in.
    assert await page.locator("#attribute-household_size").is_checked()
    assert "filled=income_below_threshold" in page.url
    await tick(page, "income_below_threshold")
    await answer(page, YES["nl"])
    assert set((await town.receive(asked)).attributes) == set(NEEDED)

    await page.goto(f"{served.issuer}/my/data")
    await page.locator('#item-income_below_threshold a[href$="/income_below_threshold"]').click()
    await press(page, "Verwijderen")
    assert path_of(page) == "/my/data"
    await expect(page.locator("#item-income_below_threshold")).to_have_count(0)


async def test_an_answered_question_says_so_and_its_link_is_dead(open_page: Open, town: Town) -> None:
    page = await open_page()
    asked = await town.ask()
    await page.goto(asked.url)
    await sign_in(page, "riet")
    question = page.url
    await answer(page, NO["nl"])
    await town.arrived()
    response = await page.goto(question)
    assert response is not None
    assert response.status == 410
    await expect(page.get_by_role("heading", level=1)).to_have_text("U gaf al antwoord op deze vraag")
    response = await page.goto(asked.url)
    assert response is not None
    assert response.status == 400
    await expect(page.get_by_role("heading", level=1)).to_have_text("Deze link werkt niet meer")


async def test_somebody_elses_question_looks_like_no_question(open_page: Open, town: Town) -> None:
    hers, his = await open_page(), await open_page()
    await ask(hers, town)
    await his.goto(hers.url)
    await sign_in(his, "daan")
    assert his.url == hers.url
    await expect(his.get_by_role("heading", level=1)).to_have_text("Wij kunnen deze vraag niet vinden")
    foreign = await his.locator("main").inner_text()
    await his.goto(hers.url[:-32] + "0" * 32)
    assert await his.locator("main").inner_text() == foreign
    await answer(hers, NO["nl"])
    await town.arrived()


async def test_a_second_yes_for_the_same_purpose_takes_the_place_of_the_first(
    open_page: Open, town: Town, served: Stage
) -> None:
    page = await open_page()
    await page.goto(f"{served.issuer}/sign-in")
    await sign_in(page, "amal")
    grants = []
    for chosen in (OTHER_ATTRIBUTES, OTHER_ATTRIBUTES[:2]):
        asked = await town.ask(*OTHER_ATTRIBUTES, purpose=OTHER_PURPOSE)
        await page.goto(asked.url)
        await tick(page, *chosen)
        await answer(page, YES["nl"])
        grants.append((await town.receive(asked)).grant_id)
    await page.goto(served.issuer)
    await expect(page.locator(f"#stop-{grants[0]}")).to_have_count(0)
    await expect(page.locator(f"#grant-{grants[1]} .consent-chips li")).to_have_count(2)
    await stop(page, grants[1])


async def test_a_question_waits_a_day_for_her_and_then_is_over(open_page: Open, later: Later) -> None:
    page = await open_page()
    await page.goto((await later.town.ask()).url)
    await sign_in(page, "riet")
    question = page.url
    later.pass_time(50 * 60)
    await page.goto(later.issuer)
    await page.get_by_role("link", name="Bekijk de vraag").click()
    assert page.url == question
    later.pass_time(24 * 60 * 60)
    await page.goto(question)
    await sign_in(page, "riet")
    assert page.url == question
    await expect(page.get_by_role("heading", level=1)).to_have_text("Deze vraag is verlopen")
    await expect(page.locator("main")).to_contain_text("Er is niets gedeeld.")
    await page.goto(later.issuer)
    await expect(page.locator(".consent-card--question")).to_have_count(0)


async def test_a_stop_after_her_session_ended_says_that_it_did_not_happen(
    open_page: Open, later: Later
) -> None:
    page = await open_page()
    asked = await later.town.ask()
    await page.goto(asked.url)
    await sign_in(page, "riet")
    await tick(page, *NEEDED)
    await answer(page, YES["nl"])
    arrangement = await later.town.receive(asked)
    await page.goto(later.issuer)
    later.pass_time(61 * 60)
    await stop(page, arrangement.grant_id)
    assert path_of(page) == "/sign-in"
    await is_told(page, "U was uitgelogd. Wat u net deed, is niet bewaard.")
    await sign_in(page, "riet")
    await stop(page, arrangement.grant_id)
    await expect(page.get_by_role("heading", level=1)).to_have_text("U bent gestopt")


async def test_a_grant_that_ran_out_stands_under_what_has_stopped(open_page: Open, later: Later) -> None:
    page = await open_page()
    asked = await later.town.ask(days=1)
    await page.goto(asked.url)
    await sign_in(page, "riet")
    await tick(page, *NEEDED)
    await answer(page, YES["nl"])
    grant = (await later.town.receive(asked)).grant_id
    later.pass_time(24 * 60 * 60)
    await page.goto(f"{later.issuer}/my/grants/{grant}")
    await is_told(page, "U was even weg. Daarom hebben wij u uitgelogd.")
    await sign_in(page, "riet")
    assert path_of(page) == f"/my/grants/{grant}"
    await expect(page.get_by_role("heading", level=1)).to_contain_text(
        "Het delen met Gemeente Voorbeeldstad is gestopt"
    )
    await expect(page.locator(".utrecht-paragraph--lead")).to_contain_text("Het stopte vanzelf op")
    await expect(page.locator(f"#stop-{grant}")).to_have_count(0)
