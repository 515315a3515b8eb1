"""The one resource whose tokens are given here: what an organisation can read about it, and how it may name it."""

from collections.abc import Mapping
from typing import Any

from consent.oauth import jose
from consent.oauth.batches import batch_type
from consent.oauth.metadata import DOCUMENTATION_PATH
from consent.words.errors import InvalidTarget
from consent.words.purposes import request_type

RESOURCE_PATH = "/.well-known/oauth-protected-resource"  # RFC 9728 §3


def protected_resource(issuer: str, *, documentation: str | None = None) -> dict[str, Any]:
    """The metadata of the API of *issuer* (RFC 9728 §2): whoever finds the API finds out where its tokens come from."""
    return {
        "resource": issuer,
        "authorization_servers": [issuer],
        "bearer_methods_supported": ["header"],  # FAPI 2.0 §5.3.4-1
        "dpop_bound_access_tokens_required": True,
        "dpop_signing_alg_values_supported": list(jose.ALGORITHMS),
        "authorization_details_types_supported": [request_type(issuer), batch_type(issuer)],
        "resource_documentation": documentation or issuer + DOCUMENTATION_PATH,
    }


def check_resource(form: Mapping[str, str], *, issuer: str) -> None:
    """Check for what a client says its token is meant: the API of *issuer*, or nothing said (RFC 8707 §2).

    Named often or once, it is the same token. Raises InvalidTarget for anything else: a token of ours must not be
    taken to somebody who would try it on us.
    """
    for one in form.get("resource", "").split():
        if (
            one.removesuffix("/") != issuer
        ):  # RFC 3986 §6.2.3: without a path and with an empty one is the same
            raise InvalidTarget("the only resource here is the issuer")
