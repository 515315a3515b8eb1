"""Rows that belong to no rule: what the service remembers between two requests.

Grants, tokens, codes and sealed values are described where their rules are. Hashes stand for secrets: whoever
reads the database can use none of them. Instants are microseconds.
"""

from typing import Literal

import msgspec

from consent.oauth.signals import Scope, SignalEvent
from consent.oauth.step_up import Method
from consent.vault.seal import SealedValue

Status = Literal["approved", "suspended"]
ResponseMode = Literal["query", "jwt"]  # "jwt": the answer goes back signed (JARM)


class Citizen(msgspec.Struct, frozen=True, kw_only=True):
    """A person, as an id. Whatever is known about her is sealed elsewhere."""

    id: str
    status: Literal["active", "frozen"]  # frozen: everything is being erased; afterwards there is no row
    created_at: int


class Holdings(msgspec.Struct, frozen=True, kw_only=True):
    """What a citizen holds now: the newest version of each of her values, in one row, as a disclosure reads it."""

    citizen: str
    kept: tuple[SealedValue, ...] = ()

    def get(self, name: str) -> SealedValue | None:
        """The value of one attribute; None if she has none, or took it away."""
        found = self.newest(name)
        return None if found is None or found.removed else found

    def newest(self, name: str) -> SealedValue | None:
        """The newest version of one attribute, also one that says that she took it away."""
        return next((value for value in self.kept if value.name == name), None)

    def with_value(self, value: SealedValue) -> "Holdings":
        """The same with a new version of one value, in the order of their names."""
        others = [other for other in self.kept if other.name != value.name]
        return Holdings(citizen=self.citizen, kept=tuple(sorted([*others, value], key=lambda v: v.name)))


