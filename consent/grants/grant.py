"""What a citizen allows: to whom, for what, which attributes, until when.

The whole life of a grant is one table. A grant that has ended never comes back; a new one is given.

    state      event       next          who
    live       withdraw    withdrawn     the citizen, or a helper in her name
    live       revoke      revoked       another party: the organisation is done, or the operator must stop it
    live       expire      expired       time: follows from `expires_at`, written down lazily
    live       freeze      frozen        the citizen's account is being erased: the gate shuts at once
    frozen     erase       withdrawn     the ending that follows within a day: to others a stop like any other

While it is live the citizen may also change it (`amend`): it stays the same grant, in a next version.
"""

from typing import Literal

import msgspec

from consent.words.actors import Actor, GivenBy

State = Literal["live", "withdrawn", "revoked", "expired", "frozen"]
Ending = Literal["withdraw", "revoke", "expire", "freeze", "erase"]

# DPV 2.2: withdrawn is the data subject's own act, revoked another party's.
TRANSITIONS: dict[tuple[State, Ending], State] = {
    ("live", "withdraw"): "withdrawn",
    ("live", "revoke"): "revoked",
    ("live", "expire"): "expired",
    ("live", "freeze"): "frozen",
    ("frozen", "erase"): "withdrawn",
}


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One permission of one citizen for one organisation and one purpose.

    Instants are microseconds. `attributes` is sorted: what is hashed or signed holds sorted tuples.
    """

    id: str
    citizen: str
    organisation: str
    client: str
    purpose: str
    purpose_version: int
    attributes: tuple[str, ...]
    language: str  # in which she read what she agreed to
    terms: str  # hash of page template, purpose version and language, as the log has it
    granted_at: int
    expires_at: int
    state: State = "live"
    ended_at: int | None = None
    # Its place in the log.
    log: str
    index: int  # of its grant entry; all its entries carry this as `c`
    nonce: bytes  # of its grant entry; derives the key that ties its entries together
    sequence: int = 0  # `n` of its newest entry
    last: int  # index of its newest entry
    # How often it was used today, for the purpose's frequency.
    day: int = 0
    disclosed_today: int = 0
    # One higher with each change that she agreed to.
    version: int = 1
    given_by: GivenBy = "self"  # who agreed to this version: all that the organisation learns of a helper
    # The sign-in under which she agreed to it as it is now; None: nobody wrote it down.
    acr: str | None = None
    signed_in_at: int | None = None

    def is_live(self, *, at: int) -> bool:
        """Whether it still opens a door at instant *at*."""
        # Half-open: at the instant of expiry the answer is already no.
        return self.state == "live" and at < self.expires_at

    def how_ended(self, *, at: int) -> State | None:
        """None while it is live, else how it ended. Time ends a grant without anybody's act."""
        if self.is_live(at=at):
            return None
        return "expired" if self.state == "live" else self.state

    def count_today(self, *, day: int) -> int:
        """How many disclosures it had on UTC day number *day*."""
        return self.disclosed_today if self.day == day else 0


def end(grant: Grant, ending: Ending, *, at: int) -> Grant | None:
    """The same grant after *ending*, or None when the table does not know that step: nothing to end."""
    after = TRANSITIONS.get((grant.state, ending))
    if after is None:
        return None
    return msgspec.structs.replace(grant, state=after, ended_at=at)


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """What a grant was from `from_at` on, until its next version or its end. Instants are microseconds."""

    grant: str
    number: int
    from_at: int
    expires_at: int
    purpose_version: int
    attributes: tuple[str, ...]
    language: str
    terms: str
    given_by: GivenBy
    helper: str | None  # who agreed in her name: for the citizen alone
    # The entry that began it.
    log: str
    index: int


def version_of(grant: Grant, *, by: Actor, at: int, index: int) -> Version:
    """What *grant* is from instant *at* on, as entry *index* of its log has it and *by* agreed to."""
    return Version(
        grant=grant.id,
        number=grant.version,
        from_at=at,
        expires_at=grant.expires_at,
        purpose_version=grant.purpose_version,
        attributes=grant.attributes,
        language=grant.language,
        terms=grant.terms,
        given_by=by.kind,
        helper=by.id,
        log=grant.log,
        index=index,
    )


def amend(
    grant: Grant,
    *,
    purpose_version: int,
    attributes: tuple[str, ...],
    expires_at: int,
    language: str,
    terms: str,
    by: Actor,
    acr: str | None,
    signed_in_at: int | None,
    at: int,
) -> Grant | None:
    """The same grant with what she agreed to now, or None when it is no longer live: what has ended stays as it was."""
    if not grant.is_live(at=at):
        return None
    return msgspec.structs.replace(
        grant,
        purpose_version=purpose_version,
        attributes=tuple(sorted(attributes)),
        expires_at=expires_at,
        language=language,
        terms=terms,
        given_by=by.kind,
        acr=acr,
        signed_in_at=signed_in_at,
        version=grant.version + 1,
    )
