"""Somebody is told of what happened: on a page of her own, and by a mail that says nothing about her.

    the act   the notice stands in the same commit as what it tells
    claim     one sweep takes what is due, counts the try and plans the next
    send      outside every transaction; the mail names no person, no organisation and no kind of news
    settle    sent

A crash between the last two sends that mail once more, and never too little.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import cast, get_args

import msgspec
from msgspec.structs import replace

from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import GRANT, KEYS, NOTICE, PREFERENCES
from consent.storage.notices import Notice, NoticeKind, When
from consent.storage.rows import Preferences
from consent.storage.store import Statement
from consent.words.dates import local
from consent.words.errors import BadInput
from consent.words.instants import DAY, HOUR, MINUTE

from .hold import organisation_name
from .house import House
from .notify import notify
from .scribe import Deed
from .ways import open_text, ways_of

SECURITY: frozenset[str] = frozenset(
    {"way_added", "way_removed"}
)  # nobody can switch these off, or wait with them
CHOICES: tuple[NoticeKind, ...] = tuple(one for one in get_args(NoticeKind) if one not in SECURITY)
USUAL: Mapping[str, When] = {"too_often": "at_once", "help_begun": "at_once"}  # the others once a day
NEWEST = 50  # on the page
WARNED_BEFORE = 7 * DAY
SHORT = 14 * DAY  # who agreed to so little knows when it ends
MOST_A_DAY = 5  # mails to one person; what comes then waits for the daily one
MOST_ABOUT_SECURITY = 20
TOO_OLD = 7 * DAY  # no mail about what she has long seen
DAILY_AT = 16  # o'clock, Dutch time
WAITS = (
    MINUTE,
    5 * MINUTE,
    30 * MINUTE,
    4 * HOUR,
    12 * HOUR,
)  # after each try; then it stands on the page only
_AT_ONCE = 200


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One notice on her page."""

    kind: NoticeKind
    who: str
    about: str
    organisation: str  # its name
    at: int
    is_new: bool


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to make: to whom, about which notices, and whether it is about signing in."""

    citizen: str
    notices: tuple[str, ...]
    security: bool


def warn(at: int) -> Deed[int]:
    """A deed that tells of what ends within a week; returns how many. What she gave for two weeks or less says so."""

    def story(book: Book) -> Story[int]:
        soon = GRANT.by("nearly_over", at, at + WARNED_BEFORE, SHORT, WARNED_BEFORE + HOUR, _AT_ONCE)
        yield [soon]
        yield TURN
        found = [one for one in book.found(soon) if one.is_live(at=book.at)]
        for grant in found:
            notify(book, grant.citizen, "nearly_over", grant=grant, once=str(grant.expires_at))
        return len(found)

    return story


async def newest(house: House, *, citizen: str) -> list[Line]:
    """What she was told, the newest first."""
    rows = [NOTICE.from_row(row) for row in await house.store.read("notice.newest", citizen, NEWEST)]
    return [
        Line(
            kind=one.kind,
            who=one.who,
            about=one.about,
            organisation=await organisation_name(house, one.organisation) if one.organisation else "",
            at=one.at,
            is_new=one.read_at is None,
        )
        for one in rows
    ]


async def count_new(house: House, *, citizen: str) -> int:
    """How many notices she has not read yet."""
    ((number,),) = await house.store.read("notice.count_new", citizen)
    return int(number)


async def mark_read(house: House, *, citizen: str, until: int) -> None:
    """She has read what was on her page, the newest of *until* (microseconds); what came since is still new."""

    def story(book: Book) -> Story[None]:
        yield TURN
        book.also(Statement("notice.read", [(citizen, book.at, min(until, book.at))]))

    await house.scribe.do(story)


def choices_of(preferences: Preferences) -> dict[str, When]:
    """When she is mailed, by kind."""
    hers = dict(preferences.mail)
    return {kind: cast("When", hers.get(kind, USUAL.get(kind, "daily"))) for kind in CHOICES}


async def choose(house: House, *, citizen: str, mail: Mapping[str, str]) -> None:
    """Keep when she wants mail. Raises BadInput; about signing in there is nothing to choose."""
    if not mail.keys() <= set(CHOICES) or not set(mail.values()) <= set(get_args(When)):
        raise BadInput("mail: at_once, daily or never, for each kind of news")

    def story(book: Book) -> Story[None]:
        yield [PREFERENCES.one(citizen)]
        yield TURN
        before = book.get(PREFERENCES, citizen) or Preferences(citizen=citizen)
        book.put(PREFERENCES, replace(before, mail=tuple(sorted({**dict(before.mail), **mail}.items()))))

    await house.scribe.do(story)


def claim(at: int) -> Deed[list[Mail]]:
    """A deed that takes what is due for a mail, counts the try and plans the next; one mail a person."""

    def story(book: Book) -> Story[list[Mail]]:
        due = NOTICE.by("due", at, _AT_ONCE)
        yield [due]
        people = sorted({one.citizen for one in book.found(due)})
        mailed = {one: NOTICE.by("mailed", one, at - 8 * DAY, at - DAY) for one in people}
        yield [*mailed.values(), *[PREFERENCES.one(one) for one in people]]
        yield TURN
        mails = []
        for person in people:
            chosen = book.get(PREFERENCES, person) or Preferences(citizen=person)
            sent = len({one.sent_at for one in book.found(mailed[person])})
            now = [
                one
                for one in book.found(due)
                if one.citizen == person and _goes_now(book, one, chosen=chosen, sent=sent)
            ]
            for one in now:
                book.put(NOTICE, replace(one, tries=one.tries + 1, mail_at=book.at + WAITS[one.tries]))
            if now:
                about_security = any(one.kind in SECURITY for one in now)
                mails.append(
                    Mail(citizen=person, notices=tuple([one.id for one in now]), security=about_security)
                )
        return mails

    return story


def _goes_now(book: Book, notice: Notice, *, chosen: Preferences, sent: int) -> bool:
    """Whether it goes now. If not, it is put off to the day's mail, or no mail comes of it."""
    is_security = notice.kind in SECURITY
    when: When = "at_once" if is_security else choices_of(chosen)[notice.kind]
    too_late = notice.tries >= len(WAITS) or notice.at < book.at - TOO_OLD
    if chosen.private or when == "never" or too_late:
        book.put(NOTICE, replace(notice, mail_at=None))
        return False
    is_first = notice.mail_at == notice.at
    is_full = sent >= (MOST_ABOUT_SECURITY if is_security else MOST_A_DAY)
    if is_full or (when == "daily" and is_first):
        book.put(NOTICE, replace(notice, mail_at=next_daily(book.at)))
        return False
    return True


