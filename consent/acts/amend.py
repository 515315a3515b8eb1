"""A citizen agrees to a change of a grant that runs: it stays the same grant, in its next version.

One entry says what holds from now on; tokens need no change, because each is asked about its grant every time.
"""

from consent.grants import grant as grants
from consent.oauth.step_up import SignIn
from consent.storage.book import Book, Detail
from consent.storage.kinds import GRANT, GRANT_VERSION
from consent.storage.rows import AccessRequest
from consent.vault.keys import CitizenKeys
from consent.words.actors import Actor
from consent.words.purposes import Language

from .ask import Gone
from .signal import signal


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
    if after is None:
        raise Gone("changed")
    index, _ = book.record_event(
        "amended",
        citizen=after.citizen,
        keys=keys,
        grant=after,
        attributes=after.attributes,
        by=by.kind,
        terms=terms,
        detail=detail,
    )
    book.put(GRANT_VERSION, grants.version_of(after, by=by, at=book.at, index=index))
    signal(book, after, "amended")
    return after.id
