"""A citizen lets somebody help her, with an account of his own: no sign-in is ever shared.

    give     she says how far and until when, and gets a code to hand over on paper or by phone
    look_at  he types it, signed in as himself: now he sees whose it is
    accept   he takes it up; the code is worth nothing any more
    end      she or he ends it, at once; nobody is told beside the page of the other

What they call each other is sealed under her key: an account has no name, so these are her words.
"""

import hmac
import re

import msgspec
from msgspec.structs import replace

from consent.ledger.record import By, Reason
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CITIZEN, KEYS, MANDATE, Ask
from consent.storage.mandates import Mandate
from consent.vault.keys import CitizenKeys
from consent.words.canonical import length_prefixed
from consent.words.errors import AccountClosing, BadInput, Conflict, Forbidden, NotFound
from consent.words.ids import id_from, is_id
from consent.words.instants import DAY, seconds
from consent.words.purposes import Language

from .allowance import check_allowance, fixed_mark, use_up
from .hold import organisation_name
from .house import House
from .notify import notify
from .paper import as_written, words_from
from .reach import decides_herself, is_running
from .scribe import Deed as Writing
from .session import Visitor
from .ways import NotFreshlySignedIn, is_fresh, open_text, seal_text

CODE_OCTETS = 7  # a word each: 56 bits, for one use in a week
CODE_LIFE = 7 * DAY
TERMS = {"month": 30 * DAY, "half_year": 182 * DAY, "year": 365 * DAY}
MOST = 10  # that run at the same time
MOST_TRIES = 5  # wrong codes that one account may type in a minute
LONGEST_NAME = 40
TOLD = 30 * DAY
_MOST_AT_ONCE = 100


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What she calls him, what he sees of her, and of a child when it was born."""

    helper: str
    citizen: str
    born: str | None = None


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What she filled in, as it came from the form."""

    helper: str
    citizen: str
    may: str
    term: str
    organisations: tuple[str, ...] = ()
    show_special: bool = False


