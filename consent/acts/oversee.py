"""What an operator sees: who may ask, for what, what waits for a decision, and what operators did."""

from typing import Literal

import msgspec

from consent.storage.kinds import CLIENT, JOURNAL, ORGANISATION, PROPOSAL, PURPOSE, REGISTRATION
from consent.storage.rows import JournalLine

from .approve import organisation_from, purpose_from
from .house import House
from .operate import SubjectKind

_LINES = 200


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One organisation, client or purpose as the operator lists it."""

    id: str  # of a purpose id@version
    organisation: str
    name: str
    status: Literal["approved", "suspended", "none"]  # none: never approved, nothing works
    waits: bool  # whether something waits for a decision
    revision: int = 0  # of the registration that waits or was decided last; 0: it was never registered


async def listing(house: House, kind: SubjectKind, *, waiting: bool = False) -> list[Listed]:
    """All of a kind, or only those on which a decision waits."""
    found = {"organisation": _organisations, "client": _clients, "purpose": _purposes}[kind]
    return [one for one in await found(house) if one.waits or not waiting]


async def _organisations(house: House) -> list[Listed]:
    rows = [ORGANISATION.from_row(row) for row in await house.store.read("organisation.all")]
    return [
        Listed(
            id=row.id,
            organisation=row.id,
            name=organisation_from(row.record).name,
            status=row.status,
            waits=False,
        )
        for row in rows
    ]


async def _clients(house: House) -> list[Listed]:
    rows = {row.id: row for row in map(CLIENT.from_row, await house.store.read("client.all"))}
    registered = {
        one.client: one for one in map(REGISTRATION.from_row, await house.store.read("registration.all"))
    }
    found = []
    for name in sorted(rows.keys() | registered.keys()):
        row, one = rows.get(name), registered.get(name)
        if one is not None and one.state == "removed":
            continue
        found.append(
            Listed(
                id=name,
                organisation=row.organisation if row is not None else one.organisation if one else "",
                name=row.name if row is not None else "",
                status=row.status if row is not None else "none",
                waits=one is not None and one.state == "pending",
                revision=one.revision if one is not None else 0,
            )
        )
    return found


async def _purposes(house: House) -> list[Listed]:
    rows = {(r.id, r.version): r for r in map(PURPOSE.from_row, await house.store.read("purpose.all"))}
    proposed = {(r.id, r.version): r for r in map(PROPOSAL.from_row, await house.store.read("proposal.all"))}
    found = []
    for name in sorted(rows.keys() | proposed.keys()):
        row, one = rows.get(name), proposed.get(name)
        record = row.record if row is not None else one.record if one is not None else b""
        purpose = purpose_from(record)
        found.append(
            Listed(
                id=purpose.reference,
                organisation=purpose.organisation,
                name=purpose.title.en,
                status=row.status if row is not None else "none",
                waits=one is not None and one.state == "pending",
            )
        )
    return found


async def journal(house: House) -> list[JournalLine]:
    """What operators did, newest first."""
    return [JOURNAL.from_row(row) for row in await house.store.read("journal.newest", _LINES)]
