"""The command line of a witness: it opens its own folder, says its public key and serves until it is told to stop."""

import argparse
import contextlib
import signal
import time
from pathlib import Path
from typing import Any

from consent.words.errors import Misconfigured


def add_witness_command(commands: Any) -> None:
    """Add `consent witness` to the command line."""
    words = commands.add_parser(
        "witness", help="cosign the checkpoints of logs: see that each has one history"
    )
    words.add_argument("--data", metavar="DIR", default="witness-data", help="its own folder (witness-data)")
    words.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    words.add_argument("--port", type=int, default=8100, help="port (8100)")
    words.add_argument(
        "--name", default="", help="at the first start: its name for good, such as org.example/witness"
    )
    words.add_argument(
        "--log", action="append", default=[], metavar="VKEY", help="a log to watch; again for more"
    )
    words.add_argument("--policy", metavar="FILE", help="a tlog-policy whose `log` lines are watched")
    words.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    import uvicorn

    from consent.keyfiles import check_owner
    from consent.lines import speak_in_lines
    from consent.opening import only_server
    from consent.serve import listen
    from consent.witness import application, open_witness

    logs = [*arguments.log, *(_logs_in(Path(arguments.policy)) if arguments.policy else [])]
    if not logs:
        raise Misconfigured("say with --log or --policy which logs to watch")
    folder = Path(arguments.data)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_owner(folder)
    speak_in_lines()
    with only_server(folder):
        name = arguments.name or ("" if (folder / "keys").exists() else f"localhost:{arguments.port}/witness")
        witness = open_witness(folder, name=name, logs=logs, clock=lambda: int(time.time()))
        print(witness.vkey, flush=True)
        listener = listen(arguments.host, arguments.port)
        # uvicorn stops by itself and then raises the signal again; without this the process would die of it.
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        server = uvicorn.Server(
            uvicorn.Config(
                application(witness),
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="off",
                proxy_headers=False,
                limit_concurrency=256,
                timeout_graceful_shutdown=5,
            )
        )
        print(f"Witnessing {witness.count} at http://{arguments.host}:{arguments.port}", flush=True)
        with contextlib.suppress(KeyboardInterrupt), listener:
            server.run(sockets=[listener])
    return 0 if server.started else 1


def _logs_in(policy: Path) -> list[str]:
    """The keys of a policy under which logs are watched: of a log with two, both have to sign."""
    try:
        lines = [line.split() for line in policy.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError):
        raise Misconfigured("the policy cannot be read") from None
    return [words[1] for words in lines if len(words) > 1 and words[0] == "log"]
