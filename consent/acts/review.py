"""An organisation looks back: which grants its client holds, how often it used them, which purposes it has."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Literal

import msgspec

from consent.grants.grant import Grant
from consent.oauth.dpop import Proof
from consent.oauth.token import check_access
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, GRANT, PROPOSAL, PURPOSE, TOKEN, USED
from consent.words.errors import BadInput, InsufficientScope
from consent.words.instants import DAY

from .house import House
from .once import spend_proof

MOST_GRANTS = 200
LONGEST_PERIOD = 92  # days
FEW = 10  # a smaller count could be one person whom somebody knows

_PLACE = re.compile(r"([0-9]{1,16}) ([0-9a-f]{32})")


class Page(msgspec.Struct, frozen=True):
    """Some grants, oldest first; *cursor* gets the next ones and is None at the end."""

    grants: tuple[Grant, ...]
    at: int  # microseconds; as of when they are live or not
    cursor: str | None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What one client did under one version of a purpose on one UTC day; None: fewer than ten, perhaps nothing."""

    day: int
    purpose: str
    purpose_version: int
    disclosures: int | None
    uses: int | None
    refusals: int | None


class OwnPurpose(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a purpose as its organisation sees it."""

    id: str
    version: int
    status: Literal["pending", "approved", "suspended", "refused"]
    note: str


async def own_grants(
    house: House, *, token_hash: bytes, proof: Proof, cursor: str | None, limit: int
) -> Page:
    """The grants of a client, live and ended ones; none is missed or shown twice however many are given meanwhile.

    Raises BadInput for a cursor that is not ours or a limit beyond 200, InvalidToken, InsufficientScope.
    """
    after, name = _place(cursor)
    if not 1 <= limit <= MOST_GRANTS:
        raise BadInput(f"limit: 1 to {MOST_GRANTS}")

    def story(book: Book) -> Story[Page]:
        yield [TOKEN.one(token_hash), USED.one(proof.jti_hash)]
        client = _client_of(book, token_hash, proof)
        asked = GRANT.by("of_client", client, after, name, limit + 1)
        yield [asked]
        yield TURN
        _client_of(book, token_hash, proof)
        spend_proof(book, proof)
        found = book.found(asked)
        more = len(found) > limit
        return Page(tuple(found[:limit]), book.at, _cursor(found[limit - 1]) if more else None)

    return (await house.scribe.do(story)).outcome


async def usage(
    house: House, *, token_hash: bytes, proof: Proof, from_day: int, until_day: int
) -> list[Counts]:
    """How often a client disclosed, used and was refused, by day (UTC, half-open) and purpose: counts and no more.

    Raises BadInput for a period that is empty or longer than 92 days, InvalidToken, InsufficientScope.
    """
    if not 0 <= from_day < until_day <= from_day + LONGEST_PERIOD:
        raise BadInput(f"from, until: a period of 1 to {LONGEST_PERIOD} days")
    client = await _own(house, token_hash, proof)
    rows: dict[tuple[int, str, int], list[int]] = {}
    for place, statement, begin, end in (
        (0, "usage.disclosures", from_day * DAY, until_day * DAY),
        (1, "usage.uses", from_day, until_day),
        (2, "usage.refusals", from_day, until_day),
    ):
        for day, purpose, version, count in await house.store.read(statement, client, begin, end):
            rows.setdefault((day, purpose, version), [0, 0, 0])[place] = count
    return [
        Counts(
            day=day,
            purpose=purpose,
            purpose_version=version,
            disclosures=_rounded(counts[0]),
            uses=_rounded(counts[1]),
            refusals=_rounded(counts[2]),
        )
        for (day, purpose, version), counts in sorted(rows.items())
    ]


async def own_purposes(house: House, *, token_hash: bytes, proof: Proof) -> list[OwnPurpose]:
    """The purposes of a client's organisation: approved ones, and what became of those it proposed."""
    client = await _own(house, token_hash, proof)
    (row,) = await house.store.read(CLIENT.get, client)
    organisation = CLIENT.from_row(row).organisation
    found = {
        (one.id, one.version): OwnPurpose(id=one.id, version=one.version, status=one.state, note=one.note)
        for one in map(PROPOSAL.from_row, await house.store.read("proposal.all"))
        if one.organisation == organisation
    }
    for purpose in map(PURPOSE.from_row, await house.store.read("purpose.all")):
        if purpose.organisation == organisation:
            found[purpose.id, purpose.version] = OwnPurpose(
                id=purpose.id, version=purpose.version, status=purpose.status, note=""
            )
    return [found[name] for name in sorted(found)]


async def _own(house: House, token_hash: bytes, proof: Proof) -> str:
    """Whose token this is. The proof is spent in the same transaction."""

    def story(book: Book) -> Story[str]:
        yield [TOKEN.one(token_hash), USED.one(proof.jti_hash)]
        yield TURN
        client = _client_of(book, token_hash, proof)
        spend_proof(book, proof)
        return client

    return (await house.scribe.do(story)).outcome


def _client_of(book: Book, token_hash: bytes, proof: Proof) -> str:
    token = check_access(book.get(TOKEN, token_hash), jkt=proof.jkt, at=book.at)
    if token.kind != "client":
        raise InsufficientScope("ask with a token of the client itself (client_credentials)")
    return token.client


def _rounded(count: int) -> int | None:
    return count if count >= FEW else None


def _cursor(grant: Grant) -> str:
    return urlsafe_b64encode(f"{grant.granted_at} {grant.id}".encode()).rstrip(b"=").decode()


def _place(cursor: str | None) -> tuple[int, str]:
    """After which grant to go on. Raises BadInput for what we never gave out."""
    if cursor is None:
        return -1, ""
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        text = ""
    match = _PLACE.fullmatch(text) if len(cursor) <= 128 else None
    if match is None:
        raise BadInput("cursor: one that came with the page before")
    return int(match[1]), match[2]
