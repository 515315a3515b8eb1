"""A real primary with a real standby that takes over, under a service that goes on running."""

import asyncio
import contextlib
import re
from collections.abc import Iterator

import asyncpg
import pytest

from consent.storage.lineage import FailedOver
from consent.storage.postgres import PostgresStore
from consent.storage.store import Unavailable
from consent.words.errors import Misconfigured
from tests.postgres import Pair, pair
from tests.storage.ground import get_citizens, put_citizens, rows_of

PATIENCE = 60.0  # seconds; on a busy machine


@pytest.fixture
def servers() -> Iterator[Pair]:
    with pair() as made:
        made.start("primary")
        made.start("standby")
        yield made


async def refusal(store: PostgresStore) -> BaseException | None:
    """Why nothing can be written, once the connections to the server that is gone are gone too."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with pytest.raises(Unavailable) as refused:
                await store.write(put_citizens("later"))
            if isinstance(refused.value.__cause__, FailedOver):
                return refused.value.__cause__
            await asyncio.sleep(0.1)


async def written(store: PostgresStore, name: str) -> None:
    """Write until there is somebody again who takes it."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(Unavailable):
                await store.write(put_citizens(name))
                return
            await asyncio.sleep(0.1)


async def test_a_server_that_fell_and_rose_again_is_the_same_one(servers: Pair) -> None:
    store = await PostgresStore.open(servers.url)
    try:
        servers.stop("primary")
        servers.start("primary")
        await written(store, "later")
    finally:
        await store.close()


async def test_a_standby_that_may_lack_something_is_not_followed(servers: Pair) -> None:
    store = await PostgresStore.open(servers.url)
    try:
        await store.write(put_citizens("before"))
        servers.stop("standby")  # it lags behind: nobody waits for it
        await store.write(put_citizens("acknowledged"))
        servers.stop("primary")
        servers.start("standby")
        servers.promote()
        assert await refusal(store) is not None
        with pytest.raises(Unavailable) as refused:
            await store.read("citizen.get", "before")
        assert isinstance(refused.value.__cause__, FailedOver)
        looking = await asyncpg.connect(servers.url)
        assert await looking.fetchval("SELECT count(*) FROM citizens WHERE id <> 'before'") == 0
        await looking.close()
    finally:
        await store.close()
    again = await PostgresStore.open(servers.url)  # a start decides what to do about it
    try:
        assert rows_of(*await again.write(get_citizens("before", "acknowledged"))) == [
            ("before", "active", 1)
        ]
    finally:
        await again.close()


async def test_a_standby_is_not_written_and_followed_once_it_takes_over_if_the_primary_waited_for_it(
    servers: Pair,
) -> None:
    with pytest.raises(Misconfigured, match="standby"):
        await PostgresStore.open(re.sub("@.*?,", "@", servers.url).partition("?")[0])
    made = await PostgresStore.open(servers.url)
    await made.close()
    await servers.wait_for_standby()
    store = await PostgresStore.open(servers.url)
    try:
        await store.write(put_citizens("acknowledged"))
        servers.stop("primary")
        servers.promote()
        await written(store, "later")
        found = await store.write(get_citizens("acknowledged", "later"))
        assert rows_of(*found) == [("acknowledged", "active", 1), ("later", "active", 1)]
    finally:
        await store.close()
