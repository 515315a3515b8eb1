"""Rows about who works at the pages, for an organisation or for the operator."""

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
