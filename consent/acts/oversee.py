"""What an operator sees: who may ask, for what, what waits for a decision, and what operators did."""

from typing import Any, Literal

import msgspec

from consent.oauth.registration import changes, registered
from consent.storage.kinds import CLIENT, JOURNAL, ORGANISATION, PROPOSAL, PURPOSE, REGISTRATION
from consent.storage.rows import ClientRow, JournalLine
from consent.words.errors import NotFound

from .approve import organisation_from, purpose_from
from .house import House
from .operate import SubjectKind
from .register import holding, metadata_from
from .suspend import Subject

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
                name=row.name if row is not None else metadata_from(one.submitted).client_name if one else "",
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


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """All that was submitted, beside what is in effect: what an operator reads before deciding."""

    id: str
    organisation: str
    state: str
    revision: int  # of a client that was registered; 0 of everything else
    submitted: dict[str, Any]
    in_effect: dict[str, Any] | None
    changes: tuple[str, ...]  # names of what would change; everything when nothing is in effect


async def look(house: House, about: Subject) -> Look:
    """One organisation, registered client or version of a purpose. Raises NotFound."""
    found = {"organisation": _look_at_organisation, "client": _look_at_client, "purpose": _look_at_purpose}
    return await found[about.kind](house, about)


async def _look_at_organisation(house: House, about: Subject) -> Look:
    rows = await house.store.read(ORGANISATION.get, about.id)
    if not rows:
        raise NotFound("there is no such organisation")
    row = ORGANISATION.from_row(rows[0])
    return _as_it_is(about, row.id, row.status, msgspec.json.decode(row.record), is_approved=True)


async def _look_at_client(house: House, about: Subject) -> Look:
    rows = await house.store.read(REGISTRATION.get, about.id)
    row = REGISTRATION.from_row(rows[0]) if rows else None
    there = [CLIENT.from_row(one) for one in await house.store.read(CLIENT.get, about.id)]
    if row is None and there:
        return _as_it_is(about, there[0].organisation, there[0].status, _as_filed(there[0]), is_approved=True)
    if row is None or row.state == "removed":
        raise NotFound("there is no such registration")
    submitted = metadata_from(row.submitted)
    held = holding(row, there[0] if there else None)
    return Look(
        id=about.id,
        organisation=row.organisation,
        state=row.state,
        revision=row.revision,
        submitted=registered(submitted),
        in_effect=registered(held) if held is not None else None,
        changes=tuple(changes(held, submitted) if held is not None else sorted(registered(submitted))),
    )


def _as_filed(row: ClientRow) -> dict[str, Any]:
    """A client that came with its organisation's file."""
    return {
        "client_name": row.name,
        "redirect_uris": msgspec.json.decode(row.redirect_uris),
        "jwks": msgspec.json.decode(row.jwks),
        "settings": msgspec.json.decode(row.settings),
    }


async def _look_at_purpose(house: House, about: Subject) -> Look:
    rows = await house.store.read(PURPOSE.get, about.id, about.version)
    if rows:
        row = PURPOSE.from_row(rows[0])
        return _as_it_is(
            about, row.organisation, row.status, msgspec.json.decode(row.record), is_approved=True
        )
    rows = await house.store.read(PROPOSAL.get, about.id, about.version)
    if not rows:
        raise NotFound("there is no such version of a purpose; name one as id@version")
    one = PROPOSAL.from_row(rows[0])
    return _as_it_is(about, one.organisation, one.state, msgspec.json.decode(one.record), is_approved=False)


def _as_it_is(about: Subject, organisation: str, state: str, record: Any, *, is_approved: bool) -> Look:
    return Look(
        id=about.reference,
        organisation=organisation,
        state=state,
        revision=0,
        submitted=record,
        in_effect=record if is_approved else None,
        changes=() if is_approved else tuple(sorted(record)),
    )


async def journal(house: House) -> list[JournalLine]:
    """What operators did, newest first."""
    return [JOURNAL.from_row(row) for row in await house.store.read("journal.newest", _LINES)]
