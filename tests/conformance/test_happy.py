"""Modules in which a well-behaved client succeeds, also with what the service has no use for."""

from consent.oauth.jose import ALGORITHMS
from tests.web.office import ASKED, Office, fresh

from .flow import authorize, fetch, must_fail, must_work, redeem


def test_discovery_end_point_verification(client: Office) -> None:
    answer = client.http.get("/.well-known/oauth-authorization-server")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found = answer.json()
    assert found["issuer"] == client.stage.issuer
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    for name in (
        "token_endpoint_auth_signing_alg_values_supported",
        "dpop_signing_alg_values_supported",
        "request_object_signing_alg_values_supported",
    ):
        assert tuple(found[name]) == ALGORITHMS
    assert found["require_pushed_authorization_requests"] is True
    assert found["authorization_response_iss_parameter_supported"] is True
    assert {"query", "jwt"} <= set(found["response_modes_supported"])
    assert "refresh_token" in found["grant_types_supported"]
    keys = client.http.get(found["jwks_uri"].removeprefix(client.stage.issuer)).json()["keys"]
    assert all(key["use"] == "sig" and "d" not in key for key in keys)
    assert len({key["kid"] for key in keys}) == len(keys)


def test_happy_flow(client: Office, client2: Office) -> None:
    one, two = must_work(client), must_work(client2)
    assert one["grant_id"] != two["grant_id"]
    # Bound to the key that asked for it: with another's key it opens nothing.
    body = {"attributes": [ASKED[0]]}
    stolen = client2.call("POST", "/disclosures", one["access_token"], body)
    assert stolen.status_code == 401


def test_user_rejects_authentication(client: Office) -> None:
    back = client.answered(client.push(fresh() * 3, state="s"), decision="no")
    assert back == {"keep": "this", "error": "access_denied", "state": "s", "iss": client.stage.issuer}


def test_ensure_authorization_request_without_state_success(client: Office) -> None:
    back = client.answered(client.push(fresh() * 3))
    assert set(back) == {"keep", "code", "iss"}


def test_ensure_authorization_request_without_nonce_success(client: Office) -> None:
    must_work(client, state="s")


def test_ensure_authorization_request_with_64_char_nonce_success(client: Office) -> None:
    must_work(client, nonce="n" * 64)


def test_ensure_authorization_request_with_long_nonce(client: Office) -> None:
    must_work(client, nonce="n" * 384)


def test_ensure_authorization_request_with_long_state(client: Office) -> None:
    state = fresh() * 50
    assert len(state) > 1000
    assert client.answered(client.push(fresh() * 3, state=state))["state"] == state


def test_ensure_other_scope_order_succeeds(client: Office) -> None:
    """What is asked stands in authorization_details; a scope, in whatever order, is ignored."""
    for scope in ("openid email", "email openid"):
        must_work(client, scope=scope)


def test_test_claims_parameter_identity_claims(client: Office) -> None:
    """A parameter of OpenID Connect, which plain OAuth does not know: it changes nothing."""
    tokens = must_work(client, claims='{"userinfo":{"given_name":null},"id_token":{"birthdate":null}}')
    assert sorted(tokens["authorization_details"][0]["attributes"]) == sorted(ASKED)


def test_access_token_type_header_case_sensitivity(client: Office) -> None:
    token = must_work(client)["access_token"]
    for scheme in ("dpop", "DPoP", "DPOP"):
        assert fetch(client, token, authorization=f"{scheme} {token}").status_code == 200


def test_refresh_token(client: Office, client2: Office) -> None:
    tokens = redeem(client, *authorize(client))
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    renewed = client.post("/oauth/token", client.identified(**form))
    assert renewed.status_code == 200
    found = renewed.json()
    assert found["access_token"] != tokens["access_token"]
    assert found.get("refresh_token", tokens["refresh_token"]) == tokens["refresh_token"]  # not rotated
    assert "id_token" not in found
    assert fetch(client, found["access_token"]).status_code == 200
    # Bound to the client, which has to prove itself and a key.
    must_fail(
        client.http.post("/oauth/token", data=client.identified(**form)), "invalid_request", "invalid_grant"
    )
    must_fail(client2.post("/oauth/token", client2.identified(**form)), "invalid_grant")
    unproved = {"client_id": client.client_id} | form
    must_fail(client.post("/oauth/token", unproved), "invalid_client", "invalid_request")
    assert client.post("/oauth/token", client.identified(**form)).status_code == 200
