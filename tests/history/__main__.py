"""`python -m tests.history --engine sqlite|postgresql --processes N --seconds S [--mutant NAME]`.

Prints what was done, seen and found. Exit code 0 when no rule is broken, else 1.
"""

import argparse
import asyncio
import contextlib
import sys
import time
from collections import Counter

from tests.postgres import cluster

from .mutants import MUTANTS, NEED_TWO
from .play import Result, play
from .seen import History

_EXAMPLES = 3


def main() -> int:
    """Play, check, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.history", description=__doc__.splitlines()[-1])
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--citizens", type=int, default=4)
    parser.add_argument("--logs", type=int, default=1, help="side by side")
    parser.add_argument("--grows", action="store_true", help="a log is added meanwhile (PostgreSQL)")
    parser.add_argument("--askers", type=int, default=2, help="for each citizen")
    parser.add_argument("--rest", type=float, default=2, help="seconds between two faults; 0 for none")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), default="")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    said = parser.parse_args()
    if said.engine == "sqlite" and (said.processes > 1 or said.grows or said.mutant in NEED_TWO):
        parser.error("SQLite serves from one process; that takes PostgreSQL")
    print(f"{said.engine}, {said.processes} processes, {said.seconds:g} s, seed {said.seed} {said.mutant}")
    with cluster() if said.engine == "postgresql" else contextlib.nullcontext() as server:
        result = asyncio.run(
            play(
                processes=said.processes,
                seconds=said.seconds,
                seed=said.seed,
                cluster=server,
                citizens=said.citizens,
                askers=said.askers,
                logs=said.logs,
                grows=said.grows,
                mutant=said.mutant,
                rest=said.rest or None,
            )
        )
    print(table(result))
    return 0 if result.is_clean else 1


def table(result: Result) -> str:
    """What was done, what it came to, how long a stop took, and what each rule found."""
    seen = result.history
    codes = Counter(fetch.code or "no answer" for fetch in seen.fetches)
    codes = Counter({f"disclosure: {code}": count for code, count in codes.items()})
    rows = [
        *sorted(codes.items()),
        ("stops pressed", len(seen.stops)),
        ("stops acknowledged", sum(stop.ended is not None for stop in seen.stops)),
        ("values written", sum(change.ended is not None for change in seen.changes)),
        ("checkpoints read", len(seen.looks)),
        ("entries opened", sum(len(log.entries) for log in result.logs.values())),
        *sorted(Counter(f"fault: {fault.kind}" for fault in seen.faults).items()),
    ]
    lines = [f"{count:>8,}  {what}" for what, count in rows]
    for name, waits in waits_for_a_stop(seen).items():
        lines.append(f"a stop {name}: p50 {_at(waits, 0.5)}, p99 {_at(waits, 0.99)}, longest {_at(waits, 1)}")
    for rule, found in result.found.items():
        lines.append(f"{len(found):>8,}  broken: {rule}")
        lines += [f"{'':>10}{sentence}" for sentence in found[:_EXAMPLES]]
    return "\n".join(lines)


def waits_for_a_stop(seen: History) -> dict[str, list[float]]:
    """How long each stop took (ms): those that no fault could touch, and all."""
    quiet, all_of_them = [], []
    for stop in seen.stops:
        if stop.ended is not None:
            took = (stop.ended - stop.began) / 1e6
            all_of_them.append(took)
            if not any(fault.began < stop.ended and stop.began < fault.ended for fault in seen.faults):
                quiet.append(took)
    return {"without a fault": sorted(quiet), "at all": sorted(all_of_them)}


def _at(waits: list[float], share: float) -> str:
    return f"{waits[min(len(waits) - 1, int(share * len(waits)))]:.0f} ms" if waits else "never"


if __name__ == "__main__":
    sys.exit(main())
