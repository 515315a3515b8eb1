"""Attack: requests that are far too large, too deep, cut off, or not what they say.

What it would win: a service that hangs, falls over, or tells in its error how it is built. What stops it: sizes are
bounded before anything is read, every malformation is an error of the caller in the form of its door, and right after
it the service answers as before (RFC 6749 §5.2, RFC 9457).
"""

import json
from collections.abc import Iterator

import httpx
import pytest

from consent.demo import Stage

from .attacker import REQUEST, REQUIRED, Attacker, b64

GARBLED = {
    "one sign": "x",
    "dots": "..",
    "many dots": "." * 5000,
    "not base64": "!!!.???.***",
    "NUL": f"{b64(b'{}')}.{b64(bytes(9))}.{b64(bytes(64))}",
    "not UTF-8": ".".join([b64(b'{"alg":"ES256"}'), b64(b"\xff\xfe{}"), b64(bytes(64))]),
    "deep header": f"{b64(b'[' * 6000)}.{b64(b'{}')}.{b64(bytes(64))}",
    "deep claims": ".".join([b64(b'{"alg":"ES256"}'), b64(b'{"a":' * 3000), b64(bytes(64))]),
    "header twice": ".".join([b64(b'{"alg":"ES256","alg":"none"}'), b64(b"{}"), b64(bytes(64))]),
    "a number": ".".join([b64(b"1"), b64(b"1e999"), b64(bytes(64))]),
    "large": ".".join([b64(b'{"alg":"ES256"}'), b64(b"x" * 12_000), b64(bytes(64))]),
    "encrypted": ".".join([b64(b'{"alg":"dir","enc":"A128GCM","zip":"DEF"}'), "", b64(bytes(12)), "AA", "AA"]),
}  # fmt: skip


@pytest.fixture(autouse=True)
def unharmed(served: Stage) -> Iterator[None]:
    """Whatever it was, the service is there afterwards, and wrote down no fault of its own."""
    log = served.folder / "service.log"
    before = log.stat().st_size
    yield
    assert httpx.get(f"{served.issuer}/log", timeout=5).status_code == 200
    said = log.read_bytes()[before:]
    assert b'"level": "error"' not in said


def must_be_the_callers_error(answer: httpx.Response) -> None:
    """An error of the caller, in the form of its door, that repeats nothing and tells nothing of the inside."""
    assert 400 <= answer.status_code < 500, answer.text
    said = answer.json()
    assert said.get("error") or said.get("code")
    assert len(answer.content) < 1000
    for inside in ("Traceback", ".py", "msgspec", "joserfc", "litestar", "sqlite"):
        assert inside not in answer.text


@pytest.mark.parametrize("what", GARBLED)
def test_a_garbled_assertion_proof_or_request_is_the_callers_error(attacker: Attacker, what: str) -> None:
    sent, client = GARBLED[what], {"grant_type": "client_credentials"}
    must_be_the_callers_error(attacker.token(client, assertion=sent))
    must_be_the_callers_error(attacker.token(client, proof=sent))
    must_be_the_callers_error(attacker.form("/oauth/par", {"request": sent}))
    for path in ("/oauth/introspect", "/oauth/revoke"):
        answer = attacker.form(path, {"token": sent})
        if answer.status_code == 200:  # an unknown token is no error there (RFC 7009 §2.2, RFC 7662 §2.2)
            assert answer.content in (b"", b'{"active":false}')
        else:
            must_be_the_callers_error(answer)


@pytest.mark.parametrize(
    "details",
    ["[" * 4000, '[{"type":' * 900, "[{}]" * 500, "null", '"x"', "1e400", "[1,2", '[{"a":"' + "x" * 7000 + '"}]'],
    ids=["deep list", "deep object", "many", "null", "text", "number", "cut off", "large"],
)  # fmt: skip
def test_garbled_details_are_the_callers_error(attacker: Attacker, details: str) -> None:
    must_be_the_callers_error(attacker.form("/oauth/par", attacker.pushed(authorization_details=details)))
    claims = attacker.request_claims() | {"authorization_details": details}
    must_be_the_callers_error(attacker.form("/oauth/par", {"request": attacker.request_object(claims)}))


@pytest.mark.parametrize("path", ["/oauth/par", "/oauth/token", "/oauth/introspect", "/oauth/revoke"])
def test_a_form_that_is_too_large_is_not_read(attacker: Attacker, path: str) -> None:
    for body in ("state=" + "x" * 70_000, "&".join(f"f{n}=1" for n in range(20_000))):
        answer = attacker.http.post(
            path, content=body, headers={"content-type": "application/x-www-form-urlencoded"}
        )
        assert answer.status_code == 413
        must_be_the_callers_error(answer)


def test_a_signed_request_cannot_be_larger_than_a_plain_one(attacker: Attacker) -> None:
    claims = attacker.request_claims() | {"state": "s" * 40_000}
    must_be_the_callers_error(attacker.form("/oauth/par", {"request": attacker.request_object(claims)}))


@pytest.mark.parametrize("name", ["dpop", "authorization", "idempotency-key"])
def test_a_header_that_is_too_large_opens_nothing(attacker: Attacker, name: str) -> None:
    token = attacker.tokens()["access_token"]
    right = {"authorization": f"DPoP {token}", "dpop": attacker.proof("POST", "/disclosures", token)}
    answer = attacker.http.post(
        "/disclosures", json={"attributes": REQUIRED}, headers=right | {name: "x" * 15_000}
    )
    must_be_the_callers_error(answer)
    assert attacker.disclose(token).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 30_000, b'{"attributes":' * 4000, b'{"attributes":["' + b"x" * 60_000 + b'"]}', b"\xff\xfe", b"",
        json.dumps({"attributes": ["household_size"] * 3000}).encode(), b'{"attributes":[NaN]}', b'{"attributes":',
    ],
    ids=["deep list", "deep object", "long name", "not UTF-8", "nothing", "many names", "NaN", "cut off"],
)  # fmt: skip
def test_a_garbled_question_for_data_is_the_callers_error(attacker: Attacker, body: bytes) -> None:
    token = attacker.tokens()["access_token"]
    headers = {
        "authorization": f"DPoP {token}", "dpop": attacker.proof("POST", "/disclosures", token),
        "content-type": "application/json",
    }  # fmt: skip
    must_be_the_callers_error(attacker.http.post("/disclosures", content=body, headers=headers))


def test_a_request_object_of_another_type_is_none(attacker: Attacker) -> None:
    for typ in ("JWT+x", "dpop+jwt", "at+jwt", "secevent+jwt"):
        sent = attacker.key.sign(REQUEST | {"typ": typ}, attacker.request_claims())
        must_be_the_callers_error(attacker.form("/oauth/par", {"request": sent}))