class Made(msgspec.Struct, frozen=True):
    """A new mandate: its code is shown once."""

    id: str
    code: str
    code_until: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One mandate on a page: of hers, or that he has."""

    id: str
    kind: str
    name: str  # of the other
    may: str
    organisations: tuple[str, ...]
    show_special: bool
    given_at: int
    until: int
    code_until: int | None  # while it waits for its code
    accepted_at: int | None
    ended_at: int | None
    hers_to_end: bool


class Mandates(msgspec.Struct, frozen=True):
    """What runs, and what is over."""

    running: tuple[Line, ...]
    over: tuple[Line, ...]


def check_wish(wish: Wish, known: frozenset[str]) -> Wish:
    """The wish with tidy names. Raises BadInput; the message is the name of the field."""
    names = {field: check_name(field, getattr(wish, field)) for field in ("helper", "citizen")}
    if wish.may not in ("look", "stop", "choose"):
        raise BadInput("may")
    if wish.term not in TERMS:
        raise BadInput("term")
    if not set(wish.organisations) <= known:
        raise BadInput("organisations")
    return replace(wish, organisations=tuple(sorted(set(wish.organisations))), **names)


def check_name(field: str, text: str) -> str:
    """What somebody calls somebody, tidy. Raises BadInput with the name of the field."""
    name = re.sub(r"\s+", " ", text).strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise BadInput(field)
    return name


async def give(house: House, visitor: Visitor, wish: Wish, *, language: Language) -> Made:
    """Let somebody help. Raises BadInput, NotFreshlySignedIn, Conflict when too many run, Forbidden for a child."""
    citizen = visitor.citizen
    if not is_fresh(house, visitor):  # whoever finds her browser open must not stay for a year
        raise NotFreshlySignedIn("sign in again first")
    known = frozenset(row[0] for row in await house.store.read("organisation.all"))
    wish = check_wish(wish, known)
    code = words_from(house.chance(CODE_OCTETS), language)
    mandate_id = id_from(house.chance(16))

    def story(book: Book) -> Story[Made]:
        mine = MANDATE.by("of_citizen", citizen)
        yield [CITIZEN.one(citizen), KEYS.one(citizen), mine]
        yield TURN
        person, wrapped = book.get(CITIZEN, citizen), book.get(KEYS, citizen)
        if person is None or wrapped is None:
            raise NotFound("there is no such person")
        if person.status != "active":
            raise AccountClosing("this account is being erased")
        before = [one for one in book.known(MANDATE) if one.citizen == citizen]
        if not decides_herself(before, at=book.at):
            raise Forbidden("a child gives no mandates")
        if sum(is_running(one, at=book.at) for one in before) >= MOST:
            raise Conflict("too many people help already")
        keys = book.keys_of(wrapped)
        mandate = new_mandate(
            house,
            keys,
            Mandate(
                id=mandate_id,
                citizen=citizen,
                kind="helper",
                may=wish.may,  # type: ignore[arg-type]  # checked above
                organisations=wish.organisations,
                show_special=wish.show_special,
                sealed=b"",
                code=code_hash(house, " ".join(code)),
                code_until=book.at + CODE_LIFE,
                given_at=book.at,
                expires_at=book.at + TERMS[wish.term],
            ),
            Names(helper=wish.helper, citizen=wish.citizen),
        )
        write_given(book, mandate, keys, by="self")
        return Made(mandate.id, " ".join(code), mandate.code_until)

    return (await house.scribe.do(story)).outcome


async def look_at(house: House, *, helper: str, code: str) -> tuple[Line, str]:
    """What a code is for, told to the one who may take it up, and the code as it goes back with his yes.

    Raises NotFound for whatever does not work, all alike, and TooManyRequests.
    """
    mandate = await _waiting(house, helper, code)
    return await line(house, mandate, for_helper=True), as_written(code)


async def accept(house: House, *, helper: str, code: str) -> str:
    """Take it up; returns the mandate's id. Raises as `look_at`."""
    seen = await _waiting(house, helper, code)

    def story(book: Book) -> Story[str]:
        yield [MANDATE.one(seen.id), CITIZEN.one(seen.citizen), KEYS.one(seen.citizen), CITIZEN.one(helper)]
        yield TURN
        mandate, wrapped = book.get(MANDATE, seen.id), book.get(KEYS, seen.citizen)
        both = [book.get(CITIZEN, seen.citizen), book.get(CITIZEN, helper)]
        if mandate is None or wrapped is None or not _works(mandate, helper, book.at):
            raise NotFound("this code does not work")
        if any(one is None or one.status != "active" for one in both):
            raise NotFound("this code does not work")
        taken = replace(mandate, helper=helper, accepted_at=book.at, code=None)
        write(book, "mandate_given", taken, book.keys_of(wrapped), by=taken.kind, taken_up=True)
        book.put(MANDATE, taken)
        notify(book, taken.citizen, "help_begun", about=taken.id)
        return taken.id

    return (await house.scribe.do(story)).outcome


async def end(house: House, *, who: str, mandate: str) -> str:
    """End it: she or he; returns "hers" or "his". A second time changes nothing.

    Raises NotFound for a foreign one, Forbidden for a child who may not end a parent's yet.
    """
    if not is_id(mandate):
        raise NotFound("there is no such mandate")

    def story(book: Book) -> Story[str]:
        yield [MANDATE.one(mandate)]
        found = book.get(MANDATE, mandate)
        if found is None or who not in (found.citizen, found.helper):
            raise NotFound("there is no such mandate")
        yield [KEYS.one(found.citizen)]
        yield TURN
        wrapped = book.get(KEYS, found.citizen)
        found = book.get(MANDATE, mandate)
        if found is None or wrapped is None:
            raise NotFound("there is no such mandate")
        side = "hers" if who == found.citizen else "his"
        if side == "hers" and not may_end(found, at=book.at):
            raise Forbidden("a parent stays until the child decides alone")
        if is_running(found, at=book.at):
            by: By = "self" if side == "hers" else found.kind
            reason: Reason = "citizen_asked" if side == "hers" else "helper_asked"
            write_ended(book, found, book.keys_of(wrapped), by=by, reason=reason)
        return side

    return (await house.scribe.do(story)).outcome


