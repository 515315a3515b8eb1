"""The open book of one batch: what it has read, what it will write, and the entries it adds to the log.

An act is a *story*: a generator that first says which rows it needs (`yield [GRANT.one(id), …]`, as often as one
row leads to the next), then waits for its turn (`yield TURN`), then reads the book, decides and writes, and returns
its outcome. All stories of a batch read together, in a few statements; then each takes its turn, in the order in
which they were asked, and sees what the stories before it wrote. Nothing here does I/O.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from consent.grants.grant import Grant
from consent.ledger import entry as ledger_entry
from consent.ledger.entry import Entry, SubjectKeys
from consent.ledger.record import AuditRecord, By, Event, Reason, encode
from consent.oauth.token import Token
from consent.vault.keys import CitizenKeys, KeyRing, WrappedKeys, pairwise_id
from consent.words.canonical import canonical
from consent.words.instants import seconds

from .kinds import ALL, CITIZEN_ENTRY, ENTRY, GRANT, KEYS, OPENING, REFUSAL, TOKEN, Ask, Chain, Kind, R
from .logs import Elsewhere, OpenLog
from .rows import CitizenEntry, OpeningRow, RefusalCount
from .store import Row, Statement

T = TypeVar("T")
K = TypeVar("K")

TURN: None = None
_NOTHING: Mapping[str, int] = {}
Story = Generator[list[Ask] | None, None, T]


class Book:
    """One batch's view. `at` is the batch's instant (microseconds), read once, never before the last entry.

    *logs*: those that it holds, by bucket. All, or one; then only what is about that one's citizens may be done.
    """

    def __init__(
        self,
        *,
        at: int,
        logs: Mapping[int, OpenLog],
        ring: KeyRing,
        unwrapped: "UnwrappedKeys",
        chance: Callable[[int], bytes],
    ) -> None:
        self.at = at
        self.logs = logs
        self.chance = chance
        self.ring = ring
        self.changes = 0  # how often something was written: a story that says no must have written nothing
        self._unwrapped = unwrapped
        self._rows: dict[str, dict[Any, Any]] = {kind.name: {} for kind in ALL}
        self._asked: dict[Ask, list[Any]] = {}
        self._dirty: dict[str, dict[Any, Any]] = {}
        self._before: dict[str, dict[Any, Any]] = {}  # rows as they were read, of kinds with steps
        self._added: dict[str, list[Any]] = {}
        self._also: list[Statement] = []

    # Reading

    def wish(self, asks: Iterable[Ask], open_asks: dict[object, list[Ask]]) -> None:
        """Add those of *asks* that nobody asked before to *open_asks*: by statement, but each list of its own alone."""
        asked = self._asked
        for ask in asks:
            if ask not in asked:
                asked[ask] = _NONE
                open_asks.setdefault(ask if ask.listed else ask.statement, []).append(ask)

    def take(self, asks: Sequence[Ask], found: list[Row]) -> None:
        """Remember what answered *asks*, all of one statement. What is known already stays: it may be newer here."""
        first = asks[0]
        if isinstance(first.kind, Chain):
            for kind, columns in first.kind.parts:
                start = columns.start
                self._remember(kind, [values[columns] for values in found if values[start] is not None])
        else:
            keys = self._remember(first.kind, found)
            if first.listed:
                self._asked[first] = keys

    def _remember(self, kind: Kind[Any, Any], found: list[Row]) -> list[Any]:
        """Keep the rows that were found; answers their keys."""
        known, from_row, key_of = self._rows[kind.name], kind.from_row, kind.key
        keys = []
        for values in found:
            row = from_row(values)
            key = key_of(row)
            known.setdefault(key, row)
            keys.append(key)
            if kind.remembers:
                self._before.setdefault(kind.name, {}).setdefault(key, row)
        return keys

    def get(self, kind: Kind[K, R], key: K) -> R | None:
        """The row with this key as the stories before left it, or None. It must have been asked for or written."""
        return self._rows[kind.name].get(key)

    def found(self, ask: Ask) -> list[Any]:
        """All rows that answered *ask*, as the stories before left them."""
        known = self._rows[ask.kind.name]
        return [known[key] for key in self._asked[ask]]

    def known(self, kind: Kind[K, R]) -> list[R]:
        """All rows of a kind that were asked for or written, as the stories before left them."""
        return [*self._rows[kind.name].values(), *self._added.get(kind.name, ())]

    def live_grant(self, citizen: str, client: str, purpose: str) -> Grant | None:
        """The grant that a new one would replace, seen also when an earlier story of this batch gave it."""
        for grant in self._rows[GRANT.name].values():
            if (grant.citizen, grant.client, grant.purpose, grant.state) == (
                citizen,
                client,
                purpose,
                "live",
            ):
                return grant  # type: ignore[no-any-return]
        return None

    def tokens_of(self, code: bytes) -> list[Token]:
        """The tokens that came of a code, among those that were asked for or written."""
        return [token for token in self._rows[TOKEN.name].values() if token.code == code]

    def newest_refusal(self, grant: str, reason: str) -> RefusalCount | None:
        """The newest count of refusals of this grant for this reason, among those that were asked for."""
        counts = [r for r in self._rows[REFUSAL.name].values() if (r.grant, r.reason) == (grant, reason)]
        return max(counts, key=lambda r: r.day, default=None)

    def keys_of(self, wrapped: WrappedKeys) -> CitizenKeys:
        """A citizen's keys, unwrapped. Keys are remembered between batches, permission never is."""
        return self._unwrapped.of(wrapped)

    def log_of(self, citizen: str) -> OpenLog:
        """The log that has what is written about her; KEYS must have been asked for. Raises Elsewhere."""
        wrapped = self._rows[KEYS.name][citizen]
        log = self.logs.get(wrapped.bucket)
        if log is None:
            raise Elsewhere(wrapped.bucket)
        return log

    # Writing

    def put(self, kind: Kind[K, R], row: R) -> None:
        """Write a row, new or changed, at the end of the batch; stories after this one see it."""
        self.changes += 1
        self._rows[kind.name][kind.key(row)] = row
        self._dirty.setdefault(kind.name, {})[kind.key(row)] = row

    def add(self, kind: Kind[K, R], row: R) -> None:
        """Write a new row that no story of this batch looks up."""
        self.changes += 1
        self._added.setdefault(kind.name, []).append(row)

    def drop(self, kind: Kind[K, R], key: K) -> None:
        """Let no story after this one see a row. Its statement of deletion is the caller's (`also`)."""
        self.changes += 1
        self._rows[kind.name].pop(key, None)

    def also(self, statement: Statement) -> None:
        """A writing statement that belongs to no row, run after all rows are written: for sweeping out."""
        self.changes += 1
        self._also.append(statement)

    def record_event(
        self,
        event: Event,
        *,
        citizen: str,
        keys: CitizenKeys,
        detail: "Detail",
        grant: Grant | None = None,
        counted: Mapping[str, int] = _NOTHING,
        attributes: tuple[str, ...] = (),
        by: By = "self",
        reason: Reason | None = None,
        terms: str | None = None,
        nonce: bytes | None = None,
    ) -> tuple[int, Entry]:
        """Add one entry to the log and return its index and what opens it.

        *grant* is the grant as it stands after the event, but for its place in the log, which moves here: the entry
        becomes its newest, and the grant is written. It is None for an entry that belongs to no grant. A grant whose
        own entry this is has `index == next_index`; *counted* are its columns that count this event. *detail* gets the
        entry's detail key and makes D from it.
        """
        log = self.log_of(
            citizen
        )  # before the grant moves: an entry that cannot be made here changes nothing
        log_keys = self._unwrapped.in_log(citizen, keys, log.origin)
        nonce = nonce or self.chance(ledger_entry.NONCE_BYTES)
        detail_key = ledger_entry.detail_key(log_keys, nonce)
        index = log.next_index
        if grant is None:
            record = AuditRecord(o=log.origin, i=index, ev=event, t=seconds(self.at), by=by, reason=reason)
        else:
            if grant.log != log.name:
                grant = self._carry(grant, keys)
                index = log.next_index
            begins = grant.index == index
            previous = grant.last
            grant = replace(grant, sequence=0 if begins else grant.sequence + 1, last=index, **counted)
            self.put(GRANT, grant)
            record = AuditRecord(
                o=log.origin,
                i=index,
                ev=event,
                c=grant.index,
                n=grant.sequence,
                prev=None if begins else previous,
                org=grant.organisation,
                purpose=f"{grant.purpose}@{grant.purpose_version}",
                attributes=attributes,
                nbf=seconds(grant.granted_at),
                exp=seconds(grant.expires_at),
                t=seconds(self.at),
                by=by,
                terms=terms,
                reason=reason,
            )
        entry = ledger_entry.event_entry(
            keys=log_keys,
            nonce=nonce,
            grant_nonce=grant.nonce if grant is not None else nonce,
            audit_key=self.chance(ledger_entry.KEY_BYTES),
            record=encode(record),
            detail_key=detail_key,
            detail=canonical(detail(detail_key)),
        )
        self.add(ENTRY, log.append(entry.leaf))
        self.add(
            OPENING,
            OpeningRow(
                log=log.name,
                index=index,
                organisation=grant.organisation if grant is not None else None,
                at=self.at,
                consent_key=entry.consent_key,
                audit_key=entry.audit_key,
                record=entry.record,
            ),
        )
        self.add(
            CITIZEN_ENTRY,
            CitizenEntry(
                citizen=citizen,
                log=log.name,
                index=index,
                grant=grant.id if grant is not None else None,
                nonce=nonce,
                sealed=ledger_entry.seal_detail(detail_key, self.chance(12), entry.detail),
            ),
        )
        return index, entry

    def _carry(self, grant: Grant, keys: CitizenKeys) -> Grant:
        """Begin *grant* in her log, as it stood before what is written about it now; returns it with its new place.

        One that has ended can only be spoken about any more: for an auditor of this log its time is over.
        """
        log = self.log_of(grant.citizen)
        stood = self._rows[GRANT.name].get(grant.id, grant)
        began = {
            "o": log.origin.removesuffix(log.name) + stood.log,
            "c": stood.index,
            "last": stood.last,
        }
        place = {
            "log": log.name,
            "index": log.next_index,
            "nonce": self.chance(ledger_entry.NONCE_BYTES),
        }
        if stood.ended_at is not None:
            place["expires_at"] = min(stood.expires_at, stood.ended_at)
        here = replace(stood, **place)
        self.record_event(
            "carried",
            citizen=grant.citizen,
            keys=keys,
            grant=here,
            attributes=here.attributes,
            by="rule",
            reason="log_closed",
            terms=here.terms,
            nonce=here.nonce,
            detail=lambda _: {"sub": pairwise_id(keys.subject, grant.organisation), "from": began},
        )
        here = replace(here, sequence=0, last=here.index)
        carried = replace(grant, log=here.log, index=here.index, nonce=here.nonce, sequence=0, last=here.last)
        self.put(GRANT, carried)
        return carried

    def carry(self, grant: Grant, keys: CitizenKeys) -> Grant:
        """*grant* in her log: as it is when it lives there, else begun there with an entry of its own."""
        return grant if grant.log == self.log_of(grant.citizen).name else self._carry(grant, keys)

    def record_control(self, body: dict[str, object], *, bucket: int | None = None) -> None:
        """Add a control entry: public facts, in every log, for an auditor may read only one; or in that of *bucket*."""
        for log in self.logs.values() if bucket is None else [self.logs[bucket]]:
            about = {"o": log.origin, "i": log.next_index, "t": seconds(self.at)}
            nonce = self.chance(ledger_entry.NONCE_BYTES)
            self.add(ENTRY, log.append(ledger_entry.control_entry(nonce, canonical(body | about))))

    def writes(self) -> Iterable[Statement]:
        """All changed rows, kind after kind: what is referred to comes first."""
        for kind in ALL:
            rows = self._added.get(kind.name, []) + list(self._dirty.get(kind.name, {}).values())
            statements: dict[str, list[Row]] = {}
            before = self._before.get(kind.name, {})
            for row in rows:
                was = before.get(kind.key(row)) if before else None
                step = kind.step(was, row) if was is not None else None
                name, values = step or (kind.put, kind.to_row(row))
                statements.setdefault(name, []).append(values)
            for name, found in statements.items():
                yield Statement(name, found)
        for statement in self._also:  # noqa: UP028 - the store sends rows in, which a list does not take
            yield statement


