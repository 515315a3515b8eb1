"""A citizen keeps her own data: see it, add, change, remove. Each value is sealed; the log hears nothing."""

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent.grants.decide import for_herself
from consent.ledger.entry import value_commitment
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CITIZEN, GRANT, HOLDINGS, KEYS, ORGANISATION, VALUE
from consent.storage.rows import Holdings
from consent.vault.keys import CitizenKeys
from consent.vault.seal import SealedValue, open_sealed, seal
from consent.words.actors import HERSELF, Actor
from consent.words.attributes import (
    CATALOGUE,
    SOURCES,
    Value,
    parse_value,
    show_value,
    value_bytes,
    value_from,
)
from consent.words.dates import local
from consent.words.decision import Refusal
from consent.words.errors import AccountClosing, Forbidden, NotFound
from consent.words.purposes import Language

from .acting import asks_about, check_reach
from .approve import organisation_from
from .house import House
from .signal import asks_for_correction, signal_correction

SELF = "self"


class Mine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of her own data, in her language."""

    name: str
    label: str
    value: str
    source: str
    as_of: str
    special: bool
    mine: bool  # it came from herself, so she may change it here
    seen_by: tuple[str, ...]  # organisations that may see it now


class Addable(msgspec.Struct, frozen=True):
    """An attribute that she has no value for yet."""

    name: str
    label: str


class Holding(msgspec.Struct, frozen=True):
    """All her data on one page."""

    items: tuple[Mine, ...]
    addable: tuple[Addable, ...]


async def holding(house: House, *, citizen: str, language: Language) -> Holding:
    """What she keeps here, where it comes from and who may see it."""
    keys, values = await _own(house, citizen)
    at = house.clock()
    seen_by: dict[str, list[str]] = {}
    for row in await house.store.read("grant.of_citizen", citizen):
        grant = GRANT.from_row(row)
        if grant.is_live(at=at):
            for name in grant.attributes:
                seen_by.setdefault(name, []).append(await organisation_name(house, grant.organisation))
    names = frozenset(value.name for value in values)
    permit = for_herself(citizen, names, signed_in=citizen)
    if isinstance(permit, Refusal):
        raise NotFound("there is nothing here")
    cipher = AESGCM(keys.data.reveal())
    items = []
    for value in values:
        attribute = CATALOGUE[value.name]
        opened = value_from(open_sealed(permit, value, cipher=cipher).value)
        items.append(
            Mine(
                name=value.name,
                label=attribute.label.in_language(language),
                value=show_value(attribute, opened, language),
                source=SOURCES[value.source].in_language(language),
                as_of=value.as_of,
                special=attribute.special,
                mine=value.source == SELF,
                seen_by=tuple(dict.fromkeys(seen_by.get(value.name, []))),
            )
        )
    order = list(CATALOGUE)
    items.sort(key=lambda item: order.index(item.name))
    addable = tuple(
        Addable(attribute.name, attribute.label.in_language(language))
        for attribute in CATALOGUE.values()
        if attribute.name not in names and not attribute.statutory_only
    )
    return Holding(tuple(items), addable)


class Editable(msgspec.Struct, frozen=True, kw_only=True):
    """The form for one attribute: what it is called, how to write it, and what she wrote before."""

    name: str
    label: str
    hint: str
    kind: str
    value: str
    held: bool


async def editable(house: House, *, citizen: str, name: str, language: Language) -> Editable:
    """One attribute to fill in or change.

    Raises NotFound for an unknown attribute and Forbidden for one that comes from a register: that is corrected
    at its source.
    """
    attribute = CATALOGUE.get(name)
    if attribute is None or attribute.statutory_only:
        raise NotFound("there is no such attribute")
    keys, values = await _own(house, citizen)
    current = next((value for value in values if value.name == name), None)
    text = ""
    if current is not None:
        if current.source != SELF:
            raise Forbidden("this comes from a register; it is corrected there")
        permit = for_herself(citizen, frozenset({name}), signed_in=citizen)
        if not isinstance(permit, Refusal):
            opened = open_sealed(permit, current, cipher=AESGCM(keys.data.reveal()))
            text = _as_written(value_from(opened.value), language)
    return Editable(
        name=name,
        label=attribute.label.in_language(language),
        hint=attribute.hint.in_language(language),
        kind=attribute.kind,
        value=text,
        held=current is not None,
    )


async def keep(house: House, *, citizen: str, name: str, text: str, by: Actor = HERSELF) -> None:
    """Keep what she wrote, or a parent. Raises BadInput (the message names the rule), NotFound, Forbidden."""
    attribute = CATALOGUE.get(name)
    if attribute is None or attribute.statutory_only:
        raise NotFound("there is no such attribute")
    value = parse_value(attribute, text)
    await _put(house, citizen=citizen, name=name, value=value, by=by)


async def remove(house: House, *, citizen: str, name: str) -> None:
    """Remove one of her own values. Who could see it gets nothing from now on. Raises NotFound, Forbidden."""
    if name not in CATALOGUE:
        raise NotFound("there is no such attribute")
    await _put(house, citizen=citizen, name=name, value=None)


async def _put(house: House, *, citizen: str, name: str, value: Value | None, by: Actor = HERSELF) -> None:
    def story(book: Book) -> Story[None]:
        given = GRANT.by("of_citizen", citizen)
        yield [CITIZEN.one(citizen), KEYS.one(citizen), HOLDINGS.one(citizen), given, *asks_about(by)]
        yield asks_for_correction(book.found(given), name)
        yield TURN
        wrapped = book.get(KEYS, citizen)
        holdings = book.get(HOLDINGS, citizen)
        current = holdings.get(name) if holdings is not None else None
        person = book.get(CITIZEN, citizen)
        if wrapped is None or person is None:
            raise NotFound("there is no such person")
        if person.status != "active":
            raise AccountClosing("this account is being erased")
        check_reach(book, by, "fill_in", citizen=citizen, organisation=None, names=frozenset({name}))
        if current is not None and current.source != SELF:
            raise Forbidden("this comes from a register; it is corrected there")
        if value is None and current is None:
            raise NotFound("there is nothing to remove")
        put_value(
            book,
            citizen=citizen,
            keys=book.keys_of(wrapped),
            name=name,
            value=value,
            source=SELF,
            as_of=local(book.at).date().isoformat(),
        )
        signal_correction(book, book.found(given), name)

    await house.scribe.do(story)


def put_value(
    book: Book, *, citizen: str, keys: CitizenKeys, name: str, value: Value | None, source: str, as_of: str
) -> None:
    """Seal a new version of a value; None says that she has none any more. HOLDINGS must have been asked for."""
    holdings = book.get(HOLDINGS, citizen) or Holdings(citizen=citizen)
    current = holdings.newest(name)
    version = current.version + 1 if current is not None else 1
    salt = book.chance(32)
    octets = b"null" if value is None else value_bytes(value)
    kept = SealedValue(
        citizen=citizen,
        name=name,
        version=version,
        key_version=keys.version,
        sealed=seal(
            data_key=keys.data,
            citizen=citizen,
            name=name,
            version=version,
            key_version=keys.version,
            salt=salt,
            value=octets,
            nonce=book.chance(12),
        ),
        commitment=value_commitment(salt=salt, name=name, version=version, value=octets),
        source=source,
        as_of=as_of,
        created_at=book.at,
        removed=value is None,
    )
    book.add(VALUE, kept)
    book.put(HOLDINGS, holdings.with_value(kept))


async def holdings_of(house: House, citizen: str) -> Holdings:
    """What she holds now."""
    rows = await house.store.read(HOLDINGS.get, citizen)
    return HOLDINGS.from_row(rows[0]) if rows else Holdings(citizen=citizen)


async def organisation_name(house: House, organisation: str) -> str:
    """What an organisation is called, for a page."""
    rows = await house.store.read(ORGANISATION.get, organisation)
    return organisation_from(ORGANISATION.from_row(rows[0]).record).name if rows else organisation


async def _own(house: House, citizen: str) -> tuple[CitizenKeys, list[SealedValue]]:
    rows = await house.store.read(KEYS.get, citizen)
    if not rows:
        raise NotFound("there is no such person")
    keys = house.unwrapped.of(KEYS.from_row(rows[0]))
    return keys, [value for value in (await holdings_of(house, citizen)).kept if not value.removed]


def _as_written(value: Value, language: Language) -> str:
    """A value as she would type it herself."""
    if isinstance(value, bool):
        return {"nl": ("nee", "ja"), "en": ("no", "yes")}[language][value]
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value)
