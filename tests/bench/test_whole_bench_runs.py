"""The whole table is made, for a moment and without judging how fast; its marks and its comparison say what is so."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench import whole

ROOT = Path(__file__).resolve().parents[2]
AMOUNTS = ("--seconds", "0.1", "--rounds", "1", "--citizens", "8", "--entries", "1500", "--stops", "10")
ON_SQLITE = [("disclosure", 1), ("disclosure", 16), ("disclosure", 64), ("disclosure", 256)]
ON_POSTGRESQL = [("PostgreSQL", 1), ("PostgreSQL", 16), ("PostgreSQL", 64), ("PostgreSQL", 256)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """The figures of one very short run, and what it printed."""
    file = tmp_path_factory.mktemp("whole") / "figures" / "whole.json"
    words = [*AMOUNTS, "--without", "oidc-provider", "memory", "logs", "--json", str(file)]
    done = subprocess.run(
        [sys.executable, "tests/bench/whole.py", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(file.read_text("utf-8")), done.stdout


@pytest.mark.long
def test_every_row_is_there_and_every_answer_was_good(made: tuple[dict[str, Any], str]) -> None:
    found, said = made
    rows = [(line["name"], line["connections"]) for line in found["targets"]]
    assert {
        *ON_SQLITE,
        *ON_POSTGRESQL,
        ("batches of 100", 4),
        ("PostgreSQL, 2 processes, all cores", 64),
    } <= {*rows}
    for line in found["targets"]:
        assert min(line["per_second"], line["cpu_us"], line["to_proof"]) > 0
        is_beside = line["name"].startswith("PostgreSQL") and "CONSENT_TEST_PG_URL" not in os.environ
        assert (line["beside_us"] > 0) == is_beside, line
    assert found["bad_answers"] == 0
    assert 0 < found["disclosures_answered"] <= found["entries_written"]
    assert found["withdrawal"]["stops"] > 0
    assert found["growth"]["entries"] == [1000, 1500]
    for mark in whole.MARKS:
        assert mark.name in said


@pytest.mark.long
def test_the_service_without_its_log_writes_no_entry(made: tuple[dict[str, Any], str]) -> None:
    found, _ = made
    assert found["entries_without_the_log"] == 0
    assert "without the log" in {line["name"] for line in found["targets"]}


FIGURES: dict[str, Any] = {
    "date": "2026-01-01",
    "ratios": {
        "disclosure / proof": 0.76,
        "disclosure / without the log": 0.90,
        "disclosure / oidc-provider": 2.0,
    },
    "bad_answers": 0,
    "targets": [
        {"name": "disclosure", "connections": 64, "to_proof": 0.76, "share": 0.99},
        {"name": "proof", "connections": 64, "to_proof": 1.0, "share": 0.5},
        {"name": "disclosure", "connections": 16, "to_proof": 0.7, "share": 0.9, "p99_ms": 10.1},
    ],
}


def test_a_mark_is_reached_or_not_or_was_not_measured() -> None:
    marks = {line["mark"]: line for line in whole.judged(FIGURES)}
    assert marks["disclosure at 64 / proof"]["reached"] is True
    assert marks["disclosure at 64 / proof"]["quiet"] is False  # others had a core that it needed
    assert marks["disclosure at 64 / oidc-provider"]["reached"] is False
    assert marks["disclosure at 16: p99, ms"]["reached"] is False
    assert marks["price of the log, part of a disclosure"]["is"] == pytest.approx(0.10)
    assert marks["price of the log, part of a disclosure"]["reached"] is True
    assert marks["withdrawal under full load: p99, ms"]["reached"] is None


def test_a_ratio_that_moved_by_more_than_a_tenth_is_named() -> None:
    now = FIGURES | {
        "ratios": FIGURES["ratios"] | {"disclosure / proof": 0.68, "disclosure / oidc-provider": 2.19}
    }
    assert whole.moved(FIGURES, now) == ["disclosure / proof: 0.76 -> 0.68 (-11%)"]
    assert whole.moved(FIGURES, FIGURES) == []
