"""The public log as C2SP formats it: checkpoints, tiles, bundles, proofs. Static reads; nobody is asked for a name."""

import asyncio
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import chain

import msgspec

from consent.ledger import entry as ledger_entry
from consent.ledger.checkpoint import ML_DSA_44, parse_vkey
from consent.ledger.entry import Opening
from consent.ledger.paths import encode_bundle
from consent.ledger.proof import format_proof
from consent.ledger.tiles import Coordinates, inclusion_proof_from, proof_needs, range_root, tiles_under
from consent.ledger.tree import HASH_BYTES
from consent.storage.kinds import CITIZEN_ENTRY, ENTRY, HEAD, LOG_KEY, OPENING
from consent.storage.rows import Head, LogKey
from consent.storage.store import Store
from consent.vault.keys import CitizenKeys
from consent.words.errors import NotFound

from .house import House
from .policy import format_policy

TILE = 256
_AT_ONCE = 8  # tiles that one statement reads
_NONE = (-1, -1)


async def logs(house: House) -> list[str]:
    """The names of all logs, oldest first."""
    return [HEAD.from_row(row).log for row in await house.store.read("head.all")]


async def head(house: House, log: str) -> Head:
    """The newest state of a log. Raises NotFound."""
    rows = await house.store.read(HEAD.get, log)
    if not rows:
        raise NotFound("there is no log of this name")
    return HEAD.from_row(rows[0])


async def checkpoint(house: House, log: str, *, newest: bool = False, witnessed: bool = True) -> str:
    """The checkpoint that is served, with all lines that came under it: the newest that its witnesses' quorum signed.

    Not *witnessed*, or in a service without witnesses: the newest that the log signed with all its keys; or the
    *newest* at all. Raises NotFound, also while no checkpoint of the log has its quorum yet.
    """
    found = await head(house, log)
    size, note = found.size, found.note
    if house.quorum.policy.witnesses and witnessed and not newest:
        for seen in await house.store.read("witnessed.checkpoint", log):
            return await _with_lines(house, log, *seen)
        if log in house.logs:
            raise NotFound("no checkpoint of this log has its quorum of witnesses yet; ask for ?unwitnessed")
    second = [key.key for key in await keys(house, log) if is_second(key) and key.retired is None]
    if second and not newest:
        if log in house.logs:
            await house.cosigner.catch_up()
        for cosigned in await house.store.read("checkpoint.cosigned", log, second[0]):
            size, note = cosigned
    return await _with_lines(house, log, size, note)


async def _with_lines(house: House, log: str, size: int, note: str) -> str:
    lines = await house.store.read("cosignature.of_size", log, size)
    return note + "".join([line for _, line, _ in lines])


async def keys(house: House, log: str) -> list[LogKey]:
    """All public keys that a log has signed with, oldest first."""
    return await keys_of(house.store, log)


async def keys_of(store: Store, log: str) -> list[LogKey]:
    """The same, before there is a house. Raises NotFound."""
    rows = await store.read("log_key.of_log", log)
    if rows:
        return sorted([LOG_KEY.from_row(row) for row in rows], key=lambda key: (key.added, is_second(key)))
    # A log from before its keys were listed has the one of its first entry.
    first = await store.read(ENTRY.get, log, 0)
    if not first:
        raise NotFound("the log has no first entry")
    said = msgspec.json.decode(ENTRY.from_row(first[0]).leaf[ledger_entry.LEAF_BYTES :])
    return [LogKey(log=log, key=said["key"], added=0, retired=None, lost=False)]


def is_second(key: LogKey) -> bool:
    """Whether it is a key that cosigns (ML-DSA-44)."""
    return parse_vkey(key.key).algorithm == ML_DSA_44


async def tile(house: House, log: str, level: int, n: int, width: int) -> bytes:
    """The first *width* hashes of a tile (C2SP tlog-tiles). Raises NotFound when the log is not that long yet."""
    rows = await house.store.read("tile.get", log, level, n)
    if not rows or len(rows[0][2]) < width * HASH_BYTES:
        raise NotFound("the log has no such tile yet")
    return bytes(rows[0][2][: width * HASH_BYTES])


async def bundle(house: House, log: str, n: int, width: int) -> bytes:
    """The first *width* entries of bundle *n*. Raises NotFound when the log is not that long yet."""
    first = n * TILE
    rows = await house.store.read("entry.range", log, first, first + width)
    if len(rows) < width:
        raise NotFound("the log has no such entries yet")
    return encode_bundle([leaf for _, leaf in rows])


async def policy(house: House, log: str) -> str:
    """The log's keys in the format of C2SP tlog-policy; witnesses join when there are some. Raises NotFound."""
    await head(house, log)
    # Older keys too: checkpoints and proofs that they signed are around. The newest first.
    newest_first = sorted(await keys(house, log), key=lambda key: (-key.added, is_second(key)))
    listed = [key.key for key in newest_first if not key.lost]
    return format_policy(listed, house.quorum.policy)


async def changes_of_keys(house: House, log: str) -> str:
    """Which entries added and retired which key, the oldest first: a line each. Raises NotFound."""
    await head(house, log)
    lines = []
    for key in await keys(house, log):
        lines.append(f"{key.added} {'-' if key.retired is None else key.retired} {key.key}\n")
    return "".join(lines)


