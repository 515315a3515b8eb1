"""The benchmark of the OAuth endpoints runs, for a moment: ours alone, and beside oidc-provider where that is."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.bench import ground, oauth

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
OURS = ["ours par", "ours token", "ours introspection", "ours grant"]


def run(file: Path, *words: str) -> dict[str, Any]:
    """The figures of one very short run."""
    done = subprocess.run(
        [
            sys.executable,
            "tests/bench/oauth.py",
            *("--seconds", "0.1", "--rounds", "1", "--json", str(file)),
            *words,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return figures


def test_ours_alone_answers_and_keeps_everything(tmp_path: Path) -> None:
    found = run(tmp_path / "figures.json", "--alone")
    assert [line["name"] for line in found["targets"]] == OURS
    for line in found["targets"]:
        assert min(line["per_second"], line["cpu_us"]) > 0
    assert found["bad_answers"] == 0
    for name, answered in found["answered"].items():
        assert 0 < answered <= found["written"][name]


@pytest.mark.skipif(
    not oauth.is_installed(), reason="oidc-provider is not installed; tests/bench/oauth.py does that"
)
def test_both_are_measured_beside_each_other(tmp_path: Path) -> None:
    found = run(tmp_path / "figures.json")
    of = {line["name"]: line for line in found["targets"]}
    for name in oauth.MARKS:
        assert of[f"oidc-provider {name}"]["per_second"] > 0
        assert min(of[f"ours {name}"]["ratio"], of[f"ours {name}"]["cpu_ratio"]) > 0
    assert found["bad_answers"] == 0


def test_the_packages_are_pinned_by_what_is_in_them() -> None:
    lock = json.loads((ROOT / "tests/bench/node/package-lock.json").read_text("utf-8"))
    wanted = json.loads((ROOT / "tests/bench/node/package.json").read_text("utf-8"))["dependencies"]
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert packages["node_modules/oidc-provider"]["version"] == wanted["oidc-provider"]
    for name, one in packages.items():
        assert one["integrity"].startswith("sha512-"), name
        assert "resolved" not in one, name
        assert re.fullmatch(r"[0-9.]+", one["version"]), name


@contextmanager
def answering(status: int, body: dict[str, Any]) -> Iterator[int]:
    """The port of a server that answers everything so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            said = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the test's own output."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_token_that_was_forgotten_fails_the_run() -> None:
    with answering(200, {"active": False}) as port:
        side = oauth.their_side([ground.Key()], port)
        side.tokens.append("t" * 43)
        with pytest.raises(SystemExit, match="not active"):
            side.check_tokens()


def test_a_refusal_fails_the_run() -> None:
    with answering(401, {"error": "invalid_client"}) as port:
        side = oauth.their_side([ground.Key()], port)
        with pytest.raises(SystemExit, match="401"):
            side.renew_tokens()
