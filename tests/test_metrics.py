"""Numbers for a watcher: counted right, written right, and answered to nobody who asks for anything else."""

import asyncio
import contextlib
import re
import socket
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest

import consent.serve as serving
from consent.acts.freeze import freeze
from consent.acts.meter import Histogram
from consent.errands.metrics import MEDIA, _histogram, measuring, metrics
from consent.settings import read_settings
from consent.web.meter import NO_DOOR, metered
from consent.words.errors import Misconfigured
from consent.words.instants import SECOND
from tests.world import World


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """How fast the machine is just now is not what is asked about here."""
    monkeypatch.setattr("consent.errands.metrics._PATIENCE", 240.0)


def test_a_bucket_holds_what_is_not_above_its_bound() -> None:
    histogram = Histogram((1.0, 2.0))
    for number in (0.5, 1.0, 1.5, 2.0, 7.0):
        histogram.add(number)
    assert "".join(_histogram("x", "About x.", [('door="d"', histogram)])).splitlines() == [
        "# HELP consent_x About x.",
        "# TYPE consent_x histogram",
        'consent_x_bucket{door="d",le="1.0"} 2',
        'consent_x_bucket{door="d",le="2.0"} 4',
        'consent_x_bucket{door="d",le="+Inf"} 5',
        'consent_x_sum{door="d"} 12.000000',
        'consent_x_count{door="d"} 5',
    ]


def numbers(text: str) -> dict[str, float]:
    return {name: float(number) for name, number in re.findall(r"^(consent_\S+) (\S+)$", text, re.MULTILINE)}


async def test_the_scribe_and_the_log_are_counted(world: World) -> None:
    before = numbers(await metrics(world.house))
    given = await world.given()
    await world.disclose(given.tokens)
    after = numbers(await metrics(world.house))
    assert after["consent_log_entries"] == before["consent_log_entries"] + 2
    assert after["consent_batch_deeds_count"] > before["consent_batch_deeds_count"]
    assert "consent_log_witnessed_entries" not in after  # nobody is asked here
    assert after["consent_batch_seconds_count"] == after["consent_batch_deeds_count"]
    assert (after["consent_store_answers"], after["consent_log_frozen"], after["consent_deeds_waiting"]) == (
        1,
        0,
        0,
    )
    await world.stop(given.grant)
    assert (
        numbers(await metrics(world.house))["consent_signals_waiting"] == after["consent_signals_waiting"] + 1
    )


async def test_what_somebody_has_to_get_up_for_is_a_number(world: World) -> None:
    before = numbers(await metrics(world.house))
    assert (before["consent_log_frozen"], before["consent_sweeps_failed"]) == (0, 0)
    assert "consent_swept_timestamp_seconds" not in before
    assert "consent_backup_timestamp_seconds" not in before
    pulse = world.house.pulse
    pulse.swept(3 * SECOND)
    pulse.sweep_failed()
    pulse.sweep_failed()
    pulse.backed_up_at = 5 * SECOND
    await world.house.store.write(freeze())
    after = numbers(await metrics(world.house))
    assert (after["consent_log_frozen"], after["consent_sweeps_failed"]) == (1, 2)
    assert after["consent_swept_timestamp_seconds"] == 3
    assert after["consent_backup_timestamp_seconds"] == 5


async def test_an_answer_that_never_came_counts_as_our_fault(world: World) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError

    door: Any = metered(broken, SimpleNamespace(house=world.house), {})
    with pytest.raises(RuntimeError):
        await door({"type": "http", "path": "/a/visitors/own/text"}, None, None)
    found = [line for line in (await metrics(world.house)).splitlines() if "requests_total{" in line]
    assert found == [f'consent_requests_total{{door="{NO_DOOR}",status="5xx"}} 1']


async def test_what_cannot_be_known_is_left_out_and_not_nought(world: World) -> None:
    await world.house.store.close()
    found = numbers(await metrics(world.house))
    assert found["consent_store_answers"] == 0
    assert not any(name.startswith("consent_log_") for name in found)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n", b"200"),
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /metrics?all HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"\x00\r\n\r\n", b""),
        (b"GET /metrics HTTP/1.1\r\nx: " + b"a" * 20_000 + b"\r\n\r\n", b""),
    ],
)
async def test_only_one_address_answers(world: World, sent: bytes, status: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        async with measuring(world.house, listener), asyncio.timeout(240):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            try:
                heard = await reader.read()
            except ConnectionResetError:
                heard = b""
            writer.close()
            assert heard[9:12] == status
            # And it goes on.
            async with httpx.AsyncClient(timeout=240) as watcher:
                answer = await watcher.get(f"http://127.0.0.1:{port}/metrics")
            assert (answer.status_code, answer.headers["content-type"]) == (200, MEDIA)


@pytest.mark.parametrize("chosen", ["", "192.0.2.7"])
def test_they_are_on_loopback_unless_somebody_chose_otherwise(
    monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    """However widely the service itself is open: whoever reaches the port may read them."""
    asked = []

    def listen(host: str, port: int, **_: str) -> contextlib.AbstractContextManager[None]:
        asked.append((host, port))
        return contextlib.nullcontext()

    monkeypatch.setattr(serving, "_check", AsyncMock())
    monkeypatch.setattr(serving, "listen", listen)
    monkeypatch.setattr(serving, "_serve_on", lambda *_: 0)
    monkeypatch.setattr(serving, "speak_in_lines", lambda: None)
    flags: dict[str, object] = {"host": "0.0.0.0", "issuer": "https://consent.example", "metrics_port": 9000}
    flags |= {"metrics_host": chosen} if chosen else {}
    settings = read_settings(flags, environment={})
    assert serving.serve(settings) == 0
    assert asked == [("0.0.0.0", settings.port), (chosen or "127.0.0.1", 9000)]


@pytest.mark.parametrize(
    "flags",
    [
        {"metrics_port": -1},
        {"metrics_port": 70_000},
        {"metrics_port": 8000},
        {"metrics_port": 7999, "workers": 2, "database": "postgresql://a@b/c"},
        {"metrics_port": 65_535, "workers": 2, "database": "postgresql://a@b/c"},
    ],
)
def test_ports_that_cannot_be_are_refused(flags: dict[str, object]) -> None:
    with pytest.raises(Misconfigured, match="metrics_port"):
        read_settings(flags, environment={})
