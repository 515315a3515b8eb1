"""Rows about what a citizen wants of an organisation: what she asks, what feels wrong to her, and how many feel so.

Instants are microseconds, a week is the UTC day number of its Monday.
"""

from typing import Literal

import msgspec


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What a citizen asks of an organisation: to erase what it has, to correct a value, to explain a use.

    Her words and the reply are sealed under her data key: they go with her.
    """

    id: str
    citizen: str
    client: str
    organisation: str
    kind: Literal["erase", "correct", "explain"]
    grant: str | None  # None: a value is corrected at its source, whoever may see it
    about: str  # the name of an attribute, the id of a use; empty: all that was received
    sealed: bytes | None
    asked_at: int
    answered_at: int | None = None
    outcome: str | None = None
    reply: bytes | None = None


class Misgiving(msgspec.Struct, frozen=True, kw_only=True):
    """A use that feels wrong to her. Only how many people say so in a week ever leaves."""

    use: str
    citizen: str
    organisation: str
    purpose: str
    template: str
    week: int
    at: int


class CountedWeek(msgspec.Struct, frozen=True, kw_only=True):
    """A week that is over and was counted, once."""

    week: int
    at: int


class MisgivingCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many people, in whole tens, said in one week that one kind of use feels wrong; ten at least."""

    week: int
    organisation: str
    purpose: str
    template: str
    people: int
