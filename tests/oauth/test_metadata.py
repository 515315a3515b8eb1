"""The metadata document, judged by Authlib (RFC 8414, RFC 9207) and by FAPI 2.0 §5.3.2."""

from typing import Any

import pytest
from authlib.oauth2 import rfc8414, rfc9207

from consent.oauth.metadata import check_metadata, metadata
from consent.words.errors import Misconfigured
from consent.words.purposes import request_type

from .actors import ISSUER


@pytest.mark.parametrize("issuer", [ISSUER, "http://localhost:8000", "https://city.example/consent"])
def test_authlib_finds_the_document_valid(issuer: str) -> None:
    document = metadata(issuer)
    judge = rfc8414.AuthorizationServerMetadata(document)
    judge.validate(metadata_classes=[rfc9207.AuthorizationServerMetadata])
    check_metadata(document)


def test_fapi_discovery_end_point_verification() -> None:
    document = metadata(ISSUER)
    assert document["issuer"] == ISSUER
    assert document["require_pushed_authorization_requests"] is True
    assert document["response_types_supported"] == ["code"]
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["authorization_details_types_supported"] == [
        ISSUER + "/types/attributes/v1",
        ISSUER + "/types/batch_disclosure/v1",
    ]
    assert request_type(ISSUER) == ISSUER + "/types/attributes/v1"
    for name, value in document.items():
        if name.endswith("_auth_methods_supported"):
            assert value == ["private_key_jwt"]
        if name in (
            "authorization_signing_alg_values_supported",
            "introspection_signing_alg_values_supported",
        ):
            assert value == ["ES256"]  # what we sign
        elif "signing_alg" in name:
            assert value == ["ES256", "PS256", "EdDSA", "Ed25519"]  # what we accept
    assert document["response_modes_supported"] == ["query", "jwt", "query.jwt"]
    assert document["require_signed_request_object"] is False
    assert "scopes_supported" not in document
    assert not {"implicit", "password"} & set(document["grant_types_supported"])


def test_addresses_are_where_the_doors_are() -> None:
    document = metadata(ISSUER)
    assert {
        name: value.removeprefix(ISSUER) for name, value in document.items() if name.endswith("_endpoint")
    } == {
        "pushed_authorization_request_endpoint": "/oauth/par",
        "authorization_endpoint": "/oauth/authorize",
        "token_endpoint": "/oauth/token",
        "introspection_endpoint": "/oauth/introspect",
        "revocation_endpoint": "/oauth/revoke",
        "registration_endpoint": "/oauth/register",
        "grant_management_endpoint": "/grants",
    }
    assert document["jwks_uri"] == ISSUER + "/oauth/jwks"


def test_an_issuer_with_a_slash_at_the_end_stops_the_start() -> None:
    with pytest.raises(Misconfigured):
        check_metadata(metadata(ISSUER + "/"))


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "http://consent.example"},
        {"issuer": "https://consent.example/"},
        {"issuer": "https://consent.example?x=1"},
        {"issuer": ""},
        {"token_endpoint": "http://consent.example/oauth/token"},
        {"token_endpoint": "https://other.example/oauth/token"},
        {"pushed_authorization_request_endpoint": "https://consent.example.evil.example/oauth/par"},
        {"jwks_uri": "https://other.example/jwks"},
        {"response_types_supported": None},
        {"grant_types_supported": "authorization_code"},
    ],
)
def test_a_wrong_document_stops_the_start(changes: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured):
        check_metadata({**metadata(ISSUER), **changes})
