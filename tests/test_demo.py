"""The story that the README promises, step by step, as `consent demo --check` plays it over real HTTP."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import free_port

# Who says it, and what the line must hold, in this order.
STORY = [
    ("operator", r"Gemeente Voorbeeldstad is approved for: energietoeslag@1"),
    ("operator", r"the service is at http://localhost:\d+"),
    ("municipality", r"asks for 4 attributes, two of them optional"),
    ("citizen", r"signs in and reads: “Gemeente Voorbeeldstad vraagt om uw gegevens”, with her own values"),
    ("citizen", r"ticks 3 of 4 and says yes"),
    ("municipality", r"gets 3 values; the SDK checked the proof first"),
    ("citizen", r"reads on her timeline: “U krijgt deze brief omdat u dit deelde met Gemeente Voorbeeldstad"),
    ("citizen", r"presses Stop"),
    ("municipality", r"hears it by a signed message, confirms, and signs that what it had is gone"),
    ("municipality", r"the same fetch is refused: grant_not_active$"),
    (
        "municipality",
        r"a retry of the old fetch is refused: grant_not_active \(with the proof of the old entry",
    ),
    ("auditor", r"live log and replayed openings: all good"),
    ("auditor", r"copy with one changed byte: Verdict: INVALID, entry \d+"),
]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> "subprocess.CompletedProcess[str]":
    folder = tmp_path_factory.mktemp("demo")
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "consent",
            "demo",
            "--check",
            "--port",
            str(free_port()),
            "--data",
            str(folder),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_demo_plays_every_step_in_order(played: "subprocess.CompletedProcess[str]") -> None:
    assert played.returncode == 0, played.stdout + played.stderr
    lines = [line.strip().partition(": ")[::2] for line in played.stdout.splitlines() if ": " in line][1:]
    assert [who for who, _ in lines] == [who for who, _ in STORY]
    for (_, said), (_, expected) in zip(lines, STORY, strict=True):
        assert re.search(expected, said), (said, expected)


def test_the_demo_is_quiet_on_the_side(played: "subprocess.CompletedProcess[str]") -> None:
    assert played.stderr == ""


def test_a_port_that_somebody_has_is_refused_before_anything_is_played(tmp_path: Path) -> None:
    demo = [sys.executable, "-m", "consent", "demo", "--check", "--data", str(tmp_path)]
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = somebody.getsockname()[1]
        for given in (port, port - 1):  # the service's, and that of the municipality's own site
            done = subprocess.run(
                [*demo, "--port", str(given)], capture_output=True, text=True, timeout=120, check=False
            )
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr.startswith("consent: the port is in use")
            assert not any(tmp_path.iterdir())


def test_a_used_folder_is_refused_in_one_plain_line(tmp_path: Path) -> None:
    (tmp_path / "something").touch()
    demo = [sys.executable, "-m", "consent", "demo", "--check", "--port", str(free_port())]
    done = subprocess.run(
        [*demo, "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "consent: give the demo an empty folder\n")
