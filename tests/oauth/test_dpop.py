"""DPoP proofs: RFC 9449 §4.3 point by point, the conformance module's negatives, and joserfc as the judge."""

import hashlib
import json
import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from joserfc import jwk as joserfc_jwk
from joserfc import jws

from consent.oauth import base64url, jose
from consent.oauth.dpop import AHEAD, LIFE, KeyCache, Proof, check_proof, normal_url
from consent.words.errors import InvalidDpopProof
from consent.words.instants import SECOND

from .actors import (
    DISCLOSURES,
    EC,
    EC_OTHER,
    EC_P384,
    ED,
    ED448,
    NOON,
    NOON_S,
    RSA,
    RSA_WEAK,
    b64,
    hash_of,
    proof,
    public,
    signed,
)

TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"  # RFC 9449 §7.1

# RFC 9449 §4.1, figure 2: for POST https://server.example.com/token
RFC_9449_FIGURE_2 = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR"
    "nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
    ".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ"
    ".2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)


def check(*proofs: str | bytes, **changes: Any) -> Proof:
    request = {
        "method": "POST",
        "url": DISCLOSURES,
        "at": NOON,
        "token": None,
        "cache": KeyCache(),
        **changes,
    }
    return check_proof(list(proofs), **request)


def refuse(*proofs: str | bytes, **changes: Any) -> None:
    with pytest.raises(InvalidDpopProof):
        check(*proofs, **changes)


def test_figure_2_of_rfc_9449() -> None:
    at = 1562262616 * SECOND
    shown = check(RFC_9449_FIGURE_2, url="https://server.example.com/token", at=at)
    assert shown.jkt == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"  # RFC 9449 §6.1
    refuse(RFC_9449_FIGURE_2, url="https://server.example.com/token", at=at + LIFE)


def test_the_ath_of_rfc_9449_section_7_1() -> None:
    ath = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
    check(proof(ath=ath), token=TOKEN)


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


@pytest.mark.parametrize("claim", ["jti", "htm", "htu", "iat"])
@pytest.mark.parametrize("value", [None, True, [], {}, [1]])
def test_a_claim_that_is_missing_or_of_another_kind_fails(claim: str, value: Any) -> None:
    refuse(proof(**{claim: value}))


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


@pytest.mark.parametrize("extension", [{"crit": ["exp"]}, {"crit": None}, {"b64": True}])
def test_a_critical_extension_fails_rfc_7515_section_4_1_11(extension: dict[str, Any]) -> None:
    header = b64(json.dumps({"typ": "dpop+jwt", "alg": "ES256", "jwk": public(EC), **extension}).encode())
    body = f"{header}.{proof().split('.')[1]}".encode()
    refuse(f"{body.decode()}.{b64(jws.JWSRegistry.algorithms['ES256'].sign(body, EC))}")


def test_a_proof_is_bound_to_the_token_that_comes_along() -> None:
    check(proof(ath=hash_of(TOKEN)), token=TOKEN)
    refuse(proof(), token=TOKEN)
    refuse(proof(ath=hash_of("another")), token=TOKEN)
    refuse(proof(ath=TOKEN), token=TOKEN)
    refuse(proof(ath="é"), token=TOKEN)
    refuse(proof(ath=7), token=TOKEN)
    check(proof(ath=hash_of("another")))  # no token, nothing to compare


def test_a_replay_is_recognised_per_key() -> None:
    same = check(proof()).jti_hash
    assert check(proof(iat=NOON_S + 1)).jti_hash == same
    assert check(proof(jti="proof-2")).jti_hash != same
    assert check(proof(key=EC_OTHER)).jti_hash != same
    assert same == hashlib.sha256((EC.thumbprint() + "proof-1").encode()).digest()


@pytest.mark.parametrize("jti", ["", "x" * 1025])
def test_a_jti_has_a_sensible_length(jti: str) -> None:
    refuse(proof(jti=jti))


@pytest.mark.parametrize("claim", ["jti", "htm", "htu", "ath"])
def test_half_a_surrogate_pair_is_refused_by_name(claim: str) -> None:
    refuse(proof(**{"ath": hash_of(TOKEN), claim: "\ud800"}), token=TOKEN)


@pytest.mark.parametrize("payload", [b"[]", b"null", b"{", b"", b"\xff", b"[" * 3000, b'{"a":' + b"[" * 5000])
def test_a_payload_that_is_no_object_fails(payload: bytes) -> None:
    refuse(signed({"typ": "dpop+jwt", "alg": "ES256", "jwk": public(EC)}, payload))


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


