"""Modules about the token endpoint."""

import time

from tests.web.office import Office

from .flow import authorize, fetch, let_pass, must_fail, redeem


def test_ensure_authorization_code_is_bound_to_client(client: Office, client2: Office) -> None:
    code, verifier = authorize(client)
    must_fail(client2.exchange(code, verifier), "invalid_grant", "invalid_client")
    redeem(client, code, verifier)


def test_ensure_client_id_in_token_endpoint(client: Office, client2: Office) -> None:
    """Client 1's code, with an assertion about client 2 that client 1 signed."""
    code, verifier = authorize(client)
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
    forged = client.assertion(iss=client2.client_id, sub=client2.client_id)
    for changed in (
        {"client_id": client2.client_id, "client_assertion": forged},
        {"client_id": client2.client_id},
    ):
        must_fail(
            client.post("/oauth/token", client.identified(**form) | changed),
            "invalid_client",
            "invalid_grant",
        )


def test_attempt_reuse_authorization_code_after_one_second(client: Office) -> None:
    code, verifier = authorize(client)
    tokens = redeem(client, code, verifier)
    assert fetch(client, tokens["access_token"]).status_code == 200
    time.sleep(1)
    must_fail(client.exchange(code, verifier), "invalid_grant")
    assert fetch(client, tokens["access_token"]).status_code == 401


def test_ensure_token_endpoint_fails_with_expired_auth_code(client: Office) -> None:
    code, verifier = authorize(client)
    let_pass(client, 60)
    must_fail(client.exchange(code, verifier), "invalid_grant")
