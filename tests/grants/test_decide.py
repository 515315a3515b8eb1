"""The heart: may they? A Permit only under a live, standing grant of this client, and never for more than it says."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.grants.decide import decide, decide_again, decide_use, for_herself
from consent.grants.grant import State
from consent.words.decision import Permit, Refusal
from consent.words.instants import DAY, day

from .things import ALL_GOOD, NAMES, NOON, grant, names, standings

ASKED = frozenset(NAMES[1:3])
RIGHT: dict[str, Any] = {
    "client": "loket", "held": ASKED, "frequency_per_day": 4, "standing": ALL_GOOD, "at": NOON,
}  # fmt: skip


def test_all_is_well() -> None:
    assert decide(ASKED, grant(), **RIGHT) == Permit("c" * 32, ASKED)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"client": "other"}, "other_client"),
        ({"at": NOON + 90 * DAY}, "not_active"),
        (
            {"standing": type(ALL_GOOD)(organisation=False, client=True, purpose=True)},
            "organisation_suspended",
        ),
        ({"standing": type(ALL_GOOD)(organisation=True, client=False, purpose=True)}, "client_suspended"),
        ({"standing": type(ALL_GOOD)(organisation=True, client=True, purpose=False)}, "purpose_suspended"),
        ({"frequency_per_day": 0}, "too_often"),
        ({"held": frozenset()}, "nothing_held"),
    ],
)
def test_each_rule_says_no_by_its_own_name(wrong: dict[str, Any], reason: str) -> None:
    assert decide(ASKED, grant(), **(RIGHT | wrong)) == Refusal(reason)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", [state for state in get_args(State) if state != "live"])
def test_no_state_but_live_opens_anything(state: State) -> None:
    ended = grant(state=state)
    assert decide(ASKED, ended, **RIGHT) == Refusal("not_active")
    assert decide_again(ASKED, ended, client="loket", standing=ALL_GOOD, at=NOON) == Refusal("not_active")
    assert decide_use(ASKED, ended, client="loket", standing=ALL_GOOD, at=NOON) == Refusal("not_active")


@pytest.mark.parametrize("extra", ["energy_supplier", "bsn", "made_up"])
def test_one_attribute_too_many_and_nothing_is_given(extra: str) -> None:
    """Also when she holds it: what was not granted is not hers to lose."""
    asked = ASKED | {extra}
    assert decide(asked, grant(), **(RIGHT | {"held": asked})) == Refusal("beyond_grant")


def test_a_permit_covers_what_she_holds_now_and_no_more() -> None:
    assert decide(ASKED, grant(), **(RIGHT | {"held": frozenset(NAMES[1:2])})) == Permit(
        "c" * 32, frozenset(NAMES[1:2])
    )


def test_asking_for_nothing_gives_nothing() -> None:
    assert decide(frozenset(), grant(), **RIGHT) == Refusal("beyond_grant")


def test_the_last_microsecond_counts_and_the_instant_of_expiry_does_not() -> None:
    ends_at = grant().expires_at
    assert isinstance(decide(ASKED, grant(), **(RIGHT | {"at": ends_at - 1})), Permit)
    assert decide(ASKED, grant(), **(RIGHT | {"at": ends_at})) == Refusal("not_active")


def test_the_first_rule_that_fails_is_the_answer_and_a_stranger_learns_only_that() -> None:
    """Whoever is not the client must not learn whether the grant is live, suspended, or what it covers."""
    everything_wrong = RIGHT | {
        "client": "other",
        "at": NOON + 365 * DAY,
        "frequency_per_day": 0,
        "held": frozenset(),
    }
    assert decide(frozenset({"bsn"}), grant(state="withdrawn"), **everything_wrong) == Refusal("other_client")


@pytest.mark.parametrize(("today", "answer"), [(3, Permit("c" * 32, ASKED)), (4, Refusal("too_often"))])
def test_the_purpose_says_how_often_a_day(today: int, answer: Permit | Refusal) -> None:
    used = grant(day=day(NOON), disclosed_today=today)
    assert decide(ASKED, used, **RIGHT) == answer


def test_a_new_day_counts_anew_from_midnight_in_utc() -> None:
    midnight = (day(NOON) + 1) * DAY
    used = grant(day=day(NOON), disclosed_today=4)
    assert decide(ASKED, used, **(RIGHT | {"at": midnight - 1})) == Refusal("too_often")
    assert isinstance(decide(ASKED, used, **(RIGHT | {"at": midnight})), Permit)


def mostly(right: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Each rule is broken now and then, so that often only one is."""
    return st.sampled_from([right] * 6 + list(others))


@given(
    asked=names, granted=names, has=names, standing=mostly(ALL_GOOD) | standings, client=mostly("loket", "other"),
    state=mostly("live", *get_args(State)), after=mostly(-1, -2, 0, 1), today=mostly(0, 3, 4, 5),
)  # fmt: skip
def test_a_permit_is_never_wider_than_grant_question_and_holding(
    asked: frozenset[str], granted: frozenset[str], has: frozenset[str], standing: Any, client: str,
    state: State, after: int, today: int,
) -> None:  # fmt: skip
    given_grant = grant(
        attributes=tuple(sorted(granted)),
        state=state,
        day=day(NOON),
        disclosed_today=today,
        expires_at=NOON - after,
    )
    answer = decide(
        asked, given_grant, client=client, held=has, frequency_per_day=4, standing=standing, at=NOON
    )
    open_door = client == "loket" and state == "live" and after < 0
    open_door &= standing.organisation and standing.client and standing.purpose
    allowed = open_door and bool(asked & has) and asked <= granted and today < 4
    assert isinstance(answer, Permit) == allowed
    if isinstance(answer, Permit):
        assert answer == Permit("c" * 32, asked & has)
    again = decide_again(asked, given_grant, client=client, standing=standing, at=NOON)
    assert isinstance(again, Permit) == (open_door and asked <= granted)
    use = decide_use(asked, given_grant, client=client, standing=standing, at=NOON)
    assert (use is None) == (open_door and asked <= granted)


def test_what_she_took_out_of_a_grant_neither_leaves_again_nor_is_used_again() -> None:
    narrowed = grant(attributes=NAMES[1:2], version=2)
    about = {"client": "loket", "standing": ALL_GOOD, "at": NOON}
    assert decide_again(ASKED, narrowed, **about) == Refusal("beyond_grant")  # type: ignore[arg-type]
    assert decide_use(ASKED, narrowed, **about) == Refusal("beyond_grant")  # type: ignore[arg-type]
    assert isinstance(decide_again(frozenset(NAMES[1:2]), narrowed, **about), Permit)  # type: ignore[arg-type]


def test_she_opens_her_own_values_and_nobody_elses() -> None:
    assert for_herself("c" * 32, ASKED, signed_in="c" * 32) == Permit("c" * 32, ASKED)
    assert isinstance(for_herself("c" * 32, ASKED, signed_in="d" * 32), Refusal)
