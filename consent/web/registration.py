"""The developer's door: register a client (RFC 7591) and keep its registration (RFC 7592). JSON, with bearer tokens."""

from typing import Any

import msgspec
from litestar import Request, Response, delete, get, post, put

from consent.acts import register as registering
from consent.acts.allowance import use_up
from consent.acts.house import House
from consent.acts.register import Kept
from consent.oauth.dpop import Proof, check_proof
from consent.oauth.metadata import REGISTER_PATH
from consent.oauth.registration import check_registration, registered
from consent.words.errors import BadInput, InvalidClientMetadata, InvalidToken
from consent.words.instants import seconds

from .arrival import headers_of, is_json, read_body
from .client_forms import OAuthProblem, marks_of_address
from .doors import Answer, Door, Field, declared

BODY_LIMIT = 64 * 1024
_TOKEN_LIMIT = 512
_CLIENT_PATH = REGISTER_PATH + "/{client_id:str}"


class RegistrationRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 7591 §2. Names that are not here are passed over; `jwks` or `jwks_uri`, never both."""

    client_name: str
    redirect_uris: list[str]
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None
    client_uri: str | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    contacts: list[str] = []
    software_id: str | None = None
    software_version: str | None = None
    require_signed_request_object: bool = False
    authorization_signed_response_alg: str = ""
    introspection_signed_response_alg: str = ""
    signals_endpoint: str | None = None
    dpop_nonce_required: bool = False
    batch_disclosure: bool = False


class RegistrationAnswer(RegistrationRequest, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 7591 §3.2.1 and RFC 7592 §3, with the metadata that is in effect (before an approval: that was sent).

    `status` is pending, approved, suspended or refused; `awaiting_approval` holds what is not in effect yet, and
    `note` what the operator said about a refusal.
    """

    client_id: str
    client_id_issued_at: int
    registration_access_token: str
    registration_client_uri: str
    status: str
    revision: int
    next: str
    grant_types: list[str]
    response_types: list[str]
    token_endpoint_auth_method: str
    dpop_bound_access_tokens: bool
    require_pushed_authorization_requests: bool
    awaiting_approval: dict[str, Any] | None = None
    note: str = ""


_NEXT = {
    "pending": "Wait for the operator; until then what was approved before is in effect, and nothing else.",
    "approved": "All of it is in effect.",
    "refused": "Read the note, correct the metadata and send it again; what was approved before is in effect.",
    "suspended": "Turn to the operator.",
}
_ID = Field(
    name="client_id",
    where="path",
    description="From the registration",
    required=True,
    schema={"type": "string", "pattern": "^[a-z0-9-]{1,64}$"},
)
_PROOF = Field(
    name="DPoP",
    where="header",
    description="A proof by a key of the client that is in effect (RFC 9449), made for the registration token",
)
_NO = {
    400: Answer(description="Not valid metadata", body=OAuthProblem),
    401: Answer(description="The token does not open this", body=OAuthProblem, headers=("WWW-Authenticate",)),
    404: Answer(description="No address at all", body=OAuthProblem),
    413: Answer(description="Too large", body=OAuthProblem),
    429: Answer(description="Too many requests in a minute", body=OAuthProblem, headers=("Retry-After",)),
    503: Answer(description="Try again in a moment", body=OAuthProblem, headers=("Retry-After",)),
}


