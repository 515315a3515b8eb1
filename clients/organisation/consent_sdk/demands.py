"""What citizens ask of you, and your answers; and to how many people your uses felt wrong."""

from typing import Any, Literal
from urllib.parse import quote

import msgspec

from .tokens import Tokens
from .wire import read_answer

Outcome = Literal["answered", "corrected", "refused"]


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a citizen asks and you have not answered. `text` holds her own words, for whoever answers her.

    `erase`: what went out under `grant_id` (answer with `state_deletion`). `explain`: one use, `use_id`. `correct`:
    `attribute`, for whose source you answer. `sub` is her id at your organisation, `asked_at` whole seconds.
    """

    demand_id: str
    kind: Literal["erase", "explain", "correct"]
    sub: str
    asked_at: int
    grant_id: str | None = None
    use_id: str | None = None
    attribute: str | None = None
    text: str | None = None

    def __repr__(self) -> str:
        return f"Demand(demand_id={self.demand_id!r}, kind={self.kind!r})"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer that is kept: the first one. `answered_at` in whole seconds."""

    demand_id: str
    outcome: Outcome
    answered_at: int


class Misgiving(msgspec.Struct, frozen=True, kw_only=True):
    """`people`: whole tens who said in the week from `week` on (seconds, a Monday, UTC) that this use feels wrong."""

    week: int
    purpose: str
    template: str
    people: int


class _Demands(msgspec.Struct):
    demands: list[Demand]


class _Misgivings(msgspec.Struct):
    misgivings: list[Misgiving]


class Demands:
    """Made by `Organisation.demands`. Each call raises Refused when the service says no, and ProtocolError."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def waiting(self) -> tuple[Demand, ...]:
        """What you have not answered, the oldest first, at most 200."""
        return tuple(read_answer(await self._tokens.as_client("GET", "/demands"), _Demands).demands)

    async def reply(self, demand_id: str, outcome: Outcome, *, text: str = "", value: Any = None) -> Reply:
        """Answer one; she reads *text*. *value*: the right one, with `corrected`. The first answer stays.

        Raises Refused (404: unknown, not yours or erased; `bad_input`: another outcome than its kind has, no text).
        """
        said = {"outcome": outcome, "text": text} | ({} if value is None else {"value": value})
        path = f"/demands/{quote(demand_id, safe='')}/reply"
        return read_answer(await self._tokens.as_client("POST", path, json=said), Reply)

    async def misgivings(self) -> tuple[Misgiving, ...]:
        """To how many people your uses felt wrong, the newest week first; fewer than ten are not told."""
        answer = await self._tokens.as_client("GET", "/organisation/misgivings")
        return tuple(read_answer(answer, _Misgivings).misgivings)
