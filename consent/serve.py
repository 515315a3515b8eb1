"""`consent serve`: uvicorn around the application, and what it says. No access log: a URL can hold a code."""

import asyncio
import contextlib
import errno
import gc
import signal
import socket
from pathlib import Path

import uvicorn

from consent.app import build
from consent.errands.lookout import check_clock, look_around
from consent.lines import speak_in_lines
from consent.opening import only_one, open_house, prepare
from consent.seed import read_seed
from consent.settings import Settings
from consent.words.errors import Misconfigured
from consent.workers import run_workers


def serve(settings: Settings) -> int:
    """Serve until told to stop; returns the exit code. Raises Misconfigured before anything listens."""
    speak_in_lines()
    # Before anything listens: an operator reads one plain line, not a traceback of the server.
    asyncio.run(_check(settings))
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(listen(settings.host, settings.port))
        # A port for each process: the numbers of one are its own, and one that takes its place goes on there.
        ports = range(settings.metrics_port, settings.metrics_port + settings.workers)
        meters = [
            opened.enter_context(listen(settings.metrics_host, port, setting="metrics_port"))
            for port in ports
            if settings.metrics_port
        ]
        print(f"Serving {settings.public_issuer} from {settings.folder}", flush=True)

        def work(number: int) -> int:
            return _serve_on(listener, settings, meters[number] if meters else None)

        return run_workers(settings.workers, work) if settings.workers > 1 else work(0)


def _serve_on(listener: socket.socket, settings: Settings, metrics: socket.socket | None) -> int:
    server = uvicorn.Server(
        uvicorn.Config(
            build(settings, metrics=metrics),
            host=settings.host,
            port=settings.port,
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            timeout_graceful_shutdown=10,
            h11_max_incomplete_event_size=64 * 1024,
        )
    )
    # uvicorn stops by itself and then raises the signal again: without this the process would die of it. And one that
    # comes before uvicorn listens for it counts as well.
    signal.signal(signal.SIGTERM, lambda number, frame: setattr(server, "should_exit", True))
    # What is loaded by now stays, so the collector need not walk through it again and again; and a batch makes
    # thousands of objects that go by themselves, so it need not look after every seven hundred.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    return 0 if server.started else 1


def listen(host: str, port: int, *, setting: str = "--port") -> socket.socket:
    """A socket to be reached at. Raises Misconfigured when somebody else has the port, with the *setting* to change.

    And when the host is no address of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as fault:
        if isinstance(fault, socket.gaierror) or fault.errno == errno.EADDRNOTAVAIL:
            raise Misconfigured("this machine has no such address to listen on; see the host") from None
        raise Misconfigured(
            f"the port is in use, or may not be used here; choose another with {setting}"
        ) from None


async def _check(settings: Settings) -> None:
    """All that the application opens when it starts, opened once and closed again. Raises Misconfigured."""
    settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(settings):
        store = await prepare(settings)
        try:
            house = await open_house(settings, store)
            await check_clock(house)
            await look_around(house, settings.folder, demand=settings.demand_witnesses)
            if settings.seed:
                read_seed(Path(settings.seed))
        finally:
            await store.close()
