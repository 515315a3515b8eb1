"""In which form an answer goes back, and what stands in a signed one."""

from urllib.parse import parse_qs, urlsplit

import pytest

from consent.oauth.authorize import signed_redirect
from consent.oauth.clients import ClientSettings
from consent.oauth.introspect import introspection_claims, wants_signed
from consent.oauth.jarm import LIFE, check_response_mode, response_claims
from consent.words.errors import InvalidRequest
from consent.words.instants import SECOND

from .actors import ISSUER, NOON, NOON_S, client

SIGNED = client(settings=ClientSettings(authorization_signed_response_alg="ES256"))


def test_a_client_asks_for_a_signed_answer_or_gets_each_one_signed() -> None:
    """JARM §2.3, §3."""
    assert check_response_mode({}, client()) == "query"
    assert check_response_mode({"response_mode": "query"}, client()) == "query"
    assert check_response_mode({}, SIGNED) == "jwt"
    for who in (client(), SIGNED):
        for mode in ("jwt", "query.jwt"):
            assert check_response_mode({"response_mode": mode}, who) == "jwt"


@pytest.mark.parametrize(
    "mode", ["fragment", "form_post", "fragment.jwt", "form_post.jwt", "JWT", "", "web_message"]
)
def test_a_mode_that_we_do_not_have_is_refused(mode: str) -> None:
    for who in (client(), SIGNED):
        with pytest.raises(InvalidRequest):
            check_response_mode({"response_mode": mode}, who)


def test_a_client_with_signed_answers_cannot_be_talked_into_a_bare_one() -> None:
    with pytest.raises(InvalidRequest):
        check_response_mode({"response_mode": "query"}, SIGNED)


def test_a_signed_answer_says_from_whom_for_whom_and_until_when() -> None:
    """JARM §2.1."""
    about = {"iss": ISSUER, "aud": "bank-app", "exp": NOON_S + LIFE // SECOND}
    yes = response_claims(
        {"code": "c", "error": None, "state": "s"}, issuer=ISSUER, client="bank-app", at=NOON
    )
    assert yes == {"code": "c", "state": "s", **about}
    no = response_claims({"error": "access_denied", "state": None}, issuer=ISSUER, client="bank-app", at=NOON)
    assert no == {"error": "access_denied", **about}
    # Whatever an answer would hold, it cannot speak for another issuer or live longer.
    assert response_claims({"iss": "x", "exp": "9"}, issuer=ISSUER, client="bank-app", at=NOON) == about


def test_a_signed_answer_stands_alone_in_the_address() -> None:
    """JARM §2.3.1; FAPI 2.0 Message Signing §5.4.1: iss only inside. What was registered stays."""
    address = signed_redirect("https://bank.example/back?keep=this", response="a.b.c")
    assert parse_qs(urlsplit(address).query) == {"keep": ["this"], "response": ["a.b.c"]}


@pytest.mark.parametrize(
    ("accept", "is_wanted"),
    [
        ("application/token-introspection+jwt", True), ("Application/Token-Introspection+JWT; q=0.5", True),
        ("application/json, application/token-introspection+jwt", True), ("", False), ("*/*", False),
        ("application/json", False), ("application/*", False), ("application/jwt", False),
        ("application/token-introspection+jwt;q=0", False), ("application/token-introspection+jwt; q=0.000", False),
        ("x-application/token-introspection+jwt", False), (";,;,=", False),
    ],
)  # fmt: skip
def test_a_signed_introspection_is_asked_for_by_name(accept: str, is_wanted: bool) -> None:
    """RFC 9701 §4."""
    assert wants_signed(accept) is is_wanted


def test_what_is_said_of_a_token_is_no_claim_about_the_answer() -> None:
    """RFC 9701 §5, §8.1: else an answer about a token could be used as that token."""
    facts = {"active": True, "sub": "somebody", "exp": 1, "iss": "elsewhere", "aud": "elsewhere"}
    claims = introspection_claims(facts, issuer=ISSUER, caller="bank-app", at=NOON)
    assert claims == {"iss": ISSUER, "aud": "bank-app", "iat": NOON_S, "token_introspection": facts}
