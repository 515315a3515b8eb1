"""The benchmark: `python tests/bench/run.py [--seconds N] [--rounds N] [--json FILE]`.

In one run, side by side, on one machine, it measures

    bare         a Litestar handler that answers about 600 bytes of JSON and does nothing else
    proof        the same handler after checking one fresh ES256 DPoP proof: what the rest is compared with
    disclosure   `consent serve` on a real data folder (SQLite, WAL, synchronous=FULL): proof checked, grant decided,
                 entry committed under a signed checkpoint, five values decrypted, answered with the proof that the
                 entry stands in the log; with 1, 16 and 64 connections
    batch        the same service, a hundred disclosures in one request, each under a grant and with a key of its own;
                 with 1 and 4 connections. Its figures are of requests; disclosures are a hundred times as many
    append       entries a second that the scribe writes, each with its inclusion proof, in batches of 1, 16, 64

Both servers are uvicorn with uvloop and httptools on the machine's first core; the load comes from its last one. Both
are up the whole time and take turns, round after round, so that the machine's mood is the same for all. Figures are
medians over the rounds, ratios are medians of the ratios within a round. Proofs are signed just before a measurement,
never during it. `cpu us` is processor time of the server's process for one answer, `cpu x` its ratio: a busy machine
disturbs them least. `share` is how much of the time the server had its core; far below 1 at 64 connections, others had
it, and only the `cpu` columns say something.

One answer other than 200, or fewer new entries in the log than disclosures answered, and the run fails (exit code 1).
The project's dependencies must be installed. wrk sends the load when it is there, else asyncio does (slower).
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from consent.oauth.batches import MOST_ITEMS  # noqa: E402
from tests.bench import check, ground, measure  # noqa: E402

MARK = 0.60  # disclosures at 64 connections, as a part of `proof`
MARK_OF_BATCHES = 10_000  # disclosures a second
CONNECTIONS = (1, 16, 64)
CONNECTIONS_OF_BATCHES = (1, 4)
_QUIET = 0.85  # share of its core that a server has which nobody disturbs; it also waits for the disk
_EACH = {"disclosure": 1, "batch": MOST_ITEMS}  # disclosures in an answer
_HERE = Path(__file__).parent
_LONGEST = 300.0  # seconds of measuring; the tokens that are made at the start live ten minutes


def main() -> int:
    """Measure, print the table, write the JSON. 0 when every answer was good."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="consent-bench-") as folder:
        found = _measured(arguments, Path(folder))
    _print(found)
    if arguments.json:
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
    parser.add_argument("--rounds", type=int, default=5, help="how often each target has its turn (5)")
    parser.add_argument("--citizens", type=int, default=256, help="people who gave a grant (256)")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE")
    arguments = parser.parse_args()
    if min(arguments.seconds, arguments.rounds, arguments.citizens) <= 0:
        parser.error("seconds, rounds and citizens are more than zero")
    if arguments.seconds * arguments.rounds * (2 + len(CONNECTIONS) + len(CONNECTIONS_OF_BATCHES)) > _LONGEST:
        parser.error(f"at most {_LONGEST:.0f} seconds of measuring in all: tokens live ten minutes")
    return arguments


