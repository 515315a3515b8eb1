"""The life of a grant is one table, and nothing comes back."""

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.grants.grant import TRANSITIONS, Ending, State, end

from .things import NOON, grant

STEPS = {
    ("live", "withdraw"): "withdrawn",
    ("live", "revoke"): "revoked",
    ("live", "expire"): "expired",
    ("live", "freeze"): "frozen",
    ("frozen", "erase"): "withdrawn",
}


@pytest.mark.parametrize(("state", "ending"), list(product(get_args(State), get_args(Ending))))
def test_each_step_is_the_tables_or_none(state: State, ending: Ending) -> None:
    before = grant(state=state)
    after = end(before, ending, at=NOON + 5)
    if (state, ending) not in STEPS:
        assert after is None
        return
    assert after is not None
    assert (after.state, after.ended_at) == (STEPS[state, ending], NOON + 5)
    assert before.state == state
    assert (after.id, after.attributes, after.expires_at) == (before.id, before.attributes, before.expires_at)


def test_the_docstrings_table_is_the_table() -> None:
    import consent.grants.grant as room

    lines = [line.split()[:3] for line in (room.__doc__ or "").splitlines() if line.startswith("    ")][1:]
    assert {(state, event): after for state, event, after in lines} == TRANSITIONS == STEPS


@given(st.lists(st.sampled_from(get_args(Ending)), max_size=6))
def test_whatever_happens_an_ended_grant_never_opens_again(endings: list[Ending]) -> None:
    current, was_live = grant(), True
    for ending in endings:
        current = end(current, ending, at=NOON) or current
        is_live = current.is_live(at=NOON)
        assert was_live or not is_live
        was_live = is_live


def test_time_ends_a_grant_without_anybodys_act() -> None:
    given_grant = grant()
    assert given_grant.how_ended(at=given_grant.expires_at - 1) is None
    assert given_grant.how_ended(at=given_grant.expires_at) == "expired"
    assert given_grant.state == "live"


@pytest.mark.parametrize("state", ["withdrawn", "revoked", "frozen"])
def test_how_it_ended_stays_how_it_ended_when_time_passes(state: State) -> None:
    given_grant = grant(state=state)
    assert given_grant.how_ended(at=given_grant.expires_at + 1) == state
