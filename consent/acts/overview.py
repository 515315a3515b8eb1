"""Who may see what: the citizen's home. It lists grants, not tokens: a permission without a token is still one."""

import msgspec

from consent.storage.kinds import GRANT, PURPOSE, REQUEST
from consent.words.attributes import CATALOGUE
from consent.words.purposes import Language, Purpose

from .approve import purpose_from
from .hold import organisation_name
from .house import House


class OpenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A question that still waits for her answer."""

    id: str
    organisation: str
    purpose: str
    asked_at: int
    expires_at: int


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A live grant, with how it was used."""

    id: str
    organisation: str
    verified: bool
    purpose: str
    labels: tuple[str, ...]
    until: int
    last_disclosed_at: int | None
    disclosures: int


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A grant that no longer opens anything."""

    id: str
    organisation: str
    purpose: str
    ended_at: int
    how: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """Her home page."""

    requests: tuple[OpenRequest, ...]
    grants: tuple[Card, ...]
    ended: tuple[Ended, ...]


async def overview(house: House, *, citizen: str, language: Language) -> Overview:
    """What is open, what is allowed now, and what has ended."""
    at = house.clock()
    requests = []
    for row in await house.store.read("request.open_of_citizen", citizen, at):
        asked = REQUEST.from_row(row)
        purpose = await find_purpose(house, asked.purpose, asked.purpose_version)
        requests.append(
            OpenRequest(
                id=asked.id,
                organisation=await organisation_name(house, asked.organisation),
                purpose=purpose.title.in_language(language),
                asked_at=asked.asked_at,
                expires_at=asked.expires_at,
            )
        )
    counts = {
        grant: (count, last)
        for grant, count, last in await house.store.read("disclosed.count_of_citizen", citizen)
    }
    live, ended = [], []
    for row in await house.store.read("grant.of_citizen", citizen):
        grant = GRANT.from_row(row)
        name = await organisation_name(house, grant.organisation)
        purpose = await find_purpose(house, grant.purpose, grant.purpose_version)
        title = purpose.title.in_language(language)
        how = grant.how_ended(at=at)
        if how is not None:
            ended_at = grant.ended_at if grant.ended_at is not None else grant.expires_at
            ended.append(Ended(id=grant.id, organisation=name, purpose=title, ended_at=ended_at, how=how))
            continue
        count, last = counts.get(grant.id, (0, None))
        live.append(
            Card(
                id=grant.id,
                organisation=name,
                verified=True,
                purpose=title,
                labels=labels(grant.attributes, language),
                until=grant.expires_at,
                last_disclosed_at=last,
                disclosures=count,
            )
        )
    return Overview(requests=tuple(requests), grants=tuple(live), ended=tuple(ended))


async def find_purpose(house: House, purpose: str, version: int) -> Purpose:
    """A purpose in the version that was agreed to; approved rows are never deleted."""
    ((*_, record, _status),) = await house.store.read(PURPOSE.get, purpose, version)
    return purpose_from(record)


def labels(names: tuple[str, ...], language: Language) -> tuple[str, ...]:
    """What attributes are called, for a page."""
    return tuple(CATALOGUE[name].label.in_language(language) for name in names)
