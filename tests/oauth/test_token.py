"""When a code, a refresh token and an access token work."""

import hashlib
from typing import Any

import msgspec
import pytest

from consent.oauth.token import (
    ClientCredentials,
    Code,
    CodeExchange,
    Refresh,
    Token,
    check_access,
    check_code,
    check_refresh,
    check_token_form,
    handle_from,
    handle_hash,
    is_reused,
)
from consent.words.errors import (
    InvalidDpopProof,
    InvalidGrant,
    InvalidRequest,
    InvalidToken,
    UnsupportedGrantType,
)
from consent.words.instants import SECOND

from .actors import EC, EC_OTHER, NOON, REDIRECT

HANDLE = handle_from(bytes(range(32)))
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
JKT, OTHER_JKT = EC.thumbprint(), EC_OTHER.thumbprint()

CODE = Code(
    hash=handle_hash(HANDLE),
    request="request-1",
    grant="grant-1",
    client="bank-app",
    redirect_uri=REDIRECT,
    code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    jkt=JKT,
    expires_at=NOON + 60 * SECOND,
    used_at=None,
)
EXCHANGE = CodeExchange(code=HANDLE, redirect_uri=REDIRECT, verifier=VERIFIER)
ACCESS = Token(
    hash=handle_hash(HANDLE),
    kind="access",
    client="bank-app",
    grant="grant-1",
    jkt=JKT,
    issued_at=NOON,
    expires_at=NOON + 600 * SECOND,
    revoked_at=None,
    code=CODE.hash,
)
REFRESH = msgspec.structs.replace(ACCESS, kind="refresh")


