"""An organisation asks what one of its tokens still is (RFC 7662)."""

from collections.abc import Mapping, Sequence
from typing import Any

from consent.oauth.token import Token
from consent.words.errors import InvalidRequest
from consent.words.instants import seconds

_INACTIVE: dict[str, Any] = {"active": False}


def check_introspection_form(form: Mapping[str, str]) -> str:
    """The token that is asked about; a hint on its kind is ignored (RFC 7662 §2.1). Raises InvalidRequest."""
    token = form.get("token")
    if token is None:
        raise InvalidRequest("token is missing")
    return token


def introspection(
    token: Token | None,
    *,
    caller: str,
    issuer: str,
    at: int,
    grant_is_live: bool,
    subject: str | None = None,
    authorization_details: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """What *caller* (a client id) may know about *token*, as RFC 7662 §2.2 writes it.

    *grant_is_live*: the grant behind it is active at *at* (true for a client's own token). *subject* is the
    citizen's name with this organisation only, *authorization_details* what she granted (RFC 9396 §9.2).
    For a foreign, unknown, revoked, expired or dead token the answer is the same, and says nothing (§2.2).
    """
    if token is None or token.client != caller or token.revoked_at is not None or at >= token.expires_at:
        return dict(_INACTIVE)
    if token.grant is not None and not grant_is_live:
        return dict(_INACTIVE)
    facts: dict[str, Any] = {
        "active": True,
        "iss": issuer,
        "client_id": token.client,
        "iat": seconds(token.issued_at),
        "exp": seconds(token.expires_at),
    }
    if token.grant is not None:
        if subject is not None:
            facts["sub"] = subject
        if authorization_details is not None:
            facts["authorization_details"] = [dict(detail) for detail in authorization_details]
    if token.kind != "refresh":  # a refresh token is bound to the client and not to a key (RFC 9449 §5)
        facts["token_type"] = "DPoP"  # noqa: S105
        facts["cnf"] = {"jkt": token.jkt}  # RFC 9449 §6.2
    return facts
