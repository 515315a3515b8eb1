"""Signatures and public keys of others: which we accept, and how we choose the key.

Everything that joserfc does for us goes through here, with our own list of algorithms. FAPI 2.0 Security
Profile §5.4 and RFC 8725 are the measure: ES256 (P-256), PS256 (RSA of 2048 bits or more) and Ed25519;
nothing else. joserfc reads keys, judges headers and signs; the signature itself is checked directly, for each
request of a client has one or two. The tests compare that with joserfc.
"""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from consent.oauth import base64url
from consent.words.canonical import canonical
from consent.words.errors import BadInput

# RFC 9864 gives EdDSA with Ed25519 a name of its own; clients still send the old one.
ALGORITHMS: tuple[str, ...] = ("ES256", "PS256", "EdDSA", "Ed25519")

TOKEN_LIMIT = 8 * 1024  # characters of one compact JWS
LARGEST = 32 * 1024  # … of the largest kind
HEADER_LIMIT = 4 * 1024  # characters of its header segment
KEY_LIMIT = 4 * 1024  # characters of all members of one JWK
KEYS_LIMIT = 16  # keys in one set

_RSA_BITS = range(2048, 4097)  # FAPI 2.0 §5.4.1 below; above, one signature costs us too much time
_RSA_EXPONENTS = range(65537, 2**32)

# What makes a JWK private or symmetric (RFC 7518 §6.2.2, §6.3.2, §6.4.1; RFC 8037 §2).
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
# The members that are the key itself, and nothing but the key (RFC 7638 §3.2, RFC 8037 §2).
_IDENTITY = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}
_KINDS = {"ES256": "EC", "PS256": "RSA", "EdDSA": "OKP", "Ed25519": "OKP"}
_CURVES = {"EC": "P-256", "OKP": "Ed25519"}  # never Ed448: FAPI 2.0 §5.4.1

PublicKey = ECKey | RSAKey | OKPKey
Verifier = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey

_ECDSA = ECDSA(SHA256())
_SHA256 = SHA256()
_PSS = PSS(mgf=MGF1(SHA256()), salt_length=32)  # RFC 7518 §3.5: the salt is as long as the hash

_JSON_OBJECT = msgspec.json.Decoder(dict[str, Any])


class _Registry(JWSRegistry):
    """joserfc's registry with our list, our sizes, and unknown header members tolerated (RFC 7515 §4)."""

    max_header_length = HEADER_LIMIT
    max_payload_length = LARGEST

    def get_alg(self, name: str) -> Any:
        # joserfc's own would warn at each "EdDSA", a name that RFC 9864 deprecates and clients still use.
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError("this algorithm is not accepted")
        return self.algorithms[name]


_REGISTRY = _Registry(algorithms=ALGORITHMS, strict_check_header=False)


def import_public_jwk(jwk: Mapping[str, Any]) -> PublicKey:
    """Make a key of a public JWK; its cryptography object is `.public_key`.

    Raises BadInput on a private or symmetric member (a client that shows its private key has lost it), on
    another type or curve, on a weak RSA key, and on a point that is not on the curve (RFC 8725 §3.4, FAPI
    2.0 §5.4).
    """
    # Only what makes the key goes on, so that joserfc reads nothing into the other members.
    members: dict[str, str | list[str]] = {**_identity(jwk)}
    try:
        if members["kty"] == "EC":
            return ECKey.import_key(members)
        if members["kty"] == "RSA":
            return RSAKey.import_key(members)
        return OKPKey.import_key(members)
    except (JoseError, ValueError):
        raise BadInput("the key is not a valid public key") from None


@lru_cache(maxsize=1024)
def _verifier(identity: tuple[tuple[str, str], ...]) -> Verifier:
    """What verifies with the key that has these members. It decides nothing: they are checked each time."""
    public = import_public_jwk(dict(identity)).public_key
    assert isinstance(public, Verifier)
    return public


