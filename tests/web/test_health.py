"""What a watcher is told: that it lives, whether it is ready, and no more."""

import time
from types import SimpleNamespace
from typing import Any

import httpx
import msgspec

from consent.acts.ready import CHECKS
from consent.demo import Stage
from consent.web import health
from tests.world import World


def test_it_lives_and_is_ready(served: Stage) -> None:
    assert httpx.get(f"{served.issuer}/livez").json() == {"live": True}
    answer = httpx.get(f"{served.issuer}/readyz", timeout=30)
    until = time.monotonic() + 60
    while answer.status_code != 200 and time.monotonic() < until:  # much else may be going on just now
        time.sleep(1)
        answer = httpx.get(f"{served.issuer}/readyz", timeout=30)
    checks = dict.fromkeys(CHECKS, True)
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "checks": checks})
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers


def test_a_wrong_method_gets_a_problem(served: Stage) -> None:
    for path in ("/livez", "/readyz"):
        answer = httpx.post(served.issuer + path)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


async def test_one_part_that_fails_is_a_503_that_says_which_and_no_more(world: World) -> None:
    await world.house.scribe.stop()
    request: Any = SimpleNamespace(app=SimpleNamespace(state=SimpleNamespace(house=world.house)))
    answer = await health.ready.fn(request)
    said = msgspec.json.decode(answer.content)
    assert (answer.status_code, said["ready"], said["checks"]["scribe"]) == (503, False, False)
    assert set(said) == {"ready", "checks"}