async def prove(house: House, log: str, index: int) -> str:
    """The tlog-proof of one entry against the newest witnessed checkpoint that has it, else against the newest.

    Raises NotFound.
    """
    newest, witnessed = await asyncio.gather(head(house, log), house.store.read("witnessed.checkpoint", log))
    if not 0 <= index < newest.size:
        raise NotFound("the log has no such entry")
    whole, note = newest.size, newest.note
    for size, seen in witnessed:
        if index < size:
            whole, note = size, await _with_lines(house, log, size, seen)
    return format_proof(index, await inclusion(house, log, index, whole), note)


async def inclusion(house: House, log: str, index: int, size: int) -> list[bytes]:
    """The hashes that lead from an entry to the root of the first *size* entries."""
    return inclusion_proof_from(index, size, await tiles_of(house.store, log, proof_needs(index, size)))


async def tiles_of(store: Store, log: str, wanted: Sequence[Coordinates]) -> dict[Coordinates, bytes]:
    """Those of these tiles that the log has, as they are stored."""
    # As many at once as a statement takes: to wait for each in turn would cost more than the reading.
    reads = []
    for start in range(0, len(wanted), _AT_ONCE):
        some = [*wanted[start : start + _AT_ONCE], *[_NONE] * _AT_ONCE][:_AT_ONCE]
        reads.append(store.read("tile.of_proof", log, *chain.from_iterable(some)))
    return {(level, n): data for rows in await asyncio.gather(*reads) for level, n, data in rows}


class SharedProof(msgspec.Struct, frozen=True):
    """The hashes that lead from several entries at once to the root of one checkpoint; see `ranges_without`."""

    note: str
    hashes: tuple[bytes, ...]


Place = tuple[str, int]  # a log, and an index in it


async def prove_together(
    house: House, entries: Iterable[Place]
) -> tuple[list[SharedProof], dict[Place, int]]:
    """The proofs of *entries*, each entry under the checkpoint that `prove` would choose, and which proof is whose.

    Entries under one checkpoint share one proof. Raises NotFound for an entry that is not there.
    """
    places: dict[Place, int] = {}
    proofs: list[SharedProof] = []
    by_log: dict[str, set[int]] = {}
    for log, index in entries:
        by_log.setdefault(log, set()).add(index)
    for log, indices in by_log.items():
        newest = await head(house, log)
        if not max(indices) < newest.size:
            raise NotFound("the log has no such entry")
        under = [(newest.size, newest.note)]
        for size, note in await house.store.read("witnessed.checkpoint", log):
            under.insert(0, (size, await _with_lines(house, log, size, note)))
        for size, note in under:
            found = sorted([index for index in indices if index < size])
            if not found:
                continue
            ranges = ranges_without(found, 0, size)
            tiles = await tiles_of(house.store, log, tiles_under(ranges))
            places |= {(log, index): len(proofs) for index in found}
            proofs.append(SharedProof(note, tuple([range_root(*one, tiles) for one in ranges])))
            indices.difference_update(found)
    return proofs, places


def ranges_without(indices: Sequence[int], start: int, end: int) -> list[tuple[int, int]]:
    """The fewest ranges of leaves whose roots, with the leaves at *indices* (sorted), make the root of all from *start*
    up to *end*: from left to right, cut as RFC 6962 §2.1 cuts a tree. So nobody has to say which hash is which."""
    if not indices:
        return [(start, end)]
    if end - start == 1:
        return []
    middle = start + (1 << ((end - start - 1).bit_length() - 1))
    cut = bisect_left(indices, middle)
    return ranges_without(indices[:cut], start, middle) + ranges_without(indices[cut:], middle, end)


async def leaf_of(house: House, log: str, index: int) -> bytes:
    """The bytes of one entry. Raises NotFound."""
    rows = await house.store.read(ENTRY.get, log, index)
    if not rows:
        raise NotFound("the log has no such entry")
    return ENTRY.from_row(rows[0]).leaf


async def opening_of(
    house: House, log: str, index: int, owner: tuple[str, CitizenKeys] | None
) -> tuple[bytes, Opening]:
    """A leaf with what opens it; the detail too for its *owner*: a citizen and her keys. Raises NotFound."""
    leaf = await leaf_of(house, log, index)
    rows = await house.store.read(OPENING.get, log, index)
    if not rows:
        raise NotFound("this entry can no longer be opened")
    row = OPENING.from_row(rows[0])
    detail_key = detail = None
    if owner is not None:
        citizen, keys = owner
        newest = await head(house, log)
        log_keys = ledger_entry.subject_keys(keys.subject.reveal(), newest.origin)
        detail_key = ledger_entry.detail_key(log_keys, ledger_entry.nonce_of(leaf))
        hers = await house.store.read(CITIZEN_ENTRY.get, citizen, log, index)
        detail = ledger_entry.open_detail(detail_key, CITIZEN_ENTRY.from_row(hers[0]).sealed)
    return leaf, Opening(index, row.consent_key, row.audit_key, row.record, detail_key, detail)