def lapse(at: int) -> Writing[int]:
    """A deed that writes down which mandates time has ended before *at*; returns how many. Nothing waits for it."""

    def story(book: Book) -> Story[int]:
        lapsed = MANDATE.by("lapsed", at, _MOST_AT_ONCE)
        yield [lapsed]
        yield [KEYS.each((one.citizen,) for one in book.found(lapsed))]
        yield TURN
        for one in book.found(lapsed):
            wrapped = book.get(KEYS, one.citizen)
            if one.ended_at is None and wrapped is not None:
                write_ended(book, one, book.keys_of(wrapped), by="rule", reason="time_passed")
        return len(book.found(lapsed))

    return story


def asks_to_part(citizen: str) -> list[Ask]:
    """The rows to read before `part_from_all`, and after them the keys of those she helps."""
    return [MANDATE.by("of_citizen", citizen), MANDATE.by("of_helper", citizen)]


def part_from_all(book: Book, citizen: str) -> None:
    """End what she gave and what she was given: she is leaving. Her own log says so already."""
    for one in book.known(MANDATE):
        if one.citizen == citizen and one.ended_at is None:
            book.put(MANDATE, replace(one, ended_at=min(book.at, one.expires_at), code=None))
        elif one.helper == citizen and is_running(one, at=book.at):
            wrapped = book.get(KEYS, one.citizen)
            if wrapped is not None:
                write_ended(book, one, book.keys_of(wrapped), by=one.kind, reason="helper_asked")


async def hers(house: House, *, citizen: str) -> Mandates:
    """Who may help her."""
    rows = [MANDATE.from_row(row) for row in await house.store.read("mandate.of_citizen", citizen)]
    return await _lines(house, rows, for_helper=False)


async def his(house: House, *, helper: str) -> Mandates:
    """Whom he may help."""
    rows = [MANDATE.from_row(row) for row in await house.store.read("mandate.of_helper", helper)]
    return await _lines(house, rows, for_helper=True)


async def ended_parenthood(house: House, *, citizen: str) -> list[tuple[Line, bool]]:
    """What both read on their home pages for a month: a parent's mandate is over. True: she was the child."""
    since = house.clock() - TOLD
    both = ((await hers(house, citizen=citizen)).over, (await his(house, helper=citizen)).over)
    return [
        (line, lines is both[0])
        for lines in both
        for line in lines
        if line.kind == "guardian" and line.ended_at is not None and line.ended_at > since
    ]


async def organisations(house: House) -> list[tuple[str, str]]:
    """All organisations, by name: id and name."""
    ids = [row[0] for row in await house.store.read("organisation.all")]
    return sorted([(one, await organisation_name(house, one)) for one in ids], key=lambda one: one[1])


async def line(house: House, mandate: Mandate, *, for_helper: bool) -> Line:
    """One mandate for the page of one of the two."""
    names = await names_of(house, mandate)
    at = house.clock()
    over = mandate.ended_at is not None or at >= mandate.expires_at
    return Line(
        id=mandate.id,
        kind=mandate.kind,
        name=names.citizen if for_helper else names.helper,
        may="look" if mandate.alone_at is not None and at >= mandate.alone_at else mandate.may,
        organisations=tuple([await organisation_name(house, one) for one in mandate.organisations]),
        show_special=mandate.show_special,
        given_at=mandate.given_at,
        until=mandate.expires_at,
        code_until=mandate.code_until if mandate.accepted_at is None else None,
        accepted_at=mandate.accepted_at,
        ended_at=mandate.ended_at if mandate.ended_at is not None else mandate.expires_at if over else None,
        hers_to_end=may_end(mandate, at=at),
    )


async def names_of(house: House, mandate: Mandate) -> Names:
    """What they call each other."""
    (row,) = await house.store.read(KEYS.get, mandate.citizen)
    return open_names(house.unwrapped.of(KEYS.from_row(row)), mandate)