def next_daily(at: int) -> int:
    """The next time that the day's mails go (microseconds)."""
    here = local(at)
    then = here.replace(hour=DAILY_AT, minute=0, second=0, microsecond=0)
    if then <= here:
        then += timedelta(days=1)
    return int(then.timestamp()) * 1_000_000


def settle(mail: Mail, *, sent: bool) -> Deed[None]:
    """A deed that writes down that a mail went, or (not *sent*) that there is no mailbox and none will."""

    def story(book: Book) -> Story[None]:
        yield [NOTICE.one(one) for one in mail.notices]
        yield TURN
        for one in mail.notices:
            notice = book.get(NOTICE, one)
            if notice is not None:  # else she was erased meanwhile
                book.put(NOTICE, replace(notice, mail_at=None, sent_at=book.at if sent else None))

    return story


async def mailbox_of(house: House, citizen: str) -> str | None:
    """Her newest address, opened for this one mail; None if she gave none."""
    rows = await house.store.read(KEYS.get, citizen)
    boxes = [one for one in (await ways_of(house, citizen)).others if one.kind == "mail" and one.sealed]
    if not rows or not boxes:
        return None
    return open_text(house.unwrapped.of(KEYS.from_row(rows[0])), citizen, "way/mail", boxes[-1].sealed or b"")
