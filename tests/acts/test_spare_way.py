"""Whoever has one way in that lasts is told to add another, and nobody else is."""

from consent.acts.enrol import has_spare
from consent.acts.recover import make_words
from consent.acts.session import Visitor
from consent.acts.ways import add, way_hash
from consent.oauth.step_up import INVENTED, SignIn
from consent.storage.book import TURN, Book, Story
from consent.storage.rows import Way
from tests.world import World


async def test_only_who_has_two_ways_that_last_has_a_spare_one(world: World) -> None:
    house, sanne = world.house, world.citizen()
    assert not await has_spare(house, citizen=sanne)
    visitor = Visitor(sanne, SignIn(INVENTED, world.at), "persona")
    await make_words(house, visitor, language="nl")
    assert not await has_spare(house, citizen=sanne)  # those work once

    def story(book: Book) -> Story[None]:
        yield TURN
        mailbox = way_hash(house, "mail", "sanne@example.org")
        add(book, Way(hash=mailbox, citizen=sanne, kind="mail", sealed=None, created_at=book.at))

    await house.scribe.do(story)
    assert await has_spare(house, citizen=sanne)
    assert not await has_spare(house, citizen=world.citizen("daan"))
