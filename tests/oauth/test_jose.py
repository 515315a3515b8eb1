"""Which signatures and keys are accepted, by RFC 8725 and FAPI 2.0 §5.4."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from consent.oauth import base64url, jose
from consent.oauth.keys import public_jwks
from consent.words.errors import BadInput, Misconfigured

from .actors import EC, EC_OTHER, EC_P384, ED, ED448, KEYS, RSA, RSA_WEAK, b64, public, signed

# RFC 7638 §3.1
RSA_OF_RFC_7638 = {
    "kty": "RSA",
    "n": (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX"
        "jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSq"
        "zs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHa"
        "Q-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    ),
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}


@pytest.mark.parametrize("algorithm", sorted(jose.ALGORITHMS))
def test_each_accepted_algorithm_verifies(algorithm: str) -> None:
    key = KEYS[algorithm]
    header, claims = jose.check_jws(signed({"alg": algorithm}, {"a": 1}, key), [public(key)], types=None)
    assert (header["alg"], claims) == (algorithm, {"a": 1})


def test_attack_no_signature_at_all() -> None:
    for name in ("none", "None", "NONE", "nOnE", ""):
        token = f"{b64(json.dumps({'alg': name}).encode())}.{b64(b'{}')}."
        with pytest.raises(BadInput):
            jose.check_jws(token, [public(EC)], types=None)


def test_attack_the_public_key_as_a_shared_secret() -> None:
    raw = RSA.public_key
    pem = raw.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    body = f"{b64(json.dumps({'alg': 'HS256'}).encode())}.{b64(b'{}')}"
    token = f"{body}.{b64(hmac.digest(pem, body.encode(), hashlib.sha256))}"
    with pytest.raises(BadInput):
        jose.check_jws(token, [public(RSA)], types=None)


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [("RS256", RSA), ("PS512", RSA), ("ES384", EC_P384), ("EdDSA", ED448), ("Ed448", ED448)],
)
def test_a_valid_signature_of_an_algorithm_that_fapi_does_not_name_is_refused(
    algorithm: str, key: Any
) -> None:
    with pytest.raises(BadInput):
        jose.check_jws(signed({"alg": algorithm}, {}, key), [public(key)], types=None)


def test_attack_a_weak_rsa_key() -> None:
    with pytest.raises(BadInput):
        jose.check_jws(signed({"alg": "PS256"}, {}, RSA_WEAK), [public(RSA_WEAK)], types=None)


def test_attack_the_key_of_somebody_else() -> None:
    with pytest.raises(BadInput):
        jose.check_jws(signed({"alg": "ES256"}, {}, EC_OTHER), [public(EC)], types=None)


def test_attack_a_key_that_the_token_brings_itself() -> None:
    header = {"alg": "ES256", "jwk": public(EC_OTHER), "jku": "https://evil.example/keys"}
    with pytest.raises(BadInput):
        jose.check_jws(signed(header, {}, EC_OTHER), [public(EC)], types=None)


@pytest.mark.parametrize("extension", [{"crit": ["exp"], "exp": 1}, {"crit": []}, {"b64": True}])
def test_a_critical_extension_makes_a_token_unreadable_rfc_7515_section_4_1_11(
    extension: dict[str, Any],
) -> None:
    token = signed({"alg": "ES256"}, {})
    jose.check_jws(token, [public(EC)], types=None)
    header = b64(json.dumps({"alg": "ES256", **extension}).encode())
    body = f"{header}.{token.split('.')[1]}".encode()
    algorithm = jose._REGISTRY.get_alg("ES256")
    with pytest.raises(BadInput, match="extension"):
        jose.check_jws(f"{body.decode()}.{b64(algorithm.sign(body, EC))}", [public(EC)], types=None)


def test_unknown_header_members_are_ignored() -> None:
    jose.check_jws(signed({"alg": "ES256", "colour": "blue"}, {}), [public(EC)], types=None)


def test_the_type_is_compared_as_a_media_type() -> None:
    for typ in ("jwt", "JWT", "application/jwt"):
        jose.check_jws(signed({"alg": "ES256", "typ": typ}, {}), [public(EC)], types=frozenset({"jwt"}))
    with pytest.raises(BadInput):
        jose.check_jws(signed({"alg": "ES256"}, {}), [public(EC)], types=frozenset({"jwt"}))
    with pytest.raises(BadInput):
        jose.check_jws(
            signed({"alg": "ES256", "typ": "dpop+jwt"}, {}), [public(EC)], types=frozenset({"jwt"})
        )


def test_without_a_kid_type_and_algorithm_choose_the_key_fapi_5_4_3() -> None:
    keys = [public(RSA, kid="r"), public(EC_OTHER, kid="o"), public(EC, kid="e"), public(ED, kid="d")]
    for algorithm, key in KEYS.items():
        jose.check_jws(signed({"alg": algorithm}, {}, key), keys, types=None)


def test_keys_that_share_a_kid_are_told_apart_fapi_5_4_3() -> None:
    keys = [public(RSA, kid="x"), public(EC_OTHER, kid="x"), public(EC, kid="x"), public(ED, kid="x")]
    for algorithm, key in KEYS.items():
        jose.check_jws(signed({"alg": algorithm, "kid": "x"}, {}, key), keys, types=None)


def test_a_kid_that_names_another_key_is_not_overruled() -> None:
    keys = [public(EC, kid="one"), public(EC_OTHER, kid="two")]
    with pytest.raises(BadInput):
        jose.check_jws(signed({"alg": "ES256", "kid": "two"}, {}), keys, types=None)
    with pytest.raises(BadInput):
        jose.check_jws(signed({"alg": "ES256", "kid": "three"}, {}), keys, types=None)


@pytest.mark.parametrize("members", [{"use": "enc"}, {"alg": "ES384"}, {"key_ops": ["sign"]}, {"use": None}])
def test_a_key_meant_for_something_else_verifies_nothing(members: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        jose.check_jws(signed({"alg": "ES256"}, {}), [public(EC, **members)], types=None)


@pytest.mark.parametrize("part", [0, 1, 2])
@pytest.mark.parametrize("change", ["", "=", "!", "[", "é"])
def test_one_more_character_anywhere_breaks_a_token(part: int, change: str) -> None:
    parts = signed({"alg": "ES256"}, {"a": 1}).split(".")
    parts[part] += change or "A"
    with pytest.raises(BadInput):
        jose.check_jws(".".join(parts), [public(EC)], types=None)


@pytest.mark.parametrize("payload", [b"[]", b"1", b"null", b"{", b"", b"\xff", b"[" * 3000, b'{"a":' * 1200])
def test_a_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    with pytest.raises(BadInput):
        jose.check_jws(signed({"alg": "ES256"}, payload), [public(EC)], types=None)


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", "....", "e30.e30.e30", "A" * 9000, b64(b"[" * 2900) + ".e30."]
)
def test_rubbish_is_refused_by_name(token: str) -> None:
    with pytest.raises(BadInput):
        jose.check_jws(token, [public(EC)], types=None)


def test_the_thumbprint_of_rfc_7638_section_3_1() -> None:
    assert jose.thumbprint(RSA_OF_RFC_7638) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_thumbprints_are_those_of_joserfc() -> None:
    for key in (EC, RSA, ED):
        assert jose.thumbprint(public(key, kid="x", use="sig")) == key.thumbprint()


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
def test_attack_a_key_with_private_members(member: str) -> None:
    with pytest.raises(BadInput, match="private"):
        jose.import_public_jwk(public(RSA, **{member: "AQAB"}))


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "oct", "k": "AAAA"},
        {"kty": ["EC"]},
        public(EC_P384),
        public(ED448),
        public(RSA_WEAK),
        public(RSA, e="Aw"),  # exponent 3
        public(RSA, e="AQAA"),  # even
        public(RSA, n="AA" + public(RSA)["n"]),
        public(RSA, n="_" * 1200),
        public(EC, crv="secp256k1"),
        public(EC, x=public(EC_OTHER)["x"]),  # not on the curve
        public(EC, y=None),
        public(EC, x=public(EC)["x"][:-2]),
        public(EC, x=public(EC)["x"] + "="),
        public(EC, x=7),
        public(ED, x="é" * 43),
    ],
)
def test_a_key_that_is_weak_foreign_or_broken_is_refused(jwk: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        jose.import_public_jwk(jwk)


def test_one_key_has_one_spelling_so_one_thumbprint() -> None:
    x = public(EC)["x"]
    twin = x[:-1] + chr(ord(x[-1]) + 1)  # other unused bits; a lenient reader sees the same key
    with pytest.raises(BadInput):
        jose.thumbprint(public(EC, x=twin))


def test_a_key_set_is_checked_at_registration() -> None:
    good = [public(EC, kid="a", use="sig", alg="ES256"), public(RSA, kid="b"), public(ED, alg="EdDSA")]
    assert jose.check_public_jwks({"keys": good}) == tuple(good)
    bad: list[Any] = [
        [],
        "keys",
        [public(EC)] * 17,
        ["key"],
        [EC.as_dict(private=True)],
        [public(EC, kid="a"), public(RSA, kid="a")],
        [public(EC, kid=1)],
        [public(EC, use="enc")],
        [public(RSA, alg="RS256")],
        [public(EC_P384)],
    ]
    for keys in bad:
        with pytest.raises(BadInput):
            jose.check_public_jwks({"keys": keys})


def test_no_refusal_repeats_what_was_sent() -> None:
    with pytest.raises(BadInput) as refused:
        jose.import_public_jwk(public(EC, crv="SECRET-VALUE"))
    assert "SECRET" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_our_own_keys_are_published_without_their_secret() -> None:
    published = public_jwks([EC.raw_value, EC_OTHER.public_key])
    assert [key["kid"] for key in published["keys"]] == [EC.thumbprint(), EC_OTHER.thumbprint()]
    assert all(set(key) == {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in published["keys"])
    jose.check_public_jwks(published)
    with pytest.raises(Misconfigured):
        public_jwks([EC_P384.raw_value])
    with pytest.raises(Misconfigured):
        public_jwks([EC.raw_value, EC.public_key])


@given(st.binary(max_size=50))
def test_base64url_reads_what_it_writes(value: bytes) -> None:
    assert base64url.decode(base64url.encode(value).encode()) == value


@given(st.text("AQgwBCZz09-_+/=. ", max_size=8))
def test_base64url_accepts_exactly_one_spelling(text: str) -> None:
    try:
        value = base64url.decode(text.encode())
    except ValueError:
        return
    assert base64url.encode(value) == text