Detail = Callable[[bytes], dict[str, object]]
_NONE: list[Any] = []


class UnwrappedKeys:
    """Keys that were unwrapped before, bounded. A cache of keys, never of permission: rows say if they may be used."""

    def __init__(self, ring: KeyRing, *, limit: int = 10_000) -> None:
        self._ring = ring
        self._limit = limit
        self._keys: dict[bytes, CitizenKeys] = {}
        self._in_log: dict[tuple[str, str, int], SubjectKeys] = {}

    def of(self, wrapped: WrappedKeys) -> CitizenKeys:
        """The keys inside *wrapped*; a shredded citizen has no wrapped keys to ask with."""
        keys = self._keys.get(wrapped.subject_key)
        if keys is None:
            keys = self._ring.unwrap(wrapped)
            if len(self._keys) >= self._limit:
                self._keys.pop(next(iter(self._keys)))
            self._keys[wrapped.subject_key] = keys
        return keys

    def in_log(self, citizen: str, keys: CitizenKeys, origin: str) -> SubjectKeys:
        """Her keys for one log, derived once."""
        name = (citizen, origin, keys.version)
        derived = self._in_log.get(name)
        if derived is None:
            derived = ledger_entry.subject_keys(keys.subject.reveal(), origin)
            if len(self._in_log) >= self._limit:
                self._in_log.pop(next(iter(self._in_log)))
            self._in_log[name] = derived
        return derived

    def forget(self, citizen: str | None = None) -> None:
        """Drop a citizen's keys from memory, when hers are destroyed; without a name, everybody's."""
        kept = self._in_log.items() if citizen is not None else ()
        self._in_log = {name: keys for name, keys in kept if name[0] != citizen}
        self._keys.clear()
