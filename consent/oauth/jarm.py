"""An answer that the citizen's browser carries back signed: nobody on the way can change or invent it (JARM)."""

from collections.abc import Mapping
from typing import Any, Literal

from consent.oauth.clients import Client
from consent.words.errors import InvalidRequest
from consent.words.instants import SECOND, seconds

# JARM §2.1: short, for it is read at once; the code in it lives a minute.
LIFE = 120 * SECOND
ALGORITHM = "ES256"
TYPE = "JWT"
# For a code, "jwt" stands for "query.jwt" (JARM §2.3.4).
MODES: dict[str, Literal["query", "jwt"]] = {"query": "query", "jwt": "jwt", "query.jwt": "jwt"}


def check_response_mode(form: Mapping[str, str], client: Client) -> Literal["query", "jwt"]:
    """How the answer to a pushed *form* goes back: as it is, or signed. Raises InvalidRequest.

    A client that registered an algorithm gets every answer signed (JARM §3), so it cannot be talked into another.
    """
    is_always_signed = bool(client.settings.authorization_signed_response_alg)
    mode = MODES.get(form.get("response_mode", "jwt" if is_always_signed else "query"))
    if mode is None:
        raise InvalidRequest(f"response_mode is one of: {', '.join(MODES)}")
    if is_always_signed and mode != "jwt":
        raise InvalidRequest("this client takes signed answers only")
    return mode


def response_claims(answer: Mapping[str, str | None], *, issuer: str, client: str, at: int) -> dict[str, Any]:
    """What is signed: the parameters of *answer* that are there, from whom, for whom, and until when (JARM §2.1)."""
    about = {"iss": issuer, "aud": client, "exp": seconds(at + LIFE)}
    return {name: value for name, value in answer.items() if value is not None} | about
