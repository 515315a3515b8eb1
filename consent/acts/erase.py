"""A citizen erases everything. The gate shuts at once; her keys die last; then nobody here can tell what was hers.

    leave      one commit: a `frozen` entry, every grant shut, every session ended
    part       what she shared ends in the log, grant by grant, each at an instant of its own within a day
    come_back  until it is final she may take it back; her data is hers again, her grants do not come back
    finish     one commit: an `erased` entry, then her keys and every row that leads to her are deleted
    scrub      the deleted bytes are gone from the files too: now it is complete

A crash between two of these loses nothing: what is due stands in the database, and `go_on` takes it up.
"""

import hashlib
from base64 import b64encode

import msgspec
from msgspec.structs import replace

from consent.ledger.entry import opening_json
from consent.oauth.token import handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CITIZEN, ERASURE, GRANT, KEYS, MANDATE, PLANNED_ENDING
from consent.storage.rows import Erasure, PlannedEnding
from consent.storage.store import Batch, Statement, Store
from consent.vault.keys import erasure_code
from consent.words.canonical import length_prefixed
from consent.words.errors import NotFound
from consent.words.instants import DAY, HOUR, seconds

from .ending import MOST_AT_ONCE, freeze, write_parting
from .house import House
from .mandate import asks_to_part, part_from_all
from .publish import opening_of, prove
from .scribe import Deed
from .signal import signal

UNDO = 14 * DAY
PARTING = 22 * HOUR  # within a day, with what a sweep that comes late still needs

# Every row that leads to her, children first. A test looks in the database for what is missing here.
_WIPES = (
    "wipe.memos",
    "wipe.deletions",
    "wipe.dropped",
    "wipe.signals",
    "wipe.demands",
    "wipe.misgivings",
    "wipe.uses",
    "wipe.refusals",
    "wipe.disclosures",
    "wipe.planned_endings",
    "wipe.stop_codes",
    "wipe.preferences",
    "wipe.notices",
    "wipe.codes",
    "wipe.tokens",
    "wipe.grant_versions",
    "wipe.case_looks",
    "wipe.cases",
    "wipe.requests",
    "wipe.grants",
    "wipe.sessions",
    "wipe.passkeys",
    "wipe.links",
    "wipe.ways",
    "wipe.members",
    "wipe.personas",
    "wipe.mandates",
    "wipe.helped",
    "wipe.values",
    "wipe.holdings",
    "wipe.entries",
    "wipe.keys",
    "wipe.citizen",
)
_IDS = 10_000  # of citizens, that one statement reads
_A_SWEEP = 20  # erasures that one sweep makes final: the others wait a minute


class Leaving(msgspec.Struct, frozen=True, kw_only=True):
    """Her account while it is being erased: since when, until when she can take it back, and the code to look it up."""

    code: str
    asked_at: int
    final_at: int


async def leave(house: House, *, citizen: str) -> Leaving:
    """Shut everything, now. A second time changes nothing and tells the same. Raises NotFound."""

    def story(book: Book) -> Story[Leaving]:
        yield [CITIZEN.one(citizen), KEYS.one(citizen), GRANT.by("of_citizen", citizen)]
        wrapped = book.get(KEYS, citizen)
        if wrapped is None:
            raise NotFound("there is no such person")
        keys = book.keys_of(wrapped)
        code = erasure_code(keys.subject)
        yield [ERASURE.one(handle_hash(code)), *asks_to_part(citizen)]
        yield [KEYS.each((one.citizen,) for one in book.known(MANDATE) if one.helper == citizen)]
        yield TURN
        person = book.get(CITIZEN, citizen)
        if person is None or book.get(KEYS, citizen) is None:
            raise NotFound("there is no such person")
        begun = book.get(ERASURE, handle_hash(code))
        if begun is not None and person.status == "frozen":
            return Leaving(code=code, asked_at=begun.asked_at, final_at=begun.final_at)
        index, _ = book.record_event(
            "frozen", citizen=citizen, keys=keys, by="self", reason="erasure", detail=lambda _: {}
        )
        book.put(CITIZEN, replace(person, status="frozen"))
        row = Erasure(
            hash=handle_hash(code),
            citizen=citizen,
            shadow=None,
            asked_at=book.at,
            final_at=book.at + UNDO,
            log=book.log_of(citizen).name,
            index=index,
        )
        book.put(ERASURE, row)
        for grant in book.known(GRANT):  # also those that an earlier story of this batch gave
            # Who got nothing has nothing to erase; who got something hears it, also when the grant ended long ago.
            if grant.citizen == citizen and (
                freeze(book, grant) or (grant.state != "frozen" and grant.day > 0)
            ):
                wait = int.from_bytes(book.chance(8), "big") % PARTING
                book.put(PLANNED_ENDING, PlannedEnding(grant=grant.id, due_at=book.at + wait))
        part_from_all(book, citizen)
        book.also(Statement("session.end_of_citizen", [(citizen, book.at)]))
        book.also(Statement("member.end_of_citizen", [(citizen, book.at)]))  # it does not come back with her
        return Leaving(code=code, asked_at=row.asked_at, final_at=row.final_at)

    return (await house.scribe.do(story)).outcome


