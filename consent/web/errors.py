"""Errors become HTTP here, and only here.

Three languages of error: RFC 6749 §5.2 at the OAuth endpoints, RFC 6750 / RFC 9449 challenges with RFC 9457 problems
at the API, and a calm page for people. Each says what to do next; none repeats what was sent.
"""

from typing import Any, Literal

import msgspec
from litestar.exceptions import HTTPException
from structlog import get_logger

from consent.oauth.jose import ALGORITHMS
from consent.words import errors
from consent.words.errors import ConsentError

from .doors import Answer

_log = get_logger()

Voice = Literal["oauth", "api", "log", "page"]


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An RFC 9457 problem: `code` is from a closed list, `next` says what the caller can do."""

    status: int
    code: str
    title: str
    detail: str = ""
    next: str = ""
    entry: Any = None
    proof: str | None = None


class Known(msgspec.Struct, frozen=True):
    """What a code means, in HTTP and in words."""

    status: int
    title: str
    next: str


_ASK_AGAIN = "Ask the citizen again with a new request; nothing is given out under this one any more."

# The closed list of `code`. docs/reference/errors.md is written from it.
CODES: dict[str, Known] = {
    "bad_input": Known(
        400, "The request cannot be read", "Correct the request; the API is described in openapi.yaml."
    ),
    "too_large": Known(413, "The request is too large", "Send less; no request here needs more than 128 kB."),
    "not_found": Known(
        404, "Not found", "Check the address and the id. Foreign, unknown and erased ids look alike."
    ),
    "method_not_allowed": Known(
        405, "Method not allowed", "Use the method that openapi.yaml names for this address."
    ),
    "unsupported_media_type": Known(
        415, "Unsupported media type", "Send the media type that openapi.yaml names."
    ),
    "not_signed_in": Known(401, "Not signed in", "Sign in and try again."),
    "forbidden": Known(403, "Not allowed", "This is not allowed from here."),
    "conflict": Known(
        422, "Used before with another request", "Make a new Idempotency-Key for a new request."
    ),
    "grant_still_active": Known(
        409,
        "The grant is still active",
        "State a deletion when the grant has ended, or of what it no longer has; a signal tells you.",
    ),
    "out_of_date": Known(409, "Not what is there now", "Look again, and decide about what is there then."),
    "overloaded": Known(
        503, "Too busy", "Try again after the seconds in Retry-After, with the same Idempotency-Key."
    ),
    "not_witnessed": Known(
        503,
        "Not witnessed yet",
        "The entry is made. Repeat the request after the seconds in Retry-After, with the same Idempotency-Key.",
    ),
    "log_frozen": Known(
        503, "The log takes no entries", "Nothing is given out without an entry. Turn to the operator."
    ),
    "clock_doubted": Known(
        503,
        "The clock is wrong",
        "Nothing is written until it is right again. Try again later, with the same Idempotency-Key.",
    ),
    "misconfigured": Known(503, "The service is not ready", "Turn to the operator."),
    "invalid_token": Known(
        401, "The token does not open this", "Get a new access token with the refresh token."
    ),
    "invalid_dpop_proof": Known(
        401, "The proof is not valid", "Make a new DPoP proof for this very request."
    ),
    "use_dpop_nonce": Known(
        401, "The proof needs a nonce", "Make a new proof with the nonce of the DPoP-Nonce header."
    ),
    "unknown_auditor": Known(
        401,
        "The auditor's token does not open this",
        "Ask the operator for a token for this organisation and period.",
    ),
    "unknown_operator": Known(
        401, "The operator's token does not open this", "Make a token with `consent operator token`."
    ),
    "operator_scope": Known(
        403, "The operator's token is for other acts", "Use a token that was made with this scope."
    ),
    "insufficient_scope": Known(
        403, "This token is of another kind", "Use the kind of token that openapi.yaml names."
    ),
    "insufficient_user_authentication": Known(
        401,
        "The citizen's sign-in is not enough for this",
        "Push a request with the acr_values and max_age of the challenge, and send her to answer it.",
    ),
    # Refusals: the door says no under a real grant.
    "grant_not_active": Known(401, "The grant is not active", _ASK_AGAIN),
    "other_client": Known(
        403, "The grant was given to another client", "Use the client that the citizen said yes to."
    ),
    "beyond_grant": Known(403, "Not granted", "Ask only for the attributes in the token response."),
    "too_often": Known(
        429, "More often than the purpose allows", "Use what you got today; try again tomorrow."
    ),
    "too_many_requests": Known(
        429, "Too many requests", "Wait the seconds in Retry-After; spread requests over the minute."
    ),
    "nothing_held": Known(409, "Nothing to give", "The citizen holds no value for this now. Ask her."),
    "values_changed": Known(409, "The values have changed", "Make a new request with a new Idempotency-Key."),
    "organisation_suspended": Known(403, "The organisation is suspended", "Turn to the operator."),
    "client_suspended": Known(403, "The client is suspended", "Turn to the operator."),
    "purpose_suspended": Known(403, "The purpose is suspended", "Turn to the operator."),
    "server_error": Known(500, "Something went wrong here", "Try again later with the same Idempotency-Key."),
}
# What a refusal is called on the wire where the word inside says more than an organisation should learn.
_REFUSALS = {"not_active": "grant_not_active"}

PROBLEM = "application/problem+json"
_CHALLENGED = frozenset({"invalid_token", "invalid_dpop_proof", "insufficient_scope", "use_dpop_nonce"})


def refused(description: str, *headers: str) -> Answer:
    """How a door declares that it may answer with a problem; *headers* are always there."""
    return Answer(description=description, media=PROBLEM, body=Problem, headers=headers)


def voice_of(path: str) -> Voice:
    """Which language of error an address speaks."""
    if path.startswith(("/oauth/", "/.well-known/", "/types/")):
        return "page" if path == "/oauth/authorize" else "oauth"
    if path.startswith("/operator/pages/"):
        return "page"
    if path in ("/disclosures", "/uses", "/grants", "/demands", "/livez", "/readyz") or path.startswith(
        (
            "/disclosures/", "/uses/", "/grants/", "/demands/", "/signals/", "/audit/", "/operator/",
            "/organisation/",
        )
    ):  # fmt: skip
        return "api"
    return "log" if path in ("/log", "/openapi.yaml") or path.startswith("/log/") else "page"


def refusal(reason: str, *, entry: Any = None, proof: str | None = None) -> tuple[int, dict[str, str], bytes]:
    """A no under a real grant, as status, headers and body; a retry's old entry and proof travel in the problem."""
    return problem(_REFUSALS.get(reason, reason), entry=entry, proof=proof)


