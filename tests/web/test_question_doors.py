"""What surrounds the question: help first and on paper, what was stopped meanwhile, what is filled in on the way."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from consent.demo import Stage
from consent.demo_browser import Browser, Page
from tests.web.office import ASKED, Office, office_of


@pytest.fixture(scope="module")
def office(served: Stage) -> Office:
    return office_of(served, "vraagdorp")


@pytest.fixture
def browser(served: Stage) -> Browser:
    return Browser(served.issuer)


def question(office: Office, browser: Browser, persona: str = "sanne") -> Page:
    entrance = browser.open(office.push("v" * 43))
    assert isinstance(entrance, Page)
    found = browser.submit(entrance, f"sign-in-persona-{persona}", ("persona", persona))
    assert isinstance(found, Page)
    return found


def raw(browser: Browser, address: str) -> str:
    return browser._http.get(address).text


def values(html: str) -> list[str]:
    """Her own values, as the page shows them."""
    return re.findall(r'consent-choice__value">([^<]+)<', html)


def test_help_first_shows_the_question_without_her_values_and_answers_nothing(
    office: Office, browser: Browser
) -> None:
    page = question(office, browser)
    seen = values(raw(browser, page.url))
    assert seen
    html = raw(browser, f"{page.url}/help")
    main = html[html.index("<main") :]
    assert values(main) == []
    assert "<form" not in main
    assert "<input" not in main
    text = " ".join(re.sub(r"<[^>]+>", " ", main).split())
    for words in ("Wie kan u helpen?", "Gemeente Vraagdorp", "Aantal mensen in huis", "De vraag op papier"):
        assert words in text
    # Still open, and nothing was told: the question can be answered as before.
    assert isinstance(browser.answer(page, ("decision", "no")), str)
    assert browser._http.get(f"{page.url}/help").status_code == 410


def test_help_with_somebody_elses_question_is_nothing(
    office: Office, browser: Browser, served: Stage
) -> None:
    page = question(office, browser)
    stranger = Browser(served.issuer)
    question(office, stranger, "daan")
    foreign = stranger._http.get(f"{page.url}/help")
    unknown = stranger._http.get(f"{served.issuer}/my/requests/{'0' * 32}/help")
    assert foreign.status_code == unknown.status_code == 404
    place = re.compile(r"/my/requests/[0-9a-f]{32}")
    assert place.sub("", foreign.text) == place.sub("", unknown.text)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (("organisation", "vraagdorp"), "Wij hebben deze organisatie hier stilgezet."),
        (("purpose", "vraagdorp-energietoeslag@1"), "Wij hebben deze vraag stilgezet."),
    ],
)
def test_what_was_stopped_meanwhile_is_said_and_only_a_no_is_left(
    office: Office, browser: Browser, served: Stage, what: tuple[str, str], words: str
) -> None:
    page = question(office, browser)
    kind, name = what
    served.run(kind, "suspend", name)
    try:
        stopped = browser.open(page.url)
        assert isinstance(stopped, Page)
        assert words in stopped.words
        assert "Wij weten niet wie dit is" not in stopped.words
        html = raw(browser, page.url)
        assert 'value="yes"' not in html
        assert 'type="checkbox"' not in html
        refused = browser.answer(page, ("attribute", "household_size"), ("decision", "yes"))
        assert isinstance(refused, Page)
        assert refused.status == 422
    finally:
        served.run(kind, "restore", name)
    assert isinstance(browser.answer(page, ("decision", "no")), str)


def test_who_goes_to_fill_something_in_comes_back_to_what_she_ticked(
    office: Office, browser: Browser
) -> None:
    page = question(office, browser)
    tick = ("attribute", "number_of_children")
    away = browser.submit(page, "decide", tick, ("fill", "household_size"))
    assert isinstance(away, Page)
    assert urlsplit(away.url).path == "/my/data/household_size"
    back = parse_qs(urlsplit(away.url).query)["next"][0]
    assert "number_of_children" not in back
    away.forms["edit"].fields = [field for field in away.forms["edit"].fields if field[0] != "value"]
    again = browser.submit(away, "edit", ("value", "4"))
    assert isinstance(again, Page)
    assert again.url.endswith(back)
    assert re.findall(r'value="(\w+)"[^>]* checked', raw(browser, back)) == ["number_of_children"]
    # The same link for another item ticks nothing, and none that somebody made up.
    assert " checked" not in raw(browser, back.replace("filled=household_size", "filled=number_of_children"))
    assert " checked" not in raw(browser, back.partition("&")[0])
    assert isinstance(browser.answer(page, ("decision", "no")), str)


def test_what_became_of_a_question_is_said_with_the_next_step(office: Office, served: Stage) -> None:
    """After a yes her receipt, after a no the way to ask again; to anybody else it looks like none at all."""
    ticks = [("attribute", name) for name in ASKED]
    said = {}
    for decision in ("yes", "no"):
        browser = Browser(served.issuer)
        page = question(office, browser)
        after = browser.submit(page, "decide", *ticks, ("decision", decision))
        assert isinstance(after, Page)
        again = browser._http.get(page.url)
        assert again.status_code == 410
        assert "U gaf al antwoord op deze vraag" in again.text
        assert "Gemeente Vraagdorp" in again.text
        said[decision] = again.text
        # The same with a form that she still had open: nothing is answered twice.
        late = browser.submit(page, "decide", *ticks, ("decision", "yes"))
        assert isinstance(late, Page)
        assert late.status == 410
    receipt = re.search(r'id="receipt" href="(/my/grants/[0-9a-f]{32})"', said["yes"])
    assert receipt is not None
    assert browser._http.get(receipt[1]).status_code == 200
    assert 'id="receipt"' not in said["no"]
    assert 'id="organisation" href="https://' in said["no"]


def test_a_question_to_somebody_else_looks_like_one_that_never_was(
    office: Office, browser: Browser, served: Stage
) -> None:
    page, stranger = question(office, browser), Browser(served.issuer)
    question(office, stranger, "daan")
    place = re.compile(r"[0-9a-f]{32,64}")
    seen = set()
    for address in (urlsplit(page.url).path, f"/my/requests/{'0' * 32}", "/my/requests/nonsense"):
        answer = stranger._http.get(address)
        assert answer.status_code == 404
        assert "Wij kunnen deze vraag niet vinden" in answer.text
        assert "Gemeente Vraagdorp" not in answer.text
        seen.add(place.sub("", answer.text).replace("nonsense", ""))
    assert len(seen) == 1
