"""The service's own signing keys as the outside sees them: a JWK Set, public parts only (RFC 7517 §5)."""

from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)

from consent.oauth import base64url, jose
from consent.words.errors import Misconfigured


def public_jwks(keys: Sequence[EllipticCurvePrivateKey | EllipticCurvePublicKey]) -> dict[str, Any]:
    """The document behind `jwks_uri`: the newest key first, then those that still verify older signatures.

    Each key is named by its own thumbprint, so a `kid` is never used twice (FAPI 2.0 §5.4.3). Raises
    Misconfigured when a key is not on P-256 or is there twice.
    """
    published = [_public_jwk(key) for key in keys]
    if len({jwk["kid"] for jwk in published}) != len(published):
        raise Misconfigured("a signing key is listed twice")
    return {"keys": published}


def _public_jwk(key: EllipticCurvePrivateKey | EllipticCurvePublicKey) -> dict[str, Any]:
    if not isinstance(key.curve, SECP256R1):
        raise Misconfigured("a signing key for ES256 is on the curve P-256")
    public = key.public_key() if isinstance(key, EllipticCurvePrivateKey) else key
    point = public.public_numbers()
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": base64url.encode(point.x.to_bytes(32, "big")),
        "y": base64url.encode(point.y.to_bytes(32, "big")),
    }
    return {**jwk, "kid": jose.thumbprint(jwk), "use": "sig", "alg": "ES256"}