class OrganisationRow(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation: its record (canonical JSON of `words.purposes.Organisation`) and the operator's approval."""

    id: str
    record: bytes
    status: Status


class ClientRow(msgspec.Struct, frozen=True, kw_only=True):
    """An OAuth client of an organisation, with its public keys and what it chose for itself."""

    id: str
    organisation: str
    name: str
    jwks: str
    redirect_uris: str
    status: Status
    settings: str = "{}"  # canonical JSON of oauth.clients.ClientSettings


class PurposeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a purpose: the approved bytes, never changed; only the approval can be taken away."""

    id: str
    version: int
    organisation: str
    record: bytes
    status: Status


class AccessRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation pushed (RFC 9126) and a citizen has to answer. Single use, at the answer."""

    id: str
    reference: bytes  # hash of the request_uri
    client: str
    organisation: str
    purpose: str
    purpose_version: int
    attributes: tuple[str, ...]
    duration_days: int
    redirect_uri: str
    code_challenge: str
    state: str | None
    dpop_jkt: str | None
    asked_at: int
    expires_at: int
    citizen: str | None = None  # bound to whoever first looked at it, signed in
    answered_at: int | None = None
    answer: Literal["yes", "no"] | None = None
    response_mode: ResponseMode = "query"
    amends: str | None = None  # the running grant that it wants to change
    amends_version: int | None = None  # in this version and in no other
    acr: str | None = None  # how good a sign-in it takes at least
    max_age: int | None = None  # and how young a one, in seconds
    grant: str | None = None  # what her yes gave or changed
    code: bytes | None = None  # hash of the newest code that she took back to the organisation


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """A proof or assertion that was seen (DPoP `jti`, RFC 7523 `jti`); it opens nothing a second time."""

    hash: bytes
    expires_at: int


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """How often somebody knocked since an instant: under a keyed hash of who, which is another one each day."""

    hash: bytes
    since: int
    used: int


class Memo(msgspec.Struct, frozen=True, kw_only=True):
    """An Idempotency-Key of a client: which body it came with and which disclosure it made."""

    client: str
    key: bytes
    body: bytes
    disclosure: str
    created_at: int


class Disclosed(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery: which versions of which attributes, under which entry of the log."""

    id: str
    grant: str
    client: str
    citizen: str
    log: str
    index: int
    items: tuple[tuple[str, int], ...]
    at: int


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """A use of disclosures: one entry a grant, template and day."""

    id: str
    grant: str
    citizen: str
    template: str
    day: int
    log: str
    index: int
    disclosures: tuple[str, ...]
    attributes: tuple[str, ...]
    disclosed_at: int
    at: int


class RefusalCount(msgspec.Struct, frozen=True, kw_only=True):
    """How often the door said no under a grant, for one reason on one day; the first one made the entry."""

    grant: str
    reason: str
    day: int
    count: int
    index: int


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a client has to hear about a grant: waiting, delivered, given up, acknowledged."""

    id: str  # the `jti` of each try
    client: str
    grant: str
    event: SignalEvent
    attributes: tuple[str, ...]
    at: int
    next_try: int | None
    tries: int = 0
    failure: str | None = None  # what the last try came to, of a closed list
    delivered_at: int | None = None
    dead_at: int | None = None
    acknowledged_at: int | None = None
    acknowledged_index: int | None = None  # in the log of its grant


class StatedDeletion(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation's signed statement that what it received under a grant is gone, and the keys of that day."""

    grant: str
    scope: Scope
    statement: str
    jwks: str
    deleted_at: int
    stated_at: int
    log: str
    index: int


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """What a change took out of a running grant after it was given out, and what the organisation states about it."""

    grant: str
    version: int  # the first one without it
    attributes: tuple[str, ...]  # empty: all of it came back later
    dropped_at: int
    given_at: int  # when some of it went out last
    # Of the statement; None: there is none yet.
    scope: Scope | None = None
    statement: str | None = None
    jwks: str | None = None
    deleted_at: int | None = None
    stated_at: int | None = None
    log: str | None = None
    index: int | None = None


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in browser. The id in the cookie is new at each sign-in; only its hash is kept."""

    hash: bytes
    citizen: str
    method: Method
    created_at: int
    seen_at: int
    expires_at: int
    ended_at: int | None = None


class Ceremony(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey ceremony under way (WebAuthn Level 3 §7): the challenge that must come back."""

    hash: bytes
    kind: Literal["sign_in", "sign_up", "add", "broker"]
    challenge: bytes
    user: bytes
    expires_at: int
    used_at: int | None = None


class Passkey(msgspec.Struct, frozen=True, kw_only=True):
    """A citizen's public key on one of her devices."""

    credential: bytes
    citizen: str
    public_key: bytes
    sign_count: int
    created_at: int
    used_at: int | None = None
    label: bytes | None = None  # what she calls it, sealed


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """Another way in, found by a keyed hash of what only she has: her mailbox, her name at the broker, her words."""

    hash: bytes
    citizen: str
    kind: Literal["mail", "broker", "words"]
    sealed: bytes | None  # the address, for her own page; nothing for the others
    created_at: int
    used_at: int | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A link that was sent by e-mail. It works once, in the browser that asked for it; `citizen` adds her address."""

    hash: bytes
    browser: bytes
    address: bytes  # as in Way.hash
    sealed: bytes  # the address itself, under the link's own secret
    citizen: str | None
    expires_at: int
    used_at: int | None = None


class Persona(msgspec.Struct, frozen=True, kw_only=True):
    """An invented person of the seed, for the sandbox's sign-in buttons."""

    id: str
    citizen: str
    label: bytes  # JSON of words.purposes.Text
    description: bytes


class AuditorAccess(msgspec.Struct, frozen=True, kw_only=True):
    """What an auditor may open: one organisation, one period, one reason, for a while."""

    hash: bytes
    auditor: str
    organisation: str
    from_at: int
    until_at: int
    reason: str
    expires_at: int
    ended_at: int | None = None


class InitialToken(msgspec.Struct, frozen=True, kw_only=True):
    """What lets an organisation's developer register clients (RFC 7591 §1.2): so many, until then."""

    hash: bytes
    organisation: str
    given_by: str
    created_at: int
    expires_at: int
    remaining: int


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """A client as its developer keeps it (RFC 7592). What is in effect stands in the client's own row.

    `submitted` and `approved` are canonical JSON of `oauth.registration.ClientMetadata`; `revision` counts what was
    submitted, so that an operator approves what was looked at and nothing newer.
    """

    client: str
    organisation: str
    token: bytes  # hash of the registration access token
    state: Literal["pending", "approved", "refused", "removed"]
    revision: int
    submitted: bytes
    approved: bytes | None
    note: str  # what the operator says about a refusal
    registered_at: int
    submitted_at: int
    decided_at: int | None = None


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a purpose that an organisation proposed. The bytes never change: other words, another version."""

    id: str
    version: int
    organisation: str
    record: bytes
    state: Literal["pending", "approved", "refused"]
    note: str
    submitted_at: int
    decided_at: int | None = None


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """How a citizen wants to be told; no row is as for everybody."""

    citizen: str
    private: bool = False  # nothing where somebody else may see it
    mail: tuple[tuple[str, str], ...] = ()  # kind of news and when she is mailed about it


class StopCode(msgspec.Struct, frozen=True, kw_only=True):
    """The code on the receipt of a grant: `hash` finds it, the code itself is derived when she looks at her receipt."""

    hash: bytes
    grant: str
    citizen: str
    used_at: int | None = None  # it ended the grant
    seen_at: int | None = None  # and she knows


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """An account that is being erased, or was. `hash` is of the code with which she, or whoever has it, looks it up."""

    hash: bytes
    citizen: str | None  # until it is final
    shadow: bytes | None  # from then on: a hash of her id, for whoever restores an old backup
    asked_at: int
    final_at: int  # not before this instant
    erased_at: int | None = None  # her keys are gone
    complete_at: int | None = None  # and so are their bytes
    # The newest entry about it: `frozen`, then `erased`.
    log: str
    index: int


class Watermark(msgspec.Struct, frozen=True, kw_only=True):
    """Below this index of a log nothing opens any more."""

    log: str
    below: int
    at: int


class PlannedEnding(msgspec.Struct, frozen=True, kw_only=True):
    """A grant of somebody who is leaving: when its client hears of it, and its entry is written if that is missing."""

    grant: str
    due_at: int


class OperatorAccess(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may do over HTTP, and until when."""

    hash: bytes
    operator: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int
    ended_at: int | None = None


class JournalLine(msgspec.Struct, frozen=True, kw_only=True):
    """One act of an operator: who, what, about whom, when. `note` is the operator's own words."""

    id: str
    at: int
    operator: str
    act: str
    kind: str
    subject: str
    note: str


# What `frozen` of a head says.
OPEN = 0
FROZEN = 1  # for good: it may have forked, so it signs nothing any more
CLOSED = 2  # its year is over, or it was put an end to; its last entry names the log that follows


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The newest state of a log. Its row is the lock that puts every write about its citizens in one order."""

    log: str
    origin: str
    size: int
    at: int
    epoch: int
    frozen: int
    note: str


class LogKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key of a log: it may sign sizes above `added`, up to `retired`. Lost: somebody else may have it."""

    log: str
    key: str  # as a verifier key
    added: int  # index of the entry that says so
    retired: int | None
    lost: bool


class EntryRow(msgspec.Struct, frozen=True, kw_only=True):
    """A leaf, as everybody may read it."""

    log: str
    index: int
    leaf: bytes


class OpeningRow(msgspec.Struct, frozen=True, kw_only=True):
    """What opens a leaf to an auditor: keys and the exact bytes of the audit record. Deletable."""

    log: str
    index: int
    organisation: str | None
    at: int
    consent_key: bytes
    audit_key: bytes
    record: bytes


class CitizenEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of hers: what her timeline reads. Deleted at erasure.

    `sealed` is its detail; the key derives from her subject key and dies with it.
    """

    citizen: str
    log: str
    index: int
    grant: str | None
    nonce: bytes
    sealed: bytes
