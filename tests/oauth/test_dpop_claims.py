"""DPoP proofs: method, address, time, token and replay (RFC 9449 §4.3), with their edges."""

import hashlib
from typing import Any

import pytest

from consent.oauth.dpop import AHEAD, LIFE, normal_url
from consent.words.instants import SECOND

from .actors import (
    DISCLOSURES,
    EC,
    EC_OTHER,
    NOON,
    NOON_S,
    hash_of,
    proof,
    public,
    signed,
)
from .proofs import TOKEN, check, refuse


def test_the_ath_of_rfc_9449_section_7_1() -> None:
    ath = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    check(proof(ath=ath), token=TOKEN)


@pytest.mark.parametrize("claim", ["jti", "htm", "htu", "iat"])
@pytest.mark.parametrize("value", [None, True, [], {}, [1]])
def test_a_claim_that_is_missing_or_of_another_kind_fails(claim: str, value: Any) -> None:
    refuse(proof(**{claim: value}))


def test_a_proof_for_another_method_fails() -> None:
    refuse(proof(htm="GET"))
    refuse(proof(htm="post"))
    check(proof(htm="GET"), method="GET")


@pytest.mark.parametrize(
    "htu",
    [
        "https://consent.example/disclosures?a=1",
        "https://consent.example/disclosures#part",
        "HTTPS://CONSENT.example/disclosures",
        "https://consent.example:443/disclosures",
        "https://consent.example/%64isclosures",
        "https://consent.example/x/../disclosures",
        "https://consent.example/./disclosures",
    ],
)
def test_fapi_equal_addresses_written_otherwise_pass(htu: str) -> None:
    check(proof(htu=htu))


@pytest.mark.parametrize(
    "htu",
    [
        "https://consent.example/Disclosures",
        "https://consent.example/disclosures/",
        "https://consent.example/uses",
        "https://consent.example",
        "https://consent.example:8443/disclosures",
        "https://consent.example:99999/disclosures",
        "https://other.example/disclosures",
        "https://consent.example.evil.example/disclosures",
        "https://evil@consent.example/disclosures",
        "https://consent.example\\@evil.example/disclosures",
        "http://consent.example/disclosures",
        "https://consent.example/disclo%2Fsures",
        "https://consent.example/ disclosures",
        "https://consent.example/disclosures\n",
        "https://[consent.example/disclosures",
        "/disclosures",
        "",
        "é",
    ],
)
def test_another_address_fails(htu: str) -> None:
    refuse(proof(htu=htu))


def test_the_query_of_the_request_itself_does_not_matter() -> None:
    check(proof(), url=DISCLOSURES + "?page=2")
    check(proof(htu=DISCLOSURES + "?page=1"), url=DISCLOSURES + "?page=2")


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("http://Localhost:80", "http://localhost/"),
        ("https://[::1]:8443/%7eA%2f", "https://[::1]:8443/~A%2F"),
        ("https://a.example/b/c/..", "https://a.example/b/"),
        ("https://a.example/../../b", "https://a.example/b"),
        ("https://a.example/%2e%2e/b", "https://a.example/b"),
        ("ftp://a.example/", None),
        ("https://", None),
    ],
)
def test_addresses_have_one_normal_form_rfc_3986_section_6_2(url: str, normal: str | None) -> None:
    assert normal_url(url) == normal


def test_fapi_iat_10_seconds_before_and_after_succeeds() -> None:
    check(proof(iat=NOON_S - 10))
    check(proof(iat=NOON_S + 10))


def test_fapi_iat_one_hour_off_fails() -> None:
    refuse(proof(iat=NOON_S - 3600))
    refuse(proof(iat=NOON_S + 3600))


def test_the_edges_of_the_window() -> None:
    shown = check(proof(), at=NOON + LIFE - 1)
    refuse(proof(), at=NOON + LIFE)
    assert shown.expires_at == NOON + LIFE  # what is remembered is forgotten exactly when it no longer works
    check(proof(), at=NOON - AHEAD)
    refuse(proof(), at=NOON - AHEAD - 1)
    assert check(proof(iat=NOON_S + 0.5)).expires_at == NOON + LIFE + SECOND // 2


@pytest.mark.parametrize("iat", [10**400, -(10**400), 1e308, -1e308, 2**63, "1900000000"])
def test_an_absurd_iat_fails(iat: Any) -> None:
    refuse(proof(iat=iat))


def test_fapi_nbf_exp_nonce_and_unknown_members_are_tolerated() -> None:
    check(
        proof(
            nbf=NOON_S + 3600,
            exp=NOON_S - 3600,
            nonce="n",
            colour="blue",
            header={"colour": "blue", "kid": "x"},
        )
    )


def test_a_proof_is_bound_to_the_token_that_comes_along() -> None:
    check(proof(ath=hash_of(TOKEN)), token=TOKEN)
    refuse(proof(), token=TOKEN)
    refuse(proof(ath=hash_of("another")), token=TOKEN)
    refuse(proof(ath=TOKEN), token=TOKEN)
    refuse(proof(ath="é"), token=TOKEN)
    refuse(proof(ath=7), token=TOKEN)
    check(proof(ath=hash_of("another")))  # no token, nothing to compare


def test_a_replay_is_recognised_per_key() -> None:
    first = check(proof())
    same = first.jti_hash
    assert check(proof()).jti_hash == same  # signed anew: ECDSA signs the same bytes in many ways
    assert check(proof(jti="proof-2")).jti_hash != same
    assert check(proof(key=EC_OTHER)).jti_hash != same
    assert same[8:] == hashlib.sha256((EC.thumbprint() + "proof-1").encode()).digest()
    # Of thousands of proofs those that end together lie together.
    assert int.from_bytes(same[:8], "big") == first.expires_at
    assert check(proof(iat=NOON_S + 1)).jti_hash > same


@pytest.mark.parametrize("jti", ["", "x" * 1025])
def test_a_jti_has_a_sensible_length(jti: str) -> None:
    refuse(proof(jti=jti))


@pytest.mark.parametrize("claim", ["jti", "htm", "htu", "ath"])
def test_half_a_surrogate_pair_is_refused_by_name(claim: str) -> None:
    refuse(proof(**{"ath": hash_of(TOKEN), claim: "\ud800"}), token=TOKEN)


@pytest.mark.parametrize("payload", [b"[]", b"null", b"{", b"", b"\xff", b"[" * 3000, b'{"a":' + b"[" * 5000])
def test_a_payload_that_is_no_object_fails(payload: bytes) -> None:
    refuse(signed({"typ": "dpop+jwt", "alg": "ES256", "jwk": public(EC)}, payload))
