"""Her ways in, besides invented people: which she has, how one is found again, and who may change them.

An address or a name at a broker is not kept: a keyed hash of it finds her row, and the key is a file beside the
database. What she has to recognise on her own page is sealed under her data key.
"""

import hmac
from typing import Any, Literal

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent.grants.decide import for_herself
from consent.storage.book import Book
from consent.storage.kinds import PASSKEY, WAY, Ask, Kind
from consent.storage.rows import Passkey, Way
from consent.storage.store import Statement
from consent.vault.keys import CitizenKeys
from consent.vault.seal import SealedValue, open_sealed, seal
from consent.words.canonical import length_prefixed
from consent.words.decision import Refusal
from consent.words.errors import Forbidden

from .house import House
from .notify import notify
from .session import Visitor

_AN_OPEN_WAY = ("mail", "broker")  # words are for when every other way is lost: they are no way of their own

_REMOVED_BY = {"passkey": "passkey.remove", "way": "way.remove"}


class NotFreshlySignedIn(Forbidden):
    """What she wants takes a sign-in of the last minutes."""


class Ways(msgspec.Struct, frozen=True, kw_only=True):
    """What she has."""

    passkeys: tuple[Passkey, ...]
    others: tuple[Way, ...]

    def count(self, *, is_invented: bool) -> int:
        """How many ways in she has that last."""
        return len(self.passkeys) + sum(one.kind in _AN_OPEN_WAY for one in self.others) + is_invented


def way_hash(house: House, kind: Literal["mail", "broker", "words"], *who: str) -> bytes:
    """Under what a way in is found again."""
    about = length_prefixed(b"way/v1", kind.encode(), *(part.encode() for part in who))
    return hmac.digest(house.names_key.reveal(), about, "sha256")


def seal_text(house: House, keys: CitizenKeys, citizen: str, about: str, text: str) -> bytes:
    """*text* under her own data key; *about* says what it is, so that it opens as nothing else."""
    return seal(
        data_key=keys.data,
        citizen=citizen,
        name=about,
        version=0,
        key_version=keys.version,
        salt=house.chance(32),
        value=text.encode(),
        nonce=house.chance(12),
    )


def open_text(keys: CitizenKeys, citizen: str, about: str, sealed: bytes) -> str:
    """What `seal_text` sealed, for her own page."""
    permit = for_herself(citizen, frozenset({about}), signed_in=citizen)
    assert not isinstance(permit, Refusal)
    value = SealedValue(
        citizen=citizen,
        name=about,
        version=0,
        key_version=keys.version,
        sealed=sealed,
        commitment=b"",
        source="",
        as_of="",
        created_at=0,
    )
    opened = open_sealed(permit, value, cipher=AESGCM(keys.data.reveal()))
    return opened.value.decode()


async def ways_of(house: House, citizen: str) -> Ways:
    """All of hers, oldest first."""
    passkeys = [PASSKEY.from_row(row) for row in await house.store.read("passkey.of_citizen", citizen)]
    others = [WAY.from_row(row) for row in await house.store.read("way.of_citizen", citizen)]
    return Ways(passkeys=tuple(passkeys), others=tuple(others))


def asks_of(citizen: str) -> list[Ask]:
    """The rows to read before `ways_in`."""
    return [PASSKEY.by("of_citizen", citizen), WAY.by("of_citizen", citizen)]


def ways_in(book: Book, citizen: str) -> Ways:
    """All of hers, as the stories before left them."""
    return Ways(
        passkeys=tuple(one for one in book.known(PASSKEY) if one.citizen == citizen),
        others=tuple(one for one in book.known(WAY) if one.citizen == citizen),
    )


def take_away(book: Book, kind: Kind[bytes, Any], key: bytes) -> None:
    """Remove one and tell her; no story after this one finds it. It must have been asked for."""
    row = book.get(kind, key)
    if row is not None:
        notify(book, row.citizen, "way_removed", who=kind_of(row))
    book.drop(kind, key)
    book.also(Statement(_REMOVED_BY[kind.name], [(key,)]))


def add(book: Book, row: Passkey | Way) -> None:
    """Add one to an account that has others, and tell her."""
    if isinstance(row, Passkey):
        book.put(PASSKEY, row)
    else:
        book.put(WAY, row)
    notify(book, row.citizen, "way_added", who=kind_of(row))


def kind_of(row: Passkey | Way) -> str:
    """What sort of way in it is."""
    return "passkey" if isinstance(row, Passkey) else row.kind


def is_fresh(house: House, visitor: Visitor) -> bool:
    """Whether she signed in so lately that nobody else can have taken her place at the keyboard."""
    return 0 <= house.clock() - visitor.sign_in.at < house.step_up.fresh


def may_change(visitor: Visitor, ways: Ways) -> bool:
    """Whether a sign-in of this kind may change the ways in: not a mailbox, as soon as there is something better.

    Who reads her mail would otherwise make himself a key that opens what a mailbox never does. Who lost her device
    has her words on paper for that.
    """
    is_better = bool(ways.passkeys) or any(one.kind == "broker" for one in ways.others)
    return visitor.method != "mail" or not is_better


async def check_change(house: House, visitor: Visitor) -> None:
    """Raises NotFreshlySignedIn, Forbidden."""
    if not is_fresh(house, visitor):
        raise NotFreshlySignedIn("sign in again first")
    if not may_change(visitor, await ways_of(house, visitor.citizen)):
        raise Forbidden("sign in with the device or the words on paper first")