def _measured(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    cores = sorted(os.sched_getaffinity(0))
    about = measure.machine()
    port, other = measure.free_port(), measure.free_port()
    made = asyncio.run(ground.prepare_ground(folder / "service", port, arguments.citizens))
    service = [sys.executable, "-m", "consent", "serve", "--data", str(made.folder), "--port", str(port)]
    anchors = [sys.executable, str(_HERE / "anchors.py"), str(other)]
    with (
        measure.serving(service, port=port, core=cores[0], root=ROOT) as service_pid,
        measure.serving(anchors, port=other, core=cores[0], root=ROOT) as anchors_pid,
    ):
        os.sched_setaffinity(0, {cores[-1]})
        check.one_disclosure(made)
        check.one_batch(made)
        targets = [
            measure.Target("bare", 64, other, anchors_pid, lambda _: ground.bare(other), True),
            measure.Target("proof", 64, other, anchors_pid, lambda n: made.proof_only(n, other), False),
            *[
                measure.Target("disclosure", count, port, service_pid, made.disclosure, False)
                for count in CONNECTIONS
            ],
            *[
                measure.Target("batch", count, port, service_pid, made.batch, False, first=100.0)
                for count in CONNECTIONS_OF_BATCHES
            ],
        ]
        before = check.size_of_log(made)
        warm, turns = measure.measure(
            targets, rounds=arguments.rounds, seconds=arguments.seconds, file=folder / "requests"
        )
        written = check.size_of_log(made) - before
        check.one_disclosure(made)
        check.one_batch(made)
    results = [(name, result) for turn in (warm, *turns) for name, result in turn.items()]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", "tests/bench/run.py", *sys.argv[1:]]),
        "seconds": arguments.seconds,
        "rounds": arguments.rounds,
        "machine": about,
        "targets": measure.summary(turns),
        "append": _appends(folder / "appends", arguments.seconds, cores[0]),
        "mark": MARK,
        "bad_answers": sum(result.bad for _, result in results),
        "disclosures_answered": sum(
            result.answers * _EACH[name[0]] for name, result in results if name[0] in _EACH
        ),
        "entries_written": written,
    }


def _appends(folder: Path, seconds: float, core: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(_HERE / "appends.py"), str(folder), str(seconds)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        stdout=subprocess.PIPE,
        check=True,
    )
    appended: dict[str, Any] = json.loads(done.stdout)
    return appended


def _print(found: dict[str, Any]) -> None:
    about = found["machine"]
    print(
        f"{found['date']}  {about['cpu']}, {about['cores']} cores, Python {about['python']}, {about['load']}"
    )
    heads = ("req/s", "p50 ms", "p99 ms", "cpu us", "share", "x proof", "x bare", "cpu x")
    print(" " * 20 + "".join(f"{head:>9}" for head in heads))
    for line in found["targets"]:
        print(
            f"{line['name']:>12} at {line['connections']:<4}{line['per_second']:>9.0f}{line['p50_ms']:>9.2f}"
            f"{line['p99_ms']:>9.2f}{line['cpu_us']:>9.0f}{line['share']:>9.2f}{line['to_proof']:>9.2f}"
            f"{line['to_bare']:>9.2f}{line['cpu_to_proof']:>9.2f}"
        )
    for line in found["targets"]:
        if line["name"] == "batch":
            rate = line["per_second"] * MOST_ITEMS
            print(
                f"batches of {MOST_ITEMS} at {line['connections']}: {rate:.0f} disclosures/s"
                f" (mark {MARK_OF_BATCHES}), {line['cpu_us'] / MOST_ITEMS:.0f} cpu us for each"
            )
    appended = found["append"]
    for batch, rate in appended["entries_per_second"].items():
        print(f"append, batch of {batch:>2}: {rate:>7.0f} entries/s")
    print(f"this disk: {appended['fdatasync_per_second']:.0f} durable writes of 4 KiB a second")
    full = {(line["name"], line["connections"]): line for line in found["targets"]}
    disclosure, proof = full["disclosure", 64], full["proof", 64]
    reached = disclosure["to_proof"]
    verdict = "reached" if reached >= found["mark"] else "not reached"
    if min(disclosure["share"], proof["share"]) < _QUIET:
        verdict = "not judged: the machine was busy with other things, only the cpu columns can be compared"
    print(
        f"mark: disclosure at 64 >= {found['mark']:.2f} x proof at 64: {reached:.2f}"
        f" ({disclosure['cpu_to_proof']:.2f} by processor time), {verdict}"
    )


if __name__ == "__main__":
    sys.exit(main())
