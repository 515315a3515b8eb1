"""What she sees is one structure. Its seal changes when anything that she reads changes, and it names nobody."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consent.grants.request import Asked
from consent.grants.shown import Shown, page_bytes, page_seal, show, terms_hash
from consent.words.purposes import Text

from .things import NAMES, NOON, held, seeded

KEY = bytes(range(32))
ASKED = Asked(purpose="energietoeslag", purpose_version=1, attributes=NAMES, duration_days=90)
VALUES = {"household_size": 3, "income_below_threshold": True, "energy_supplier": "Voorbeeld Energie"}


def page(**changes: Any) -> Shown:
    organisation, purpose = seeded()
    about: dict[str, Any] = {
        "request": "r" * 32, "asked": ASKED, "asked_at": NOON, "purpose": purpose, "organisation": organisation,
        "verified": True, "held": held(**VALUES), "language": "nl",
    }  # fmt: skip
    return show(**(about | changes))


def every_place(thing: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of each single value in a decoded page."""
    if isinstance(thing, dict):
        return [place for key, inner in thing.items() for place in every_place(inner, (*path, key))]
    if isinstance(thing, list):
        return [place for n, inner in enumerate(thing) for place in every_place(inner, (*path, n))]
    return [path]


PLACES = every_place(msgspec.to_builtins(page()))


def other(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case None:
            return "x"
        case _:
            return "en" if value == "nl" else f"{value}x"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_the_seal_changes_with_each_single_thing_on_the_page(place: tuple[Any, ...]) -> None:
    changed = msgspec.to_builtins(page())
    inner = changed
    for step in place[:-1]:
        inner = inner[step]
    # The types allow only the words that there are; the bytes that are hashed are what counts here.
    inner[place[-1]] = other(inner[place[-1]])
    before = page_seal(page(), key=KEY)
    assert page_seal(changed, key=KEY) != before
    assert page_seal(page(), key=KEY) == before


def test_every_value_label_and_reason_that_she_reads_is_in_the_structure() -> None:
    organisation, purpose = seeded()
    octets = page_bytes(page()).decode()
    for text in (
        organisation.name, organisation.website, purpose.why.nl, purpose.consequence_of_no.nl, purpose.other_way.nl,
        "Voorbeeld Energie", *[a.reason.nl for a in purpose.attributes],
    ):  # fmt: skip
        assert msgspec.json.encode(text).decode()[1:-1] in octets


@pytest.mark.parametrize(
    "change",
    [
        {"held": held(**(VALUES | {"household_size": 4}))},
        {
            "held": {
                **held(**VALUES),
                "household_size": replace(held(household_size=3)["household_size"], version=2),
            }
        },
        {"held": held(household_size=3, income_below_threshold=True)},
        {"verified": False},
        {"language": "en"},
        {"request": "s" * 32},
        {"asked_at": NOON + 1_000_000},
        {"asked": replace(ASKED, duration_days=91)},
        {"asked": replace(ASKED, attributes=NAMES[:3])},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_change_in_what_the_page_is_made_of_changes_the_seal(change: dict[str, Any]) -> None:
    assert page_seal(page(**change), key=KEY) != page_seal(page(), key=KEY)


@given(key=st.binary(min_size=32, max_size=32))
def test_another_persons_key_seals_the_same_page_otherwise(key: bytes) -> None:
    assert (page_seal(page(), key=key) == page_seal(page(), key=KEY)) == (key == KEY)


def test_what_is_needed_comes_first_and_nothing_is_shown_that_was_not_asked() -> None:
    items = page(asked=replace(ASKED, attributes=NAMES[:3])).items
    assert [item.name for item in items] == ["income_below_threshold", "household_size", "energy_supplier"]
    assert [item.required for item in items] == [True, True, False]
    assert page(held={}).items[0].value is None


def test_the_end_that_she_reads_does_not_move_while_she_reads() -> None:
    assert page().until == page(held={}).until == NOON + 90 * 86_400_000_000


@pytest.mark.parametrize(
    "change",
    [
        lambda about: about | {"template": b"another page"},
        lambda about: about | {"language": "en"},
        lambda about: about | {"purpose": replace(about["purpose"], version=2)},
        lambda about: about | {"purpose": replace(about["purpose"], why=Text(nl="Anders.", en="Otherwise."))},
        lambda about: about | {"template": b"the page" + b"\0" * 8},
    ],
)
def test_the_terms_pin_template_purpose_and_language_and_no_person(
    change: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    about: dict[str, Any] = {"template": b"the page", "purpose": seeded()[1], "language": "nl"}
    assert terms_hash(**change(about)) != terms_hash(**about)
    assert len(terms_hash(**about)) == 64
