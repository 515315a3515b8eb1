"""The citizen arrives and is sent back: the door's check and the two answers (RFC 6749 §4.1, RFC 9207)."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from consent.oauth.par import REQUEST_URI_PREFIX
from consent.words.errors import InvalidRequest, InvalidRequestUri

_REFERENCE = re.compile(r"[A-Za-z0-9_-]{43}")
_CLIENT_ID_LIMIT = 256
_ERROR = re.compile(r"[a-z_]{1,64}")


def request_uri(reference: str) -> str:
    """The request_uri of a pushed request (RFC 9126 §2.2); *reference* is a handle of 43 characters."""
    return REQUEST_URI_PREFIX + reference


def check_authorize(query: Mapping[str, str]) -> tuple[str, str]:
    """Which client and which pushed request the citizen comes with: (client_id, reference).

    All other parameters are ignored, for whoever made the link could have written them (FAPI 2.0 §5.3.2.2-3).
    Raises InvalidRequest without a pushed request, InvalidRequestUri when it cannot be one of ours. On both
    the citizen sees a page and is sent nowhere.
    """
    client_id = query.get("client_id")
    if client_id is None or len(client_id) > _CLIENT_ID_LIMIT:
        raise InvalidRequest("client_id is missing or malformed")
    uri = query.get("request_uri")
    if uri is None:
        raise InvalidRequest("request_uri is missing: push the request first")
    reference = uri.removeprefix(REQUEST_URI_PREFIX)
    # Only names that we gave out ourselves: nothing is ever fetched from an address in a request.
    if reference == uri or not _REFERENCE.fullmatch(reference):
        raise InvalidRequestUri("request_uri is not one that we gave out")
    return client_id, reference


def success_redirect(redirect_uri: str, *, code: str, state: str | None, issuer: str) -> str:
    """Where the citizen goes after yes (RFC 6749 §4.1.2); `iss` stops mix-up attacks (RFC 9207 §2).

    *redirect_uri* comes from the stored pushed request, never from the browser.
    """
    return _with_parameters(redirect_uri, {"code": code, "state": state, "iss": issuer})


def error_redirect(redirect_uri: str, *, error: str, state: str | None, issuer: str) -> str:
    """Where the citizen goes after no, or when it cannot be done (RFC 6749 §4.1.2.1, RFC 9207 §2).

    *error* is a registered code, such as "access_denied". Raises ValueError on another form.
    """
    if not _ERROR.fullmatch(error):
        raise ValueError("not an error code")
    return _with_parameters(redirect_uri, {"error": error, "state": state, "iss": issuer})


def signed_redirect(redirect_uri: str, *, response: str) -> str:
    """Where the citizen goes with an answer that is signed; nothing stands beside it (JARM §2.3.1)."""
    return _with_parameters(redirect_uri, {"response": response})


def _with_parameters(uri: str, parameters: Mapping[str, str | None]) -> str:
    # RFC 6749 §3.1.2: a query that was registered stays as it is.
    added = "&".join(
        f"{name}={quote(value, safe='')}" for name, value in parameters.items() if value is not None
    )
    if "?" not in uri:
        return f"{uri}?{added}"
    return f"{uri}{added}" if uri.endswith(("?", "&")) else f"{uri}&{added}"
