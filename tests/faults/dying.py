"""`consent` that kills itself at one step of a batch: `python -m tests.faults.dying serve --data FOLDER …`.

It does so in the first batch that comes that far after a file FOLDER.armed has appeared, which names one of PLACES.
Nothing runs after SIGKILL: no handler, no ROLLBACK, no flush.
"""

import contextlib
import os
import signal
import sqlite3
import sys
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from consent.__main__ import main
from consent.storage import sqlite
from consent.storage.store import Batch, Row, Statement

# What a batch with a disclosure does: reads, writes, the log's own rows. An armed place is a beginning of the name.
STEPS = (
    "head.lock", "access.", "memo.get", "grant.", "used.put", "disclosed.put", "memo.put", "entry.put", "opening.put",
    "citizen_entry.put", "tile.put", "checkpoint.put", "head.move",
)  # fmt: skip
PLACES = ("at any moment", *(f"before {step}" for step in STEPS), "before the commit", "after the commit")


def _armed(folder: Path) -> str | None:
    with contextlib.suppress(FileNotFoundError):
        return folder.with_suffix(".armed").read_text()
    return None


def _die(place: str) -> NoReturn:
    os.write(2, f"killed {place}\n".encode())
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit  # never reached


def _watched(batch: Batch[Any], place: str, seen: set[str]) -> Generator[Statement, list[Row], Any]:
    found: list[Row] | None = None
    while True:
        try:
            statement = batch.send(found) if found is not None else next(batch)
        except StopIteration as done:
            if place == "before the commit" and "entry.put" in seen:
                _die(place)
            return done.value
        seen.add(statement.name)
        if f"before {statement.name}".startswith(place):
            _die(f"before {statement.name}")
        found = yield statement


def arm(folder: Path) -> None:
    """From now on look at each batch for whether to die in it."""
    drive = sqlite._drive

    def dying(
        connection: sqlite3.Connection,
        texts: Mapping[str, str],
        for_many: Mapping[str, Mapping[int, str]],
        batch: Batch[Any],
    ) -> Any:
        place = _armed(folder)
        if place is None:
            return drive(connection, texts, for_many, batch)
        seen: set[str] = set()
        result = drive(connection, texts, for_many, _watched(batch, place, seen))
        if place == "after the commit" and "entry.put" in seen:
            _die(place)
        return result

    sqlite._drive = dying


if __name__ == "__main__":
    arm(Path(sys.argv[sys.argv.index("--data") + 1]))
    sys.exit(main())
