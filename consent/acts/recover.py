"""Words on paper, for when a device is lost: 16 words, 128 bits, shown once. They open the account once, all together.

Nobody has to say whose they are, so there is no account to guess at; to guess them all is to guess a key.
"""

from consent.oauth.token import handle_from
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import KEYS, WAY
from consent.storage.rows import Way
from consent.words.errors import NotFound, NotSignedIn
from consent.words.purposes import Language

from .house import House
from .paper import as_written, words_from
from .session import Visitor, open_session, the_old
from .ways import add, check_change, take_away, way_hash

OCTETS = 16  # a word each


async def make_words(house: House, visitor: Visitor, *, language: Language) -> tuple[str, ...]:
    """Make new words; the old ones are worth nothing any more. Raises as `check_change`, and NotFound."""
    await check_change(house, visitor)
    words = words_from(house.chance(OCTETS), language)
    hashed = way_hash(house, "words", " ".join(words))

    def story(book: Book) -> Story[None]:
        yield [WAY.by("of_citizen", visitor.citizen), KEYS.one(visitor.citizen)]
        yield TURN
        if book.get(KEYS, visitor.citizen) is None:
            raise NotFound("there is no such person")
        for old in book.known(WAY):
            if old.citizen == visitor.citizen and old.kind == "words":
                take_away(book, WAY, old.hash)
        add(book, Way(hash=hashed, citizen=visitor.citizen, kind="words", sealed=None, created_at=book.at))

    await house.scribe.do(story)
    return words


async def with_words(house: House, *, text: str, before: str | None) -> str:
    """Sign in with all the words, which are used up; returns the new session's cookie. Raises NotSignedIn."""
    hashed = way_hash(house, "words", as_written(text))
    cookie = handle_from(house.chance(32))

    def story(book: Book) -> Story[None]:
        yield [WAY.one(hashed), *the_old(before)]
        yield TURN
        way = book.get(WAY, hashed)
        if way is None:
            raise NotSignedIn("these words open nothing")
        take_away(book, WAY, hashed)
        open_session(book, cookie, way.citizen, "words", before)

    await house.scribe.do(story)
    return cookie
