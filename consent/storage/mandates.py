"""Rows about who acts in whose name."""

from typing import Literal

import msgspec


class Mandate(msgspec.Struct, frozen=True, kw_only=True):
    """Who may act in a citizen's name, how far, and until when: her helper by her own wish, her parent by law."""

    id: str
    citizen: str
    kind: Literal["helper", "guardian"]
    may: Literal["look", "stop", "choose"]  # each one also what stands before it
    organisations: tuple[str, ...]  # empty: all
    show_special: bool  # what is delicate, or about somebody else, too
    sealed: bytes  # what they call each other: acts/mandate.Names
    code: bytes | None  # hash of the code, until it is used
    code_until: int
    given_at: int
    expires_at: int
    alone_at: int | None = None  # of a parent: from then on the child decides alone
    helper: str | None = None  # his own account, once he accepted
    accepted_at: int | None = None
    ended_at: int | None = None
