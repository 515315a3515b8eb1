"""What the model remembers: no keys, no bytes, only who may have what until when."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Line:
    """One expected entry of the log, as its audit record has to read."""

    ev: str
    citizen: str
    grant: "Grant | None" = None
    n: int | None = None
    prev: int | None = None
    attributes: tuple[str, ...] = ()
    reason: str | None = None
    at: int = 0
    exp: int = 0  # the end of the grant as it was then
    kept: bool = False  # a no to a change, not to a first question


@dataclass(eq=False)
class Request:
    id: str
    client: str
    purpose: str
    attributes: tuple[str, ...]
    asked_at: int
    until: int
    expires_at: int
    citizen: str | None = None
    answered: bool = False
    amends: "Grant | None" = None
    pinned: int = 0  # the version of the grant that it is about


@dataclass(eq=False)
class Grant:
    citizen: str
    client: str
    purpose: str
    attributes: tuple[str, ...]
    granted_at: int
    expires_at: int
    index: int
    last: int
    id: str | None = None  # None when the answer was lost in a crash
    n: int = 0
    state: str = "live"
    day: int = 0
    today: int = 0
    version: int = 1
    # What held before: from when on, until when, which attributes.
    before: list[tuple[int, int, tuple[str, ...]]] = field(default_factory=list)
    since: int = 0  # when the version that holds now began


@dataclass(eq=False)
class Code:
    grant: Grant
    expires_at: int
    handle: str | None = None
    used: bool = False


@dataclass(eq=False)
class Token:
    kind: str
    grant: Grant
    code: Code
    expires_at: int
    handle: str | None = None
    revoked: bool = False


@dataclass(eq=False)
class Delivery:
    """Values that may leave now: attribute, version and value, under one entry."""

    grant: Grant
    index: int
    items: tuple[tuple[str, int, object], ...]
    id: str | None = None


@dataclass(eq=False)
class Use:
    grant: Grant
    attributes: tuple[str, ...]
    index: int
    id: str | None = None
