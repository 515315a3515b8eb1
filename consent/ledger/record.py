"""The audit record A: what an auditor reads of one entry. It knows no person and no value.

Append-only: a field or event that was ever written keeps its name and meaning for ever; new ones may be added
at the end, none is renamed, reused or given another type. A verifier of today must read a log of ten years
ago.
"""

from typing import Literal, get_args

import msgspec

from consent.ledger.errors import LedgerError
from consent.words.canonical import canonical
from consent.words.decision import RefusalReason

Event = Literal[
    "granted",
    "amended",
    "disclosed",
    "used",
    "refused",
    "withdrawn",  # by the citizen
    "revoked",  # by another party
    "expired",
    "frozen",
    "erased",
    "carried",  # a grant of an older log that goes on in this one: begins a chain here
    "declined",
    "acknowledged",
    "deletion_stated",
    "mandate_given",
    "mandate_ended",
    "corrected",
    "lawful",
    "other",  # how `declined` and mandates are opened: they name no organisation
]
By = Literal["self", "helper", "guardian", "clerk", "rule", "organisation", "operator"]
Reason = (
    RefusalReason
    | Literal[
        "citizen_asked",
        "helper_asked",
        "organisation_asked",
        "purpose_ended",
        "organisation_ended",
        "misuse",
        "time_passed",
        "erasure",
        "log_closed",
        "legal_obligation",
        "vital_interest",
        "court_order",
        "source_changed",
        "replaced",  # she gave a new grant for the same purpose
    ]
)

EVENTS: frozenset[str] = frozenset(get_args(Event))
BYS: frozenset[str] = frozenset(get_args(By))
# get_args of a union gives the two Literals, and of each its words.
REASONS: frozenset[str] = frozenset(word for part in get_args(Reason) for word in get_args(part))
# These open as `other`: an auditor of one organisation must not learn that somebody said no, or has a helper.
OPENED_AS_OTHER: frozenset[str] = frozenset({"declined", "mandate_given", "mandate_ended"})
_NAMES_AN_ORGANISATION = ("org", "purpose", "attributes", "terms")


def _version() -> int:
    return 1


def _unsigned() -> Literal["none"]:
    return "none"


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry as an auditor reads it. Fields that do not apply are left out of the bytes; `v` and `sig`
    never.

    Instants (`nbf`, `exp`, `t`) are whole seconds since 1970; `i`, `c` and `prev` are indices in the log `o`.
    """

    # A factory is never "the default", so omit_defaults always writes these two.
    v: int = msgspec.field(default_factory=_version)
    o: str  # origin of the log
    i: int  # index of this entry
    ev: Event
    c: int | None = None  # index of the entry that began the grant
    n: int | None = None  # 0 for that entry, then 1, 2, … in the grant, without gaps
    prev: int | None = None  # index of entry n - 1 of the grant
    org: str | None = None
    purpose: str | None = None  # id@version
    attributes: tuple[str, ...] = ()  # empty: left out, as everything that does not apply
    nbf: int | None = None
    exp: int | None = None
    t: int
    by: By | None = None
    sig: Literal["none"] = msgspec.field(default_factory=_unsigned)
    terms: str | None = None  # hash of template, version and language of the page that was shown
    reason: Reason | None = None


def encode(record: AuditRecord) -> bytes:
    """The canonical bytes of *record*: sorted keys, attributes sorted and each once. These bytes are hashed
    and kept.

    Raises LedgerError for an event, actor or reason outside the closed lists, and for an event that must be
    opened as `other`: a record that reaches the log can never be taken back.
    """
    if record.ev not in EVENTS or record.ev in OPENED_AS_OTHER:
        raise LedgerError("an audit record names one of the open events")
    if record.reason is not None and record.reason not in REASONS:
        raise LedgerError("the reason of an audit record is one of a closed list")
    if record.by is not None and record.by not in BYS:
        raise LedgerError("the actor of an audit record is one of a closed list")
    if record.ev == "other" and any(getattr(record, name) for name in _NAMES_AN_ORGANISATION):
        raise LedgerError("an entry that opens as other names no organisation")
    ordered = tuple(sorted(set(record.attributes)))
    if ordered != record.attributes:
        record = msgspec.structs.replace(record, attributes=ordered)
    return canonical(record)
