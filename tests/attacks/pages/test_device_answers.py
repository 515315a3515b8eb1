"""The device's answers: each counts once, for our host and our page, and only when the device knew the person."""

from typing import Any

import httpx
import pytest

from consent.demo import Stage

from .authenticator import PRESENT, VERIFIED, Authenticator
from .conftest import Visit
from .visitor import Visitor

NO = (401, {"error": "not_signed_in"})


def begin(visitor: Visitor, kind: str) -> dict[str, Any]:
    """Begin a ceremony; the visitor keeps its cookie."""
    answer = visitor.http.post(f"/{kind}/passkey/options", json={}, headers={"origin": visitor.issuer})
    assert answer.status_code == 200
    options: dict[str, Any] = answer.json()
    return options


def finish(visitor: Visitor, kind: str, credential: dict[str, Any], **more: str) -> httpx.Response:
    """Bring the device's answer."""
    body = {"credential": credential, **more}
    return visitor.http.post(f"/{kind}/passkey", json=body, headers={"origin": visitor.issuer})


def said(answer: httpx.Response) -> tuple[int, Any]:
    assert "session" not in answer.cookies or answer.status_code == 200
    return answer.status_code, answer.json()


@pytest.fixture
def device(served: Stage, visit: Visit) -> Authenticator:
    """A device with an account."""
    made = Authenticator(origin=served.issuer)
    visitor = visit()
    answer = finish(visitor, "sign-up", made.create(begin(visitor, "sign-up")))
    assert said(answer) == (200, {"next": "/"})
    assert visitor.get("/").status_code == 200
    return made


def test_a_good_answer_opens_the_account(device: Authenticator, visit: Visit) -> None:
    visitor = visit()
    answer = finish(visitor, "sign-in", device.get(begin(visitor, "sign-in")), next="/my/data")
    assert said(answer) == (200, {"next": "/my/data"})
    assert visitor.get("/").status_code == 200


def test_an_answer_does_not_lead_elsewhere(device: Authenticator, visit: Visit) -> None:
    visitor = visit()
    answer = finish(visitor, "sign-in", device.get(begin(visitor, "sign-in")), next="//evil.example")
    assert said(answer) == (200, {"next": "/"})


def test_an_answer_counts_once(device: Authenticator, visit: Visit) -> None:
    visitor = visit()
    credential = device.get(begin(visitor, "sign-in"))
    ceremony = visitor.http.cookies["ceremony"]
    assert finish(visitor, "sign-in", credential).status_code == 200
    thief = visit()
    thief.http.cookies.set("ceremony", ceremony, domain="localhost.local")
    assert said(finish(thief, "sign-in", credential)) == NO


def test_an_answer_belongs_to_the_browser_that_began(device: Authenticator, visit: Visit) -> None:
    victim, thief = visit(), visit()
    credential = device.get(begin(victim, "sign-in"))
    assert said(finish(thief, "sign-in", credential)) == (400, {"error": "bad_input"})
    begin(thief, "sign-in")  # a ceremony of his own has another challenge
    assert said(finish(thief, "sign-in", credential)) == NO


LIES: dict[str, dict[str, Any]] = {
    "signed for a page of another site": {"origin": "https://evil.example"},
    "signed for another port": {"origin": "http://localhost:1"},
    "signed for a name that only ends like ours": {"origin": "http://evil-localhost"},
    "a key of another host": {"host": "evil.example"},
    "the device did not check who held it": {"flags": PRESENT},
    "nobody was there": {"flags": VERIFIED},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_device_that_answers_for_something_else_gets_in_nowhere(
    lie: str, device: Authenticator, visit: Visit, served: Stage
) -> None:
    for name, value in LIES[lie].items():
        setattr(device, name, value)
    visitor = visit()
    assert said(finish(visitor, "sign-in", device.get(begin(visitor, "sign-in")))) == NO
    fresh = Authenticator(**{"origin": served.issuer, **LIES[lie]})
    assert said(finish(visitor, "sign-up", fresh.create(begin(visitor, "sign-up")))) == NO
    assert visitor.get("/").status_code == 303


def test_another_key_under_a_known_name_gets_in_nowhere(
    device: Authenticator, visit: Visit, served: Stage
) -> None:
    visitor, other = visit(), Authenticator(origin=served.issuer)
    other.id = device.id
    assert said(finish(visitor, "sign-in", other.get(begin(visitor, "sign-in")))) == NO
    # Nor does it take the account over by registering under that name.
    assert said(finish(visitor, "sign-up", other.create(begin(visitor, "sign-up")))) == NO
    assert said(finish(visitor, "sign-in", device.get(begin(visitor, "sign-in"))))[0] == 200


@pytest.mark.parametrize("part", ["id", "rawId", "response", "type"])
@pytest.mark.parametrize("instead", [None, 7, "", "?", [], {}, "a" * 5000])
def test_a_broken_answer_is_a_plain_no(part: str, instead: Any, device: Authenticator, visit: Visit) -> None:
    for kind, act in (("sign-in", device.get), ("sign-up", device.create)):
        visitor = visit()
        credential = act(begin(visitor, kind)) | {part: instead}
        assert said(finish(visitor, kind, credential)) == NO
