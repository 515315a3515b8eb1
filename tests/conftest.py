"""What all tests share: a house in memory's reach, and a served one as outsiders meet it."""

import os
import secrets
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from copy import copy
from pathlib import Path

import pytest
from hypothesis import settings

from consent.demo import Stage
from tests.outsider import Auditor
from tests.postgres import Cluster, cluster
from tests.world import World

# How long one example takes says something about the machine, and how much else it does now; not about our rules.
settings.register_profile("consent", deadline=None)
settings.load_profile("consent")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server; one for the whole run."""
    with cluster() as running:
        yield running


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A house on a fresh database file, with a clock that stands still until a test moves it."""
    async with World.open(tmp_path / "data") as opened:
        yield opened


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Where `served` plays, with the example municipality's key; its folder as it was before anybody came."""
    stage = Stage(tmp_path_factory.mktemp("served"), free_port())
    stage.add_organisation()
    stage.service.rename(stage.folder / "prepared")
    return stage


@pytest.fixture(scope="module")
def served(prepared: Stage) -> Iterator[Stage]:
    """The service as its own process in the sandbox, with the shipped seed and the example municipality's key.

    Anew for each file of tests: what one does to it, none of the others finds, whichever ran before.
    """
    shutil.rmtree(prepared.service, ignore_errors=True)
    shutil.copytree(prepared.folder / "prepared", prepared.service)
    stage = copy(prepared)  # what a test keeps for this one is not there for the next
    with stage.serving():
        yield stage


@pytest.fixture(scope="session")
def auditor(tmp_path_factory: pytest.TempPathFactory) -> Auditor:
    """Somebody outside, with the verifier alone; one for the whole run."""
    return Auditor(tmp_path_factory.mktemp("auditor"))


def free_port() -> int:
    """A port that nobody listens on now, with the next one free as well.

    Below those that the system gives to callers, and from a stretch of its own for each of the processes that run tests
    side by side: a port that was free must still be so when its server comes to it.
    """
    mine = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = secrets.choice(range(10_000 + 4_000 * mine, 14_000 + 4_000 * mine, 2))
        with socket.socket() as first, socket.socket() as second:
            try:
                first.bind(("127.0.0.1", port))
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
        return port
