"""May this organisation have these attributes now? The heart of the service; the only file that makes a `Permit`.

Pure: what is known comes in by the door, the answer goes out. `acts/disclose.py` asks inside the transaction
that writes the log entry, so nothing can change between the answer and the entry.
"""

from collections.abc import Set

import msgspec

from consent.grants.grant import Grant
from consent.words.decision import Permit, Refusal
from consent.words.instants import day


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the operator's approvals still hold, read in the same transaction as the grant."""

    organisation: bool
    client: bool
    purpose: bool


def decide(
    asked: frozenset[str],
    grant: Grant,
    *,
    client: str,
    held: Set[str],
    frequency_per_day: int,
    standing: Standing,
    at: int,
) -> Permit | Refusal:
    """Answer from the grant alone. The first rule that fails is the answer.

    *asked* are attribute names, *client* is who asks, *held* are the attributes that the citizen has a value for
    now, *at* is microseconds. A Permit covers what is asked, granted and held; it is never empty.
    """
    no = _closed(grant, client=client, standing=standing, at=at)
    if no is not None:
        return no
    if not asked or not asked <= frozenset(grant.attributes):
        return Refusal("beyond_grant")
    if grant.count_today(day=day(at)) >= frequency_per_day:
        return Refusal("too_often")
    if not asked & held:
        return Refusal("nothing_held")
    return Permit(grant.citizen, asked & held)


def decide_again(
    given: frozenset[str], grant: Grant, *, client: str, standing: Standing, at: int
) -> Permit | Refusal:
    """Answer a retry of a disclosure that already has its entry.

    Decided anew: once the grant is not live a retry gets the proof of the old entry and never the values.
    The frequency does not count again and nothing new is asked: *given* is what the old entry disclosed. What she took
    out of the grant since then does not leave a second time.
    """
    no = _closed(grant, client=client, standing=standing, at=at)
    if no is not None:
        return no
    if not given <= frozenset(grant.attributes):
        return Refusal("beyond_grant")
    return Permit(grant.citizen, given)


def decide_use(
    used: frozenset[str], grant: Grant, *, client: str, standing: Standing, at: int
) -> Refusal | None:
    """May a use of disclosed attributes be registered? Not without a live grant that has them still; None means yes."""
    no = _closed(grant, client=client, standing=standing, at=at)
    if no is None and not used <= frozenset(grant.attributes):
        return Refusal("beyond_grant")
    return no


def for_herself(citizen: str, names: frozenset[str], *, signed_in: str) -> Permit | Refusal:
    """A citizen may open her own values, and nobody else's."""
    if citizen != signed_in:
        return Refusal("not_active")
    return Permit(citizen, names)


def _closed(grant: Grant, *, client: str, standing: Standing, at: int) -> Refusal | None:
    """The reason why this door is shut whatever is asked, or None when it is open."""
    if client != grant.client:
        return Refusal("other_client")
    if not grant.is_live(at=at):
        return Refusal("not_active")
    if not standing.organisation:
        return Refusal("organisation_suspended")
    if not standing.client:
        return Refusal("client_suspended")
    if not standing.purpose:
        return Refusal("purpose_suspended")
    return None
