"""An auditor reads openings: one organisation, one period, one reason; each read is itself an entry of the log."""

import hashlib
import re
from collections.abc import AsyncIterator

import msgspec
from msgspec.structs import replace

from consent.ledger.entry import Opening, opening_json
from consent.oauth.token import handle_from, handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import AUDITOR, OPENING, ORGANISATION
from consent.storage.logs import bucket_of
from consent.storage.rows import AuditorAccess
from consent.words.errors import BadInput, InvalidToken, NotFound
from consent.words.ids import is_slug
from consent.words.instants import DAY, seconds

from .allowance import asks_to_count, count, mark
from .house import House
from .operate import Operator, write_down
from .scribe import Deed

LONGEST_TOKEN = 90 * DAY
_PAGE = 1000
_REASON_LENGTH = range(8, 401)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_OVER = "this auditor's token is unknown or has expired"


def admit(
    *,
    auditor: str,
    organisation: str,
    from_at: int,
    until_at: int,
    reason: str,
    expires_at: int,
    by: Operator,
    chance: bytes,
) -> tuple[Deed[None], str]:
    """A deed that lets an auditor in, and the token to hand over; it is shown once and kept as a hash.

    Raises BadInput for a name that is none, an empty period, a reason that says nothing or a token for longer than 90
    days, and NotFound for an organisation that is not there: its openings would be none, and look well.
    """
    if not _NAME.fullmatch(auditor):
        raise BadInput("an auditor's name has up to 64 letters, digits, dots, hyphens, underscores or @")
    if from_at >= until_at:
        raise BadInput("the period ends before it begins")
    if len(reason.strip()) not in _REASON_LENGTH or not reason.isprintable():
        raise BadInput("give the reason on one line, in 8 to 400 characters")
    if not is_slug(organisation):
        raise NotFound("there is no such organisation")
    token = handle_from(chance)

    def story(book: Book) -> Story[None]:
        yield [ORGANISATION.one(organisation)]
        yield TURN
        if book.get(ORGANISATION, organisation) is None:
            raise NotFound("there is no such organisation")
        if not book.at < expires_at <= book.at + LONGEST_TOKEN:
            raise BadInput("a token works for 1 to 90 days")
        write_down(book, by, "let_in", "auditor", auditor, f"{organisation}: {reason}"[:400])
        book.put(
            AUDITOR,
            AuditorAccess(
                hash=handle_hash(token),
                auditor=auditor,
                organisation=organisation,
                from_at=from_at,
                until_at=until_at,
                reason=reason,
                expires_at=expires_at,
            ),
        )

    return story, token


def shut_out(auditor: str, *, by: Operator) -> Deed[int]:
    """A deed that ends all tokens of an auditor; returns how many worked until now. Raises NotFound.

    It holds for a read that is under way too: its next page does not come.
    """

    def story(book: Book) -> Story[int]:
        asked = AUDITOR.by("of_name", auditor)
        yield [asked]
        yield TURN
        found = book.found(asked)
        if not found:
            raise NotFound("no token was ever made for this auditor")
        working = [one for one in found if _works(one, book.at)]
        for one in working:
            book.put(AUDITOR, replace(one, ended_at=book.at))
        write_down(book, by, "shut_out", "auditor", auditor)
        return len(working)

    return story


async def admitted(house: House) -> list[AuditorAccess]:
    """Everybody who was ever let in, those whose token ends last first."""
    return [AUDITOR.from_row(row) for row in await house.store.read("auditor.all")]


async def open_for_audit(house: House, *, token: str, log: str) -> AsyncIterator[bytes]:
    """The openings an auditor may have, as lines of JSON, oldest first.

    The read is written down before the first line leaves, with the auditor's name and reason as hashes: the log is
    public. So a read that breaks off is there as well. Raises InvalidToken, TooManyRequests.
    """
    token_hash = handle_hash(token)
    # Each read is an entry for ever: a stolen token must not fill the log either.
    marks = mark(house, "auditor", token_hash.hex())

    def story(book: Book) -> Story[AuditorAccess]:
        yield [AUDITOR.one(token_hash), *asks_to_count(marks)]
        yield TURN
        access = book.get(AUDITOR, token_hash)
        if access is None or not _works(access, book.at):
            raise InvalidToken(_OVER)
        count(book, marks)
        book.record_control(
            {
                "ev": "audit.read",
                "auditor": _named(access.auditor),
                "org": access.organisation,
                "from": seconds(access.from_at),
                "until": seconds(access.until_at),
                "reason": _named(access.reason),
            },
            bucket=bucket_of(log),
        )
        return access

    access = (await house.scribe.do(story)).outcome
    return _lines(house, access, log)


async def _lines(house: House, access: AuditorAccess, log: str) -> AsyncIterator[bytes]:
    """Page by page. Raises InvalidToken where the token ends meanwhile: what is cut off must not look whole."""
    period = (log, access.organisation, access.from_at, access.until_at)
    in_period = {bytes(key) for (key,) in await house.store.read("opening.grants_in_period", *period)}
    last = -1
    while True:
        rows = await house.store.read(AUDITOR.get, access.hash)
        if not rows or not _works(AUDITOR.from_row(rows[0]), house.clock()):
            raise InvalidToken(_OVER)
        found = [
            OPENING.from_row(values)
            for values in await house.store.read(
                "opening.of_organisation", log, access.organisation, access.until_at, last, _PAGE
            )
        ]
        # Whole chains: of a grant that lived in the period its earlier entries come along, to be replayed.
        for row in found:
            if bytes(row.consent_key) in in_period:
                opening = Opening(row.index, row.consent_key, row.audit_key, row.record)
                yield msgspec.json.encode(opening_json(opening, with_detail=False)) + b"\n"
        if len(found) < _PAGE:
            return
        last = found[-1].index


def _works(access: AuditorAccess, at: int) -> bool:
    return access.ended_at is None and at < access.expires_at


def _named(text: str) -> str:
    """A hash that whoever knows the text can recognise; the log itself names no auditor."""
    return hashlib.sha256(text.encode()).hexdigest()
