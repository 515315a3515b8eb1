"""How a door says what it takes and gives: the one source of `openapi.yaml`."""

from typing import Any, Literal

import msgspec

Security = Literal[
    "none",
    "dpop_grant",
    "dpop_client",
    "dpop_any",
    "dpop_batch",
    "client",
    "session",
    "auditor",
    "initial",
    "registration",
    "operator",
]


ID_PATTERN = "^[0-9a-f]{32}$"  # as `words.ids` makes them


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One possible answer: a media type, and a Struct when it is JSON."""

    description: str
    media: str | None = "application/json"
    body: Any = None
    headers: tuple[str, ...] = ()


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter of a path, query, header or form."""

    name: str
    where: Literal["path", "query", "header", "form"]
    description: str
    required: bool = False
    schema: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "string"})


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """One operation, as `openapi.yaml` describes it."""

    id: str
    tag: Literal["oauth", "organisation", "auditor", "operator", "citizen"]
    summary: str
    description: str = ""
    security: Security = "none"
    fields: tuple[Field, ...] = ()
    body: Any = None
    body_media: str = "application/json"
    answers: dict[int, Answer]


def declared(door: Door) -> dict[str, Any]:
    """The `opt` of a route that declares *door*."""
    return {"door": door}
