"""A citizen agrees to a change of a grant that runs: it stays the same grant, in its next version.

One entry says what holds from now on; tokens need no change, because each is asked about its grant every time. What it
takes away and was given out before has to be gone at the organisation, as after an ending.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from consent.grants import grant as grants
from consent.ledger.record import Reason
from consent.oauth.step_up import SignIn
from consent.storage.book import Book, Detail
from consent.storage.kinds import DROPPED, GRANT, GRANT_VERSION, Ask
from consent.storage.rows import AccessRequest, Dropped
from consent.vault.keys import CitizenKeys
from consent.words.actors import Actor
from consent.words.purposes import Language

from .ask import Gone
from .signal import asks_for_name, given_out, signal


def asks_to_amend(grant: grants.Grant | None, chosen: Iterable[str]) -> list[Ask]:
    """The rows to read before `amend` leaves *grant* with no more than what is *chosen*."""
    if grant is None:
        return []
    gone = sorted({*grant.attributes}.difference(chosen))
    return [DROPPED.by("of_grant", grant.id), *[asks_for_name(grant.id, name) for name in gone]]


def amend(
    book: Book,
    asked: AccessRequest,
    *,
    keys: CitizenKeys,
    attributes: tuple[str, ...],
    until: int,
    language: Language,
    terms: str,
    detail: Detail,
    by: Actor,
    sign_in: SignIn | None,
) -> str:
    """Change the grant that *asked* names to what she agreed to, and return its id. Raises Gone when it has ended."""
    before = book.get(GRANT, asked.amends or "")
    after = before and grants.amend(
        before,
        purpose_version=asked.purpose_version,
        attributes=attributes,
        expires_at=until,
        language=language,
        terms=terms,
        by=by,
        acr=sign_in.acr if sign_in is not None else None,
        signed_in_at=sign_in.at if sign_in is not None else None,
        at=book.at,
    )
    if before is None or after is None:
        raise Gone("changed")
    write_amendment(book, before, after, keys=keys, by=by, detail=detail)
    return after.id


def write_amendment(
    book: Book,
    before: grants.Grant,
    after: grants.Grant,
    *,
    keys: CitizenKeys,
    by: Actor,
    detail: Detail,
    reason: Reason | None = None,
) -> None:
    """Write that *before* is *after* from now on: the grant, its version, its entry and the word to its client.

    What `asks_to_amend` asks for must have been read.
    """
    index, _ = book.record_event(
        "amended",
        citizen=after.citizen,
        keys=keys,
        grant=after,
        attributes=after.attributes,
        by=by.kind,
        terms=after.terms,
        reason=reason,
        detail=detail,
    )
    book.put(GRANT_VERSION, grants.version_of(after, by=by, at=book.at, index=index))
    signal(book, after, "amended", attributes=_owe(book, before, after))


def _owe(book: Book, before: grants.Grant, after: grants.Grant) -> tuple[str, ...]:
    """Write down what has to be gone now, and let go of what came back. Returns the names that have to be gone."""
    for row in book.known(DROPPED):
        if row.grant == after.id:
            still = tuple(name for name in row.attributes if name not in after.attributes)
            if still != row.attributes:
                book.put(DROPPED, replace(row, attributes=still))
    gone = {
        name: at
        for name in before.attributes
        if name not in after.attributes and (at := given_out(book, before.id, name)) is not None
    }
    if gone:
        book.put(
            DROPPED,
            Dropped(
                grant=after.id,
                version=after.version,
                attributes=tuple(sorted(gone)),
                dropped_at=book.at,
                given_at=max(gone.values()),
            ),
        )
    return tuple(sorted(gone))