# The judge: the same rules, written with joserfc and json.


class _Judge(jws.JWSRegistry):
    max_header_length = 4096

    def get_alg(self, name: str) -> Any:
        if name not in jose.ALGORITHMS:
            raise ValueError("not allowed")
        return self.algorithms[name]


_JUDGE = _Judge(strict_check_header=False)


def judged(shown: str) -> bool:
    try:
        extracted = jws.extract_compact(shown.encode(), registry=_JUDGE)
        header = extracted.headers()
        key: Any = joserfc_jwk.import_key(header["jwk"])
        if not jws.validate_compact(extracted, key, registry=_JUDGE) or header["typ"] != "dpop+jwt":
            return False
        if key.is_private or getattr(key, "curve_name", None) not in (None, "P-256", "Ed25519"):
            return False
        claims = json.loads(extracted.payload)
        return (
            (claims["htm"], claims["htu"]) == ("POST", DISCLOSURES)
            and isinstance(claims["jti"], str)
            and claims["jti"] != ""
            and type(claims["iat"]) in (int, float)
            and -60 < claims["iat"] - NOON_S <= 30
            and claims["ath"] == hash_of(TOKEN)
        )
    except Exception:
        return False


def accepted(shown: str, cache: KeyCache) -> bool:
    try:
        check(shown, token=TOKEN, cache=cache)
    except InvalidDpopProof:
        return False
    return True


_SHARED = KeyCache(8)  # on purpose one for all examples: what was seen before must not change an answer

claims = st.fixed_dictionaries(
    {
        "jti": st.sampled_from(["a", "", "proof", 1, None]) | st.text(max_size=5),
        "htm": st.sampled_from(["POST"] * 8 + ["GET"]),
        "htu": st.sampled_from([DISCLOSURES] * 8 + ["https://other.example/"]),
        "iat": st.sampled_from(
            [NOON_S] * 4 + [NOON_S - 60, NOON_S - 59, NOON_S + 30, NOON_S + 31, 0.5, "x", True]
        ),
        "ath": st.sampled_from([hash_of(TOKEN)] * 8 + ["x", 1, None]),
    }
)
headers = st.fixed_dictionaries(
    {
        "typ": st.sampled_from(["dpop+jwt"] * 8 + ["jwt", 1]),
        "alg": st.sampled_from(["ES256"] * 6 + ["PS256", "EdDSA", "Ed25519", "RS256", "HS256"]),
    },
    optional={"kid": st.text(max_size=3), "colour": st.integers()},
)


def _sign(header: dict[str, Any], body: dict[str, Any], key: Any) -> str:
    """Sign by the key's own algorithm when the header's name does not fit it."""
    first = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(body).encode())}"
    own = {"EC": "ES256", "RSA": "PS256", "OKP": "EdDSA"}[key.key_type]
    name = header["alg"] if header["alg"] == "RS256" and key is RSA else own
    return f"{first}.{b64(jws.JWSRegistry.algorithms[name].sign(first.encode(), key))}"


@settings(max_examples=300, deadline=None)
@given(
    header=headers,
    body=claims,
    key=st.sampled_from([EC, EC, RSA, ED]),
    shown=st.sampled_from([EC, RSA, ED, None]),
)
@example(
    header={"typ": "dpop+jwt", "alg": "ES256"},
    body={"jti": "a", "htm": "POST", "htu": DISCLOSURES, "iat": NOON_S, "ath": hash_of(TOKEN)},
    key=EC,
    shown=None,
)
def test_we_accept_exactly_what_joserfc_accepts(header: Any, body: Any, key: Any, shown: Any) -> None:
    signed_proof = _sign({**header, "jwk": public(shown or key)}, body, key)
    assert accepted(signed_proof, _SHARED) == judged(signed_proof) == accepted(signed_proof, KeyCache())


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 10_000), sign=st.sampled_from("AQgwBxyz01_-.=+/ "), remove=st.booleans())
def test_we_accept_a_damaged_proof_exactly_when_joserfc_does(place: int, sign: str, remove: bool) -> None:
    good = proof(ath=hash_of(TOKEN))
    place %= len(good)
    damaged = good[:place] + ("" if remove else sign) + good[place + 1 :]
    assert accepted(damaged, _SHARED) == judged(damaged)
    assert accepted(damaged, _SHARED) == (damaged == good)


def test_the_judge_is_awake() -> None:
    assert judged(proof(ath=hash_of(TOKEN)))
    assert not judged(proof(ath=hash_of("another")))
    assert re.fullmatch(r"[\w-]{43}", EC.thumbprint())
