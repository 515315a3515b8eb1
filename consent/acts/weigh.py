"""What an operator reads before she decides: what would be different, and what is unusual about it.

The advice comes from fixed rules about what was submitted. It decides nothing.
"""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from consent.storage.kinds import ORGANISATION, PROPOSAL, PURPOSE
from consent.storage.rows import JournalLine
from consent.words.attributes import CATALOGUE
from consent.words.errors import NotFound
from consent.words.purposes import LANGUAGES, Language, Purpose, Text

from .approve import organisation_from, purpose_from
from .house import House
from .oversee import Listed, Look, journal, listing, look
from .plain import heavy
from .suspend import Subject, subject

Part = str | int | bool | None
AdviceCode = Literal[
    "special", "about_others", "law_only", "rare", "all_needed", "long", "kept_long", "often", "machine", "abroad",
    "weak_yes", "heavy_words", "long_sentences", "many_at_once",
]  # fmt: skip

# The European Economic Area, where the GDPR holds as it is: the EU of 2026 with Iceland, Liechtenstein and Norway.
_EEA = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
_LONG = 366  # days of a grant
_KEPT_LONG = 5 * 366  # days at the organisation
_OFTEN = 24  # times a day
_MANY = 3  # attributes, all of them needed
_IN_WORDS = 8  # items of a list that are written out


class Row(msgspec.Struct, frozen=True):
    """One thing that was submitted, beside what is in effect. *part* tells the rows of one name apart."""

    name: str
    part: str
    before: Part
    now: Part

    @property
    def changed(self) -> bool:
        return self.before != self.now


class Advice(msgspec.Struct, frozen=True):
    """What is unusual. *about*: the attributes, places or words that it is about."""

    code: AdviceCode
    about: tuple[str, ...] = ()


class Weighed(msgspec.Struct, frozen=True, kw_only=True):
    """All that there is to know before a decision."""

    subject: Subject
    look: Look
    listed: Listed | None  # how it stands among the others
    against: str | None  # what *before* of the rows is: an approved version, or None
    rows: tuple[Row, ...]
    advice: tuple[Advice, ...]
    last: JournalLine | None  # what an operator did about it last
    beside: tuple[Listed, ...] = ()  # of an organisation: its clients and purposes


async def weigh(house: House, about: Subject) -> Weighed:
    """Everything about one organisation, client or version of a purpose. Raises NotFound."""
    if about.kind == "purpose" and about.version is None:
        raise NotFound("name one version of the purpose as id@version")
    seen = await look(house, about)
    before, against = seen.in_effect, about.reference if seen.in_effect is not None else None
    advice: tuple[Advice, ...] = ()
    beside: list[Listed] = []
    if about.kind == "purpose":
        if before is None:
            before, against = await _approved_before(house, about)
        advice = tuple([one async for one in _advice(house, about, seen)])
    if seen.submitted.get("batch_disclosure") and not (before or {}).get("batch_disclosure"):
        advice = (Advice("many_at_once"),)
    if about.kind == "organisation":
        for one in (*await listing(house, "client"), *await listing(house, "purpose")):
            if one.organisation == about.id:
                beside.append(one)
    there = {(one.id): one for one in await listing(house, about.kind)}
    return Weighed(
        subject=about,
        look=seen,
        listed=there.get(about.reference),
        against=against,
        rows=tuple(_rows(before, seen.submitted)),
        advice=advice,
        last=await last_about(house, about),
        beside=tuple(beside),
    )


async def titles(house: House, language: Language) -> dict[str, str]:
    """What each version of a purpose is for, by its reference."""
    records = [PURPOSE.from_row(row).record for row in await house.store.read("purpose.all")]
    records += [PROPOSAL.from_row(row).record for row in await house.store.read("proposal.all")]
    return {one.reference: one.title.in_language(language) for one in map(purpose_from, records)}


async def last_about(house: House, about: Subject) -> JournalLine | None:
    """What an operator did about it last, as far back as the journal is read."""
    for line in await journal(house):
        if line.kind == about.kind and line.subject.split(" ")[0] == about.reference:
            return line
    return None


async def _approved_before(house: House, about: Subject) -> tuple[dict[str, Any] | None, str | None]:
    rows = [PURPOSE.from_row(row) for row in await house.store.read("purpose.versions", about.id)]
    older = [row for row in rows if about.version is None or row.version < about.version]
    if not older:
        return None, None
    newest = max(older, key=lambda row: row.version)
    return msgspec.json.decode(newest.record), subject("purpose", f"{newest.id}@{newest.version}").reference


