"""What the example site knows: its plan, its visitors, and the lines of what happened."""

from typing import NamedTuple

import msgspec

from .answers import Arrangement, Ask, Disclosure, Use


class Line(NamedTuple):
    """One thing that happened: `yes` or `no`, and the sentence."""

    kind: str
    text: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the site asks for, under which name it shows itself, and which sentence it uses."""

    name: str
    issuer: str
    purpose: str
    purpose_version: int
    attributes: dict[str, str]  # name -> the words for it on the page
    duration_days: int
    template: str | None


class Visit(msgspec.Struct, kw_only=True):
    """One browser: its open question, what it allowed, what was received, and what happened, newest first."""

    token: str
    ask: Ask | None = None
    arrangement: Arrangement | None = None
    disclosure: Disclosure | None = None
    use: Use | None = None
    lines: list[Line] = []
