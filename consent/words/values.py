"""An attribute: one fact that a citizen can hold, and how its value is written, checked and shown.

Pure and strict. Text comes in from a form or a file, a `Value` goes to the vault, a sentence to the page.
What each attribute is called and where it comes from stands in `catalogue.py`.
"""

import datetime
import re
import unicodedata
from typing import Literal

import msgspec

from consent.words.canonical import canonical
from consent.words.dates import month_name
from consent.words.errors import BadInput
from consent.words.purposes import Language, Text

Kind = Literal["text", "date", "integer", "euro", "boolean", "list"]
About = Literal["self", "partner", "child"]
Source = Literal["brp", "income", "self"]

# date: text YYYY-MM-DD; euro: whole euros; list: texts in the order in which they were given.
Value = str | int | bool | tuple[str, ...]

TEXT_LIMIT = 400  # characters, after normalisation
LIST_LIMIT = 20  # items
NUMBER_LIMIT = 999_999_999  # far below 2^53, so that every JSON reader agrees on it


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """What one attribute is: its kind, its words, whom it is about and where it comes from."""

    name: str  # English, snake_case; the name on the wire and in the log
    kind: Kind
    label: Text  # starts with a capital; `label_in_sentence` for the middle of a sentence
    about: About = "self"
    special: bool = False  # GDPR article 9, or as delicate: the page gives it a sentence of its own
    statutory_only: bool = False  # may only be asked where a law says so (BSN)
    source: Source
    path: str = ""  # path in the source's schema, "" when the citizen says it herself
    derived: bool = False  # worked out from what stands at *path*, not copied from it
    form: str = ""  # regular expression that the whole text must match, "" for any text
    hint: Text  # how to write it


def label_in_sentence(attribute: Attribute, language: Language) -> str:
    """The label for the middle of a sentence: a small first letter, but "BSN" keeps its capitals."""
    return in_sentence(attribute.label.in_language(language))


