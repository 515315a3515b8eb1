"""The whole table: `python tests/bench/whole.py [--json FILE] [--against FILE] [--without PART …]`.

What `run.py` measures in a minute, and all that surrounds it. In turns, round after round, each server with the first
core for itself while the load comes from the last:

    bare, proof              as in `run.py`; `proof` is what the rest is compared with
    disclosure               `consent serve` on SQLite, at 1, 16, 64 and 256 connections
    batches of 100           the same disclosures, a hundred in one request; counted one by one, latencies a request
    without the log          the same service with the log taken out of it (`variants.py`): the price of the log
    …, Ed25519               proofs signed with Ed25519 instead of ES256, and the denominator for them
    proofs on other cores    proofs checked in threads (`variants.py`); the service may run on all cores
    oidc-provider            its userinfo with a DPoP proof and the same five values, all in its memory
    PostgreSQL               one process; the database runs on the core of the load. fsync is on
    …, all on one core       one process; it shares its core with the database
    …, 2 processes           `--workers 2`; service, database and load share all cores
    …, 2 processes, 2 logs   the same with a log put beside the first (`consent log add`)

and, one after the other,

    withdrawal   how long a tap on Stop takes while 64 connections ask as fast as they can (SQLite)
    memory       what a process grows by when each of many citizens has been asked about; scaled to 100,000
    growth       a disclosure in a log of 1,000 entries and in one of 100,000 (--entries 1000000: some minutes more)
    logs         the log alone beside bare rows and pymerkle: a short `ledger.py`

Figures are medians over the rounds; ratios are medians of the ratios within a round. `cpu us` is processor time of the
service for one answer, `db us` that of PostgreSQL. `share` is how much of the time the service had a core.

One answer other than 200, or fewer new entries than disclosures answered, and the run fails (exit code 1). So does
nothing else: a mark that is missed is printed, not judged. With --against, by default the last committed figures, each
ratio that moved by more than a tenth is named.
"""

import argparse
import json
import operator
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench import measure, parts  # noqa: E402

COMMITTED = ROOT / "docs" / "reference" / "figures" / "whole.json"
PARTS = ("oidc-provider", "postgresql", "withdrawal", "memory", "growth", "logs")
MOVED = 0.10
_QUIET = 0.85  # share of its core that a server has which nobody disturbs


class Mark(NamedTuple):
    """One thing that is to be reached."""

    name: str
    wanted: float
    at_least: bool
    find: Callable[[Mapping[str, Any]], float]
    rows: tuple[tuple[str, int], ...] = ()  # whose servers must have been left alone
    by_cpu: Callable[[Mapping[str, Any]], float] | None = None  # the same by processor time

    def is_reached(self, found: float) -> bool:
        """Whether *found* is good enough."""
        return (operator.ge if self.at_least else operator.le)(found, self.wanted)


def _row(name: str, connections: int, field: str) -> Callable[[Mapping[str, Any]], float]:
    def find(found: Mapping[str, Any]) -> float:
        for line in found["targets"]:
            if (line["name"], line["connections"]) == (name, connections):
                value: float = line[field]
                return value
        raise KeyError(name)

    return find


