"""Who may see what: the citizen's home. It lists grants, not tokens: a permission without a token is still one."""

from typing import Any

import msgspec

from consent.grants.grant import Grant
from consent.storage.kinds import CLIENT, GRANT, ORGANISATION, PURPOSE, REQUEST
from consent.words.attributes import CATALOGUE
from consent.words.purposes import Language, Purpose

from .approve import purpose_from
from .hold import organisation_name
from .house import House
from .lead_back import untold


class OpenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A question that still waits for her answer."""

    id: str
    organisation: str
    purpose: str
    asked_at: int
    expires_at: int
    amends: bool  # about a grant that runs, not a new one


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A live grant, with how it was used. `of` is the organisation's id."""

    id: str
    of: str
    organisation: str
    verified: bool
    purpose: str
    labels: tuple[str, ...]
    until: int
    last_disclosed_at: int | None
    disclosures: int
    on_hold: bool  # the operator suspended who asks, or what for: nothing goes out until that is over
    untold: str | None  # the request to go back from: its organisation does not know of her yes yet


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A grant that no longer opens anything."""

    id: str
    organisation: str
    purpose: str
    ended_at: int
    how: str  # as `how_it_ended` says


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
                amends=asked.amends is not None,
            )
        )
    counts = {
        grant: (count, last)
        for grant, count, last in await house.store.read("disclosed.count_of_citizen", citizen)
    }
    back = {one.grant: one.request for one in reversed(await untold(house, citizen=citizen))}
    live, ended = [], []
    for row in await house.store.read("grant.of_citizen", citizen):
        grant = GRANT.from_row(row)
        name = await organisation_name(house, grant.organisation)
        purpose = await find_purpose(house, grant.purpose, grant.purpose_version)
        title = purpose.title.in_language(language)
        how = grant.how_ended(at=at)
        if how is not None:
            ended_at = grant.ended_at if grant.ended_at is not None else grant.expires_at
            told = await how_it_ended(house, grant, at=at)
            ended.append(
                Ended(id=grant.id, organisation=name, purpose=title, ended_at=ended_at, how=told or how)
            )
            continue
        count, last = counts.get(grant.id, (0, None))
        hold = await is_on_hold(house, grant)
        live.append(
            Card(
                id=grant.id,
                of=grant.organisation,
                organisation=name,
                verified=not hold,
                purpose=title,
                labels=labels(grant.attributes, language),
                until=grant.expires_at,
                last_disclosed_at=last,
                disclosures=count,
                on_hold=hold,
                untold=back.get(grant.id),
            )
        )
    return Overview(requests=tuple(requests), grants=tuple(live), ended=tuple(ended))


async def how_it_ended(house: House, grant: Grant, *, at: int) -> str | None:
    """None while it is live; else its state, or what says more: `let_go` (as the log has it, its organisation ended
    it), `for_her` (a helper or a parent did), `stop_code` (somebody had the code on its receipt)."""
    how = grant.how_ended(at=at)
    if how == "withdrawn" and await house.store.read("stop_code.used_for", grant.id):
        return "stop_code"
    if how not in ("revoked", "withdrawn"):
        return how
    for (record,) in await house.store.read(
        "citizen_entry.of_ending", grant.citizen, grant.id, grant.ended_at
    ):
        said = msgspec.json.decode(record)
        if kind_of(said) == "let_go":
            return "let_go"
        if said["ev"] == "withdrawn" and said.get("by") in ("helper", "guardian"):
            return "for_her"
    return how


def kind_of(record: dict[str, Any]) -> str:
    """What a page calls an entry: its event, but for those that she would take for something else."""
    if record.get("reason") == "replaced":
        return "replaced"  # she did not stop: a new yes took the place of this one
    if record["ev"] == "revoked" and record.get("by") == "organisation":
        return "let_go"  # nobody took anything away: the organisation needs it no longer
    kind: str = record["ev"]
    return kind


async def is_on_hold(house: House, grant: Grant) -> bool:
    """Whether the operator suspended the organisation, the client or the purpose of a grant. For a page: the doors ask
    again, in the transaction in which they decide."""
    ((*_, organisation),) = await house.store.read(ORGANISATION.get, grant.organisation)
    client = CLIENT.from_row((await house.store.read(CLIENT.get, grant.client))[0])
    ((*_, purpose),) = await house.store.read(PURPOSE.get, grant.purpose, grant.purpose_version)
    return "suspended" in (organisation, client.status, purpose)


async def find_purpose(house: House, purpose: str, version: int) -> Purpose:
    """A purpose in the version that was agreed to; approved rows are never deleted."""
    ((*_, record, _status),) = await house.store.read(PURPOSE.get, purpose, version)
    return purpose_from(record)


def labels(names: tuple[str, ...], language: Language) -> tuple[str, ...]:
    """What attributes are called, for a page."""
    return tuple(CATALOGUE[name].label.in_language(language) for name in names)
