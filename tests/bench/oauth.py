"""The OAuth endpoints beside oidc-provider: `python tests/bench/oauth.py [--seconds N] [--rounds N] [--json FILE]`.

In one run, in turns, on one core, at 64 connections, the same three requests to both:

    par            a pushed authorization request: private_key_jwt, DPoP proof, PKCE S256
    token          client_credentials: private_key_jwt, DPoP proof
    introspection  a client asks, with private_key_jwt, about a token of its own from client_credentials

and one that only we can be asked here (`grant`): introspection of a token that stands for a citizen's grant, with what
she granted. Ours is `consent serve` on a real data folder (SQLite, WAL, synchronous=FULL): an answer leaves after its
commit. Theirs is npm oidc-provider in its FAPI 2.0 profile, NODE_ENV=production, with its own adapter, which keeps the
last 1000 things in memory. Our pushed request holds authorization_details (RFC 9396), read and checked against an
approved purpose; theirs holds a scope.

Every request is signed just before its measurement, with an assertion and a proof of its own. One answer other than 200
or 201 fails the run (exit code 1), and so do a token that is not active any more and fewer rows in our database than
answers. Figures are medians over the rounds, ratios are medians of the ratios within a round. `cpu us` is processor
time of the server's process for one answer; its ratio is the one that a busy machine disturbs least.

Node and npm must be there. The pinned packages (`tests/bench/node`) are installed once into a cache folder;
`--alone` measures ours without them.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from consent.oauth.clients import ASSERTION_TYPE  # noqa: E402
from consent.oauth.metadata import INTROSPECT_PATH, PAR_PATH, TOKEN_PATH  # noqa: E402
from consent.opening import DATABASE  # noqa: E402
from consent.seed import read_seed  # noqa: E402
from consent.words.purposes import request_type  # noqa: E402
from tests.bench import ground, measure  # noqa: E402

MARKS = {
    "par": 1.5,
    "token": 1.5,
    "introspection": 1.0,
}  # requests a second, as a multiple of oidc-provider's
CONNECTIONS = 64
QUIET = 0.85  # share of its core that a server has which nobody disturbs
_LONGEST = 240.0  # seconds of measuring: tokens live ten minutes, a pushed request five
_NODE = Path(__file__).with_name("node")
_VERIFIER = "v" * 43


class Side(NamedTuple):
    """One of the two servers, as a client sees it."""

    name: str
    port: int
    keys: list[ground.Key]  # of client-0, client-1, …
    paths: dict[str, str]  # par, token, introspection
    pushed: dict[str, str]  # what a pushed request holds
    tokens: list[str]  # of the clients themselves, in the same order; made anew before each measurement

    @property
    def issuer(self) -> str:
        """Its address."""
        return f"http://localhost:{self.port}"

    def par(self, number: int) -> bytes:
        """A whole pushed request."""
        return self._request(number, "par", self.pushed)

    def token(self, number: int) -> bytes:
        """A whole token request."""
        return self._request(number, "token", {"grant_type": "client_credentials"})

    def introspection(self, number: int) -> bytes:
        """A whole request about the client's own token."""
        token = self.tokens[number % len(self.keys)]
        return self._request(number, "introspection", {"token": token}, proof=False)

    def about(self, number: int, token: str) -> bytes:
        """A whole request about *token*."""
        return self._request(number, "introspection", {"token": token}, proof=False)

    def renew_tokens(self) -> None:
        """New tokens for introspection: oidc-provider forgets old ones when it keeps 1000 newer things."""
        self.tokens[:] = [ask(self.token(n), self.port)["access_token"] for n in range(len(self.keys))]

    def check_tokens(self) -> None:
        """Raise SystemExit when one of them is not active any more: then something else was measured."""
        for number in range(len(self.keys)):
            said = ask(self.introspection(number), self.port)
            if said.get("active") is not True or said.get("client_id") != f"client-{number}":
                raise SystemExit(f"{self.name}: a token is not active after the measurement")

    def _request(self, number: int, name: str, form: dict[str, str], *, proof: bool = True) -> bytes:
        place = number % len(self.keys)
        client, key, path = f"client-{place}", self.keys[place], self.paths[name]
        whole = form | {
            "client_id": client,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": key.assertion(client, self.issuer),
        }
        body = urlencode(whole).encode()
        proofs = f"DPoP: {key.proof('POST', self.issuer + path)}\r\n" if proof else ""
        return (
            f"POST {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n{proofs}"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


class Turn(NamedTuple):
    """One thing to measure: which endpoint of whom, and what goes before and after each measurement."""

    target: measure.Target
    before: Callable[[], None]
    after: Callable[[], None]


def main() -> int:
    """Measure, print the table, write the JSON. 0 when every answer was good."""
    arguments = _arguments()
    node = None if arguments.alone else installed(cache())
    with tempfile.TemporaryDirectory(prefix="consent-bench-") as folder:
        found = _measured(arguments, Path(folder), node)
    _print(found)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    if found["bad_answers"] or any(found["written"][n] < found["answered"][n] for n in found["written"]):
        print(
            f"FAILED: {found['bad_answers']} bad answers; {found['answered']} answered, {found['written']} kept"
        )
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement (2)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each target has its turn (5)")
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE")
    parser.add_argument("--alone", action="store_true", help="measure ours only, without Node")
    arguments = parser.parse_args()
    if min(arguments.seconds, arguments.rounds) <= 0:
        parser.error("seconds and rounds are more than zero")
    if arguments.seconds * arguments.rounds * 7 > _LONGEST:
        parser.error(f"at most {_LONGEST:.0f} seconds of measuring in all: tokens and requests expire")
    return arguments


def cache() -> Path:
    """Where the packages of this very lock file are, or will be."""
    lock = hashlib.sha256((_NODE / "package-lock.json").read_bytes()).hexdigest()[:16]
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "consent-bench" / lock


def is_installed() -> bool:
    """Answer whether Node and the pinned packages are there already."""
    return shutil.which("node") is not None and (cache() / "node_modules" / "oidc-provider").is_dir()


def installed(folder: Path) -> Path:
    """The folder with oidc-provider in it; npm fetches what the lock file pins when it is not there yet."""
    if not is_installed():
        if shutil.which("npm") is None:
            raise SystemExit("Node and npm are needed for oidc-provider; --alone measures ours without them")
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_NODE / name, folder / name)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True)
    # The server stands beside its packages: that is where Node looks for them.
    shutil.copy(_NODE / "server.mjs", folder / "server.mjs")
    return folder


