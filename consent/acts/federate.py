"""A citizen signs in at a broker (OpenID Connect), which tells us a name of hers that means nothing elsewhere.

begin    she is sent there with a state, a nonce and a PKCE challenge that belong to this browser alone
finish   she comes back; only the hash of who the broker says she is, is kept
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping

from msgspec.structs import replace

from consent.oauth.token import handle_from
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CEREMONY, KEYS, WAY
from consent.storage.rows import Way
from consent.words.errors import Conflict, NotFound, NotSignedIn
from consent.words.ids import id_from
from consent.words.instants import MINUTE

from .house import Broker, House
from .session import Visitor, open_session, the_old
from .sign_in import ceremony_of, keep_ceremony, settle, spend
from .ways import add, check_change, way_hash

BROKER_LIFE = 15 * MINUTE
_SIGNS_IN = bytes(16)  # instead of whose account it is added to


def _broker(house: House) -> Broker:
    if house.broker is None:
        raise NotFound("this service has no broker")
    return house.broker


async def begin(house: House, *, visitor: Visitor | None) -> tuple[str, str]:
    """Where to send the browser, and the cookie that binds the way back to it. Raises NotFound, NotReached.

    *visitor* adds the broker to her account; None signs in.
    """
    broker = _broker(house)
    if visitor is not None:
        await check_change(house, visitor)
    cookie, seed = handle_from(house.chance(32)), house.chance(32)
    address = await broker.address(
        state=_derived(seed, b"state"), nonce=_derived(seed, b"nonce"), verifier=_derived(seed, b"verifier")
    )
    user = _SIGNS_IN if visitor is None else bytes.fromhex(visitor.citizen)
    await keep_ceremony(house, cookie, kind="broker", challenge=seed, user=user, life=BROKER_LIFE)
    return address, cookie


async def finish(
    house: House, *, answer: Mapping[str, str], cookie: str, visitor: Visitor | None, before: str | None
) -> str | None:
    """She is back with the broker's *answer*; returns a new session's cookie, or None when it was added.

    Raises NotSignedIn for everything that is wrong, Conflict when this opens another account, NotReached.
    """
    broker = _broker(house)
    started = await ceremony_of(house, cookie, "broker")
    if started is None:
        raise NotSignedIn("this was not begun in this browser")
    seed, adds = started.challenge, started.user != _SIGNS_IN
    state = _derived(seed, b"state")
    # Before anything is sent anywhere: a code that somebody else slipped in here stays his.
    if not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
        raise NotSignedIn("this answer belongs to another browser")

    def spending(book: Book) -> Story[None]:
        yield [CEREMONY.one(started.hash)]
        yield TURN
        spend(book, started)

    await house.scribe.do(spending)
    if adds and (visitor is None or visitor.citizen != started.user.hex()):
        raise NotSignedIn("somebody else is signed in here by now")
    subject = await broker.subject(
        answer, state=state, nonce=_derived(seed, b"nonce"), verifier=_derived(seed, b"verifier")
    )
    hashed = way_hash(house, "broker", subject)
    session, newcomer = handle_from(house.chance(32)), id_from(house.chance(16))
    adder = started.user.hex() if adds else None

    def story(book: Book) -> Story[str | None]:
        yield [WAY.one(hashed), *the_old(before)] + ([] if adder is None else [KEYS.one(adder)])
        yield TURN
        way = book.get(WAY, hashed)
        if adder is not None and (book.get(KEYS, adder) is None or (way and way.citizen != adder)):
            raise Conflict("this opens another account")
        citizen = way.citizen if way is not None else adder or newcomer
        if way is None and adder is None:
            settle(book, newcomer)
        if way is None:
            way = Way(hash=hashed, citizen=citizen, kind="broker", sealed=None, created_at=book.at)
        if adder is not None:
            add(book, way)
            return None
        book.put(WAY, replace(way, used_at=book.at))
        open_session(book, session, citizen, "broker", before)
        return session

    return (await house.scribe.do(story)).outcome


def _derived(seed: bytes, what: bytes) -> str:
    return urlsafe_b64encode(hmac.digest(seed, b"broker/" + what, "sha256")).rstrip(b"=").decode()
