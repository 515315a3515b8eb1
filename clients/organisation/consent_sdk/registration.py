"""Register a client and keep its registration (RFC 7591, RFC 7592).

An operator of the service hands you an initial access token. With it you register once; from then on the registration
has a token of its own. Nothing asks a citizen before the operator has approved it, and a change that a citizen or the
operator relies on waits again while what was approved goes on.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import msgspec

from .encoding import read_json
from .errors import ProtocolError, Unreachable
from .keys import SigningKey, dpop_proof
from .secret import Secret
from .wire import check_issuer, read_answer, refusal

_REGISTER = "/oauth/register"
_TIMEOUT = 20.0  # seconds


class ClientMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What you say about your client, with the names of RFC 7591 §2.

    `jwks` holds public keys only (see `key_set`); or say with `jwks_uri` where they are.
    """

    client_name: str
    redirect_uris: tuple[str, ...]
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None
    client_uri: str | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    contacts: tuple[str, ...] = ()
    software_id: str | None = None
    software_version: str | None = None
    require_signed_request_object: bool = False
    authorization_signed_response_alg: str = ""
    introspection_signed_response_alg: str = ""
    signals_endpoint: str | None = None
    dpop_nonce_required: bool = False
    batch_disclosure: bool = False


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """A registered client. Keep `text()` like a key: whoever has the token may change what waits for approval.

    `status` is pending, approved, suspended or refused, `next` what to do now. `metadata` is in effect (before the
    first approval: what was sent), `awaiting_approval` waits, `note` is what the operator said about a refusal.
    """

    issuer: str
    client_id: str
    token: Secret
    status: str
    revision: int
    next: str
    metadata: ClientMetadata
    awaiting_approval: ClientMetadata | None = None
    note: str = ""

    def text(self) -> str:
        """What finds the registration again, the token included."""
        kept = {"issuer": self.issuer, "client_id": self.client_id, "token": self.token.reveal()}
        return msgspec.json.encode(kept).decode()


class _Answer(ClientMetadata, frozen=True, kw_only=True):
    client_id: str
    registration_access_token: str
    registration_client_uri: str
    status: str
    revision: int
    next: str
    awaiting_approval: ClientMetadata | None = None
    note: str = ""


def key_set(*keys: SigningKey) -> dict[str, Any]:
    """The public halves of *keys* as a JWK Set, each under its thumbprint as `kid` (RFC 7517 §5, RFC 7638)."""
    return {"keys": [{**key.public_jwk, "kid": key.thumbprint()} for key in keys]}


async def register(
    issuer: str, initial_token: str, metadata: ClientMetadata, *, http: httpx.AsyncClient | None = None
) -> Registration:
    """Register a client at *issuer*; it waits for the operator. Raises Refused (`invalid_client_metadata`,
    `invalid_redirect_uri`, `invalid_token`), ProtocolError, Unreachable, ValueError for an issuer that is none."""
    check_issuer(issuer)
    answer = await _send("POST", issuer + _REGISTER, Secret(initial_token), metadata, http=http)
    return _registration(issuer, answer, expected=None)


async def read_registration(kept: str, *, http: httpx.AsyncClient | None = None) -> Registration:
    """How the registration of `Registration.text()` stands. Raises as `register` does."""
    issuer, client, token = _kept(kept)
    answer = await _send("GET", f"{issuer}{_REGISTER}/{client}", token, http=http)
    return _registration(issuer, answer, expected=client)


async def update_registration(
    registration: Registration,
    metadata: ClientMetadata,
    *,
    key: SigningKey | None = None,
    http: httpx.AsyncClient | None = None,
) -> Registration:
    """Put *metadata* in the place of all that was registered.

    New keys hold at once, and removed ones open nothing from then on, when *key* is one that holds now; without it
    they wait for the operator like other changes. To rotate: register old and new together, use the new one, then
    register it alone. Raises as `register` does.
    """
    url = f"{registration.issuer}{_REGISTER}/{registration.client_id}"
    answer = await _send("PUT", url, registration.token, metadata, key=key, http=http)
    return _registration(registration.issuer, answer, expected=registration.client_id)


async def remove_registration(
    registration: Registration, *, key: SigningKey | None = None, http: httpx.AsyncClient | None = None
) -> None:
    """End the client for good. Once it was approved that takes *key*, one that holds now. Raises as `register` does."""
    url = f"{registration.issuer}{_REGISTER}/{registration.client_id}"
    await _send("DELETE", url, registration.token, key=key, http=http)


async def _send(
    method: str,
    url: str,
    token: Secret,
    metadata: ClientMetadata | None = None,
    *,
    key: SigningKey | None = None,
    http: httpx.AsyncClient | None,
) -> httpx.Response:
    headers = {"authorization": f"Bearer {token.reveal()}", "accept": "application/json"}
    content = None
    if metadata is not None:
        headers["content-type"] = "application/json"
        content = msgspec.json.encode(metadata)
    if key is not None:
        headers["dpop"] = dpop_proof(
            key,
            method=method,
            url=url,
            at=int(time.time()),
            jti=secrets.token_urlsafe(16),
            token=token.reveal(),
            nonce=None,
        )
    if http is None:
        async with httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False) as own:
            return await _answered(own, method, url, headers, content)
    return await _answered(http, method, url, headers, content)


async def _answered(
    http: httpx.AsyncClient, method: str, url: str, headers: Mapping[str, str], content: bytes | None
) -> httpx.Response:
    try:
        answer = await http.request(method, url, headers=headers, content=content, follow_redirects=False)
    except httpx.HTTPError as error:
        raise Unreachable("the service gave no answer") from error
    if not answer.is_success:
        raise refusal(answer)
    return answer


def _registration(issuer: str, answer: httpx.Response, *, expected: str | None) -> Registration:
    said = read_answer(answer, _Answer)
    # The token goes to this address from now on, so it may only be the issuer's own.
    if said.registration_client_uri != f"{issuer}{_REGISTER}/{said.client_id}":
        raise ProtocolError("the registration is kept at another address")
    if expected not in (None, said.client_id):
        raise ProtocolError("the answer is about another client")
    names: Sequence[str] = ClientMetadata.__struct_fields__
    return Registration(
        issuer=issuer,
        client_id=said.client_id,
        token=Secret(said.registration_access_token),
        status=said.status,
        revision=said.revision,
        next=said.next,
        metadata=ClientMetadata(**{name: getattr(said, name) for name in names}),
        awaiting_approval=said.awaiting_approval,
        note=said.note,
    )


def _kept(text: str) -> tuple[str, str, Secret]:
    fields = read_json(text.encode(), dict[str, str])
    try:
        issuer, client, token = fields["issuer"], fields["client_id"], fields["token"]
    except KeyError:
        raise ValueError("this is not what Registration.text() wrote") from None
    check_issuer(issuer)
    return issuer, client, Secret(token)
