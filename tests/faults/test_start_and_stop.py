"""Starting on a folder where something is wrong, and stopping while there is work to do.

An operator reads one plain line and the exit code is 2; nothing is made, changed or begun anew. A stop by signal
answers what is waiting, and nothing that was acknowledged is lost.
"""

import asyncio
import contextlib
import hashlib
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import uvicorn

from consent import serve as serving
from consent.__main__ import main
from consent.opening import DATABASE, prepare
from consent.settings import Settings
from consent.words.errors import Misconfigured
from tests.conftest import free_port
from tests.faults.stopping_store import everything
from tests.faults.under_load import Served, furnish

LOG_KEY = "log-????.key"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that was served before and is in order."""

    async def make() -> None:
        await (await prepare(Settings(data=str(tmp_path / "service")))).close()

    asyncio.run(make())
    return tmp_path / "service"


@pytest.fixture
def start(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """`consent serve` in this process: exit code and what it said. It must end before it listens."""

    def listens(self: uvicorn.Server) -> None:
        raise AssertionError("it went on to serve")

    monkeypatch.setattr(uvicorn.Server, "run", listens)
    monkeypatch.setattr(serving, "speak_in_lines", lambda: None)

    def run(folder: Path, *words: str) -> tuple[int, str]:
        code = main(["serve", "--data", str(folder), *words])
        out, err = capfd.readouterr()
        assert out == ""
        return code, err

    return run


def forget_keys(folder: Path) -> None:
    for key in (folder / "keys").iterdir():
        key.unlink()


def forget_ring(folder: Path) -> None:
    (folder / "keys" / "ring-1.key").unlink()


def forget_log_key(folder: Path) -> None:
    next((folder / "keys").glob(LOG_KEY)).unlink()


def forget_issuer_key(folder: Path) -> None:
    (folder / "keys" / "issuer.pem").unlink()


def lose_database(folder: Path) -> None:
    (folder / DATABASE).unlink()


def open_folder(folder: Path) -> None:
    folder.chmod(0o755)


def open_keys(folder: Path) -> None:
    (folder / "keys").chmod(0o750)


def open_one_key(folder: Path) -> None:
    next((folder / "keys").glob(LOG_KEY)).chmod(0o640)


def scribble_on_ring(folder: Path) -> None:
    (folder / "keys" / "ring-1.key").write_text("this is no key\n")


def cut_log_key(folder: Path) -> None:
    key = next((folder / "keys").glob(LOG_KEY))
    key.write_bytes(key.read_bytes()[:20])


def scribble_on_issuer_key(folder: Path) -> None:
    (folder / "keys" / "issuer.pem").write_text(
        "-----BEGIN PRIVATE KEY-----\nnone\n-----END PRIVATE KEY-----\n"
    )


def scribble_on_database(folder: Path) -> None:
    (folder / DATABASE).write_bytes(b"this is no database" * 100)


def newer_database(folder: Path) -> None:
    change(folder, "INSERT INTO schema_migrations VALUES (9999, 'from-the-future', 0)")


def altered_migration(folder: Path) -> None:
    change(folder, "UPDATE schema_migrations SET sha256 = 'another text' WHERE version = 1")


def no_log(folder: Path) -> None:
    change(folder, "DELETE FROM log_heads")


def change(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / DATABASE) as connection:
        connection.execute(statement)
    connection.close()


WRONG = {
    forget_keys: "has keys or a database, but not both",
    lose_database: "has keys or a database, but not both",
    forget_ring: "the key ring is missing",
    forget_log_key: "in this database is not in the folder",
    forget_issuer_key: "the key file issuer.pem is missing",
    open_folder: "others may read the folder",
    open_keys: "others may read the folder keys",
    open_one_key: "others may read the key file",
    scribble_on_ring: "the key file ring-1.key holds no key",
    cut_log_key: "holds no key",
    scribble_on_issuer_key: "the key file issuer.pem holds no key",
    scribble_on_database: "SQLITE_NOTADB",
    newer_database: "newer than this version",
    altered_migration: "migration 0001 is not the one that made this database",
    no_log: "this database has no log",
}


@pytest.mark.parametrize("spoil", WRONG, ids=lambda spoil: spoil.__name__.replace("_", " "))
def test_a_folder_where_something_is_wrong_gets_one_plain_line_and_stays_as_it_is(
    folder: Path, spoil: Callable[[Path], None], start: Callable[..., tuple[int, str]]
) -> None:
    spoil(folder)
    before = contents(folder)
    code, said = start(folder)
    assert code == 2
    assert WRONG[spoil] in said
    assert said.count("\n") == 1
    assert contents(folder) == before


def test_another_address_than_the_logs_own_is_refused(
    folder: Path, start: Callable[..., tuple[int, str]]
) -> None:
    code, said = start(folder, "--issuer", "https://elsewhere.example.org")
    assert (code, said.count("\n")) == (2, 1)
    assert "the log was begun as localhost:8000/log/" in said


def test_a_seed_that_cannot_be_read_stops_the_start(
    folder: Path, tmp_path: Path, start: Callable[..., tuple[int, str]]
) -> None:
    (tmp_path / "seed.toml").write_text("organisations = 7\n")
    code, said = start(folder, "--seed", str(tmp_path / "seed.toml"))
    assert (code, said.count("\n")) == (2, 1)
    assert "seed.toml" in said


def contents(folder: Path) -> dict[str, object]:
    """All files with their bytes; the database by its rows, for opening one may touch its pages."""
    found: dict[str, object] = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name != "lock" and not file.name.startswith(DATABASE):
            found[str(file)] = file.read_bytes()
    database = folder / DATABASE
    if database.exists():
        try:
            found[DATABASE] = everything(database)
        except sqlite3.DatabaseError:
            found[DATABASE] = database.read_bytes()
    return found


def test_a_second_server_on_the_same_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path / "service"), port=free_port(), sandbox=True)
    first = Served(settings)
    try:
        first.start()
        command = ["serve", "--data", settings.data, "--port", str(settings.port)]
        second = subprocess.run(
            [sys.executable, "-m", "consent", *command],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (second.returncode, second.stdout) == (2, "")
        assert second.stderr == "consent: another process serves this data folder already\n"
        assert httpx.get(f"{settings.public_issuer}/log").status_code == 200
    finally:
        first.end()


async def test_a_stop_by_signal_answers_what_is_waiting_and_loses_nothing(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path / "service"), port=free_port(), sandbox=True)
    outsiders = await furnish(settings, citizens=6, chance=random.Random(7))
    served = Served(settings)
    try:
        served.start()
        assert served.process is not None
        load = asyncio.create_task(outsiders.press_on(clients=16, stops=4))
        await asyncio.wait_for(outsiders.under_way.wait(), 60)
        served.process.send_signal(signal.SIGTERM)
        await load
        assert await asyncio.to_thread(served.process.wait, 60) == 0
        assert "Traceback" not in served.said()
    finally:
        served.end()
    assert len(outsiders.told) > 10
    assert outsiders.stopped
    with contextlib.closing(sqlite3.connect(settings.folder / DATABASE)) as connection:
        written = {key for (key,) in connection.execute("SELECT key FROM memos")}
        ended = {grant for (grant,) in connection.execute("SELECT id FROM grants WHERE state = 'withdrawn'")}
    # Written and answered are the same: whoever got no answer finds that nothing happened.
    assert written == {hashlib.sha256(key.encode()).digest() for key in outsiders.told}
    assert ended == outsiders.stopped


def test_a_port_that_is_taken_is_one_plain_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = [sys.executable, "-m", "consent", "serve", "--data", str(tmp_path / "s"), "--port", str(port)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("consent: the port is in use")


def test_an_address_of_another_machine_is_not_called_a_port_in_use() -> None:
    with pytest.raises(Misconfigured, match="no such address"):
        serving.listen("192.0.2.1", 0)  # RFC 5737: nobody's


def test_a_port_for_numbers_that_is_taken_is_one_plain_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = [
            sys.executable,
            "-m",
            "consent",
            "serve",
            "--data",
            str(tmp_path / "s"),
            "--port",
            str(free_port()),
        ]
        surroundings = os.environ | {"CONSENT_METRICS_PORT": port}
        done = subprocess.run(words, capture_output=True, text=True, env=surroundings, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("choose another with metrics_port\n")
    assert done.stderr.count("\n") == 1
