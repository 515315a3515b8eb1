"""How each row is found and written: the statement names of `sql/*.sql`, and how a row becomes a Struct.

A kind has one key by which a batch remembers its rows. Other ways to find the same rows are further statements.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar, get_origin

import msgspec

from consent.grants.grant import Grant, Version
from consent.oauth.token import Code, Token
from consent.vault.keys import WrappedKeys
from consent.vault.seal import SealedValue

from . import cases, demands, mandates, members, notices, rows, tallies

K = TypeVar("K")
R = TypeVar("R", bound=msgspec.Struct)


class Kind(Generic[K, R]):
    """One kind of row. `name.get` finds one by its key, `name.put` writes one whole.

    A kind whose rows change often names its *steps*: statements, narrow ones first, each with the columns that it sets.
    A row that was read, and has changed in those columns only, is written by the first that will do.
    """

    def __init__(
        self,
        name: str,
        row: type[R],
        key: Callable[[R], K],
        *,
        steps: tuple[tuple[str, tuple[str, ...]], ...] = (),
    ) -> None:
        self.name = name
        self.key = key
        self.get = f"{name}.get"
        self.put = f"{name}.put"
        self._row = row
        names = [field.name for field in msgspec.structs.fields(row)]
        self._steps = [
            (statement, attrgetter(*[name for name in names if name not in columns]), attrgetter(*columns))
            for statement, columns in steps
        ]
        self.remembers = bool(steps)  # how a row was when it was read
        decoders: dict[str, Callable[[Any], Any]] = {}
        self._encoders: list[tuple[int, Callable[[Any], Any]]] = []
        for position, field in enumerate(msgspec.structs.fields(row)):
            if field.type == tuple[SealedValue, ...]:
                decoders[field.name] = msgspec.msgpack.Decoder(field.type).decode
                self._encoders.append((position, msgspec.msgpack.encode))
            elif get_origin(field.type) is tuple:
                decoders[field.name] = _Json(field.type).decode
                self._encoders.append((position, _encode_json))
            elif field.type is bool:
                decoders[field.name] = bool
                self._encoders.append((position, int))
        self._of_columns = _constructor(row, decoders)

    def one(self, *key: Any) -> "Ask":
        """Ask for the row with this key."""
        return Ask(self, self.get, (key,), False)

    def each(self, keys: Iterable[tuple[Any, ...]]) -> "Ask":
        """Ask for the rows with these keys."""
        return Ask(self, self.get, tuple(keys), False)

    def by(self, statement: str, *parameters: Any, listed: bool = True) -> "Ask":
        """Ask for all rows that another statement of this kind finds; `Book.found` lists them if they are *listed*."""
        return Ask(self, f"{self.name}.{statement}", (parameters,), listed)

    def from_row(self, values: Sequence[Any]) -> R:
        """A database row, in the order of the Struct's fields, as the Struct."""
        return self._of_columns(*values)

    def step(self, before: R, after: R) -> tuple[str, tuple[Any, ...]] | None:
        """The narrowest statement that turns *before* into *after*, and its parameters; None if only `put` will do."""
        for statement, others, columns in self._steps:
            if others(before) == others(after):
                return statement, (self.key(after), *columns(after))
        return None

    def to_row(self, row: R) -> tuple[Any, ...]:
        """A Struct as the values of its columns, in the order of its fields."""
        values = msgspec.structs.astuple(row)
        if not self._encoders:
            return values
        changed = list(values)
        for position, encode in self._encoders:
            changed[position] = encode(changed[position])
        return tuple(changed)


class Chain:
    """Rows of several kinds that one statement, `name.get`, finds side by side: a row leads to the next, or to none."""

    def __init__(self, name: str, *kinds: Kind[Any, Any]) -> None:
        self.name = name
        self.get = f"{name}.get"
        self.parts: list[tuple[Kind[Any, Any], slice]] = []
        start = 0
        for kind in kinds:
            width = len(msgspec.structs.fields(kind._row))
            self.parts.append((kind, slice(start, start + width)))
            start += width

    def one(self, *key: Any) -> "Ask":
        """Ask for the chain that begins at this key."""
        return Ask(self, self.get, (key,), False)


