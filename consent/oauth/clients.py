"""Who an organisation's software is, how it proves that, and where it may send the citizen back to."""

import math
import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec

from consent.oauth import jose
from consent.words.errors import BadInput, InvalidClient, InvalidRequest
from consent.words.ids import is_slug
from consent.words.instants import SECOND

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7521 §4.2, RFC 7523 §2.2

# FAPI 2.0 §5.3.2.1-13: 10 s ahead must pass, more than 60 s must not.
CLOCK_SKEW = 30 * SECOND
# An hour, by its own clock, is what common libraries give an assertion. Longer: we had to remember its jti longer.
ASSERTION_LIFE = 3600 * SECOND + CLOCK_SKEW

# A proof of another kind, signed with the same key, is not an assertion (RFC 8725 §3.11).
_TYPES = frozenset({"", "jwt", "client-authentication+jwt"})
_JTI_LENGTH = range(8, 256)

_URI_LIMIT = 2048
_PRINTABLE = re.compile(r"[!-~]+")
_HTTPS = re.compile(
    r"https://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?P<rest>(?:[/?].*)?)"
)
_LOOPBACK = re.compile(r"http://(?P<host>127\.0\.0\.1|\[::1\])(?P<port>:[0-9]{1,5})?(?P<rest>(?:[/?].*)?)")
# What our answer adds to the URI; a registered parameter of that name would be there twice.
_ANSWER = frozenset({"code", "state", "iss", "error", "error_description", "error_uri", "response"})


class ClientSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What a client chose beyond the profile that holds for all. Each default is the common case, and safe.

    The names are those of registered client metadata (RFC 7591 §2) where there is one.
    """

    jwks_uri: str | None = None  # where its keys are, instead of `Client.jwks`
    require_signed_request_object: bool = False  # RFC 9101 §10.5: refuse its requests unless they are signed
    authorization_signed_response_alg: Literal["", "ES256"] = (
        ""  # JARM §3: set, every answer goes back signed
    )
    introspection_signed_response_alg: Literal["", "ES256"] = ""  # RFC 9701 §6: set, every answer is signed
    signals_endpoint: str | None = None  # where it hears what happens to its grants (RFC 8935 §2)
    dpop_nonce_required: bool = False  # each of its proofs holds a nonce of ours (RFC 9449 §8, §9)
    batch_disclosure: bool = False  # it may ask under many of its grants in one request


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """One registered client of an organisation."""

    id: str
    organisation: str  # the slug of the organisation that answers for it
    jwks: tuple[dict[str, Any], ...]  # public JWKs that `jose.check_public_jwks` accepted
    redirect_uris: tuple[str, ...]  # each accepted by `check_redirect_uri_form`
    name: str
    settings: ClientSettings = ClientSettings()


class AssertionUse(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be remembered of an assertion so that it works once."""

    jti: str  # unique per client
    expires_at: int  # microseconds; from then on it may be forgotten


def unverified_client_id(form: Mapping[str, str]) -> str:
    """Whom the form claims to come from, so that the client can be looked up. Nothing is proved yet.

    Raises InvalidClient when the form names nobody.
    """
    client_id = form.get("client_id")
    if client_id is None and "client_assertion" in form:
        try:
            subject = jose.unverified_claims(form["client_assertion"]).get("sub")
        except BadInput as broken:
            raise InvalidClient(str(broken)) from None
        client_id = subject if isinstance(subject, str) else None
    if not client_id or not is_slug(client_id):  # a database need not see anything else
        raise InvalidClient("the request does not say which client it comes from; send a client_assertion")
    return client_id


