"""How a citizen wants to be told of what happens. Quietly, when somebody reads her mail or looks at her screen."""

from msgspec.structs import replace

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import PREFERENCES
from consent.storage.rows import Preferences

from .house import House


async def preferences(house: House, *, citizen: str) -> Preferences:
    """Her choices; what she never chose is as for everybody."""
    rows = await house.store.read(PREFERENCES.get, citizen)
    return PREFERENCES.from_row(rows[0]) if rows else Preferences(citizen=citizen)


async def keep_quiet(house: House, *, citizen: str, private: bool) -> None:
    """From now on: no mail about what happens here, no notices on her overview, titles that tell nothing; or again."""

    def story(book: Book) -> Story[None]:
        yield [PREFERENCES.one(citizen)]
        yield TURN
        before = book.get(PREFERENCES, citizen) or Preferences(citizen=citizen)
        book.put(PREFERENCES, replace(before, private=private))

    await house.scribe.do(story)
