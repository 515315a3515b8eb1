"""What a watcher is told: that it lives, whether it is ready, and no more."""

import time

import httpx

from consent.acts.ready import CHECKS
from consent.demo import Stage


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
