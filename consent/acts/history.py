"""What a value was before: each version that is kept, from when until when, for her alone; and how she lets them go."""

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent.grants.decide import for_herself
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CITIZEN, GRANT, KEYS, VALUE
from consent.storage.store import Statement
from consent.vault.seal import open_sealed
from consent.words.attributes import CATALOGUE, SOURCES, show_value, value_from
from consent.words.decision import Refusal
from consent.words.errors import AccountClosing, NotFound
from consent.words.purposes import Language

from .demand import demands_of
from .explain import Question, question_of
from .hold import SELF, organisation_name
from .house import House
from .overview import find_purpose


class Was(msgspec.Struct, frozen=True, kw_only=True):
    """One version; `value` None: she had none. `until` None: it holds now."""

    value: str | None
    source: str
    from_at: int
    until: int | None


class Seer(msgspec.Struct, frozen=True, kw_only=True):
    """A grant under which it can be seen now."""

    grant: str
    of: str
    organisation: str
    purpose: str
    until: int


class History(msgspec.Struct, frozen=True, kw_only=True):
    """One attribute with all that is known of it, the newest version first."""

    name: str
    label: str
    mine: bool
    source: str  # as the catalogue has it
    versions: tuple[Was, ...]
    seers: tuple[Seer, ...]
    asked: Question | None  # what she asked its source last
    outcome: str | None
    askable: bool  # whether somebody answers for the source here


async def history(house: House, *, citizen: str, name: str, language: Language) -> History:
    """One attribute that she has, or had. Raises NotFound."""
    attribute = CATALOGUE.get(name)
    rows = await house.store.read("value.of_name", citizen, name) if attribute is not None else []
    wrapped = await house.store.read(KEYS.get, citizen)
    permit = for_herself(citizen, frozenset({name}), signed_in=citizen)
    if attribute is None or not rows or not wrapped or isinstance(permit, Refusal):
        raise NotFound("there is no such attribute of yours")
    values = [VALUE.from_row(row) for row in rows]
    cipher = AESGCM(house.unwrapped.of(KEYS.from_row(wrapped[0])).data.reveal())
    versions, until = [], None
    for value in values:
        opened = None if value.removed else value_from(open_sealed(permit, value, cipher=cipher).value)
        versions.append(
            Was(
                value=None if opened is None else show_value(attribute, opened, language),
                source=SOURCES[value.source].in_language(language),
                from_at=value.created_at,
                until=until,
            )
        )
        until = value.created_at
    asked = [one for one in await demands_of(house, citizen) if (one.kind, one.about) == ("correct", name)]
    return History(
        name=name,
        label=attribute.label.in_language(language),
        mine=values[0].source == SELF,
        source=values[0].source,
        versions=tuple(versions),
        seers=await _seers(house, citizen, name, language),
        asked=await question_of(house, asked[0]) if asked else None,
        outcome=asked[0].outcome if asked else None,
        askable=values[0].source in house.sources and not any(one.answered_at is None for one in asked),
    )


async def _seers(house: House, citizen: str, name: str, language: Language) -> tuple[Seer, ...]:
    at = house.clock()
    found = []
    for row in await house.store.read("grant.of_citizen", citizen):
        grant = GRANT.from_row(row)
        if grant.is_live(at=at) and name in grant.attributes:
            purpose = await find_purpose(house, grant.purpose, grant.purpose_version)
            found.append(
                Seer(
                    grant=grant.id,
                    of=grant.organisation,
                    organisation=await organisation_name(house, grant.organisation),
                    purpose=purpose.title.in_language(language),
                    until=grant.expires_at,
                )
            )
    return tuple(found)


async def forget(house: House, *, citizen: str, name: str) -> None:
    """Delete what a value was before; what it is now stays. Raises NotFound, AccountClosing."""
    if name not in CATALOGUE:
        raise NotFound("there is no such attribute")

    def story(book: Book) -> Story[None]:
        yield [CITIZEN.one(citizen)]
        yield TURN
        person = book.get(CITIZEN, citizen)
        if person is None:
            raise NotFound("there is no such person")
        if person.status != "active":
            raise AccountClosing("this account is being erased")
        book.also(Statement("value.forget", [(citizen, name)]))

    await house.scribe.do(story)
