"""Signed requests, named after the FAPI 2.0 Message Signing conformance modules where there is one."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from consent.oauth.clients import ClientSettings
from consent.oauth.jar import check_request
from consent.oauth.jose import LARGEST
from consent.oauth.par import check_pushed_request
from consent.oauth.resource import check_resource
from consent.words.errors import InvalidRequest, InvalidRequestObject, InvalidTarget
from consent.words.instants import SECOND

from .actors import (
    EC,
    EC_OTHER,
    ED,
    ISSUER,
    NOON,
    NOON_S,
    REDIRECT,
    RSA,
    b64,
    client,
    public,
    signed,
    without_none,
)

MUST_SIGN = client(settings=ClientSettings(require_signed_request_object=True))
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
DETAILS = [{"type": "https://consent.example/types/attributes/v1"}]


def request_object(*, key: Any = EC, header: dict[str, Any] | None = None, **changed: Any) -> str:
    claims = {
        "iss": "bank-app", "aud": ISSUER, "nbf": NOON_S, "exp": NOON_S + 300, "client_id": "bank-app",
        "response_type": "code", "redirect_uri": REDIRECT, "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        "state": "inside", "authorization_details": DETAILS,
    }  # fmt: skip
    typed = {"alg": "ES256", "typ": "oauth-authz-req+jwt", **(header or {})}
    return signed(without_none(typed), without_none({**claims, **changed}), key)


def check(token: str, *, at: int = NOON, who: Any = None, **outside: str) -> Mapping[str, str]:
    return check_request({"request": token, **outside}, client=who or client(), issuer=ISSUER, at=at)


def refuse(token: str, **more: Any) -> str:
    with pytest.raises(InvalidRequestObject) as refused:
        check(token, **more)
    return str(refused.value)


def test_what_is_inside_counts_and_nothing_else() -> None:
    """RFC 9101 §6.3. fapi: ensure-different-state-inside-and-outside-request-object, state-only-outside-…-not-used."""
    found = check(
        request_object(nonce="n"), state="outside", nonce="outside", redirect_uri="https://evil.example/"
    )
    assert found == {
        "client_id": "bank-app", "response_type": "code", "redirect_uri": REDIRECT, "code_challenge": CHALLENGE,
        "code_challenge_method": "S256", "state": "inside", "nonce": "n",
        "authorization_details": '[{"type":"https://consent.example/types/attributes/v1"}]',
    }  # fmt: skip
    assert "state" not in check(request_object(state=None), state="outside")
    pushed = check_pushed_request(found, client=client(), proof_jkt=None)
    assert (pushed.state, pushed.redirect_uri) == ("inside", REDIRECT)


def test_without_an_object_the_form_counts_unless_the_client_must_sign() -> None:
    """RFC 9101 §10.5. fapi: ensure-unsigned-request-at-par-endpoint-fails."""
    form = {"state": "outside"}
    assert check_request(form, client=client(), issuer=ISSUER, at=NOON) == form
    with pytest.raises(InvalidRequest):
        check_request(form, client=MUST_SIGN, issuer=ISSUER, at=NOON)
    assert check(request_object(), who=MUST_SIGN)["state"] == "inside"


@pytest.mark.parametrize(
    "typ", ["oauth-authz-req+jwt", "application/oauth-authz-req+jwt", "OAuth-Authz-Req+JWT", "JWT", None]
)
def test_a_type_of_its_own_or_none_is_accepted(typ: str | None) -> None:
    check(request_object(header={"typ": typ}))


@pytest.mark.parametrize(
    "typ",
    [
        "dpop+jwt",
        "client-authentication+jwt",
        "token-introspection+jwt",
        "at+jwt",
        "secevent+jwt",
    ],
)
def test_what_was_signed_for_another_use_is_refused(typ: str) -> None:
    """RFC 8725 §3.11."""
    refuse(request_object(header={"typ": typ}))


@pytest.mark.parametrize("aud", [ISSUER, [ISSUER], ["https://other.example", ISSUER]])
def test_fapi_ensure_request_object_with_multiple_aud_succeeds(aud: Any) -> None:
    check(request_object(aud=aud))


@pytest.mark.parametrize(
    "aud",
    [
        None,
        "",
        [],
        ISSUER + "/",
        ISSUER + "/oauth/par",
        ["https://other.example"],
        {"a": ISSUER},
        [[ISSUER]],
        1,
    ],
)
def test_fapi_ensure_request_object_with_bad_aud_fails(aud: Any) -> None:
    refuse(request_object(aud=aud))


@pytest.mark.parametrize("seconds", [-3599, -60, 0, 8, 30])
def test_fapi_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted(seconds: int) -> None:
    check(
        request_object(
            nbf=NOON_S + seconds,
            exp=min(NOON_S + 300, NOON_S + seconds + 3600) if seconds > -3600 else NOON_S + 0.001,
        )
    )


@pytest.mark.parametrize(
    "times",
    [
        {"nbf": None}, {"exp": None}, {"nbf": None, "exp": None},
        {"exp": NOON_S}, {"exp": NOON_S - 300}, {"exp": NOON_S - 0.001},
        {"exp": NOON_S + 3601}, {"exp": NOON_S + 4200}, {"nbf": NOON_S - 10, "exp": NOON_S + 3591},
        {"nbf": NOON_S - 3601}, {"nbf": NOON_S - 4200}, {"nbf": NOON_S + 31}, {"nbf": NOON_S + 61},
        {"nbf": "now"}, {"exp": "later"}, {"nbf": True}, {"exp": [NOON_S + 60]}, {"exp": 1e308}, {"nbf": -1e308},
        {"exp": 10**30}, {"nbf": -(10**30)}, {"nbf": {}},
    ],
    ids=str,
)  # fmt: skip
def test_fapi_the_times_of_a_request_object(times: dict[str, Any]) -> None:
    """without-exp, without-nbf, expired, exp-over-60, nbf-over-60: all fail (Message Signing §5.3.1-3, -4)."""
    refuse(request_object(**times))


@pytest.mark.parametrize(
    "who",
    [
        {"iss": None}, {"iss": "other-app"}, {"iss": ["bank-app"]}, {"client_id": "other-app"}, {"client_id": 7},
        {"sub": "bank-app"}, {"request": "x"}, {"request_uri": "urn:x"},
    ],
    ids=str,
)  # fmt: skip
def test_an_object_of_somebody_else_or_with_another_inside_is_refused(who: dict[str, Any]) -> None:
    refuse(request_object(**who))


def test_the_address_of_an_object_is_refused_also_beside_one() -> None:
    """RFC 9126 §2.1. fapi: par-authorization-request-containing-request_uri."""
    for form in ({"request_uri": "urn:x"}, {"request_uri": "urn:x", "request": request_object()}):
        with pytest.raises(InvalidRequest):
            check_request(form, client=client(), issuer=ISSUER, at=NOON)


@pytest.mark.parametrize("alg", ["RS256", "HS256", "ES384", "ES512", "PS384", "Ed448", "none", "NONE", ""])
def test_fapi_an_algorithm_that_is_not_on_the_list_fails(alg: str) -> None:
    """ensure-signed-request-object-with-RS256-fails, ensure-request-object-signature-algorithm-is-not-none."""
    _, payload, signature = request_object().split(".")
    head = b64(json.dumps({"alg": alg}).encode())
    for last in ("", signature):
        refuse(f"{head}.{payload}.{last}")


def test_fapi_ensure_matching_key_in_authorization_request() -> None:
    refuse(request_object(key=EC_OTHER))
    good = request_object()
    refuse(good[:-8] + ("AAAAAAAA" if good[-8:] != "AAAAAAAA" else "BBBBBBBB"))
    # A key that the object brings along proves nothing.
    refuse(request_object(key=EC_OTHER, header={"jwk": public(EC_OTHER)}))
    for key, alg in ((RSA, "PS256"), (ED, "EdDSA"), (ED, "Ed25519")):
        check(request_object(key=key, header={"alg": alg}), who=client(public(key)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": 5}, {"state": None, "redirect_uri": ["a"]}, {"authorization_details": "[]"},
        {"authorization_details": {}},
        {"code_challenge": {}}, {"state": "a\0b"}, {"response_mode": True},
    ],
    ids=str,
)  # fmt: skip
def test_a_parameter_of_another_kind_is_refused(wrong: dict[str, Any]) -> None:
    refuse(request_object(**wrong))


@pytest.mark.parametrize(
    "token", ["x", "a.b", "e30.e30.e30", "a.b.c.d", "é", "." * 10, "e30." + "A" * LARGEST]
)
def test_what_is_no_signed_object_is_refused(token: str) -> None:
    refuse(token)


def test_a_large_request_fits_and_a_larger_one_does_not() -> None:
    """FAPI 2.0 §5.3.2.2 note 4: states of more than 1000 characters occur."""
    assert check(request_object(state="s" * 4096, padding="x" * 16_000))["state"] == "s" * 4096
    refuse(request_object(padding="x" * LARGEST))


def test_unknown_parameters_and_empty_ones_do_no_harm() -> None:
    found = check(request_object(claims={"id_token": {}}, default_max_age=5, jti="one", iat=NOON_S, state=""))
    assert {"claims", "default_max_age", "jti", "state"}.isdisjoint(found)
    # No jti is asked for, so the same object may come twice, from the client that signed it.
    assert check(request_object(), at=NOON + SECOND) == check(request_object(), at=NOON)


def test_a_signed_request_names_its_resource_once_or_in_a_list() -> None:
    """RFC 8707 §2: it may occur more than once, and a JWT says that with a list."""
    for said in (ISSUER, [ISSUER], [ISSUER, ISSUER]):
        check_resource(check(request_object(resource=said)), issuer=ISSUER)
    for other in ("urn:x", [ISSUER, "urn:x"]):
        with pytest.raises(InvalidTarget):
            check_resource(check(request_object(resource=other)), issuer=ISSUER)
    for wrong in (5, [5], {}, [[ISSUER]]):
        refuse(request_object(resource=wrong))


def test_whatever_a_pushed_request_is_asked_for_can_stand_in_a_signed_one() -> None:
    """A parameter that only a form could hold would be lost, or worse, be read beside the signature."""

    class Listening(dict[str, str]):
        asked: ClassVar[set[str]] = set()

        def get(self, name: str, *default: Any) -> Any:
            self.asked.add(name)
            return super().get(name, *default)

        def __contains__(self, name: object) -> bool:
            self.asked.add(str(name))
            return super().__contains__(name)

    form = Listening(check(request_object(nonce="n")))
    check_resource(form, issuer=ISSUER)
    check_pushed_request(form, client=client(), proof_jkt=None)
    texts = dict.fromkeys(form.asked - {"authorization_details", "client_id"}, "x")
    assert {"state", "response_mode", "dpop_jkt", "grant_id"} <= set(texts)
    assert set(check(request_object(**texts))) == form.asked


def test_how_she_shall_sign_in_may_be_signed() -> None:
    """RFC 9101 §4: a number stays one in JSON."""
    found = check(request_object(acr_values="phr", max_age=0))
    assert (found["acr_values"], found["max_age"]) == ("phr", "0")
    for wrong in (True, 1.5, [300]):
        refuse(request_object(max_age=wrong))
