"""Sends ready-made requests over some connections and counts what comes back: wrk when it is there, else asyncio.

Closed loop: each connection sends its next request when it has the last answer, so a latency at many connections is
mostly waiting in line.
"""

import asyncio
import json
import math
import shutil
import statistics
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

_SCRIPT = Path(__file__).with_name("requests.lua")


class Counted(NamedTuple):
    """What came of one measurement. Times in milliseconds; `bad`: neither 200 nor 201, or broken off."""

    answers: int
    seconds: float
    p50: float
    p99: float
    bad: int
    dry: bool  # the requests did not last: measure again with more

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


def generator() -> str:
    """Which one is used."""
    return "wrk" if shutil.which("wrk") else "asyncio"


def drive(
    port: int, requests: list[bytes], *, again: bool, connections: int, seconds: float, file: Path
) -> Counted:
    """Send *requests* for *seconds*, each once unless *again*; *file* is where they may be put for wrk."""
    # wrk knows whole seconds only.
    if generator() == "asyncio" or seconds < 1:
        return asyncio.run(_drive(port, requests, again, connections, seconds))
    file.write_bytes(b"\0".join(requests))
    mode = "again" if again else "once"
    words = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{round(seconds)}s",
        "--timeout",
        "30s",
        "--latency",
        "-s",
        str(_SCRIPT),
    ]
    done = subprocess.run(
        [*words, f"http://127.0.0.1:{port}", "--", str(file), mode],
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout.strip().splitlines()[-1])
    return Counted(
        said["answers"],
        said["microseconds"] / 1e6,
        said["p50"] / 1e3,
        said["p99"] / 1e3,
        said["not_ok"] + said["broken"],
        bool(said["dry"]),
    )


def each_once(port: int, requests: list[bytes], *, connections: int) -> Counted:
    """Send each of *requests*, however long that takes (wrk would wait for the end of its time)."""
    return asyncio.run(_drive(port, requests, False, connections, math.inf))


async def _drive(port: int, requests: list[bytes], again: bool, connections: int, seconds: float) -> Counted:
    loop = asyncio.get_running_loop()
    waiting = iter(requests)
    begun = time.perf_counter()
    crew = [_Connection(waiting, requests if again else None, begun + seconds) for _ in range(connections)]
    for one in crew:
        await loop.create_connection(lambda one=one: one, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*[one.ended for one in crew])
    took = time.perf_counter() - begun
    latencies = sorted(latency for one in crew for latency in one.latencies) or [0.0]
    return Counted(
        sum(one.answers for one in crew),
        took,
        statistics.median(latencies) * 1e3,
        latencies[int(len(latencies) * 0.99)] * 1e3,
        sum(one.bad for one in crew),
        any(one.dry for one in crew),
    )


class _Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, waiting, begin_anew, until: float) -> None:  # type: ignore[no-untyped-def]
        self._waiting = waiting
        self._anew = begin_anew
        self._until = until
        self._buffer = b""
        self._sent = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self.answers = self.bad = 0
        self.dry = False

    def connection_made(self, transport) -> None:  # type: ignore[no-untyped-def]
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, border, rest = self._buffer.partition(b"\r\n\r\n")
        if not border:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(rest) < length:
            return
        self.latencies.append(time.perf_counter() - self._sent)
        self.answers += 1
        self.bad += not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201"))
        self._buffer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.bad += 1
            self.ended.set_result(None)

    def _next(self) -> None:
        request = next(self._waiting, None)
        if request is None and self._anew is not None:
            self._waiting = iter(self._anew)
            request = next(self._waiting)
        if request is None or time.perf_counter() > self._until:
            self.dry = request is None
            self.ended.set_result(None)
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)
