"""A link in her mailbox signs her in, or makes an account, or adds the mailbox to her account.

    ask     a letter goes out, whoever's the address is; nobody is looked up, so nothing tells who has an account
    look    the link was opened: still nothing happens, because programs that look through mail open links too
    follow  the button on that page, in the very browser that asked: now she is in

The link's secret is in the letter only, the browser's in its cookie only; here are hashes. The address waits sealed
under the link's secret, so that this database cannot say who asked.
"""

import hashlib
import hmac
import re
from collections.abc import Callable

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec.structs import replace

from consent.oauth.token import handle_from, handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import KEYS, LINK, WAY
from consent.storage.rows import Link, Way
from consent.words.errors import BadInput, Conflict, NotFound, NotSignedIn
from consent.words.ids import id_from
from consent.words.instants import MINUTE

from .house import House, Letter
from .session import Visitor, open_session, the_old
from .sign_in import settle
from .ways import add, check_change, seal_text, way_hash

LINK_LIFE = 15 * MINUTE
MOST_WAITING = 10  # to one address in that time: a mailbox is not flooded, and she is not locked out by a few
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A link that may be followed, for the page with the button."""

    address: str
    does: str  # "sign_in", "sign_up" or "add"


def check_address(text: str) -> str:
    """An address as we hash it. Raises BadInput."""
    address = text.strip().lower()
    if len(address) > 200 or not _ADDRESS.fullmatch(address):
        raise BadInput("this is not an e-mail address")
    return address


async def ask(
    house: House, *, address: str, visitor: Visitor | None, compose: Callable[[str, str], Letter]
) -> str:
    """Send a link to *address*; returns the cookie that binds it to this browser. Raises BadInput, NotFound.

    *visitor* adds the address to her account; None signs in. *compose* makes the letter of address and link's secret.
    Whether a letter went out is told to nobody.
    """
    if house.mailer is None:
        raise NotFound("this service sends no mail")
    address = check_address(address)
    if visitor is not None:
        await check_change(house, visitor)
    secret, cookie = handle_from(house.chance(32)), handle_from(house.chance(32))
    hashed = way_hash(house, "mail", address)
    nonce = house.chance(12)

    def story(book: Book) -> Story[bool]:
        yield [LINK.by("to_address", hashed, house.clock())]
        yield TURN
        if sum(one.address == hashed for one in book.known(LINK)) >= MOST_WAITING:
            return False
        book.put(
            LINK,
            Link(
                hash=handle_hash(secret),
                browser=handle_hash(cookie),
                address=hashed,
                sealed=nonce + AESGCM(_key(secret)).encrypt(nonce, address.encode().ljust(200), b""),
                citizen=visitor.citizen if visitor is not None else None,
                expires_at=book.at + LINK_LIFE,
            ),
        )
        return True

    if (await house.scribe.do(story)).outcome:
        house.mailer.send(compose(address, secret))
    return cookie


async def look(house: House, *, secret: str, cookie: str) -> Opened | None:
    """What the button would do; None for another browser, and for a link that is used, old or unknown."""
    rows = await house.store.read(LINK.get, handle_hash(secret))
    link = LINK.from_row(rows[0]) if rows else None
    if link is None or not _works(link, cookie, house.clock()):
        return None
    is_known = bool(await house.store.read(WAY.get, link.address))
    does = "add" if link.citizen is not None else "sign_in" if is_known else "sign_up"
    return Opened(address=_address(link, secret), does=does)


async def follow(
    house: House, *, secret: str, cookie: str, visitor: Visitor | None, before: str | None
) -> str | None:
    """Do what the link is for; returns a new session's cookie, or None when the address was added.

    Raises NotSignedIn for a link that does not work (any more), Conflict for an address that opens another account.
    """
    session = handle_from(house.chance(32))
    newcomer = id_from(house.chance(16))
    hashed = handle_hash(secret)
    rows = await house.store.read(LINK.get, hashed)
    if not rows:
        raise NotSignedIn("this link does not work any more")
    asked = LINK.from_row(rows[0])

    def story(book: Book) -> Story[str | None]:
        asks = [LINK.one(hashed), WAY.one(asked.address), *the_old(before)]
        yield asks if asked.citizen is None else [*asks, KEYS.one(asked.citizen)]
        yield TURN
        link, way = book.get(LINK, hashed), book.get(WAY, asked.address)
        if link is None or not _works(link, cookie, book.at):
            raise NotSignedIn("this link does not work any more")
        book.put(LINK, replace(link, used_at=book.at))
        if link.citizen is not None:
            if visitor is None or visitor.citizen != link.citizen:  # somebody else is signed in here by now
                raise NotSignedIn("this link was asked for by somebody else")
            wrapped = book.get(KEYS, link.citizen)
            if wrapped is None:
                raise NotFound("there is no such person")
            if way is not None and way.citizen != link.citizen:
                raise Conflict("this address opens another account")
            if way is None:
                add(book, _way(book, link, link.citizen))
            return None
        if way is None:
            settle(book, newcomer)
            way = _way(book, link, newcomer)
        book.put(WAY, replace(way, used_at=book.at))
        open_session(book, session, way.citizen, "mail", before)
        return session

    def _way(book: Book, link: Link, citizen: str) -> Way:
        wrapped = book.get(KEYS, citizen)
        assert wrapped is not None
        sealed = seal_text(house, book.keys_of(wrapped), citizen, "way/mail", _address(link, secret))
        return Way(hash=link.address, citizen=citizen, kind="mail", sealed=sealed, created_at=book.at)

    return (await house.scribe.do(story)).outcome


def _works(link: Link, cookie: str, at: int) -> bool:
    is_ours = hmac.compare_digest(link.browser, handle_hash(cookie))
    return is_ours and link.used_at is None and at < link.expires_at


def _key(secret: str) -> bytes:
    return hashlib.sha256(b"link/v1" + secret.encode()).digest()


def _address(link: Link, secret: str) -> str:
    return AESGCM(_key(secret)).decrypt(link.sealed[:12], link.sealed[12:], b"").decode().rstrip()
