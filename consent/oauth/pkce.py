"""Proof that whoever ends the flow is whoever began it (RFC 7636)."""

import hmac
import re
from collections.abc import Mapping

from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]

from consent.words.errors import InvalidGrant, InvalidRequest

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # SHA-256 in base64url, RFC 7636 §4.2
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")  # RFC 7636 §4.1


def check_challenge(form: Mapping[str, str]) -> str:
    """The code challenge of a pushed request, S256 only (FAPI 2.0 §5.3.2.2-5). Raises InvalidRequest.

    Without a method RFC 7636 §4.3 means "plain", which shows the secret to anyone who saw the request:
    refused.
    """
    if form.get("code_challenge_method") != "S256":
        raise InvalidRequest("code_challenge_method is S256")
    challenge = form.get("code_challenge", "")
    if not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequest("code_challenge is missing or malformed; send BASE64URL(SHA256(code_verifier))")
    return challenge


def check_verifier(verifier: str, challenge: str) -> None:
    """Check that *verifier* is the secret behind *challenge* (RFC 7636 §4.6). Raises InvalidGrant."""
    if not _VERIFIER.fullmatch(verifier):
        raise InvalidGrant("code_verifier is malformed")
    computed: str = create_s256_code_challenge(verifier)
    if not hmac.compare_digest(computed.encode("ascii"), challenge.encode("utf-8")):
        raise InvalidGrant(
            "code_verifier does not match code_challenge; send the one that was made for this request"
        )
