"""The open book of one batch: what it has read, what it will write, and the entries it adds to the log.

An act is a *story*: a generator that first says which rows it needs (`yield [GRANT.one(id), …]`, as often as one
row leads to the next), then waits for its turn (`yield TURN`), then reads the book, decides and writes, and returns
its outcome. All stories of a batch read together, in a few statements; then each takes its turn, in the order in
which they were asked, and sees what the stories before it wrote. Nothing here does I/O.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from consent.grants.grant import Grant
from consent.ledger import entry as ledger_entry
from consent.ledger.entry import Entry, SubjectKeys
from consent.ledger.record import AuditRecord, By, Event, Reason, encode
from consent.ledger.tiles import Growth
from consent.ledger.tree import leaf_hash
from consent.oauth.token import Token
from consent.vault.keys import CitizenKeys, KeyRing, WrappedKeys
from consent.words.canonical import canonical
from consent.words.errors import ConsentError
from consent.words.instants import seconds

from .kinds import ALL, CITIZEN_ENTRY, DETAIL, ENTRY, GRANT, OPENING, REFUSAL, TOKEN, Ask, Kind, R
from .rows import CitizenEntry, DetailRow, EntryRow, Head, OpeningRow, RefusalCount
from .store import Row, Statement

T = TypeVar("T")
K = TypeVar("K")

TURN: None = None
Story = Generator[list[Ask] | None, None, T]


class LogFrozen(ConsentError):
    """The log takes no entries any more, so nothing can be given out."""

    code = "log_frozen"


class Book:
    """One batch's view. `at` is the batch's instant (microseconds), read once, never before the last entry."""

    def __init__(
        self,
        *,
        at: int,
        head: Head,
        growth: Growth | None,
        ring: KeyRing,
        unwrapped: "UnwrappedKeys",
        chance: Callable[[int], bytes],
    ) -> None:
        self.at = at
        self.head = head
        self.chance = chance
        self.ring = ring
        self.entries: list[bytes] = []
        self.changes = 0  # how often something was written: a story that says no must have written nothing
        self.to_prove: list[int] = []
        self._growth = growth
        self._unwrapped = unwrapped
        self._rows: dict[str, dict[Any, Any]] = {kind.name: {} for kind in ALL}
        self._asked: dict[Ask, list[Any]] = {}
        self._dirty: dict[str, dict[Any, Any]] = {}
        self._there: dict[str, set[Any]] = {}
        self._also: list[Statement] = []

    # Reading

    def missing(self, asks: Iterable[Ask]) -> list[Ask]:
        """Those of *asks* that were not read yet."""
        return [ask for ask in asks if ask not in self._asked]

    def take(self, asks: Sequence[Ask], found: list[Row]) -> None:
        """Remember what answered *asks*, all of one statement. What is known already stays: it may be newer here."""
        kind = asks[0].kind
        known = self._rows[kind.name]
        keys = []
        for values in found:
            row = kind.from_row(values)
            key = kind.key(row)
            known.setdefault(key, row)
            keys.append(key)
        if kind.move is not None:
            self._there.setdefault(kind.name, set()).update(keys)
        self._asked.update(dict.fromkeys(asks, keys if asks[0].listed else []))

    def get(self, kind: Kind[K, R], key: K) -> R | None:
        """The row with this key as the stories before left it, or None. It must have been asked for or written."""
        return self._rows[kind.name].get(key)

    def found(self, ask: Ask) -> list[Any]:
        """All rows that answered *ask*, as the stories before left them."""
        known = self._rows[ask.kind.name]
        return [known[key] for key in self._asked[ask]]

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

    # Writing

    def put(self, kind: Kind[K, R], row: R) -> None:
        """Write a row, new or changed, at the end of the batch; stories after this one see it."""
        self.changes += 1
        self._rows[kind.name][kind.key(row)] = row
        self._dirty.setdefault(kind.name, {})[kind.primary(row)] = row

    def also(self, statement: Statement) -> None:
        """A writing statement that belongs to no row, for sweeping out what has expired."""
        self._also.append(statement)

    def record_event(
        self,
        event: Event,
        *,
        citizen: str,
        keys: CitizenKeys,
        detail: "Detail",
        grant: Grant | None = None,
        attributes: tuple[str, ...] = (),
        by: By = "self",
        reason: Reason | None = None,
        terms: str | None = None,
        nonce: bytes | None = None,
    ) -> tuple[int, Entry]:
        """Add one entry to the log and return its index and what opens it.

        *grant* is the grant as it stands after the event, but for its place in the log, which moves here: the entry
        becomes its newest, and the grant is written. It is None for an entry that belongs to no grant. A grant whose
        own entry this is has `index == next_index`. *detail* gets the entry's detail key and makes D from it.
        """
        self._check_open()  # before the grant moves: a log that takes no entry changes nothing
        log_keys = self._unwrapped.in_log(citizen, keys, self.head.origin)
        nonce = nonce or self.chance(ledger_entry.NONCE_BYTES)
        index = self.next_index
        if grant is None:
            record = AuditRecord(
                o=self.head.origin, i=index, ev=event, t=seconds(self.at), by=by, reason=reason
            )
        else:
            begins = grant.index == index
            previous = grant.last
            grant = replace(grant, sequence=0 if begins else grant.sequence + 1, last=index)
            self.put(GRANT, grant)
            record = AuditRecord(
                o=self.head.origin,
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
            detail=canonical(detail(ledger_entry.detail_key(log_keys, nonce))),
        )
        self._append(entry.leaf)
        log = self.head.log
        self.put(
            OPENING,
            OpeningRow(
                log=log,
                index=index,
                organisation=grant.organisation if grant is not None else None,
                at=self.at,
                consent_key=entry.consent_key,
                audit_key=entry.audit_key,
                record=entry.record,
            ),
        )
        sealed = ledger_entry.seal_detail(entry.detail_key, self.chance(12), entry.detail)
        self.put(DETAIL, DetailRow(log=log, index=index, sealed=sealed))
        self.put(
            CITIZEN_ENTRY,
            CitizenEntry(
                citizen=citizen,
                log=log,
                index=index,
                grant=grant.id if grant is not None else None,
                nonce=nonce,
            ),
        )
        return index, entry

    def record_control(self, body: dict[str, object]) -> int:
        """Add a control entry: public facts about the log itself. Returns its index."""
        index = self.next_index
        about = {"o": self.head.origin, "i": index, "t": seconds(self.at)}
        self._append(
            ledger_entry.control_entry(self.chance(ledger_entry.NONCE_BYTES), canonical(body | about))
        )
        return index

    def prove(self, index: int) -> None:
        """Ask for the inclusion proof of an entry of this batch, made as soon as it is committed."""
        self.to_prove.append(index)

    @property
    def next_index(self) -> int:
        """The index that the next entry gets."""
        return self.head.size + len(self.entries)

    def _check_open(self) -> Growth:
        if self._growth is None or self.head.frozen:
            raise LogFrozen("this log takes no new entries")
        return self._growth

    def _append(self, leaf: bytes) -> None:
        self._check_open().append(leaf_hash(leaf))
        index = self.next_index
        self.entries.append(leaf)
        self.put(ENTRY, EntryRow(log=self.head.log, index=index, leaf=leaf))

    def writes(self) -> Iterable[Statement]:
        """All changed rows, kind after kind: what is referred to comes first."""
        for kind in ALL:
            changed = self._dirty.get(kind.name)
            if not changed:
                continue
            there = self._there.get(kind.name, ())
            moved = [row for key, row in changed.items() if key in there]
            if kind.move is not None and moved:
                yield Statement(kind.move, [kind.to_move(row) for row in moved])
                changed = {key: row for key, row in changed.items() if key not in there}
            if changed:
                yield Statement(kind.put, [kind.to_row(row) for row in changed.values()])
        for statement in self._also:  # noqa: UP028 - the store sends rows in, which a list does not take
            yield statement


Detail = Callable[[bytes], dict[str, object]]


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

    def forget(self, citizen: str) -> None:
        """Drop a citizen's keys from memory, when hers are destroyed."""
        self._in_log = {name: keys for name, keys in self._in_log.items() if name[0] != citizen}
        self._keys.clear()
