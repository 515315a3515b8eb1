"""Somebody is told of what happened: written down in the commit of what it tells. `tell` brings it to her."""

import hashlib

from consent.grants.grant import Grant
from consent.storage.book import Book
from consent.storage.kinds import NOTICE
from consent.storage.notices import Notice, NoticeKind
from consent.words.canonical import length_prefixed
from consent.words.ids import id_from


def notify(
    book: Book,
    citizen: str,
    kind: NoticeKind,
    *,
    who: str = "",
    grant: Grant | None = None,
    about: str = "",
    organisation: str = "",
    once: str = "",
) -> None:
    """Write down that she is told, in the story that does it. NOTICE needs no asking.

    *grant* is what it is about, else *about* and *organisation*. The same with the same *once* is told one time.
    """
    if grant is not None:
        about, organisation = grant.id, grant.organisation
    same = (b"notice/v1", citizen.encode(), kind.encode(), about.encode(), once.encode())
    name = hashlib.sha256(length_prefixed(*same)).digest()[:16] if once else book.chance(16)
    book.add(
        NOTICE,
        Notice(
            id=id_from(name),
            citizen=citizen,
            kind=kind,
            who=who,
            about=about,
            organisation=organisation,
            at=book.at,
            mail_at=book.at,
        ),
    )
