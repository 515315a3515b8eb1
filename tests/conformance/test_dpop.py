"""Modules about the proof of possession (RFC 9449)."""

import hashlib
import json
from typing import Any

import pytest
from consent_sdk.encoding import b64url_text
from consent_sdk.keys import SigningKey
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tests.oauth.actors import RSA, public, signed
from tests.web.office import ASKED, Office, fresh, now

from .flow import fetch, must_fail, must_work, sent_to

PATH = "/disclosures"


@pytest.fixture
def token(client: Office) -> str:
    found: str = must_work(client)["access_token"]
    return found


def proof_of(
    client: Office,
    token: str | None,
    *,
    path: str = PATH,
    header: dict[str, Any] | None = None,
    **changed: Any,
) -> str:
    """A proof with something changed; None leaves it out."""
    claims = {"jti": fresh(), "htm": "POST", "htu": client.stage.issuer + path, "iat": now()}
    if token is not None:
        claims["ath"] = b64url_text(hashlib.sha256(token.encode()).digest())
    named = {"typ": "dpop+jwt", "jwk": client.key.public_jwk} | (header or {})
    return sign(client.key, {"alg": "ES256"} | named, claims | changed)


def sign(key: SigningKey, *parts: dict[str, Any]) -> str:
    """A JWS over whatever header and claims, also without what each must have."""
    texts = [{name: one for name, one in part.items() if one is not None} for part in parts]
    signing = ".".join(b64url_text(json.dumps(text).encode()) for text in texts)
    r, s = decode_dss_signature(key._private.sign(signing.encode(), ECDSA(SHA256())))
    return f"{signing}.{b64url_text(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def private_jwk(key: SigningKey) -> dict[str, str]:
    secret = key._private.private_numbers().private_value
    return key.public_jwk | {"d": b64url_text(secret.to_bytes(32, "big"))}


def is_let_in(client: Office, token: str, proof: str) -> bool:
    answer = fetch(client, token, dpop=proof)
    assert answer.status_code in (200, 401), answer.text
    return answer.status_code == 200


def test_check_dpop_proof_nbf_exp(client: Office, token: str) -> None:
    """Claims that a proof does not need, and that say the truth, do no harm."""
    times = {"nbf": now() - 5, "exp": now() + 60}
    assert is_let_in(client, token, proof_of(client, token, **times))
    form = client.identified(grant_type="client_credentials")
    proof = proof_of(client, None, path="/oauth/token", **times)
    assert client.post("/oauth/token", form, dpop=proof).status_code == 200


def test_ensure_dpopproof_with_iat_10seconds_before_succeeds(client: Office, token: str) -> None:
    assert is_let_in(client, token, proof_of(client, token, iat=now() - 10))


def test_ensure_dpopproof_with_iat_10seconds_after_succeeds(client: Office, token: str) -> None:
    assert is_let_in(client, token, proof_of(client, token, iat=now() + 10))


def test_ensure_mismatched_dpop_jkt_fails(client: Office) -> None:
    fields = client.request_fields(fresh() * 3, dpop_jkt=SigningKey.new().thumbprint())
    must_fail(client.post("/oauth/par", fields), "invalid_request", "invalid_dpop_proof")


def test_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(client: Office) -> None:
    """The request names one key, the token request shows another."""
    verifier = fresh() * 3
    fields = client.request_fields(verifier, dpop_jkt=SigningKey.new().thumbprint())
    code = client.answered(sent_to(client, client.http.post("/oauth/par", data=fields)))["code"]
    must_fail(client.exchange(code, verifier), "invalid_grant", "invalid_request", "invalid_dpop_proof")


def test_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(client: Office) -> None:
    """The request shows one key, the token request another."""
    verifier = fresh() * 3
    code = client.answered(client.push(verifier))["code"]
    form = client.identified(grant_type="authorization_code", code=code, code_verifier=verifier)
    other = client.proof("POST", "/oauth/token", key=SigningKey.new())
    must_fail(client.post("/oauth/token", form, dpop=other), "invalid_grant", "invalid_dpop_proof")


def test_ensure_dpopproof_at_par_endpoint_binding_success(client: Office) -> None:
    verifier = fresh() * 3
    code = client.answered(client.push(verifier))["code"]  # with a proof, and no dpop_jkt
    assert client.exchange(code, verifier).status_code == 200


