"""What the tests of the doors share."""

import contextlib
import sqlite3
from collections.abc import Iterator

import httpx
import pytest

from consent.demo import Stage
from consent.opening import DATABASE
from tests.web.knock import MARK


@pytest.fixture(scope="module")
def nothing_changes(served: Stage) -> Iterator[None]:
    """No new row in any table, no new entry, and nothing of what was sent in the service's own log."""
    before, size = rows(served), log_size(served)
    yield
    assert rows(served) <= before
    assert log_size(served) == size
    assert MARK not in (served.folder / "service.log").read_text()


def rows(stage: Stage) -> set[str]:
    """Every row of every table, as text."""
    where = f"file:{stage.service / DATABASE}?mode=ro"
    with contextlib.closing(sqlite3.connect(where, uri=True)) as database:
        lines = {line for line in database.iterdump() if line.startswith("INSERT")}
    # A checkpoint gets its second signature after the commit, when that is ready: nothing that was sent asks for it.
    lines = {line for line in lines if 'INTO "log_cosignatures"' not in line}
    # When a signal is tried again is the sender's own business: of each only that it is there.
    return {line.partition(",")[0] if 'INTO "signals"' in line else line for line in lines}


def log_size(stage: Stage) -> int:
    name = httpx.get(f"{stage.issuer}/log").text.split()[-1]
    return int(httpx.get(f"{stage.issuer}/log/{name}/checkpoint").text.splitlines()[1])
