"""A foreign client, made of Authlib and joserfc and nothing of ours, drives the whole flow from the specifications.

The citizen's part is done by the demo's browser. What Authlib does not know (PAR, DPoP) is written here from the RFCs.
"""

import base64
import hashlib
import json
import secrets
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oauth2.auth import TokenAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from consent.demo import Stage
from tests.web.office import ASKED, REDIRECT, Office, office_of


class DpopAdapter(requests.adapters.HTTPAdapter):
    """Adds a proof of possession to every request that leaves (RFC 9449 §4)."""

    def __init__(self, key: ECKey) -> None:
        super().__init__()
        self._key = key

    def send(self, request: requests.PreparedRequest, **words: Any) -> requests.Response:  # type: ignore[override]
        claims = {
            "jti": secrets.token_urlsafe(16),
            "htm": request.method,
            "htu": str(request.url).partition("?")[0],
            "iat": int(time.time()),
        }
        scheme, _, token = str(request.headers.get("Authorization", "")).partition(" ")
        if scheme == "DPoP":
            digest = hashlib.sha256(token.encode("ascii")).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self._key.as_dict(private=False)}
        request.headers["DPoP"] = jwt.encode(header, claims, self._key, algorithms=["ES256"])
        return super().send(request, **words)


def as_dpop(token: str, uri: str, headers: Any, body: Any, placement: str) -> tuple[str, Any, Any]:
    """How Authlib is taught a token type."""
    headers["Authorization"] = f"DPoP {token}"
    return uri, headers, body


@pytest.fixture(scope="module")
def office(served: Stage) -> Office:
    return office_of(served)


@pytest.fixture
def metadata(served: Stage) -> AuthorizationServerMetadata:
    document = requests.get(get_well_known_url(served.issuer, external=True), timeout=10).json()
    found = AuthorizationServerMetadata(document)
    found.validate()
    return found


@pytest.fixture
def client(
    office: Office, metadata: AuthorizationServerMetadata, monkeypatch: pytest.MonkeyPatch
) -> OAuth2Session:
    monkeypatch.setitem(TokenAuth.SIGN_METHODS, "dpop", as_dpop)
    session = OAuth2Session(
        office.client_id,
        ECKey.import_key(office.key.pem()),
        token_endpoint_auth_method="private_key_jwt",
        revocation_endpoint_auth_method="private_key_jwt",
        redirect_uri=REDIRECT,
        code_challenge_method="S256",
        token_endpoint=metadata["token_endpoint"],
        default_timeout=10,
    )
    session.register_client_auth_method(PrivateKeyJWT(metadata["issuer"], alg="ES256"))
    session.mount(office.stage.issuer, DpopAdapter(ECKey.generate_key("P-256", auto_kid=False)))
    return session


def test_the_metadata_is_complete_enough_to_need_no_other_documentation(
    served: Stage, metadata: AuthorizationServerMetadata
) -> None:
    assert metadata["issuer"] == served.issuer
    assert metadata["require_pushed_authorization_requests"] is True
    assert "ES256" in metadata["dpop_signing_alg_values_supported"]
    keys = KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=10).json())
    assert all(not key.is_private for key in keys.keys)


def signed_request(office: Office, issuer: str, asked: dict[str, str]) -> str:
    """What is asked in one signed object, made by joserfc (RFC 9101)."""
    at = int(time.time())
    claims = asked | {
        "iss": office.client_id,
        "aud": issuer,
        "nbf": at,
        "exp": at + 60,
        "authorization_details": json.loads(asked["authorization_details"]),
    }
    header = {"alg": "ES256", "typ": "oauth-authz-req+jwt"}
    return jwt.encode(header, claims, ECKey.import_key(office.key.pem()), algorithms=["ES256"])


@pytest.mark.parametrize("is_signed", [False, True], ids=["plain", "signed request"])
def test_authlib_goes_all_the_way_from_the_question_to_the_data(
    office: Office, metadata: AuthorizationServerMetadata, client: OAuth2Session, is_signed: bool
) -> None:
    verifier = secrets.token_urlsafe(48)
    details = {
        "type": metadata["authorization_details_types_supported"][0],
        "purpose": office.purpose,
        "purpose_version": 1,
        "attributes": list(ASKED),
        "duration_days": 30,
    }
    whole, state = client.create_authorization_url(
        metadata["authorization_endpoint"],
        code_verifier=verifier,
        authorization_details=json.dumps([details]),
    )
    asked = {name: values[0] for name, values in parse_qs(urlsplit(whole).query).items()}
    if is_signed:
        asked = {
            "client_id": office.client_id,
            "request": signed_request(office, metadata["issuer"], asked),
        }
    pushed = client.post(
        metadata["pushed_authorization_request_endpoint"],
        data=asked,
        auth=client.client_auth("private_key_jwt"),
        withhold_token=True,
    )
    assert (pushed.status_code, pushed.json()["expires_in"] < 600) == (201, True)

    address = f"/oauth/authorize?client_id={office.client_id}&request_uri={pushed.json()['request_uri']}"
    back = office.answered(address)
    assert back["iss"] == metadata["issuer"]  # RFC 9207 §2.4
    callback = requests.Request("GET", REDIRECT, params=back).prepare().url
    token = client.fetch_token(authorization_response=callback, state=state, code_verifier=verifier)
    assert (token["token_type"], token["authorization_details"][0]["attributes"]) == ("DPoP", sorted(ASKED))

    disclosed = client.post(f"{office.stage.issuer}/disclosures", json={"attributes": list(ASKED)})
    assert disclosed.status_code == 200, disclosed.text
    assert set(disclosed.json()["attributes"]) == set(ASKED)

    first = token["access_token"]
    again = client.refresh_token(metadata["token_endpoint"], refresh_token=token["refresh_token"])
    assert again["access_token"] != first
    assert again["refresh_token"] == token["refresh_token"]  # not rotated (FAPI 2.0 §5.3.2.1-9)
    assert client.post(f"{office.stage.issuer}/disclosures", json={"attributes": [ASKED[0]]}).ok

    about = client.introspect_token(metadata["introspection_endpoint"], token=again["access_token"]).json()
    assert (about["active"], about["token_type"], about["sub"]) == (True, "DPoP", token["sub"])
    gone = client.revoke_token(metadata["revocation_endpoint"], token=again["access_token"])
    assert gone.status_code == 200
    about = client.introspect_token(metadata["introspection_endpoint"], token=again["access_token"]).json()
    assert about == {"active": False}


def test_authlib_understands_our_errors(client: OAuth2Session, metadata: AuthorizationServerMetadata) -> None:
    with pytest.raises(OAuthError) as no:
        client.fetch_token(grant_type="authorization_code", code="A" * 43, code_verifier="v" * 43)
    assert no.value.error == "invalid_grant"
    client.register_client_auth_method(PrivateKeyJWT(metadata["token_endpoint"], alg="ES256"))
    with pytest.raises(OAuthError) as no:  # FAPI 2.0 §5.3.2.1-8: the audience is the issuer
        client.fetch_token(grant_type="client_credentials")
    assert no.value.error == "invalid_client"


def test_authlib_gets_a_token_of_the_client_itself(client: OAuth2Session) -> None:
    token = client.fetch_token(grant_type="client_credentials")
    assert "refresh_token" not in token
    assert (
        client.get(
            f"{client.metadata['token_endpoint'].partition('/oauth')[0]}/grants/{'0' * 32}"
        ).status_code
        == 404
    )