def changed(struct: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(struct, **changes)


def exchange(code: Code | None = CODE, sent: CodeExchange = EXCHANGE, **changes: Any) -> Code:
    return check_code(code, sent, **{"client_id": "bank-app", "jkt": JKT, "at": NOON, **changes})


def refuse_exchange(*request: Any, **changes: Any) -> None:
    with pytest.raises(InvalidGrant):
        exchange(*request, **changes)


def test_a_handle_is_256_bits_and_only_its_hash_is_kept() -> None:
    assert len(HANDLE) == 43
    assert handle_hash(HANDLE) == hashlib.sha256(HANDLE.encode()).digest()
    for length in (0, 16, 31, 33):
        with pytest.raises(ValueError, match="32 random bytes"):
            handle_from(bytes(length))


def test_the_three_token_requests_are_read() -> None:
    form = {
        "grant_type": "authorization_code",
        "code": HANDLE,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }
    assert check_token_form(form) == EXCHANGE
    assert check_token_form({"grant_type": "refresh_token", "refresh_token": HANDLE}) == Refresh(
        refresh_token=HANDLE
    )
    assert check_token_form({"grant_type": "client_credentials", "scope": "x"}) == ClientCredentials()


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, InvalidRequest),
        ({"grant_type": "password"}, UnsupportedGrantType),  # FAPI 2.0 §5.3.2.1-2
        ({"grant_type": "implicit"}, UnsupportedGrantType),
        ({"grant_type": "authorization_code", "code_verifier": VERIFIER}, InvalidRequest),
        ({"grant_type": "authorization_code", "code_verifier": VERIFIER, "code": "x"}, InvalidGrant),
        ({"grant_type": "refresh_token"}, InvalidRequest),
        ({"grant_type": "refresh_token", "refresh_token": HANDLE + "A"}, InvalidGrant),
    ],
)
def test_a_token_request_that_lacks_something_fails(form: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        check_token_form(form)


def test_fapi_ensure_pkce_code_verifier_required() -> None:
    with pytest.raises(InvalidGrant):
        check_token_form({"grant_type": "authorization_code", "code": HANDLE, "redirect_uri": REDIRECT})


def test_a_good_code_is_exchanged() -> None:
    assert exchange() is CODE


def test_an_unknown_code_fails() -> None:
    refuse_exchange(None)


def test_fapi_ensure_authorization_code_is_bound_to_client() -> None:
    refuse_exchange(client_id="other-app")


def test_fapi_attempt_reuse_authorization_code() -> None:
    used = changed(CODE, used_at=NOON)
    refuse_exchange(used)
    assert is_reused(used, client_id="bank-app")


def test_a_stranger_cannot_end_access_with_a_used_code() -> None:
    used = changed(CODE, used_at=NOON)
    assert not is_reused(used, client_id="other-app")
    assert not is_reused(CODE, client_id="bank-app")
    assert not is_reused(None, client_id="bank-app")


def test_fapi_expired_code_fails_half_open() -> None:
    exchange(at=CODE.expires_at - 1)
    refuse_exchange(at=CODE.expires_at)


def test_another_redirect_uri_than_in_the_request_fails_rfc_6749_section_4_1_3() -> None:
    refuse_exchange(CODE, changed(EXCHANGE, redirect_uri=REDIRECT + "/"))
    exchange(CODE, changed(EXCHANGE, redirect_uri=None))  # OAuth 2.1 leaves it out


def test_fapi_incorrect_pkce_code_verifier_rejected() -> None:
    refuse_exchange(CODE, changed(EXCHANGE, verifier="a" * 43))
    refuse_exchange(CODE, changed(EXCHANGE, verifier=CODE.code_challenge))


def test_fapi_ensure_token_endpoint_fails_with_mismatched_dpop_jkt() -> None:
    refuse_exchange(jkt=OTHER_JKT)
    exchange(changed(CODE, jkt=None), jkt=OTHER_JKT)  # bound to nothing: PKCE and the client's key guard it


def refresh(token: Token | None = REFRESH, **changes: Any) -> Token:
    return check_refresh(token, **{"client_id": "bank-app", "jkt": JKT, "at": NOON, **changes})


def test_a_refresh_token_is_bound_to_the_client_and_not_to_the_key_rfc_9449_section_5() -> None:
    assert refresh() is REFRESH
    assert refresh(jkt=OTHER_JKT) is REFRESH
    with pytest.raises(InvalidGrant):
        refresh(client_id="other-app")


def test_refreshing_needs_some_proof() -> None:
    with pytest.raises(InvalidDpopProof):
        refresh(jkt="")


@pytest.mark.parametrize(
    "token",
    [
        None,
        ACCESS,
        changed(ACCESS, kind="client"),
        changed(REFRESH, revoked_at=NOON),
        changed(REFRESH, expires_at=NOON),
    ],
)
def test_what_is_not_a_living_refresh_token_does_not_refresh(token: Token | None) -> None:
    with pytest.raises(InvalidGrant):
        refresh(token)


def test_an_access_token_opens_until_it_expires() -> None:
    assert check_access(ACCESS, jkt=JKT, at=NOON) is ACCESS
    assert check_access(changed(ACCESS, kind="client", grant=None), jkt=JKT, at=NOON).grant is None
    check_access(ACCESS, jkt=JKT, at=ACCESS.expires_at - 1)
    with pytest.raises(InvalidToken):
        check_access(ACCESS, jkt=JKT, at=ACCESS.expires_at)


@pytest.mark.parametrize(
    "token", [None, REFRESH, changed(ACCESS, revoked_at=NOON), changed(ACCESS, revoked_at=0)]
)
def test_what_is_not_a_living_access_token_opens_nothing(token: Token | None) -> None:
    with pytest.raises(InvalidToken):
        check_access(token, jkt=JKT, at=NOON)


def test_attack_a_stolen_token_with_another_key() -> None:
    for jkt in (OTHER_JKT, "", "é"):
        with pytest.raises(InvalidToken):
            check_access(ACCESS, jkt=jkt, at=NOON)


def test_a_stranger_does_not_learn_whether_a_token_exists() -> None:
    texts = set()
    for token, jkt in ((None, JKT), (ACCESS, OTHER_JKT), (REFRESH, JKT)):
        with pytest.raises(InvalidToken) as refused:
            check_access(token, jkt=jkt, at=NOON)
        texts.add(str(refused.value))
    assert len(texts) == 1
