"""The OAuth door: RFC words outside, ours inside. Each handler reads a form, proves the client, calls one act."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.types import Receive

from consent.acts import ask as asking
from consent.acts import inspect as inspecting
from consent.acts import redeem as redeeming
from consent.acts.authenticate import authenticate
from consent.acts.house import House
from consent.acts.once import Caller
from consent.grants.request import granted_details
from consent.oauth.authorize import check_authorize, request_uri
from consent.oauth.clients import ASSERTION_TYPE, Client
from consent.oauth.forms import FORM_LIMIT, is_form, parse_form, parse_query
from consent.oauth.introspect import check_introspection_form
from consent.oauth.jar import check_request
from consent.oauth.keys import public_jwks
from consent.oauth.metadata import (
    AUTHORIZE_PATH,
    INTROSPECT_PATH,
    JWKS_PATH,
    PAR_PATH,
    REVOKE_PATH,
    TOKEN_PATH,
    metadata,
)
from consent.oauth.par import REQUEST_LIFE, check_pushed_request
from consent.oauth.revoke import check_revocation_form
from consent.oauth.token import check_token_form
from consent.words.actors import GivenBy
from consent.words.errors import InvalidDpopProof, InvalidRequest
from consent.words.instants import SECOND

from .arrival import read_body
from .doors import Answer, Door, Field, declared

FORM = "application/x-www-form-urlencoded"


class OAuthProblem(msgspec.Struct, frozen=True):
    """RFC 6749 §5.2."""

    error: str
    error_description: str = ""


class PushedAnswer(msgspec.Struct, frozen=True):
    """RFC 9126 §2.2."""

    request_uri: str
    expires_in: int


class GrantedDetail(msgspec.Struct, frozen=True):
    """What was chosen (RFC 9396 §7)."""

    type: str
    purpose: str
    purpose_version: int
    attributes: list[str]
    grant_id: str
    expires_at: int
    given_by: GivenBy


class TokenAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 6749 §5.1, RFC 9396 §7. Without a grant only the first three are there."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str | None = None
    grant_id: str | None = None
    sub: str | None = None
    authorization_details: list[GrantedDetail] | None = None


class IntrospectionAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 7662 §2.2. An unknown, foreign, dead or expired token is just not active."""

    active: bool
    iss: str | None = None
    client_id: str | None = None
    iat: int | None = None
    exp: int | None = None
    sub: str | None = None
    token_type: str | None = None
    cnf: dict[str, str] | None = None
    authorization_details: list[GrantedDetail] | None = None


def _form_field(name: str, description: str, *only: str, required: bool = False, **schema: Any) -> Field:
    """A field of a form; *only* these values when some are named."""
    schema = {"type": "string"} | schema | ({"enum": list(only)} if only else {})
    return Field(name=name, where="form", description=description, required=required, schema=schema)


_GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
_HANDLE = "^[A-Za-z0-9_-]{43}$"  # 256 bits in base64url
_CLIENT_FIELDS = (
    _form_field("client_id", "The client"),
    _form_field("client_assertion_type", "RFC 7523 §2.2", ASSERTION_TYPE, required=True),
    _form_field("client_assertion", "private_key_jwt whose aud is the issuer (RFC 7523)", required=True),
)
_PROOF = Field(name="DPoP", where="header", description="A proof of possession (RFC 9449)")
_NO = {
    400: Answer(description="Not a valid request", body=OAuthProblem),
    401: Answer(description="The client did not prove who it is", body=OAuthProblem),
    413: Answer(description="Too large", body=OAuthProblem),
    503: Answer(description="Try again in a moment", body=OAuthProblem, headers=("Retry-After",)),
}


async def _form(request: Request[Any, Any, Any]) -> dict[str, str]:
    if not is_form(request.headers.get("content-type")):
        raise InvalidRequest(f"send the parameters as {FORM}")
    receive: Receive = request.receive
    return parse_form(await read_body(receive, dict(request.scope["headers"]), FORM_LIMIT))