def problem(
    code: str, detail: str = "", *, entry: Any = None, proof: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    """A problem by its code, as status, headers and body."""
    known = CODES[code]
    headers = {"content-type": PROBLEM, "cache-control": "no-store"}
    if known.status in (401, 403):
        word = {
            "grant_not_active": "invalid_token",
            "beyond_grant": "insufficient_scope",
            "unknown_auditor": "invalid_token",
            "unknown_operator": "invalid_token",
            "operator_scope": "insufficient_scope",
        }.get(code, code)
        if code in ("unknown_auditor", "unknown_operator", "operator_scope"):
            headers["www-authenticate"] = f'Bearer error="{word}"'  # RFC 6750 §3
        elif word in _CHALLENGED:
            headers["www-authenticate"] = (
                f'DPoP error="{word}", algs="{" ".join(ALGORITHMS)}"'  # RFC 9449 §7.1
            )
    if known.status in (429, 503):
        is_short = known.status == 503 and code != "log_frozen"
        headers["retry-after"] = "1" if is_short else "3600"
    body = Problem(
        status=known.status,
        code=code,
        title=known.title,
        detail=detail,
        next=known.next,
        entry=entry,
        proof=proof,
    )
    return known.status, headers, msgspec.json.encode(body)


def api_error(fault: Exception) -> tuple[int, dict[str, str], bytes]:
    """Whatever went wrong at the API, as status, headers and body."""
    if isinstance(fault, ConsentError):
        code = fault.code if fault.code in CODES else "bad_input"
        status, headers, body = problem(code, str(fault))
        if isinstance(fault, errors.UseDpopNonce):
            headers["dpop-nonce"] = fault.nonce  # RFC 9449 §9
        if isinstance(fault, errors.TooManyRequests):
            headers["retry-after"] = str(fault.wait)
        if isinstance(fault, errors.InsufficientUserAuthentication):
            headers["www-authenticate"] = _step_up(fault)
        if isinstance(fault, errors.NoToken):
            headers["www-authenticate"] = f'DPoP algs="{" ".join(ALGORITHMS)}"'  # RFC 6750 §3.1
        return status, headers, body
    if isinstance(fault, HTTPException):
        return problem(_http_code(fault.status_code))
    _log.error("unexpected", fault=type(fault).__name__)
    return problem("server_error")


def _step_up(fault: errors.InsufficientUserAuthentication) -> str:
    """What a request has to ask for (RFC 9470 §3)."""
    wanted = f'acr_values="{fault.acr}"'
    if fault.max_age is not None:
        wanted += f', max_age="{fault.max_age}"'
    return f'DPoP error="{fault.code}", {wanted}, algs="{" ".join(ALGORITHMS)}"'


def oauth_error(fault: Exception) -> tuple[int, dict[str, str], bytes]:
    """Whatever went wrong at an OAuth endpoint (RFC 6749 §5.2), as status, headers and body."""
    headers = {"content-type": "application/json", "cache-control": "no-store", "pragma": "no-cache"}
    status, code, text = 400, "invalid_request", ""
    if isinstance(fault, errors.OAuthError):
        code, text = fault.code, str(fault)
        if isinstance(fault, errors.InvalidClient):
            status = 401
        if isinstance(fault, errors.UseDpopNonce):
            headers["dpop-nonce"] = fault.nonce  # RFC 9449 §8
        if isinstance(fault, errors.InvalidToken):
            status = 401
            headers["www-authenticate"] = 'Bearer error="invalid_token"'  # RFC 6750 §3, RFC 7592 §2
    elif (
        isinstance(fault, errors.Overloaded | errors.Misconfigured)
        or getattr(fault, "code", "") == "log_frozen"
    ):
        status, code, text = 503, "temporarily_unavailable", "try again in a moment"
        headers["retry-after"] = "1"
    elif isinstance(fault, errors.TooManyRequests):
        # RFC 6585 §4; the error is one that OAuth has, for whoever reads only that.
        status, code, text = 429, "temporarily_unavailable", str(fault)
        headers["retry-after"] = str(fault.wait)
    elif isinstance(fault, errors.TooLarge):
        status, text = 413, str(fault)
    elif isinstance(fault, errors.Forbidden):
        status, code, text = 403, "access_denied", str(fault)  # RFC 7592 §2.3
    elif isinstance(fault, ConsentError):
        text = str(fault)
    elif isinstance(fault, HTTPException):
        status, text = fault.status_code, CODES[_http_code(fault.status_code)].title.lower()
    else:
        _log.error("unexpected", fault=type(fault).__name__)
        status, code, text = 500, "server_error", "something went wrong here"
    body = {"error": code} | ({"error_description": text} if text else {})
    return status, headers, msgspec.json.encode(body)


def page_error(fault: Exception) -> tuple[int, str]:
    """Whatever went wrong on a page: the status, and which of the honest pages to show."""
    if isinstance(fault, HTTPException):
        status = fault.status_code
    elif isinstance(fault, ConsentError):
        status = CODES[fault.code].status if fault.code in CODES else 400
    else:
        _log.error("unexpected", fault=type(fault).__name__)
        status = 500
    if status >= 500:
        stopped = getattr(fault, "code", "") in ("log_frozen", "clock_doubted")
        return status, "stopped" if stopped else "unavailable" if status == 503 else "wrong"
    if isinstance(fault, errors.InvalidRequestUri):
        return status, "dead_link"
    kinds = {401: "forbidden", 403: "forbidden", 404: "not_found", 405: "not_found", 429: "too_many"}
    return status, kinds.get(status, "not_understood")


def _http_code(status: int) -> str:
    codes = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}
    if status in codes:
        return codes[status]
    return "bad_input" if status < 500 else "server_error"