def test_ensure_dpop_auth_code_binding_success(client: Office) -> None:
    """The request names the key; with a proof of it, or without any."""
    for send in (client.post, lambda path, form: client.http.post(path, data=form)):
        verifier = fresh() * 3
        fields = client.request_fields(verifier, dpop_jkt=client.key.thumbprint())
        code = client.answered(sent_to(client, send("/oauth/par", fields)))["code"]
        assert client.exchange(code, verifier).status_code == 200


def test_dpop_negative_tests(client: Office, token: str) -> None:
    """RFC 9449 §4.3, point by point. First that the token works at all."""
    assert is_let_in(client, token, proof_of(client, token))
    for header in (
        {"typ": None}, {"typ": "JWT"}, {"jwk": None}, {"alg": None}, {"alg": "none"}, {"alg": "RS256"},
        {"alg": "HS256"}, {"jwk": private_jwk(client.key)},
    ):  # fmt: skip
        assert not is_let_in(client, token, proof_of(client, token, header=header)), header
    for claims in (
        {"jti": None}, {"htm": None}, {"htu": None}, {"iat": None}, {"ath": None}, {"htm": "PUT"},
        {"htu": client.stage.issuer + "/uses"}, {"htu": "https://elsewhere.example/disclosures"},
        {"iat": now() + 3600}, {"iat": now() - 3600}, {"ath": b64url_text(hashlib.sha256(b"other").digest())},
    ):  # fmt: skip
        assert not is_let_in(client, token, proof_of(client, token, **claims)), claims
    good = proof_of(client, token)
    head, payload, signature = good.split(".")
    for wrong in (
        good[:-1],
        f"{head}.{payload}.",
        f"{head}.{payload}",
        "x",
        "a.b.c",
        f"{head}.{payload}.{signature[::-1]}",
    ):
        assert not is_let_in(client, token, wrong)
    assert not is_let_in(client, token, client.proof("POST", PATH, token, key=SigningKey.new()))
    rsa = {"typ": "dpop+jwt", "alg": "RS256", "jwk": public(RSA)}
    ath = b64url_text(hashlib.sha256(token.encode()).digest())
    claims = {"jti": fresh(), "htm": "POST", "htu": client.stage.issuer + PATH, "iat": now(), "ath": ath}
    assert not is_let_in(client, token, signed(rsa, claims, RSA))
    # Two proofs, no proof, and a bound token offered as if anybody could use it.
    body = json.dumps({"attributes": [ASKED[0]]})
    media = ("content-type", "application/json")
    for headers in (
        [
            ("authorization", f"DPoP {token}"),
            ("dpop", proof_of(client, token)),
            ("dpop", proof_of(client, token)),
        ],
        [("authorization", f"DPoP {token}")],
        [("authorization", f"Bearer {token}"), ("dpop", proof_of(client, token))],
        [("authorization", f"Bearer {token}")],
    ):
        assert client.http.post(PATH, content=body, headers=[*headers, media]).status_code == 401
    # A proof works once.
    once = proof_of(client, token)
    assert [is_let_in(client, token, once) for _ in range(2)] == [True, False]
    # What is ignored, and in how many ways one address may be written.
    issuer = client.stage.issuer
    for fine in (
        {"htu": issuer + PATH + "?a=b#c"}, {"htu": issuer.upper() + PATH},
        {"htu": issuer.replace("http", "HTTP") + PATH}, {"unknown": {"a": 1}},
    ):  # fmt: skip
        assert is_let_in(client, token, proof_of(client, token, **fine)), fine
    assert is_let_in(client, token, proof_of(client, token, header={"extra": "x", "kid": "k"}))
    asked = client.call(
        "POST", PATH + "?a=b", token, {"attributes": [ASKED[0]]}, dpop=proof_of(client, token)
    )
    assert asked.status_code == 200
    answer = client.http.post(
        PATH,
        content=body,
        headers=[("AUTHORIZATION", f"DPoP {token}"), ("DPOP", proof_of(client, token)), media],
    )
    assert answer.status_code == 200


def test_ensure_holder_of_key_required(client: Office) -> None:
    verifier = fresh() * 3
    code = client.answered(client.push(verifier))["code"]
    form = client.identified(grant_type="authorization_code", code=code, code_verifier=verifier)
    must_fail(
        client.http.post("/oauth/token", data=form), "invalid_request", "invalid_grant", "invalid_dpop_proof"
    )
    assert client.exchange(code, verifier).status_code == 200  # and the code is still good
