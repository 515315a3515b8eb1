"""The example site tells the whole story in a browser, and shows nothing without a yes of now."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from consent_sdk import MemoryStore, Signal
from consent_sdk.example import read_attributes
from consent_sdk.example_pages import page
from consent_sdk.example_site import Site
from consent_sdk.example_visit import Plan, Visit

from .world import ISSUER, VALUES, World

PLAN = Plan(
    name="Woningcorporatie <Voorbeeldhuis>",
    issuer=ISSUER,
    purpose="housing-benefit",
    purpose_version=3,
    attributes=read_attributes("name=Uw naam, income"),
    duration_days=90,
    template="home",
)


@pytest.fixture
def browser(world: World) -> Iterator[httpx.Client]:
    site = Site(world.organisation(MemoryStore(), world.client()), PLAN, port=0)
    site.start()
    with httpx.Client(base_url=site.url) as client:
        yield client
    site.close()


def _press(browser: httpx.Client, path: str) -> httpx.Response:
    found = re.search(r'name="token" value="([^"]+)"', browser.get("/").text)
    assert found is not None
    return browser.post(path, data={"token": found[1]})


def _come_back(world: World, browser: httpx.Client) -> None:
    callback = world.citizen_says_yes(_press(browser, "/ask").headers["location"], ["income", "name"])
    assert browser.get(f"/callback?{urlsplit(callback).query}").status_code == 303


def test_the_whole_story(world: World, browser: httpx.Client) -> None:
    assert "Vraag mijn gegevens op" in browser.get("/").text
    _come_back(world, browser)
    shown = browser.get("/").text
    assert "<dt>Uw naam</dt>" in shown
    assert "<dt>income</dt>" in shown
    assert str(VALUES["name"]) in shown
    assert "Bewijs gecontroleerd" in shown
    assert "U ziet dit omdat" in shown
    assert f'href="{ISSUER}/why/5"' in shown

    world.citizen_stops()
    _press(browser, "/fetch")
    after = browser.get("/").text
    assert "Geweigerd: u bent gestopt met delen" in after
    assert str(VALUES["name"]) not in after


def test_a_no_is_said_plainly(world: World, browser: httpx.Client) -> None:
    callback = world.citizen_says_no(_press(browser, "/ask").headers["location"])
    browser.get(f"/callback?{urlsplit(callback).query}")
    assert "U zei nee. Wij hebben niets gekregen." in browser.get("/").text


def test_a_false_proof_shows_no_value(world: World, browser: httpx.Client) -> None:
    def change(answer: dict[str, dict[str, dict[str, object]]]) -> None:
        answer["attributes"]["income"]["value"] = 99

    world.after_commit = change
    _come_back(world, browser)
    shown = browser.get("/").text
    assert "Het bewijs klopt niet (value)" in shown
    assert str(VALUES["name"]) not in shown


def test_an_answer_in_another_browser_counts_for_nothing(world: World, browser: httpx.Client) -> None:
    callback = world.citizen_says_yes(_press(browser, "/ask").headers["location"], ["name"])
    browser.cookies.clear()
    browser.get(f"/callback?{urlsplit(callback).query}")
    assert "geen open vraag" in browser.get("/").text


def test_a_post_from_elsewhere_is_not_taken(world: World, browser: httpx.Client) -> None:
    browser.get("/")
    assert browser.post("/ask", data={"token": "x"}).status_code == 403
    assert world.requests == []


def test_a_foreign_host_name_gets_no_page(browser: httpx.Client) -> None:
    assert browser.get("/", headers={"host": "evil.example"}).status_code == 421


def test_everything_on_the_page_is_escaped() -> None:
    shown = page(PLAN, Visit(token='"><script>'))
    assert "<Voorbeeldhuis>" not in shown
    assert "<script" not in shown


def test_no_script_may_run(browser: httpx.Client) -> None:
    policy = browser.get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy


def test_what_was_received_is_gone_as_soon_as_the_service_says_that_it_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a question of hers to the site: the signal alone clears it, and only what it is about."""
    org = world.organisation(MemoryStore(), world.client())
    said: list[tuple[str, str]] = []

    async def acknowledge(signal_id: str) -> None:
        said.append(("acknowledge", signal_id))

    async def state_deletion(grant_id: str) -> None:
        said.append(("state_deletion", grant_id))

    monkeypatch.setattr(org, "acknowledge", acknowledge)
    monkeypatch.setattr(org, "state_deletion", state_deletion)
    site = Site(org, PLAN, port=0)
    site.start()
    try:
        with httpx.Client(base_url=site.url) as browser:
            _come_back(world, browser)
            (visit,) = [one for one in site._visits.values() if one.arrangement is not None]
            assert visit.arrangement is not None
            grant = visit.arrangement.grant_id
            for kind, about in (("ended", "0" * 32), ("corrected", grant), ("ended", grant)):
                shown = browser.get("/").text
                assert (str(VALUES["name"]) in shown) == (about != grant or kind == "corrected")
                site._wait(site._heard(Signal(id=kind, kind=kind, grant_id=about, happened_at=1)))  # type: ignore[arg-type]
                assert (visit.disclosure is None) == (about == grant)
            assert str(VALUES["name"]) not in browser.get("/").text
            assert browser.post("/signals", content=b"x").status_code == 400
    finally:
        site.close()
    assert said == [
        ("acknowledge", "ended"),
        ("state_deletion", "0" * 32),
        ("acknowledge", "corrected"),
        ("acknowledge", "ended"),
        ("state_deletion", grant),
    ]
