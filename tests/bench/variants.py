"""The service in another way than it is, to see what a part of it costs. Never for anything but a measurement.

python tests/bench/variants.py without-log serve …      no entry, no tiles, no checkpoint, no proof
python tests/bench/variants.py other-cores serve …      proofs of possession are checked in threads of their own
"""

import asyncio
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from msgspec.structs import replace

from consent.__main__ import main
from consent.acts.scribe import Scribe, Written
from consent.ledger.entry import Entry
from consent.storage.book import Book
from consent.storage.kinds import GRANT
from consent.storage.logs import OpenLog
from consent.web import organisation
from consent.web.arrival import headers_of
from consent.words.errors import ConsentError


class _NoProofs(dict[tuple[str, int], str]):
    def __missing__(self, place: tuple[str, int]) -> str:
        return ""


def without_log() -> None:
    """Decide, count and remember each disclosure, durably as ever; but nothing is logged, and nothing proved."""
    # Above all places in the log; a disclosure's row has one.
    places = iter(range((1 << 52) + time.time_ns() // 1000, 1 << 62))
    nothing = Entry(b"", b"", b"", b"", b"", b"", b"")

    def record_event(
        self: Book, event: str, *, grant: Any = None, counted: Mapping[str, int] = {}, **_: Any
    ) -> tuple[int, Entry]:
        if grant is not None:
            self.put(GRANT, replace(grant, **counted))
        return next(places), nothing

    def prove(self: Scribe, book: Book, results: list[Any], notes: object) -> list[Any]:
        return [r if isinstance(r, ConsentError) else Written(r, book.at, _NoProofs()) for r in results]

    Book.record_event = record_event  # type: ignore[method-assign, assignment]
    OpenLog.prove = lambda self, index: None  # type: ignore[method-assign]
    Scribe._prove = prove  # type: ignore[method-assign]


def on_other_cores() -> None:
    """Check the proof of each disclosure in a thread: the check of a signature lets the others run meanwhile."""
    pool = ThreadPoolExecutor(2)
    checked: ContextVar[Any] = ContextVar("checked")
    check, disclose = organisation.dpop_token, organisation._disclose

    async def elsewhere(scope: Any, receive: Any) -> tuple[int, dict[str, str], bytes]:
        headers, proofs = headers_of(scope)
        house = scope["litestar_app"].state.house
        work = partial(check, house, headers, proofs, method="POST", path="/disclosures")
        checked.set(await asyncio.get_running_loop().run_in_executor(pool, work))
        return await disclose(scope, receive)

    organisation.dpop_token = lambda *_, **__: checked.get()  # type: ignore[assignment]
    organisation._disclose = elsewhere


VARIANTS: dict[str, Callable[[], None]] = {"without-log": without_log, "other-cores": on_other_cores}

if __name__ == "__main__":
    VARIANTS[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))
