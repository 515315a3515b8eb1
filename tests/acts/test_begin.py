"""A log begins once, on purpose, and never beside grants that stand in another one."""

import os

import pytest

from consent.opening import begin_on_purpose, new_log
from consent.settings import Settings
from consent.storage.sqlite import SqliteStore
from consent.words.errors import Misconfigured
from tests.world import World


@pytest.mark.on_a_file
async def test_a_second_log_is_not_begun_while_grants_stand_in_the_first(world: World) -> None:
    await world.given()
    store = world.house.store
    assert isinstance(store, SqliteStore)
    with pytest.raises(Misconfigured, match="log succeed"):
        await new_log(store, world.settings, "another", at=world.at)
    assert [row[0] for row in await store.read("head.all")] == [world.house.log]
    keys = {file.name for file in (world.settings.folder / "keys").iterdir()}
    assert keys == {
        "ring-1.key",
        "issuer.pem",
        "erased",
        "names.key",
        f"log-{world.house.log}.key",
        f"log-{world.house.log}.mldsa44.key",
    }


async def test_an_empty_folder_may_begin_with_a_log_of_its_own_name(tmp_path: os.PathLike[str]) -> None:
    settings = Settings(data=os.fspath(tmp_path))
    os.chmod(tmp_path, 0o700)
    assert await begin_on_purpose(settings, "2026-1") == "localhost:8000/log/2026-1"
    with pytest.raises(Misconfigured, match="exists already"):
        await begin_on_purpose(settings, "2026-1")
