"""Rows about the case numbers of organisations: what was asked under one, and who looked how it stands."""

import msgspec


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation asked under a case number of its own; `hash` is keyed, the number stands nowhere."""

    request: str
    hash: bytes
    asked_at: int


class CaseLook(msgspec.Struct, frozen=True, kw_only=True):
    """A clerk looked how a request stands: on a day, the last time at an instant, so often."""

    request: str
    member: str
    day: int
    citizen: str
    organisation: str
    at: int
    count: int
