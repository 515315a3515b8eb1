"""Several processes on one PostgreSQL: they share a port, one that dies is replaced, and none stays behind."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import free_port
from tests.postgres import Cluster

WORKERS = 2


class Served:
    """`consent serve --workers 2` on a database of its own."""

    def __init__(self, folder: Path, database: str) -> None:
        self.port = free_port()
        self.metrics = free_port()
        words = [
            "serve",
            "--sandbox",
            "--data",
            str(folder),
            "--port",
            str(self.port),
            "--database",
            database,
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "consent", *words, "--workers", str(WORKERS)],
            env=os.environ | {"CONSENT_METRICS_PORT": str(self.metrics)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def answers(self, within: float = 60) -> bool:
        until = time.monotonic() + within
        while time.monotonic() < until:
            try:
                return httpx.get(f"http://localhost:{self.port}/sign-in", timeout=10).status_code == 200
            except httpx.TransportError:
                time.sleep(0.1)
        return False

    def begins(self) -> list[str]:
        """When each worker says, on a port of its own, that it began."""
        said = [
            httpx.get(f"http://127.0.0.1:{self.metrics + n}/metrics", timeout=30).text for n in range(WORKERS)
        ]
        return [re.findall(r"^consent_start_timestamp_seconds (.+)$", one, re.MULTILINE)[0] for one in said]

    def workers(self) -> set[int]:
        """The processes whose parent is the one that we started (Linux)."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(child) for child in listed.read_text().split()}


@pytest.fixture
async def database(postgres: Cluster) -> str:
    return await postgres.empty()


@pytest.fixture
def served(tmp_path: Path, database: str) -> Iterator[Served]:
    started = Served(tmp_path / "data", database)
    yield started
    if started.process.poll() is None:
        started.process.kill()
    started.process.communicate()


def test_they_answer_and_one_that_dies_is_replaced_and_all_end_together(served: Served) -> None:
    assert served.answers()
    before = wait_for(served, lambda now: len(now) == WORKERS)
    time.sleep(2.5)  # one that dies sooner would count as one that cannot start
    began = served.begins()
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    after = wait_for(served, lambda now: len(now) == WORKERS and killed not in now)
    assert len(before & after) == WORKERS - 1
    assert served.answers()
    # Each has numbers of its own, and the one that came took the port of the one that went.
    assert len({*began, *served.begins()}) == WORKERS + 1
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(30) == 0
    assert not any(Path(f"/proc/{worker}").exists() for worker in after)


def test_none_outlives_the_one_that_watches(served: Served) -> None:
    assert served.answers()
    workers = wait_for(served, lambda now: len(now) == WORKERS)
    served.process.kill()
    served.process.wait(10)
    until = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def wait_for(served: Served, is_right: Callable[[set[int]], bool]) -> set[int]:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        now = served.workers()
        if is_right(now):
            return now
        time.sleep(0.05)
    raise AssertionError(f"the workers are {served.workers()}")


def test_the_main_story_plays_on_two_of_them(tmp_path: Path, database: str) -> None:
    played = subprocess.run(
        [
            sys.executable,
            "-m",
            "consent",
            "demo",
            "--check",
            "--port",
            str(free_port()),
            "--data",
            str(tmp_path),
        ],
        env=os.environ | {"CONSENT_DATABASE": database, "CONSENT_WORKERS": str(WORKERS)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert played.returncode == 0, played.stdout + played.stderr
    assert "all good" in played.stdout


PROGRAM = """
import sys, time
from pathlib import Path
from consent import workers

workers._TOO_SOON = 0.3
folder, lives = Path(sys.argv[1]), float(sys.argv[2])

def work(number):
    with (folder / "starts").open("a") as starts:
        starts.write(f"{number}\\n")
    if number == 0 or (folder / "starts").read_text().count("1") == 4:
        time.sleep(lives)
        time.sleep(60 if lives else 0)
    elif (folder / "starts").read_text().count("1") == 1:
        time.sleep(lives)
    return 1

sys.exit(workers.run_workers(2, work))
"""


def started(folder: Path, *, lives: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(lives)], stderr=subprocess.DEVNULL
    )


def test_one_that_dies_at_once_is_tried_again_while_another_works(tmp_path: Path) -> None:
    """As when the database is away for a moment: the second worker dies, then twice at its start."""
    process = started(tmp_path, lives=1)
    try:
        until = time.monotonic() + 60
        while (tmp_path / "starts").read_text().count("1") < 4 if (tmp_path / "starts").exists() else True:
            assert process.poll() is None, "all were stopped"
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_when_none_can_live_all_are_stopped(tmp_path: Path) -> None:
    assert started(tmp_path, lives=0).wait(60) == 1


STOPPED_WHILE_IT_STARTS = """
import os, signal, sys, time
from consent import workers

fork = os.fork

def fork_and_be_stopped():
    child = fork()
    if child:
        os.kill(os.getpid(), signal.SIGTERM)
    return child

os.fork = fork_and_be_stopped
sys.exit(workers.run_workers(1, lambda number: time.sleep(600)))
"""


def test_a_stop_that_comes_while_a_worker_is_started_reaches_it() -> None:
    stopped = subprocess.run([sys.executable, "-c", STOPPED_WHILE_IT_STARTS], timeout=60, check=False)
    assert stopped.returncode == 0
