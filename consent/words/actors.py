"""Who acts in a citizen's name: she herself, or somebody who helps her."""

from typing import Literal

import msgspec

# All that an organisation ever learns of it.
GivenBy = Literal["self", "helper", "guardian", "clerk"]


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who sits at the screen. `kind` travels with a grant; `id` says who it was, for the citizen alone.

    Raises ValueError when a helper has no id, or she herself has one: the record must say who it was, and nobody is
    her own helper.
    """

    kind: GivenBy = "self"
    id: str | None = None

    def __post_init__(self) -> None:
        if (self.kind == "self") != (self.id is None):
            raise ValueError("a helper has an id, and the citizen herself needs none")


HERSELF = Actor()
