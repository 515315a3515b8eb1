"""Attack: an address of this trusted service that brings a citizen, by way of some error, to the attacker's own page.

What it would win: a false page that she believes, for a trusted name stood in the link. What stops it: nobody is sent
to an address that came in the request; only after her answer, and only to what was registered and pushed by that
client (RFC 9700 §4.11.2, RFC 6749 §4.1.2.1), with 303 (RFC 9700 §4.12).
"""

import re
from urllib.parse import urlsplit

import httpx
import pytest

from .attacker import REQUIRED, Attacker, Citizen, must_refuse

EVIL = "https://attacker.example/callback"
REFERENCE = "urn:ietf:params:oauth:request_uri:"
ASTRAY = [
    EVIL, "//attacker.example", "/\\attacker.example", "\\\\attacker.example", "https:attacker.example",
    "/%09/attacker.example", "/\t/attacker.example", "javascript:alert(1)", " https://attacker.example",
    "https://attacker.example\\@localhost/", "///attacker.example", "/my/..//attacker.example",
]  # fmt: skip


def must_stay(answer: httpx.Response, issuer: str) -> None:
    """It goes nowhere outside, and the page that it shows links nowhere outside either."""
    where = urlsplit(answer.headers.get("location", ""))
    assert (where.scheme, where.netloc) in {("", ""), tuple(urlsplit(issuer)[:2])}, where
    assert where.path[:2] != "//"
    assert answer.status_code not in (301, 302, 307, 308)
    assert "refresh" not in answer.headers
    assert not re.search(
        r"""(?:href|action|src|content)=["']\s*(?:[a-z]+:|[\\/]{2})[^"']*attacker""", answer.text
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"client_id": "nobody"},
        {"client_id": ""},
        {"client_id": "x" * 300},
        {"request_uri": REFERENCE + "x" * 43},
        {"request_uri": REFERENCE},
        {"request_uri": EVIL},
        {"request_uri": f"data:,{EVIL}"},
        {"request": "eyJhbGciOiJub25lIn0.e30."},
        {"response_type": "token"},
        {"response_mode": "form_post"},
        {"scope": "openid", "prompt": "none"},
    ],
    ids=lambda wrong: "-".join(wrong) or "no request",
)
def test_no_error_of_the_citizens_door_leads_to_an_address_of_the_link(
    attacker: Attacker, wrong: dict[str, str]
) -> None:
    right = {"client_id": attacker.client, "redirect_uri": EVIL, "state": "s", "response_type": "code"}
    answer = attacker.http.get("/oauth/authorize", params=right | wrong)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    must_stay(answer, attacker.issuer)


def test_a_used_request_or_a_foreign_one_leads_nowhere(attacker: Attacker, other: Attacker) -> None:
    uri = attacker.ask()
    with Citizen(attacker.stage) as citizen:
        page = citizen.page(f"/my/requests/{attacker.question(uri)}")
        assert isinstance(citizen.yes(page, REQUIRED), str)
    for client in (attacker.client, other.client):
        answer = attacker.http.get(
            "/oauth/authorize", params={"client_id": client, "request_uri": uri, "redirect_uri": EVIL}
        )
        assert answer.status_code == 400
        must_stay(answer, attacker.issuer)


@pytest.mark.parametrize(
    "near",
    [
        EVIL, "{callback}.attacker.example", "{callback}/../../x", "{callback}/", "{callback}#x", "{callback}?x=1",
        "http://user@attacker.example/callback", "http://127.0.0.1@attacker.example/callback",
        "http://127.0.0.1.attacker.example/callback", "https://127.0.0.1/callback", "http://localhost/callback",
        "http://127.0.0.1/Callback", "http://127.0.0.1/%63allback", "http://[::ffff:127.0.0.1]/callback",
    ],
)  # fmt: skip
def test_nearly_a_registered_address_is_none(attacker: Attacker, near: str) -> None:
    address = near.format(callback=attacker.stage.callback)
    answer = attacker.form("/oauth/par", attacker.pushed(redirect_uri=address))
    must_refuse(answer, 400, "invalid_request")


@pytest.mark.parametrize("decision", ["yes", "no"])
def test_her_answer_leads_to_the_pushed_address_whatever_the_form_says(
    attacker: Attacker, decision: str
) -> None:
    question = f"/my/requests/{attacker.question(attacker.ask())}"
    with Citizen(attacker.stage) as citizen:
        page = citizen.page(f"{question}?redirect_uri={EVIL}")
        ticks = [("attribute", name) for name in REQUIRED]
        extra = [("redirect_uri", EVIL), ("next", EVIL), *ticks, ("decision", decision)]
        back = citizen.browser.answer(page, *extra)
    if isinstance(back, str):
        assert back.startswith(f"{attacker.stage.callback}?")
    else:
        assert back.status in (400, 422)


@pytest.mark.parametrize("astray", ASTRAY)
def test_after_signing_in_she_is_still_here(attacker: Attacker, astray: str) -> None:
    page = attacker.http.get("/sign-in", params={"next": astray})
    must_stay(page, attacker.issuer)
    answer = attacker.http.post(
        "/sign-in/persona", data={"persona": "sanne", "next": astray}, headers={"origin": attacker.issuer}
    )
    assert answer.status_code == 303
    must_stay(answer, attacker.issuer)


@pytest.mark.parametrize("host", ["attacker.example", "attacker.example:80", "localhost@attacker.example"])
def test_a_false_name_of_the_service_leads_nowhere(attacker: Attacker, host: str) -> None:
    for path in ("/my", "/", "/oauth/authorize", "/nothing/here/", "/sign-in"):
        answer = attacker.http.get(path, headers={"host": host, "x-forwarded-host": host})
        must_stay(answer, attacker.issuer)
