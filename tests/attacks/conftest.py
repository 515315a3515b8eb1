"""The attacker that the attacks over HTTP share."""

import json
import tomllib
from collections.abc import Iterator

import pytest
from consent_sdk.keys import SigningKey

from consent.demo import Stage
from consent.seed import SHIPPED

from .attacker import Attacker


@pytest.fixture
def attacker(served: Stage) -> Iterator[Attacker]:
    """The example municipality's own client, gone bad."""
    one = Attacker(served)
    yield one
    one.close()


@pytest.fixture(scope="module")
def neighbour(served: Stage) -> tuple[Stage, SigningKey]:
    """A second organisation with a key of its own, added while the service runs, as an operator does."""
    key = SigningKey.new()
    seed = tomllib.loads(SHIPPED.read_text("utf-8"))
    file = next(o for o in seed["organisations"] if o["organisation"]["id"] == "voorbeeld-energie")
    file["organisation"]["id"] = "buurman"
    for client in file["clients"]:
        client |= {"id": "buurman-app", "jwks": {"keys": [dict(key.public_jwk)]}}
    for purpose in file["purposes"]:
        purpose |= {"id": "buren"}
    path = served.folder / "buurman.json"
    path.write_text(json.dumps(file, default=str), "utf-8")
    served.run("organisation", "add", str(path))
    return served, key


@pytest.fixture
def other(neighbour: tuple[Stage, SigningKey]) -> Iterator[Attacker]:
    """Another organisation's client, which proves to be itself and wants what is not its own."""
    stage, key = neighbour
    one = Attacker(stage, key=key, client="buurman-app")
    yield one
    one.close()
