"""Rows about who works at the pages, for an organisation or for the operator, and what they have in hand."""

from typing import Literal

import msgspec

Role = Literal["owner", "editor", "clerk", "operator"]


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """An account that acts for an organisation, or for the operator: then there is no organisation."""

    id: str
    citizen: str
    organisation: str | None
    role: Role
    name: str  # for the others of the team
    joined_at: int
    ended_at: int | None = None


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A code, as a hash, that makes whoever types it a member; it ends when that was done."""

    hash: bytes
    organisation: str | None
    role: Role
    name: str
    given_by: str
    created_at: int
    expires_at: int
    ended_at: int | None = None


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A purpose while it is written: canonical JSON of `acts.draft.Sketch`. It decides nothing."""

    organisation: str
    purpose: str
    sketch: bytes
    revision: int  # counts what was saved, so that two who write at once do not lose each other's words
    changed_at: int
