"""Shown = stored = token = receipt = disclosed = logged, read from the real pages' HTML as she reads it."""

import html
import json
import re
from secrets import token_urlsafe
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.demo import Stage
from consent.demo_browser import Browser, Page
from consent.words.attributes import CATALOGUE
from tests.web.office import ASKED, Office, office_of

LABELS = {name: CATALOGUE[name].label.nl for name in ASKED}
BOX = re.compile(
    r'<input class="utrecht-checkbox"[^>]*name="attribute" value="(\w+)"[^>]*>.*?'
    r'consent-choice__label">([^<]*)<.*?consent-choice__value">([^<]*)<',
    re.DOTALL,
)
SLIP = re.compile(r'consent-slip".*?<ul class="consent-plain">(.*?)</ul>', re.DOTALL)


def offered(page: str) -> dict[str, tuple[str, str]]:
    """Each box of a question, with the label and the value that stand beside it."""
    return {name: (html.unescape(label), html.unescape(value)) for name, label, value in BOX.findall(page)}


def agreed(page: str) -> list[str]:
    """The items on a receipt."""
    found = SLIP.search(page)
    assert found is not None
    return [html.unescape(item).strip() for item in re.findall(r"<li>([^<]*)", found[1])]


@pytest.fixture(scope="module")
def office(served: Stage) -> Office:
    return office_of(served, "leesdorp")


@pytest.fixture(scope="module")
def browser(served: Stage) -> Browser:
    """Sanne, signed in."""
    opened = Browser(served.issuer)
    entrance = opened.open("/sign-in")
    assert isinstance(entrance, Page)
    opened.submit(entrance, "sign-in-persona-sanne", ("persona", "sanne"))
    return opened


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    asked=st.sets(st.sampled_from(ASKED), min_size=1),
    wanted=st.sets(st.sampled_from(ASKED), min_size=1),
    days=st.integers(1, 60),
)
def test_what_she_reads_is_what_everybody_gets(
    office: Office, browser: Browser, asked: set[str], wanted: set[str], days: int
) -> None:
    details = [
        {
            "type": f"{office.stage.issuer}/types/attributes/v1", "purpose": office.purpose, "purpose_version": 1,
            "attributes": sorted(asked), "duration_days": days,
        }
    ]  # fmt: skip
    verifier = token_urlsafe(48)
    page = browser.open(office.push(verifier, authorization_details=json.dumps(details)))
    assert isinstance(page, Page)
    shown = offered(browser._http.get(page.url).text)
    assert set(shown) == asked
    assert {name: label for name, (label, _) in shown.items()} == {name: LABELS[name] for name in asked}
    assert page.forms["decide"].ticked == 0
    chosen = (wanted & asked) or asked

    receipt = browser.submit(page, "decide", *[("attribute", name) for name in chosen], ("decision", "yes"))
    assert isinstance(receipt, Page)
    assert receipt.onward is not None
    path = urlsplit(receipt.url).path
    assert sorted(agreed(browser._http.get(path).text)) == sorted(LABELS[name] for name in chosen)

    back = browser.open(receipt.onward)
    assert isinstance(back, str)
    code = parse_qs(urlsplit(back).query)["code"][0]
    tokens = office.exchange(code, verifier).json()
    (granted,) = tokens["authorization_details"]
    assert granted["attributes"] == sorted(chosen)
    assert path == f"/my/grants/{granted['grant_id']}"

    body = {"attributes": sorted(chosen)}
    given_now = office.call("POST", "/disclosures", tokens["access_token"], body).json()
    assert {name: str(one["value"]) for name, one in given_now["attributes"].items()} == {
        name: shown[name][1] for name in chosen
    }
    record = json.loads(given_now["entry"]["opening"]["A"])
    assert record["attributes"] == sorted(chosen)
    left_out = sorted(set(ASKED) - chosen)
    if left_out:
        refused = office.call("POST", "/disclosures", tokens["access_token"], {"attributes": left_out})
        assert (refused.status_code, refused.json()["code"]) == (403, "beyond_grant")


def test_this_reading_sees_what_is_not_there(office: Office, browser: Browser) -> None:
    """The check's own check: a page that hides an item, or shows another's label, is seen."""
    page = browser.open(office.push(token_urlsafe(48)))
    assert isinstance(page, Page)
    text = browser._http.get(page.url).text
    assert set(offered(text)) == set(ASKED)
    assert set(offered(text.replace('value="household_size"', 'value="bsn"'))) != set(ASKED)
    assert offered(text.replace(LABELS["household_size"], "Iets anders")) != offered(text)
    assert isinstance(browser.answer(page, ("decision", "no")), str)
