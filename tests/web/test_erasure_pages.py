"""The way out over HTTP: all closed at once, one page left, an address that needs no account, and the way back."""

from base64 import b64decode
from collections.abc import Iterator

import consent_verify
import httpx
import pytest

from consent.demo import Stage
from tests.attacks.pages.visitor import Visitor


@pytest.fixture
def visitor(served: Stage) -> Iterator[Visitor]:
    visitor = Visitor(served).sign_in("amal")
    try:
        yield visitor
    finally:
        visitor.http.close()


def csrf(visitor: Visitor, path: str) -> str:
    found = visitor.get(path).text.split('name="csrf" value="')
    assert len(found) > 1
    return found[1][:64]


def test_leaving_and_coming_back(served: Stage, visitor: Visitor) -> None:
    thief = Visitor(served)
    thief.plant(visitor.session)
    gone = visitor.post("/my/erase", {"csrf": csrf(visitor, "/my/erase")})
    assert gone.status_code == 303
    where = gone.headers["location"]
    assert where.startswith("/erasure/")
    for browser in (visitor, thief):  # every browser is signed out, whoever sits there
        assert browser.get("/my/data").headers["location"].startswith("/sign-in")
    thief.http.close()

    nobody = Visitor(served)
    assert nobody.get(where).status_code == 200
    assert nobody.get(where[:-4] + "AAAA").status_code == 404
    receipt = nobody.get(f"{where}/receipt.json").json()
    assert receipt["erased_at"] is None
    key = consent_verify.read_key(nobody.get("/log/" + receipt["log"] + "/policy").text.split()[1])
    consent_verify.check_proof(receipt["proof"], b64decode(receipt["leaf"]), [key])

    visitor.sign_in("amal")
    for path in ("/", "/my/data", "/my/timeline", "/my/requests/" + "0" * 32):
        assert visitor.get(path).headers["location"] == "/my/erase"
    assert where in visitor.get("/my/erase").text
    assert visitor.get("/my/export").status_code == 200
    assert visitor.get("/my/export.json").json()["data"]
    value = {"value": "nieuw@voorbeeld.nl", "csrf": csrf(visitor, "/my/erase")}
    assert visitor.post("/my/data/email", value).headers["location"] == "/my/erase"
    assert "nieuw@voorbeeld.nl" not in visitor.get("/my/export").text
    back = visitor.post("/my/erase/undo", {"csrf": csrf(visitor, "/my/erase")})
    assert back.headers["location"] == "/"
    assert visitor.get("/").status_code == 200
    assert nobody.get(where).status_code == 404
    nobody.http.close()


def test_a_strangers_form_erases_nothing(served: Stage, visitor: Visitor) -> None:
    token = csrf(visitor, "/my/erase")
    for fields, said in (
        ({}, {}),
        ({"csrf": "0" * 64}, {}),
        ({"csrf": token}, {"origin": "https://evil.example"}),
        ({"csrf": token}, {"origin": "", "sec_fetch_site": "cross-site"}),
    ):
        answer: httpx.Response = visitor.post("/my/erase", fields, **said)
        assert answer.status_code == 403
    assert visitor.get("/my/data").status_code == 200
    nobody = Visitor(served)
    for path in ("/my/erase", "/my/export", "/my/export.json"):
        assert nobody.get(path).headers["location"].startswith("/sign-in")
    nobody.http.close()
