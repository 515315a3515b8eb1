"""Turns and figures: every target in every round, and what a machine has to say about itself."""

import contextlib
import os
import platform
import secrets
import socket
import statistics
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from . import load

_STARTING = 120.0  # seconds
_given: set[int] = set()  # ports that were given away
_PACKAGES = ("litestar", "uvicorn", "uvloop", "httptools", "msgspec", "cryptography", "aiosqlite")


class Target(NamedTuple):
    """One thing to measure, at one number of connections."""

    name: str
    connections: int
    port: int
    pid: int
    make: Callable[[int], bytes]  # the request with this number
    again: bool  # the same request may be sent again
    first: float = 3_000.0  # answers a second that are expected at first
    each: int = 1  # how many answers count for one: the items of a batch
    beside: int | None = None  # another process that works for it: a database server
    before: Callable[[], None] = lambda: None  # what comes before each measurement


class Result(NamedTuple):
    """One measurement of one target."""

    answers: int
    per_second: float
    p50: float
    p99: float
    cpu: float  # microseconds of the server's process for one answer
    share: float  # of the time in which the server's process had a processor
    bad: int
    beside: float = 0.0  # microseconds of the process beside it


Name = tuple[str, int]  # target, connections
Turn = dict[Name, Result]


def measure(
    targets: list[Target],
    *,
    rounds: int,
    seconds: float,
    file: Path,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Turn, list[Turn]]:
    """All targets in turn: one short round that warms everything up, then *rounds* that count. *tell* hears of each."""
    expected: dict[Name, float] = {}
    turns = []
    for number in range(1 + rounds):
        turn: Turn = {}
        for target in targets:
            name = (target.name, target.connections)
            length = seconds if number else min(1.0, seconds)
            found = one(target, expected.get(name, target.first), length, file)
            turn[name], expected[name] = found, found.per_second
            tell(
                f"round {number} of {rounds}: {target.name} at {target.connections}: {found.per_second:,.0f}/s"
            )
        turns.append(turn)
    return turns[0], turns[1:]


def one(target: Target, expected: float, seconds: float, file: Path) -> Result:
    """One measurement; *expected*: answers a second that requests are made ready for, doubled until they last."""
    while True:
        least = max(expected, min(500.0, target.first)) / target.each
        count = int(least * seconds * 1.5) + 2 * target.connections
        requests = [target.make(number) for number in range(1 if target.again else count)]
        target.before()
        before, beside = _cpu(target.pid), _cpu(target.beside)
        counted = load.drive(
            target.port,
            requests,
            again=target.again,
            connections=target.connections,
            seconds=seconds,
            file=file,
        )
        used, used_beside = _cpu(target.pid) - before, _cpu(target.beside) - beside
        # Used up before the time was over: it is faster than we thought, so measure again with more.
        if not counted.dry:
            answers = counted.answers * target.each
            return Result(
                answers,
                answers / counted.seconds,
                counted.p50,
                counted.p99,
                used / max(1, answers),
                used / 1e6 / counted.seconds,
                counted.bad,
                used_beside / max(1, answers),
            )
        expected *= 2


def _cpu(pid: int | None) -> float:
    """The processor time of a process, its children and all their threads, in microseconds (Linux: the scheduler's own
    count).
    """
    found = 0
    for task in _tasks(pid):
        with contextlib.suppress(OSError):  # it has just ended
            found += int((task / "schedstat").read_text().split()[0])
    return found / 1e3


def pin(pid: int | None, cores: set[int]) -> None:
    """Let a process, its children and all their threads run on *cores* only, from now on."""
    for task in _tasks(pid):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(int(task.name), cores)


def megabytes(pid: int) -> float:
    """The memory of a process and its children that is in use now."""
    sizes = []
    for process in _family(pid):
        status = Path(f"/proc/{process}/status").read_text()
        sizes += [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")]
    return sum(sizes) / 1024


def _tasks(pid: int | None) -> list[Path]:
    return (
        []
        if pid is None
        else [t for process in _family(pid) for t in Path(f"/proc/{process}/task").glob("*")]
    )


def _family(pid: int) -> list[int]:
    """A process and all that it started, and so on."""
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(status.parent.name))
    found = [pid]
    for process in found:
        found += parents.get(process, [])
    return found


def summary(turns: list[Turn]) -> list[dict[str, Any]]:
    """A line a target: medians over the rounds, and medians of the ratios to `proof` and `bare` within each round."""
    lines = []
    for name in turns[0]:
        of = [turn[name] for turn in turns]
        lines.append(
            {
                "name": name[0],
                "connections": name[1],
                "per_second": round(statistics.median(r.per_second for r in of), 1),
                "p50_ms": round(statistics.median(r.p50 for r in of), 2),
                "p99_ms": round(statistics.median(r.p99 for r in of), 2),
                "cpu_us": round(statistics.median(r.cpu for r in of), 1),
                "share": round(statistics.median(r.share for r in of), 3),
                "to_proof": ratio(turns, name, ("proof", 64), "per_second"),
                "to_bare": ratio(turns, name, ("bare", 64), "per_second"),
                "cpu_to_proof": ratio(turns, ("proof", 64), name, "cpu"),
                "rounds": [round(r.per_second, 1) for r in of],
            }
        )
    return lines


def ratio(turns: list[Turn], name: Name, anchor: Name, field: str = "per_second") -> float:
    """The median of the ratios of two targets within each round."""
    ratios = [getattr(turn[name], field) / max(1e-9, getattr(turn[anchor], field)) for turn in turns]
    return round(statistics.median(ratios), 3)


@contextlib.contextmanager
def serving(words: list[str], *, port: int, core: int, root: Path) -> Iterator[int]:
    """Run a server on one core and wait until it answers; gives its process id, and ends it by that."""
    paths = [str(root), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        words,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)},
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        until = time.monotonic() + _STARTING
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"this server did not start: {' '.join(words[1:4])}")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def free_port() -> int:
    """A port that nobody listens on now, another one each time.

    Below those that the system gives to callers, and for each of the processes that run tests side by side from a
    stretch of its own: a port that was free must still be so when its server comes to it.
    """
    mine = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = secrets.choice(range(10_001 + 4_000 * mine, 14_000 + 4_000 * mine, 2))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


def machine() -> dict[str, Any]:
    """What kind of machine this is, and with which versions it was measured."""
    model = "unknown"
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": model,
        "memory_gib": round(memory / 2**30),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "load": load.generator(),
    }
