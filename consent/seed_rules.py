"""What a seed holds, and the rules that it must obey before the service starts with it.

Each rule raises Misconfigured with the place in the file and the rule, never with what was written there.
"""

import datetime
import re
import string
import unicodedata
from collections.abc import Iterable
from typing import Any

import msgspec

from consent.oauth.clients import ClientSettings, check_redirect_uri_form, check_settings
from consent.oauth.jose import check_public_jwks
from consent.words.attributes import CATALOGUE, Source, Value, check_value, parse_value
from consent.words.errors import BadInput, ConsentError, Misconfigured
from consent.words.ids import is_slug
from consent.words.purposes import Contact, Organisation, Purpose, Text


class ClientEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A program that asks for an organisation, with its public keys (none: it cannot sign in yet)."""

    id: str  # a slug
    name: str
    redirect_uris: tuple[str, ...]
    jwks: dict[str, list[dict[str, Any]]] | None = None  # {"keys": […]}, RFC 7517 §5
    settings: ClientSettings = ClientSettings()


class OrganisationFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One organisation with its clients and its approved purposes."""

    organisation: Organisation
    clients: tuple[ClientEntry, ...] = ()
    purposes: tuple[Purpose, ...] = ()


class HeldAttribute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attribute that a persona holds. After reading, `value` is checked and in its one written form."""

    name: str
    value: Value
    source: Source
    as_of: str  # YYYY-MM-DD


class Persona(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An invented person to practise with."""

    id: str  # a slug
    label: Text
    description: Text
    attributes: tuple[HeldAttribute, ...]


