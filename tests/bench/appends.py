"""How many entries a second the scribe appends: on a disk, signed, each with its inclusion proof.

`python appends.py FOLDER SECONDS` prints one line of JSON: for each size of batch the entries a second, and beside it
how often this disk makes a write of 4 KiB durable in a second, which bounds what a batch of one can be.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from consent.acts.house import House
from consent.acts.sign_in import settle
from consent.opening import open_house, prepare
from consent.settings import Settings
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import KEYS

BATCHES = (1, 16, 64)


async def appends(folder: Path, seconds: float, batches: Sequence[int] = BATCHES) -> dict[str, Any]:
    """Append for *seconds* at each size of batch."""
    store = await prepare(Settings(data=str(folder)))
    try:
        house = await open_house(Settings(data=str(folder)), store)
        house.scribe.start()
        await house.scribe.do(_arrive)
        found = {}
        for size in batches:
            await _append(house, size, seconds / 10)
            found[str(size)] = round(await _append(house, size, seconds), 1)
        await house.scribe.stop()
    finally:
        await store.close()
    return {"entries_per_second": found, "fdatasync_per_second": round(_syncs(folder, seconds), 1)}


def _arrive(book: Book) -> Story[None]:
    yield TURN
    settle(book, "citizen")


def _deed(book: Book) -> Story[int]:
    """One entry of its own kind and place: the same keys, tags, sealed detail and rows as any other."""
    yield [KEYS.one("citizen")]
    yield TURN
    wrapped = book.get(KEYS, "citizen")
    assert wrapped is not None
    keys = book.keys_of(wrapped)
    index, _ = book.record_event(
        "other", citizen="citizen", keys=keys, detail=lambda _: {"event": "declined"}
    )
    book.log_of("citizen").prove(index)
    return index


async def _append(house: House, size: int, seconds: float) -> float:
    """Ask for *size* entries at once, again and again; they become one batch."""
    count, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        written = await asyncio.gather(*[house.scribe.do(_deed) for _ in range(size)])
        assert all(one.proofs[house.log, one.outcome] for one in written)
        count += size
    return count / (time.perf_counter() - begun)


def _syncs(folder: Path, seconds: float) -> float:
    path = folder / "syncs"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        count, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            os.write(handle, bytes(4096))
            os.fdatasync(handle)
            count += 1
        return count / (time.perf_counter() - begun)
    finally:
        os.close(handle)
        path.unlink()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(appends(Path(sys.argv[1]), float(sys.argv[2])))))
