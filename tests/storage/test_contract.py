"""The contract of a store, written once for every engine: serial, durable, all or nothing, readers only read."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from consent.storage.store import Batch, Statement, Store
from tests.storage.ground import (
    ENGINES,
    Engine,
    Rows,
    engine_of,
    get_citizens,
    move,
    new_log,
    put_citizens,
    rows_of,
)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return engine_of(request.param, lambda: request.getfixturevalue("postgres"))


@pytest.fixture
async def store(engine: Engine, tmp_path: Path) -> AsyncIterator[Store]:
    opened = await engine.open(tmp_path)
    yield opened
    await opened.close()


async def test_a_batch_returns_what_its_generator_returned(store: Store) -> None:
    assert await store.write(put_citizens("a", "b", "c")) == 3


async def test_a_reading_statement_answers_for_each_row_of_parameters_in_that_order(store: Store) -> None:
    await store.write(put_citizens("a", "b", "c"))
    found = await store.write(get_citizens("c", "nobody", "a"))
    assert rows_of(*found) == [("c", "active", 1), ("a", "active", 1)]


async def test_a_batch_sees_what_it_wrote_itself(store: Store) -> None:
    def batch() -> Batch[Rows]:
        yield Statement("citizen.put", [("a", "active", 1)])
        yield Statement("citizen.put", [("a", "frozen", 1)])
        return (yield Statement("citizen.get", [("a",)]))

    assert rows_of(*await store.write(batch())) == [("a", "frozen", 1)]


async def test_a_writing_statement_without_rows_is_no_error(store: Store) -> None:
    assert await store.write(put_citizens()) == 0


async def test_what_was_written_is_there_after_opening_again(
    engine: Engine, store: Store, tmp_path: Path
) -> None:
    await store.write(put_citizens("a"))
    again = await engine.open(tmp_path)  # while the first is still open: nothing waits to be flushed
    try:
        assert rows_of(*await again.read("citizen.get", "a")) == [("a", "active", 1)]
    finally:
        await again.close()


async def test_no_two_batches_overlap(store: Store) -> None:
    await store.write(new_log("2030"))

    def grow() -> Batch[Rows]:
        ((_, _, size, *_),) = yield Statement("head.lock", [("2030",)])
        return (yield Statement("head.move", [(size + 1, 2, "newer", "2030", size, 1)]))

    moved = await asyncio.gather(*(store.write(grow()) for _ in range(50)))
    assert sorted(size for ((size,),) in moved) == list(range(2, 52))


async def test_two_stores_on_one_database_are_serial_as_well(
    engine: Engine, store: Store, tmp_path: Path
) -> None:
    await store.write(new_log("2030"))

    def grow() -> Batch[Rows]:
        ((_, _, size, *_),) = yield Statement("head.lock", [("2030",)])
        return (yield Statement("head.move", [(size + 1, 2, "newer", "2030", size, 1)]))

    other = await engine.open(tmp_path)
    try:
        moved = await asyncio.gather(*((store, other)[n % 2].write(grow()) for n in range(40)))
    finally:
        await other.close()
    assert sorted(size for ((size,),) in moved) == list(range(2, 42))


async def test_the_head_moves_only_from_the_size_and_epoch_that_the_writer_knows(store: Store) -> None:
    await store.write(new_log("2030", size=5))
    assert await store.write(move("2030", old=4, new=6)) == []
    assert await store.write(move("2030", old=5, new=6, epoch=2)) == []
    assert rows_of(*await store.write(move("2030", old=5, new=6))) == [(6,)]
    assert rows_of(*await store.read("head.get", "2030"))[0][2] == 6


class Broken(Exception):
    """A fault in the middle of a batch."""


def breaks(*, before: int) -> Batch[None]:
    """Raises before its third, second or first statement."""
    for n in range(3):
        if n == before:
            raise Broken
        yield Statement("citizen.put", [(f"torn-{n}", "active", 1)])
    if before == 3:
        raise Broken


@pytest.mark.parametrize("before", range(4))
async def test_when_a_batch_raises_nothing_of_it_was_written(store: Store, before: int) -> None:
    with pytest.raises(Broken):
        await store.write(breaks(before=before))
    assert await store.write(get_citizens("torn-0", "torn-1", "torn-2")) == []
    assert await store.write(put_citizens("after")) == 1


async def test_when_a_statement_is_refused_nothing_of_its_batch_was_written(store: Store) -> None:
    def batch() -> Batch[None]:
        yield Statement("citizen.put", [("a", "active", 1)])
        yield Statement("persona.put", [("p", "a", b"{}", b"{}")])
        yield Statement("keys.put", [("nobody", 1, "ring-1", b"", b"", 1)])  # refers to no citizen

    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await store.write(batch())
    assert await store.write(get_citizens("a")) == []


async def test_rows_of_parameters_before_the_refused_one_are_gone_too(store: Store) -> None:
    def batch() -> Batch[None]:
        yield Statement("citizen.put", [("a", "active", 1), ("b", "a state that does not exist", 1)])

    with pytest.raises(Exception, match=r"(?i)check"):
        await store.write(batch())
    assert await store.write(get_citizens("a", "b")) == []


async def test_a_batch_that_is_broken_off_is_closed(store: Store) -> None:
    closed = []

    def batch() -> Batch[None]:
        try:
            yield Statement("keys.put", [("nobody", 1, "ring-1", b"", b"", 1)])
        finally:
            closed.append(True)

    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await store.write(batch())
    assert closed == [True]


async def test_a_reader_sees_nothing_of_an_open_batch_and_all_of_a_committed_one(
    engine: Engine, store: Store, tmp_path: Path
) -> None:
    loop, seen = asyncio.get_running_loop(), []

    async def look() -> Rows:
        reader = await engine.open(tmp_path)
        try:
            return await reader.read("citizen.get", "a")
        finally:
            await reader.close()

    def batch() -> Batch[None]:
        yield Statement("citizen.put", [("a", "active", 1)])
        # In the middle of the transaction: from the loop, or from another one when this is its thread.
        if threading.current_thread() is threading.main_thread():
            with ThreadPoolExecutor(1) as elsewhere:
                seen.append(elsewhere.submit(asyncio.run, look()).result(20))
        else:
            seen.append(asyncio.run_coroutine_threadsafe(store.read("citizen.get", "a"), loop).result(10))
        yield Statement("citizen.put", [("b", "active", 1)])

    await store.write(batch())
    assert seen == [[]]
    assert len(await store.read("citizen.get", "a")) == 1


async def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)read"):
        await store.read("citizen.put", "a", "active", 1)
    assert await store.read("citizen.get", "a") == []


async def test_a_caller_that_is_cancelled_does_not_stop_the_batch(store: Store) -> None:
    loop, began = asyncio.get_running_loop(), asyncio.Event()

    def batch() -> Batch[None]:
        yield Statement("citizen.put", [("a", "active", 1)])
        loop.call_soon_threadsafe(began.set)
        yield Statement("citizen.put", [("b", "active", 1)])

    caller = asyncio.create_task(store.write(batch()))
    await began.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    # The next batch comes after it, whole.
    assert len(await store.write(get_citizens("a", "b"))) == 2


async def test_an_unknown_name_is_refused_and_the_store_goes_on(store: Store) -> None:
    def batch() -> Batch[None]:
        yield Statement("citizen.put", [("a", "active", 1)])
        yield Statement("no.such", [()])

    with pytest.raises(KeyError):
        await store.write(batch())
    with pytest.raises(KeyError):
        await store.read("no.such")
    assert await store.write(get_citizens("a")) == []
