"""DPoP proofs: the header, the key and the signature (RFC 9449 §4.3), and the conformance negatives on them."""

import json
from typing import Any

import pytest
from joserfc import jws

from consent.oauth import base64url
from consent.oauth.dpop import LIFE, KeyCache
from consent.words.errors import InvalidDpopProof
from consent.words.instants import SECOND

from .actors import (
    EC,
    EC_OTHER,
    EC_P384,
    ED,
    ED448,
    RSA,
    RSA_WEAK,
    b64,
    proof,
    public,
)
from .proofs import check, refuse

# RFC 9449 §4.1, figure 2: for POST https://server.example.com/token
RFC_9449_FIGURE_2 = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR"
    "nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
    ".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ"
    ".2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)


def test_figure_2_of_rfc_9449() -> None:
    at = 1562262616 * SECOND
    shown = check(RFC_9449_FIGURE_2, url="https://server.example.com/token", at=at)
    assert shown.jkt == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"  # RFC 9449 §6.1
    refuse(RFC_9449_FIGURE_2, url="https://server.example.com/token", at=at + LIFE)


@pytest.mark.parametrize("key", [EC, RSA, ED])
def test_each_kind_of_key_proves_and_is_recognised_again(key: Any) -> None:
    cache = KeyCache()
    first, second = (check(proof(key=key), cache=cache) for _ in range(2))
    assert first == second
    assert first.jkt == key.thumbprint()
    assert len(cache) == 1
    assert check(proof(key=key).encode()) == first  # header values come as bytes too


def test_both_names_of_ed25519_are_accepted() -> None:
    check(proof(key=ED, header={"alg": "Ed25519"}))
    check(proof(key=ED, header={"alg": "EdDSA"}))


def test_one_request_carries_exactly_one_proof() -> None:
    refuse()
    refuse(proof(), proof(jti="proof-2"))
    refuse(proof(), proof())
    refuse(proof() + ", " + proof(jti="proof-2"))


@pytest.mark.parametrize("member", ["typ", "alg", "jwk"])
def test_a_header_without_one_of_its_members_fails(member: str) -> None:
    if member == "alg":
        _, payload, signature = proof().split(".")
        header = b64(json.dumps({"typ": "dpop+jwt", "jwk": public(EC)}).encode())
        refuse(f"{header}.{payload}.{signature}")
    else:
        refuse(proof(header={member: None}))


@pytest.mark.parametrize("typ", ["jwt", "JWT", "dpop", "", "at+jwt"])
def test_another_typ_fails(typ: str) -> None:
    refuse(proof(header={"typ": typ}))


def test_attack_algorithm_none() -> None:
    header = b64(json.dumps({"typ": "dpop+jwt", "alg": "none", "jwk": public(EC)}).encode())
    payload = proof().split(".")[1]
    refuse(f"{header}.{payload}.")
    refuse(f"{header}.{payload}.{proof().split('.')[2]}")


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", RSA),
        ("PS384", RSA),
        ("ES384", EC_P384),
        ("EdDSA", ED448),
        ("Ed448", ED448),
        ("PS256", RSA_WEAK),
    ],
)
def test_attack_a_valid_signature_that_fapi_does_not_allow(algorithm: str, key: Any) -> None:
    refuse(proof(key=key, header={"alg": algorithm}))


@pytest.mark.parametrize(
    ("algorithm", "other"), [("ES256", RSA), ("PS256", EC), ("EdDSA", EC), ("ES256", ED)]
)
def test_attack_algorithm_and_key_of_different_kinds(algorithm: str, other: Any) -> None:
    header = b64(json.dumps({"typ": "dpop+jwt", "alg": algorithm, "jwk": public(other)}).encode())
    _, payload, signature = proof().split(".")
    refuse(f"{header}.{payload}.{signature}")