def in_sentence(label: str) -> str:
    """A label that is already in the reader's language, for the middle of a sentence."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def parse_value(attribute: Attribute, text: str) -> Value:
    """Read what somebody wrote in a form. Raises BadInput with the rule that was broken, never with the text.

    Dates: `1961-03-03` or `3-3-1961`. Euros: `18400`, `18.400` or `€ 18.400`, no cents. Yes or no: `ja`,
    `nee`, `yes`, `no`, `true`, `false`. Lists: commas or new lines between the items.
    """
    if len(text) > 2 * TEXT_LIMIT * LIST_LIMIT:  # before any work is done on it
        raise BadInput(f"{attribute.name}: the text is too long")
    match attribute.kind:
        case "list":
            return check_value(attribute, [part for part in re.split(r"[,\r\n]", text) if part.strip()])
        case "boolean":
            return _parse_boolean(attribute, text.strip().lower())
        case "integer":
            return check_value(attribute, _parse_integer(attribute, text.strip()))
        case "euro":
            return check_value(attribute, _parse_euro(attribute, text.strip()))
        case "date":
            return check_value(attribute, _iso_date(text.strip()))
        case "text":
            return check_value(attribute, text)


def check_value(attribute: Attribute, value: object) -> Value:
    """Check a value that already has a type (from a source or a file) and return it in its one written form.

    A list or tuple of texts becomes a tuple; text becomes Unicode NFC without outer white space. Raises
    BadInput with the rule that was broken, never with the value.
    """
    match attribute.kind:
        case "boolean" if isinstance(value, bool):
            return value
        case "integer" | "euro" if isinstance(value, int) and not isinstance(value, bool):
            lowest = -NUMBER_LIMIT if attribute.kind == "euro" else 0  # a loss is an income below zero
            if not lowest <= value <= NUMBER_LIMIT:
                raise BadInput(f"{attribute.name}: the number is out of range")
            return value
        case "date" if isinstance(value, str):
            return _check_date(attribute, value)
        case "text" if isinstance(value, str):
            return _check_text(attribute, value)
        case "list" if isinstance(value, (list, tuple)):
            return _check_list(attribute, value)
        case _:
            raise BadInput(f"{attribute.name}: the value is not of kind {attribute.kind}")


def show_value(attribute: Attribute, value: Value, language: Language) -> str:
    """Write *value* as people read it: `3 maart 1961`, `€ 18.400`, `ja`; `3 March 1961`, `€18,400`, `yes`."""
    match value:
        case bool():
            return _YES_NO[language][value]
        case int():
            return _show_euro(value, language) if attribute.kind == "euro" else str(value)
        case tuple():
            return _show_list(value, language)
        case str():
            return _show_date(value, language) if attribute.kind == "date" else value


def value_bytes(value: Value) -> bytes:
    """The canonical JSON of *value*: what is sealed in the vault and what its commitment is made over."""
    return canonical(value)


def value_from(sealed: bytes) -> Value:
    """Read back what `value_bytes` wrote. Raises BadInput when the bytes are anything else."""
    try:
        return _DECODER.decode(sealed)
    except msgspec.DecodeError:  # its own message can quote the value
        raise BadInput("the stored bytes are not a value") from None


_DECODER: msgspec.json.Decoder[Value] = msgspec.json.Decoder(str | int | bool | tuple[str, ...])

_YES_NO: dict[Language, tuple[str, str]] = {"nl": ("Nee", "Ja"), "en": ("No", "Yes")}
_AND: dict[Language, str] = {"nl": " en ", "en": " and "}

# Cc control, Cs half a surrogate pair, Zl and Zp line and paragraph separators.
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Direction overrides can make a page show another text than the one that is stored.
_DIRECTION_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_DUTCH_DATE = re.compile(r"([0-9]{1,2})-([0-9]{1,2})-([0-9]{4})")
_INTEGER = re.compile(r"[0-9]{1,9}")
# Dots or commas between groups of three, never both, never cents.
_EURO = re.compile(r"(?:€ ?)?(-?)([0-9]{1,9}|[0-9]{1,3}(?:\.[0-9]{3}){1,2}|[0-9]{1,3}(?:,[0-9]{3}){1,2})")


def _parse_boolean(attribute: Attribute, text: str) -> bool:
    if text in ("ja", "yes", "true"):
        return True
    if text in ("nee", "no", "false"):
        return False
    raise BadInput(f"{attribute.name}: write ja or nee (yes or no)")


def _parse_integer(attribute: Attribute, text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise BadInput(f"{attribute.name}: write a whole number in digits")
    return int(text)


def _parse_euro(attribute: Attribute, text: str) -> int:
    match = _EURO.fullmatch(text)
    if match is None:
        raise BadInput(f"{attribute.name}: write an amount in whole euros")
    sign, digits = match.groups()
    return int(sign + digits.replace(".", "").replace(",", ""))


def _iso_date(text: str) -> str:
    """Turn `3-3-1961` around; anything else goes on as it is and is checked there."""
    match = _DUTCH_DATE.fullmatch(text)
    if match is None:
        return text
    day, month, year = match.groups()
    return f"{year}-{month:0>2}-{day:0>2}"


def _check_date(attribute: Attribute, text: str) -> str:
    match = _ISO_DATE.fullmatch(text)
    try:
        year, month, day = (int(part) for part in match.groups()) if match else (0, 0, 0)
        datetime.date(year, month, day)
    except ValueError:
        raise BadInput(f"{attribute.name}: write a date that exists, as YYYY-MM-DD or D-M-YYYY") from None
    return text


def _check_text(attribute: Attribute, text: str) -> str:
    tidy = unicodedata.normalize("NFC", text).strip()
    if not tidy:
        raise BadInput(f"{attribute.name}: the text is empty")
    if len(tidy) > TEXT_LIMIT:
        raise BadInput(f"{attribute.name}: at most {TEXT_LIMIT} characters")
    if any(unicodedata.category(c) in _FORBIDDEN_CATEGORIES or c in _DIRECTION_CONTROLS for c in tidy):
        raise BadInput(f"{attribute.name}: no control characters")
    if attribute.name == "postcode":
        letters = tidy.replace(" ", "").upper()
        tidy = f"{letters[:4]} {letters[4:]}"
    if attribute.name == "iban":
        tidy = tidy.replace(" ", "").upper()
    if attribute.form and not re.fullmatch(attribute.form, tidy):
        raise BadInput(f"{attribute.name}: write it as the hint says")
    if attribute.name == "iban" and not _is_iban(tidy):
        raise BadInput("iban: the check digits do not fit, so there is a mistake in it")
    return tidy


def _is_iban(text: str) -> bool:
    """ISO 13616: the first four characters move to the end, A counts as 10, and division by 97 leaves 1."""
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def _check_list(attribute: Attribute, items: list[object] | tuple[object, ...]) -> tuple[str, ...]:
    if not 1 <= len(items) <= LIST_LIMIT:
        raise BadInput(f"{attribute.name}: between 1 and {LIST_LIMIT} items")
    checked = []
    for item in items:
        if not isinstance(item, str):
            raise BadInput(f"{attribute.name}: every item is a text")
        checked.append(_check_text(attribute, item))
    return tuple(checked)


def _show_euro(amount: int, language: Language) -> str:
    grouped = f"{abs(amount):,}"
    if language == "en":
        return f"{'-' if amount < 0 else ''}€{grouped}"
    return f"€ {'-' if amount < 0 else ''}{grouped.replace(',', '.')}"


def _show_date(iso: str, language: Language) -> str:
    year, month, day = iso.split("-")
    return f"{int(day)} {month_name(int(month), language)} {int(year)}"


def _show_list(items: tuple[str, ...], language: Language) -> str:
    if len(items) <= 1:
        return "".join(items)
    return ", ".join(items[:-1]) + _AND[language] + items[-1]
