"""An organisation throws a token away (RFC 7009). The citizen's grant stays: ending that is hers."""

from collections.abc import Mapping

import msgspec

from consent.oauth.token import Token
from consent.words.errors import InvalidRequest


class Revocation(msgspec.Struct, frozen=True, kw_only=True):
    """What dies: the token with this hash and, if *code* is given, all that came from the same code."""

    hash: bytes
    code: bytes | None


def check_revocation_form(form: Mapping[str, str]) -> str:
    """The token to throw away; a hint about its kind is ignored (RFC 7009 §2.1). Raises InvalidRequest."""
    token = form.get("token")
    if token is None:
        raise InvalidRequest("token is missing")
    return token


def revocation(token: Token | None, *, client_id: str) -> Revocation | None:
    """What *client_id* ends by handing in *token*; None when nothing changes.

    Unknown, foreign and already dead tokens look alike to the caller: success without effect (RFC 7009
    §2.2; we do not tell a stranger that a token exists). A refresh token takes its access tokens along
    (§2.1).
    """
    if token is None or token.client != client_id or token.revoked_at is not None:
        return None
    return Revocation(hash=token.hash, code=token.code if token.kind == "refresh" else None)
