"""A purpose as somebody writes it at the pages, and what has to change before it can be proposed.

Pure: no I/O, no clock.
"""

import re
from typing import Literal, get_args

import msgspec

from consent.grants.shown import Held
from consent.words.attributes import Attribute, Value
from consent.words.purposes import LANGUAGES, AskedAttribute, LegalBasis, Organisation, Purpose, Text
from consent.words.rules import BrokenRule, check_purpose

from .plain import heavy

BASES: tuple[LegalBasis, ...] = get_args(LegalBasis)
MOST_ITEMS = 15  # more is for the API
SENTENCES = ("title", "why", "consequence_of_no", "other_way", "because")
NUMBERS = ("maximum_days", "data_life_days", "frequency_per_day")
BECAUSE = "letter"  # the name of the sentence that stands in a letter to her
_NOTHING = Text("", "")
_GAP = Text("(nog niet geschreven)", "(not written yet)")
_PLACE = re.compile(r"attributes\[(\d+)\]")


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One attribute that is asked."""

    name: str
    required: bool = False
    reason: Text = _NOTHING


class Sketch(msgspec.Struct, frozen=True, kw_only=True):
    """A purpose as somebody has written it so far; anything may still be empty."""

    texts: dict[str, Text]  # by SENTENCES
    items: tuple[Item, ...] = ()
    legal_basis: str = "consent"
    allowed_by_law: bool = False
    automated_decision: bool = False
    numbers: dict[str, str]  # by NUMBERS, as written
    storage_places: str = "NL"
    recipient: Text = _NOTHING
    base: Purpose | None = None  # the version that it began with; what the form does not have is kept


class Fault(msgspec.Struct, frozen=True):
    """What has to change before it can be proposed: in which field, which rule, and which word or number."""

    field: str  # as the form names it
    rule: Literal["empty", "long", "word", "number", "template", "lawful", "country", "items", "text"]
    what: str = ""


def faults(sketch: Sketch, purpose: str, organisation: Organisation) -> list[Fault]:
    """What has to change before *sketch* can be proposed, in the order of the form; nothing when it is whole."""
    found: list[Fault] = []
    for name in SENTENCES:
        _read(found, name, sketch.texts[name])
    for name in NUMBERS:
        if _number(sketch.numbers[name]) is None:
            found.append(Fault(name, "number"))
    if not sketch.items:
        found.append(Fault("add", "items"))
    for n, item in enumerate(sketch.items):
        _read(found, f"reason.{n}", item.reason)
    if sketch.recipient != _NOTHING:
        _read(found, "recipient", sketch.recipient)
    if not found:
        try:
            check_purpose(drafted(sketch, purpose, 1, organisation), "")
        except BrokenRule as broken:
            found.append(_as_fault(str(broken)))
    return found


def _read(found: list[Fault], field: str, text: Text) -> None:
    for language in LANGUAGES:
        words = text.in_language(language)
        if not words.strip():
            found.append(Fault(f"{field}.{language}", "empty"))
        for one in heavy(words, language):
            found.append(Fault(f"{field}.{language}", "long" if one.kind == "long" else "word", one.what))


def _as_fault(broken: str) -> Fault:
    """The rule that `check_purpose` names, in the words of the form."""
    place, _, rule = broken.partition(": ")
    if place.startswith("because"):
        return Fault(f"because.{place[-2:]}", "template")
    if place.startswith("storage_places"):
        return Fault("storage_places", "country")
    if place == "allowed_by_law" or rule.startswith("only with"):
        return Fault("legal_basis", "lawful")
    item = _PLACE.match(place)
    if item is not None:
        return Fault(f"reason.{item[1]}.nl", "text")
    first, _, rest = place.partition(".")
    return Fault(f"{first}.{rest}" if first in SENTENCES else first or "title.nl", "text")


def _number(text: str) -> int | None:
    value = int(text) if re.fullmatch(r"[0-9]{1,5}", text.strip()) else 0
    return value if 1 <= value <= 36_500 else None


def drafted(
    sketch: Sketch, purpose: str, version: int, organisation: Organisation, *, lenient: bool = False
) -> Purpose:
    """The purpose that *sketch* describes; a *lenient* one, for a look at it, has no lawless basis and no gaps."""
    numbers = {name: _number(text) or 1 for name, text in sketch.numbers.items()}
    base = sketch.base
    because = {} if base is None else dict(base.because)
    because[next(iter(because), BECAUSE)] = sketch.texts["because"]
    others = () if base is None else base.recipients[1:]

    def words(text: Text) -> Text:
        return Text(text.nl.strip() or _GAP.nl, text.en.strip() or _GAP.en) if lenient else text

    return Purpose(
        id=purpose,
        version=version,
        organisation=organisation.id,
        legal_basis=msgspec.convert(sketch.legal_basis, LegalBasis),
        allowed_by_law=sketch.allowed_by_law,
        title=words(sketch.texts["title"]),
        why=words(sketch.texts["why"]),
        consequence_of_no=words(sketch.texts["consequence_of_no"]),
        other_way=words(sketch.texts["other_way"]),
        attributes=tuple(
            AskedAttribute(name=one.name, required=one.required, reason=words(one.reason))
            for one in sketch.items
        ),
        because={} if lenient else because,
        maximum_days=numbers["maximum_days"],
        data_life_days=numbers["data_life_days"],
        frequency_per_day=numbers["frequency_per_day"],
        recipients=others if sketch.recipient == _NOTHING else (sketch.recipient, *others),
        storage_places=tuple(sketch.storage_places.replace(",", " ").split()),
        automated_decision=sketch.automated_decision,
        witnessed=base is not None and base.witnessed,
        contact=organisation.contact if base is None else base.contact,
    )


def sketch_of(purpose: Purpose) -> Sketch:
    """What was proposed before, to write on."""
    because = next(iter(purpose.because.values()), _NOTHING)
    return Sketch(
        texts={name: getattr(purpose, name) for name in SENTENCES if name != "because"}
        | {"because": because},
        items=tuple(
            Item(name=one.name, required=one.required, reason=one.reason) for one in purpose.attributes
        ),
        legal_basis=purpose.legal_basis,
        allowed_by_law=purpose.allowed_by_law,
        automated_decision=purpose.automated_decision,
        numbers={name: str(getattr(purpose, name)) for name in NUMBERS},
        storage_places=" ".join(purpose.storage_places),
        recipient=next(iter(purpose.recipients), _NOTHING),
        base=purpose,
    )


def empty() -> Sketch:
    """An empty sheet."""
    return Sketch(texts=dict.fromkeys(SENTENCES, _NOTHING), numbers=dict.fromkeys(NUMBERS, ""))


_INVENTED: dict[str, Value] = {
    "text": "Voorbeeld",
    "date": "1990-01-31",
    "integer": 2,
    "euro": 18400,
    "boolean": True,
    "list": ("Voorbeeld",),
}


def invented(attribute: Attribute) -> Held:
    """The value of a person who does not exist."""
    return Held(
        name=attribute.name,
        version=1,
        value=_INVENTED[attribute.kind],
        source=attribute.source,
        as_of="2026-01-01",
    )
