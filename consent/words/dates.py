"""Dates as people read them. Two languages, twelve months; the time zone is that of the people who read."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from .instants import SECOND
from .purposes import Language

_ZONE = ZoneInfo("Europe/Amsterdam")
_MONTHS: dict[Language, tuple[str, ...]] = {
    "nl": (
        "januari", "februari", "maart", "april", "mei", "juni",
        "juli", "augustus", "september", "oktober", "november", "december",
    ),
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
}  # fmt: skip


def local(at: int) -> datetime:
    """The instant *at* (microseconds) on the clock of the people who read the pages."""
    return datetime.fromtimestamp(at // SECOND, UTC).astimezone(_ZONE)


def written_date(at: int, language: Language) -> str:
    """For example `22 november 2026` and `22 November 2026`."""
    moment = local(at)
    return f"{moment.day} {month_name(moment.month, language)} {moment.year}"


def written_moment(at: int, language: Language) -> str:
    """For example `22 november 2026, 14:05`."""
    moment = local(at)
    return f"{written_date(at, language)}, {moment.hour:02}:{moment.minute:02}"


def month_name(month: int, language: Language) -> str:
    """The name of month 1 to 12."""
    return _MONTHS[language][month - 1]
