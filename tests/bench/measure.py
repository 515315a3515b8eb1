"""Turns and figures: every target in every round, and what a machine has to say about itself."""

import contextlib
import os
import platform
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

_STARTING = 30.0  # seconds
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


class Result(NamedTuple):
    """One measurement of one target."""

    answers: int
    per_second: float
    p50: float
    p99: float
    cpu: float  # microseconds of the server's process for one answer
    share: float  # of the time in which the server's process had a processor
    bad: int


Name = tuple[str, int]  # target, connections
Turn = dict[Name, Result]


def measure(targets: list[Target], *, rounds: int, seconds: float, file: Path) -> tuple[Turn, list[Turn]]:
    """All targets in turn: one short round that warms everything up, then *rounds* that count."""
    warm = {(t.name, t.connections): one(t, t.first, min(1.0, seconds), file) for t in targets}
    expected = {name: result.per_second for name, result in warm.items()}
    turns = []
    for _ in range(rounds):
        turn = {}
        for target in targets:
            name = (target.name, target.connections)
            turn[name] = one(target, expected[name], seconds, file)
            expected[name] = turn[name].per_second
        turns.append(turn)
    return warm, turns


def one(target: Target, expected: float, seconds: float, file: Path) -> Result:
    """One measurement; *expected*: answers a second that requests are made ready for, doubled until they last."""
    while True:
        count = (
            1
            if target.again
            else int(max(expected, min(500.0, target.first)) * seconds * 1.5) + 2 * target.connections
        )
        requests = [target.make(number) for number in range(count)]
        before = _cpu(target.pid)
        counted = load.drive(
            target.port,
            requests,
            again=target.again,
            connections=target.connections,
            seconds=seconds,
            file=file,
        )
        used = _cpu(target.pid) - before
        # Used up before the time was over: it is faster than we thought, so measure again with more.
        if not counted.dry:
            return Result(
                counted.answers,
                counted.per_second,
                counted.p50,
                counted.p99,
                used / max(1, counted.answers),
                used / 1e6 / counted.seconds,
                counted.bad,
            )
        expected *= 2


def _cpu(pid: int) -> float:
    """The processor time of a process with all its threads, in microseconds (Linux: the scheduler's own count)."""
    return sum(int(s.read_text().split()[0]) for s in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e3


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
                "to_proof": _ratio(turns, name, ("proof", 64), "per_second"),
                "to_bare": _ratio(turns, name, ("bare", 64), "per_second"),
                "cpu_to_proof": _ratio(turns, ("proof", 64), name, "cpu"),
                "rounds": [round(r.per_second, 1) for r in of],
            }
        )
    return lines


def _ratio(turns: list[Turn], name: Name, anchor: Name, field: str) -> float:
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
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
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