def test_attack_a_private_key_in_the_header() -> None:
    refuse(proof(header={"jwk": EC.as_dict(private=True)}))
    refuse(proof(key=RSA, header={"jwk": RSA.as_dict(private=True)}))
    refuse(proof(header={"jwk": {"kty": "oct", "k": "AAAA"}}))


def test_attack_signed_with_another_key_than_shown() -> None:
    refuse(proof(key=EC_OTHER, header={"jwk": public(EC)}))


def test_attack_the_cache_does_not_let_another_signature_pass() -> None:
    cache = KeyCache()
    check(proof(), cache=cache)
    header, payload, _ = proof(jti="proof-2").split(".")
    refuse(f"{header}.{payload}.{proof().split('.')[2]}", cache=cache)
    refuse(proof(key=EC_OTHER, header={"jwk": public(EC)}), cache=cache)


def test_a_proof_that_fails_leaves_nothing_in_the_cache() -> None:
    cache = KeyCache()
    refuse(proof(key=EC_OTHER, header={"jwk": public(EC)}), cache=cache)
    assert len(cache) == 0


def test_the_cache_is_bounded_and_forgets_what_was_unused_longest() -> None:
    cache = KeyCache(2)
    one, two, three = proof(), proof(key=ED), proof(key=RSA)
    for shown in (one, two, one, three):
        check(shown, cache=cache)
    assert len(cache) == 2
    assert cache.find(one.split(".")[0].encode()) is not None
    assert cache.find(two.split(".")[0].encode()) is None


def test_a_very_long_header_is_not_kept() -> None:
    cache = KeyCache()
    check(proof(header={"filler": "x" * 3000}), cache=cache)
    assert len(cache) == 0


@pytest.mark.parametrize("extension", [{"crit": ["exp"]}, {"crit": None}, {"b64": True}])
def test_a_critical_extension_fails_rfc_7515_section_4_1_11(extension: dict[str, Any]) -> None:
    header = b64(json.dumps({"typ": "dpop+jwt", "alg": "ES256", "jwk": public(EC), **extension}).encode())
    body = f"{header}.{proof().split('.')[1]}".encode()
    refuse(f"{body.decode()}.{b64(jws.JWSRegistry.algorithms['ES256'].sign(body, EC))}")


@pytest.mark.parametrize("text", ["", ".", "..", "...", "a.b.c", "é.é.é", "e30.e30.e30", "A" * 9000])
def test_rubbish_fails_by_name(text: str) -> None:
    refuse(text)
    refuse(text.encode())


def test_deeply_nested_headers_fail_by_name() -> None:
    for nested in (b"[" * 3000, b'{"jwk":' * 500, b'{"jwk":{"a":' + b"[" * 2500):
        refuse(f"{b64(nested)}.e30.e30")


def test_an_ecdsa_signature_in_another_encoding_fails() -> None:
    header, payload, _ = proof().split(".")
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    der = EC.private_key.sign(f"{header}.{payload}".encode(), ECDSA(SHA256()))
    refuse(f"{header}.{payload}.{b64(der)}")


def test_an_ecdsa_signature_that_lost_its_leading_zero_fails_rfc_7518_section_3_4() -> None:
    signatures = (proof(jti=f"proof-{number}").rsplit(".", 1) for number in range(100_000))
    body, signature = next(pair for pair in signatures if base64url.decode(pair[1].encode())[32] == 0)
    check(f"{body}.{signature}")
    octets = base64url.decode(signature.encode())
    refuse(f"{body}.{b64(octets[:32] + octets[33:])}")


def test_no_refusal_repeats_what_was_sent() -> None:
    for shown in (
        proof(iat="SECRET"),
        proof(header={"jwk": {"kty": "SECRET"}}),
        proof(htu="https://SECRET/"),
    ):
        with pytest.raises(InvalidDpopProof) as refused:
            check(shown)
        assert "SECRET" not in str(refused.value)
        assert refused.value.__cause__ is None
