"""The proof a citizen keeps: what she agreed to, what came of it, and where it stands in the log."""

from typing import Any

import msgspec

from consent.grants.grant import Grant, Version
from consent.grants.record import receipt as receipt_record
from consent.grants.shown import ShownContact, ShownOrganisation, shown_contact, shown_organisation
from consent.storage.kinds import DISCLOSED, GRANT, GRANT_VERSION, KEYS, ORGANISATION
from consent.vault.keys import pairwise_id
from consent.words.attributes import CATALOGUE
from consent.words.errors import NotFound
from consent.words.ids import is_id
from consent.words.purposes import Language, Organisation

from .answers import Answers, answers
from .approve import organisation_from
from .house import House
from .lead_back import untold
from .overview import find_purpose, how_it_ended, is_on_hold, labels
from .publish import head, prove

EVERY = 2**62  # as a limit in SQL
_SHOWN = 200  # disclosures on the page of a receipt; the file with everything has them all


class ReceiptItem(msgspec.Struct, frozen=True):
    """One attribute of the grant."""

    label: str
    required: bool
    reason: str


class Delivery(msgspec.Struct, frozen=True):
    """One time that the organisation got something."""

    at: int
    labels: tuple[str, ...]


class VersionShown(msgspec.Struct, frozen=True, kw_only=True):
    """What she shared from one moment on, until the next version or the end."""

    from_at: int
    until: int
    labels: tuple[str, ...]
    with_help: bool


class Place(msgspec.Struct, frozen=True):
    """Where an entry stands."""

    log: str
    index: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of the request as it was agreed to, and what happened since."""

    id: str
    number: str
    organisation: ShownOrganisation
    purpose: str
    why: str
    legal_basis: str
    automated_decision: bool
    frequency_per_day: int
    items: tuple[ReceiptItem, ...]
    granted_at: int
    until: int
    ended_at: int | None
    ended_how: str | None
    on_hold: bool
    data_life_days: int
    recipients: tuple[str, ...]
    storage_places: tuple[str, ...]
    contact: ShownContact
    disclosures: tuple[Delivery, ...]
    entry: Place
    answers: Answers
    versions: tuple[VersionShown, ...]  # the newest first; one, when nothing was ever changed
    untold: str | None  # the request to go back from: its organisation does not know of her yes yet


async def receipt(house: House, *, citizen: str, grant: str, language: Language) -> Receipt:
    """A citizen's receipt as a page shows it. Raises NotFound for a grant that is not hers."""
    given = await own_grant(house, citizen, grant)
    purpose = await find_purpose(house, given.purpose, given.purpose_version)
    how = await how_it_ended(house, given, at=house.clock())
    rows = await house.store.read("disclosed.of_grant", grant, _SHOWN)
    back = [one.request for one in await untold(house, citizen=citizen) if one.grant == grant]
    deliveries = [DISCLOSED.from_row(row) for row in rows]
    return Receipt(
        id=given.id,
        number=f"{given.id[:4]}-{given.id[4:8]}-{given.id[8:12]}".upper(),
        organisation=shown_organisation(await _organisation(house, given)),
        purpose=purpose.title.in_language(language),
        why=purpose.why.in_language(language),
        legal_basis=purpose.legal_basis,
        automated_decision=purpose.automated_decision,
        frequency_per_day=purpose.frequency_per_day,
        items=tuple(
            ReceiptItem(
                label=CATALOGUE[name].label.in_language(language),
                required=name in purpose.required,
                reason=asked.reason.in_language(language) if (asked := purpose.asked(name)) else "",
            )
            for name in given.attributes
        ),
        granted_at=given.granted_at,
        until=given.expires_at,
        ended_at=(given.ended_at if given.ended_at is not None else given.expires_at)
        if how is not None
        else None,
        ended_how=how,
        on_hold=how is None and await is_on_hold(house, given),
        data_life_days=purpose.data_life_days,
        recipients=tuple(r.in_language(language) for r in purpose.recipients),
        storage_places=purpose.storage_places,
        contact=shown_contact(purpose.contact, language),
        disclosures=tuple(
            Delivery(one.at, labels(tuple(n for n, _ in one.items), language)) for one in deliveries
        ),
        entry=await _given_at(house, given),
        answers=await answers(house, given, purpose, language),
        versions=tuple(
            VersionShown(
                from_at=one.from_at,
                until=one.expires_at,
                labels=labels(one.attributes, language),
                with_help=one.given_by != "self",
            )
            for one in reversed(await _versions(house, given))
        ),
        untold=back[0] if back and how is None else None,
    )


async def receipt_file(house: House, *, citizen: str, grant: str) -> dict[str, Any]:
    """The same as a file for life: ISO/IEC TS 27560 in DPV's words. Raises NotFound."""
    given = await own_grant(house, citizen, grant)
    (keys_row,) = await house.store.read(KEYS.get, citizen)
    keys = house.unwrapped.of(KEYS.from_row(keys_row))
    return receipt_record(
        given,
        purpose=await find_purpose(house, given.purpose, given.purpose_version),
        organisation=await _organisation(house, given),
        subject=pairwise_id(keys.subject, given.organisation),
        issuer=house.issuer,
        origin=(await head(house, given.log)).origin,
        at=house.clock(),
        versions=await _versions(house, given),
    )


async def receipt_proof(house: House, *, citizen: str, grant: str) -> str:
    """The tlog-proof of the grant's own entry against the newest checkpoint. Raises NotFound."""
    place = await _given_at(house, await own_grant(house, citizen, grant))
    return await prove(house, place.log, place.index)


async def own_grant(house: House, citizen: str, grant: str) -> Grant:
    """A citizen's own grant; foreign, unknown and erased ones are all NotFound."""
    rows = await house.store.read(GRANT.get, grant) if is_id(grant) else []
    found = GRANT.from_row(rows[0]) if rows else None
    if found is None or found.citizen != citizen:
        raise NotFound("there is no such grant")
    return found


async def _given_at(house: House, grant: Grant) -> Place:
    """The entry of her yes: the grant itself may have been carried into a later log since."""
    first = (await _versions(house, grant))[0]
    return Place(first.log, first.index)


async def _versions(house: House, grant: Grant) -> list[Version]:
    return [GRANT_VERSION.from_row(row) for row in await house.store.read("grant_version.of_grant", grant.id)]


async def _organisation(house: House, grant: Grant) -> Organisation:
    (row,) = await house.store.read(ORGANISATION.get, grant.organisation)
    return organisation_from(ORGANISATION.from_row(row).record)
