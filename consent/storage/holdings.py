"""What a citizen holds now stands in one row, put together from her values where an older database has it not."""

from .kinds import HOLDINGS, VALUE
from .rows import Holdings
from .store import Batch, Statement

_AT_ONCE = 100


def gather_holdings() -> Batch[int]:
    """A batch that makes the missing rows of at most a hundred citizens; returns how many."""
    missing = yield Statement("holdings.missing", [(_AT_ONCE,)])
    for (citizen,) in missing:
        values = yield Statement("value.newest", [(citizen,)])
        held = Holdings(citizen=citizen, kept=tuple([VALUE.from_row(row) for row in values]))
        yield Statement(HOLDINGS.put, [HOLDINGS.to_row(held)])
    return len(missing)
