"""Anybody looks at the public log: what its newest checkpoint says and who signed it, and which entries it has.

Nothing here tells more than the log does: what an event is about and when it was stays shut, and the times beside it
are those that the log itself and its witnesses say.
"""

from typing import Any, Literal

import msgspec

from consent.ledger.checkpoint import ED25519, check_checkpoint, parse_body, parse_note, parse_vkey
from consent.ledger.cosignature import check_cosignature
from consent.ledger.entry import LEAF_BYTES
from consent.ledger.errors import LedgerError
from consent.ledger.tree import leaf_hash
from consent.storage.kinds import ENTRY
from consent.storage.rows import FROZEN, EntryRow
from consent.words.errors import NotFound
from consent.words.instants import SECOND

from .house import House
from .publish import checkpoint, head, keys, leaf_of

PAGE = 50  # entries


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A line under a checkpoint. *at*: when it was cosigned (us); the log's first signature has no time."""

    name: str
    by: Literal["log", "second", "witness", "unknown"]
    is_right: bool | None  # None: by a key that is not known here
    at: int | None = None


class WitnessState(msgspec.Struct, frozen=True, kw_only=True):
    """How far a witness of this log has come. *at* (us) and *size*: of its newest line that is kept."""

    name: str
    organisation: str
    size: int | None = None
    at: int | None = None


class Front(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader sees of a log first."""

    log: str
    origin: str
    size: int
    root: str  # base64, as in the checkpoint
    note: str
    is_served: bool  # False: no checkpoint has its witnesses yet, this is the newest at all
    is_frozen: bool
    signed: tuple[Signed, ...]
    witnesses: tuple[WitnessState, ...]
    needed: int  # organisations whose witnesses make the quorum


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One entry. *said*: what a control entry says, which is public; an event says nothing here."""

    index: int
    hash: str  # hexadecimal, of the tree's leaf
    said: dict[str, Any] | None


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """Some entries in a row. What is no control entry was written between *after* and *before* (seconds)."""

    log: str
    size: int
    lines: tuple[Line, ...]
    earlier: int | None  # where the page before begins
    later: int | None
    after: int | None
    before: int | None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry with all its bytes."""

    line: Line
    size: int  # of the log
    leaf: bytes
    after: int | None
    before: int | None


async def front(house: House, log: str) -> Front:
    """The newest checkpoint with its signatures, each checked, and how far the witnesses are. Raises NotFound."""
    row = await head(house, log)
    try:
        note, is_served = await checkpoint(house, log), True
    except NotFound:
        note, is_served = await checkpoint(house, log, newest=True), False
    body = parse_body(parse_note(note).body)
    policy = house.quorum.policy
    own = {
        key.key: "log" if parse_vkey(key.key).algorithm == ED25519 else "second"
        for key in await keys(house, log)
    }
    known = own | {witness.vkey: "witness" for witness in policy.witnesses}
    return Front(
        log=log,
        origin=body.origin,
        size=body.size,
        root=note.split("\n")[2],
        note=note,
        is_served=is_served,
        is_frozen=row.frozen == FROZEN,
        signed=_signed(note, known),
        witnesses=tuple([await _state(house, log, w.vkey, w.name, w.organisation) for w in policy.witnesses]),
        needed=policy.needed,
    )


def _signed(note: str, known: dict[str, Any]) -> tuple[Signed, ...]:
    parsed = parse_note(note)
    by_id = {(key.name, key.key_id): (text, key) for text, key in ((t, parse_vkey(t)) for t in known)}
    found = []
    for line in parsed.signatures:
        if (line.name, line.key_id) not in by_id:
            found.append(Signed(name=line.name, by="unknown", is_right=None))
            continue
        text, key = by_id[line.name, line.key_id]
        at = None
        try:
            if key.algorithm == ED25519:
                check_checkpoint(note, [text])
            else:
                at = check_cosignature(line, key, parsed.body) * SECOND
            found.append(Signed(name=line.name, by=known[text], is_right=True, at=at))
        except LedgerError:
            found.append(Signed(name=line.name, by=known[text], is_right=False))
    return tuple(found)


async def _state(house: House, log: str, vkey: str, name: str, organisation: str) -> WitnessState:
    for size, at in await house.store.read("cosignature.newest", log, vkey):
        return WitnessState(name=name, organisation=organisation, size=size, at=at)
    return WitnessState(name=name, organisation=organisation)


async def entries(house: House, log: str, first: int | None = None) -> Lines:
    """A page of entries from *first* on; without it the newest. Raises NotFound for what the log does not have."""
    size = (await head(house, log)).size
    first = max(0, size - PAGE) if first is None else first
    if not 0 <= first < size:
        raise NotFound("the log has no such entry")
    rows = await house.store.read("entry.range", log, first, min(first + PAGE, size))
    after, before = await _times(house, log, first, first + len(rows) - 1)
    return Lines(
        log=log,
        size=size,
        lines=tuple(_line(index, bytes(leaf)) for index, leaf in rows),
        earlier=max(0, first - PAGE) if first else None,
        later=first + PAGE if first + PAGE < size else None,
        after=after,
        before=before,
    )


async def controls(house: House, log: str, first: int = 0) -> Lines:
    """A page of what the log says about itself, from entry *first* on. Raises NotFound."""
    size = (await head(house, log)).size
    rows = await house.store.read("entry.controls", log, first, PAGE + 1)
    earlier = [index for (index,) in await house.store.read("entry.controls_before", log, first, PAGE)]
    return Lines(
        log=log,
        size=size,
        lines=tuple(_line(index, bytes(leaf)) for index, leaf in rows[:PAGE]),
        earlier=earlier[-1] if earlier else None,
        later=rows[PAGE][0] if len(rows) > PAGE else None,
        after=None,
        before=None,
    )


async def entry(house: House, log: str, index: int) -> Entry:
    """One entry. Raises NotFound."""
    size = (await head(house, log)).size
    leaf = await leaf_of(house, log, index)
    after, before = await _times(house, log, index, index)
    return Entry(line=_line(index, leaf), size=size, leaf=leaf, after=after, before=before)


def _line(index: int, leaf: bytes) -> Line:
    said = msgspec.json.decode(leaf[LEAF_BYTES:], type=dict[str, Any]) if len(leaf) > LEAF_BYTES else None
    return Line(index=index, hash=leaf_hash(leaf).hex(), said=said)


async def _times(house: House, log: str, first: int, last: int) -> tuple[int | None, int | None]:
    """What the control entries around these say about when: seconds, or None where there is none after."""
    around = []
    for statement, place in (("entry.control_until", first), ("entry.control_from", last)):
        rows = [ENTRY.from_row(row) for row in await house.store.read(statement, log, place)]
        around.append(_time_of(rows[0]) if rows else None)
    return around[0], around[1]


def _time_of(row: EntryRow) -> int | None:
    said = msgspec.json.decode(row.leaf[LEAF_BYTES:], type=dict[str, Any]).get("t")
    return said if isinstance(said, int) else None
