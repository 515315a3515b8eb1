"""How long the proof of an old entry takes in a log of a million entries, from the tiles in the database.

The log is real but for its leaves: a service's own, grown by the hashes of made-up leaves in one transaction, with
tiles, checkpoint and head as the scribe writes them. The proofs are made by `acts/publish`, as for the door.
"""

import os
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from consent.acts import publish
from consent.acts.house import House
from consent.ledger import checkpoint
from consent.ledger.proof import check_proof
from consent.ledger.tiles import Growth, needed
from consent.ledger.tree import complete_root, leaf_hash
from consent.opening import DATABASE, open_house, prepare
from consent.settings import Settings
from consent.storage.kinds import HEAD
from consent.storage.sqlite import SqliteStore
from consent.storage.store import Batch, Statement

_AT_ONCE = 65_536
_COLD = 60  # each opens the database anew


async def old_proofs(folder: Path, entries: int, count: int) -> dict[str, Any]:
    """Milliseconds of a proof in a log of *entries*: *count* warm ones, and some cold in two senses.

    `warm`: one connection, random entries. `cold`: a connection that has read no tile yet, and no hash remembered.
    `disk`: that, and the operating system has been told to forget the file too.
    """
    settings = Settings(data=str(folder))
    store = await prepare(settings)
    try:
        house = await open_house(settings, store)
        began = time.perf_counter()
        await store.write(_grown(house, entries))
        built = time.perf_counter() - began
        await store.scrub()
        chance = random.Random(entries)
        first = entries // 100  # beyond what the service itself wrote
        drawn = [chance.randrange(first, entries) for _ in range(count + 2 * _COLD)]
        for index in drawn[:5]:
            check_proof(await _prove(house, index), _leaf(index), [house.scribe.pen.vkey])
        found = {
            "warm": _told([await _timed(house, index) for index in drawn[:count]]),
            "cold": _told(await _cold(house, folder / DATABASE, drawn[count : count + _COLD], forget=False)),
            "disk": _told(await _cold(house, folder / DATABASE, drawn[count + _COLD :], forget=True)),
        }
    finally:
        await store.close()
    return {"entries": entries, "built_in_seconds": round(built, 1), "milliseconds": found}


async def _cold(house: House, database: Path, indices: Sequence[int], *, forget: bool) -> list[float]:
    taken = []
    for index in indices:
        if forget:
            handle = os.open(database, os.O_RDONLY)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)
        store = await SqliteStore.open(database)
        try:
            complete_root.cache_clear()
            await store.read("head.get", house.scribe.pen.log)  # the database's own description is read once
            taken.append(await _timed(replace(house, store=store), index))
        finally:
            await store.close()
    return taken


async def _timed(house: House, index: int) -> float:
    began = time.perf_counter()
    await _prove(house, index)
    return (time.perf_counter() - began) * 1e3


async def _prove(house: House, index: int) -> str:
    return await publish.prove(house, house.scribe.pen.log, index)


def _told(taken: list[float]) -> dict[str, float]:
    ordered = sorted(taken)
    return {
        "p50": round(statistics.median(ordered), 3),
        "p99": round(ordered[int(len(ordered) * 0.99)], 3),
    }


def _grown(house: House, entries: int) -> Batch[None]:
    pen = house.scribe.pen
    head = HEAD.from_row((yield Statement("head.lock", [(pen.log,)]))[0])
    tiles = yield Statement("tile.get", [(pen.log, level, n) for level, n in needed(head.size)])
    growth = Growth.load(head.size, {(level, n): data for level, n, data in tiles})
    while growth.size < entries:
        for index in range(growth.size, min(entries, growth.size + _AT_ONCE)):
            growth.append(leaf_hash(_leaf(index)))
        yield Statement("tile.put", [(pen.log, level, n, data) for level, n, data in growth.dirty()])
        growth.forget()
    body = checkpoint.body(pen.origin, growth.size, growth.root())
    note = checkpoint.sign(body, pen.origin, pen.signer)
    yield Statement("checkpoint.put", [(pen.log, growth.size, note, head.at)])
    yield Statement("head.move", [(growth.size, head.at, note, pen.log, head.size, head.epoch)])


def _leaf(index: int) -> bytes:
    return index.to_bytes(8, "big")
