"""Signed-in browsers: whose each is, which ones there are, and how they end.

A session's id is new at each sign-in and only its hash is kept, so nobody can choose one for somebody else.
"""

import hmac

import msgspec
from msgspec.structs import replace

from consent.oauth.step_up import Method, SignIn, acr_of
from consent.oauth.token import handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import SESSION, Ask
from consent.storage.rows import Session
from consent.storage.store import Statement
from consent.words.errors import NotFound
from consent.words.instants import HOUR, MINUTE

from .house import House

SESSION_LIFE = 12 * HOUR
IDLE_LIFE = HOUR
_TOUCH_AFTER = 5 * MINUTE


class Visitor(msgspec.Struct, frozen=True):
    """Whose browser this is, and how and when she signed in there."""

    citizen: str
    sign_in: SignIn
    method: Method


class Browser(msgspec.Struct, frozen=True, kw_only=True):
    """One of her signed-in browsers, on the page where she can end it."""

    id: str  # the hash, which opens nothing
    method: Method
    signed_in_at: int
    seen_at: int
    is_this: bool


async def who(house: House, cookie: str | None) -> Visitor | None:
    """Who is signed in here, or None. A session that was used lately stays open; an idle one ends by itself."""
    if not cookie:
        return None
    rows = await house.store.read(SESSION.get, handle_hash(cookie))
    if not rows:
        return None
    session = SESSION.from_row(rows[0])
    at = house.clock()
    if not _is_open(session, at):
        return None
    if at >= session.seen_at + _TOUCH_AFTER:
        await _touch(house, session.hash)
    return Visitor(session.citizen, SignIn(acr_of(session.method), session.created_at), session.method)


def _is_open(session: Session, at: int) -> bool:
    return session.ended_at is None and at < session.expires_at and at < session.seen_at + IDLE_LIFE


async def _touch(house: House, session_hash: bytes) -> None:
    def story(book: Book) -> Story[None]:
        yield [SESSION.one(session_hash)]
        yield TURN
        session = book.get(SESSION, session_hash)
        if session is not None and session.ended_at is None:
            book.put(SESSION, replace(session, seen_at=book.at))

    await house.scribe.do(story)


def form_key(cookie: str) -> str:
    """What every form of a signed-in page carries (CSRF): derived from the session's secret, so nothing is stored."""
    return hmac.digest(cookie.encode(), b"form/v1", "sha256").hex()


async def browsers(house: House, *, citizen: str, cookie: str) -> list[Browser]:
    """Where she is signed in now: this browser first, then the newest."""
    rows = [SESSION.from_row(row) for row in await house.store.read("session.of_citizen", citizen)]
    this = handle_hash(cookie)
    found = [
        Browser(
            id=row.hash.hex(),
            method=row.method,
            signed_in_at=row.created_at,
            seen_at=row.seen_at,
            is_this=row.hash == this,
        )
        for row in rows
        if _is_open(row, house.clock())
    ]
    return sorted(found, key=lambda one: (not one.is_this, -one.signed_in_at))


async def end_one(house: House, *, citizen: str, browser: str) -> None:
    """End one of her sessions. Raises NotFound for what is not hers."""
    try:
        session_hash = bytes.fromhex(browser)
    except ValueError:
        raise NotFound("there is no such session") from None

    def story(book: Book) -> Story[None]:
        yield [SESSION.one(session_hash)]
        yield TURN
        session = book.get(SESSION, session_hash)
        if session is None or session.citizen != citizen:
            raise NotFound("there is no such session")
        if session.ended_at is None:
            book.put(SESSION, replace(session, ended_at=book.at))

    await house.scribe.do(story)


async def end_others(house: House, *, citizen: str, cookie: str) -> None:
    """End all her sessions but that of *cookie*."""

    def story(book: Book) -> Story[None]:
        yield TURN
        end_all_but(book, citizen, cookie)

    await house.scribe.do(story)


async def sign_out(house: House, cookie: str) -> None:
    """End this browser's session."""

    def story(book: Book) -> Story[None]:
        yield the_old(cookie)
        yield TURN
        _close(book, cookie)

    await house.scribe.do(story)


def end_all_but(book: Book, citizen: str, cookie: str) -> None:
    """End all sessions of *citizen* but that of *cookie*, also those that began in this batch."""
    book.also(Statement("session.end_others", [(citizen, handle_hash(cookie), book.at)]))


def the_old(cookie: str | None) -> list[Ask]:
    """The row to read before `open_session`."""
    return [SESSION.one(handle_hash(cookie))] if cookie else []


def open_session(book: Book, cookie: str, citizen: str, method: Method, before: str | None) -> None:
    """Sign *citizen* in under the new secret *cookie*. *before* is the browser's old one, which ends."""
    if before:
        _close(book, before)
    book.put(
        SESSION,
        Session(
            hash=handle_hash(cookie),
            citizen=citizen,
            method=method,
            created_at=book.at,
            seen_at=book.at,
            expires_at=book.at + SESSION_LIFE,
        ),
    )


def _close(book: Book, cookie: str) -> None:
    old = book.get(SESSION, handle_hash(cookie))
    if old is not None and old.ended_at is None:
        book.put(SESSION, replace(old, ended_at=book.at))
