"""Why do I see this? From a use back to the disclosure, the grant, the attribute and its source, in one sentence."""

import msgspec

from consent.grants.use import because
from consent.storage.demands import Demand
from consent.storage.kinds import KEYS, ORGANISATION, USE
from consent.words.attributes import CATALOGUE, SOURCES
from consent.words.errors import NotFound
from consent.words.ids import is_id
from consent.words.purposes import Language

from .approve import organisation_from
from .demand import demands_of, sealed_as
from .doubt import doubted_at
from .hold import holdings_of
from .house import House
from .overview import find_purpose, labels
from .receipt import own_grant
from .ways import open_text


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What she asked about it, and what they answered."""

    text: str
    asked_at: int
    reply: str | None
    answered_at: int | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """The whole chain behind one use."""

    because: str
    organisation: str
    purpose: str
    labels: tuple[str, ...]
    sources: tuple[tuple[str, str, str], ...]  # label, source, as of
    disclosed_at: int
    used_at: int
    grant: str
    active: bool
    use: str
    doubted_at: int | None  # when she said that it feels wrong
    question: "Question | None"


async def explain(house: House, *, citizen: str, use: str, language: Language) -> Explanation:
    """Explain a use to the citizen it is about. Raises NotFound for anybody else's or an unknown one."""
    rows = await house.store.read("use.by_id", use) if is_id(use) else []
    found = USE.from_row(rows[0]) if rows else None
    if found is None or found.citizen != citizen:
        raise NotFound("there is no such use")
    grant = await own_grant(house, citizen, found.grant)
    purpose = await find_purpose(house, grant.purpose, grant.purpose_version)
    (organisation_row,) = await house.store.read(ORGANISATION.get, grant.organisation)
    organisation = organisation_from(ORGANISATION.from_row(organisation_row).record)
    sentence = because(
        found.template,
        purpose=purpose,
        organisation=organisation,
        attributes=found.attributes,
        disclosed_at=found.disclosed_at,
    )
    if sentence is None:
        raise NotFound("there is no such use")
    sources = []
    holdings = await holdings_of(house, citizen)
    for name in found.attributes:
        value = holdings.newest(name)
        if value is not None:
            label = CATALOGUE[name].label.in_language(language)
            sources.append((label, SOURCES[value.source].in_language(language), value.as_of))
    return Explanation(
        because=sentence.in_language(language),
        organisation=organisation.name,
        purpose=purpose.title.in_language(language),
        labels=labels(found.attributes, language),
        sources=tuple(sources),
        disclosed_at=found.disclosed_at,
        used_at=found.at,
        grant=grant.id,
        active=grant.is_live(at=house.clock()),
        use=use,
        doubted_at=await doubted_at(house, use),
        question=await _question(house, citizen, use),
    )


async def _question(house: House, citizen: str, use: str) -> Question | None:
    for one in await demands_of(house, citizen):
        if (one.kind, one.about) == ("explain", use):
            return await question_of(house, one)
    return None


async def question_of(house: House, demand: Demand) -> Question:
    """A demand of hers in words, for her own page."""
    ((*row,),) = await house.store.read(KEYS.get, demand.citizen)
    keys = house.unwrapped.of(KEYS.from_row(row))
    opened = sealed_as(demand.id)
    return Question(
        text=open_text(keys, demand.citizen, opened, demand.sealed) if demand.sealed else "",
        asked_at=demand.asked_at,
        reply=open_text(keys, demand.citizen, f"{opened}/reply", demand.reply) if demand.reply else None,
        answered_at=demand.answered_at,
    )
