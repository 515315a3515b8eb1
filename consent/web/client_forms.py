"""What all OAuth doors share: a form that is read strictly, a client that proves who it is, an answer nobody keeps."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
from litestar import Response
from litestar.exceptions import MethodNotAllowedException
from litestar.types import HTTPScope, Receive, Scope, Send

from consent.acts.allowance import Mark, What, check_allowance, mark, use_up
from consent.acts.authenticate import authenticate
from consent.acts.house import House
from consent.acts.once import Caller
from consent.oauth.clients import ASSERTION_TYPE, Client
from consent.oauth.forms import FORM_LIMIT, is_form, parse_form
from consent.words.errors import BadInput, InvalidRequest, OAuthError

from .arrival import address_of, read_body, renew_nonce
from .departure import reply
from .doors import Answer, Field
from .errors import oauth_error

FORM = "application/x-www-form-urlencoded"


class OAuthProblem(msgspec.Struct, frozen=True):
    """RFC 6749 §5.2."""

    error: str
    error_description: str = ""


def form_field(name: str, description: str, *only: str, required: bool = False, **schema: Any) -> Field:
    """A field of a form; *only* these values when some are named."""
    schema = {"type": "string"} | schema | ({"enum": list(only)} if only else {})
    return Field(name=name, where="form", description=description, required=required, schema=schema)


HANDLE = "^[A-Za-z0-9_-]{43}$"  # 256 bits in base64url
CLIENT_FIELDS = (
    form_field("client_id", "The client"),
    form_field("client_assertion_type", "RFC 7523 §2.2", ASSERTION_TYPE, required=True),
    form_field("client_assertion", "private_key_jwt whose aud is the issuer (RFC 7523)", required=True),
)
RESOURCE = form_field("resource", "RFC 8707: the issuer, or left out; may repeat", format="uri")
PROOF = Field(name="DPoP", where="header", description="A proof of possession (RFC 9449)")
NO = {
    400: Answer(description="Not a valid request", body=OAuthProblem),
    401: Answer(description="The client did not prove who it is", body=OAuthProblem),
    413: Answer(description="Too large", body=OAuthProblem),
    429: Answer(description="Too many requests in a minute", body=OAuthProblem, headers=("Retry-After",)),
    503: Answer(description="Try again in a moment", body=OAuthProblem, headers=("Retry-After",)),
}


_ALLOWED = {"allow": "OPTIONS, POST"}
Answered = tuple[int, dict[str, str], bytes]  # status, headers, body


async def post_form(
    work: Callable[[House, HTTPScope, Receive], Awaitable[Answered]],
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Answer a POST with what *work* makes of it, or with its error (RFC 6749 §5.2).

    For the doors that clients knock at most: bare ASGI, without the framework's request and response objects.
    """
    visit = cast("HTTPScope", scope)
    try:
        if visit["method"] == "OPTIONS":
            status, headers, body = 204, dict(_ALLOWED), b""
        elif visit["method"] != "POST":
            raise MethodNotAllowedException(headers=_ALLOWED)
        else:
            status, headers, body = await work(visit["litestar_app"].state.house, visit, receive)
    except Exception as fault:
        status, headers, body = oauth_error(fault)
        headers |= getattr(fault, "headers", None) or {}
    await reply(send, status, headers, body)


async def read_form(scope: HTTPScope, receive: Receive) -> dict[str, str]:
    """The parameters of a posted form. Raises InvalidRequest, TooLarge."""
    headers = dict(scope["headers"])
    if not is_form(headers.get(b"content-type", b"").decode("latin-1")):
        raise InvalidRequest(f"send the parameters as {FORM}")
    return parse_form(await read_body(receive, headers, FORM_LIMIT))


@asynccontextmanager
async def client_of(
    house: House, scope: HTTPScope, form: Mapping[str, str], path: str
) -> AsyncIterator[tuple[Client, Caller]]:
    """Who sent *form* to *path*, proved. Raises InvalidClient, InvalidDpopProof, UseDpopNonce, TooManyRequests.

    The act that follows counts the request in its own transaction. Whatever ends in an error is counted here, and an
    error beyond the allowance is not told: guessing is no quicker than asking.
    """
    marks = marks_of_address(house, scope, "address")
    await check_allowance(house, marks)
    try:
        proofs = [value for name, value in scope["headers"] if name == b"dpop"]
        client, caller = await authenticate(
            house, form, proofs=proofs, method="POST", url=house.issuer + path
        )
        if caller.needs_nonce and caller.proof is not None:
            renew_nonce(house, caller.proof)
        marks = (*mark(house, "client", client.id), *marks)
        yield client, msgspec.structs.replace(caller, marks=marks)
    except (OAuthError, BadInput):
        await use_up(house, marks)
        raise


def marks_of_address(house: House, scope: Scope, what: What) -> tuple[Mark, ...]:
    """What the request of *scope* uses up of the allowance of the address that it comes from."""
    return mark(house, what, address_of(scope, trusted_proxies=house.limits.trusted_proxies))


def answered(body: Any, *, status: int = 200, cache: str = "no-store") -> Answered:
    """*body* as JSON: status, headers and bytes."""
    headers = {"content-type": "application/json", "cache-control": cache}
    if cache == "no-store":  # RFC 6749 §5.1: nothing on the way may keep a token
        headers["pragma"] = "no-cache"
    return status, headers, msgspec.json.encode(body)


def answer(body: Any, *, status: int = 200, cache: str = "no-store") -> Response[bytes]:
    """*body* as JSON, as the framework takes it."""
    status, headers, encoded = answered(body, status=status, cache=cache)
    return Response(encoded, status_code=status, headers=headers, media_type="application/json")