def ask(request: bytes, port: int) -> dict[str, Any]:
    """Send one ready-made request and read its answer. Raises SystemExit on anything but 200 and 201."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    url = f"http://127.0.0.1:{port}{first.split()[1]}"
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, body, headers, method="POST"), timeout=30
        ) as answer:
            said: dict[str, Any] = json.loads(answer.read())
            return said
    except urllib.error.HTTPError as no:
        raise SystemExit(f"{first} was answered {no.code}: {no.read().decode()}") from None


def _measured(arguments: argparse.Namespace, folder: Path, node: Path | None) -> dict[str, Any]:
    cores = sorted(os.sched_getaffinity(0))
    about = measure.machine()
    made = asyncio.run(ground.prepare_ground(folder / "service", measure.free_port(), ground.CLIENTS))
    own = our_side(made)
    # Every request is counted as ever; only the limit is one that nobody reaches.
    words = ["env", "CONSENT_LIMIT_CLIENT=1000000000", sys.executable, "-m", "consent", "serve"]
    words += ["--data", str(made.folder), "--port", str(made.port)]
    with measure.serving(words, port=made.port, core=cores[0], root=ROOT) as own_pid:
        if node is None:
            os.sched_setaffinity(0, {cores[-1]})
            rounds = _rounds(arguments, folder, _turns(own, own_pid, made))
        else:
            theirs = their_side(own.keys, measure.free_port())
            file = folder / "clients.json"
            clients = [
                {"id": f"client-{n}", "jwk": key.jwk, "redirect_uri": theirs.pushed["redirect_uri"]}
                for n, key in enumerate(theirs.keys)
            ]
            file.write_text(json.dumps({"port": theirs.port, "clients": clients}), "utf-8")
            words = ["env", "NODE_ENV=production", "node", str(node / "server.mjs"), str(file)]
            with measure.serving(words, port=theirs.port, core=cores[0], root=ROOT) as their_pid:
                os.sched_setaffinity(0, {cores[-1]})
                turns = [
                    *_turns(own, own_pid, made),
                    *_turns(theirs, their_pid, None),
                ]
                # An endpoint of ours, then the same of theirs.
                rounds = _rounds(arguments, folder, sorted(turns, key=_endpoint))
        written = _kept(made.folder)
    if node is not None:
        about["node"] = subprocess.run(
            ["node", "--version"], capture_output=True, text=True, check=True
        ).stdout.strip()
        package = json.loads((node / "node_modules" / "oidc-provider" / "package.json").read_text("utf-8"))
        about["packages"]["oidc-provider"] = package["version"]
    answered = {
        name: sum(turn[f"ours {name}", CONNECTIONS].answers for turn in rounds) for name in ("par", "token")
    }
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(["python", "tests/bench/oauth.py", *sys.argv[1:]]),
        "seconds": arguments.seconds,
        "rounds": arguments.rounds,
        "machine": about,
        "targets": _summary(rounds[1:]),
        "marks": MARKS,
        "bad_answers": sum(result.bad for turn in rounds for result in turn.values()),
        "answered": answered,
        "written": written,
    }


def our_side(made: ground.Ground) -> Side:
    """`consent serve`, with the clients that the ground was made with."""
    detail = {
        "type": request_type(made.issuer),
        "purpose": read_seed().organisations[0].purposes[0].id,
        "purpose_version": 1,
        "attributes": ground.ATTRIBUTES,
        "duration_days": 90,
    }
    return Side(
        "ours",
        made.port,
        [access.key for access in made.accesses[: ground.CLIENTS]],
        {"par": PAR_PATH, "token": TOKEN_PATH, "introspection": INTROSPECT_PATH},
        _pushed(ground.REDIRECT) | {"authorization_details": json.dumps([detail])},
        [],
    )


def their_side(keys: list[ground.Key], port: int) -> Side:
    """oidc-provider, with clients of the same names and keys."""
    return Side(
        "oidc-provider",
        port,
        keys,
        {"par": "/request", "token": "/token", "introspection": "/token/introspection"},
        _pushed("https://client.example/callback") | {"scope": "openid"},
        [],
    )


def _pushed(redirect_uri: str) -> dict[str, str]:
    challenge = hashlib.sha256(_VERIFIER.encode()).digest()
    return {
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "state": "s",
    }


def _turns(side: Side, pid: int, made: ground.Ground | None) -> list[Turn]:
    def target(name: str, make: Callable[[int], bytes]) -> measure.Target:
        return measure.Target(f"{side.name} {name}", CONNECTIONS, side.port, pid, make, False)

    def nothing() -> None:
        return None

    turns = [
        Turn(target("par", side.par), nothing, nothing),
        Turn(target("token", side.token), nothing, nothing),
        Turn(target("introspection", side.introspection), side.renew_tokens, side.check_tokens),
    ]
    if made is not None:

        def about_grant(number: int) -> bytes:
            return side.about(number, made.accesses[number % len(side.keys)].token)

        turns.append(Turn(target("grant", about_grant), nothing, nothing))
    return turns


def _endpoint(turn: Turn) -> int:
    return ["par", "token", "introspection", "grant"].index(turn.target.name.split()[-1])


def _rounds(arguments: argparse.Namespace, folder: Path, turns: list[Turn]) -> list[measure.Turn]:
    """One short round that warms everything up, then those that count."""
    expected = {turn.target.name: 1_500.0 for turn in turns}
    rounds = []
    for number in range(1 + arguments.rounds):
        seconds = arguments.seconds if number else min(1.0, arguments.seconds)
        results: measure.Turn = {}
        for turn in turns:
            turn.before()
            name = turn.target.name
            results[name, CONNECTIONS] = measure.one(
                turn.target, expected[name], seconds, folder / "requests"
            )
            expected[name] = results[name, CONNECTIONS].per_second
            turn.after()
        rounds.append(results)
    return rounds


def _kept(folder: Path) -> dict[str, int]:
    """How many pushed requests and tokens of clients the database holds, read by another process than the service's."""
    connection = sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True)
    try:
        (requests,) = connection.execute("SELECT count(*) FROM requests").fetchone()
        (tokens,) = connection.execute("SELECT count(*) FROM tokens WHERE kind = 'client'").fetchone()
    finally:
        connection.close()
    return {"par": requests, "token": tokens}


