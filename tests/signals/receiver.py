"""A receiver of the tests' own on loopback: it keeps what arrives, and answers as it is told, also badly."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import msgspec
from consent_sdk.encoding import b64url_bytes


class Arrived(NamedTuple):
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def claims(self) -> dict[str, object]:
        """What the token says; its signature is checked elsewhere."""
        return msgspec.json.decode(b64url_bytes(self.body.decode().split(".")[1]))


Behaviour = Callable[[BaseHTTPRequestHandler], None]


def says(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    """Answer with *status* and *body*."""

    def behave(to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            to.send_header(name.replace("_", "-"), value)
        to.end_headers()
        to.wfile.write(body)

    return behave


def drips(to: BaseHTTPRequestHandler) -> None:
    """Answer a byte at a time, for as long as somebody listens."""
    to.send_response(202)
    to.send_header("content-length", "1000000")
    to.end_headers()
    with contextlib.suppress(OSError):
        while True:
            to.wfile.write(b" ")
            to.wfile.flush()
            time.sleep(0.1)


def noise(to: BaseHTTPRequestHandler) -> None:
    """Answer something that is not HTTP."""
    to.wfile.write(b"\x00\xff" * 100)


class Receiver:
    """The server. `behave` decides on each answer and may be changed at any time."""

    def __init__(self, port: int = 0) -> None:
        self.arrived: list[Arrived] = []
        self.behave: Behaviour = says(202)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 20

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.arrived.append(Arrived("POST", self.path, headers, self.rfile.read(length)))
                receiver.behave(self)
                self.close_connection = True

            def do_GET(self) -> None:
                receiver.arrived.append(Arrived("GET", self.path, {}, b""))
                says(202)(self)

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/signals"

    def wait_for(self, count: int, *, seconds: float = 20) -> list[Arrived]:
        """Wait until so many requests have arrived."""
        until = time.monotonic() + seconds
        while len(self.arrived) < count:
            assert time.monotonic() < until, f"{len(self.arrived)} of {count} arrived"
            time.sleep(0.02)
        return self.arrived


@contextlib.contextmanager
def receiving(port: int = 0) -> Iterator[Receiver]:
    """A receiver that listens, and stops at the end."""
    receiver = Receiver(port)
    receiver._thread.start()
    try:
        yield receiver
    finally:
        receiver._server.shutdown()
        receiver._server.server_close()
        receiver._thread.join(10)


def nobody_listens() -> str:
    """An address on loopback at which nobody is."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/signals"
