"""How good and how young a sign-in has to be: RFC 9470, and our own rule for what is delicate."""

import pytest

from consent.oauth.step_up import (
    INVENTED,
    PHISHING_RESISTANT,
    Demand,
    SignIn,
    StepUp,
    check_demand,
    is_enough,
    is_met,
    lacking,
)
from consent.words.errors import InvalidRequest, UnmetAuthentication
from consent.words.instants import MINUTE, SECOND

NOON = 1_900_000_000 * SECOND
ASKED = NOON - MINUTE
FRESH = 5 * MINUTE


def met(demand: Demand, *, acr: str = PHISHING_RESISTANT, age: int) -> bool:
    return is_met(demand, SignIn(acr, NOON - age), asked_at=ASKED, at=NOON, fresh=FRESH)


@pytest.mark.parametrize(
    ("acr_values", "least"), [("phr", "phr"), ("0", "0"), ("phr 0", "0"), ("gold  phr", "phr"), ("", None)]
)
def test_any_of_the_acr_values_will_do(acr_values: str, least: str | None) -> None:
    assert check_demand({"acr_values": acr_values}).acr == least


def test_acr_values_that_nobody_here_can_meet_are_refused() -> None:
    """RFC 9470 §5."""
    with pytest.raises(UnmetAuthentication):
        check_demand({"acr_values": "gold urn:example:silver"})


@pytest.mark.parametrize("max_age", ["-1", "1.5", "", "x", "9" * 10, "٣"])
def test_max_age_is_a_number_of_seconds(max_age: str) -> None:
    with pytest.raises(InvalidRequest):
        check_demand({"max_age": max_age})


def test_a_better_sign_in_will_do_and_a_weaker_one_will_not() -> None:
    assert met(Demand(INVENTED), acr=PHISHING_RESISTANT, age=0)
    assert not met(Demand(PHISHING_RESISTANT), acr=INVENTED, age=0)
    assert not met(Demand(INVENTED), acr="made up", age=0)


def test_max_age_counts_from_the_sign_in() -> None:
    old = 60 * MINUTE
    assert met(Demand(max_age=3600), age=old)
    assert not met(Demand(max_age=3599), age=old)


def test_max_age_0_takes_a_sign_in_made_for_this_request() -> None:
    assert not met(Demand(max_age=0), age=MINUTE)  # in the very instant in which it was asked
    assert met(Demand(max_age=0), age=MINUTE - 1)


def test_a_sign_in_made_for_this_request_does_not_stay_young() -> None:
    signed_in = SignIn(PHISHING_RESISTANT, ASKED + 1)
    later = signed_in.at + FRESH
    assert is_met(Demand(max_age=0), signed_in, asked_at=ASKED, at=later - 1, fresh=FRESH)
    assert not is_met(Demand(max_age=0), signed_in, asked_at=ASKED, at=later, fresh=FRESH)


def test_a_sign_in_from_the_future_is_not_young() -> None:
    assert not met(Demand(max_age=3600), age=-1)
    assert not is_enough(StepUp(), SignIn(PHISHING_RESISTANT, NOON + 1), at=NOON)


def test_what_is_special_takes_a_good_and_fresh_sign_in() -> None:
    assert is_enough(StepUp(), SignIn(PHISHING_RESISTANT, NOON - FRESH + 1), at=NOON)
    assert not is_enough(StepUp(), SignIn(PHISHING_RESISTANT, NOON - FRESH), at=NOON)
    assert not is_enough(StepUp(), SignIn(INVENTED, NOON), at=NOON)
    assert not is_enough(StepUp(), None, at=NOON)


def test_what_is_special_leaves_under_a_sign_in_that_was_written_down() -> None:
    assert lacking(StepUp(), SignIn(PHISHING_RESISTANT, 0), at=NOON) is None
    weak = lacking(StepUp(), None, at=NOON)
    assert weak is not None
    assert (weak.acr, weak.max_age) == (PHISHING_RESISTANT, None)


def test_the_sign_in_behind_a_grant_can_become_too_old() -> None:
    step_up = StepUp(max_age=60)
    assert lacking(step_up, SignIn(PHISHING_RESISTANT, NOON - MINUTE), at=NOON) is None
    weak = lacking(step_up, SignIn(PHISHING_RESISTANT, NOON - MINUTE - 1), at=NOON)
    assert weak is not None
    assert weak.max_age == 60
