"""What must hold of the words that an organisation brings, before an operator or a citizen reads them.

Each rule raises BrokenRule with the place and the rule, never with what was written there.
"""

import datetime
import re
import string
import unicodedata
from collections.abc import Iterable

import msgspec

from consent.words.attributes import CATALOGUE
from consent.words.errors import BadInput
from consent.words.ids import is_slug
from consent.words.purposes import Contact, Purpose

_FIELDS = {"organisation", "attributes", "date"}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")  # ISO 3166-1 alpha-2
_LAWFUL = ("legal_obligation", "public_task")


class BrokenRule(BadInput):
    """A rule does not hold; the text names the place and the rule."""


def refused(place: str, rule: str) -> BrokenRule:
    """The error that names *place* and *rule*."""
    return BrokenRule(f"{place.lstrip('.')}: {rule}")


def require(holds: bool, place: str, rule: str) -> None:
    """Raises BrokenRule unless it *holds*."""
    if not holds:
        raise refused(place, rule)


def check_once(names: Iterable[object], place: str) -> None:
    """No name stands twice. Raises BrokenRule."""
    seen = list(names)
    require(len(seen) == len(set(seen)), place, "one stands twice")


def check_slug(name: str, place: str) -> None:
    """It is a readable name. Raises BrokenRule."""
    require(is_slug(name), place, "a-z, 0-9 and hyphens, at most 64")


def check_purpose(purpose: Purpose, place: str) -> None:
    """All rules for one version of a purpose. Raises BrokenRule."""
    check_words(purpose, place)
    check_slug(purpose.id, f"{place}.id")
    for field in ("version", "maximum_days", "data_life_days", "frequency_per_day"):
        require(1 <= getattr(purpose, field) <= 36_500, f"{place}.{field}", "a whole number from 1")
    lawful = purpose.legal_basis in _LAWFUL
    require(
        lawful or not purpose.allowed_by_law, f"{place}.allowed_by_law", f"only with {' or '.join(_LAWFUL)}"
    )
    require(bool(purpose.attributes), f"{place}.attributes", "at least one")
    for n, asked in enumerate(purpose.attributes):
        attribute = CATALOGUE.get(asked.name)
        here = f"{place}.attributes[{n}].name"
        if attribute is None:
            raise refused(here, "not in the catalogue of attributes")
        require(lawful or not attribute.statutory_only, here, f"only with {' or '.join(_LAWFUL)}")
    check_once((a.name for a in purpose.attributes), f"{place}.attributes")
    for n, country in enumerate(purpose.storage_places):
        require(
            bool(_COUNTRY.fullmatch(country)), f"{place}.storage_places[{n}]", "a country in two capitals"
        )
    for name, sentence in purpose.because.items():
        require(is_slug(name), f"{place}.because", "each name: a-z, 0-9 and hyphens, at most 64")
        for language, words in (("nl", sentence.nl), ("en", sentence.en)):
            _check_template(words, f"{place}.because.{name}.{language}")
    check_contact(purpose.contact, f"{place}.contact")


def _check_template(sentence: str, place: str) -> None:
    """Only three plain fields: `{organisation.__class__}` or `{date!r}` would print what nobody approved."""
    try:
        parts = list(string.Formatter().parse(sentence))
    except ValueError:
        raise refused(place, "braces only around a field") from None
    fields = {field for _, field, _, _ in parts if field is not None}
    plain = all(not layout and not conversion for _, field, layout, conversion in parts if field is not None)
    require(plain and fields <= _FIELDS, place, "only {organisation}, {attributes} and {date}")
    require("attributes" in fields, place, "{attributes} must be in the sentence: it answers why")


def check_contact(contact: Contact, place: str) -> None:
    """Its address leads to a page over https. Raises BrokenRule."""
    require(contact.url is None or is_https(contact.url), f"{place}.url", "an https address")


def is_https(address: str) -> bool:
    """Answer whether *address* is one over https without a user in it."""
    return re.fullmatch(r"https://[^\s/@]+(/\S*)?", address) is not None


def check_day(day: str, place: str) -> None:
    """A day that exists, as YYYY-MM-DD. Raises BrokenRule."""
    try:
        require(bool(_DAY.fullmatch(day)), place, "a date as YYYY-MM-DD")
        datetime.date.fromisoformat(day)
    except ValueError:
        raise refused(place, "a date that exists") from None


def check_words(words: object, place: str) -> None:
    """Every text is there, in both languages, and holds nothing that a page cannot show."""
    match words:
        case str():
            require(bool(words.strip()), place, "the text is empty")
            shown = all(unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") for c in words)
            require(shown, place, "no control characters")
        case msgspec.Struct():
            for field in words.__struct_fields__:
                check_words(getattr(words, field), f"{place}.{field}")
        case tuple():
            for n, part in enumerate(words):
                check_words(part, f"{place}[{n}]")
        case dict():
            for name, part in words.items():
                check_words(part, f"{place}.{name}" if is_slug(name) else place)
