"""Codes and tokens: what they are, and when one works. They are random handles; we keep only their hashes.

A token holds no rights of its own. It points at a grant, and the grant is asked each time.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from consent.oauth import base64url, pkce
from consent.words.errors import (
    InvalidDpopProof,
    InvalidGrant,
    InvalidRequest,
    InvalidToken,
    UnsupportedGrantType,
)

HANDLE_BYTES = 32  # 256 bits of chance; FAPI 2.0 §5.4.1 asks for 128

_NEEDS_NONCE = "~n"  # RFC 6750 §2.1 allows the sign, and base64url does not use it
_HANDLE = re.compile(r"[A-Za-z0-9_-]{43}")


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """An authorization code as it is stored. Instants are microseconds."""

    hash: bytes
    request: str  # the pushed request that it answers
    grant: str
    client: str
    redirect_uri: str
    code_challenge: str
    jkt: str | None  # the key that it is bound to (RFC 9449 §10)
    expires_at: int
    used_at: int | None


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it is stored. Instants are microseconds."""

    hash: bytes
    kind: Literal["access", "refresh", "client", "batch"]
    client: str
    grant: str | None  # None for a token of the client itself
    jkt: str  # the key that proved the request for it
    issued_at: int
    expires_at: int
    revoked_at: int | None
    code: bytes | None  # hash of the code that it came from: what falls together


class CodeExchange(msgspec.Struct, frozen=True, kw_only=True):
    """grant_type=authorization_code (RFC 6749 §4.1.3)."""

    code: str
    redirect_uri: str | None  # OAuth 2.1 leaves it out; whoever sends it must send the right one
    verifier: str


class Refresh(msgspec.Struct, frozen=True, kw_only=True):
    """grant_type=refresh_token (RFC 6749 §6)."""

    refresh_token: str


class ClientCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """grant_type=client_credentials (RFC 6749 §4.4)."""

    details: str | None = None  # authorization_details, JSON text as it came (RFC 9396 §6)


def handle_from(chance: bytes) -> str:
    """Make a handle (43 characters) of 32 random bytes. Raises ValueError on another length."""
    if len(chance) != HANDLE_BYTES:
        raise ValueError("a handle is made of 32 random bytes")
    return base64url.encode(chance)


def access_handle(chance: bytes, *, needs_nonce: bool) -> str:
    """An access token of 32 random bytes. *needs_nonce*: it says itself that each proof with it holds a nonce.

    So the door knows before it looks anything up. The mark cannot be taken off: without it, it is another token.
    """
    return handle_from(chance) + (_NEEDS_NONCE if needs_nonce else "")


def needs_nonce(token: str) -> bool:
    """Answer whether proofs that come with the access token *token* hold a nonce (RFC 9449 §9)."""
    return token.endswith(_NEEDS_NONCE)


def handle_hash(handle: str) -> bytes:
    """What is stored and looked up instead of *handle*: its SHA-256, 32 bytes.

    Unsalted and quick on purpose: 256 random bits cannot be guessed, and the hash is the key of the table.
    """
    return hashlib.sha256(handle.encode("utf-8")).digest()


def check_token_form(form: Mapping[str, str]) -> CodeExchange | Refresh | ClientCredentials:
    """Read a token request. Raises InvalidRequest, InvalidGrant, UnsupportedGrantType."""
    match form.get("grant_type"):
        case None:
            raise InvalidRequest(
                "grant_type is missing; send authorization_code, refresh_token or client_credentials"
            )
        case "authorization_code":
            # FAPI 2.0 §5.3.2.2-5: without a verifier the code was perhaps stolen.
            verifier = form.get("code_verifier")
            if verifier is None:
                raise InvalidGrant("code_verifier is missing; send the one that code_challenge was made of")
            return CodeExchange(
                code=_handle(form, "code"), redirect_uri=form.get("redirect_uri"), verifier=verifier
            )
        case "refresh_token":
            return Refresh(refresh_token=_handle(form, "refresh_token"))
        case "client_credentials":
            return ClientCredentials(details=form.get("authorization_details"))
        case _:
            raise UnsupportedGrantType(
                "grant_type is one of: authorization_code, refresh_token, client_credentials"
            )


