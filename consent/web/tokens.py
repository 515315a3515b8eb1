"""Where a client gets tokens, asks what they still are, and throws them away."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, asgi, post
from litestar.types import HTTPScope, Receive, Scope, Send

from consent.acts import inspect as inspecting
from consent.acts import redeem as redeeming
from consent.acts.house import House
from consent.grants.request import granted_details
from consent.oauth.batches import batch_details
from consent.oauth.introspect import SIGNED_MEDIA, check_introspection_form, wants_signed
from consent.oauth.metadata import INTROSPECT_PATH, REVOKE_PATH, TOKEN_PATH
from consent.oauth.resource import check_resource
from consent.oauth.revoke import check_revocation_form
from consent.oauth.token import check_token_form
from consent.words.actors import GivenBy
from consent.words.errors import InvalidRequest
from consent.words.instants import seconds

from .client_forms import (
    CLIENT_FIELDS,
    FORM,
    HANDLE,
    NO,
    PROOF,
    RESOURCE,
    Answered,
    answered,
    client_of,
    form_field,
    post_form,
    read_form,
)
from .doors import Answer, Door, declared

_GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")


class GrantedDetail(msgspec.Struct, frozen=True):
    """What was chosen (RFC 9396 §7)."""

    type: str
    purpose: str
    purpose_version: int
    attributes: list[str]
    grant_id: str
    expires_at: int
    given_by: GivenBy


_BATCH = {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]}
# Described, not converted: one element of either type, and both are objects.
_Details = Annotated[
    Sequence[Any],
    msgspec.Meta(
        extra_json_schema={"items": {"anyOf": [{"$ref": "#/components/schemas/GrantedDetail"}, _BATCH]}}
    ),
]


class TokenAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """RFC 6749 §5.1, RFC 9396 §7. Without a grant only the first three are there, and for batches what it is for.

    `acr` and `auth_time` (seconds) are of the sign-in under which she agreed (RFC 9470 §6).
    """

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str | None = None
    grant_id: str | None = None
    sub: str | None = None
    authorization_details: _Details | None = None
    acr: str | None = None
    auth_time: int | None = None


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
    authorization_details: _Details | None = None
    acr: str | None = None
    auth_time: int | None = None


_TOKEN = Door(
    id="token",
    tag="oauth",
    summary="Get tokens",
    description="authorization_code (with PKCE), refresh_token or client_credentials; with a DPoP proof.",
    security="client",
    fields=(
        *CLIENT_FIELDS,
        msgspec.structs.replace(PROOF, required=True),
        form_field("grant_type", "RFC 6749 §4", *_GRANT_TYPES, required=True),
        form_field("code", "For authorization_code", pattern=HANDLE),
        form_field("redirect_uri", "For authorization_code; may be left out"),
        form_field("code_verifier", "For authorization_code: RFC 7636 §4.1", minLength=43, maxLength=128),
        form_field("refresh_token", "For refresh_token", pattern=HANDLE),
        form_field("authorization_details", "For client_credentials: the element of batch_disclosure"),
        RESOURCE,
    ),
    body_media=FORM,
    answers={200: Answer(description="Tokens", body=TokenAnswer), **NO},
)


@asgi(TOKEN_PATH, opt=declared(_TOKEN), copy_scope=False)
async def token(scope: Scope, receive: Receive, send: Send) -> None:
    """Exchange a code, refresh, or give the client a token of its own."""
    await post_form(_token, scope, receive, send)


async def _token(house: House, scope: HTTPScope, receive: Receive) -> Answered:
    form = await read_form(scope, receive)
    async with client_of(house, scope, form, TOKEN_PATH) as (_, caller):
        if caller.proof is None:  # missing, not wrong: no error of RFC 9449
            raise InvalidRequest("a token request needs a DPoP proof")
        check_resource(form, issuer=house.issuer)
        tokens = await redeeming.redeem(house, caller, check_token_form(form))
    grant = tokens.grant
    sign_in = tokens.sign_in
    given = TokenAnswer(
        access_token=tokens.access_token,
        token_type="DPoP",  # noqa: S106 - RFC 9449 §5
        expires_in=tokens.expires_in,
        refresh_token=tokens.refresh_token,
        grant_id=grant.id if grant is not None else None,
        sub=tokens.sub,
        authorization_details=granted_details(grant, issuer=house.issuer)
        if grant is not None
        else batch_details(house.issuer)
        if tokens.is_batch
        else None,
        acr=sign_in.acr if sign_in is not None else None,
        auth_time=seconds(sign_in.at) if sign_in is not None else None,
    )
    return answered(given)


_INTROSPECT = Door(
    id="introspect",
    tag="oauth",
    summary="Ask what one of your own tokens still is",
    description="`Accept: application/token-introspection+jwt` asks for a signed answer (RFC 9701).",
    security="client",
    fields=(*CLIENT_FIELDS, form_field("token", "The token", required=True)),
    body_media=FORM,
    answers={200: Answer(description="What it is", body=IntrospectionAnswer), **NO},
)


@asgi(INTROSPECT_PATH, opt=declared(_INTROSPECT), copy_scope=False)
async def introspect(scope: Scope, receive: Receive, send: Send) -> None:
    """RFC 7662, RFC 9701."""
    await post_form(_introspect, scope, receive, send)


async def _introspect(house: House, scope: HTTPScope, receive: Receive) -> Answered:
    form = await read_form(scope, receive)
    async with client_of(house, scope, form, INTROSPECT_PATH) as (client, caller):
        facts = await inspecting.introspect(house, caller, check_introspection_form(form))
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
    if client.settings.introspection_signed_response_alg or wants_signed(accept):
        signed = inspecting.signed_introspection(house, caller, facts)
        return 200, {"content-type": SIGNED_MEDIA, "cache-control": "no-store"}, signed.encode()
    return answered(facts)


@post(
    REVOKE_PATH,
    opt=declared(
        Door(
            id="revokeToken",
            tag="oauth",
            summary="Throw a token away",
            description="Kills the token, never the citizen's grant. An unknown token looks the same.",
            security="client",
            fields=(*CLIENT_FIELDS, form_field("token", "The token", required=True)),
            body_media=FORM,
            answers={200: Answer(description="It does not work any more", media=None), **NO},
        )
    ),
    status_code=200,
)
async def revoke(request: Request[Any, Any, Any]) -> Response[bytes]:
    """RFC 7009."""
    house: House = request.app.state.house
    visit: HTTPScope = request.scope
    form = await read_form(visit, request.receive)
    async with client_of(house, visit, form, REVOKE_PATH) as (_, caller):
        await inspecting.throw_away(house, caller, check_revocation_form(form))
    # RFC 7009 §2.2: the status says it all.
    return Response(b"", status_code=200, headers={"cache-control": "no-store"}, media_type="text/plain")


HANDLERS = (token, introspect, revoke)