def _ratio(name: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda found: found["ratios"][name]


def _price(name: str) -> Callable[[Mapping[str, Any]], float]:
    return lambda found: round(1 - found["ratios"][name], 3)


_BY_CPU = ", by processor time"
_D64, _PROOF, _NO_LOG = ("disclosure", 64), ("proof", 64), ("without the log", 64)
_OF_PROOF = (_ratio("disclosure / proof"), (_D64, _PROOF), _ratio("disclosure / proof" + _BY_CPU))
_OF_THEIRS = (
    _ratio("disclosure / oidc-provider"),
    (_D64, ("oidc-provider", 64)),
    _ratio("disclosure / oidc-provider" + _BY_CPU),
)
_TWO_OF_ONE = "PostgreSQL: two processes on all cores / one on one"
MARKS = (
    Mark("disclosure at 64 / proof", 0.75, True, *_OF_PROOF),
    Mark("… stretch", 0.85, True, *_OF_PROOF),
    Mark("disclosure at 64 / oidc-provider", 2.2, True, *_OF_THEIRS),
    Mark("… stretch", 3.0, True, *_OF_THEIRS),
    Mark("disclosure at 16: p99, ms", 10.0, False, _row("disclosure", 16, "p99_ms")),
    Mark("disclosure at 1: p50, ms", 1.2, False, _row("disclosure", 1, "p50_ms")),
    Mark(
        "price of the log, part of a disclosure",
        0.15,
        False,
        _price("disclosure / without the log"),
        (_D64, _NO_LOG),
        _price("disclosure / without the log" + _BY_CPU),
    ),
    Mark("batches of 100: disclosures a second", 10_000, True, _row("batches of 100", 4, "per_second")),
    Mark("PostgreSQL, one process / SQLite", 0.6, True, _ratio("PostgreSQL / SQLite"), (_D64,)),
    Mark("two processes on two cores / one on one", 1.5, True, _ratio(_TWO_OF_ONE)),
    Mark("withdrawal under full load: p99, ms", 50.0, False, lambda found: found["withdrawal"]["p99_ms"]),
    Mark(
        "growth: time in a long log / in a short one",
        1.1,
        False,
        lambda found: found["growth"]["ratio"],
        (),
        lambda found: found["growth"]["cpu_ratio"],
    ),
    Mark("bad answers", 0, False, lambda found: found["bad_answers"]),
)


def main() -> int:
    """Measure, print the table and the marks, write the JSON. 0 when every answer was good."""
    arguments = _arguments()
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory(prefix="consent-bench-") as folder:
        found = _measured(arguments, Path(folder), cores)
    found["marks"] = judged(found)
    print_found(found)
    against = Path(arguments.against) if arguments.against else COMMITTED
    if against.exists():
        before = json.loads(against.read_text("utf-8"))
        print(f"compared with {against.name} of {before['date']}:")
        for line in moved(before, found) or ["no ratio moved by more than a tenth"]:
            print(f"    {line}")
    if arguments.json:
        Path(arguments.json).parent.mkdir(parents=True, exist_ok=True)
        Path(arguments.json).write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    answered, written = found["disclosures_answered"], found["entries_written"]
    if found["bad_answers"] or written < answered:
        print(f"FAILED: {found['bad_answers']} bad answers; {answered} disclosures, {written} new entries")
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement (2)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each target has its turn (3)")
    parser.add_argument("--citizens", type=int, default=256, help="people who gave a grant (256)")
    parser.add_argument("--crowd", type=int, default=20_000, help="citizens for memory (20000)")
    parser.add_argument("--entries", type=int, default=100_000, help="of the long log (100000)")
    parser.add_argument("--stops", type=int, default=500, help="withdrawals under load, at most (500)")
    parser.add_argument("--without", nargs="+", default=[], choices=PARTS, help="parts to leave out")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--against", metavar="FILE", help="figures to compare with (those committed last)")
    arguments = parser.parse_args()
    amounts = [getattr(arguments, n) for n in ("seconds", "rounds", "citizens", "crowd", "entries", "stops")]
    if min(amounts) <= 0:
        parser.error("everything is more than zero")
    return arguments


def _measured(arguments: argparse.Namespace, folder: Path, cores: set[int]) -> dict[str, Any]:
    began = time.monotonic()

    def tell(words: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {words}", file=sys.stderr, flush=True)

    plan = parts.Plan(
        folder=folder,
        seconds=arguments.seconds,
        rounds=arguments.rounds,
        citizens=arguments.citizens,
        crowd=arguments.crowd,
        entries=arguments.entries,
        stops=arguments.stops,
        without=frozenset(arguments.without),
        tell=tell,
    )
    found: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", "tests/bench/whole.py", *sys.argv[1:]]),
        "seconds": arguments.seconds,
        "rounds": arguments.rounds,
        "machine": measure.machine() | {"busy": round(os.getloadavg()[0], 1)},
    }
    found |= parts.speed(plan)
    for name, part in (("memory", parts.memory), ("growth", parts.growth), ("logs", parts.logs)):
        if name not in plan.without:
            os.sched_setaffinity(0, cores)
            found[name] = part(plan)
            found["bad_answers"] += found[name].get("bad_answers", 0)
    found["bad_answers"] += found.get("withdrawal", {}).get("bad_answers", 0)
    return found | {"took_seconds": round(time.monotonic() - began)}


def judged(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each mark with what was found; None where it was not measured."""
    shares = {(line["name"], line["connections"]): line["share"] for line in found["targets"]}
    lines = []
    for mark in MARKS:
        value, by_cpu = _found(mark.find, found), _found(mark.by_cpu, found)
        lines.append(
            {
                "mark": mark.name,
                "wanted": mark.wanted,
                "at_least": mark.at_least,
                "is": value,
                "by_cpu": by_cpu,
                "reached": None if value is None else mark.is_reached(value),
                "quiet": all(shares.get(row, 1.0) >= _QUIET for row in mark.rows),
            }
        )
    return lines


def _found(find: Callable[[Mapping[str, Any]], float] | None, found: Mapping[str, Any]) -> float | None:
    try:
        return find(found) if find is not None else None
    except KeyError:  # that part was left out
        return None


def moved(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """A line for each ratio that is in both and differs by more than a tenth."""
    lines = []
    old, new = _all_ratios(before), _all_ratios(now)
    for name, was in old.items():
        if name in new and was and abs(new[name] / was - 1) > MOVED:
            lines.append(f"{name}: {was:.2f} -> {new[name]:.2f} ({new[name] / was - 1:+.0%})")
    return lines


def _all_ratios(found: Mapping[str, Any]) -> dict[str, float]:
    ratios = dict(found["ratios"])
    for line in found["targets"]:
        ratios[f"{line['name']} at {line['connections']} / proof"] = line["to_proof"]
    if "growth" in found:
        ratios["growth"] = found["growth"]["ratio"]
    for line in found.get("logs", {}).get("appends", ()):
        for key in ("to_rows", "to_pymerkle"):
            if key in line:
                ratios[f"{line['name']}, batch {line['batch']}, {key.replace('_', ' ')}"] = line[key]
    return ratios


def print_found(found: Mapping[str, Any]) -> None:
    """The table, the other parts, the marks."""
    about = found["machine"]
    print(
        f"{found['date']}  {about['cpu']}, {about['cores']} cores, Python {about['python']}, {about['load']}, "
        f"load {about['busy']} at the beginning, {found['took_seconds']} s"
    )
    heads = ("req/s", "p50 ms", "p99 ms", "cpu us", "db us", "share", "x proof", "cpu x")
    print(" " * 42 + "".join(f"{head:>9}" for head in heads))
    for line in found["targets"]:
        print(
            f"{line['name']:>34} at {line['connections']:<4}{line['per_second']:>9.0f}{line['p50_ms']:>9.2f}"
            f"{line['p99_ms']:>9.2f}{line['cpu_us']:>9.0f}{line['beside_us']:>9.0f}{line['share']:>9.2f}"
            f"{line['to_proof']:>9.2f}{line['cpu_to_proof']:>9.2f}"
        )
    for name, ratio in found["ratios"].items():
        print(f"ratio: {name}: {ratio:.2f}")
    for part in ("withdrawal", "memory", "growth"):
        if part in found:
            print(f"{part}: " + ", ".join(f"{key} {value}" for key, value in found[part].items()))
    for line in found.get("logs", {}).get("appends", ()):
        peer = f", x pymerkle {line['to_pymerkle']:.2f}" if "to_pymerkle" in line else ""
        print(
            f"logs: {line['name']}, batch {line['batch']}: {line['per_second']:,} entries/s, "
            f"{line['cpu_us']:.1f} cpu us, x rows {line['to_rows']:.2f}{peer}"
        )
    for mark in found["marks"]:
        sense = ">=" if mark["at_least"] else "<="
        is_now = "not measured" if mark["is"] is None else f"{mark['is']:,.2f}"
        is_now += "" if mark["by_cpu"] is None else f" ({mark['by_cpu']:,.2f} by processor time)"
        verdict = "" if mark["is"] is None else ", reached" if mark["reached"] else ", not reached"
        busy = "" if mark["quiet"] else " (the machine was busy with other things)"
        print(f"mark: {mark['mark']} {sense} {mark['wanted']:,}: {is_now}{verdict}{busy}")


if __name__ == "__main__":
    sys.exit(main())
