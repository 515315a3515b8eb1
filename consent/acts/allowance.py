"""How often somebody may knock in a minute. Counted in the database: all processes count together, and a restart
forgives nothing.

A client is counted once it proved who it is, so nobody can use up the allowance of another. Before that only the
address counts. Neither is kept: a row's key is a keyed hash, and tomorrow another one.
"""

import hmac
from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import ALLOWANCE, Ask
from consent.storage.rows import Allowance
from consent.words.canonical import length_prefixed
from consent.words.errors import TooManyRequests
from consent.words.instants import MINUTE, SECOND, day

from .house import House

WINDOW = MINUTE  # from somebody's first request on; half-open

What = Literal["client", "address", "sign_in", "auditor", "stop_code", "stop_codes", "case"]


class Mark(msgspec.Struct, frozen=True):
    """One request on somebody's account: under which key, and how many there may be."""

    key: bytes
    limit: int


def mark(house: House, what: What, who: str | None) -> tuple[Mark, ...]:
    """The mark that a request of *who* makes; none when that is not limited, or nobody known."""
    limit: int = getattr(house.limits, what)
    if who is None or limit == 0:
        return ()
    return fixed_mark(house, what, who, limit)


def fixed_mark(house: House, what: str, who: str, limit: int) -> tuple[Mark, ...]:
    """The same with a limit that no setting changes: for what is guessed at."""
    at = house.clock()
    # A secret that every process has, and neither the database nor its copies.
    secret = hmac.digest(house.server_keys.nonce_keys(at)[0], b"consent/v1/allowance", "sha256")
    about = length_prefixed(str(day(at)).encode(), what.encode(), who.encode())
    return (Mark(hmac.digest(secret, about, "sha256"), limit),)


async def check_allowance(house: House, marks: Sequence[Mark]) -> None:
    """Turn away whoever used up an allowance, before anything is worked out for him. Raises TooManyRequests.

    It only spares us work. What counts is `count`, in the transaction.
    """
    at = house.clock()
    for one in marks:
        rows = await house.store.read(ALLOWANCE.get, one.key)
        if rows:
            _check(_now(ALLOWANCE.from_row(rows[0]), one, at), one, at)


async def use_up(house: House, marks: Sequence[Mark]) -> None:
    """Count a request that has no transaction of its own. Raises TooManyRequests."""
    if not marks:
        return

    def story(book: Book) -> Story[None]:
        yield asks_to_count(marks)
        yield TURN
        count(book, marks)

    await house.scribe.do(story)


def asks_to_count(marks: Sequence[Mark]) -> list[Ask]:
    """The rows to read before `count`."""
    return [ALLOWANCE.one(one.key) for one in marks]


def count(book: Book, marks: Sequence[Mark]) -> None:
    """Count a request. Raises TooManyRequests, and then nothing was written: who hammers costs no writing."""
    for row in check_left(book, marks):
        book.put(ALLOWANCE, replace(row, used=row.used + 1))


def check_left(book: Book, marks: Sequence[Mark]) -> list[Allowance]:
    """What was used of each mark by now, uncounted: for what counts only when it goes wrong. Raises TooManyRequests."""
    rows = [_now(book.get(ALLOWANCE, one.key), one, book.at) for one in marks]
    for row, one in zip(rows, marks, strict=True):
        _check(row, one, book.at)
    return rows


def _now(row: Allowance | None, one: Mark, at: int) -> Allowance:
    """What was used by now in the window that runs."""
    if row is None or at >= row.since + WINDOW:
        return Allowance(hash=one.key, since=at, used=0)
    # A clock that was set back gives nobody a new allowance, and shuts nobody out for longer than a window.
    return replace(row, since=min(row.since, at))


def _check(row: Allowance, one: Mark, at: int) -> None:
    if row.used >= one.limit:
        wait = -(-(row.since + WINDOW - at) // SECOND)
        raise TooManyRequests(f"more than {one.limit} requests in a minute", wait)
