"""Each attribute says where it comes from, and that place exists."""

import json
from pathlib import Path
from typing import Any

import pytest

from consent.words.attributes import CATALOGUE, SOURCES, Attribute
from tests.words.attributes_page import page

_HERE = Path(__file__).parent
_DOCS = _HERE.parents[1] / "docs" / "reference"
_BRP = json.loads((_HERE / "brp_paths.json").read_text(encoding="utf-8"))
_INCOME = json.loads((_DOCS / "income.schema.json").read_text(encoding="utf-8"))

_TYPES = {
    "text": "string",
    "date": "string:date",
    "integer": "integer",
    "euro": "integer",
    "boolean": "boolean",
    "list": "string",
}


def walk(tree: Any, path: str) -> tuple[Any, bool]:
    """What stands at *path*, and whether a list was crossed on the way. KeyError when it leads nowhere."""
    crossed = False
    for step in path.split("."):
        tree = tree[step]
        if isinstance(tree, list):
            tree, crossed = tree[0], True
    return tree, crossed


def from_source(source: str) -> list[Attribute]:
    return [attribute for attribute in CATALOGUE.values() if attribute.source == source]


@pytest.mark.parametrize("attribute", from_source("brp"), ids=lambda a: a.name)
def test_each_brp_path_exists_in_the_published_schema_and_fits_the_kind(attribute: Attribute) -> None:
    found, crossed = walk(_BRP["person"], attribute.path)
    if not attribute.derived:  # what is worked out may start from anything
        assert found == _TYPES[attribute.kind]
        assert (attribute.kind == "list") == crossed or attribute.about == "partner"


@pytest.mark.parametrize("attribute", from_source("income"), ids=lambda a: a.name)
def test_each_income_path_exists_in_our_own_schema_and_fits_the_kind(attribute: Attribute) -> None:
    found, _ = walk(_INCOME["properties"], attribute.path.replace(".", ".properties."))
    assert found["type"] == _TYPES[attribute.kind]


def test_what_the_citizen_says_herself_has_no_path() -> None:
    assert from_source("self")
    assert all(not a.path and not a.derived and a.about == "self" for a in from_source("self"))


def test_a_path_that_leads_nowhere_is_noticed() -> None:
    with pytest.raises(KeyError):
        walk(_BRP["person"], "naam.roepnaam")


def test_the_extract_names_its_source_and_licence() -> None:
    assert _BRP["version"] == "2.7.0"
    assert "EUPL-1.2" in _BRP["licence"]
    assert _BRP["source"].endswith("BRP-API/Haal-Centraal-BRP-bevragen")


def test_the_page_of_attributes_is_the_catalogue() -> None:
    command = "python -m tests.words.attributes_page > docs/reference/attributes.md"
    assert (_DOCS / "attributes.md").read_text(encoding="utf-8") == page(), f"run: {command}"


def test_every_attribute_has_a_source_with_words_in_both_languages() -> None:
    for attribute in CATALOGUE.values():
        assert attribute.source in SOURCES
        for text in (attribute.label, attribute.hint, SOURCES[attribute.source]):
            assert text.nl.strip()
            assert text.en.strip()


def test_only_what_a_law_must_allow_is_statutory() -> None:
    assert [a.name for a in CATALOGUE.values() if a.statutory_only] == ["bsn"]


def test_what_tells_where_somebody_comes_from_is_special() -> None:
    assert {a.name for a in CATALOGUE.values() if a.special} == {
        "bsn",
        "nationalities",
        "residence_permit",
        "residence_permit_until",
    }


def test_what_describes_somebody_else_says_so() -> None:
    for attribute in CATALOGUE.values():
        if attribute.name.startswith(("partner_", "children_")):
            assert attribute.about == ("partner" if attribute.name.startswith("partner_") else "child")
        else:
            assert attribute.about == "self"
