"""The benchmark runs, for a moment and without judging how fast: its figures are complete and every answer was good."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench import load

ROOT = Path(__file__).resolve().parents[2]


_SAYS_NO = """
import asyncio

class No(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        answer = b"HTTP/1.1 401 Unauthorized\\r\\ncontent-length: 0\\r\\n\\r\\n"
        self.transport.write(answer * data.count(b"\\r\\n\\r\\n"))

async def main():
    server = await asyncio.get_running_loop().create_server(No, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
# A part of a second goes through asyncio, a whole one through wrk where it is installed.
both_generators = pytest.mark.parametrize("seconds", [0.2, 1.0])


@pytest.fixture
def refusing_port() -> Iterator[int]:
    """The port of a server that says no to everything."""
    server = subprocess.Popen([sys.executable, "-c", _SAYS_NO], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        with server.stdout as said:
            yield int(said.readline())
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The figures of one very short run."""
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    words = ["--seconds", "0.1", "--rounds", "1", "--citizens", "4", "--json", str(file)]
    done = subprocess.run(
        [sys.executable, "tests/bench/run.py", *words], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "x proof" in done.stdout
    figures: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return figures


def test_everything_was_measured_side_by_side(found: dict[str, Any]) -> None:
    measured = [(line["name"], line["connections"]) for line in found["targets"]]
    assert measured == [
        ("bare", 64),
        ("proof", 64),
        ("disclosure", 1),
        ("disclosure", 16),
        ("disclosure", 64),
        ("batch", 1),
        ("batch", 4),
    ]
    for line in found["targets"]:
        assert min(line["per_second"], line["cpu_us"], line["to_proof"], line["to_bare"]) > 0
        assert line["p50_ms"] <= line["p99_ms"]
        assert len(line["rounds"]) == 1
    assert set(found["append"]["entries_per_second"]) == {"1", "16", "64"}


def test_every_answered_disclosure_is_in_the_log(found: dict[str, Any]) -> None:
    assert found["bad_answers"] == 0
    assert 0 < found["disclosures_answered"] <= found["entries_written"]


def test_the_figures_say_where_and_when(found: dict[str, Any]) -> None:
    assert found["date"].endswith("+00:00")
    assert {"cores", "cpu", "memory_gib", "python", "packages", "load"} <= set(found["machine"])
    assert all(found["machine"]["packages"].values())


@both_generators
def test_a_bad_answer_is_not_counted_as_good(refusing_port: int, tmp_path: Path, seconds: float) -> None:
    file = tmp_path / "requests"
    counted = load.drive(refusing_port, [REQUEST], again=True, connections=2, seconds=seconds, file=file)
    assert counted.answers > 0
    assert counted.bad == counted.answers


@both_generators
def test_requests_that_do_not_last_are_noticed(refusing_port: int, tmp_path: Path, seconds: float) -> None:
    file = tmp_path / "requests"
    counted = load.drive(refusing_port, [REQUEST] * 3, again=False, connections=2, seconds=seconds, file=file)
    assert counted.dry
