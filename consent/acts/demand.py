"""A citizen asks something of an organisation: to erase, to explain a use, to correct a value at its source.

It hears *that* she asks, by a signal without her words; those it fetches at its own door (`reply`).
"""

from consent.storage.book import TURN, Book, Story
from consent.storage.demands import Demand
from consent.storage.kinds import CITIZEN, CLIENT, DELETION, DEMAND, GRANT, HOLDINGS, KEYS, SIGNAL, USE
from consent.storage.rows import Signal
from consent.words.errors import AccountClosing, BadInput, Forbidden, NotFound, StillActive
from consent.words.ids import id_from, is_id

from .allowance import asks_to_count, count, fixed_mark
from .house import House
from .signal import signal
from .ways import seal_text

LONGEST = 2000  # characters of her words
MOST_A_MINUTE = 10  # that one citizen asks
MOST_OPEN = 50  # that one citizen has open: whoever floods an organisation waits for its answers


async def to_erase(house: House, *, citizen: str, grant: str) -> None:
    """Ask that all that went out under an ended grant of hers is erased. A second time changes nothing.

    Where nothing went out, or the organisation has stated that all is gone, there is nothing to ask. Raises NotFound
    for a foreign or unknown grant, and StillActive.
    """
    if not is_id(grant):
        raise NotFound("there is no such grant")
    marks = fixed_mark(house, "demand", citizen, MOST_A_MINUTE)

    def story(book: Book) -> Story[None]:
        yield [
            GRANT.one(grant),
            KEYS.one(citizen),
            DELETION.one(grant, "all"),
            DEMAND.by("of_citizen", citizen),
            *asks_to_count(marks),
        ]
        yield TURN
        given = book.get(GRANT, grant)
        if given is None or given.citizen != citizen or book.get(KEYS, citizen) is None:
            raise NotFound("there is no such grant")
        if given.is_live(at=book.at):
            raise StillActive("stop first: what runs is used rightly")
        if _asked(book, "erase", grant) or not given.day or book.get(DELETION, (grant, "all")) is not None:
            return
        count(book, marks)
        demand = Demand(
            id=id_from(book.chance(16)),
            citizen=citizen,
            client=given.client,
            organisation=given.organisation,
            kind="erase",
            grant=grant,
            about=grant,
            sealed=None,
            asked_at=book.at,
        )
        book.put(DEMAND, demand)
        signal(book, given, "asked")

    await house.scribe.do(story)


async def to_explain(house: House, *, citizen: str, use: str, text: str) -> None:
    """Ask what a use was for, in her own words; one question a use. Raises NotFound, BadInput."""
    words = _checked(text)
    if not is_id(use):
        raise NotFound("there is no such use")
    marks = fixed_mark(house, "demand", citizen, MOST_A_MINUTE)

    def story(book: Book) -> Story[None]:
        wanted = USE.by("by_id", use)
        yield [wanted, KEYS.one(citizen), DEMAND.by("of_citizen", citizen), *asks_to_count(marks)]
        found = book.found(wanted)
        yield [GRANT.one(one.grant) for one in found]
        yield TURN
        given = book.get(GRANT, found[0].grant) if found else None
        wrapped = book.get(KEYS, citizen)
        if given is None or given.citizen != citizen or wrapped is None:
            raise NotFound("there is no such use")
        if _asked(book, "explain", use):
            return
        _check_open(book, citizen)
        count(book, marks)
        name = id_from(book.chance(16))
        demand = Demand(
            id=name,
            citizen=citizen,
            client=given.client,
            organisation=given.organisation,
            kind="explain",
            grant=given.id,
            about=use,
            sealed=seal_text(house, book.keys_of(wrapped), citizen, sealed_as(name), words),
            asked_at=book.at,
        )
        book.put(DEMAND, demand)
        signal(book, given, "asked")

    await house.scribe.do(story)


async def to_correct(house: House, *, citizen: str, name: str, text: str) -> None:
    """Ask the source of a value to correct it. One open question a value.

    Raises NotFound when she has no such value or nobody answers for its source, Forbidden for a value of her own (she
    changes that herself), BadInput, AccountClosing.
    """
    words = _checked(text)
    marks = fixed_mark(house, "demand", citizen, MOST_A_MINUTE)

    def story(book: Book) -> Story[None]:
        yield [
            CITIZEN.one(citizen),
            KEYS.one(citizen),
            HOLDINGS.one(citizen),
            DEMAND.by("of_citizen", citizen),
            *[CLIENT.one(client) for client in house.sources.values()],
            *asks_to_count(marks),
        ]
        yield TURN
        person, wrapped, holdings = (
            book.get(CITIZEN, citizen),
            book.get(KEYS, citizen),
            book.get(HOLDINGS, citizen),
        )
        value = holdings.get(name) if holdings is not None else None
        if person is None or wrapped is None or value is None:
            raise NotFound("there is no such value")
        if person.status != "active":
            raise AccountClosing("this account is being erased")
        if value.source == "self":
            raise Forbidden("this is her own to change")
        client = book.get(CLIENT, house.sources.get(value.source, ""))
        if client is None:
            raise NotFound("nobody answers for this source here")
        if _asked(book, "correct", name):
            return
        _check_open(book, citizen)
        count(book, marks)
        id = id_from(book.chance(16))
        demand = Demand(
            id=id,
            citizen=citizen,
            client=client.id,
            organisation=client.organisation,
            kind="correct",
            grant=None,
            about=name,
            sealed=seal_text(house, book.keys_of(wrapped), citizen, sealed_as(id), words),
            asked_at=book.at,
        )
        book.put(DEMAND, demand)
        book.put(
            SIGNAL,
            Signal(
                id=id_from(book.chance(16)),
                client=client.id,
                grant=id,  # there is none: the demand itself is what it is about
                event="asked",
                attributes=(),
                at=book.at,
                next_try=book.at,
            ),
        )

    await house.scribe.do(story)


async def demands_of(house: House, citizen: str) -> list[Demand]:
    """All that she asked, the newest first."""
    return [DEMAND.from_row(row) for row in await house.store.read("demand.of_citizen", citizen)]


def sealed_as(demand: str) -> str:
    """As what her words are sealed, so that they open as nothing else."""
    return f"demand/{demand}"


def _checked(text: str) -> str:
    words = text.replace("\r\n", "\n").strip()
    if not 1 <= len(words) <= LONGEST or any(ord(c) < 32 and c not in "\n\t" for c in words):
        raise BadInput(f"a text of 1 to {LONGEST} characters")
    return words


def _asked(book: Book, kind: str, about: str) -> bool:
    """Whether she asked this already: for a correction, whether that is still open."""
    return any(
        (one.kind, one.about) == (kind, about) and (kind != "correct" or one.answered_at is None)
        for one in book.known(DEMAND)
    )


def _check_open(book: Book, citizen: str) -> None:
    if sum(one.citizen == citizen and one.answered_at is None for one in book.known(DEMAND)) >= MOST_OPEN:
        raise BadInput("too many questions wait for an answer")
