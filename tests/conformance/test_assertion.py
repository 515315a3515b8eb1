"""Modules about private_key_jwt at the token endpoint (RFC 7523)."""

import json
from typing import Any

from consent_sdk.encoding import b64url_text

from tests.oauth.actors import RSA, signed
from tests.web.office import Office, fresh, now

from .flow import authorize, must_fail

NO = ("invalid_client", "invalid_request")


def exchange_with(client: Office, assertion: str | None) -> Any:
    """A good code with another assertion; the code stays good, for nobody proved to be anybody."""
    code, verifier = authorize(client)
    form = client.identified(grant_type="authorization_code", code=code, code_verifier=verifier)
    if assertion is None:
        del form["client_assertion"], form["client_assertion_type"]
    else:
        form["client_assertion"] = assertion
    answer = client.post("/oauth/token", form)
    assert client.exchange(code, verifier).status_code == 200
    return answer


def test_ensure_signed_client_assertion_with_RS256_fails(client: Office) -> None:  # noqa: N802 - the module's name
    claims = {"iss": client.client_id, "sub": client.client_id, "aud": client.stage.issuer, "jti": fresh()}
    times = {"iat": now(), "exp": now() + 60}
    must_fail(exchange_with(client, signed({"alg": "RS256"}, claims | times, RSA)), *NO)
    # The right key and signature under that name.
    _, payload, signature = client.assertion().split(".")
    head = b64url_text(json.dumps({"alg": "RS256"}).encode())
    must_fail(exchange_with(client, f"{head}.{payload}.{signature}"), *NO)


def test_ensure_client_assertion_in_token_endpoint(client: Office) -> None:
    must_fail(exchange_with(client, None), *NO)


def test_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails(client: Office) -> None:
    must_fail(exchange_with(client, client.assertion(iat=now() - 360, exp=now() - 300)), *NO)


def test_ensure_client_assertion_with_wrong_aud_fails(client: Office) -> None:
    must_fail(exchange_with(client, client.assertion(aud="https://elsewhere.example")), *NO)


def test_ensure_client_assertion_with_no_sub_fails(client: Office) -> None:
    must_fail(exchange_with(client, client.assertion(sub=None)), *NO)
