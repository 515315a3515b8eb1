"""Client authentication and redirect URIs, named after FAPI 2.0 conformance modules where there is one."""

from typing import Any

import pytest

from consent.oauth.clients import (
    ASSERTION_LIFE,
    CLOCK_SKEW,
    ClientSettings,
    check_client_assertion,
    check_redirect_uri_form,
    check_settings,
    is_registered_redirect,
    unverified_client_id,
)
from consent.oauth.metadata import PAR_PATH, TOKEN_PATH
from consent.words.errors import BadInput, InvalidClient, InvalidRequest
from consent.words.instants import SECOND

from .actors import (
    EC,
    EC_OTHER,
    ED,
    ISSUER,
    NOON,
    NOON_S,
    RSA,
    assertion,
    authenticated,
    client,
    proof,
    public,
    signed,
)


def check(token: str, *, at: int = NOON, keys: tuple[dict[str, Any], ...] = (), **more: str) -> Any:
    return check_client_assertion(authenticated(token, **more), client=client(*keys), issuer=ISSUER, at=at)


def refuse(token: str, **more: Any) -> None:
    with pytest.raises(InvalidClient):
        check(token, **more)


def test_a_good_assertion_tells_what_to_remember() -> None:
    use = check(assertion(), client_id="bank-app")
    assert (use.jti, use.expires_at) == ("0123456789abcdef", NOON + 60 * SECOND)


def test_each_algorithm_of_fapi_authenticates() -> None:
    keys = (public(EC), public(RSA), public(ED))
    for algorithm, key in (("ES256", EC), ("PS256", RSA), ("EdDSA", ED), ("Ed25519", ED)):
        check(assertion(key=key, header={"alg": algorithm}), keys=keys)


def test_fapi_ensure_signed_client_assertion_with_rs256_fails() -> None:
    refuse(assertion(key=RSA, header={"alg": "RS256"}), keys=(public(RSA),))


def test_attack_signed_with_another_key() -> None:
    refuse(assertion(key=EC_OTHER))


def test_fapi_ensure_client_assertion_in_token_endpoint() -> None:
    for form in ({}, {"client_id": "bank-app"}, {"client_assertion": assertion()}):
        with pytest.raises(InvalidClient):
            check_client_assertion(form, client=client(), issuer=ISSUER, at=NOON)
    with pytest.raises(InvalidClient):
        check_client_assertion(
            {**authenticated(assertion()), "client_assertion_type": "urn:other"},
            client=client(),
            issuer=ISSUER,
            at=NOON,
        )


def test_a_secret_beside_the_assertion_is_a_second_way_rfc_6749_section_2_3() -> None:
    with pytest.raises(InvalidRequest):
        check(assertion(), client_secret="hunter2")


def test_fapi_par_test_array_as_audience_fails() -> None:
    refuse(assertion(aud=[ISSUER]))
    refuse(assertion(aud=[ISSUER, "https://other.example"]))


@pytest.mark.parametrize(
    "audience", [ISSUER + PAR_PATH, ISSUER + TOKEN_PATH, ISSUER + "/", "https://other.example", None, "", 1]
)
def test_fapi_another_audience_than_the_issuer_fails(audience: Any) -> None:
    refuse(assertion(aud=audience))


@pytest.mark.parametrize(
    "claims", [{"sub": None}, {"iss": None}, {"sub": "other"}, {"iss": "other"}, {"sub": ["bank-app"]}]
)
def test_fapi_ensure_client_assertion_with_no_sub_fails(claims: dict[str, Any]) -> None:
    refuse(assertion(**claims))


def test_fapi_ensure_client_id_in_token_endpoint() -> None:
    refuse(assertion(), client_id="other-app")


def test_attack_an_assertion_of_one_client_for_another() -> None:
    refuse(assertion(iss="other-app", sub="other-app"))


def test_fapi_client_assertion_with_exp_5_minutes_in_the_past_fails() -> None:
    refuse(assertion(exp=NOON_S - 300))
    refuse(assertion(exp=None))


def test_the_expiry_is_half_open_and_has_no_leeway() -> None:
    check(assertion(exp=NOON_S + 1))
    refuse(assertion(exp=NOON_S))
    refuse(assertion(exp=NOON_S + 60), at=NOON + 60 * SECOND)
    check(assertion(exp=NOON_S + 60), at=NOON + 60 * SECOND - 1)


