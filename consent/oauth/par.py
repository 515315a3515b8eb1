"""What an organisation pushes before it sends the citizen to us (RFC 9126), and how long things live."""

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from consent.oauth import pkce
from consent.oauth.clients import Client, is_registered_redirect
from consent.oauth.grant_management import Amendment, check_grant_management
from consent.oauth.jarm import check_response_mode
from consent.oauth.step_up import Demand, check_demand
from consent.words.errors import InvalidDpopProof, InvalidRequest, UnsupportedResponseType
from consent.words.instants import SECOND

REQUEST_URI_PREFIX = "urn:ietf:params:oauth:request_uri:"  # RFC 9126 §2.2

# Microseconds, counted half-open: at the last instant it is already over.
REQUEST_LIFE = 300 * SECOND  # FAPI 2.0 §5.3.2.2-12: less than 600 s
CODE_LIFE = 60 * SECOND  # FAPI 2.0 §5.3.2.1-11
ACCESS_TOKEN_LIFE = 600 * SECOND

_STATE_LIMIT = 4096  # FAPI 2.0 §5.3.2.2 note 4: more than 1000 characters occur
_NONCE_LIMIT = 1024  # FAPI 2.0 §5.3.2.2-14 asks for 64
_CASE_LIMIT = 64
_DETAILS_LIMIT = 16 * 1024
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


class PushedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An authorization request that was checked and is kept until the citizen comes."""

    client: str
    redirect_uri: str
    code_challenge: str
    state: str | None
    nonce: str | None
    dpop_jkt: str | None  # the code will only work with this key (RFC 9449 §10)
    authorization_details: str  # JSON text as it came; its content is another room's business
    amendment: Amendment | None = None  # None: a new grant
    response_mode: Literal["query", "jwt"] = "query"
    sign_in: Demand = Demand()
    case: str | None = None  # the organisation's own number for what this is about


def check_pushed_request(form: Mapping[str, str], *, client: Client, proof_jkt: str | None) -> PushedRequest:
    """Check a pushed request of *client*, who has already proved to be itself; *form* is what `jar` says that counts.

    *proof_jkt*: the key of the DPoP proof that came along, if any (RFC 9449 §10.1). Parameters that we do
    not know are ignored (RFC 6749 §3.1), and so is `scope`: what is asked stands in authorization_details.
    Raises InvalidRequest, UnsupportedResponseType, InvalidDpopProof, UnmetAuthentication.
    """
    if form.get("client_id", client.id) != client.id:
        raise InvalidRequest("client_id is not the authenticated client")
    response_type = form.get("response_type")
    if response_type is None:
        raise InvalidRequest("response_type is missing; send code")
    if response_type != "code":
        raise UnsupportedResponseType("response_type is code")  # FAPI 2.0 §5.3.2.2-1
    response_mode = check_response_mode(form, client)
    redirect_uri = form.get("redirect_uri")
    if redirect_uri is None:
        raise InvalidRequest("redirect_uri is missing; send one that is registered")  # FAPI 2.0 §5.3.2.2-6
    if not is_registered_redirect(redirect_uri, client):
        raise InvalidRequest("redirect_uri is not registered; send a registered one, character by character")
    return PushedRequest(
        client=client.id,
        redirect_uri=redirect_uri,
        code_challenge=pkce.check_challenge(form),
        state=_short(form, "state", _STATE_LIMIT),
        nonce=_short(form, "nonce", _NONCE_LIMIT),
        dpop_jkt=_binding(form.get("dpop_jkt"), proof_jkt),
        authorization_details=_details(form),
        response_mode=response_mode,
        amendment=check_grant_management(form),
        sign_in=check_demand(form),
        case=_case(form),
    )


def _binding(asked: str | None, proof_jkt: str | None) -> str | None:
    """The key that the code gets bound to: named, or shown by a proof, or both alike (RFC 9449 §10.1)."""
    if asked is None:
        return proof_jkt
    if not _THUMBPRINT.fullmatch(asked):
        raise InvalidRequest("dpop_jkt is malformed")
    if proof_jkt is not None and proof_jkt != asked:
        raise InvalidDpopProof("dpop_jkt is not the key of the proof")
    return asked


def _short(form: Mapping[str, str], name: str, limit: int) -> str | None:
    value = form.get(name)
    if value is not None and len(value) > limit:
        raise InvalidRequest(f"{name} is too long")
    return value


def _case(form: Mapping[str, str]) -> str | None:
    case = form.get("case")
    if case is not None and (not case.strip() or len(case) > _CASE_LIMIT or not case.isprintable()):
        raise InvalidRequest(f"case is one line of at most {_CASE_LIMIT} characters")
    return case


def _details(form: Mapping[str, str]) -> str:
    details = form.get("authorization_details", "").strip()
    if not details:
        raise InvalidRequest("authorization_details is missing; it says what you ask (RFC 9396)")
    if len(details) > _DETAILS_LIMIT:
        raise InvalidRequest("authorization_details is too long")
    return details
