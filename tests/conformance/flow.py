"""Steps that the modules share: a flow with something changed in it, and a clock that moved."""

import contextlib
import json
import sqlite3
from typing import Any

import httpx

from consent.oauth.jose import check_jws
from consent.opening import DATABASE
from consent.words.instants import SECOND
from tests.web.office import ASKED, Office, fresh, now


def must_fail(answer: httpx.Response, *errors: str) -> None:
    """An OAuth error in its form: one of *errors*, JSON, kept by nobody, in plain characters (RFC 6749 §5.2)."""
    found = answer.json()
    assert found["error"] in errors, answer.text
    assert answer.status_code == (401 if found["error"] == "invalid_client" else 400)
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.headers["cache-control"] == "no-store"
    assert "location" not in answer.headers
    text = found.get("error_description", "")
    assert all(" " <= sign <= "~" and sign not in '"\\' for sign in text)


def authorize(client: Office, **pushed: str) -> tuple[str, str]:
    """A citizen says yes; returns the code and the verifier."""
    verifier = fresh() * 3
    back = client.answered(client.push(verifier, **pushed))
    assert back["iss"] == client.stage.issuer
    return back["code"], verifier


def redeem(client: Office, code: str, verifier: str) -> dict[str, Any]:
    """The tokens for a code, with what the profile promises about them."""
    answer = client.exchange(code, verifier)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    tokens: dict[str, Any] = answer.json()
    assert tokens["token_type"].lower() == "dpop"
    assert 0 < tokens["expires_in"] <= 600
    assert len(tokens["access_token"]) >= 22  # 128 bits of chance or more (FAPI 2.0 §5.4.1)
    # RFC 9396 §7: what was granted comes back, each element with its type.
    assert [detail["type"] for detail in tokens["authorization_details"]] == [
        f"{client.stage.issuer}/types/attributes/v1"
    ]
    assert "id_token" not in tokens
    return tokens


def must_work(client: Office, **pushed: str) -> dict[str, Any]:
    """The whole flow with something in the pushed request; returns the tokens, which open the API."""
    tokens = redeem(client, *authorize(client, **pushed))
    assert fetch(client, tokens["access_token"]).status_code == 200
    return tokens


def fetch(client: Office, token: str, **headers: str) -> httpx.Response:
    """Use an access token at the API."""
    return client.call("POST", "/disclosures", token, {"attributes": [ASKED[0]]}, **headers)


def let_pass(client: Office, seconds: int) -> None:
    """Make everything that the service remembers of this client's requests and codes so much older."""
    by = seconds * SECOND
    with (
        contextlib.closing(sqlite3.connect(client.stage.service / DATABASE, timeout=10)) as database,
        database,
    ):
        database.execute(
            "UPDATE requests SET asked_at = asked_at - ?, expires_at = expires_at - ? WHERE client = ?",
            (by, by, client.client_id),
        )
        database.execute(
            "UPDATE codes SET expires_at = expires_at - ? WHERE client = ?", (by, client.client_id)
        )


def request_object(
    client: Office,
    verifier: str = "",
    *,
    header: dict[str, Any] | None = None,
    key: Any = None,
    **changed: Any,
) -> str:
    """A signed request as the suite makes it; *changed* claims replace the right ones, None leaves one out."""
    fields = client.request_fields(verifier or fresh() * 3)
    asked = {name: one for name, one in fields.items() if not name.startswith("client_assertion")}
    asked["authorization_details"] = json.loads(asked["authorization_details"])
    at = now()
    claims = (
        asked | {"iss": client.client_id, "aud": client.stage.issuer, "nbf": at, "exp": at + 300} | changed
    )
    return (key or client.key).sign(
        {"typ": "oauth-authz-req+jwt"} | (header or {}),
        {name: one for name, one in claims.items() if one is not None},
    )


def push_object(client: Office, token: str, **outside: str) -> httpx.Response:
    """Push a signed request."""
    return client.post("/oauth/par", client.identified(request=token) | outside)


def sent_to(client: Office, pushed: httpx.Response) -> str:
    """Where to send a citizen with a request that was pushed."""
    assert pushed.status_code == 201, pushed.text
    assert 5 <= pushed.json()["expires_in"] < 600  # FAPI 2.0 §5.3.2.2-12
    return f"/oauth/authorize?client_id={client.client_id}&request_uri={pushed.json()['request_uri']}"


def signed_answer(client: Office, back: dict[str, str]) -> dict[str, Any]:
    """What stands in a signed answer, checked as a client does (JARM §2.4)."""
    assert set(back) - {"keep"} == {"response"}
    keys = client.http.get("/oauth/jwks").json()["keys"]
    header, claims = check_jws(back["response"], keys, types=None)
    assert header["alg"] == "ES256"
    assert (claims["iss"], claims["aud"]) == (client.stage.issuer, client.client_id)
    assert now() < claims["exp"] <= now() + 600
    return claims
