"""One organisation as a citizen knows it: who it is, what it may see, what it saw, and what came of her asking."""

import msgspec

from consent.grants.grant import Grant
from consent.grants.shown import ShownContact, ShownOrganisation, shown_contact, shown_organisation
from consent.storage.kinds import DISCLOSED, GRANT, ORGANISATION
from consent.words.attributes import CATALOGUE
from consent.words.errors import NotFound
from consent.words.purposes import Language, Organisation, Purpose

from .answers import Gone, answers
from .approve import organisation_from
from .demand import demands_of
from .house import House
from .overview import find_purpose, how_it_ended, is_on_hold, labels
from .receipt import EVERY, own_grant
from .timeline import Timeline, timeline

_LINES = 10


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One attribute that it may see now."""

    name: str
    label: str
    required: bool


class Dealing(msgspec.Struct, frozen=True, kw_only=True):
    """One grant to it. `seen` is all that went out; `asked_at` when she asked to erase that."""

    id: str
    of: str  # the organisation's id
    organisation: str
    purpose: str
    items: tuple[Item, ...]
    consequence: str  # of taking away what is needed
    until: int
    on_hold: bool
    ended_at: int | None
    how: str | None
    seen: tuple[str, ...]
    last_disclosed_at: int | None
    gone: Gone | None
    parts: tuple[Gone, ...]
    asked_at: int | None
    contact: ShownContact

    @property
    def may_ask(self) -> bool:
        """Whether there is something that she can still ask them to erase."""
        return self.gone is not None and self.gone.scope != "all" and self.asked_at is None


class Dealings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything between her and one organisation; `recent` is the beginning of what happened."""

    organisation: ShownOrganisation
    halted: bool  # the operator suspended it: nothing goes out until that is over
    contact: ShownContact
    live: tuple[Dealing, ...]
    ended: tuple[Dealing, ...]
    recent: Timeline


async def dealings(house: House, *, citizen: str, organisation: str, language: Language) -> Dealings:
    """One organisation that she ever said yes to. Raises NotFound for every other, whether it exists or not."""
    grants = [GRANT.from_row(row) for row in await house.store.read("grant.of_citizen", citizen)]
    hers = [grant for grant in grants if grant.organisation == organisation]
    if not hers:
        raise NotFound("you have nothing to do with such an organisation")
    record, status = await _record(house, organisation)
    asked = await _asked(house, citizen)
    found = [await _dealing(house, record.name, grant, asked.get(grant.id), language) for grant in hers]
    return Dealings(
        organisation=shown_organisation(record),
        halted=status == "suspended",
        contact=shown_contact(record.contact, language),
        live=tuple(one for one in found if one.ended_at is None),
        ended=tuple(one for one in found if one.ended_at is not None),
        recent=await timeline(
            house, citizen=citizen, language=language, organisation=organisation, most=_LINES
        ),
    )


async def dealing(house: House, *, citizen: str, grant: str, language: Language) -> Dealing:
    """One grant of hers. Raises NotFound for one that is not hers."""
    given = await own_grant(house, citizen, grant)
    asked = await _asked(house, citizen)
    record, _ = await _record(house, given.organisation)
    return await _dealing(house, record.name, given, asked.get(given.id), language)


async def known(house: House, organisation: str) -> ShownOrganisation:
    """Who an organisation is that an entry of hers names."""
    record, _ = await _record(house, organisation)
    return shown_organisation(record)


async def _record(house: House, organisation: str) -> tuple[Organisation, str]:
    ((_, record, status),) = await house.store.read(ORGANISATION.get, organisation)
    return organisation_from(record), status


async def _asked(house: House, citizen: str) -> dict[str, int]:
    """When she asked to erase, by grant."""
    return {
        one.grant: one.asked_at
        for one in await demands_of(house, citizen)
        if one.kind == "erase" and one.grant is not None
    }


async def _dealing(
    house: House, organisation: str, grant: Grant, asked_at: int | None, language: Language
) -> Dealing:
    purpose = await find_purpose(house, grant.purpose, grant.purpose_version)
    out = [DISCLOSED.from_row(row) for row in await house.store.read("disclosed.of_grant", grant.id, EVERY)]
    how = await how_it_ended(house, grant, at=house.clock())
    answered = await answers(house, grant, purpose, language)
    ended_at = grant.ended_at if grant.ended_at is not None else grant.expires_at
    return Dealing(
        id=grant.id,
        of=grant.organisation,
        organisation=organisation,
        purpose=purpose.title.in_language(language),
        items=tuple(_item(name, purpose, language) for name in grant.attributes),
        consequence=purpose.consequence_of_no.in_language(language),
        until=grant.expires_at,
        on_hold=how is None and await is_on_hold(house, grant),
        ended_at=ended_at if how is not None else None,
        how=how,
        seen=labels(tuple(sorted({name for one in out for name, _ in one.items})), language),
        last_disclosed_at=max((one.at for one in out), default=None),
        gone=answered.gone,
        parts=answered.parts,
        asked_at=asked_at,
        contact=shown_contact(purpose.contact, language),
    )


def _item(name: str, purpose: Purpose, language: Language) -> Item:
    return Item(
        name=name, label=CATALOGUE[name].label.in_language(language), required=name in purpose.required
    )


def label_of(name: str, language: Language) -> str | None:
    """What an attribute is called; None for what is none."""
    return CATALOGUE[name].label.in_language(language) if name in CATALOGUE else None