@post(
    REGISTER_PATH,
    opt=declared(
        Door(
            id="registerClient",
            tag="oauth",
            summary="Register a client; it waits for the operator (RFC 7591)",
            security="initial",
            body=RegistrationRequest,
            answers={201: Answer(description="Registered, and waiting", body=RegistrationAnswer)}
            | {status: _NO[status] for status in (400, 401, 413, 429, 503)},
        )
    ),
    status_code=201,
)
async def register(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Register a client under an initial access token."""
    house: House = request.app.state.house
    token = await _admitted(request)
    metadata = check_registration(await _document(request), issuer=house.issuer)
    return _answer(house, await registering.register(house, token=token, metadata=metadata), "", status=201)


@get(
    _CLIENT_PATH,
    opt=declared(
        Door(
            id="readRegistration",
            tag="oauth",
            summary="How a registration stands (RFC 7592)",
            security="registration",
            fields=(_ID,),
            answers={200: Answer(description="The registration", body=RegistrationAnswer)}
            | {status: _NO[status] for status in (400, 401, 404, 429, 503)},
        )
    ),
)
async def read(request: Request[Any, Any, Any], client_id: str) -> Response[bytes]:
    """Read a registration."""
    house: House = request.app.state.house
    token = await _admitted(request)
    return _answer(house, await registering.read_registration(house, client=client_id, token=token), token)


@put(
    _CLIENT_PATH,
    opt=declared(
        Door(
            id="updateRegistration",
            tag="oauth",
            summary="Put other metadata in its place (RFC 7592)",
            description="What needs an approval waits for it. New keys hold at once with a proof by a present one.",
            security="registration",
            fields=(_ID, _PROOF),
            body=RegistrationRequest,
            answers={200: Answer(description="The registration", body=RegistrationAnswer), **_NO},
        )
    ),
)
async def update(request: Request[Any, Any, Any], client_id: str) -> Response[bytes]:
    """Change a registration."""
    house: House = request.app.state.house
    token, proof = await _admitted(request), _proof(request, "PUT")
    document = await _document(request)
    if document.get("client_id", client_id) != client_id:  # RFC 7592 §2.2
        raise InvalidClientMetadata("client_id: another client than the address names")
    metadata = check_registration(document, issuer=house.issuer)
    kept = await registering.update_registration(
        house, client=client_id, token=token, metadata=metadata, proof=proof
    )
    return _answer(house, kept, token)


@delete(
    _CLIENT_PATH,
    opt=declared(
        Door(
            id="removeRegistration",
            tag="oauth",
            summary="End a client for good (RFC 7592)",
            description="An approved client needs a proof by one of its keys as well.",
            security="registration",
            fields=(_ID, _PROOF),
            answers={
                204: Answer(description="It is gone", media=None),
                403: Answer(description="This takes a proof", body=OAuthProblem),
            }
            | {status: _NO[status] for status in (400, 401, 404, 429, 503)},
        )
    ),
    status_code=204,
)
async def remove(request: Request[Any, Any, Any], client_id: str) -> None:
    """Remove a registration."""
    house: House = request.app.state.house
    token, proof = await _admitted(request), _proof(request, "DELETE")
    await registering.remove_registration(house, client=client_id, token=token, proof=proof)


async def _admitted(request: Request[Any, Any, Any]) -> str:
    """The token of a request, which counts whatever comes of it. Raises TooManyRequests, InvalidToken."""
    await use_up(request.app.state.house, marks_of_address(request.app.state.house, request.scope, "address"))
    return _token(request)


def _token(request: Request[Any, Any, Any]) -> str:
    headers, _ = headers_of(request.scope)
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"bearer" or not token or len(token) > _TOKEN_LIMIT:
        raise InvalidToken("send the token as `Authorization: Bearer …`")
    return token.decode("latin-1")


def _proof(request: Request[Any, Any, Any], method: str) -> Proof | None:
    """The proof that came along, checked for this request and this token; None when there is none."""
    house: House = request.app.state.house
    _, proofs = headers_of(request.scope)
    if not proofs:
        return None
    return check_proof(
        proofs,
        method=method,
        url=house.issuer + request.scope["path"],
        at=house.clock(),
        token=_token(request),
        cache=house.proof_keys,
    )


async def _document(request: Request[Any, Any, Any]) -> dict[str, Any]:
    headers, _ = headers_of(request.scope)
    if not is_json(headers):
        raise BadInput("send the metadata as application/json")
    try:
        return msgspec.json.decode(await read_body(request.receive, headers, BODY_LIMIT), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InvalidClientMetadata("the body is one JSON object") from None


def _answer(house: House, kept: Kept, token: str, *, status: int = 200) -> Response[bytes]:
    row = kept.registration
    shown = kept.holds if kept.holds is not None else kept.waits
    standing = "suspended" if kept.is_suspended else row.state
    answer: dict[str, Any] = {
        "client_id": kept.client,
        "client_id_issued_at": seconds(row.registered_at),
        "registration_access_token": kept.token or token,
        "registration_client_uri": f"{house.issuer}{REGISTER_PATH}/{kept.client}",
        "status": standing,
        "revision": row.revision,
        "next": _NEXT[standing],
        **(registered(shown) if shown is not None else {}),
    }
    if kept.holds is not None and kept.waits is not None:
        answer["awaiting_approval"] = registered(kept.waits)
    if row.note:
        answer["note"] = row.note
    return Response(
        msgspec.json.encode(answer),
        status_code=status,
        # RFC 7591 §3.2.1: nothing on the way may keep a token.
        headers={"cache-control": "no-store", "pragma": "no-cache"},
        media_type="application/json",
    )


HANDLERS = (register, read, update, remove)
