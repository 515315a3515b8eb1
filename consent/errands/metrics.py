"""Numbers for whoever watches over the service, on a port of their own, in the text format of Prometheus.

Labels come from closed lists: names of doors, classes of status codes, bounds of buckets. So nothing in there is about
a citizen, a client or a request, and there is a bound to how much it is. Each process has its own numbers and port.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

from consent import __version__
from consent.acts.house import House
from consent.acts.meter import Histogram
from consent.acts.publish import head
from consent.storage.rows import FROZEN
from consent.words.instants import SECOND

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
_PATIENCE = 10.0  # seconds for one question with its answer
_Samples = list[tuple[str, float | None]]  # what stands behind the name, such as labels; None: not known


@contextlib.asynccontextmanager
async def measuring(house: House, listener: socket.socket | None) -> AsyncIterator[None]:
    """Answer on *listener* for as long as the service runs; None: nobody asks."""
    if listener is None:
        yield
        return

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            async with asyncio.timeout(_PATIENCE):
                writer.write(await _answer(house, await reader.readuntil(b"\r\n\r\n")))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, sock=listener, limit=8192)
    try:
        yield
    finally:
        server.close()


async def _answer(house: House, request: bytes) -> bytes:
    method, path, _ = request.split(b" ", 2)
    if path != b"/metrics":
        return _http("404 Not Found", "")
    if method != b"GET":
        return _http("405 Method Not Allowed", "")
    return _http("200 OK", await metrics(house))


def _http(status: str, text: str) -> bytes:
    lines = (
        f"HTTP/1.1 {status}",
        f"content-type: {MEDIA}",
        f"content-length: {len(text)}",
        "connection: close",
    )
    return ("\r\n".join(lines) + "\r\n\r\n" + text).encode("ascii")


async def metrics(house: House) -> str:
    """All numbers of this process, as text."""
    return "".join(
        line
        for part in (_of_doors(house), _of_scribe(house), await _of_store(house), _of_process(house))
        for line in part
    )


def _of_doors(house: House) -> Iterator[str]:
    meter = house.door_meter
    answers: _Samples = [
        (f'{{door="{door}",status="{status}"}}', count)
        for (door, status), count in sorted(meter.answers.items())
    ]
    yield from _family("requests_total", "counter", "Answers, by door and class of status.", answers)
    histograms = [(f'door="{door}"', one) for door, one in sorted(meter.seconds.items())]
    yield from _histogram("request_seconds", "How long answers took, by door.", histograms)


def _of_scribe(house: House) -> Iterator[str]:
    meter = house.scribe.meter
    yield from _histogram("batch_deeds", "Deeds in a batch.", [("", meter.deeds)])
    yield from _histogram("batch_seconds", "From the begin of a batch to its commit.", [("", meter.seconds)])
    yield from _family(
        "batches_failed_total", "counter", "Batches of which nothing was written.", [("", meter.failed)]
    )
    yield from _gauge("deeds_waiting", "Deeds that wait for a batch.", house.scribe.waiting)


async def _of_store(house: House) -> list[str]:
    try:
        async with asyncio.timeout(_PATIENCE / 2):
            heads = [await head(house, log) for log in house.logs]
            # Without witnesses it is not nought: there is nobody to wait for.
            sizes = [await house.quorum.size(log) for log in house.logs]
            witnessed = sum(sizes) if house.quorum.policy.witnesses else None
            ((signals, letters),) = await house.store.read("errand.waiting")
    except Exception:
        return [*_gauge("store_answers", "1: the database answers.", 0)]
    return [
        *_gauge("store_answers", "1: the database answers.", 1),
        *_gauge("log_entries", "Size of the logs that are written now.", sum(row.size for row in heads)),
        *_gauge("log_witnessed_entries", "Their sizes when a quorum of witnesses signed last.", witnessed),
        *_gauge(
            "log_written_timestamp_seconds",
            "Time of the newest entry.",
            max(row.at for row in heads) / SECOND,
        ),
        *_gauge(
            "log_frozen", "1: no entries are taken any more.", int(any(row.frozen == FROZEN for row in heads))
        ),
        *_gauge("signals_waiting", "Signals to organisations that are still to be sent.", signals),
        *_gauge("letters_waiting", "Notices to citizens that are still to be mailed.", letters),
    ]


def _of_process(house: House) -> Iterator[str]:
    pulse = house.pulse
    yield from _gauge(
        "clock_doubted",
        "1: nothing is written until the clock is right again.",
        int(house.timekeeper.is_doubted),
    )
    yield from _gauge(
        "swept_timestamp_seconds", "The last round of sweeping that went well.", _second(pulse.swept_at)
    )
    yield from _gauge("sweeps_failed", "Rounds of sweeping in a row that went wrong.", pulse.sweeps_failed)
    yield from _gauge("disk_free_bytes", "Room where the data folder is.", pulse.disk_free)
    yield from _gauge("disk_size_bytes", "How large that disk is.", pulse.disk_size)
    yield from _gauge("database_bytes", "Size of the database, when it is a file.", pulse.database_size)
    yield from _gauge("backup_timestamp_seconds", "The last `consent backup`.", _second(pulse.backed_up_at))
    yield from _gauge("start_timestamp_seconds", "When this process began.", pulse.began)
    yield from _family("info", "gauge", "The version that runs.", [(f'{{version="{__version__}"}}', 1)])


def _second(at: int | None) -> float | None:
    return None if at is None else at / SECOND


def _gauge(name: str, about: str, number: float | None) -> Iterator[str]:
    return _family(name, "gauge", about, [("", number)])


def _family(name: str, kind: str, about: str, samples: _Samples) -> Iterator[str]:
    yield f"# HELP consent_{name} {about}\n# TYPE consent_{name} {kind}\n"
    for behind, number in samples:
        if number is not None:
            yield f"consent_{name}{behind} {_number(number)}\n"


def _histogram(name: str, about: str, histograms: list[tuple[str, Histogram]]) -> Iterator[str]:
    samples: _Samples = []
    for labels, histogram in histograms:
        below = 0
        for bound, count in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
            below += count
            samples.append((f'_bucket{{{labels}{labels and ","}le="{bound}"}}', below))
        named = f"{{{labels}}}" if labels else ""
        samples += [(f"_sum{named}", histogram.total), (f"_count{named}", below)]
    return _family(name, "histogram", about, samples)


def _number(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.6f}"
