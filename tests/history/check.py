"""Holds a history against the log: each rule answers with what breaks it. Pure, and no search: the log is the witness.

Every rule is O(n log n). A rule says nothing about what got no answer, but for what its effects show.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from .seen import Change, Fetch, History, Log, Stop

Rule = Callable[[History, Log], Iterator[str]]
_NEVER = 1 << 63
ENDINGS = frozenset({"withdrawn", "revoked", "expired"})


def check(history: History, log: Log) -> dict[str, list[str]]:
    """What each rule found, by its name; all are there, those that found nothing with an empty list."""
    return {name: list(rule(history, log)) for name, rule in RULES.items()}


def after_an_acknowledged_stop(history: History, log: Log) -> Iterator[str]:
    """P1: no values for a request that began after somebody was told that sharing has stopped."""
    told = _first(history.stops)
    for fetch in history.fetches:
        if fetch.code == "given" and fetch.began > told.get(fetch.grant, (0, _NEVER))[1]:
            yield f"values {_ms(fetch.began - told[fetch.grant][1])} after the answer to a stop"


def after_the_stop_in_the_log(history: History, log: Log) -> Iterator[str]:
    """P2: in the order of the log nothing is disclosed under a grant that has ended."""
    ended: dict[int | None, int] = {}
    for entry in log.entries:
        if entry.event == "disclosed" and entry.began_with in ended:
            yield f"entry {entry.index} discloses, and {ended[entry.began_with]} had ended its grant"
        if entry.event in ENDINGS:
            ended.setdefault(entry.began_with, entry.index)


def without_a_gap(history: History, log: Log) -> Iterator[str]:
    """The entries of a grant are numbered 0, 1, 2 … in the order of the log."""
    following: dict[int | None, int] = defaultdict(int)
    for entry in log.entries:
        if entry.number is not None:
            if entry.number != following[entry.began_with]:
                yield f"entry {entry.index} has number {entry.number}, not {following[entry.began_with]}"
            following[entry.began_with] = entry.number + 1


def no_data_without_an_entry(history: History, log: Log) -> Iterator[str]:
    """P3: whatever was answered with values stands in the log, where the answer says, as a disclosure."""
    events = {entry.index: entry for entry in log.entries}
    for fetch in _with_entry(history):
        entry = events.get(fetch.index if fetch.index is not None else -1)
        if entry is None or entry.event != "disclosed" or log.leaves.get(entry.index) != fetch.leaf:
            yield f"an answer with entry {fetch.index}, which the log does not have"


def no_stop_is_lost(history: History, log: Log) -> Iterator[str]:
    """A stop that was acknowledged stands in the log once; nothing is stopped that nobody asked to stop."""
    stops = Counter(entry.began_with for entry in log.entries if entry.event == "withdrawn")
    pressed = _first(history.stops)
    for grant, began_with in _beginnings(history).items():
        began, ended = pressed.get(grant, (_NEVER, _NEVER))
        if stops[began_with] > 1 or (stops[began_with] and began == _NEVER):
            yield f"the grant of entry {began_with} is stopped {stops[began_with]} times"
        if not stops[began_with] and ended != _NEVER:
            yield f"the stop of the grant of entry {began_with} was acknowledged and is not there"


def no_entry_of_another(history: History, log: Log) -> Iterator[str]:
    """Every entry that was shown is of the grant that was asked under; no two grants or keys share one."""
    began: dict[str, int | None] = {}
    keys: dict[tuple[str, int | None], str] = {}
    grants: dict[int | None, str] = {}
    for fetch in _with_entry(history):
        if began.setdefault(fetch.grant, fetch.began_with) != fetch.began_with:
            yield f"entry {fetch.index} is of another grant"
        if grants.setdefault(fetch.began_with, fetch.grant) != fetch.grant:
            yield f"two grants begin with entry {fetch.began_with}"
        if keys.setdefault(("", fetch.index), fetch.key) != fetch.key:
            yield f"two keys got entry {fetch.index}"


def one_key_one_entry(history: History, log: Log) -> Iterator[str]:
    """A key gets the same entry always, and no grant has more disclosures than keys were used."""
    shown: dict[str, tuple[int | None, bytes]] = {}
    keys: dict[str, set[str]] = defaultdict(set)
    for fetch in history.fetches:
        keys[fetch.grant].add(fetch.key)
        if fetch.leaf and shown.setdefault(fetch.key, (fetch.index, fetch.leaf)) != (fetch.index, fetch.leaf):
            yield f"a retry got entry {fetch.index} and before {shown[fetch.key][0]}"
    made = Counter(entry.began_with for entry in log.entries if entry.event == "disclosed")
    for grant, began_with in _beginnings(history).items():
        if made[began_with] > len(keys[grant]):
            yield f"{made[began_with]} disclosures of the grant of entry {began_with}, {len(keys[grant])} keys"


def never_an_old_value(history: History, log: Log) -> Iterator[str]:
    """A value was hers at some time between request and answer: not one that had been replaced before."""
    written: dict[tuple[str, str], Change] = {(one.citizen, one.value): one for one in history.changes}
    newest: dict[str, list[tuple[int, int]]] = defaultdict(
        list
    )  # by end: the latest beginning of what had ended
    for one in sorted((one for one in history.changes if one.ended is not None), key=_ended):
        before = newest[one.citizen][-1][1] if newest[one.citizen] else 0
        newest[one.citizen].append((_ended(one), max(before, one.began)))
    for fetch in history.fetches:
        if fetch.code != "given":
            continue
        change = written.get((fetch.citizen, fetch.value))
        if change is None or change.began > _ended(fetch):
            yield "a value that she had not written"
            continue
        done = bisect_left(newest[fetch.citizen], (fetch.began, 0))
        if done and newest[fetch.citizen][done - 1][1] > _ended(change):
            yield f"a value that had been replaced {_ms(fetch.began - newest[fetch.citizen][done - 1][0])} before"


def in_the_order_of_time(history: History, log: Log) -> Iterator[str]:
    """What was over before something else began stands before it in the log."""
    spans = dict(_spans(history, log))
    earliest_end = _NEVER
    for index in sorted(spans, reverse=True):
        began, ended = spans[index]
        if began > earliest_end:
            yield f"entry {index} began {_ms(began - earliest_end)} after a later one was answered"
        earliest_end = min(earliest_end, ended)


def in_the_log_before_the_answer(history: History, log: Log) -> Iterator[str]:
    """Whoever reads the log after an answer finds the entry there."""
    answered = sorted((_ended(one), one.index) for one in _with_entry(history) if one.index is not None)
    highest, done = -1, 0
    for look in sorted(history.looks, key=lambda look: look.began):
        while done < len(answered) and answered[done][0] < look.began:
            highest, done = max(highest, answered[done][1]), done + 1
        if look.size <= highest:
            yield f"a log of {look.size} entries after the answer with entry {highest}"


def refused_for_a_reason(history: History, log: Log) -> Iterator[str]:
    """Only a grant that somebody began to stop is refused as ended."""
    pressed = _first(history.stops)
    for fetch in history.fetches:
        if fetch.code == "grant_not_active" and pressed.get(fetch.grant, (_NEVER, 0))[0] > _ended(fetch):
            yield "refused, and nobody had stopped it"


def every_stop_ends(history: History, log: Log) -> Iterator[str]:
    """P4: whoever goes on pressing is told in the end."""
    for _, ended in _first(history.stops).values():
        if ended == _NEVER:
            yield "a stop was never acknowledged"


def only_right_answers(history: History, log: Log) -> Iterator[str]:
    """Nobody gets an answer that has no place in the protocol, such as a failure inside."""
    yield from history.wrong


def as_the_verifier_says(history: History, log: Log) -> Iterator[str]:
    """The auditor's verifier, which knows nothing of this history, finds the log whole and its replay clean."""
    if log.verdict:
        yield log.verdict


