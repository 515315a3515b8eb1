"""Rows of the counting for the public statistics."""

import msgspec


class Tallied(msgspec.Struct, frozen=True, kw_only=True):
    """How far something has been counted for the statistics."""

    what: str
    next: int