def open_names(keys: CitizenKeys, mandate: Mandate) -> Names:
    """The same, for who has her keys at hand."""
    text = open_text(keys, mandate.citizen, f"mandate/{mandate.id}", mandate.sealed)
    return msgspec.json.decode(text, type=Names)


def may_end(mandate: Mandate, *, at: int) -> bool:
    """Whether she may end it herself: always, but for a parent while she is too young."""
    return mandate.alone_at is None or at >= mandate.alone_at


def code_hash(house: House, code: str) -> bytes:
    """Under what a code is found; how it was typed does not matter."""
    about = length_prefixed(b"mandate/v1", as_written(code).encode())
    return hmac.digest(house.names_key.reveal(), about, "sha256")


def new_mandate(house: House, keys: CitizenKeys, mandate: Mandate, names: Names) -> Mandate:
    """*mandate* with the names sealed into it."""
    text = msgspec.json.encode(names).decode()
    return replace(mandate, sealed=seal_text(house, keys, mandate.citizen, f"mandate/{mandate.id}", text))


def write_given(book: Book, mandate: Mandate, keys: CitizenKeys, *, by: By) -> None:
    """Keep a new mandate, and write its line in her log."""
    book.put(MANDATE, mandate)
    write(book, "mandate_given", mandate, keys, by=by)


def write_ended(book: Book, mandate: Mandate, keys: CitizenKeys, *, by: By, reason: Reason) -> None:
    """End a mandate and write its line. What time has ended has ended then, whoever says so now."""
    at = min(book.at, mandate.expires_at)
    if at == mandate.expires_at:
        by, reason = "rule", "time_passed"
    book.put(MANDATE, replace(mandate, ended_at=at, code=None))
    write(book, "mandate_ended", mandate, keys, by=by, reason=reason)
    if by != "self":
        notify(book, mandate.citizen, "help_ended", about=mandate.id)
    if mandate.helper is not None and by != mandate.kind:
        notify(book, mandate.helper, "help_ended", who="yours", about=mandate.id)


def write(
    book: Book,
    event: str,
    mandate: Mandate,
    keys: CitizenKeys,
    *,
    by: By,
    reason: Reason | None = None,
    taken_up: bool = False,
) -> None:
    """A line that opens as `other`: whoever audits an organisation learns of no helper."""
    detail: dict[str, object] = {
        "event": event,
        "mandate": mandate.id,
        "kind": mandate.kind,
        "may": mandate.may,
        "until": seconds(mandate.expires_at),
    }
    if taken_up:
        detail["taken_up"] = True
    book.record_event(
        "other", citizen=mandate.citizen, keys=keys, by=by, reason=reason, detail=lambda _: detail
    )


async def _lines(house: House, rows: list[Mandate], *, for_helper: bool) -> Mandates:
    at = house.clock()
    running = [await line(house, one, for_helper=for_helper) for one in rows if is_running(one, at=at)]
    over = [
        await line(house, one, for_helper=for_helper)
        for one in rows
        if not is_running(one, at=at) and one.accepted_at is not None
    ]
    return Mandates(tuple(running), tuple(over))


async def _waiting(house: House, helper: str, code: str) -> Mandate:
    """What a code is for. Only wrong ones count against who tries."""
    tries = fixed_mark(house, "mandate", helper, MOST_TRIES)
    await check_allowance(house, tries)
    found = await house.store.read("mandate.with_code", code_hash(house, code))
    mandate = MANDATE.from_row(found[0]) if found else None
    if mandate is None or not _works(mandate, helper, house.clock()):
        await use_up(house, tries)
        raise NotFound("this code does not work")
    return mandate


def _works(mandate: Mandate, helper: str, at: int) -> bool:
    """Whether *helper* may take it up now. Nobody helps herself."""
    is_waiting = mandate.code is not None and mandate.accepted_at is None and is_running(mandate, at=at)
    return is_waiting and mandate.citizen != helper