class Seed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a practice environment starts with."""

    organisations: tuple[OrganisationFile, ...]
    personas: tuple[Persona, ...] = ()


_FIELDS = {"organisation", "attributes", "date"}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNTRY = re.compile(r"[A-Z]{2}")  # ISO 3166-1 alpha-2
_LAWFUL = ("legal_obligation", "public_task")


def _refused(place: str, rule: str) -> Misconfigured:
    return Misconfigured(f"{place.lstrip('.')}: {rule}")


def _require(holds: bool, place: str, rule: str) -> None:
    if not holds:
        raise _refused(place, rule)


def _check_once(names: Iterable[object], place: str) -> None:
    seen = list(names)
    _require(len(seen) == len(set(seen)), place, "one stands twice")


def _check_slug(name: str, place: str) -> None:
    _require(is_slug(name), place, "a-z, 0-9 and hyphens, at most 64")


def checked_seed(seed: Seed) -> Seed:
    """All rules for a whole seed; gives it back with the personas' values in their one written form.

    Raises Misconfigured.
    """
    for n, file in enumerate(seed.organisations):
        check_organisation(file, f"organisations[{n}]")
    _check_once((f.organisation.id for f in seed.organisations), "organisations")
    _check_once((c.id for f in seed.organisations for c in f.clients), "clients")
    # Records name a purpose without its organisation, so an id belongs to one of them.
    owners = {(p.id, f.organisation.id) for f in seed.organisations for p in f.purposes}
    _check_once((purpose for purpose, _ in owners), "purposes")
    _check_once((p.id for p in seed.personas), "personas")
    personas = tuple(_checked_persona(p, f"personas[{n}]") for n, p in enumerate(seed.personas))
    return msgspec.structs.replace(seed, personas=personas)


def check_organisation(file: OrganisationFile, place: str = "") -> None:
    """All rules for one organisation; *place* is where it stands in the file. Raises Misconfigured."""
    organisation, here = file.organisation, f"{place}.organisation"
    _check_words(organisation, here)
    _check_slug(organisation.id, f"{here}.id")
    _require(_is_https(organisation.website), f"{here}.website", "an https address")
    _check_day(organisation.registration.checked_on, f"{here}.registration.checked_on")
    _check_contact(organisation.contact, f"{here}.contact")
    for n, client in enumerate(file.clients):
        _check_client(client, f"{place}.clients[{n}]")
    _check_once((c.id for c in file.clients), f"{place}.clients")
    for n, purpose in enumerate(file.purposes):
        _check_purpose(purpose, f"{place}.purposes[{n}]")
        _require(
            purpose.organisation == organisation.id,
            f"{place}.purposes[{n}].organisation",
            "the organisation it stands under",
        )
    _check_once((p.reference for p in file.purposes), f"{place}.purposes")


def _check_client(client: ClientEntry, place: str) -> None:
    _check_words(client.name, f"{place}.name")
    _check_slug(client.id, f"{place}.id")
    _require(bool(client.redirect_uris), f"{place}.redirect_uris", "at least one")
    for n, uri in enumerate(client.redirect_uris):
        try:
            check_redirect_uri_form(uri)
        except ConsentError:
            rule = "https, or http on a loopback address; no fragment, no user, no wildcard"
            raise _refused(f"{place}.redirect_uris[{n}]", rule) from None
    if client.jwks is not None:
        try:
            check_public_jwks(client.jwks)
        except ConsentError:
            rule = "public keys only, of an allowed kind, each with its own kid"
            raise _refused(f"{place}.jwks", rule) from None
    try:
        check_settings(client.settings, has_keys=client.jwks is not None)
    except BadInput as broken:
        raise _refused(f"{place}.settings", str(broken)) from None


def _check_purpose(purpose: Purpose, place: str) -> None:
    _check_words(purpose, place)
    _check_slug(purpose.id, f"{place}.id")
    for field in ("version", "maximum_days", "data_life_days", "frequency_per_day"):
        _require(1 <= getattr(purpose, field) <= 36_500, f"{place}.{field}", "a whole number from 1")
    lawful = purpose.legal_basis in _LAWFUL
    _require(
        lawful or not purpose.allowed_by_law, f"{place}.allowed_by_law", f"only with {' or '.join(_LAWFUL)}"
    )
    _require(bool(purpose.attributes), f"{place}.attributes", "at least one")
    for n, asked in enumerate(purpose.attributes):
        attribute = CATALOGUE.get(asked.name)
        here = f"{place}.attributes[{n}].name"
        if attribute is None:
            raise _refused(here, "not in the catalogue of attributes")
        _require(lawful or not attribute.statutory_only, here, f"only with {' or '.join(_LAWFUL)}")
    _check_once((a.name for a in purpose.attributes), f"{place}.attributes")
    for n, country in enumerate(purpose.storage_places):
        _require(
            bool(_COUNTRY.fullmatch(country)), f"{place}.storage_places[{n}]", "a country in two capitals"
        )
    for name, sentence in purpose.because.items():
        _require(is_slug(name), f"{place}.because", "each name: a-z, 0-9 and hyphens, at most 64")
        for language, words in (("nl", sentence.nl), ("en", sentence.en)):
            _check_template(words, f"{place}.because.{name}.{language}")
    _check_contact(purpose.contact, f"{place}.contact")


def _check_template(sentence: str, place: str) -> None:
    """Only three plain fields: `{organisation.__class__}` or `{date!r}` would print what nobody approved."""
    try:
        parts = list(string.Formatter().parse(sentence))
    except ValueError:
        raise _refused(place, "braces only around a field") from None
    fields = {field for _, field, _, _ in parts if field is not None}
    plain = all(not layout and not conversion for _, field, layout, conversion in parts if field is not None)
    _require(plain and fields <= _FIELDS, place, "only {organisation}, {attributes} and {date}")
    _require("attributes" in fields, place, "{attributes} must be in the sentence: it answers why")


def _check_contact(contact: Contact, place: str) -> None:
    _require(contact.url is None or _is_https(contact.url), f"{place}.url", "an https address")


def _is_https(address: str) -> bool:
    return re.fullmatch(r"https://[^\s/@]+(/\S*)?", address) is not None


def _check_day(day: str, place: str) -> None:
    try:
        _require(bool(_DAY.fullmatch(day)), place, "a date as YYYY-MM-DD")
        datetime.date.fromisoformat(day)
    except ValueError:
        raise _refused(place, "a date that exists") from None


def _check_words(words: object, place: str) -> None:
    """Every text is there, in both languages, and holds nothing that a page cannot show."""
    match words:
        case str():
            _require(bool(words.strip()), place, "the text is empty")
            shown = all(unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") for c in words)
            _require(shown, place, "no control characters")
        case msgspec.Struct():
            for field in words.__struct_fields__:
                _check_words(getattr(words, field), f"{place}.{field}")
        case tuple():
            for n, part in enumerate(words):
                _check_words(part, f"{place}[{n}]")
        case dict():
            for name, part in words.items():
                _check_words(part, f"{place}.{name}" if is_slug(name) else place)


def _checked_persona(persona: Persona, place: str) -> Persona:
    _check_words(msgspec.structs.replace(persona, attributes=()), place)
    _check_slug(persona.id, f"{place}.id")
    _check_once((a.name for a in persona.attributes), f"{place}.attributes")
    held = tuple(_checked_held(a, f"{place}.attributes[{n}]") for n, a in enumerate(persona.attributes))
    return msgspec.structs.replace(persona, attributes=held)


def _checked_held(held: HeldAttribute, place: str) -> HeldAttribute:
    attribute = CATALOGUE.get(held.name)
    if attribute is None:
        raise _refused(f"{place}.name", "not in the catalogue of attributes")
    _require(held.source in (attribute.source, "self"), f"{place}.source", "where it comes from, or self")
    _check_day(held.as_of, f"{place}.as_of")
    try:
        written = isinstance(held.value, str) and attribute.kind not in ("text", "date")
        value = parse_value(attribute, str(held.value)) if written else check_value(attribute, held.value)
    except BadInput as error:
        raise _refused(f"{place}.value", str(error)) from None
    return msgspec.structs.replace(held, value=value)