RULES: dict[str, Rule] = {
    rule.__name__.replace("_", " "): rule
    for rule in (
        after_an_acknowledged_stop,
        after_the_stop_in_the_log,
        without_a_gap,
        no_data_without_an_entry,
        no_stop_is_lost,
        no_entry_of_another,
        one_key_one_entry,
        never_an_old_value,
        in_the_order_of_time,
        in_the_log_before_the_answer,
        refused_for_a_reason,
        every_stop_ends,
        only_right_answers,
        as_the_verifier_says,
    )
}


def _ended(one: Fetch | Change | Stop) -> int:
    return one.ended if one.ended is not None else _NEVER


def _with_entry(history: History) -> Iterator[Fetch]:
    """Answers that showed an entry: those with values, and what a retry still gets when they may not leave."""
    return (fetch for fetch in history.fetches if fetch.code == "given" or fetch.leaf)


def _first(stops: Iterable[Stop]) -> dict[str, tuple[int, int]]:
    """For each grant when it was first asked to stop, and when that was first acknowledged."""
    found: dict[str, tuple[int, int]] = {}
    for stop in stops:
        began, ended = found.get(stop.grant, (_NEVER, _NEVER))
        found[stop.grant] = (min(began, stop.began), min(ended, _ended(stop)))
    return found


def _beginnings(history: History) -> dict[str, int | None]:
    """The entry that began each grant, for grants of which an entry was ever shown."""
    return {fetch.grant: fetch.began_with for fetch in _with_entry(history)}


def _spans(history: History, log: Log) -> Iterator[tuple[int, tuple[int, int]]]:
    """For each entry somebody asked for: when it was first asked for, and when it was first answered."""
    asked: dict[str, int] = {}
    answered: dict[str, tuple[int, int]] = {}
    for fetch in history.fetches:
        asked[fetch.key] = min(asked.get(fetch.key, _NEVER), fetch.began)
    for fetch in _with_entry(history):
        if fetch.index is not None:
            answered[fetch.key] = (fetch.index, min(answered.get(fetch.key, (0, _NEVER))[1], _ended(fetch)))
    for key, (index, ended) in answered.items():
        yield index, (asked[key], ended)
    beginnings = {began_with: grant for grant, began_with in _beginnings(history).items()}
    pressed = _first(history.stops)
    for entry in log.entries:
        grant = beginnings.get(entry.began_with)
        if entry.event == "withdrawn" and grant in pressed:
            yield entry.index, pressed[grant]


def _ms(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.1f} ms"