def test_an_assertion_may_not_live_long() -> None:
    life = ASSERTION_LIFE // SECOND
    check(assertion(exp=NOON_S + life))
    refuse(assertion(exp=NOON_S + life + 1))
    refuse(assertion(exp=10**400))
    refuse(assertion(exp=1e308))


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_fapi_8_seconds_ahead_is_accepted_and_over_60_fails(name: str) -> None:
    assert 10 * SECOND <= CLOCK_SKEW <= 60 * SECOND
    check(assertion(**{name: NOON_S + 8}))
    check(assertion(**{name: NOON_S + 10}))
    check(assertion(**{name: NOON_S + CLOCK_SKEW // SECOND}))
    refuse(assertion(**{name: NOON_S + CLOCK_SKEW // SECOND + 1}))
    refuse(assertion(**{name: NOON_S + 61}))


@pytest.mark.parametrize("value", ["1900000060", True, [1], {}])
@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
def test_a_time_that_is_no_number_fails(name: str, value: Any) -> None:
    refuse(assertion(**{name: value}))


@pytest.mark.parametrize("jti", [None, "", "1234567", "x" * 256, 12345678])
def test_an_assertion_needs_a_jti_to_be_used_once(jti: Any) -> None:
    refuse(assertion(jti=jti))


def test_attack_a_dpop_proof_as_an_assertion() -> None:
    refuse(assertion(header={"typ": "dpop+jwt"}))
    check(assertion(header={"typ": "JWT"}))
    check(assertion(header={"typ": "client-authentication+jwt"}))
    refuse(proof())


def test_whom_a_form_claims_to_come_from() -> None:
    assert unverified_client_id({"client_id": "bank-app"}) == "bank-app"
    assert unverified_client_id(authenticated(assertion())) == "bank-app"
    assert unverified_client_id(authenticated(assertion(), client_id="other")) == "other"
    for form in (
        {},
        {"client_assertion": "rubbish"},
        {"client_assertion": "a.b.c"},
        {"client_assertion": assertion(sub=None)},
        {"client_assertion": assertion(sub=7)},
        {"client_assertion": signed({"alg": "ES256"}, [])},
        {"client_id": "x" * 65},
        {"client_assertion": assertion(sub="bank-app\x00")},
        {"client_assertion": "a." * 100_000},
    ):
        with pytest.raises(InvalidClient):
            unverified_client_id(form)


@pytest.mark.parametrize(
    "uri",
    [
        "https://bank.example/back",
        "https://bank.example",
        "https://bank.example:8443/back?lang=nl",
        "http://127.0.0.1/back",
        "http://127.0.0.1:8400/back",
        "http://[::1]/back",
    ],
)
def test_redirect_uris_that_can_be_registered(uri: str) -> None:
    check_redirect_uri_form(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "http://bank.example/back",  # FAPI 2.0 §5.3.2.2-8
        "http://localhost:8400/back",  # RFC 8252 §8.3
        "http://127.0.0.1.evil.example/back",
        "http://127.0.0.1@evil.example/",
        "https://user@bank.example/back",
        "https://bank.example@evil.example/back",
        "https://bank.example\\@evil.example/back",
        "https://bank.example/back#part",
        "https://*.bank.example/back",
        "https://bank.example/*",
        "https://bank.example/back?code=1",
        "https://bank.example/back?x=1&iss=https://other.example",
        "https://bank.example/a/../back",
        "https://bank.example/ba ck",
        "https://bank.example/back\n",
        "https://bänk.example/back",
        "https:///back",
        "https://",
        "//bank.example/back",
        "bank.app:/back",
        "javascript:alert(1)",
        "",
        "https://bank.example/" + "a" * 2048,
    ],
)
def test_redirect_uris_that_cannot_be_registered(uri: str) -> None:
    with pytest.raises(BadInput):
        check_redirect_uri_form(uri)


def test_a_redirect_uri_is_compared_character_by_character() -> None:
    bank = client(redirect_uris=("https://bank.example/back",))
    assert is_registered_redirect("https://bank.example/back", bank)
    for near in (
        "https://bank.example/back/",
        "https://bank.example/back?x=1",
        "https://BANK.example/back",
        "https://bank.example:443/back",
        "https://bank.example/ba%63k",
        "https://bank.example/back/../back",
        "https://bank.example/",
        "https://bank.example:9/back",
    ):
        assert not is_registered_redirect(near, bank)


def test_a_loopback_address_without_port_fits_on_any_port_rfc_8252_section_7_3() -> None:
    app = client(redirect_uris=("http://127.0.0.1/back", "http://[::1]/back?x=1"))
    assert is_registered_redirect("http://127.0.0.1/back", app)
    assert is_registered_redirect("http://127.0.0.1:51004/back", app)
    assert is_registered_redirect("http://[::1]:51004/back?x=1", app)
    for near in (
        "http://127.0.0.1:51004/other",
        "http://127.0.0.1:0/back",
        "http://127.0.0.1:99999/back",
        "http://127.0.0.2:51004/back",
        "http://localhost:51004/back",
        "http://127.0.0.1:51004@evil.example/back",
        "http://127.0.0.1:51004/back#x",
        "https://127.0.0.1:51004/back",
        "http://[::1]:51004/back",
    ):
        assert not is_registered_redirect(near, app)
    fixed = client(redirect_uris=("http://127.0.0.1:8400/back",))
    assert not is_registered_redirect("http://127.0.0.1:8401/back", fixed)


# What a client chose


@pytest.mark.parametrize(
    "uri", ["https://bank.example/keys", "http://127.0.0.1:8080/keys", "https://[::1]/k?a=b"]
)
def test_an_address_of_keys_is_accepted(uri: str) -> None:
    check_settings(ClientSettings(jwks_uri=uri), has_keys=False)


@pytest.mark.parametrize(
    "uri",
    [
        "", "http://bank.example/keys", "http://localhost/keys", "https://user@bank.example/keys", "ftp://bank.example/",
        "https://bank.example/keys#one", "https://bank.example/ keys", "https://" + "b" * 2048, "file:///etc/passwd",
    ],
)  # fmt: skip
def test_an_address_of_keys_that_nobody_should_fetch_is_refused(uri: str) -> None:
    with pytest.raises(BadInput):
        check_settings(ClientSettings(jwks_uri=uri), has_keys=False)


def test_keys_are_given_or_pointed_at_and_not_both() -> None:
    """RFC 7591 §2."""
    with pytest.raises(BadInput):
        check_settings(ClientSettings(jwks_uri="https://bank.example/keys"), has_keys=True)
    check_settings(ClientSettings(), has_keys=True)
