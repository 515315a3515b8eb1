"""`consent` with a fault built in, to see that the checker finds it: `python -m tests.history.mutants NAME serve …`.

Each is a mistake that somebody could make in good faith. The patch lives in the processes that this starts, and nowhere
else.
"""

import asyncio
import sqlite3
import sys
import time
from collections.abc import Callable
from typing import Any

from consent.__main__ import main
from consent.acts import disclose as disclosing
from consent.storage import postgres, sqlite
from consent.words.decision import Permit

_REMEMBERED = 0.02  # seconds
_LATE = 0.02  # seconds


def plain_select() -> None:
    """The head row is read and not locked: two processes write at once."""
    _replace_head_lock("")


def key_share() -> None:
    """It is locked FOR KEY SHARE, which two can hold, and which no UPDATE of another column waits for."""
    _replace_head_lock(" FOR KEY SHARE")


def unguarded() -> None:
    """Not locked, and nothing behind it: no compare and swap, and an index that is taken is passed over."""
    _replace_head_lock("")
    texts = postgres._texts

    def weaker() -> dict[str, str]:
        found = dict(texts())
        found["head.move"] = (
            "UPDATE log_heads SET size = $1, at = $2, note = $3 "
            "WHERE log = $4 AND $5::bigint >= 0 AND epoch = $6 AND frozen = 0 RETURNING size"
        )
        for name in ("entry.put", "opening.put", "checkpoint.put", "citizen_entry.put"):
            found[name] = f"{found[name]} ON CONFLICT DO NOTHING"
        return found

    postgres._texts = weaker


def cached_permission() -> None:
    """A yes is remembered for 20 ms."""
    decide, remembered = disclosing.decide, dict[str, tuple[float, Any]]()

    def remembering(asked: Any, grant: Any, **about: Any) -> Any:
        at, answer = remembered.get(grant.id, (0.0, None))
        if answer is None or time.monotonic() - at > _REMEMBERED:
            answer = decide(asked, grant, **about)
            if isinstance(answer, Permit):
                remembered[grant.id] = (time.monotonic(), answer)
        return answer

    disclosing.decide = remembering


def early_answer() -> None:
    """The answer leaves, and the commit follows 20 ms later."""
    sqlite.SqliteStore.write = _early_on_sqlite  # type: ignore[method-assign]
    postgres.PostgresStore._write = _early_on_postgres  # type: ignore[method-assign]


def old_value() -> None:
    """A retry gets what was given the first time, also when she has changed it meanwhile."""
    disclose, given = disclosing.disclose, dict[bytes | None, Any]()

    async def remembering(house: Any, **asked: Any) -> Any:
        answer = await disclose(house, **asked)
        if isinstance(answer, disclosing.Given):
            return given.setdefault(asked["key"], answer)
        return given.get(asked["key"], answer) if answer.reason == "values_changed" else answer

    disclosing.disclose = remembering


def forgotten_key() -> None:
    """A retry is taken for a new request."""
    disclose = disclosing.disclose

    async def forgetting(house: Any, **asked: Any) -> Any:
        return await disclose(house, **asked | {"key": None})

    disclosing.disclose = forgetting


MUTANTS: dict[str, Callable[[], None]] = {
    mutant.__name__.replace("_", "-"): mutant
    for mutant in (
        plain_select,
        key_share,
        unguarded,
        cached_permission,
        early_answer,
        old_value,
        forgotten_key,
    )
}
NEED_TWO = frozenset({"plain-select", "key-share", "unguarded"})  # processes, on PostgreSQL


def _replace_head_lock(clause: str) -> None:
    texts = postgres._texts

    def weaker() -> dict[str, str]:
        found = dict(texts())
        assert found["head.lock"].endswith(" FOR UPDATE")
        return found | {"head.lock": found["head.lock"].removesuffix(" FOR UPDATE") + clause}

    postgres._texts = weaker


class _NoCommit:
    """A connection on which COMMIT does nothing yet."""

    def __init__(self, real: sqlite3.Connection) -> None:
        self._real = real

    def execute(self, text: str, *parameters: Any) -> Any:
        return self._real.execute("SELECT 1" if text == "COMMIT" else text, *parameters)

    @property
    def in_transaction(self) -> bool:
        return self._real.in_transaction


async def _early_on_sqlite(self: Any, batch: Any) -> Any:
    late = getattr(self, "late", None)
    if late is not None:
        await late

    def drive(connection: sqlite3.Connection) -> Any:
        return sqlite._drive(_NoCommit(connection), self._texts, self._for_many, batch)  # type: ignore[arg-type]

    async def commit() -> None:
        await asyncio.sleep(_LATE)
        await sqlite._hop(self._writer, lambda connection: connection.execute("COMMIT"))

    result = await sqlite._hop(self._writer, drive)
    self.late = asyncio.create_task(commit())
    return result


async def _early_on_postgres(self: Any, batch: Any) -> Any:
    answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def whole() -> None:
        try:
            async with postgres._taken(self._writers) as connection, connection.transaction():
                answered.set_result(await self._drive(connection, batch))
                await asyncio.sleep(_LATE)
        except BaseException as fault:
            if not answered.done():
                answered.set_exception(fault)
            raise

    self.late = asyncio.create_task(whole())
    return await answered


if __name__ == "__main__":
    MUTANTS[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))