def _rows(before: dict[str, Any] | None, now: dict[str, Any]) -> Iterator[Row]:
    old = dict(_parts(before)) if before is not None else {}
    new = dict(_parts(now))
    for name, part in [*new, *(place for place in old if place not in new)]:
        yield Row(name, part, old.get((name, part)), new.get((name, part)))


def _parts(record: dict[str, Any]) -> Iterator[tuple[tuple[str, str], Part]]:
    for name, value in record.items():
        for part, found in _flat(value):
            yield (name, part), found


def _flat(value: Any, place: str = "") -> Iterator[tuple[str, Part]]:
    """What a value says, in pieces that can be read and compared one by one."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _flat(part, f"{place} {name}".strip())
    elif isinstance(value, list | tuple) and any(isinstance(part, dict | list) for part in value):
        for number, part in enumerate(value):
            # An attribute keeps its place by its name, whatever stands before it.
            name = str(part.get("name", number + 1)) if isinstance(part, dict) else str(number + 1)
            yield from _flat({k: v for k, v in part.items() if k != "name"}, f"{place} {name}".strip())
    elif isinstance(value, list | tuple):
        yield (
            place,
            ", ".join(str(part) for part in value[:_IN_WORDS]) + (" …" if len(value) > _IN_WORDS else ""),
        )
    else:
        yield place, value


async def _advice(house: House, about: Subject, seen: Look) -> Any:
    purpose = msgspec.convert(seen.submitted, Purpose)
    others = [
        purpose_from(row.record)
        for row in map(PURPOSE.from_row, await house.store.read("purpose.all"))
        if row.id != about.id and row.status == "approved"
    ]
    (row,) = await house.store.read(ORGANISATION.get, purpose.organisation)
    register = organisation_from(ORGANISATION.from_row(row).record).registration.register
    for one in unusual(purpose, others, is_government=register == "OIN"):
        yield one


def unusual(purpose: Purpose, others: list[Purpose], *, is_government: bool) -> Iterator[Advice]:
    """What an operator should look at twice. *others*: the approved purposes of everybody."""
    known = [(asked, CATALOGUE[asked.name]) for asked in purpose.attributes if asked.name in CATALOGUE]
    everywhere = {asked.name for other in others for asked in other.attributes}
    for code, names in (
        ("special", [a.name for a, known_as in known if known_as.special]),
        ("about_others", [a.name for a, known_as in known if known_as.about != "self"]),
        ("law_only", [a.name for a, known_as in known if known_as.statutory_only]),
        ("rare", [a.name for a, _ in known if others and a.name not in everywhere]),
    ):
        if names:
            yield Advice(code, tuple(names))  # type: ignore[arg-type]
    if len(purpose.attributes) > _MANY and all(asked.required for asked in purpose.attributes):
        yield Advice("all_needed")
    if purpose.maximum_days > _LONG:
        yield Advice("long")
    if purpose.data_life_days > _KEPT_LONG:
        yield Advice("kept_long")
    if purpose.frequency_per_day > _OFTEN:
        yield Advice("often")
    if purpose.automated_decision:
        yield Advice("machine")
    abroad = tuple(place for place in purpose.storage_places if place not in _EEA.split())
    if abroad:
        yield Advice("abroad", abroad)
    if is_government and purpose.legal_basis == "consent":
        # Recital 43 of the GDPR: who cannot well say no to an authority does not say yes freely.
        yield Advice("weak_yes")
    hard = [
        one
        for text in _for_citizens(purpose)
        for language in LANGUAGES
        for one in heavy(text.in_language(language), language)
    ]
    words = tuple(dict.fromkeys(one.what for one in hard if one.kind == "word"))
    if words:
        yield Advice("heavy_words", words)
    if any(one.kind == "long" for one in hard):
        yield Advice("long_sentences")


def _for_citizens(purpose: Purpose) -> Iterator[Text]:
    """Every text of *purpose* that a citizen reads."""
    yield from (purpose.title, purpose.why, purpose.consequence_of_no, purpose.other_way)
    yield from (asked.reason for asked in purpose.attributes)
    yield from purpose.because.values()
    yield from purpose.recipients
