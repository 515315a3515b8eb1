"""What clients saw of a service. All instants are nanoseconds of this machine's one monotonic clock.

Something *began* before its request was sent, and *ended* when its answer had been read; it ended never (None) when no
answer came. So what ended before something else began was over in real time, too.
"""

import time

import msgspec

now = time.monotonic_ns


class Fetch(msgspec.Struct):
    """One `POST /disclosures`. An answer with values has all fields, a refused retry the old entry only."""

    grant: str
    citizen: str
    key: str  # its Idempotency-Key
    began: int
    ended: int | None = None
    code: str = ""  # "given", else the problem's code
    value: str = ""  # the one that its citizen changes
    disclosure: str = ""
    index: int | None = None
    leaf: bytes = b""
    began_with: int | None = None  # the index of the entry that began the grant, as the opened record says
    log: str = ""  # that has the entry


class Stop(msgspec.Struct):
    """A citizen presses Stop."""

    grant: str
    began: int
    ended: int | None = None


class Change(msgspec.Struct):
    """A citizen writes another value; never the same twice."""

    citizen: str
    value: str
    began: int
    ended: int | None = None


class Look(msgspec.Struct):
    """Somebody reads the newest checkpoint of a log."""

    began: int
    ended: int
    size: int
    log: str = ""


class Fault(msgspec.Struct):
    """What was done to the service, and until when it could be felt."""

    kind: str
    began: int
    ended: int


class History(msgspec.Struct):
    """All of it. `wrong` are answers that nobody may get, whatever happens to the service."""

    fetches: list[Fetch] = []
    stops: list[Stop] = []
    changes: list[Change] = []
    looks: list[Look] = []
    faults: list[Fault] = []
    wrong: list[str] = []
    given: int = 0  # answers with values
    told: int = 0  # acknowledged stops


def part(history: History, log: str) -> History:
    """What was seen of the citizens whom *log* is about; where several stand side by side, each is in one of them."""
    logs = {fetch.citizen: fetch.log for fetch in history.fetches if fetch.log}
    of_grants = {fetch.grant: logs.get(fetch.citizen) for fetch in history.fetches}
    return History(
        fetches=[fetch for fetch in history.fetches if logs.get(fetch.citizen) == log],
        stops=[stop for stop in history.stops if of_grants.get(stop.grant) == log],
        changes=[change for change in history.changes if logs.get(change.citizen) == log],
        looks=[look for look in history.looks if look.log == log],
        faults=history.faults,
        wrong=history.wrong,
    )


class Entry(msgspec.Struct, frozen=True):
    """An opened entry: the event, the entry that began its grant, and its number there."""

    index: int
    event: str
    began_with: int | None
    number: int | None


class Log(msgspec.Struct, frozen=True):
    """The log as an auditor read it afterwards: its opened entries in order, and the leaves that were asked for."""

    entries: list[Entry]
    leaves: dict[int, bytes]
    verdict: str = ""  # why the auditor's own verifier says no