async def leaving(house: House, *, citizen: str) -> Leaving | None:
    """Her erasure while it can be taken back; None for who is not leaving."""
    rows = await house.store.read(CITIZEN.get, citizen)
    if not rows or CITIZEN.from_row(rows[0]).status != "frozen":
        return None
    keys = house.unwrapped.of(KEYS.from_row((await house.store.read(KEYS.get, citizen))[0]))
    code = erasure_code(keys.subject)
    row = ERASURE.from_row((await house.store.read(ERASURE.get, handle_hash(code)))[0])
    return Leaving(code=code, asked_at=row.asked_at, final_at=row.final_at)


async def come_back(house: House, *, citizen: str) -> None:
    """Take it back: her data and her account are hers again. What she shared stays stopped. Raises NotFound."""

    def story(book: Book) -> Story[None]:
        yield [CITIZEN.one(citizen), KEYS.one(citizen)]
        yield TURN
        person = book.get(CITIZEN, citizen)
        wrapped = book.get(KEYS, citizen)
        if person is None or wrapped is None:
            raise NotFound("there is no such person")
        if person.status == "frozen":
            book.put(CITIZEN, replace(person, status="active"))
            code = erasure_code(book.keys_of(wrapped).subject)
            book.also(Statement("erasure.take_back", [(handle_hash(code),)]))

    await house.scribe.do(story)


def part() -> Deed[int]:
    """A deed that writes the endings that are due; returns how many. In one commit no two of one person."""

    def story(book: Book) -> Story[int]:
        due = PLANNED_ENDING.by("due", book.at, MOST_AT_ONCE)
        yield [due]
        plans = book.found(due)
        yield [GRANT.each([(plan.grant,) for plan in plans])]
        citizens = [(grant.citizen,) for plan in plans if (grant := book.get(GRANT, plan.grant)) is not None]
        yield [CITIZEN.each(citizens), KEYS.each(citizens)]
        yield TURN
        done: set[str] = set()
        for plan in plans:
            grant = book.get(GRANT, plan.grant)
            person = book.get(CITIZEN, grant.citizen) if grant is not None else None
            wrapped = book.get(KEYS, grant.citizen) if grant is not None else None
            if grant is None or person is None or wrapped is None or person.id in done:
                continue
            done.add(person.id)
            is_leaving = person.status == "frozen"  # if not, she came back; the stop stands all the same
            if grant.state == "frozen":
                write_parting(
                    book, grant, keys=book.keys_of(wrapped), told="erased" if is_leaving else "ended"
                )
            elif is_leaving:
                signal(book, grant, "erased")
            book.also(Statement("planned_ending.done", [(plan.grant,)]))
        return len(done)

    return story


async def finish(house: House, erasure: Erasure) -> bool:
    """Make one erasure final, if its time has come and nothing of it is still to be written. False if not."""
    citizen = erasure.citizen
    if citizen is None:
        return False

    def story(book: Book) -> Story[bool]:
        plans = PLANNED_ENDING.by("of_citizen", citizen)
        yield [ERASURE.one(erasure.hash), CITIZEN.one(citizen), KEYS.one(citizen), plans]
        yield [GRANT.by("of_citizen", citizen)]
        yield TURN
        row, person, wrapped = (
            book.get(ERASURE, erasure.hash),
            book.get(CITIZEN, citizen),
            book.get(KEYS, citizen),
        )
        if row is None or person is None or wrapped is None or person.status != "frozen":
            return False
        if row.final_at > book.at or book.found(plans):
            return False
        log = book.log_of(citizen).name
        index, _ = book.record_event(
            "erased",
            citizen=citizen,
            keys=book.keys_of(wrapped),
            by="self",
            reason="erasure",
            detail=lambda _: {},
        )
        wipe(book, citizen)
        book.put(
            ERASURE,
            replace(row, citizen=None, shadow=shadow(citizen), erased_at=book.at, log=log, index=index),
        )
        return True

    done = (await house.scribe.do(story)).outcome
    if done:
        house.scribe.forget(citizen)
        house.unwrapped.forget(citizen)
    return done


