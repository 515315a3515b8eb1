"""How far may somebody reach in another's name? Pure: the mandate and the instant come in, yes or the reason comes out.

Every door that serves a helper or a parent asks here, and every deed that changes something asks again in the
transaction that writes it. A parent's right comes from the law; the table says where from.
"""

from collections.abc import Iterable, Set
from datetime import date, datetime
from typing import Literal, NamedTuple

from consent.storage.mandates import Mandate
from consent.words.attributes import CATALOGUE
from consent.words.dates import local
from consent.words.instants import SECOND

Deed = Literal["look", "stop", "choose", "fill_in"]
No = Literal[
    "not_his",  # somebody else's, or nobody's yet
    "ended",
    "expired",
    "decides_alone",  # a child old enough says yes herself
    "too_little",  # beyond what was given
    "elsewhere",  # an organisation that was not meant
    "hidden",  # delicate, or about somebody else
    "own_organisation",  # he works for who asks
]
_FAR: dict[str, int] = {"look": 0, "stop": 1, "choose": 2, "fill_in": 2}

EVERY = "*"  # who acts for the operator, acts for every organisation

# What a helper does not see unless she shows it to him.
DELICATE = frozenset(one.name for one in CATALOGUE.values() if one.special or one.about != "self")


class Ages(NamedTuple):
    """At which birthdays a child may do more, and a parent less."""

    sees: int  # signs in, sees and stops
    alone: int  # says yes alone; a parent only looks, until the child stops that
    adult: int  # no parent any more


# A jurisdiction (ISO 3166-1) and its ages. NL: consent to a service alone from 16 (GDPR art. 8 (1), UAVG art. 5 (1));
# of age at 18 (BW 1:233), and with that the end of parental authority (BW 1:245). A child of 12 is heard: BW 7:447 and
# Rv 809 are the models, for no article speaks of services like this one.
AGES = {"NL": Ages(sees=12, alone=16, adult=18)}


def birthday(born: date, age: int) -> int:
    """The instant (microseconds) at which somebody becomes so old: the first of the day, where the people live.

    Who was born on 29 February becomes older on 1 March of a year that has none: a year is over when its last day is.
    """
    year = born.year + age
    leap_day_missing = (born.month, born.day) == (2, 29) and not _is_leap(year)
    day = date(year, 3, 1) if leap_day_missing else born.replace(year=year)
    return int(datetime(day.year, day.month, day.day, tzinfo=local(0).tzinfo).timestamp()) * SECOND


def reach(
    mandate: Mandate,
    deed: Deed,
    *,
    who: str,
    at: int,
    organisation: str | None = None,
    names: Set[str] = frozenset(),
    works_for: Set[str] = frozenset(),
) -> No | None:
    """Why *who* may not do it now, or None: he may.

    *organisation* and attribute *names* are what it is about, *works_for* the organisations that he acts for (EVERY:
    the operator). A stop is about something hidden only when all of it is hidden; for everything else one hidden item
    is enough.
    """
    if mandate.helper is None or mandate.helper != who or who == mandate.citizen:
        return "not_his"
    if mandate.ended_at is not None:
        return "ended"
    if at >= mandate.expires_at:
        return "expired"
    if deed != "look" and mandate.alone_at is not None and at >= mandate.alone_at:
        return "decides_alone"
    if _FAR[deed] > _FAR[mandate.may] or (deed == "fill_in" and mandate.kind != "guardian"):
        return "too_little"
    if organisation is not None and mandate.organisations and organisation not in mandate.organisations:
        return "elsewhere"
    unseen = hidden(mandate, names, at=at)
    if unseen and (deed != "stop" or unseen == names):
        return "hidden"
    if deed == "choose" and organisation is not None and not works_for.isdisjoint({organisation, EVERY}):
        return "own_organisation"
    return None


def hidden(mandate: Mandate, names: Iterable[str], *, at: int) -> frozenset[str]:
    """Which of these attributes he does not see. A parent sees all until the child decides alone."""
    if mandate.show_special and (mandate.alone_at is None or at < mandate.alone_at):
        return frozenset()
    return DELICATE.intersection(names)


def is_running(mandate: Mandate, *, at: int) -> bool:
    """Whether it is given and not over: it waits for its code, or works."""
    if mandate.ended_at is not None or at >= mandate.expires_at:
        return False
    return mandate.accepted_at is not None or at < mandate.code_until


def decides_herself(mandates: Iterable[Mandate], *, at: int) -> bool:
    """Whether somebody with these mandates says yes alone: not a child who has a parent here for that."""
    return not any(
        one.kind == "guardian" and one.alone_at is not None and at < one.alone_at and is_running(one, at=at)
        for one in mandates
    )


def _is_leap(year: int) -> bool:
    return date(year, 12, 31).timetuple().tm_yday == 366
