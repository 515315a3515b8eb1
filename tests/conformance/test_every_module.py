"""Each module of the OpenID Foundation's FAPI 2.0 plans that is not regional has a test of its name, and one only.

`fapi2-security-profile-final-test-plan` and `fapi2-message-signing-final-test-plan`, with private_key_jwt, DPoP,
authorization_request_type rar and plain OAuth. In a name, "-" became "_" and the common beginning was left out.
What the modules check of TLS is the proxy's; see how to run behind one.
"""

import ast
from collections import Counter
from pathlib import Path


def words(text: str) -> list[str]:
    return text.split()


MODULES = words(
    """
discovery-end-point-verification happy-flow user-rejects-authentication
ensure-authorization-request-without-state-success ensure-authorization-request-without-nonce-success
ensure-authorization-request-with-64-char-nonce-success ensure-authorization-request-with-long-nonce
ensure-authorization-request-with-long-state ensure-other-scope-order-succeeds test-claims-parameter-identity-claims
access-token-type-header-case-sensitivity refresh-token

check-dpop-proof-nbf-exp ensure-dpopproof-with-iat-10seconds-before-succeeds
ensure-dpopproof-with-iat-10seconds-after-succeeds ensure-mismatched-dpop-jkt-fails
ensure-token-endpoint-fails-with-mismatched-dpop-jkt ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt
ensure-dpopproof-at-par-endpoint-binding-success ensure-dpop-auth-code-binding-success dpop-negative-tests
ensure-holder-of-key-required

par-attempt-reuse-request_uri par-ensure-reused-request-uri-prior-to-auth-completion-succeeds
par-attempt-to-use-expired-request_uri par-attempt-to-use-request_uri-for-different-client
par-attempt-invalid-http-method par-authorization-request-containing-request_uri
par-authorization-request-containing-request_uri-form-param par-without-duplicate-parameters
par-test-array-as-audience-fails par-test-par-endpoint-url-as-audience-fails
par-test-token-endpoint-url-as-audience-fails
par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted
par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails
ensure-unsigned-authorization-request-without-using-par-fails ensure-registered-redirect-uri
plain-fapi-tolerate-unregistered-redirect-uri ensure-redirect-uri-in-authorization-request
ensure-response-type-code-idtoken-fails ensure-response-type-token-fails
state-only-outside-request-object-not-used ensure-different-state-inside-and-outside-request-object
ensure-different-nonce-inside-and-outside-request-object

par-ensure-pkce-required par-plain-pkce-rejected ensure-pkce-code-verifier-required
incorrect-pkce-code-verifier-rejected

ensure-authorization-code-is-bound-to-client ensure-client-id-in-token-endpoint
attempt-reuse-authorization-code-after-one-second ensure-token-endpoint-fails-with-expired-auth-code

ensure-signed-client-assertion-with-RS256-fails ensure-client-assertion-in-token-endpoint
ensure-client-assertion-with-exp-is-5-minutes-in-past-fails ensure-client-assertion-with-wrong-aud-fails
ensure-client-assertion-with-no-sub-fails

ensure-request-object-with-multiple-aud-succeeds
ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted ensure-request-object-without-exp-fails
ensure-request-object-without-nbf-fails ensure-expired-request-object-fails
ensure-request-object-with-bad-aud-fails ensure-request-object-with-exp-over-60-fails
ensure-request-object-with-nbf-over-60-fails ensure-signed-request-object-with-RS256-fails
ensure-request-object-signature-algorithm-is-not-none ensure-request-object-with-invalid-signature-fails
ensure-matching-key-in-authorization-request ensure-unsigned-request-at-par-endpoint-fails
ensure-request-object-without-redirect-uri-fails
"""
)


def test_each_module_has_a_test_of_its_name() -> None:
    written = Counter(
        node.name
        for file in Path(__file__).parent.glob("test_*.py")
        for node in ast.parse(file.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    )
    wanted = {f"test_{module.replace('-', '_')}" for module in MODULES}
    assert len(wanted) == len(MODULES) == 71
    assert {name: written[name] for name in wanted if written[name] != 1} == {}