def check_signature(key: Verifier, segment: bytes, signed: bytes) -> None:
    """Check a signature in base64url over *signed*; the key decides how (RFC 7518 §3.4, §3.5; RFC 8037 §3.1).

    The caller has matched the algorithm with the type of the key. Raises BadInput.
    """
    try:
        signature = base64url.decode(segment)
        if isinstance(key, EllipticCurvePublicKey):
            if len(signature) != 64:  # RFC 7518 §3.4: r and s, 32 bytes each
                raise ValueError("not an ES256 signature")
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            key.verify(encode_dss_signature(r, s), signed, _ECDSA)
        elif isinstance(key, Ed25519PublicKey):
            key.verify(signature, signed)
        else:
            key.verify(signature, signed, _PSS, _SHA256)
    except (InvalidSignature, ValueError):
        raise BadInput("the signature is wrong") from None


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The SHA-256 thumbprint of a public JWK in base64url, 43 characters (RFC 7638 §3). Raises BadInput."""
    return base64url.encode(hashlib.sha256(canonical(_identity(jwk))).digest())


def is_usable(jwk: Mapping[str, Any], algorithm: str) -> bool:
    """Answer whether the members of *jwk* allow signatures with *algorithm* (RFC 7517 §4)."""
    kind = _KINDS.get(algorithm)
    if kind is None or jwk.get("kty") != kind or jwk.get("crv") != _CURVES.get(kind):
        return False
    if jwk.get("use", "sig") != "sig":
        return False
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list | tuple) or "verify" not in operations:
        return False
    named = jwk.get("alg", algorithm)
    # EdDSA on Ed25519 and Ed25519 are two names of one algorithm (RFC 9864 §2.2).
    return named == algorithm or (kind == "OKP" and named in ("EdDSA", "Ed25519"))


def check_public_jwks(jwks: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Check a client's key set at registration and give its keys back.

    Raises BadInput when it is empty or too large, holds anything but a usable public signing key, or uses one
    `kid` twice (FAPI 2.0 §5.4.3).
    """
    keys = jwks.get("keys")
    if not isinstance(keys, list | tuple) or not 0 < len(keys) <= KEYS_LIMIT:
        raise BadInput(f"a key set holds between 1 and {KEYS_LIMIT} keys")
    kids: set[str] = set()
    for jwk in keys:
        if not isinstance(jwk, Mapping):
            raise BadInput("a key of the set is not an object")
        import_public_jwk(jwk)
        if not any(is_usable(jwk, algorithm) for algorithm in ALGORITHMS):
            raise BadInput("a key of the set is not meant for an accepted signature")
        kid = jwk.get("kid")
        if kid is None:
            continue
        if not isinstance(kid, str) or kid in kids:
            raise BadInput("a kid of the set is malformed or occurs twice")
        kids.add(kid)
    return tuple(dict(jwk) for jwk in keys)


def check_fetched_jwks(document: bytes) -> tuple[dict[str, Any], ...]:
    """Read the key set that a client publishes itself, and give its usable keys back.

    A client uses its set with others too, so what is not for us is passed over: other types, other uses, a `kid` that
    occurs twice (FAPI 2.0 §5.4.3). Raises BadInput when it is no key set, is too large, has no usable key, or shows a
    private or symmetric one: then who else can sign with the rest?
    """
    try:
        keys = _JSON_OBJECT.decode(document).get("keys")
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise BadInput("the key set is malformed") from None
    if not isinstance(keys, list) or len(keys) > KEYS_LIMIT or not all(isinstance(jwk, dict) for jwk in keys):
        raise BadInput(f"a key set holds at most {KEYS_LIMIT} keys")
    if any(not _PRIVATE.isdisjoint(jwk) for jwk in keys):
        raise BadInput("the key set shows private or symmetric members")
    usable = tuple(jwk for jwk in keys if _is_for_us(jwk))
    if not usable:
        raise BadInput("the key set holds no key for an accepted signature")
    return usable


def is_signed_by(token: str, keys: Sequence[Mapping[str, Any]]) -> bool:
    """Answer whether one of *keys* signed *token*, whatever it says."""
    try:
        check_jws(token, keys, types=None)
    except BadInput:
        return False
    return True


