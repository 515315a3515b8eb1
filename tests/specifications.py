"""What the service does of each OAuth specification, in one sentence, and the test that shows it.

The rest of the page follows from the code; `tests/reference_pages.py` writes it.
"""

from typing import Literal, NamedTuple

Status = Literal["yes", "in part", "no"]


class Support(NamedTuple):
    """One row of the page."""

    status: Status
    says: str
    test: str = ""  # below tests/


SUPPORT: dict[str, Support] = {
    "RFC 6749": Support(
        "in part", "The code, refresh and client ways; no implicit, no password", "oauth/test_token.py"
    ),
    "RFC 6750": Support(
        "in part",
        "Its error codes and challenges; bearer tokens of clients are refused",
        "web/test_bad_bodies.py",
    ),
    "RFC 7009": Support(
        "yes", "Refresh and access tokens; the grant goes on", "oauth/test_introspect_and_revoke.py"
    ),
    "RFC 7517": Support(
        "yes", "The service's own key set, and clients' by value or address", "web/test_jwks_uri.py"
    ),
    "RFC 7521": Support(
        "in part", "As a way to authenticate a client, not as a grant", "conformance/test_assertion.py"
    ),
    "RFC 7523": Support("in part", "`private_key_jwt`; not as a grant", "attacks/test_assertions.py"),
    "RFC 7591": Support(
        "yes", "With an initial access token; an operator approves", "attacks/test_registration.py"
    ),
    "RFC 7592": Support(
        "yes", "Read, change, remove; what matters waits for an operator", "oauth/test_registration.py"
    ),
    "RFC 7636": Support("in part", "S256 and nothing else, of everybody", "attacks/test_pkce_downgrade.py"),
    "RFC 7662": Support("yes", "For a client about its own tokens", "oauth/test_introspect_and_revoke.py"),
    "RFC 8252": Support(
        "in part", "Loopback addresses with any port; clients are never public", "oauth/test_clients.py"
    ),
    "RFC 8414": Support("yes", "Checked at each start", "oauth/test_metadata.py"),
    "RFC 8417": Support("yes", "An event when a grant or its data changes", "oauth/test_signals.py"),
    "RFC 8628": Support("no", "No device flow: a citizen answers in her own browser"),
    "RFC 8705": Support("no", "No mutual TLS: keys are shown by DPoP and `private_key_jwt`"),
    "RFC 8707": Support("in part", "`resource` may name the one API that there is", "web/test_resource.py"),
    "RFC 8725": Support(
        "yes", "Algorithms, types and audiences by our list", "attacks/test_algorithm_confusion.py"
    ),
    "RFC 8935": Support("yes", "Pushed, tried again, acknowledged", "oauth/test_signals.py"),
    "RFC 8936": Support("no", "No poll: signals are pushed"),
    "RFC 9068": Support("no", "Access tokens are opaque, so a stop ends them at once"),
    "RFC 9101": Support(
        "in part",
        "At the pushed request, signed; no `request_uri` of a client, no encryption",
        "oauth/test_jar.py",
    ),
    "RFC 9126": Support("yes", "The only way to ask", "attacks/test_request_uri_swap.py"),
    "RFC 9207": Support("yes", "`iss` in every answer", "attacks/test_mix_up.py"),
    "RFC 9396": Support(
        "yes", "One type, one element a request, with a published JSON Schema", "web/test_request_type.py"
    ),
    "RFC 9449": Support(
        "yes", "Of every token; nonces for whoever wants them", "attacks/test_proof_replay.py"
    ),
    "RFC 9470": Support(
        "yes", "A better or younger sign-in, asked at the pushed request", "attacks/test_stale_sign_in.py"
    ),
    "RFC 9493": Support(
        "in part", "Opaque subjects: the grant, nothing that names a person", "oauth/test_signals.py"
    ),
    "RFC 9562": Support(
        "in part", "The instant in front, as in version 7; without version and variant", "words/test_ids.py"
    ),
    "RFC 9700": Support("yes", "A file for each attack", "attacks/test_open_redirect.py"),
    "RFC 9701": Support("in part", "Signed; not encrypted", "acts/test_signed_answers.py"),
    "RFC 9728": Support("yes", "Where the API's tokens come from", "web/test_resource.py"),
    "RFC 9864": Support("in part", "Ed25519 under its new name and its old one", "oauth/test_jose.py"),
    "FAPI 2.0": Support(
        "in part", "With DPoP and `private_key_jwt`; not with mutual TLS", "conformance/test_happy.py"
    ),
    "FAPI 2.0 Message Signing": Support(
        "yes",
        "Requests, answers and introspection, for whoever chooses them",
        "conformance/test_message_signing.py",
    ),
    "JARM": Support(
        "in part", "In the query, signed; not as a fragment or form, not encrypted", "oauth/test_jarm.py"
    ),
    "Grant Management for OAuth 2.0": Support(
        "in part", "All actions; an ended grant stays readable (decision 13)", "attacks/test_changes.py"
    ),
    "CIBA": Support("no", "No request without the citizen's browser"),
}
