"""The log's benchmark: `python tests/bench/ledger.py [--seconds N] [--rounds N] [--json FILE]`.

In one run, side by side, on one disk, it measures

    rows         bare rows of 152 bytes in SQLite (WAL, synchronous=FULL), in batches: what the rest is compared with
    log          the log alone: the same leaves, with tiles, a signed checkpoint and a proof for each entry
    scribe       the same as the service does it: a citizen's entry with its keys, commitments, opening and detail
    pymerkle     its durable tree (SqliteTree): append, root and proof, in batches of one; also with our journal mode
    proof        of an old entry in a log of a million, from the tiles in the database
    replay       what the auditor's verifier reads and replays on one core

All run in this process on one core. `rows`, `log` and `pymerkle` begin with the same 10,000 leaves and take turns,
round after round; figures are medians over the rounds, ratios medians of the ratios within a round. `cpu x` is the
ratio of the processor time for an entry: a busy machine disturbs it least. `waits` is how much of the time we could
have run and others had our core: far above 0, only the `cpu` columns say something. Proofs are checked, and so is
that the database holds what was appended. pymerkle must be installed (it is one of the test dependencies).
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

from tests.bench import logs, measure  # noqa: E402
from tests.bench.appends import appends  # noqa: E402
from tests.bench.old_proofs import old_proofs  # noqa: E402
from tests.bench.replay import replay  # noqa: E402

BATCHES = (1, 16, 64, 256)
BEGIN_WITH = 10_000
MARKS = {
    "log, batch of 64, x rows": 0.3,
    "log, batch of 1, x pymerkle": 4.0,
    "proof in a million, ms": 0.7,
    "replay, entries a second": 100_000,
}
_BUSY = 0.15  # of the time waited for a core
Turn = dict[tuple[str, int], logs.Rate]


def main() -> int:
    """Measure, print, write the JSON. 0 when everything that was measured was also right."""
    arguments = _arguments()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(prefix="consent-bench-") as folder:
        found = _measured(arguments, Path(folder))
    _print(found)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement (2)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each log has its turn (5)")
    parser.add_argument("--entries", type=int, default=1_000_000, help="of the log with old proofs (1000000)")
    parser.add_argument("--proofs", type=int, default=2_000, help="warm proofs (2000)")
    parser.add_argument("--replayed", type=int, default=50_000, help="entries to replay (50000)")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE")
    arguments = parser.parse_args()
    if min(arguments.seconds, arguments.rounds, arguments.proofs, arguments.replayed) <= 0:
        parser.error("everything is more than zero")
    if arguments.entries < 1_000:
        parser.error("a log with old proofs has at least 1000 entries")
    return arguments


def _measured(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    about = measure.machine() | {"busy": round(os.getloadavg()[0], 1)}
    turns = asyncio.run(turns_of(folder, arguments.rounds, arguments.seconds))
    scribe = asyncio.run(appends(folder / "scribe", arguments.seconds, BATCHES))
    proofs = asyncio.run(old_proofs(folder / "old", arguments.entries, arguments.proofs))
    (folder / "replay").mkdir()
    replayed = replay(arguments.replayed, folder / "replay")
    found = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", "tests/bench/ledger.py", *sys.argv[1:]]),
        "seconds": arguments.seconds,
        "rounds": arguments.rounds,
        "machine": about,
        "appends": summary(turns),
        "scribe": scribe,
        "proof": proofs,
        "replay": replayed,
    }
    return found | {"marks": _marks(found)}


async def turns_of(folder: Path, rounds: int, seconds: float) -> list[Turn]:
    chance = random.Random(1)
    leaves = [chance.randbytes(152) for _ in range(BEGIN_WITH)]
    rows = logs.BareRows(folder / "rows.db")
    ours = await logs.OurLog.begin(folder / "ours.db")
    peer = logs.Pymerkle(folder / "pymerkle.db")
    peer_wal = logs.Pymerkle(folder / "pymerkle-wal.db", wal=True)
    await rows.append(leaves)
    await peer.fill(leaves)
    await peer_wal.fill(leaves)
    for start in range(0, len(leaves), 256):
        await ours.append(leaves[start : start + 256])
    alone: list[tuple[str, logs.Log]] = [("pymerkle", peer), ("pymerkle, WAL", peer_wal)]
    targets = [(name, log, 1) for name, log in alone]
    for size in BATCHES:
        targets += [("rows", rows, size), ("log", ours, size)]
    try:
        turns: list[Turn] = []
        for turn in range(rounds + 1):
            length = seconds if turn else seconds / 10  # the first one warms everything up
            took = {(name, size): await logs.rate(log, leaves, size, length) for name, log, size in targets}
            turns += [took] if turn else []
        await ours.check(leaves[:64])
        return turns
    finally:
        for log in (rows, ours, peer, peer_wal):
            await log.close()


def summary(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    lines = []
    for name, size in turns[0]:
        against = ("rows", size)
        lines.append(
            {
                "name": name,
                "batch": size,
                "per_second": round(statistics.median(t[name, size].per_second for t in turns)),
                "cpu_us": round(statistics.median(t[name, size].cpu_us for t in turns), 1),
                "waits": _ratio([t[name, size].waited / t[name, size].seconds for t in turns]),
                "to_rows": _ratio([t[name, size].per_second / t[against].per_second for t in turns]),
                "cpu_to_rows": _ratio([t[against].cpu_us / t[name, size].cpu_us for t in turns]),
            }
        )
        if size == 1:
            peer = ("pymerkle", 1)
            lines[-1] |= {
                "to_pymerkle": _ratio([t[name, 1].per_second / t[peer].per_second for t in turns]),
                "cpu_to_pymerkle": _ratio([t[peer].cpu_us / t[name, 1].cpu_us for t in turns]),
            }
    return lines


def _ratio(ratios: Sequence[float]) -> float:
    return round(statistics.median(ratios), 3)


def _marks(found: dict[str, Any]) -> list[dict[str, Any]]:
    by = {(line["name"], line["batch"]): line for line in found["appends"]}
    reached = {
        "log, batch of 64, x rows": (by["log", 64]["to_rows"], by["log", 64]["cpu_to_rows"]),
        "log, batch of 1, x pymerkle": (by["log", 1]["to_pymerkle"], by["log", 1]["cpu_to_pymerkle"]),
        "proof in a million, ms": (
            max(found["proof"]["milliseconds"][kind]["p50"] for kind in ("warm", "cold")),
            None,
        ),
        "replay, entries a second": (found["replay"]["replayed_per_second"], None),
    }
    return [
        {
            "mark": mark,
            "wanted": wanted,
            "is": reached[mark][0],
            "by_cpu": reached[mark][1],
            "reached": reached[mark][0] <= wanted if mark.endswith("ms") else reached[mark][0] >= wanted,
        }
        for mark, wanted in MARKS.items()
    ]


def _print(found: dict[str, Any]) -> None:
    about = found["machine"]
    print(
        f"{found['date']}  {about['cpu']}, {about['cores']} cores, Python {about['python']}, load {about['busy']}"
    )
    heads = ("entries/s", "cpu us", "waits", "x rows", "cpu x", "x pymerkle", "cpu x")
    print(" " * 26 + "".join(f"{head:>11}" for head in heads))
    for line in found["appends"]:
        print(
            f"{line['name']:>14}, batch {line['batch']:<4}{line['per_second']:>12,}{line['cpu_us']:>11.1f}"
            f"{line['waits']:>11.2f}{line['to_rows']:>11.2f}{line['cpu_to_rows']:>11.2f}"
            + (
                f"{line['to_pymerkle']:>11.2f}{line['cpu_to_pymerkle']:>11.2f}"
                if "to_pymerkle" in line
                else ""
            )
        )
    for batch, rate in found["scribe"]["entries_per_second"].items():
        print(f"        scribe, batch {batch:<4}{rate:>12,.0f}")
    proof = found["proof"]
    for kind, taken in proof["milliseconds"].items():
        print(
            f"proof in {proof['entries']:,}, {kind:>4}: p50 {taken['p50']:.3f} ms, p99 {taken['p99']:.3f} ms"
        )
    for name, value in found["replay"].items():
        print(f"replay, {name}: {value:,.0f}")
    print(f"this disk: {found['scribe']['fdatasync_per_second']:.0f} durable writes of 4 KiB a second")
    busy = max(line["waits"] for line in found["appends"]) > _BUSY
    for mark in found["marks"]:
        by_cpu = "" if mark["by_cpu"] is None else f" ({mark['by_cpu']:.2f} by processor time)"
        verdict = "reached" if mark["reached"] else "not reached"
        if busy:
            verdict += ", but the machine was busy with other things: measure again"
        print(f"mark: {mark['mark']}: wanted {mark['wanted']:,}, is {mark['is']:,}{by_cpu}: {verdict}")


if __name__ == "__main__":
    sys.exit(main())
