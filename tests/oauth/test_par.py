"""Pushed requests, named after the FAPI 2.0 conformance modules where there is one."""

from typing import Any

import pytest

from consent.oauth import par
from consent.oauth.par import PushedRequest, check_pushed_request
from consent.words.errors import InvalidDpopProof, InvalidRequest, OAuthError, UnsupportedResponseType
from consent.words.instants import SECOND

from .actors import EC, EC_OTHER, REDIRECT, client, without_none

CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
DETAILS = '[{"type":"https://consent.example/types/attributes/v1"}]'


def push(*, proof_jkt: str | None = None, **changes: str | None) -> PushedRequest:
    form: dict[str, Any] = {
        "response_type": "code",
        "client_id": "bank-app",
        "redirect_uri": REDIRECT,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "state": "s",
        "authorization_details": DETAILS,
    }
    return check_pushed_request(without_none({**form, **changes}), client=client(), proof_jkt=proof_jkt)


def refuse(error: type[OAuthError] = InvalidRequest, **changes: Any) -> None:
    with pytest.raises(error):
        push(**changes)


def test_a_good_request_is_kept_as_it_came() -> None:
    assert push(nonce="n", scope="whatever", resource="x", prompt="none", claims="{}") == PushedRequest(
        client="bank-app",
        redirect_uri=REDIRECT,
        code_challenge=CHALLENGE,
        state="s",
        nonce="n",
        dpop_jkt=None,
        authorization_details=DETAILS,
        response_mode="query",
    )


def test_fapi_without_state_and_without_nonce_succeeds() -> None:
    assert (push(state=None).state, push().nonce) == (None, None)


def test_fapi_long_state_and_long_nonce_succeed() -> None:
    assert push(state="x" * 4096).state == "x" * 4096
    assert push(nonce="x" * 64).nonce == "x" * 64
    assert push(nonce="x" * 384).nonce == "x" * 384
    refuse(state="x" * 4097)
    refuse(nonce="x" * 1025)


@pytest.mark.parametrize("response_type", ["token", "code id_token", "code token", "none", "CODE"])
def test_fapi_ensure_response_type_other_than_code_fails(response_type: str) -> None:
    refuse(UnsupportedResponseType, response_type=response_type)


def test_a_request_without_response_type_fails() -> None:
    refuse(response_type=None)


def test_fapi_ensure_redirect_uri_in_authorization_request() -> None:
    refuse(redirect_uri=None)


def test_fapi_ensure_registered_redirect_uri() -> None:
    refuse(redirect_uri="https://evil.example/back")
    refuse(redirect_uri=REDIRECT + "?x=1")


def test_a_request_for_another_client_fails() -> None:
    refuse(client_id="other-app")
    assert push(client_id=None).client == "bank-app"


def test_fapi_par_ensure_pkce_required_and_plain_rejected() -> None:
    refuse(code_challenge=None)
    refuse(code_challenge_method=None)
    refuse(code_challenge_method="plain")


def test_only_the_response_modes_that_we_advertise() -> None:
    assert [push(response_mode=mode).response_mode for mode in (None, "query", "jwt", "query.jwt")] == [
        "query", "query", "jwt", "jwt",
    ]  # fmt: skip
    refuse(response_mode="fragment")
    refuse(response_mode="form_post.jwt")


def test_authorization_details_are_required() -> None:
    refuse(authorization_details=None)
    refuse(authorization_details="  ")
    refuse(authorization_details="x" * (16 * 1024 + 1))


def test_the_code_is_bound_to_the_key_that_is_named_or_shown_rfc_9449_section_10() -> None:
    jkt = EC.thumbprint()
    assert push().dpop_jkt is None
    assert push(dpop_jkt=jkt).dpop_jkt == jkt
    assert push(proof_jkt=jkt).dpop_jkt == jkt
    assert push(dpop_jkt=jkt, proof_jkt=jkt).dpop_jkt == jkt
    refuse(dpop_jkt="short")


def test_fapi_ensure_mismatched_dpop_jkt_fails() -> None:
    refuse(InvalidDpopProof, dpop_jkt=EC_OTHER.thumbprint(), proof_jkt=EC.thumbprint())


def test_lives_are_those_of_fapi() -> None:
    assert 0 < par.REQUEST_LIFE < 600 * SECOND  # FAPI 2.0 §5.3.2.2-12
    assert 0 < par.CODE_LIFE <= 60 * SECOND  # FAPI 2.0 §5.3.2.1-11
    assert 0 < par.ACCESS_TOKEN_LIFE <= 600 * SECOND
