"""Knocks at the doors byte by byte, as a browser or library never would, and reads the answer as strictly."""

import contextlib
import json
import socket
from collections.abc import Iterable, Mapping
from typing import Any

Headers = Iterable[tuple[str, str | bytes]]

MARK = "mArk3r-of-what-was-sent"
PROBLEM = "application/problem+json"
PROBLEM_MEMBERS = {"status", "code", "title", "detail", "next", "entry", "proof"}


class Answer:
    """One HTTP answer: status, headers as they came, body."""

    def __init__(self, octets: bytes) -> None:
        head, _, self.body = octets.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        assert first.startswith("HTTP/1.1 "), "no answer came"
        self.status = int(first.split()[1])
        self.pairs = [
            (name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
        ]

    def header(self, name: str) -> str:
        """The header's value, or nothing. It must not stand twice."""
        values = [value for other, value in self.pairs if other == name]
        assert len(values) <= 1, f"{name} stands twice"
        return values[0] if values else ""

    @property
    def media(self) -> str:
        """The media type without parameters."""
        return self.header("content-type").partition(";")[0]

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def knock(port: int, octets: bytes) -> Answer:
    """Send *octets* to the service and read until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may say no before it heard all
            line.sendall(octets)
        heard = b""
        while True:
            try:
                piece = line.recv(65536)
            except ConnectionResetError:
                break
            if not piece:
                break
            heard += piece
    return Answer(heard)


def write(method: str, target: str | bytes, headers: Headers = (), body: bytes = b"") -> bytes:
    """A request as it goes over the line; a Content-Length is added unless the headers speak of the length."""
    spoken = [(name, value if isinstance(value, bytes) else value.encode()) for name, value in headers]
    names = {name.lower() for name, _ in spoken}
    if body and not names & {"content-length", "transfer-encoding"}:
        spoken.append(("content-length", str(len(body)).encode()))
    place = target if isinstance(target, bytes) else target.encode()
    lines = [method.encode() + b" " + place + b" HTTP/1.1", b"host: localhost", b"connection: close"]
    lines += [name.encode() + b": " + value for name, value in spoken]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(body: bytes) -> bytes:
    """*body* in one chunk."""
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def check_manners(answer: Answer, *, forbidden: Iterable[bytes] = ()) -> None:
    """What holds for every answer: no fault of ours, no echo, no header twice, nothing to sniff or to keep."""
    assert answer.status < 500
    names = [name for name, _ in answer.pairs if name != "set-cookie"]
    assert len(names) == len(set(names)), "a header stands twice"
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("cache-control")
    if answer.status >= 400:
        assert answer.header("cache-control") == "no-store"
        assert b"Traceback" not in answer.body
        assert b'File "' not in answer.body
    assert answer.header("content-type").count("charset") <= 1
    for octets in forbidden:
        assert octets not in answer.body


def check_problem(answer: Answer, status: int, codes: Mapping[str, Any], code: str | None = None) -> None:
    """An RFC 9457 problem whose code is on the closed list, and that says what to do next."""
    assert answer.status == status
    assert answer.media == PROBLEM
    said = answer.json()
    assert set(said) <= PROBLEM_MEMBERS
    assert said["status"] == status
    assert said["code"] in codes
    assert said["title"]
    assert said["next"]
    if code is not None:
        assert said["code"] == code


def check_oauth_error(answer: Answer, status: int, error: str | None = None) -> None:
    """An RFC 6749 §5.2 error and nothing else."""
    assert answer.status == status
    assert answer.media == "application/json"
    said = answer.json()
    assert set(said) <= {"error", "error_description"}
    assert said["error"].replace("_", "").isalpha()
    # RFC 6749 §5.2: the characters that a description may have.
    assert all(c in " !" or "#" <= c <= "[" or "]" <= c <= "~" for c in said.get("error_description", ""))
    if error is not None:
        assert said["error"] == error


def check_page(answer: Answer, status: int) -> None:
    """A page for a person, with the headers that every page has."""
    assert answer.status == status
    assert answer.media == "text/html"
    assert "default-src 'none'" in answer.header("content-security-policy")
