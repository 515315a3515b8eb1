"""A citizen looks after her ways in: several devices with names of her own, a mailbox, words on paper.

The last way in stays: an account that nobody can open is lost for good. Whoever takes one away or adds one signed in
a moment ago, and every other browser is signed out when one goes.
"""

from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CEREMONY, KEYS, PASSKEY, PERSONA, WAY
from consent.storage.rows import Passkey, Way
from consent.words.errors import BadInput, Conflict, NotFound, NotSignedIn

from .house import House
from .session import Visitor, end_all_but
from .sign_in import check_made, new_passkey, spend
from .ways import (
    add,
    asks_of,
    check_change,
    is_fresh,
    may_change,
    open_text,
    seal_text,
    take_away,
    ways_in,
    ways_of,
)

MOST_PASSKEYS = 20
MOST_LETTERS = 40  # of a name


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One of her devices."""

    id: str
    label: str  # hers, or nothing
    created_at: int
    used_at: int | None


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """One of her other ways in; `label` is the address of a mailbox."""

    id: str
    kind: Literal["mail", "broker", "words"]
    label: str
    created_at: int
    used_at: int | None


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """The page: what she has, and what this sign-in may change."""

    passkeys: list[Key]
    others: list[Other]
    is_fresh: bool
    may_change: bool


async def desk(house: House, visitor: Visitor) -> Desk:
    """All her ways in. Raises NotFound."""
    citizen = visitor.citizen
    rows = await house.store.read(KEYS.get, citizen)
    if not rows:
        raise NotFound("there is no such person")
    keys = house.unwrapped.of(KEYS.from_row(rows[0]))
    ways = await ways_of(house, citizen)
    return Desk(
        passkeys=[
            Key(
                id=one.credential.hex(),
                label="" if one.label is None else open_text(keys, citizen, "passkey/label", one.label),
                created_at=one.created_at,
                used_at=one.used_at,
            )
            for one in ways.passkeys
        ],
        others=[
            Other(
                id=one.hash.hex(),
                kind=one.kind,
                label="" if one.sealed is None else open_text(keys, citizen, "way/mail", one.sealed),
                created_at=one.created_at,
                used_at=one.used_at,
            )
            for one in ways.others
        ],
        is_fresh=is_fresh(house, visitor),
        may_change=may_change(visitor, ways),
    )


async def has_spare(house: House, *, citizen: str) -> bool:
    """Whether she still gets in when she loses one of her ways. Words on paper are none that lasts: they work once."""
    is_invented = house.sandbox and bool(await house.store.read("persona.of_citizen", citizen))
    return (await ways_of(house, citizen)).count(is_invented=is_invented) > 1


async def add_passkey(house: House, visitor: Visitor, *, ceremony: str, credential: dict[str, Any]) -> None:
    """Add a key that a device made in a ceremony of hers. Raises NotSignedIn, BadInput, and as `check_change`."""
    await check_change(house, visitor)
    started, made = await check_made(house, ceremony=ceremony, kind="add", credential=credential)
    if started.user.hex() != visitor.citizen:  # begun by whoever was signed in here before
        raise NotSignedIn("begin again")

    def story(book: Book) -> Story[None]:
        yield [CEREMONY.one(started.hash), PASSKEY.one(made.credential_id), *asks_of(visitor.citizen)]
        yield [KEYS.one(visitor.citizen)]
        yield TURN
        spend(book, started)
        if book.get(KEYS, visitor.citizen) is None:
            raise NotFound("there is no such person")
        if book.get(PASSKEY, made.credential_id) is not None:
            raise NotSignedIn("this device key is known already")
        if len(ways_in(book, visitor.citizen).passkeys) >= MOST_PASSKEYS:
            raise BadInput("there are enough devices; remove one first")
        add(book, new_passkey(book, visitor.citizen, made))

    await house.scribe.do(story)


async def name_passkey(house: House, visitor: Visitor, *, passkey: str, label: str) -> None:
    """Call a key of hers something. Raises NotFound, BadInput."""
    key, label = _bytes(passkey), " ".join(label.split())
    if len(label) > MOST_LETTERS or not label.isprintable():
        raise BadInput("a name has at most forty letters")

    def story(book: Book) -> Story[None]:
        yield [PASSKEY.one(key), KEYS.one(visitor.citizen)]
        yield TURN
        row, wrapped = book.get(PASSKEY, key), book.get(KEYS, visitor.citizen)
        if row is None or wrapped is None or row.citizen != visitor.citizen:
            raise NotFound("there is no such key")
        keys = book.keys_of(wrapped)
        sealed = seal_text(house, keys, visitor.citizen, "passkey/label", label) if label else None
        book.put(PASSKEY, replace(row, label=sealed))

    await house.scribe.do(story)


async def remove(house: House, visitor: Visitor, *, way: str, cookie: str) -> None:
    """Take a way in away; every browser but that of *cookie* is signed out. Raises NotFound, Conflict for the last."""
    await check_change(house, visitor)
    key, citizen = _bytes(way), visitor.citizen

    def story(book: Book) -> Story[None]:
        personas = PERSONA.by("of_citizen", citizen)
        yield [*asks_of(citizen), personas]
        yield TURN
        ways = ways_in(book, citizen)
        hers: tuple[Passkey | Way, ...] = (*ways.passkeys, *ways.others)
        row = next((one for one in hers if _key_of(one) == key), None)
        if row is None:
            raise NotFound("there is no such way in")
        is_invented = house.sandbox and bool(book.found(personas))
        lasts = isinstance(row, Passkey) or row.kind != "words"
        if lasts and ways.count(is_invented=is_invented) <= 1:
            raise Conflict("this is the last way in")
        take_away(book, PASSKEY if isinstance(row, Passkey) else WAY, key)
        end_all_but(book, citizen, cookie)

    await house.scribe.do(story)


def _key_of(row: Passkey | Way) -> bytes:
    return row.credential if isinstance(row, Passkey) else row.hash


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise NotFound("there is no such way in") from None