def check_jws(
    token: str, keys: Sequence[Mapping[str, Any]], *, types: frozenset[str] | None, limit: int = TOKEN_LIMIT
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Verify a compact JWS around a JSON object with one of *keys* (public JWKs): (header, claims).

    *types*: the accepted `typ` values in lower case without "application/"; "" stands for no `typ` at all;
    None leaves it unchecked. *limit*: its most characters, up to LARGEST. Raises BadInput, and never says which
    key or which part of the signature failed.
    """
    if len(token) > limit or not token.isascii():
        raise BadInput("the signed token is too long or malformed")
    header = _object(token.partition(".")[0], limit=HEADER_LIMIT)
    algorithm = header.get("alg")
    # The list decides, never the token: "none", HS256 with a public key as secret, RS256 (RFC 8725 §3.1).
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise BadInput("the algorithm of the signed token is not accepted")
    # We know no extension, so a critical one makes the token unreadable (RFC 7515 §4.1.11); b64 is one (RFC
    # 7797).
    if "crit" in header or "b64" in header:
        raise BadInput("the signed token demands an extension")
    if types is not None and _media_type(header.get("typ", "")) not in types:
        raise BadInput("the signed token is of another type")
    try:
        _REGISTRY.check_header(header)  # members that we know, of the type that they must have
    except (JoseError, ValueError, TypeError):
        raise BadInput("the header of the signed token is malformed") from None
    segments = token.split(".", 3)
    if len(segments) != 3:
        raise BadInput("the signed token is malformed")
    _, payload, signature = segments
    signed = token[: -len(signature) - 1].encode("ascii")
    candidates = _candidates(keys, algorithm, header.get("kid"))
    if not any(_is_signature_of(jwk, signature.encode("ascii"), signed) for jwk in candidates):
        raise BadInput("no key of the client verifies the signature")
    return header, _object(payload, limit=limit)


def _is_signature_of(jwk: Mapping[str, Any], segment: bytes, signed: bytes) -> bool:
    key = _verifier(tuple(_identity(jwk).items()))
    try:
        check_signature(key, segment, signed)
    except BadInput:
        return False
    return True


def sign_jws(claims: Mapping[str, Any], *, key: EllipticCurvePrivateKey, type: str) -> str:
    """Sign *claims* as a compact JWS of the service's own: ES256, with its `typ` (RFC 8725 §3.11) and `kid`."""
    private = ECKey.import_key(key)
    header = {"alg": "ES256", "typ": type, "kid": thumbprint(private.as_dict(private=False))}
    return jws.serialize_compact(header, msgspec.json.encode(claims), private, registry=_REGISTRY)


def unverified_claims(token: str) -> dict[str, Any]:
    """The claims of a compact JWS that nobody has checked: only to find whose keys to check it with.

    Raises BadInput.
    """
    parts = token.split(".", 3)
    if len(token) > TOKEN_LIMIT or len(parts) != 3:
        raise BadInput("the signed token is too long or malformed")
    return _object(parts[1], limit=TOKEN_LIMIT)


def _is_for_us(jwk: Mapping[str, Any]) -> bool:
    if not any(is_usable(jwk, algorithm) for algorithm in ALGORITHMS):
        return False
    try:
        import_public_jwk(jwk)
    except BadInput:
        return False
    return True


def _candidates(keys: Sequence[Mapping[str, Any]], algorithm: str, kid: Any) -> list[Mapping[str, Any]]:
    # FAPI 2.0 §5.4.3: a kid may be absent or doubled; then type, use and algorithm choose, and each is tried.
    usable = [jwk for jwk in keys[:KEYS_LIMIT] if is_usable(jwk, algorithm)]
    return usable if kid is None else [jwk for jwk in usable if jwk.get("kid") == kid]


def _identity(jwk: Mapping[str, Any]) -> dict[str, str]:
    """Only the members that make the key, checked for form and strength."""
    if not _PRIVATE.isdisjoint(jwk):
        raise BadInput("the key shows private or symmetric members")
    kty = jwk.get("kty")
    members = _IDENTITY.get(kty) if isinstance(kty, str) else None
    if members is None:
        raise BadInput("the type of the key is not accepted")
    identity: dict[str, str] = {}
    for member in members:
        value = jwk.get(member)
        if not isinstance(value, str) or len(value) > KEY_LIMIT or not value.isascii():
            raise BadInput("a member of the key is missing or malformed")
        identity[member] = value
    if kty == "RSA":
        modulus, exponent = _number(identity["n"]), _number(identity["e"])
        if modulus.bit_length() not in _RSA_BITS or exponent not in _RSA_EXPONENTS or not exponent & 1:
            raise BadInput("the RSA key is too weak or too large")
    elif identity["crv"] != _CURVES[str(kty)]:
        raise BadInput("the curve of the key is not accepted")
    elif any(len(_octets(identity[axis])) != 32 for axis in ("x", "y") if axis in identity):
        raise BadInput("a coordinate of the key has the wrong length")  # RFC 7518 §6.2.1.2, RFC 8037 §2
    return identity


def _octets(text: str) -> bytes:
    try:
        return base64url.decode(text.encode("ascii"))
    except ValueError:
        raise BadInput("a member of the key is not base64url") from None


def _number(text: str) -> int:
    octets = _octets(text)
    if not octets or octets[0] == 0:  # RFC 7518 §2: the fewest octets, so that one key has one thumbprint
        raise BadInput("a number of the key is not written in its shortest form")
    return int.from_bytes(octets, "big")


def _media_type(typ: Any) -> str:
    # RFC 7515 §4.1.9: a media type, so without case, and "application/" may be left out.
    return typ.lower().removeprefix("application/") if isinstance(typ, str) else "?"


def _object(segment: str, *, limit: int) -> dict[str, Any]:
    if len(segment) > limit:
        raise BadInput("a part of the signed token is too long")
    try:
        return _JSON_OBJECT.decode(base64url.decode(segment.encode("ascii")))
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise BadInput("a part of the signed token is malformed") from None
