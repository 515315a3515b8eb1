"""The checker itself: a small history in order breaks no rule, and each small mistake breaks the rule that names it."""

import copy
from collections.abc import Callable

import pytest

from .check import RULES, check
from .seen import Change, Entry, Fetch, History, Log, Look, Stop

# Under one grant, which entry 0 began: a disclosure, another value, a disclosure and its refused retry, a stop.
ENTRIES = [
    Entry(0, "granted", 0, 0),
    Entry(1, "disclosed", 0, 1),
    Entry(2, "disclosed", 0, 2),
    Entry(4, "withdrawn", 0, 3),
]
LEAVES = {1: b"one", 2: b"two"}


def fetch(key: str, began: int, ended: int | None, index: int, value: str, code: str = "given") -> Fetch:
    leaf = LEAVES.get(index, b"other")
    return Fetch("grant", "citizen", key, began, ended, code, value, key, index, leaf, 0)


def in_order() -> tuple[History, Log]:
    seen = History(
        fetches=[
            fetch("a", 10, 20, 1, "old"),
            fetch("b", 50, 60, 2, "new"),
            fetch("a", 61, 65, 1, "", "values_changed"),
            Fetch("grant", "citizen", "c", 68, None),
            Fetch("grant", "citizen", "d", 90, 95, "grant_not_active"),
        ],
        stops=[Stop("grant", 70, 80)],
        changes=[Change("citizen", "old", 0, 0), Change("citizen", "new", 30, 40)],
        looks=[Look(21, 22, 2), Look(61, 62, 4)],
    )
    return seen, Log(list(ENTRIES), dict(LEAVES))


def test_a_history_in_order_breaks_no_rule() -> None:
    assert not any(check(*in_order()).values())


Mistake = Callable[[History, Log], Log | None]


def given_late(seen: History, log: Log) -> None:
    seen.fetches.append(fetch("e", 81, 99, 5, "new"))


def disclosed_late(seen: History, log: Log) -> None:
    log.entries.append(Entry(5, "disclosed", 0, 4))


def number_left_out(seen: History, log: Log) -> None:
    log.entries[-1] = Entry(4, "withdrawn", 0, 4)


def number_twice(seen: History, log: Log) -> None:
    log.entries[2] = Entry(2, "disclosed", 0, 1)


def never_written(seen: History, log: Log) -> None:
    del log.entries[2]


def other_bytes(seen: History, log: Log) -> None:
    log.leaves[2] = b"three"


def stop_lost(seen: History, log: Log) -> None:
    del log.entries[-1]


def stopped_by_nobody(seen: History, log: Log) -> None:
    seen.stops.clear()


def two_keys_one_entry(seen: History, log: Log) -> None:
    seen.fetches[1] = fetch("b", 50, 60, 1, "new")


def of_another_grant(seen: History, log: Log) -> None:
    seen.fetches[1].began_with = 3


def another_entry_for_a_key(seen: History, log: Log) -> None:
    seen.fetches[1] = fetch("a", 50, 60, 2, "new")


def more_entries_than_keys(seen: History, log: Log) -> None:
    log.entries[-1:] = [Entry(n, "disclosed", 0, n) for n in (3, 4, 5)]


def replaced_before(seen: History, log: Log) -> None:
    seen.fetches[1].value = "old"


def of_the_future(seen: History, log: Log) -> None:
    seen.fetches[0].value = "new"


def against_time(seen: History, log: Log) -> None:
    seen.fetches[0], seen.fetches[1] = fetch("b", 10, 20, 2, "old"), fetch("a", 50, 60, 1, "new")


def answered_early(seen: History, log: Log) -> None:
    seen.looks[0].size = 1


def refused_before_the_stop(seen: History, log: Log) -> None:
    seen.fetches[-1] = Fetch("grant", "citizen", "d", 61, 64, "grant_not_active")


def stop_without_end(seen: History, log: Log) -> None:
    seen.stops[0].ended = None


def failed_inside(seen: History, log: Log) -> None:
    seen.wrong.append("500")


def unverified(seen: History, log: Log) -> Log:
    return Log(log.entries, log.leaves, "INVALID")


@pytest.mark.parametrize(
    ("rule", "mistake"),
    [
        ("after an acknowledged stop", given_late),
        ("after the stop in the log", disclosed_late),
        ("without a gap", number_left_out),
        ("without a gap", number_twice),
        ("no data without an entry", never_written),
        ("no data without an entry", other_bytes),
        ("no stop is lost", stop_lost),
        ("no stop is lost", stopped_by_nobody),
        ("no entry of another", two_keys_one_entry),
        ("no entry of another", of_another_grant),
        ("one key one entry", another_entry_for_a_key),
        ("one key one entry", more_entries_than_keys),
        ("never an old value", replaced_before),
        ("never an old value", of_the_future),
        ("in the order of time", against_time),
        ("in the log before the answer", answered_early),
        ("refused for a reason", refused_before_the_stop),
        ("every stop ends", stop_without_end),
        ("only right answers", failed_inside),
        ("as the verifier says", unverified),
    ],
)
def test_a_mistake_breaks_the_rule_that_names_it(rule: str, mistake: Mistake) -> None:
    seen, log = copy.deepcopy(in_order())
    assert check(seen, mistake(seen, log) or log)[rule]


def test_every_rule_was_seen_broken() -> None:
    marks = test_a_mistake_breaks_the_rule_that_names_it.pytestmark
    assert {rule for rule, _ in marks[0].args[1]} == set(RULES)


def test_what_got_no_answer_is_judged_by_what_it_did() -> None:
    """A stop, a value and a request without an answer may have happened, at any time since, or not."""
    seen, log = in_order()
    seen.stops[0].ended = None
    seen.stops.append(Stop("grant", 75, 79))
    seen.changes[1].ended = None
    seen.fetches[1].value = "old"
    log.entries[3:] = [
        Entry(3, "disclosed", 0, 3),
        Entry(4, "withdrawn", 0, 4),
    ]  # the unanswered one of key c
    assert not any(check(seen, log).values())
