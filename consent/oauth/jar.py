"""A pushed request that is signed: whoever asked cannot deny it later, and nobody on the way changed it (RFC 9101).

FAPI 2.0 Message Signing §5.3.1. It is taken at the door of pushed requests only, so nothing is ever fetched.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from consent.oauth import jose
from consent.oauth.clients import CLOCK_SKEW, Client
from consent.words.errors import BadInput, InvalidRequest, InvalidRequestObject
from consent.words.instants import SECOND

LIFE = 3600 * SECOND  # from nbf to exp; FAPI 2.0 Message Signing §5.3.1-3, -4

# RFC 9101 §10.8: with a type, or with none; but nothing that was signed for another use.
_TYPES = frozenset({"oauth-authz-req+jwt", "jwt", ""})
# What an object can ask with; whatever else it holds is ignored as in a form (RFC 6749 §3.1).
_PARAMETERS = frozenset(
    {
        "response_type", "response_mode", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method",
        "dpop_jkt", "authorization_details", "client_id", "resource", "grant_id", "grant_management_action",
        "acr_values", "max_age", "case",
    }
)  # fmt: skip


def check_request(form: Mapping[str, str], *, client: Client, issuer: str, at: int) -> Mapping[str, str]:
    """The parameters that count in a pushed *form*: those of its signed object if there is one, else its own.

    Beside an object nothing else counts, for it was not signed (RFC 9101 §6.3). Raises InvalidRequest when *client*
    must sign and did not, InvalidRequestObject with the first rule that the object breaks.
    """
    if "request_uri" in form:
        raise InvalidRequest("request_uri is not allowed here")  # RFC 9126 §2.1
    token = form.get("request")
    if token is None:
        if client.settings.require_signed_request_object:  # RFC 9101 §10.5
            raise InvalidRequest("this client signs its requests")
        return form
    try:
        _, claims = jose.check_jws(token, client.jwks, types=_TYPES, limit=jose.LARGEST)
    except BadInput as broken:
        raise InvalidRequestObject(str(broken)) from None
    _check_origin(claims, client=client, issuer=issuer)
    _check_times(claims, at=at)
    return {
        name: text for name, value in claims.items() if name in _PARAMETERS and (text := _text(name, value))
    }


def _check_origin(claims: Mapping[str, Any], *, client: Client, issuer: str) -> None:
    if claims.get("iss") != client.id:
        raise InvalidRequestObject("iss of the request object is not the client")
    if claims.get("client_id", client.id) != client.id:  # RFC 9101 §5
        raise InvalidRequestObject("client_id of the request object is not the client")
    audience = claims.get("aud")
    if audience != issuer and not (
        isinstance(audience, list) and issuer in audience
    ):  # Message Signing §5.3.1-2
        raise InvalidRequestObject("aud of the request object does not name the issuer")
    if "request" in claims or "request_uri" in claims:  # RFC 9101 §4
        raise InvalidRequestObject("a request object holds no other")
    if claims.get("sub") == client.id:
        # RFC 9101 §10.8: whoever saw it could use it as an assertion of the client.
        raise InvalidRequestObject("a request object has no sub that is the client")


def _check_times(claims: Mapping[str, Any], *, at: int) -> None:
    begins_at, ends_at = _instant(claims, "nbf"), _instant(claims, "exp")
    if begins_at > at + CLOCK_SKEW or ends_at <= at:
        raise InvalidRequestObject("the request object is not valid yet, or no longer")
    if ends_at - begins_at > LIFE:  # and as it has not ended, it began less than an hour ago
        raise InvalidRequestObject("the request object lives longer than an hour")


def _instant(claims: Mapping[str, Any], name: str) -> float:
    """A NumericDate (RFC 7519 §2) in microseconds."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidRequestObject(f"{name} of the request object is missing or not a number")
    return value * SECOND


def _text(name: str, value: Any) -> str:
    """A claim as the parameter that it stands for: a text as it is, details as JSON (RFC 9101 §4, RFC 9396 §3)."""
    if name == "resource" and isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = " ".join(value)  # as `forms` reads it (RFC 8707 §2)
    if name == "max_age" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # a number in JSON (RFC 9101 §4)
    if name == "authorization_details" and isinstance(value, list):
        return msgspec.json.encode(value).decode()
    if name == "authorization_details" or not isinstance(value, str) or "\x00" in value:
        raise InvalidRequestObject(f"{name} of the request object is of another kind")
    return value
