"""Wrap the keys of all citizens anew, under the key of the ring that wraps now: some at a time, while others disclose.

Nothing of hers is sealed anew and no tag of hers changes: what is inside stays the same. It can stop anywhere and begin
again: whoever is done is not found any more. Once nobody is left under an old key, its file can go.
"""

import msgspec

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import KEYS
from consent.storage.store import Statement
from consent.vault.keys import NONCE_BYTES
from consent.words.errors import Misconfigured

from .house import House
from .scribe import Deed

PAGE = 200  # citizens in a deed: others wait for it


class Rewrapped(msgspec.Struct, frozen=True):
    """How many were wrapped anew, and how many do not open: their key is lost, or somebody changed them."""

    done: int = 0
    closed: int = 0


async def rewrap(house: House) -> Rewrapped:
    """Wrap anew whatever is not under the current key of the ring."""
    total, after = Rewrapped(), ""
    while citizens := await house.store.read("keys.outdated", house.ring.current, after, PAGE):
        found = [citizen for (citizen,) in citizens]
        page = (await house.scribe.do(wrap_anew(found))).outcome
        total, after = Rewrapped(total.done + page.done, total.closed + page.closed), found[-1]
    return total


def wrap_anew(citizens: list[str]) -> Deed[Rewrapped]:
    """A deed that wraps these citizens' keys under the current key of the ring. It touches neither grant nor log."""

    def story(book: Book) -> Story[Rewrapped]:
        yield [KEYS.each((citizen,) for citizen in citizens)]
        yield TURN
        rows, closed = [], 0
        for citizen in citizens:
            old = book.get(KEYS, citizen)
            if old is None or old.ring_key == book.ring.current:
                continue  # erased, or done by another process
            try:
                keys = book.ring.unwrap(old)
            except Misconfigured:
                closed += 1  # the others must not wait for her
                continue
            new = book.ring.wrap(
                citizen=citizen,
                data=keys.data.reveal(),
                subject=keys.subject.reveal(),
                nonces=(book.chance(NONCE_BYTES), book.chance(NONCE_BYTES)),
                version=keys.version,
            )
            rows.append((citizen, new.ring_key, new.data_key, new.subject_key, old.subject_key))
        if rows:
            book.also(Statement("keys.rewrap", rows))
        return Rewrapped(len(rows), closed)

    return story


async def under(house: House) -> dict[str, int]:
    """How many citizens' keys are wrapped under each key of the ring."""
    return dict(await house.store.read("keys.of_ring"))
