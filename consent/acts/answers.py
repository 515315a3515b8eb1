"""What organisations answered to what they had to hear: for the citizen on her receipt, for the operator in a list."""

import msgspec

from consent.grants.grant import Grant
from consent.oauth.signals import Scope, SignalEvent
from consent.storage.kinds import DELETION, DROPPED, SIGNAL
from consent.words.instants import DAY
from consent.words.purposes import Language, Purpose

from .house import House
from .overview import find_purpose, labels

LONGEST_UNTIL_GONE = 30 * DAY
MOST_LISTED = 1000


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that an organisation had to hear, and how far that is."""

    event: SignalEvent
    at: int
    delivered_at: int | None
    acknowledged_at: int | None
    is_late: bool


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation states about what it had; `scope` None: nothing yet, although something is due."""

    scope: Scope | None
    deleted_at: int | None
    due_at: int
    is_late: bool
    labels: tuple[str, ...] = ()  # of the attributes that it is about; empty: of all


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """All answers under one grant, newest first. `gone` is None while it lives, or when nothing ever went out; `parts`
    is about what changes took out of it."""

    heard: tuple[Heard, ...]
    gone: Gone | None
    parts: tuple[Gone, ...] = ()


async def answers(house: House, grant: Grant, purpose: Purpose, language: Language) -> Answers:
    """What the client of *grant* answered so far."""
    at = house.clock()
    signals = [SIGNAL.from_row(row) for row in await house.store.read("signal.of_grant", grant.id)]
    heard = tuple(
        Heard(
            event=one.event,
            at=one.at,
            delivered_at=one.delivered_at,
            acknowledged_at=one.acknowledged_at,
            is_late=one.acknowledged_at is None and at >= one.at + house.acknowledge_within,
        )
        for one in signals
    )
    dropped = [DROPPED.from_row(row) for row in await house.store.read("dropped.of_grant", grant.id)]
    parts = tuple(
        Gone(
            scope=row.scope,
            deleted_at=row.deleted_at,
            due_at=row.dropped_at + _until_gone(purpose),
            is_late=row.scope is None and at >= row.dropped_at + _until_gone(purpose),
            labels=labels(row.attributes, language),
        )
        for row in reversed(dropped)
        if row.attributes
    )
    stated = [DELETION.from_row(row) for row in await house.store.read("deletion.of_grant", grant.id)]
    if grant.is_live(at=at) or not grant.day:
        return Answers(heard=heard, gone=None, parts=parts)
    ended_at = grant.ended_at if grant.ended_at is not None else grant.expires_at
    due_at = ended_at + _until_gone(purpose)
    newest = stated[-1] if stated else None
    return Answers(
        heard=heard,
        # Once the whole is stated to be gone, nobody waits for a word about a part.
        parts=tuple(part for part in parts if newest is None or part.scope is not None),
        gone=Gone(
            scope=newest.scope if newest is not None else None,
            deleted_at=newest.deleted_at if newest is not None else None,
            due_at=due_at,
            is_late=newest is None and at >= due_at,
        ),
    )


class Unanswered(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the operator's list: a signal that was not acknowledged, or a deletion that was not stated.

    `signal` is None for a deletion, whose `event` is deletion (of all) or part_deletion. `standing` is one of waiting,
    delivered, dead, owed.
    """

    signal: str | None
    client: str
    grant: str
    event: str
    at: int
    tries: int
    standing: str
    failure: str | None


async def unanswered(house: House, *, only_late: bool) -> list[Unanswered]:
    """What clients have not answered, the oldest first; *only_late*: and should have by now."""
    at = house.clock()
    lines = []
    until = at - house.acknowledge_within if only_late else at
    for row in await house.store.read("signal.unanswered", until, MOST_LISTED):
        one = SIGNAL.from_row(row)
        standing = (
            "delivered" if one.delivered_at is not None else "dead" if one.dead_at is not None else "waiting"
        )
        lines.append(
            Unanswered(
                signal=one.id,
                client=one.client,
                grant=one.grant,
                event=one.event,
                at=one.at,
                tries=one.tries,
                standing=standing,
                failure=one.failure,
            )
        )
    owed = [
        (event, *row)
        for event, statement in (("deletion", "deletion.owed"), ("part_deletion", "dropped.owed"))
        for row in await house.store.read(statement, at, MOST_LISTED)
    ]
    for event, grant, client, purpose, version, since in owed:
        if only_late and at < since + _until_gone(await find_purpose(house, purpose, version)):
            continue
        lines.append(
            Unanswered(
                signal=None,
                client=client,
                grant=grant,
                event=event,
                at=since,
                tries=0,
                standing="owed",
                failure=None,
            )
        )
    return lines


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How far what one client has to hear is, as numbers of signals; `overdue`: it did not answer in time."""

    delivered: int
    waiting: int
    given_up: int
    overdue: int


async def standing_of(house: House, organisation: str) -> dict[str, Standing]:
    """How the signals to an organisation stand, by client; those with an answer go after a while, with all else."""
    rows = await house.store.read("signal.standing", organisation, house.clock() - house.acknowledge_within)
    return {
        client: Standing(delivered=delivered, waiting=waiting, given_up=given_up, overdue=overdue)
        for client, delivered, waiting, given_up, overdue in rows
    }


def _until_gone(purpose: Purpose) -> int:
    """How long after the end a statement may take: as long as data may be kept, and a month at most."""
    return min(purpose.data_life_days * DAY, LONGEST_UNTIL_GONE)
