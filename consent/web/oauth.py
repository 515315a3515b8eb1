"""The OAuth door: RFC words outside, ours inside. Where a request is pushed, and what there is to know before.

Each handler reads a form, proves the client, calls one act.
"""

from typing import Any

import msgspec
from litestar import Request, Response, asgi, get
from litestar.types import HTTPScope, Receive, Scope, Send

from consent.acts import ask as asking
from consent.acts.house import House
from consent.grants.request import schema
from consent.oauth import jarm
from consent.oauth.authorize import check_authorize, request_uri
from consent.oauth.batches import BATCH_TYPE_PATH, batch_schema
from consent.oauth.forms import parse_query
from consent.oauth.grant_management import ACTIONS
from consent.oauth.jar import check_request
from consent.oauth.keys import public_jwks
from consent.oauth.metadata import AUTHORIZE_PATH, JWKS_PATH, METADATA_PATH, PAR_PATH, metadata
from consent.oauth.par import REQUEST_LIFE, check_pushed_request
from consent.oauth.resource import RESOURCE_PATH, check_resource, protected_resource
from consent.words.instants import SECOND
from consent.words.purposes import REQUEST_TYPE_PATH

from .client_forms import (
    CLIENT_FIELDS,
    FORM,
    HANDLE,
    NO,
    PROOF,
    RESOURCE,
    Answered,
    answer,
    answered,
    client_of,
    form_field,
    post_form,
    read_form,
)
from .doors import ID_PATTERN, Answer, Door, Field, declared


class PushedAnswer(msgspec.Struct, frozen=True):
    """RFC 9126 §2.2."""

    request_uri: str
    expires_in: int


_PUSH = Door(
    id="pushRequest",
    tag="oauth",
    summary="Push a request for attributes",
    description="RFC 9126 with RFC 9396 authorization_details. A request only names an approved purpose.",
    security="client",
    fields=(
        *CLIENT_FIELDS,
        PROOF,
        form_field("request", "RFC 9101: all that follows, signed; then nothing outside counts"),
        form_field("response_type", "RFC 6749 §3.1.1", "code"),
        form_field("redirect_uri", "A registered address"),
        form_field("code_challenge", "RFC 7636 §4.2", pattern=HANDLE),
        form_field("code_challenge_method", "RFC 7636 §4.3", "S256"),
        form_field("response_mode", "JARM: in which form the answer goes back", *jarm.MODES),
        form_field("state", "Comes back with the answer", maxLength=4096),
        form_field("dpop_jkt", "RFC 9449 §10: binds the code to a key", pattern=HANDLE),
        form_field("authorization_details", "RFC 9396: one element of our type"),
        RESOURCE,
        form_field("grant_management_action", "Change a running grant (Grant Management)", *ACTIONS),
        form_field("acr_values", "RFC 9470: how she shall sign in; any of these will do"),
        form_field(
            "max_age", "RFC 9470: how long ago she may have signed in, in seconds", pattern="^[0-9]{1,9}$"
        ),
        form_field("case", "The organisation's own number, for its clerks; nothing personal", maxLength=64),
        form_field("grant_id", "The running grant that is to be changed", pattern=ID_PATTERN),
    ),
    body_media=FORM,
    answers={201: Answer(description="Pushed", body=PushedAnswer), **NO},
)


@asgi(PAR_PATH, opt=declared(_PUSH), copy_scope=False)
async def par(scope: Scope, receive: Receive, send: Send) -> None:
    """Keep a request until a citizen answers."""
    await post_form(_par, scope, receive, send)


async def _par(house: House, scope: HTTPScope, receive: Receive) -> Answered:
    form = await read_form(scope, receive)
    async with client_of(house, scope, form, PAR_PATH) as (client, caller):
        counting = check_request(form, client=client, issuer=house.issuer, at=house.clock())
        check_resource(counting, issuer=house.issuer)
        checked = check_pushed_request(
            counting, client=client, proof_jkt=caller.proof.jkt if caller.proof else None
        )
        pushed = await asking.push(house, caller, checked)
    return answered(PushedAnswer(request_uri(pushed.reference), REQUEST_LIFE // SECOND), status=201)


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


@get(
    METADATA_PATH,
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
    return answer(
        metadata(house.issuer, service_documentation=f"{house.issuer}/openapi.yaml"), cache="max-age=300"
    )


@get(
    RESOURCE_PATH,
    opt=declared(
        Door(
            id="resourceMetadata",
            tag="oauth",
            summary="What the API takes, and from whom (RFC 9728)",
            answers={200: Answer(description="The metadata document", body=dict[str, Any])},
        )
    ),
)
async def resource(request: Request[Any, Any, Any]) -> Response[bytes]:
    """RFC 9728."""
    house: House = request.app.state.house
    document = protected_resource(house.issuer, documentation=f"{house.issuer}/openapi.yaml")
    return answer(document, cache="max-age=300")


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
    return answer(public_jwks(house.server_keys.published(house.clock())), cache="max-age=300")


_SCHEMA = "application/schema+json"


@get(
    REQUEST_TYPE_PATH,
    opt=declared(
        Door(
            id="requestType",
            tag="oauth",
            summary="The form of one element of authorization_details, as JSON Schema",
            answers={200: Answer(description="The schema", media=_SCHEMA, body=dict[str, Any])},
        )
    ),
)
async def request_type_schema(request: Request[Any, Any, Any]) -> Response[bytes]:
    """RFC 9396 §2.1: whoever meets our type reads there what belongs in it."""
    return _schema(schema(request.app.state.house.issuer))


@get(
    BATCH_TYPE_PATH,
    opt=declared(
        Door(
            id="batchType",
            tag="oauth",
            summary="The form of the element that a token for batches is asked with, as JSON Schema",
            answers={200: Answer(description="The schema", media=_SCHEMA, body=dict[str, Any])},
        )
    ),
)
async def batch_type_schema(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The same for the type that a client asks for itself."""
    return _schema(batch_schema(request.app.state.house.issuer))


def _schema(schema: dict[str, Any]) -> Response[bytes]:
    return Response(msgspec.json.encode(schema), headers={"cache-control": "max-age=300"}, media_type=_SCHEMA)


HANDLERS = (par, authorize, well_known, resource, jwks, request_type_schema, batch_type_schema)
