"""A citizen asks something of an organisation: to erase what it has of her. It hears that she asks."""

from consent.storage.book import TURN, Book, Story
from consent.storage.demands import Demand
from consent.storage.kinds import DELETION, DEMAND, GRANT, KEYS
from consent.words.errors import NotFound, StillActive
from consent.words.ids import id_from, is_id

from .house import House
from .signal import signal


async def to_erase(house: House, *, citizen: str, grant: str) -> None:
    """Ask that all that went out under an ended grant of hers is erased. A second time changes nothing.

    Where nothing went out, or the organisation has stated that all is gone, there is nothing to ask. Raises NotFound
    for a foreign or unknown grant, and StillActive.
    """
    if not is_id(grant):
        raise NotFound("there is no such grant")

    def story(book: Book) -> Story[None]:
        yield [
            GRANT.one(grant),
            KEYS.one(citizen),
            DELETION.one(grant, "all"),
            DEMAND.by("of_citizen", citizen),
        ]
        yield TURN
        given = book.get(GRANT, grant)
        if given is None or given.citizen != citizen or book.get(KEYS, citizen) is None:
            raise NotFound("there is no such grant")
        if given.is_live(at=book.at):
            raise StillActive("stop first: what runs is used rightly")
        asked = any((one.kind, one.grant) == ("erase", grant) for one in book.known(DEMAND))
        if asked or not given.day or book.get(DELETION, (grant, "all")) is not None:
            return
        book.put(
            DEMAND,
            Demand(
                id=id_from(book.chance(16)),
                citizen=citizen,
                client=given.client,
                organisation=given.organisation,
                kind="erase",
                grant=grant,
                about="",
                sealed=None,
                asked_at=book.at,
            ),
        )
        signal(book, given, "asked")

    await house.scribe.do(story)


async def demands_of(house: House, citizen: str) -> list[Demand]:
    """All that she asked, the newest first."""
    return [DEMAND.from_row(row) for row in await house.store.read("demand.of_citizen", citizen)]
