"""What a client can ask about itself: its permissions, how much it used them, and what became of its purposes.

Nothing here names a person, and nothing here is a permission: ask with `Organisation.fetch` each time.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import date
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec

from .tokens import Tokens
from .wire import read_answer

# "<10": fewer than ten, perhaps nothing. Small counts could point at a person.
Count = int | Literal["<10"]


class OwnGrant(msgspec.Struct, frozen=True, kw_only=True):
    """One permission of this client, as it stood; instants in whole seconds."""

    grant_id: str
    is_active: bool = msgspec.field(name="active")
    purpose: str
    purpose_version: int
    granted_at: int
    expires_at: int


class DayOfUse(msgspec.Struct, frozen=True, kw_only=True):
    """What this client did on one day (UTC) under one purpose."""

    day: str
    purpose: str
    purpose_version: int
    disclosures: Count
    uses: Count
    refusals: Count


class PurposeState(msgspec.Struct, frozen=True, kw_only=True):
    """How a version of a purpose stands; `note` is what the operator said about it."""

    id: str
    version: int
    status: Literal["pending", "approved", "suspended", "refused"]
    note: str = ""


class _Grants(msgspec.Struct):
    grants: list[OwnGrant]
    next: str | None = None


class _Usage(msgspec.Struct):
    usage: list[DayOfUse]


class _Purposes(msgspec.Struct):
    purposes: list[PurposeState]


class Account:
    """Made by `Organisation.account`. Each call raises Refused when the service says no, and ProtocolError."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def grants(self, *, page: int = 100) -> AsyncIterator[OwnGrant]:
        """All permissions of this client, the ended ones too, oldest first; *page* of them in one request."""
        cursor: dict[str, str] = {}
        while True:
            query = urlencode({"limit": page} | cursor)
            answer = await self._tokens.as_client("GET", f"/organisation/grants?{query}")
            found = read_answer(answer, _Grants)
            for grant in found.grants:
                yield grant
            if found.next is None:
                return
            cursor = {"cursor": found.next}

    async def usage(self, *, begin: date | None = None, until: date | None = None) -> tuple[DayOfUse, ...]:
        """Counts by day and purpose, from *begin* up to and without *until* (at most 92 days; the last 30)."""
        named = {"from": begin, "until": until}
        query = urlencode({name: day.isoformat() for name, day in named.items() if day is not None})
        answer = await self._tokens.as_client("GET", f"/organisation/usage?{query}".rstrip("?"))
        return tuple(read_answer(answer, _Usage).usage)

    async def purposes(self) -> tuple[PurposeState, ...]:
        """All versions of the organisation's purposes, and what became of its proposals."""
        return tuple(
            read_answer(await self._tokens.as_client("GET", "/organisation/purposes"), _Purposes).purposes
        )

    async def propose(self, purpose: Mapping[str, Any]) -> PurposeState:
        """Propose a version of a purpose, with the members of an organisation's file; an operator reads it first.

        The same words again change nothing; other words take the next version.
        """
        answer = await self._tokens.as_client("POST", "/organisation/purposes", json=dict(purpose))
        return read_answer(answer, PurposeState)
