"""The acts on both engines: each test of this folder runs on a file and on PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.world import World


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that looks into the file itself, marked so, has nothing to look into on PostgreSQL."""
    if "world" in metafunc.fixturenames:
        on_a_file = metafunc.definition.get_closest_marker("on_a_file")
        metafunc.parametrize("world", ["sqlite"] if on_a_file else ["sqlite", "postgres"], indirect=True)


@pytest.fixture
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A house on a fresh database, with a clock that stands still until a test moves it."""
    if request.param == "sqlite":
        async with World.open(tmp_path / "data") as opened:
            yield opened
        return
    cluster = request.getfixturevalue("postgres")
    database = await cluster.database()
    async with World.open(tmp_path / "data", database=database) as opened:
        yield opened
    await cluster.drop(database)
