"""The log's benchmark runs, for a moment and without judging how fast: its figures are complete and its proofs hold."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench import ledger, logs

ROOT = Path(__file__).resolve().parents[2]

pytest.importorskip("pymerkle")
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The figures of one very short run."""
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    words = ["--seconds", "0.02", "--rounds", "1", "--entries", "1500", "--proofs", "5", "--replayed", "200"]
    done = subprocess.run(
        [sys.executable, "tests/bench/ledger.py", *words, "--json", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("mark: ") == len(ledger.MARKS)
    figures: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return figures


def test_all_logs_were_measured_side_by_side(found: dict[str, Any]) -> None:
    measured = {(line["name"], line["batch"]) for line in found["appends"]}
    assert measured == {
        ("pymerkle", 1),
        ("pymerkle, WAL", 1),
        *((name, size) for name in ("rows", "log") for size in ledger.BATCHES),
    }
    assert all(
        min(line["per_second"], line["cpu_us"], line["to_rows"], line["cpu_to_rows"]) > 0
        for line in found["appends"]
    )
    assert set(found["scribe"]["entries_per_second"]) == {"1", "16", "64", "256"}
    assert found["proof"]["entries"] == 1500
    assert set(found["proof"]["milliseconds"]) == {"warm", "cold", "disk"}


def test_each_mark_is_said_to_be_reached_or_not(found: dict[str, Any]) -> None:
    marks = {mark["mark"]: mark for mark in found["marks"]}
    assert set(marks) == set(ledger.MARKS)
    slow = marks["proof in a million, ms"]
    assert slow["reached"] == (slow["is"] <= 0.7)
    rows = marks["log, batch of 64, x rows"]
    assert rows["reached"] == (rows["is"] >= 0.3)


async def test_what_is_compared_is_one_tree(tmp_path: Path) -> None:
    """Ours and pymerkle's come to the same root over the same leaves, and every proof of ours holds."""
    leaves = [bytes([k % 256]) * 152 for k in range(300)]
    ours, peer = await logs.OurLog.begin(tmp_path / "ours.db"), logs.Pymerkle(tmp_path / "peer.db")
    try:
        await peer.fill([*leaves, *leaves[:64]])
        for start in range(0, 300, 50):
            await ours.append(leaves[start : start + 50])
        await ours.check(leaves[:64])
        assert ours.root() == peer.root()
    finally:
        await ours.close()
        await peer.close()
