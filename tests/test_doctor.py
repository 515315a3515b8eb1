"""`consent doctor`: each thing that is wrong is named with what to do, nothing is changed, and nobody is named."""

import asyncio
import hashlib
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from consent.__main__ import main
from consent.acts.freeze import freeze
from consent.acts.policy import Witness
from consent.commands.ring import rotate
from consent.demo import Stage
from consent.errands.outside import Known
from consent.ledger.checkpoint import vkey_of
from consent.opening import DATABASE, clock, prepare
from consent.settings import Settings
from consent.upkeep.examine import examine
from consent.upkeep.findings import Finding
from consent.words.instants import DAY, HOUR, SECOND
from tests.conftest import free_port
from tests.postgres import Cluster
from tests.world import World


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """With room on its disk, whatever the tests run on."""
    with_room(monkeypatch, 50)
    monkeypatch.setattr("consent.upkeep.examine.file_system", lambda _: "ext4")
    for room in ("examine", "surroundings"):
        monkeypatch.setattr(f"consent.upkeep.{room}.Known", lambda: Known(time=120), raising=False)
    monkeypatch.setattr("consent.upkeep.surroundings._PAUSES", ())


def with_room(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    usage = type(shutil.disk_usage("/"))(100, 100 - free, free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    """Of a folder in order, which nobody serves."""
    found = Settings(data=str(tmp_path / "data"), port=free_port())
    await (await prepare(found)).close()
    return found


async def look(settings: Settings, *, at: int | None = None) -> dict[str, Finding]:
    return {found.part: found async for found in examine(settings, at=clock() if at is None else at)}


def fails(found: dict[str, Finding]) -> set[str]:
    return {part for part, one in found.items() if one.state == "fail"}


def everything(folder: Path) -> dict[str, str]:
    return {
        str(file): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


async def test_a_folder_in_order_has_no_part_that_fails_and_stays_as_it_is(settings: Settings) -> None:
    before = everything(settings.folder)
    found = await look(settings)
    assert fails(found) == set()
    assert {one.part for one in found.values() if one.state == "ok"} >= {
        "folder", "disk", "keys", "database", "wal", "log", "clock", "ring"
    }  # fmt: skip
    assert (found["service"].state, found["backup"].state) == ("warn", "warn")
    assert all(one.next for one in found.values() if one.state != "ok")
    assert everything(settings.folder) == before


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as file:
        file.execute(statement)


def lose_log_keys(folder: Path) -> None:
    for key in (folder / "keys").glob("log-*.key"):
        key.unlink()


def write(name: str, content: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(content)


WRONG: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a folder that others may read": ("folder", lambda folder: folder.chmod(0o750)),
    "a key that others may read": ("keys", lambda folder: (folder / "keys" / "issuer.pem").chmod(0o640)),
    "a ring that is no key": ("keys", write("keys/ring-1.key", "none\n")),
    "no ring": ("keys", lambda folder: (folder / "keys" / "ring-1.key").unlink()),
    "no key of the log": ("log", lose_log_keys),
    "no database": ("database", lambda folder: (folder / DATABASE).unlink()),
    "something else": ("database", write(DATABASE, "this is no database" * 100)),
    "an empty file": ("database", write(DATABASE, "")),
    "a newer database": (
        "database",
        lambda folder: change(folder, "INSERT INTO schema_migrations VALUES (9999, 'of tomorrow', 0)"),
    ),
    "an older database": (
        "database",
        lambda folder: change(
            folder,
            "DELETE FROM schema_migrations WHERE version = (SELECT max(version) FROM schema_migrations)",
        ),
    ),
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_wrong_in_the_folder_is_named_and_not_mended(settings: Settings, what: str) -> None:
    part, spoil = WRONG[what]
    spoil(settings.folder)
    before = everything(settings.folder)
    found = await look(settings)
    assert fails(found) == {part}
    assert found[part].next
    assert everything(settings.folder) == before


async def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert fails(await look(Settings(data=str(tmp_path / "no"), port=free_port()))) == {"folder"}
    assert not (tmp_path / "no").exists()


async def test_a_folder_of_somebody_else_is_left_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root it would make files beside the database that lock the service out."""
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    found = await look(settings)
    assert fails(found) == {"folder"}
    assert "database" not in found


async def test_a_key_of_another_user_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one that root put there by hand: the service cannot read it."""
    own = Path.stat

    def stat(file: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        about = own(file, follow_symlinks=follow_symlinks)
        fields = list(about)
        fields[4] = 4711 if file.name == "issuer.pem" else fields[4]
        return os.stat_result(fields)

    monkeypatch.setattr(Path, "stat", stat)
    assert (await look(settings))["keys"].said == "of another user: issuer.pem"


async def test_a_frozen_log_another_issuer_and_a_clock_that_is_behind(settings: Settings) -> None:
    store = await prepare(settings)
    try:
        ((_, _, _, at, *_),) = await store.read("head.all")
    finally:
        await store.close()
    assert fails(await look(replace(settings, issuer="https://consent.example.org"))) == {"log"}
    assert fails(await look(settings, at=at - HOUR)) == {"clock"}
    assert (await look(settings, at=at - 5 * SECOND))["clock"].state == "warn"
    assert "2 days" in (await look(settings, at=at + 2 * DAY))["clock"].said
    store = await prepare(settings)
    try:
        await store.write(freeze())
    finally:
        await store.close()
    assert fails(await look(settings)) == {"log"}


async def test_room_backup_and_a_disk_far_away(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, state in ((50, "ok"), (9, "warn"), (1, "fail")):
        with_room(monkeypatch, free)
        assert (await look(settings))["disk"].state == state
    for days, state in ((1, "ok"), (3, "warn")):
        (settings.folder / "last-backup").write_text(f"{(clock() - days * DAY) // SECOND}\n")
        assert (await look(settings))["backup"].state == state
    monkeypatch.setattr("consent.upkeep.examine.file_system", lambda _: "nfs4")
    found = await look(settings)
    assert found["file system"].state == "fail"


async def test_a_key_of_the_ring_that_is_missing_and_one_that_is_old(tmp_path: Path) -> None:
    async with World.open(tmp_path / "data") as world:
        settings = replace(world.settings, port=free_port(), issuer=world.house.issuer)
        rotate(settings.folder, at=world.at)
        assert (await look(settings, at=world.at))["ring"].state == "ok"
        found = (await look(settings, at=world.at + HOUR))["ring"]
        assert (found.state, "not under ring-2" in found.said) == ("warn", True)
        (settings.folder / "keys" / "ring-1.key").unlink()
        assert (await look(settings, at=world.at + HOUR))["ring"].state == "fail"


@asynccontextmanager
async def answering(said: bytes) -> AsyncIterator[int]:
    """A port at which something answers to whatever it hears."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(said)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def http(status: str, body: str) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("said", "state", "word"),
    [
        (http("200 OK", '{"ready":true,"checks":{"log":true}}'), "ok", "ready"),
        (
            http("503 Service Unavailable", '{"ready":false,"checks":{"log":false,"keys":true}}'),
            "fail",
            "ready: log",
        ),
        (http("200 OK", "<h1>hello</h1>"), "fail", "something else"),
        (http("200 OK", '{"checks":7}'), "fail", "something else"),
        (b"SSH-2.0-x\r\n", "warn", "does not answer"),
    ],
)
async def test_what_answers_at_the_port_of_the_service(
    settings: Settings, said: bytes, state: str, word: str
) -> None:
    async with answering(said) as port:
        found = (await look(replace(settings, port=port, issuer=f"http://localhost:{settings.port}")))[
            "service"
        ]
    assert (found.state, word in found.said) == (state, True)


async def test_witnesses_mail_and_broker_that_do_not_answer(settings: Settings) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    nobody = f"http://127.0.0.1:{free_port()}"
    async with answering(http("404 Not Found", "")) as port:
        urls = [f"http://127.0.0.1:{port}", nobody, nobody]
        witnesses = tuple(
            Witness(
                vkey=vkey_of(f"w{n}.example", Ed25519PrivateKey.generate()), url=url, organisation=f"o{n}"
            )
            for n, url in enumerate(urls)
        )
        two = (await look(replace(settings, witnesses=witnesses, quorum=1)))["witnesses"]
        assert (two.state, "1 of 3 answer" in two.said) == ("warn", True)
        assert (await look(replace(settings, witnesses=witnesses)))["witnesses"].state == "fail"
        broken: dict[str, Any] = {"mail_server": nobody.replace("http", "smtp"), "mail_from": "a@b.example"}
        broken |= {"broker_issuer": f"http://127.0.0.1:{port}"}
        assert fails(await look(replace(settings, **broken))) == {"mail", "broker"}
    async with answering(http("200 OK", "{}")) as port:
        found = await look(replace(settings, broker_issuer=f"http://127.0.0.1:{port}"))
        assert found["broker"].state == "ok"


async def test_on_postgresql_as_well(postgres: Cluster, tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path / "data"), port=free_port(), database=await postgres.database())
    await (await prepare(settings)).close()
    before = await postgres.rows(settings.database)
    assert fails(await look(settings)) == set()
    assert await postgres.rows(settings.database) == before
    empty = await postgres.empty()
    assert fails(await look(replace(settings, database=empty))) == {"database"}
    assert await postgres.rows(empty) == b""
    connection = await asyncpg.connect(settings.database)
    await connection.execute("DELETE FROM schema_migrations WHERE version = 31")
    await connection.close()
    found = await look(settings)
    assert (fails(found), "consent migrate" in found["database"].next) == ({"database"}, True)
    gone = replace(settings, database=f"postgresql://consent@127.0.0.1:{free_port()}/none")
    assert fails(await look(gone)) == {"database"}


def test_the_command_beside_a_service_that_runs(
    served: Stage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consent.upkeep.surroundings._PAUSES", (2,) * 30)  # much else may be going on
    words = served.command("doctor")[3:]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("ok    service") for line in lines)
    assert not any(line.startswith("fail") for line in lines)


def test_its_exit_code_says_that_a_part_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--data", str(tmp_path / "no"), "--port", str(free_port())]) == 1
    assert "fail  folder" in capsys.readouterr().out
