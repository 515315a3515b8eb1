"""`consent witness` as its own process: many clients at once, and killed while it answers."""

import hashlib
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from consent.ledger.checkpoint import parse_body, parse_note
from consent.ledger.cosignature import check_cosignatures
from tests.conftest import free_port
from tests.witness.watched import ORIGIN, GrowingLog, Process

PLACE = hashlib.sha256(ORIGIN.encode()).hexdigest()


def test_what_was_answered_before_a_kill_is_remembered_after_it(tmp_path: Path) -> None:
    log = GrowingLog()
    sizes = range(1, 60)
    for size in sizes:
        log.grow(size)
    witness = Process(tmp_path / "w", free_port(), log.vkey)
    for killed_after in (7, 19, 31):
        answered = 0
        with witness.running(), httpx.Client(base_url=witness.url, timeout=5) as client:
            seen = client.get(f"/{PLACE}/checkpoint")
            old = parse_body(parse_note(seen.text).body).size if seen.status_code == 200 else 0
            with ThreadPoolExecutor(2) as pool:
                for size in range(old + 1, old + killed_after):
                    answer = client.post("/add-checkpoint", content=log.submission(old, size))
                    assert answer.status_code == 200
                    assert check_cosignatures(log.notes[size] + answer.text, [witness.vkey])
                    old = answered = size
                # This one is under way when the process dies: it may be remembered or not, and no third way.
                under_way = pool.submit(
                    httpx.post,
                    f"{witness.url}/add-checkpoint",
                    content=log.submission(old, old + 1),
                    timeout=5,
                )
                witness.kill()
                lost = under_way.exception()
            assert lost is None or isinstance(lost, httpx.HTTPError)
        with witness.running():
            after = parse_body(parse_note(httpx.get(f"{witness.url}/{PLACE}/checkpoint").text).body)
            assert answered <= after.size <= answered + 1
            assert lost is not None or after.size == answered + 1, "answered, so remembered"
            stale = httpx.post(f"{witness.url}/add-checkpoint", content=log.submission(0, 1))
            assert (stale.status_code, stale.text) == (409, f"{after.size}\n")


def test_who_sends_too_much_or_stops_half_way_holds_up_nobody(tmp_path: Path) -> None:
    log = GrowingLog()
    log.grow(2)
    with Process(tmp_path / "w", free_port(), log.vkey).running() as witness:
        half = socket.create_connection(("127.0.0.1", witness.port))
        half.sendall(b"POST /add-checkpoint HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nold 0\n")
        assert httpx.post(f"{witness.url}/add-checkpoint", content=b"x" * 200_000).status_code == 413
        assert httpx.post(f"{witness.url}/add-checkpoint", content=b"\xff").status_code == 400
        assert httpx.delete(f"{witness.url}/add-checkpoint").status_code == 405
        answer = httpx.post(f"{witness.url}/add-checkpoint", content=log.submission(0, 2))
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        stale = httpx.post(f"{witness.url}/add-checkpoint", content=log.submission(0, 2))
        assert (stale.status_code, stale.headers["content-type"]) == (409, "text/x.tlog.size")
        half.close()