def check_client_assertion(form: Mapping[str, str], *, client: Client, issuer: str, at: int) -> AssertionUse:
    """Check private_key_jwt: the form proves to come from *client*, now, and is meant for *issuer*.

    RFC 7523 §3 with FAPI 2.0 §5.3.2.1-6, -8 and -13. The caller stores the answer and refuses a second use.
    Raises InvalidClient, and InvalidRequest when the form also brings a secret (RFC 6749 §2.3).
    """
    if "client_secret" in form:
        raise InvalidRequest("only one way of client authentication is allowed")
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidClient("client_assertion_type is missing or another")
    try:
        _, claims = jose.check_jws(form.get("client_assertion", ""), client.jwks, types=_TYPES)
    except BadInput as broken:
        raise InvalidClient(str(broken)) from None
    if claims.get("iss") != client.id or claims.get("sub") != client.id:  # RFC 7523 §3-1, §3-2
        raise InvalidClient("iss and sub of the assertion are not the client")
    if form.get("client_id", client.id) != client.id:
        raise InvalidClient("client_id is not the client of the assertion")
    # FAPI 2.0 §5.3.2.1-8: the issuer as one string. A list, or the address of one endpoint, would let another
    # server that the client also talks to use the assertion here.
    if claims.get("aud") != issuer:
        raise InvalidClient("aud of the assertion is not the issuer as one string")
    expires_at = _instant(claims, "exp")
    if expires_at is None or expires_at <= at:  # half-open and without leeway
        raise InvalidClient("the assertion has expired or never does; sign one with exp for each request")
    if expires_at > at + ASSERTION_LIFE:
        raise InvalidClient("the assertion lives too long")
    for name in ("iat", "nbf"):
        begins_at = _instant(claims, name)
        if begins_at is not None and begins_at > at + CLOCK_SKEW:
            raise InvalidClient("the assertion is not valid yet")
    jti = claims.get("jti")
    if not isinstance(jti, str) or len(jti) not in _JTI_LENGTH:
        raise InvalidClient("jti of the assertion is missing or malformed")
    return AssertionUse(jti=jti, expires_at=math.ceil(expires_at))


def check_redirect_uri_form(uri: str) -> None:
    """Check a redirect URI before it is registered. Raises BadInput.

    https, or http to 127.0.0.1 or [::1] for software on the citizen's own machine (FAPI 2.0 §5.3.2.2-8, RFC
    8252 §7.3 and §8.3: not "localhost", which another program can make point elsewhere). No fragment (RFC
    6749 §3.1.2), no user in the address, no wildcard, and none of the parameters that our answer adds.
    """
    match = _HTTPS.fullmatch(uri) or _LOOPBACK.fullmatch(uri)
    if match is None or len(uri) > _URI_LIMIT or not _PRINTABLE.fullmatch(uri):
        raise BadInput("a redirect URI is https, or http to 127.0.0.1 or [::1]")
    if any(sign in uri for sign in ("#", "*", "\\", "<", ">", '"')):
        raise BadInput("a redirect URI has no fragment, wildcard or stray sign")
    if "/." in match["rest"].partition("?")[0]:
        raise BadInput("the path of a redirect URI has no dot segments")
    query = match["rest"].partition("?")[2]
    if not _ANSWER.isdisjoint(name for name, _ in parse_qsl(query, keep_blank_values=True)):
        raise BadInput("a redirect URI does not contain parameters of the answer")


def check_settings(settings: ClientSettings, *, has_keys: bool) -> None:
    """Check what a client chose before it is registered; *has_keys*: it brought a key set as well. Raises BadInput.

    A set is given or pointed at, not both (RFC 7591 §2). The address is https without a user in it; http only on
    loopback, where it is called in the sandbox and nowhere else.
    """
    if settings.jwks_uri is not None and has_keys:
        raise BadInput("a client has jwks or jwks_uri, not both")
    for name in ("jwks_uri", "signals_endpoint"):
        uri = getattr(settings, name)
        if uri is None:
            continue
        match = _HTTPS.fullmatch(uri) or _LOOPBACK.fullmatch(uri)
        if match is None or len(uri) > _URI_LIMIT or not _PRINTABLE.fullmatch(uri) or "#" in uri:
            raise BadInput(f"{name} is an https address without a fragment")


def is_registered_redirect(uri: str, client: Client) -> bool:
    """Answer whether *uri* is one of the client's, character by character (RFC 9700 §4.1.3).

    A loopback address that was registered without a port fits on any port: such software takes whichever is
    free (RFC 8252 §7.3).
    """
    if uri in client.redirect_uris:
        return True
    asked = _LOOPBACK.fullmatch(uri)
    if asked is None or asked["port"] is None or not 0 < int(asked["port"][1:]) < 65536:
        return False
    return asked.expand(r"http://\g<host>\g<rest>") in client.redirect_uris


def _instant(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519 §2) in microseconds; None when it is absent."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidClient("a time of the assertion is not a number")
    return value * SECOND
