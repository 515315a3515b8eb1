"""An organisation asks what one of its tokens still is (RFC 7662); the answer can be signed (RFC 9701)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from consent.oauth.step_up import SignIn
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


SIGNED_MEDIA = "application/token-introspection+jwt"  # RFC 9701 §4
SIGNED_TYPE = "token-introspection+jwt"  # RFC 9701 §5: no other kind of token can be taken for it


def wants_signed(accept: str) -> bool:
    """Answer whether an Accept header asks for a signed answer by name (RFC 9701 §4); "anything" does not."""
    for part in accept.split(","):
        media, *parameters = [piece.strip().lower() for piece in part.split(";")]
        if media == SIGNED_MEDIA:
            return not any(re.fullmatch(r"q=0(\.0{0,3})?", one) for one in parameters)
    return False


def introspection_claims(facts: Mapping[str, Any], *, issuer: str, caller: str, at: int) -> dict[str, Any]:
    """What is signed of an answer: the facts as one member, so they are no claims about the answer (RFC 9701 §5)."""
    return {"iss": issuer, "aud": caller, "iat": seconds(at), "token_introspection": dict(facts)}


def introspection(
    token: Token | None,
    *,
    caller: str,
    issuer: str,
    at: int,
    grant_is_live: bool,
    subject: str | None = None,
    authorization_details: Sequence[Mapping[str, Any]] | None = None,
    sign_in: SignIn | None = None,
) -> dict[str, Any]:
    """What *caller* (a client id) may know about *token*, as RFC 7662 §2.2 writes it.

    *grant_is_live*: the grant behind it is active at *at* (true for a client's own token). *subject* is the
    citizen's name with this organisation only, *authorization_details* what she granted, or what else it is for (RFC
    9396 §9.2), *sign_in* the one under which she did (RFC 9470 §6.2).
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
        if sign_in is not None:
            facts |= {"acr": sign_in.acr, "auth_time": seconds(sign_in.at)}
    if authorization_details is not None and (token.grant is not None or token.kind == "batch"):
        facts["authorization_details"] = [dict(detail) for detail in authorization_details]
    if token.kind != "refresh":  # a refresh token is bound to the client and not to a key (RFC 9449 §5)
        facts["token_type"] = "DPoP"  # noqa: S105
        facts["cnf"] = {"jkt": token.jkt}  # RFC 9449 §6.2
    return facts
