"""What somebody is told of: a row of the outbox, and of her page."""

from typing import Literal

import msgspec

NoticeKind = Literal[
    "way_added",
    "way_removed",
    "first_use",
    "too_often",
    "change_asked",
    "nearly_over",
    "stopped",
    "help_begun",
    "help_ended",
    "answered",
]
When = Literal["at_once", "daily", "never"]


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. Instants are microseconds."""

    id: str
    citizen: str
    kind: NoticeKind
    who: str = ""  # by whom something ended, or which way in
    about: str = ""  # a grant, a mandate, a demand
    organisation: str = ""
    at: int
    mail_at: int | None  # when it is looked at for a mail; None: no more
    tries: int = 0
    sent_at: int | None = None
    read_at: int | None = None
