"""A page with every error that a program of an organisation can meet, each at an address of its own: `/errors#code`."""

from litestar import Response, get

from .errors import CODES, Known
from .guard import Visit, page
from .page_doors import shows

_OURS = "Correct the request; the description says what is wrong with it."

# What RFC 6749 and its companions call errors, and what to do. docs/reference/errors.md says where each is defined.
OAUTH_CODES: dict[str, Known] = {
    "invalid_request": Known(400, "The request is not as the profile wants it", _OURS),
    "invalid_client": Known(
        401,
        "The client assertion does not prove who asks",
        "Sign a new one for each request: `aud` is the issuer, `exp` at most a minute away, with a key that holds.",
    ),
    "invalid_grant": Known(
        400,
        "The code or refresh token does not work",
        "A code lives a minute, works once, and needs its own verifier and address. After a stop, ask again.",
    ),
    "unauthorized_client": Known(
        400, "This client may not do this", "Use a client that the operator approved for it."
    ),
    "unsupported_grant_type": Known(
        400, "No such grant type here", "Use one of those that the metadata of the service names."
    ),
    "unsupported_response_type": Known(400, "No such response type here", "Use `code`."),
    "invalid_authorization_details": Known(
        400,
        "The question is not one that was approved",
        "Name an approved purpose and version, attributes of it, and a duration within its limit.",
    ),
    "invalid_target": Known(400, "No such resource here", "Leave `resource` out, or name this service."),
    "invalid_request_uri": Known(
        400, "The pushed request is over or unknown", "Push a new one: it lives ten minutes and is used once."
    ),
    "invalid_request_object": Known(
        400, "The signed request is not right", "Sign all parameters anew, for this service."
    ),
    "invalid_grant_id": Known(400, "No such grant of this client", "Ask again without `grant_id`."),
    "invalid_client_metadata": Known(
        400, "The registration has a fault", "Correct the field that the description names."
    ),
    "invalid_redirect_uri": Known(
        400, "An address for the answer cannot be used", "Register whole https addresses of your own."
    ),
    "unmet_authentication_requirements": Known(
        400, "Her sign-in was not enough", "Ask again, or ask for less: she could not sign in as you wanted."
    ),
    "temporarily_unavailable": Known(
        503, "Not now", "Try again after the seconds in Retry-After, with new proofs."
    ),
    "access_denied": Known(
        400, "The citizen said no", "Nothing is wrong. Offer the other way that your purpose names."
    ),
}


@get(
    "/errors",
    opt=shows(
        "showErrors",
        "What each error code means, and what to do",
        or_else=(),
        signed_in=False,
        tag="organisation",
    ),
)
async def show(request: Visit) -> Response[str]:
    """All codes. They are for whoever writes programs, so their words are English."""
    return await page(request, "error_codes.html", codes=CODES, oauth=OAUTH_CODES)


HANDLERS = (show,)