async def _client(
    request: Request[Any, Any, Any], form: Mapping[str, str], path: str
) -> tuple[Client, Caller]:
    house: House = request.app.state.house
    proofs = [value for name, value in request.scope["headers"] if name == b"dpop"]
    return await authenticate(house, form, proofs=proofs, method="POST", url=house.issuer + path)


@post(
    PAR_PATH,
    opt=declared(
        Door(
            id="pushRequest",
            tag="oauth",
            summary="Push a request for attributes",
            description="RFC 9126 with RFC 9396 authorization_details. A request only names an approved purpose.",
            security="client",
            fields=(
                *_CLIENT_FIELDS,
                _PROOF,
                _form_field("request", "RFC 9101: all that follows, signed; then nothing outside counts"),
                _form_field("response_type", "RFC 6749 §3.1.1", "code"),
                _form_field("redirect_uri", "A registered address"),
                _form_field("code_challenge", "RFC 7636 §4.2", pattern=_HANDLE),
                _form_field("code_challenge_method", "RFC 7636 §4.3", "S256"),
                _form_field("state", "Comes back with the answer", maxLength=4096),
                _form_field("dpop_jkt", "RFC 9449 §10: binds the code to a key", pattern=_HANDLE),
                _form_field("authorization_details", "RFC 9396: one element of our type"),
            ),
            body_media=FORM,
            answers={201: Answer(description="Pushed", body=PushedAnswer), **_NO},
        )
    ),
    status_code=201,
)
async def par(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Keep a request until a citizen answers."""
    house: House = request.app.state.house
    form = await _form(request)
    client, caller = await _client(request, form, PAR_PATH)
    counting = check_request(form, client=client, issuer=house.issuer, at=house.clock())
    checked = check_pushed_request(
        counting, client=client, proof_jkt=caller.proof.jkt if caller.proof else None
    )
    pushed = await asking.push(house, caller, checked)
    return _answer(PushedAnswer(request_uri(pushed.reference), REQUEST_LIFE // SECOND), status=201)


@get(
    AUTHORIZE_PATH,
    opt=declared(
        Door(
            id="authorize",
            tag="oauth",
            summary="Send a citizen here with the request that was pushed",
            fields=(
                Field(name="client_id", where="query", description="The client", required=True),
                Field(
                    name="request_uri", where="query", description="From the pushed request", required=True
                ),
            ),
            answers={
                303: Answer(description="To the page of the request", media=None, headers=("Location",)),
                400: Answer(description="A page that says what is wrong", media="text/html"),
            },
        )
    ),
)
async def authorize(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Find the pushed request and go to its page; nothing else in the address counts (FAPI 2.0 §5.3.2.2-3)."""
    house: House = request.app.state.house
    client, reference = check_authorize(parse_query(request.scope["query_string"]))
    asked = await asking.find(house, client=client, reference=reference)
    # FAPI 2.0 §5.3.2.2-11: 303, never 307.
    return Response(
        b"",
        status_code=303,
        headers={
            "location": f"/my/requests/{asked.id}",
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
        },
        media_type="text/plain",
    )


@post(
    TOKEN_PATH,
    opt=declared(
        Door(
            id="token",
            tag="oauth",
            summary="Get tokens",
            description="authorization_code (with PKCE), refresh_token or client_credentials; with a DPoP proof.",
            security="client",
            fields=(
                *_CLIENT_FIELDS,
                msgspec.structs.replace(_PROOF, required=True),
                _form_field("grant_type", "RFC 6749 §4", *_GRANT_TYPES, required=True),
                _form_field("code", "For authorization_code", pattern=_HANDLE),
                _form_field("redirect_uri", "For authorization_code; may be left out"),
                _form_field(
                    "code_verifier", "For authorization_code: RFC 7636 §4.1", minLength=43, maxLength=128
                ),
                _form_field("refresh_token", "For refresh_token", pattern=_HANDLE),
            ),
            body_media=FORM,
            answers={200: Answer(description="Tokens", body=TokenAnswer), **_NO},
        )
    ),
    status_code=200,
)
async def token(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Exchange a code, refresh, or give the client a token of its own."""
    house: House = request.app.state.house
    form = await _form(request)
    _, caller = await _client(request, form, TOKEN_PATH)
    if caller.proof is None:
        raise InvalidDpopProof("a token request needs a DPoP proof")
    tokens = await redeeming.redeem(house, caller, check_token_form(form))
    grant = tokens.grant
    answer = TokenAnswer(
        access_token=tokens.access_token,
        token_type="DPoP",  # noqa: S106 - RFC 9449 §5
        expires_in=tokens.expires_in,
        refresh_token=tokens.refresh_token,
        grant_id=grant.id if grant is not None else None,
        sub=tokens.sub,
        authorization_details=msgspec.convert(
            granted_details(grant, issuer=house.issuer), list[GrantedDetail]
        )
        if grant is not None
        else None,
    )
    return _answer(answer)


@post(
    INTROSPECT_PATH,
    opt=declared(
        Door(
            id="introspect",
            tag="oauth",
            summary="Ask what one of your own tokens still is",
            security="client",
            fields=(*_CLIENT_FIELDS, _form_field("token", "The token", required=True)),
            body_media=FORM,
            answers={200: Answer(description="What it is", body=IntrospectionAnswer), **_NO},
        )
    ),
    status_code=200,
)
async def introspect(request: Request[Any, Any, Any]) -> Response[bytes]:
    """RFC 7662."""
    house: House = request.app.state.house
    form = await _form(request)
    _, caller = await _client(request, form, INTROSPECT_PATH)
    return _answer(await inspecting.introspect(house, caller, check_introspection_form(form)))


@post(
    REVOKE_PATH,
    opt=declared(
        Door(
            id="revokeToken",
            tag="oauth",
            summary="Throw a token away",
            description="Kills the token, never the citizen's grant. An unknown token looks the same.",
            security="client",
            fields=(*_CLIENT_FIELDS, _form_field("token", "The token", required=True)),
            body_media=FORM,
            answers={200: Answer(description="It does not work any more", media=None), **_NO},
        )
    ),
    status_code=200,
)
async def revoke(request: Request[Any, Any, Any]) -> Response[bytes]:
    """RFC 7009."""
    house: House = request.app.state.house
    form = await _form(request)
    _, caller = await _client(request, form, REVOKE_PATH)
    await inspecting.throw_away(house, caller, check_revocation_form(form))
    # RFC 7009 §2.2: the status says it all.
    return Response(b"", status_code=200, headers={"cache-control": "no-store"}, media_type="text/plain")


@get(
    "/.well-known/oauth-authorization-server",
    opt=declared(
        Door(
            id="metadata",
            tag="oauth",
            summary="Where everything is (RFC 8414)",
            answers={200: Answer(description="The metadata document", body=dict[str, Any])},
        )
    ),
)
async def well_known(request: Request[Any, Any, Any]) -> Response[bytes]:
    """RFC 8414."""
    house: House = request.app.state.house
    return _answer(
        metadata(house.issuer, service_documentation=f"{house.issuer}/openapi.yaml"), cache="max-age=300"
    )


@get(
    JWKS_PATH,
    opt=declared(
        Door(
            id="jwks",
            tag="oauth",
            summary="The service's own public keys (RFC 7517)",
            answers={200: Answer(description="The key set", body=dict[str, Any])},
        )
    ),
)
async def jwks(request: Request[Any, Any, Any]) -> Response[bytes]:
    """RFC 7517 §5."""
    house: House = request.app.state.house
    return _answer(public_jwks([house.server_key]), cache="max-age=300")


def _answer(body: Any, *, status: int = 200, cache: str = "no-store") -> Response[bytes]:
    # RFC 6749 §5.1: nothing on the way may keep a token.
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        headers={"cache-control": cache, "pragma": "no-cache"}
        if cache == "no-store"
        else {"cache-control": cache},
        media_type="application/json",
    )


HANDLERS = (par, authorize, token, introspect, revoke, well_known, jwks)