def check_code(code: Code | None, exchange: CodeExchange, *, client_id: str, jkt: str, at: int) -> Code:
    """Check that *client_id* may exchange the stored *code* now, and give it back.

    *jkt*: the key of the DPoP proof that came along. Raises InvalidGrant with the first rule that fails
    (RFC 6749 §4.1.3 and §5.2, RFC 7636 §4.6, RFC 9449 §10). The caller marks the code as used in the same
    transaction.
    """
    if code is None or code.client != client_id:  # another's code is no more known to you than a guessed one
        raise InvalidGrant("the code is unknown; ask the citizen again")
    if code.used_at is not None:
        raise InvalidGrant("the code has been used, and what came of it is dead; ask the citizen again")
    if at >= code.expires_at:
        raise InvalidGrant("the code has expired; exchange it within a minute, and ask the citizen again")
    if exchange.redirect_uri is not None and exchange.redirect_uri != code.redirect_uri:
        raise InvalidGrant("redirect_uri is not the one of the request; send the same or leave it out")
    pkce.check_verifier(exchange.verifier, code.code_challenge)
    if code.jkt is not None and not _same(code.jkt, jkt):
        raise InvalidGrant("the code is bound to another key; prove with the one of the pushed request")
    return code


def is_reused(code: Code | None, *, client_id: str) -> bool:
    """Answer whether a client offers its own code again: then all that came from it falls (RFC 6749 §4.1.2).

    Offered by another client it only fails: a stranger cannot end somebody's access with a leaked code.
    """
    return code is not None and code.client == client_id and code.used_at is not None


def held_to(token: Token, *, until: int) -> Token:
    """*token* as its grant, which ends at instant *until*, has it now.

    A grant can be changed after its tokens were made: the refresh token lives as long as it does, an access token never
    longer.
    """
    ends = until if token.kind == "refresh" else min(token.expires_at, until)
    return msgspec.structs.replace(token, expires_at=ends)


def check_refresh(token: Token | None, *, client_id: str, jkt: str, at: int) -> Token:
    """Check that *client_id* may refresh with *token* now, and give it back. Raises InvalidGrant.

    The token is bound to the client, who has just proved to be itself, and not to a key: a new key is fine,
    and the new access token is bound to *jkt* (RFC 9449 §5). It is not rotated (FAPI 2.0 §5.3.2.1-9).
    """
    if not jkt:
        raise InvalidDpopProof(
            "a token request needs a proof"
        )  # the new access token would be bound to nothing
    if token is None or token.kind != "refresh" or token.client != client_id:
        raise InvalidGrant("the refresh token is unknown; ask the citizen again")
    if token.revoked_at is not None:
        raise InvalidGrant("the refresh token has been revoked; ask the citizen again")
    if at >= token.expires_at:
        raise InvalidGrant("the refresh token has expired with its grant; ask the citizen again")
    return token


def check_access(token: Token | None, *, jkt: str, at: int) -> Token:
    """Check that *token* opens the API now for whoever holds the key *jkt*, and give it back.

    RFC 6750 §3.1, RFC 9449 §7.1, FAPI 2.0 §5.3.4. Raises InvalidToken, with one text for everything that the
    holder of a wrong token should not learn. Whether its grant is live is asked elsewhere, under the same
    lock.
    """
    if token is None or token.kind == "refresh" or not _same(token.jkt, jkt):
        raise InvalidToken("the token is unknown or bound to another key")
    if token.revoked_at is not None or at >= token.expires_at:
        raise InvalidToken("the token is no longer valid")
    return token


def _handle(form: Mapping[str, str], name: str) -> str:
    value = form.get(name)
    if value is None:
        raise InvalidRequest(f"{name} is missing")
    if not _HANDLE.fullmatch(value):
        raise InvalidGrant(f"{name} is not one that we gave out")
    return value


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8"), other.encode("utf-8"))
