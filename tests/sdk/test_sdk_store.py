"""What the organisation must not forget survives, and only its owner can read it."""

import asyncio
import os
import stat
from pathlib import Path

import pytest
from consent_sdk import FileStore, MemoryStore, Store


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else FileStore(tmp_path / "a" / "store.json")


async def test_a_store_gives_back_what_was_put(store: Store) -> None:
    assert await store.get("a") is None
    await store.put("a", "1")
    await store.put("a", "2")
    assert await store.get("a") == "2"
    await store.delete("a")
    await store.delete("a")
    assert await store.get("a") is None


async def test_the_first_one_is_kept(store: Store) -> None:
    assert await store.keep("a", "1") == "1"
    assert await store.keep("a", "2") == "1"
    assert await store.get("a") == "1"


async def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    stores = [FileStore(tmp_path / "s.json") for _ in range(4)]
    await asyncio.gather(*(stores[i % 4].put(f"k{i}", str(i)) for i in range(40)))
    kept = [await stores[0].get(f"k{i}") for i in range(40)]
    assert kept == [str(i) for i in range(40)]
    first = await asyncio.gather(*(stores[i % 4].keep("pin", str(i)) for i in range(40)))
    assert len(set(first)) == 1


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    before = os.umask(0)
    try:
        asyncio.run(FileStore(path).put("a", "secret"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.json", "s.json.lock"]


async def test_a_file_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text("{}")
    path.chmod(0o644)
    with pytest.raises(PermissionError):
        await FileStore(path).get("a")


async def test_a_damaged_file_is_not_taken_for_an_empty_memory(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text('{"a": ')
    path.chmod(0o600)
    with pytest.raises(ValueError, match="damaged"):
        await FileStore(path).put("a", "1")
    assert path.read_text() == '{"a": '


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(tmp_path / "s.json")
    asyncio.run(store.put("a", "1"))

    def full(*_: object) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        asyncio.run(store.put("a", "2"))
    assert asyncio.run(store.get("a")) == "1"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.json", "s.json.lock"]


def test_a_store_prints_no_content() -> None:
    store = MemoryStore()
    asyncio.run(store.put("a", "secret"))
    assert "secret" not in repr(store)