class Ask(NamedTuple):
    """A wish for rows: which kind, found by which statement, with which rows of parameters."""

    kind: "Kind[Any, Any] | Chain"
    statement: str
    rows: tuple[tuple[Any, ...], ...]
    listed: bool = False  # whether the book keeps a list of what it found; asks without one are read together


def _constructor(row: type[R], decoders: Mapping[str, Callable[[Any], Any]]) -> Callable[..., R]:
    """A function that takes the columns in order: written out once, for it runs for every row that is read."""
    names = [field.name for field in msgspec.structs.fields(row)]
    given = ", ".join(f"{n}=decoders[{n!r}]({n})" if n in decoders else f"{n}={n}" for n in names)
    scope = {"row": row, "decoders": decoders}
    made: Callable[..., R] = eval(f"lambda {', '.join(names)}: row({given})", scope)  # noqa: S307 - our own field names
    return made


class _Json:
    def __init__(self, kind: Any) -> None:
        self._decoder = msgspec.json.Decoder(kind)

    def decode(self, text: str) -> Any:
        return self._decoder.decode(text)


def _encode_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


CITIZEN = Kind("citizen", rows.Citizen, lambda r: r.id)
KEYS = Kind("keys", WrappedKeys, lambda r: r.citizen)
VALUE = Kind("value", SealedValue, lambda r: (r.citizen, r.name, r.version))
HOLDINGS = Kind("holdings", rows.Holdings, lambda r: r.citizen)
ORGANISATION = Kind("organisation", rows.OrganisationRow, lambda r: r.id)
CLIENT = Kind("client", rows.ClientRow, lambda r: r.id)
PURPOSE = Kind("purpose", rows.PurposeRow, lambda r: (r.id, r.version))
REQUEST = Kind("request", rows.AccessRequest, lambda r: r.id)
CODE = Kind("code", Code, lambda r: r.hash)
TOKEN = Kind("token", Token, lambda r: r.hash)
USED = Kind("used", rows.Used, lambda r: r.hash)
ALLOWANCE = Kind("allowance", rows.Allowance, lambda r: r.hash)
GRANT = Kind(
    "grant",
    Grant,
    lambda r: r.id,
    steps=(
        ("grant.step", ("sequence", "last", "day", "disclosed_today")),
        ("grant.move", ("state", "ended_at", "sequence", "last", "day", "disclosed_today")),
    ),
)
GRANT_VERSION = Kind("grant_version", Version, lambda r: (r.grant, r.number))
MEMO = Kind("memo", rows.Memo, lambda r: (r.client, r.key))
DISCLOSED = Kind("disclosed", rows.Disclosed, lambda r: r.id)
USE = Kind("use", rows.Use, lambda r: (r.grant, r.template, r.day))
REFUSAL = Kind("refusal", rows.RefusalCount, lambda r: (r.grant, r.reason, r.day))
SIGNAL = Kind("signal", rows.Signal, lambda r: r.id)
DELETION = Kind("deletion", rows.StatedDeletion, lambda r: (r.grant, r.scope))
DROPPED = Kind("dropped", rows.Dropped, lambda r: (r.grant, r.version))
DEMAND = Kind("demand", demands.Demand, lambda r: r.id)
MISGIVING = Kind("misgiving", demands.Misgiving, lambda r: r.use)
COUNTED_WEEK = Kind("counted_week", demands.CountedWeek, lambda r: r.week)
MISGIVING_COUNT = Kind(
    "misgiving_count",
    demands.MisgivingCount,
    lambda r: (r.week, r.organisation, r.purpose, r.template),
)
SESSION = Kind("session", rows.Session, lambda r: r.hash)
CEREMONY = Kind("ceremony", rows.Ceremony, lambda r: r.hash)
PASSKEY = Kind("passkey", rows.Passkey, lambda r: r.credential)
WAY = Kind("way", rows.Way, lambda r: r.hash)
LINK = Kind("link", rows.Link, lambda r: r.hash)
PERSONA = Kind("persona", rows.Persona, lambda r: r.id)
CASE = Kind("case", cases.Case, lambda r: r.request)
CASE_LOOK = Kind("case_look", cases.CaseLook, lambda r: (r.request, r.member, r.day))
PREFERENCES = Kind("preferences", rows.Preferences, lambda r: r.citizen)
NOTICE = Kind(
    "notice",
    notices.Notice,
    lambda r: r.id,
    steps=(("notice.mail", ("mail_at", "tries", "sent_at")),),
)
STOP_CODE = Kind("stop_code", rows.StopCode, lambda r: r.hash)
ERASURE = Kind("erasure", rows.Erasure, lambda r: r.hash)
PLANNED_ENDING = Kind("planned_ending", rows.PlannedEnding, lambda r: r.grant)
WATERMARK = Kind("watermark", rows.Watermark, lambda r: r.log)
MANDATE = Kind("mandate", mandates.Mandate, lambda r: r.id)
AUDITOR = Kind("auditor", rows.AuditorAccess, lambda r: r.hash)
INITIAL_TOKEN = Kind("initial_token", rows.InitialToken, lambda r: r.hash)
REGISTRATION = Kind("registration", rows.Registration, lambda r: r.client)
PROPOSAL = Kind("proposal", rows.Proposal, lambda r: (r.id, r.version))
OPERATOR = Kind("operator", rows.OperatorAccess, lambda r: r.hash)
JOURNAL = Kind("journal", rows.JournalLine, lambda r: r.id)
MEMBER = Kind("member", members.Member, lambda r: r.id)
INVITATION = Kind("invitation", members.Invitation, lambda r: r.hash)
DRAFT = Kind("draft", members.Draft, lambda r: (r.organisation, r.purpose))
TALLIED = Kind("tallied", tallies.Tallied, lambda r: r.what)
HEAD = Kind("head", rows.Head, lambda r: r.log)
LOG_KEY = Kind("log_key", rows.LogKey, lambda r: (r.log, r.key))
ENTRY = Kind("entry", rows.EntryRow, lambda r: (r.log, r.index))
OPENING = Kind("opening", rows.OpeningRow, lambda r: (r.log, r.index))
CITIZEN_ENTRY = Kind("citizen_entry", rows.CitizenEntry, lambda r: (r.citizen, r.log, r.index))
# A token leads to its grant, and that to its citizen's keys and what she holds: what every disclosure begins with.
ACCESS = Chain("access", TOKEN, GRANT, KEYS, HOLDINGS)

# The order in which a batch writes: whatever is referred to comes first.
ALL: tuple[Kind[Any, Any], ...] = (
    CITIZEN, KEYS, VALUE, HOLDINGS, ORGANISATION, CLIENT, PURPOSE, REQUEST, GRANT, GRANT_VERSION, CODE, TOKEN, USED,
    DISCLOSED, MEMO, USE, REFUSAL, SIGNAL, DELETION, SESSION, CEREMONY, PASSKEY, WAY, LINK, PERSONA, MANDATE, AUDITOR,
    ENTRY, OPENING, OPERATOR, JOURNAL, INITIAL_TOKEN, REGISTRATION, PROPOSAL, CITIZEN_ENTRY, ALLOWANCE,
    ERASURE, PLANNED_ENDING, WATERMARK, DROPPED, MEMBER, INVITATION, DRAFT, STOP_CODE, PREFERENCES, DEMAND, CASE,
    CASE_LOOK, TALLIED, MISGIVING, COUNTED_WEEK, MISGIVING_COUNT, NOTICE,
)  # fmt: skip
