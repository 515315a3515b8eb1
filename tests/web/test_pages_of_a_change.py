"""The page on which a running grant is changed: what is new, what stays, what goes, and a no that costs nothing."""

import pytest
from sample_things import shown

from tests.web.test_pages_render import page_of

BOTH = pytest.mark.parametrize("language", ["nl", "en"])


@BOTH
def test_what_she_shares_is_ticked_and_what_is_new_is_not(language: str) -> None:
    _, page = page_of(language, "request_amend")
    boxes = page.all("input", type="checkbox")
    assert {b["value"]: "checked" in b for b in boxes} == {
        "full_name": True, "yearly_income": True, "children": False, "residence_permit": False
    }  # fmt: skip


@BOTH
def test_it_says_what_is_new_what_stays_what_goes_and_until_when(language: str) -> None:
    _, page = page_of(language, "request_amend")
    text = " ".join(page.texts["body"][0].split())
    for words in {
        "nl": (
            "Gemeente Voorbeeldstad vraagt om een verandering",
            "U deelt nu met hen, tot 22 december 2026.",
            "Wat is nieuw Kinderen, verblijfsvergunning en rekeningnummer (IBAN)",
            "Wat blijft Volledige naam en inkomen per jaar",
            "Wat vervalt Nationaliteit. Dit kunnen zij dan niet meer zien.",
            "Nu tot 22 december 2026. Straks tot 20 februari 2027.",
            "Hun uitleg is veranderd.",
            "Dan verandert er niets. U deelt wat u nu deelt, tot 22 december 2026.",
        ),
        "en": (
            "Gemeente Voorbeeldstad asks for a change",
            "You share with them now, until 22 December 2026.",
            "What is new Children, residence permit and account number (IBAN)",
            "What stays Full name and yearly income",
            "What goes Nationality. They cannot see this any more then.",
            "Now until 22 December 2026. Then until 20 February 2027.",
            "Their words have changed.",
            "Then nothing changes. You share what you share now, until 22 December 2026.",
        ),
    }[language]:
        assert words in text
    # What a no to a first question would cost is not what a no to this one costs.
    assert shown(language).purpose.consequence_of_no.rstrip(".") not in text


@BOTH
def test_a_renewal_is_one_sentence_one_tap_for_yes_and_one_for_no(language: str) -> None:
    _, page = page_of(language, "request_renew")
    text = " ".join(page.texts["body"][0].split())
    asks = {
        "nl": "Zij vragen: mag het tot 20 februari 2027? Verder verandert er niets.",
        "en": "They ask: may it be until 20 February 2027? Nothing else changes.",
    }[language]
    assert asks in text
    assert not page.all("input", type="checkbox")
    assert not page.all("section", id="changes")
    assert [b["value"] for b in page.all("button", name="decision")] == ["yes", "no"]


@BOTH
@pytest.mark.parametrize("state", ["request_amend", "request_renew"])
def test_yes_and_no_to_a_change_look_the_same(language: str, state: str) -> None:
    _, page = page_of(language, state)
    yes, no = page.all("button", name="decision")
    assert {k: v for k, v in yes.items() if k != "value"} == {k: v for k, v in no.items() if k != "value"}


@BOTH
def test_the_receipt_tells_what_she_changed_and_who_stopped_it(language: str) -> None:
    _, page = page_of(language, "receipt_changed")
    text = " ".join(page.texts["body"][0].split())
    words = {
        "nl": ("Wat u hebt veranderd", "Iemand hielp u.", "Zij stopten dit zelf op 24 december 2026."),
        "en": (
            "What you changed",
            "Somebody helped you.",
            "They stopped this themselves on 24 December 2026.",
        ),
    }[language]
    assert all(word in text for word in words)
    assert text.count(words[1]) == 1, "only the version with help says so"
    _, never_changed = page_of(language, "receipt")
    assert not never_changed.all("section", id="versions")
