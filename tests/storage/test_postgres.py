"""What only PostgreSQL can do to us: connections that are cut, a commit in doubt, a server that promises too little."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from consent.settings import Settings, check_settings
from consent.storage import postgres as engine
from consent.storage import store as stores
from consent.storage.postgres import PostgresStore
from consent.storage.store import Batch, Statement, Unavailable, Unknown
from consent.words.errors import Misconfigured
from tests.postgres import Cluster
from tests.storage.ground import get_citizens, new_log, put_citizens, rows_of


@pytest.fixture
async def url(postgres: Cluster) -> AsyncIterator[str]:
    made = await postgres.database()
    yield made
    await postgres.drop(made)


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    opened = await PostgresStore.open(url)
    yield opened
    await opened.close()


async def test_a_connection_that_is_cut_in_the_middle_of_a_batch_leaves_nothing(
    url: str, store: PostgresStore
) -> None:
    def batch() -> Batch[None]:
        yield Statement("citizen.put", [("a", "active", 1)])
        ready.set()
        while not is_cut.is_set():
            yield Statement("citizen.get", [("a",)])
        yield Statement("citizen.put", [("b", "active", 1)])

    async def cutting() -> None:
        await ready.wait()
        other = await asyncpg.connect(url)
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'consent'"
        )
        await other.close()
        is_cut.set()

    ready, is_cut = asyncio.Event(), asyncio.Event()
    knife = asyncio.create_task(cutting())
    with pytest.raises(Unavailable):
        await store.write(batch())
    await knife
    assert await store.write(get_citizens("a", "b")) == []
    assert await store.write(put_citizens("c")) == 1


async def test_a_commit_whose_answer_is_lost_is_unknown_and_was_made(url: str) -> None:
    async with _cutting_at(b"COMMIT", url) as (through, arm):
        store = await PostgresStore.open(through)
        try:
            arm.set()
            with pytest.raises(Unknown):
                await store.write(put_citizens("a"))
            assert rows_of(*await store.write(get_citizens("a"))) == [("a", "active", 1)]
        finally:
            await store.close()


async def test_who_waits_too_long_for_the_head_gets_a_no_and_the_holder_goes_on(
    url: str, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.write(new_log("2030"))
    monkeypatch.setattr(engine, "_PATIENCE", 0.3)
    hasty = await PostgresStore.open(url)
    holder = await asyncpg.connect(url)
    try:
        async with holder.transaction():
            await holder.fetch("SELECT 1 FROM log_heads WHERE log = '2030' FOR UPDATE")
            with pytest.raises(Unavailable):
                await hasty.write(_locking("2030"))
        assert await hasty.write(_locking("2030")) == 1
    finally:
        await holder.close()
        await hasty.close()


async def test_a_cancelled_caller_leaves_no_open_transaction(store: PostgresStore) -> None:
    started = asyncio.Event()

    def batch() -> Batch[None]:
        yield Statement("citizen.put", [("a", "active", 1)])
        started.set()
        for _ in range(20):
            yield Statement("citizen.get", [("a",)])

    caller = asyncio.create_task(store.write(batch()))
    await started.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    for _ in range(200):  # the batch goes on to its end without its caller
        if await store.read("citizen.get", "a"):
            break
        await asyncio.sleep(0.01)
    assert rows_of(*await store.read("citizen.get", "a")) == [("a", "active", 1)]


async def test_more_callers_than_connections_wait_for_their_turn(store: PostgresStore) -> None:
    await store.write(put_citizens("a"))
    found = await asyncio.gather(*(store.read("citizen.get", "a") for _ in range(100)))
    assert all(len(rows) == 1 for rows in found)


@pytest.mark.parametrize("level", ["off", "local"])
async def test_a_server_that_says_written_too_early_is_refused(url: str, level: str) -> None:
    other = await asyncpg.connect(url)
    await other.execute(f'ALTER DATABASE "{urlsplit(url).path[1:]}" SET synchronous_commit = {level}')
    await other.close()
    with pytest.raises(Misconfigured, match="synchronous_commit"):
        await PostgresStore.open(url)


async def test_an_older_database_is_only_changed_on_purpose(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = stores.migrations()
    later = (known[-1][0] + 1, "CREATE TABLE later (id TEXT PRIMARY KEY, at {int} NOT NULL) {strict};\n")
    monkeypatch.setattr(stores, "migrations", lambda: [*known, later])
    with pytest.raises(Misconfigured, match="consent migrate"):
        await PostgresStore.open(url)
    await (await PostgresStore.open(url, migrate=True)).close()
    await (await PostgresStore.open(url)).close()
    monkeypatch.setattr(stores, "migrations", lambda: known)
    with pytest.raises(Misconfigured, match="newer"):
        await PostgresStore.open(url)


async def test_two_that_open_an_empty_database_at_once_make_its_tables_once(postgres: Cluster) -> None:
    url = await postgres.empty()
    opened = await asyncio.gather(*(PostgresStore.open(url) for _ in range(3)))
    for store in opened:
        await store.close()
    await postgres.drop(url)


async def test_an_address_that_leads_nowhere_is_said_without_the_address() -> None:
    with pytest.raises(Misconfigured) as said:
        await PostgresStore.open("postgresql://somebody@127.0.0.1:1/hidden")
    assert "somebody" not in str(said.value)
    assert "hidden" not in str(said.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"database": "postgresql://consent:secret@db/consent"},
        {"database": "mysql://consent@db/consent"},
        {"database": "postgresql://consent@db"},
        {"workers": 2},
        {"workers": 0},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Misconfigured) as said:
        check_settings(Settings(**wrong))  # type: ignore[arg-type]
    assert "secret" not in str(said.value)


def _locking(log: str) -> Batch[int]:
    return len((yield Statement("head.lock", [(log,)])))


@contextlib.asynccontextmanager
async def _cutting_at(word: bytes, url: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """An address that leads to *url*, and, once armed, is cut right after *word* went to the server."""
    armed, ends = asyncio.Event(), []
    parts = urlsplit(url)

    async def pass_on(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(parts.hostname, parts.port)
        ends.extend((to_client, to_server))

        async def back() -> None:
            while octets := await server.read(65536):
                if armed.is_set() and word in sent:
                    armed.clear()
                    break  # it has answered, and nobody hears it
                to_client.write(octets)
            to_client.close()
            to_server.close()

        sent = b""
        answering = asyncio.create_task(back())
        with contextlib.suppress(OSError):
            while octets := await client.read(65536):
                sent = octets
                to_server.write(octets)
        await answering

    proxy = await asyncio.start_server(pass_on, "127.0.0.1", 0)
    port = proxy.sockets[0].getsockname()[1]
    try:
        yield urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}")), armed
    finally:
        proxy.close()
        for end in ends:
            end.close()
