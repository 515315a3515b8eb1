"""Modules of FAPI 2.0 Message Signing: signed requests at the PAR endpoint, and signed answers (JARM)."""

import json
from typing import Any

from consent_sdk.encoding import b64url_bytes, b64url_text

from tests.oauth.actors import RSA, signed
from tests.web.office import Office, fresh, now

from .flow import fetch, must_fail, push_object, redeem, request_object, sent_to, signed_answer


def must_refuse(signer: Office, **changed: Any) -> None:
    must_fail(push_object(signer, request_object(signer, **changed)), "invalid_request_object")


def must_be_taken(signer: Office, **changed: Any) -> None:
    verifier = fresh() * 3
    pushed = push_object(signer, request_object(signer, verifier, **changed))
    back = signed_answer(signer, signer.answered(sent_to(signer, pushed)))
    tokens = redeem(signer, back["code"], verifier)
    assert fetch(signer, tokens["access_token"]).status_code == 200


def test_happy_flow_with_signed_request_and_jarm(signer: Office) -> None:
    must_be_taken(signer)
    no = signer.answered(
        sent_to(signer, push_object(signer, request_object(signer, state="s"))), decision="no"
    )
    claims = signed_answer(signer, no)
    assert (claims["error"], claims["state"]) == ("access_denied", "s")
    assert "code" not in claims


def test_ensure_request_object_with_multiple_aud_succeeds(signer: Office) -> None:
    must_be_taken(signer, aud=["https://elsewhere.example", signer.stage.issuer])


def test_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted(signer: Office) -> None:
    must_be_taken(signer, nbf=now() + 8)


def test_ensure_request_object_without_exp_fails(signer: Office) -> None:
    must_refuse(signer, exp=None)


def test_ensure_request_object_without_nbf_fails(signer: Office) -> None:
    must_refuse(signer, nbf=None)


def test_ensure_expired_request_object_fails(signer: Office) -> None:
    must_refuse(signer, nbf=now() - 360, exp=now() - 300)


def test_ensure_request_object_with_bad_aud_fails(signer: Office) -> None:
    for aud in (
        "https://elsewhere.example",
        [],
        ["https://elsewhere.example"],
        signer.stage.issuer + "/oauth/par",
    ):
        must_refuse(signer, aud=aud)


def test_ensure_request_object_with_exp_over_60_fails(signer: Office) -> None:
    must_refuse(signer, exp=now() + 70 * 60)


def test_ensure_request_object_with_nbf_over_60_fails(signer: Office) -> None:
    must_refuse(signer, nbf=now() - 70 * 60)


def test_ensure_signed_request_object_with_RS256_fails(signer: Office) -> None:  # noqa: N802 - the module's name
    claims = json.loads(_decoded(request_object(signer)))
    must_fail(push_object(signer, signed({"alg": "RS256"}, claims, RSA)), "invalid_request_object")


def test_ensure_request_object_signature_algorithm_is_not_none(signer: Office) -> None:
    _, payload, _ = request_object(signer).split(".")
    head = b64url_text(b'{"alg":"none","typ":"oauth-authz-req+jwt"}')
    for signature in ("", "AAAA"):
        must_fail(push_object(signer, f"{head}.{payload}.{signature}"), "invalid_request_object")


def test_ensure_request_object_with_invalid_signature_fails(signer: Office) -> None:
    head, payload, signature = request_object(signer).split(".")
    changed = ("A" if signature[0] != "A" else "B") + signature[1:]
    must_fail(push_object(signer, f"{head}.{payload}.{changed}"), "invalid_request_object")


def test_ensure_matching_key_in_authorization_request(signer: Office, client2: Office) -> None:
    must_refuse(signer, key=client2.key)


def test_ensure_unsigned_request_at_par_endpoint_fails(signer: Office) -> None:
    must_fail(signer.post("/oauth/par", signer.request_fields(fresh() * 3)), "invalid_request")


def test_par_authorization_request_containing_request_uri(signer: Office) -> None:
    uri = push_object(signer, request_object(signer)).json()["request_uri"]
    must_refuse(signer, request_uri=uri)
    must_fail(push_object(signer, request_object(signer), request_uri=uri), "invalid_request")


def test_ensure_request_object_without_redirect_uri_fails(signer: Office) -> None:
    token = request_object(signer, redirect_uri=None)
    must_fail(push_object(signer, token), "invalid_request", "invalid_request_object")
    # Outside the object it was signed by nobody.
    registered = signer.request_fields(fresh() * 3)["redirect_uri"]
    must_fail(
        push_object(signer, token, redirect_uri=registered), "invalid_request", "invalid_request_object"
    )


def test_state_beside_the_request_object_is_not_used(signer: Office) -> None:
    """The same for the form: what stands beside the signed object does not count."""
    for inside, expected in (("inside", "inside"), (None, None)):
        pushed = push_object(
            signer, request_object(signer, state=inside, nonce="inside"), state="out", nonce="out"
        )
        assert signed_answer(signer, signer.answered(sent_to(signer, pushed))).get("state") == expected


def _decoded(token: str) -> bytes:
    return b64url_bytes(token.split(".")[1])
