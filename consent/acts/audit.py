"""An auditor reads openings: one organisation, one period, one reason; each read is itself an entry of the log."""

import hashlib
from collections.abc import AsyncIterator

import msgspec

from consent.ledger.entry import Opening, opening_json
from consent.oauth.token import handle_from, handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import AUDITOR, OPENING
from consent.storage.rows import AuditorAccess
from consent.words.errors import BadInput, InvalidToken
from consent.words.instants import seconds

from .house import House
from .scribe import Deed

_PAGE = 1000
_REASON_LENGTH = range(8, 401)


def admit(
    *,
    auditor: str,
    organisation: str,
    from_at: int,
    until_at: int,
    reason: str,
    expires_at: int,
    chance: bytes,
) -> tuple[Deed[None], str]:
    """A deed that lets an auditor in, and the token to hand over; it is shown once and kept as a hash.

    Raises BadInput for an empty period or a reason that says nothing.
    """
    if from_at >= until_at:
        raise BadInput("the period ends before it begins")
    if len(reason.strip()) not in _REASON_LENGTH:
        raise BadInput("give the reason in 8 to 400 characters")
    token = handle_from(chance)

    def story(book: Book) -> Story[None]:
        yield TURN
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


async def open_for_audit(house: House, *, token: str, log: str) -> AsyncIterator[bytes]:
    """The openings an auditor may have, as lines of JSON, oldest first.

    The read is written down before the first line leaves, with the auditor's name and reason as hashes: the log is
    public. Raises InvalidToken.
    """
    token_hash = handle_hash(token)

    def story(book: Book) -> Story[AuditorAccess]:
        yield [AUDITOR.one(token_hash)]
        yield TURN
        access = book.get(AUDITOR, token_hash)
        if access is None or access.expires_at <= book.at:
            raise InvalidToken("this auditor's token is unknown or has expired")
        book.record_control(
            {
                "ev": "audit.read",
                "auditor": _named(access.auditor),
                "org": access.organisation,
                "from": seconds(access.from_at),
                "until": seconds(access.until_at),
                "reason": _named(access.reason),
            }
        )
        return access

    access = (await house.scribe.do(story)).outcome
    return _lines(house, access, log)


async def _lines(house: House, access: AuditorAccess, log: str) -> AsyncIterator[bytes]:
    last = -1
    while True:
        rows = await house.store.read(
            "opening.of_organisation", log, access.organisation, access.from_at, access.until_at, last, _PAGE
        )
        for values in rows:
            row = OPENING.from_row(values)
            last = row.index
            opening = Opening(row.index, row.consent_key, row.audit_key, row.record)
            yield msgspec.json.encode(opening_json(opening, with_detail=False)) + b"\n"
        if len(rows) < _PAGE:
            return


def _named(text: str) -> str:
    """A hash that whoever knows the text can recognise; the log itself names no auditor."""
    return hashlib.sha256(text.encode()).hexdigest()
