"""What can go wrong, as one short tree. HTTP is known only in `web/errors.py`.

    ConsentError
    ├── NotFound                 foreign, unknown and erased look alike
    ├── BadInput                 what was sent cannot be read; nothing changed
    │   └── TooLarge
    ├── NotSignedIn, Forbidden
    ├── UnknownOperator, WrongScope
    ├── Conflict                 same Idempotency-Key with another body; a page that is out of date
    ├── NotReached               an address of somebody else gave no answer that we can use
    ├── StillActive              a statement about a grant that has not ended
    ├── OrganisationSuspended
    ├── OutOfDate                what was looked at is not what is there now
    ├── Overloaded               the queue is full; try again later
    ├── NotWitnessed             the entry is there, its witnesses have not signed it yet
    ├── TooManyRequests          one caller asks more often in a minute than anybody may
    ├── Misconfigured            the operator has to mend something before the service starts
    └── OAuthError               RFC 6749 §5.2 and its extensions, with their registered codes

`code` goes over the wire. The text is for the developer who called: it names the rule that was broken and never
repeats what was sent.
"""


class ConsentError(Exception):
    """The root: whatever the service says no to in a known way."""

    code = "error"


class NotFound(ConsentError):
    code = "not_found"


class BadInput(ConsentError):
    code = "bad_input"


class TooLarge(BadInput):
    code = "too_large"


class NotSignedIn(ConsentError):
    code = "not_signed_in"


class Forbidden(ConsentError):
    code = "forbidden"


class AccountClosing(Forbidden):
    """Everything of this citizen is being erased: until it is final she can look at that, or take it back."""


class UnknownOperator(ConsentError):
    code = "unknown_operator"


class WrongScope(ConsentError):
    code = "operator_scope"


class Conflict(ConsentError):
    code = "conflict"


class StillActive(ConsentError):
    """What is asked belongs after the end of a grant, and this one has not ended."""

    code = "grant_still_active"


class OrganisationSuspended(ConsentError):
    code = "organisation_suspended"


class OutOfDate(ConsentError):
    code = "out_of_date"


class Overloaded(ConsentError):
    code = "overloaded"


class NotWitnessed(ConsentError):
    """The entry stands, and its witnesses have not signed in time; a retry with the same key asks again."""

    code = "not_witnessed"


class TooManyRequests(ConsentError):
    """The caller's allowance is used up; *wait* is how many seconds until there is a new one."""

    code = "too_many_requests"

    def __init__(self, text: str, wait: int) -> None:
        super().__init__(text)
        self.wait = wait


class NotReached(ConsentError):
    code = "not_reached"


class Misconfigured(ConsentError):
    code = "misconfigured"


class OAuthError(ConsentError):
    """An error that OAuth names. Subclasses carry the registered code."""

    code = "invalid_request"


class InvalidRequest(OAuthError):
    code = "invalid_request"  # RFC 6749 §5.2


class InvalidClient(OAuthError):
    code = "invalid_client"  # RFC 6749 §5.2


class InvalidGrant(OAuthError):
    code = "invalid_grant"  # RFC 6749 §5.2


class UnauthorizedClient(OAuthError):
    code = "unauthorized_client"  # RFC 6749 §5.2


class UnsupportedGrantType(OAuthError):
    code = "unsupported_grant_type"  # RFC 6749 §5.2


class UnsupportedResponseType(OAuthError):
    code = "unsupported_response_type"  # RFC 6749 §4.1.2.1


class InvalidAuthorizationDetails(OAuthError):
    code = "invalid_authorization_details"  # RFC 9396 §5


class InvalidTarget(OAuthError):
    code = "invalid_target"  # RFC 8707 §2


class InvalidRequestUri(OAuthError):
    code = "invalid_request_uri"  # RFC 9101 §7


class InvalidRequestObject(OAuthError):
    code = "invalid_request_object"  # RFC 9101 §7


class InvalidGrantId(OAuthError):
    code = "invalid_grant_id"  # Grant Management for OAuth 2.0


class InvalidClientMetadata(OAuthError):
    code = "invalid_client_metadata"  # RFC 7591 §3.2.2


class InvalidRedirectUri(OAuthError):
    code = "invalid_redirect_uri"  # RFC 7591 §3.2.2


class InvalidDpopProof(OAuthError):
    code = "invalid_dpop_proof"  # RFC 9449 §5


class UseDpopNonce(OAuthError):
    """The proof needs a nonce of ours; *nonce* is one (not a secret: it only says when it was made)."""

    code = "use_dpop_nonce"  # RFC 9449 §8

    def __init__(self, text: str, nonce: str) -> None:
        super().__init__(text)
        self.nonce = nonce


class InvalidToken(OAuthError):
    code = "invalid_token"  # RFC 6750 §3.1


class NoToken(InvalidToken):
    """The request brings no token at all; RFC 6750 §3.1: then the challenge names no error."""


class InsufficientScope(OAuthError):
    code = "insufficient_scope"  # RFC 6750 §3.1


class UnmetAuthentication(OAuthError):
    code = "unmet_authentication_requirements"  # RFC 9470 §5


class InsufficientUserAuthentication(OAuthError):
    """She did not sign in well or lately enough for this; *acr* and *max_age* (seconds) are what to ask for."""

    code = "insufficient_user_authentication"  # RFC 9470 §3

    def __init__(self, text: str, *, acr: str, max_age: int | None) -> None:
        super().__init__(text)
        self.acr = acr
        self.max_age = max_age
