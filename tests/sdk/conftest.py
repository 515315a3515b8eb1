"""Gives each test a world of its own, and the package under test from its own folder."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "clients" / "organisation"))

from consent_sdk import Arrangement, MemoryStore, Organisation

from .world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def org(world: World) -> AsyncIterator[Organisation]:
    async with world.client() as http:
        yield world.organisation(MemoryStore(), http)


@pytest.fixture
async def arrangement(world: World, org: Organisation) -> Arrangement:
    """She was asked for a name, an income and a city, and ticked the first two."""
    ask = await world.ask(org)
    return await org.receive(world.citizen_says_yes(ask.url, ["income", "name"]), ask)