def wipe(book: Book, citizen: str) -> None:
    """Delete a citizen: her keys and every row that leads to her. The log's own entries, and what opens them, stay.

    GRANT must have been asked for (`of_citizen`): stories after this one in the batch find none of hers.
    """
    for grant in book.known(GRANT):
        if grant.citizen == citizen:
            book.drop(GRANT, grant.id)
    book.drop(KEYS, citizen)
    book.drop(CITIZEN, citizen)
    for name in _WIPES:
        book.also(Statement(name, [(citizen,)]))


async def final(store: Store) -> list[tuple[bytes, int]]:
    """Everybody who was erased: the shadow and the instant. Kept apart from backups, for `erase_again`."""
    return [(shadow, at) for shadow, at in await store.read("erasure.final")]


async def erase_again(store: Store, shadows: frozenset[bytes]) -> int:
    """Delete whom an old backup brought back, before anybody can ask for her; returns how many.

    No entry says so: the log has hers already, from after that backup. So it is also done beside a frozen log.
    """
    if not shadows:
        return 0
    back, last = [], ""
    while rows := await store.read("citizen.ids", last, _IDS):
        last = rows[-1][0]
        back += [citizen for (citizen,) in rows if shadow(citizen) in shadows]
    for citizen in back:
        await store.write(_wipe_alone(citizen))
    if back:
        await store.scrub()
    return len(back)


def _wipe_alone(citizen: str) -> Batch[None]:
    for name in _WIPES:
        yield Statement(name, [(citizen,)])
    # A row from before, of an erasure that had not become final when the backup was made.
    yield Statement("wipe.erasure", [(citizen,)])


def shadow(citizen: str) -> bytes:
    """What is left of an id: enough to find it in an old backup that must not bring her back."""
    return hashlib.sha256(length_prefixed(b"erased/v1", citizen.encode())).digest()


async def scrub(house: House) -> None:
    """Make the bytes of what was deleted go from the files; until that has worked no erasure is complete."""
    rows = [ERASURE.from_row(row) for row in await house.store.read("erasure.to_scrub")]
    if not rows:
        return
    # First the list that outlives this database: from here on no backup brings her back.
    house.keep_erased([(row.shadow, row.erased_at) for row in rows if row.shadow and row.erased_at])
    if not await house.store.scrub():
        return

    def story(book: Book) -> Story[None]:
        yield [ERASURE.one(row.hash) for row in rows]
        yield TURN
        for row in rows:
            book.put(ERASURE, replace(row, complete_at=book.at))

    await house.scribe.do(story)


async def go_on(house: House) -> None:
    """Do what time has come for, in all erasures. Call it every minute or so."""
    await house.scribe.do(part())
    for row in await house.store.read("erasure.due", house.clock(), _A_SWEEP):
        await finish(house, ERASURE.from_row(row))
    await _forget(house)
    await scrub(house)


async def _forget(house: House) -> None:
    """Another process may have erased somebody whose keys are in our memory. Whose, nobody knows any more: drop all."""
    ((count,),) = await house.store.read("erasure.count")
    if count != house.pulse.erased:
        house.scribe.forget()
        house.unwrapped.forget()
        house.pulse.erased = count


async def look_up(house: House, *, code: str) -> Erasure:
    """How an erasure stands, for whoever has its code; nobody has to say who they are. Raises NotFound."""
    rows = await house.store.read(ERASURE.get, handle_hash(code))
    if not rows:
        raise NotFound("there is no such erasure")
    return ERASURE.from_row(rows[0])


async def receipt(house: House, *, code: str) -> dict[str, object]:
    """What she keeps of an erasure: the instants (seconds) and its newest entry, opened and proven. Raises NotFound."""
    row = await look_up(house, code=code)
    leaf, opening = await opening_of(house, row.log, row.index, None)
    return {
        "asked_at": seconds(row.asked_at),
        "final_at": seconds(row.final_at),
        "erased_at": None if row.erased_at is None else seconds(row.erased_at),
        "complete_at": None if row.complete_at is None else seconds(row.complete_at),
        "log": row.log,
        "leaf": b64encode(leaf).decode(),
        "opening": opening_json(opening, with_detail=False),
        "proof": await prove(house, row.log, row.index),
    }
