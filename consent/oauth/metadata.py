"""What a client can read about this server before it writes a line of code (RFC 8414)."""

from typing import Any

from authlib.oauth2 import rfc8414, rfc9207  # type: ignore[import-untyped]

from consent.oauth import jarm, jose
from consent.oauth.batches import batch_type
from consent.oauth.step_up import ACR_VALUES
from consent.words.errors import Misconfigured
from consent.words.purposes import request_type

METADATA_PATH = "/.well-known/oauth-authorization-server"  # RFC 8414 §3
PAR_PATH = "/oauth/par"
AUTHORIZE_PATH = "/oauth/authorize"
TOKEN_PATH = "/oauth/token"  # noqa: S105
INTROSPECT_PATH = "/oauth/introspect"
REVOKE_PATH = "/oauth/revoke"
REGISTER_PATH = "/oauth/register"
JWKS_PATH = "/oauth/jwks"
GRANTS_PATH = "/grants"
DOCUMENTATION_PATH = "/docs"


def metadata(issuer: str, *, service_documentation: str | None = None) -> dict[str, Any]:
    """The metadata document of *issuer* (an origin without a slash at the end).

    There are no scopes: what may be asked is in authorization_details.
    """
    authentication = ["private_key_jwt"]  # FAPI 2.0 §5.3.2.1-6
    algorithms = list(jose.ALGORITHMS)
    return {
        "issuer": issuer,
        "authorization_endpoint": issuer + AUTHORIZE_PATH,
        "token_endpoint": issuer + TOKEN_PATH,
        "pushed_authorization_request_endpoint": issuer + PAR_PATH,  # RFC 9126 §5
        "require_pushed_authorization_requests": True,
        "introspection_endpoint": issuer + INTROSPECT_PATH,
        "revocation_endpoint": issuer + REVOKE_PATH,
        "registration_endpoint": issuer + REGISTER_PATH,  # RFC 7591 §3
        "jwks_uri": issuer + JWKS_PATH,
        "service_documentation": service_documentation or issuer + DOCUMENTATION_PATH,
        "acr_values_supported": list(ACR_VALUES),  # RFC 9470 §7
        "ui_locales_supported": ["nl", "en"],
        "response_types_supported": ["code"],
        "response_modes_supported": list(jarm.MODES),
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": authentication,
        "token_endpoint_auth_signing_alg_values_supported": algorithms,
        "introspection_endpoint_auth_methods_supported": authentication,
        "introspection_endpoint_auth_signing_alg_values_supported": algorithms,
        "revocation_endpoint_auth_methods_supported": authentication,
        "revocation_endpoint_auth_signing_alg_values_supported": algorithms,
        "dpop_signing_alg_values_supported": algorithms,  # RFC 9449 §5.1
        "request_object_signing_alg_values_supported": algorithms,  # RFC 9101 §10.5
        "require_signed_request_object": False,  # not of everybody: each client chooses
        "authorization_signing_alg_values_supported": [jarm.ALGORITHM],  # JARM §4
        "introspection_signing_alg_values_supported": [jarm.ALGORITHM],  # RFC 9701 §7
        "authorization_details_types_supported": [request_type(issuer), batch_type(issuer)],  # RFC 9396 §10
        "protected_resources": [issuer],  # RFC 9728 §4
        # Grant Management for OAuth 2.0
        "grant_management_endpoint": issuer + GRANTS_PATH,
        "grant_management_actions_supported": ["create", "merge", "query", "replace", "revoke", "update"],
        "authorization_response_iss_parameter_supported": True,  # RFC 9207 §3
    }


def check_metadata(document: dict[str, Any]) -> None:
    """Check a metadata document at start-up, before a client trips over it. Raises Misconfigured.

    Beyond RFC 8414 (which Authlib knows): every address is below the issuer (§3.3: else a client must not
    use it).
    """
    try:
        rfc8414.AuthorizationServerMetadata(document).validate(
            metadata_classes=[rfc9207.AuthorizationServerMetadata]
        )
    except ValueError:
        raise Misconfigured("the issuer does not give a valid OAuth metadata document") from None
    issuer = document["issuer"]
    if issuer.endswith("/"):
        raise Misconfigured("the issuer has no slash at the end")
    for name, value in document.items():
        if (name.endswith("_endpoint") or name == "jwks_uri") and not value.startswith(issuer + "/"):
            raise Misconfigured("an OAuth endpoint is not below the issuer")
