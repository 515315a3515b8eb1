"""The numbers of the question (one tap for a no, one an item and one for a yes, nothing ticked, alike, Enter grants
nothing), and that each check fails on a page that breaks it."""

from collections.abc import Callable

import jinja2
import pytest

from consent.web import render as rendering
from consent.web.render import PAGES
from tests.web.test_pages_render import Page, page_of


def ticked(page: Page) -> bool:
    return any("checked" in box for box in page.all("input", type="checkbox"))


def alike(page: Page) -> bool:
    """Yes and No are two buttons that differ in their value and nothing else."""
    buttons = page.all("button", name="decision")
    return len(buttons) == 2 and len({tuple(sorted((b | {"value": ""}).items())) for b in buttons}) == 1  # type: ignore[type-var]


def enter_decides(page: Page) -> bool:
    """The first button of a form is the one that Enter presses."""
    start = next(i for i, (tag, a) in enumerate(page.elements) if tag == "form" and a.get("id") == "decide")
    return next(a for tag, a in page.elements[start:] if tag == "button").get("name") is not None


def taps_for_a_no(page: Page) -> int:
    """A no is a button of this page; a link to another page would be a tap more."""
    return 1 if page.all("button", name="decision", value="no", type="submit") else 2


def taps_for_a_yes(page: Page) -> int:
    """One an item, and one: no box asks for a second step."""
    boxes = page.all("input", type="checkbox", name="attribute")
    return len(boxes) + len(page.all("button", name="decision", value="yes", type="submit"))


def test_the_numbers_of_the_question() -> None:
    for language in ("nl", "en"):
        _, page = page_of(language, "request")
        assert not ticked(page)
        assert alike(page)
        assert not enter_decides(page)
        assert taps_for_a_no(page) == 1
        assert taps_for_a_yes(page) == 4 + 1


@pytest.mark.parametrize(
    ("right", "wrong", "sees"),
    [
        ("{% if item.name in chosen %} checked{% endif %}", " checked", ticked),
        (
            'type="submit" name="decision" value="no"',
            'type="submit" name="decision" value="no" hidden',
            alike,
        ),
        ('  <button type="submit" hidden>{{ _("Send") }}</button>\n', "", enter_decides),
        ('name="decision" value="no"', 'name="later" value="no"', taps_for_a_no),
        ('type="checkbox" id=', 'type="radio" id=', taps_for_a_yes),
    ],
)
def test_each_check_sees_a_page_that_breaks_it(
    right: str, wrong: str, sees: Callable[[Page], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, good = page_of("nl", "request")
    sources = {file.name: file.read_text() for file in PAGES.iterdir()}
    assert right in sources["request.html"]
    sources["request.html"] = sources["request.html"].replace(right, wrong)
    broken = rendering._environment.overlay(loader=jinja2.DictLoader(sources), cache_size=0)
    monkeypatch.setattr(rendering, "_environment", broken)
    _, page = page_of("nl", "request")
    assert sees(page) != sees(good)
