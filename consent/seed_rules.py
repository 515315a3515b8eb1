"""What a seed holds, and the rules that it must obey before the service starts with it.

Each rule raises BrokenRule with the place in the file and the rule, never with what was written there.
"""

from typing import Any, Literal

import msgspec

from consent.oauth.clients import ClientSettings, check_redirect_uri_form, check_settings
from consent.oauth.jose import check_public_jwks
from consent.words.attributes import CATALOGUE, Source, Value, check_value, parse_value
from consent.words.errors import BadInput, ConsentError
from consent.words.purposes import Organisation, Purpose, Text
from consent.words.rules import (
    check_contact,
    check_day,
    check_once,
    check_purpose,
    check_slug,
    check_words,
    is_https,
    refused,
    require,
)


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


class HeldRole(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an invented person does at work: for an organisation of the seed, or for the operator."""

    role: Literal["owner", "editor", "clerk", "operator"]
    organisation: str | None = None
    name: str  # what the team calls her


class HeldMandate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom an invented person helps, for a year: another one of the seed, and what they call each other."""

    citizen: str
    citizen_name: str
    helper_name: str
    may: Literal["look", "stop", "choose"]


class Persona(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An invented person to practise with."""

    id: str  # a slug
    label: Text
    description: Text
    attributes: tuple[HeldAttribute, ...] = ()
    roles: tuple[HeldRole, ...] = ()
    helps: tuple[HeldMandate, ...] = ()


class Seed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a practice environment starts with."""

    organisations: tuple[OrganisationFile, ...]
    personas: tuple[Persona, ...] = ()


def checked_seed(seed: Seed) -> Seed:
    """All rules for a whole seed; gives it back with the personas' values in their one written form.

    Raises BrokenRule.
    """
    for n, file in enumerate(seed.organisations):
        check_organisation(file, f"organisations[{n}]")
    check_once((f.organisation.id for f in seed.organisations), "organisations")
    check_once((c.id for f in seed.organisations for c in f.clients), "clients")
    # Records name a purpose without its organisation, so an id belongs to one of them.
    owners = {(p.id, f.organisation.id) for f in seed.organisations for p in f.purposes}
    check_once((purpose for purpose, _ in owners), "purposes")
    check_once((p.id for p in seed.personas), "personas")
    personas = tuple(_checked_persona(p, f"personas[{n}]") for n, p in enumerate(seed.personas))
    known = {file.organisation.id for file in seed.organisations}
    for n, persona in enumerate(personas):
        for held in persona.roles:
            fits = held.organisation is None if held.role == "operator" else held.organisation in known
            require(fits, f"personas[{n}].roles", "of an organisation of this seed, or operator without one")
        for mandate in persona.helps:
            before = {one.id for one in personas[:n]}
            require(
                mandate.citizen in before, f"personas[{n}].helps", "a persona that stands before this one"
            )
    return msgspec.structs.replace(seed, personas=personas)


def check_organisation(file: OrganisationFile, place: str = "") -> None:
    """All rules for one organisation; *place* is where it stands in the file. Raises BrokenRule."""
    organisation, here = file.organisation, f"{place}.organisation"
    check_words(organisation, here)
    check_slug(organisation.id, f"{here}.id")
    require(is_https(organisation.website), f"{here}.website", "an https address")
    check_day(organisation.registration.checked_on, f"{here}.registration.checked_on")
    check_contact(organisation.contact, f"{here}.contact")
    for n, client in enumerate(file.clients):
        _check_client(client, f"{place}.clients[{n}]")
    check_once((c.id for c in file.clients), f"{place}.clients")
    for n, purpose in enumerate(file.purposes):
        check_purpose(purpose, f"{place}.purposes[{n}]")
        require(
            purpose.organisation == organisation.id,
            f"{place}.purposes[{n}].organisation",
            "the organisation it stands under",
        )
    check_once((p.reference for p in file.purposes), f"{place}.purposes")


def _check_client(client: ClientEntry, place: str) -> None:
    check_words(client.name, f"{place}.name")
    check_slug(client.id, f"{place}.id")
    require(bool(client.redirect_uris), f"{place}.redirect_uris", "at least one")
    for n, uri in enumerate(client.redirect_uris):
        try:
            check_redirect_uri_form(uri)
        except ConsentError:
            rule = "https, or http on a loopback address; no fragment, no user, no wildcard"
            raise refused(f"{place}.redirect_uris[{n}]", rule) from None
    if client.jwks is not None:
        try:
            check_public_jwks(client.jwks)
        except ConsentError:
            rule = "public keys only, of an allowed kind, each with its own kid"
            raise refused(f"{place}.jwks", rule) from None
    try:
        check_settings(client.settings, has_keys=client.jwks is not None)
    except BadInput as broken:
        raise refused(f"{place}.settings", str(broken)) from None


def _checked_persona(persona: Persona, place: str) -> Persona:
    check_words(msgspec.structs.replace(persona, attributes=()), place)
    check_slug(persona.id, f"{place}.id")
    check_once((a.name for a in persona.attributes), f"{place}.attributes")
    held = tuple(_checked_held(a, f"{place}.attributes[{n}]") for n, a in enumerate(persona.attributes))
    return msgspec.structs.replace(persona, attributes=held)


def _checked_held(held: HeldAttribute, place: str) -> HeldAttribute:
    attribute = CATALOGUE.get(held.name)
    if attribute is None:
        raise refused(f"{place}.name", "not in the catalogue of attributes")
    require(held.source in (attribute.source, "self"), f"{place}.source", "where it comes from, or self")
    check_day(held.as_of, f"{place}.as_of")
    try:
        written = isinstance(held.value, str) and attribute.kind not in ("text", "date")
        value = parse_value(attribute, str(held.value)) if written else check_value(attribute, held.value)
    except BadInput as error:
        raise refused(f"{place}.value", str(error)) from None
    return msgspec.structs.replace(held, value=value)
