"""Modules about pushed requests (RFC 9126) and the way to the authorization endpoint."""

from typing import Any

import pytest

from tests.web.office import REDIRECT, Office, fresh, now

from .flow import let_pass, must_fail, must_work, redeem, sent_to


def push(client: Office, **changed: str) -> Any:
    return client.post("/oauth/par", client.request_fields(fresh() * 3) | changed)


def push_with(client: Office, **claims: Any) -> Any:
    """Push with something else in the client assertion."""
    return push(client, client_assertion=client.assertion(**claims))


def is_refused_page(client: Office, address: str) -> bool:
    """An error page here, and nobody is sent anywhere (RFC 6749 §4.1.2.1)."""
    answer = client.http.get(address)
    return answer.status_code == 400 and "location" not in answer.headers


def test_par_attempt_reuse_request_uri(client: Office) -> None:
    address = client.push(fresh() * 3)
    client.answered(address)
    assert is_refused_page(client, address)


def test_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(client: Office) -> None:
    """Single use counts from the answer, not from the first look (FAPI 2.0 §5.3.2.2 note 3)."""
    verifier = fresh() * 3
    address = client.push(verifier)
    assert [client.http.get(address).status_code for _ in range(2)] == [303, 303]
    redeem(client, client.answered(address)["code"], verifier)


def test_par_attempt_to_use_expired_request_uri(client: Office) -> None:
    pushed = push(client)
    address = sent_to(client, pushed)
    assert client.http.get(address).status_code == 303
    let_pass(client, pushed.json()["expires_in"])
    assert is_refused_page(client, address)


def test_par_attempt_to_use_request_uri_for_different_client(client: Office, client2: Office) -> None:
    address = client.push(fresh() * 3)
    assert is_refused_page(client, address.replace(client.client_id, client2.client_id))


def test_par_attempt_invalid_http_method(client: Office) -> None:
    """RFC 9126 §2.3."""
    for method in ("PUT", "GET", "DELETE", "PATCH"):
        answer = client.http.request(method, "/oauth/par", data=client.request_fields(fresh() * 3))
        assert answer.status_code == 405
        assert "POST" in answer.headers["allow"]


def test_par_authorization_request_containing_request_uri_form_param(client: Office) -> None:
    uri = push(client).json()["request_uri"]
    must_fail(push(client, request_uri=uri), "invalid_request")


def test_par_without_duplicate_parameters(client: Office) -> None:
    """The browser brings client_id and request_uri, and that is enough."""
    verifier = fresh() * 3
    address = client.push(verifier, state="s")
    assert sorted(part.split("=")[0] for part in address.split("?")[1].split("&")) == [
        "client_id",
        "request_uri",
    ]
    back = client.answered(address)
    assert back["state"] == "s"
    redeem(client, back["code"], verifier)


def test_par_test_array_as_audience_fails(client: Office) -> None:
    issuer = client.stage.issuer
    for aud in ([issuer], [issuer, issuer + "/oauth/par"], []):
        must_fail(push_with(client, aud=aud), "invalid_client", "invalid_request")


def test_par_test_par_endpoint_url_as_audience_fails(client: Office) -> None:
    must_fail(push_with(client, aud=client.stage.issuer + "/oauth/par"), "invalid_client", "invalid_request")


def test_par_test_token_endpoint_url_as_audience_fails(client: Office) -> None:
    must_fail(
        push_with(client, aud=client.stage.issuer + "/oauth/token"), "invalid_client", "invalid_request"
    )


def test_par_ensure_jwt_client_assertions_nbf_8_seconds_in_the_future_is_accepted(client: Office) -> None:
    at = now() + 8
    assert push_with(client, iat=at, nbf=at, exp=at + 60).status_code == 201


def test_par_ensure_jwt_client_assertions_nbf_over_60_seconds_in_the_future_fails(client: Office) -> None:
    at = now() + 70
    must_fail(push_with(client, iat=at, nbf=at, exp=at + 60), "invalid_client", "invalid_request")


def test_ensure_unsigned_authorization_request_without_using_par_fails(client: Office) -> None:
    fields = client.request_fields(fresh() * 3, state="s")
    del fields["client_assertion"], fields["client_assertion_type"]
    answer = client.http.get("/oauth/authorize", params=fields)
    assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize("uri", [REDIRECT + "&extra=1", REDIRECT + "/", "https://elsewhere.example/back"])
def test_ensure_registered_redirect_uri(client: Office, uri: str) -> None:
    must_fail(push(client, redirect_uri=uri), "invalid_request")


def test_plain_fapi_tolerate_unregistered_redirect_uri(client: Office) -> None:
    """A server may take it from a client that proved itself (RFC 9126 §2.4). This one says no, in the right form."""
    must_fail(push(client, redirect_uri="https://elsewhere.example/" + fresh()), "invalid_request")


def test_ensure_redirect_uri_in_authorization_request(client: Office) -> None:
    fields = client.request_fields(fresh() * 3)
    del fields["redirect_uri"]
    must_fail(client.post("/oauth/par", fields), "invalid_request")


def test_ensure_response_type_code_idtoken_fails(client: Office) -> None:
    must_fail(push(client, response_type="code id_token"), "unsupported_response_type", "invalid_request")


def test_ensure_response_type_token_fails(client: Office) -> None:
    must_fail(push(client, response_type="token"), "unsupported_response_type", "invalid_request")


def test_state_only_outside_request_object_not_used(client: Office) -> None:
    """What stands only in the browser's address was pushed by nobody."""
    back = client.answered(client.push(fresh() * 3) + "&state=outside")
    assert "state" not in back


def test_ensure_different_state_inside_and_outside_request_object(client: Office) -> None:
    back = client.answered(client.push(fresh() * 3, state="inside") + "&state=outside")
    assert back["state"] == "inside"


def test_ensure_different_nonce_inside_and_outside_request_object(client: Office) -> None:
    """Plain OAuth has no use for it; the flow goes on with what was pushed."""
    verifier = fresh() * 3
    back = client.answered(client.push(verifier, nonce="inside") + "&nonce=outside")
    redeem(client, back["code"], verifier)
    must_work(client)