def _summary(rounds: list[measure.Turn]) -> list[dict[str, Any]]:
    lines = []
    for name, connections in rounds[0]:
        of = [turn[name, connections] for turn in rounds]
        line: dict[str, Any] = {
            "name": name,
            "per_second": round(statistics.median(r.per_second for r in of), 1),
            "p50_ms": round(statistics.median(r.p50 for r in of), 2),
            "p99_ms": round(statistics.median(r.p99 for r in of), 2),
            "cpu_us": round(statistics.median(r.cpu for r in of), 1),
            "share": round(statistics.median(r.share for r in of), 3),
            "rounds": [round(r.per_second, 1) for r in of],
        }
        other = (f"oidc-provider {name.split()[-1]}", connections)
        if name.startswith("ours ") and other in rounds[0]:
            line["ratio"] = round(
                statistics.median(
                    turn[name, connections].per_second / turn[other].per_second for turn in rounds
                ),
                3,
            )
            line["cpu_ratio"] = round(
                statistics.median(turn[other].cpu / turn[name, connections].cpu for turn in rounds), 3
            )
        lines.append(line)
    return lines


def _print(found: dict[str, Any]) -> None:
    about = found["machine"]
    print(
        f"{found['date']}  {about['cpu']}, {about['cores']} cores, Python {about['python']}, "
        f"Node {about.get('node', 'not used')}, {about['load']}"
    )
    heads = ("req/s", "p50 ms", "p99 ms", "cpu us", "share", "x theirs", "cpu x")
    print(" " * 28 + "".join(f"{head:>9}" for head in heads))
    for line in found["targets"]:
        ratios = f"{line['ratio']:>9.2f}{line['cpu_ratio']:>9.2f}" if "ratio" in line else ""
        print(
            f"{line['name']:>27} {line['per_second']:>9.0f}{line['p50_ms']:>9.2f}{line['p99_ms']:>9.2f}"
            f"{line['cpu_us']:>9.0f}{line['share']:>9.2f}{ratios}"
        )
    for line in found["targets"]:
        mark = found["marks"].get(line["name"].split()[-1])
        if "ratio" in line and mark is not None:
            verdict = "reached" if line["ratio"] >= mark else "not reached"
            if line["share"] < QUIET:
                verdict = (
                    "not judged: the machine was busy with other things, only the cpu columns say something"
                )
            print(
                f"mark: {line['name']} >= {mark:.1f} x oidc-provider: {line['ratio']:.2f}"
                f" ({line['cpu_ratio']:.2f} by processor time), {verdict}"
            )


if __name__ == "__main__":
    sys.exit(main())
