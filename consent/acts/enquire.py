"""A clerk at a desk enquires how a case stands, by the organisation's own case number. She who is asked sees it.

He learns one word, of his own organisation's questions only: no name, no value, not even which attributes. So he can
say "your answer is not here yet" to whoever stands before him, without having to look into anything.
"""

import hmac
from typing import Literal, cast

import msgspec
from msgspec.structs import replace

from consent.storage.book import TURN, Book, Story
from consent.storage.cases import CaseLook
from consent.storage.kinds import CASE, CASE_LOOK, GRANT, MEMBER, REQUEST
from consent.storage.rows import AccessRequest
from consent.words.canonical import length_prefixed
from consent.words.errors import NotFound
from consent.words.instants import day

from .allowance import asks_to_count, count, mark
from .hold import organisation_name
from .house import House

Status = Literal["waits", "yes", "no", "stopped", "expired"]
_MOST_LOOKS = 100


class Standing(msgspec.Struct, frozen=True):
    """How a case stands; `until` (an instant) is there with a yes."""

    status: Status
    until: int | None = None


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody at an organisation looked how it stands: so often that day, the last time at an instant."""

    organisation: str
    at: int
    count: int


def case_hash(house: House, organisation: str, case: str) -> bytes:
    """Under what a case number is found. Keyed: case numbers are short, and nobody shall try them on a stolen copy."""
    plain = "".join(case.split()).upper()
    about = length_prefixed(b"case/v1", organisation.encode(), plain.encode())
    return hmac.digest(house.names_key.reveal(), about, "sha256")


async def enquire(house: House, *, citizen: str, organisation: str, case: str) -> Standing:
    """How the newest question under a case number stands. *citizen* is the clerk's own account.

    Every look is counted, right or wrong. Raises NotFound for who is no clerk there, as for a case that this
    organisation does not have, and TooManyRequests.
    """
    hashed = case_hash(house, organisation, case)
    marks = mark(house, "case", f"{citizen}@{organisation}")
    newest = CASE.by("newest", hashed)

    def story(book: Book) -> Story[Standing | NotFound]:
        yield [MEMBER.by("of_citizen", citizen), newest, *asks_to_count(marks)]
        requests = [one.request for one in book.found(newest)]
        yield [REQUEST.each([(one,) for one in requests])]
        asked = book.get(REQUEST, requests[0]) if requests else None
        yield [GRANT.one(asked.grant)] if asked is not None and asked.grant is not None else []
        clerk = _clerk(book, citizen, organisation)
        yield [CASE_LOOK.one(requests[0], clerk, day(book.at))] if requests and clerk else []
        yield TURN
        clerk = _clerk(book, citizen, organisation)
        if clerk is None:
            raise NotFound("there is nothing here for this account")
        count(book, marks)
        if not requests:
            return NotFound("there is no such case")
        asked = book.get(REQUEST, requests[0])
        if asked is not None and asked.citizen is not None:
            _tell(book, asked, clerk)
        return _standing(book, asked)

    return cast(
        "Standing", (await house.scribe.do(story)).outcome
    )  # an unknown case is raised after it was counted


async def looks(house: House, *, citizen: str) -> list[Look]:
    """Who looked how her questions stand, newest first."""
    rows = await house.store.read("case_look.of_citizen", citizen, _MOST_LOOKS)
    return [
        Look(organisation=await organisation_name(house, one.organisation), at=one.at, count=one.count)
        for one in map(CASE_LOOK.from_row, rows)
    ]


def _clerk(book: Book, citizen: str, organisation: str) -> str | None:
    """The id of her role as a clerk of an organisation, if it runs."""
    for one in book.known(MEMBER):
        if (one.citizen, one.organisation, one.role, one.ended_at) == (citizen, organisation, "clerk", None):
            return one.id
    return None


def _tell(book: Book, asked: AccessRequest, clerk: str) -> None:
    today = day(book.at)
    before = book.get(CASE_LOOK, (asked.id, clerk, today))
    row = before or CaseLook(
        request=asked.id,
        member=clerk,
        day=today,
        citizen=asked.citizen or "",
        organisation=asked.organisation,
        at=book.at,
        count=0,
    )
    book.put(CASE_LOOK, replace(row, at=book.at, count=row.count + 1))


def _standing(book: Book, asked: AccessRequest | None) -> Standing:
    if asked is None:  # nobody answered it, and it was swept out
        return Standing("expired")
    if asked.answer is None:
        return Standing("waits" if book.at < asked.expires_at else "expired")
    grant = book.get(GRANT, asked.grant) if asked.grant is not None else None
    if asked.answer == "no" or grant is None:
        return Standing("no")
    how = grant.how_ended(at=book.at)
    if how is None:
        return Standing("yes", grant.expires_at)
    return Standing("expired" if how == "expired" else "stopped")
