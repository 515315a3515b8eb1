"""PKCE: S256 and nothing else."""

import hashlib
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.oauth.pkce import check_challenge, check_verifier
from consent.words.errors import InvalidGrant, InvalidRequest

from .actors import b64

# RFC 7636 appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

verifiers = st.text(string.ascii_letters + string.digits + "-._~", min_size=43, max_size=128)


def test_appendix_b_of_rfc_7636() -> None:
    check_verifier(VERIFIER, CHALLENGE)


@given(verifiers)
def test_the_secret_behind_the_challenge_is_accepted(verifier: str) -> None:
    check_verifier(verifier, b64(hashlib.sha256(verifier.encode()).digest()))


@given(verifiers)
def test_another_secret_is_refused(verifier: str) -> None:
    with pytest.raises(InvalidGrant):
        check_verifier(verifier, CHALLENGE)


@pytest.mark.parametrize(
    "verifier", ["", "a" * 42, "a" * 129, VERIFIER + "\n", VERIFIER[:-1] + "é", CHALLENGE]
)
def test_a_malformed_verifier_and_the_challenge_itself_are_refused(verifier: str) -> None:
    with pytest.raises(InvalidGrant):
        check_verifier(verifier, CHALLENGE)


@pytest.mark.parametrize("verifier", ["a" * 42, "a" * 129, "a" * 43 + "\n", "a" * 43 + " "])
def test_a_verifier_of_the_wrong_form_is_refused_even_if_its_hash_fits(verifier: str) -> None:
    with pytest.raises(InvalidGrant):
        check_verifier(verifier, b64(hashlib.sha256(verifier.encode()).digest()))


def test_a_challenge_with_s256_is_taken() -> None:
    assert check_challenge({"code_challenge": CHALLENGE, "code_challenge_method": "S256"}) == CHALLENGE


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"code_challenge": CHALLENGE},  # RFC 7636 §4.3: would mean "plain"
        {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
        {"code_challenge": CHALLENGE, "code_challenge_method": "s256"},
        {"code_challenge_method": "S256"},
        {"code_challenge": CHALLENGE + "A", "code_challenge_method": "S256"},
        {"code_challenge": CHALLENGE[:-1] + "=", "code_challenge_method": "S256"},
    ],
)
def test_fapi_par_ensure_pkce_required_and_par_plain_pkce_rejected(form: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        check_challenge(form)
