"""The citizen's way in and the two ways back."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.oauth.authorize import check_authorize, error_redirect, request_uri, success_redirect
from consent.oauth.token import handle_from
from consent.words.errors import InvalidRequest, InvalidRequestUri

from .actors import ISSUER, REDIRECT

REFERENCE = handle_from(bytes(range(32)))


def test_only_client_and_reference_count() -> None:
    query = {"client_id": "bank-app", "request_uri": request_uri(REFERENCE)}
    assert check_authorize(query) == ("bank-app", REFERENCE)


def test_fapi_state_only_outside_request_object_not_used() -> None:
    query = {"client_id": "bank-app", "request_uri": request_uri(REFERENCE)}
    added = {"state": "x", "redirect_uri": "https://evil.example", "response_type": "token", "scope": "all"}
    assert check_authorize({**query, **added}) == check_authorize(query)


def test_fapi_ensure_request_without_using_par_fails() -> None:
    query = {
        "client_id": "bank-app",
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "request": "e30.e30.e30",
    }
    with pytest.raises(InvalidRequest):
        check_authorize(query)


def test_a_request_without_client_fails() -> None:
    for query in ({}, {"client_id": "x" * 257}):
        with pytest.raises(InvalidRequest):
            check_authorize({**query, "request_uri": request_uri(REFERENCE)})


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/request.jwt",  # nothing is fetched
        REFERENCE,
        request_uri(""),
        request_uri(REFERENCE + "A"),
        request_uri(REFERENCE[:-1] + "\n"),
        request_uri(REFERENCE).upper(),
    ],
)
def test_attack_a_request_uri_that_we_never_gave_out(uri: str) -> None:
    with pytest.raises(InvalidRequestUri):
        check_authorize({"client_id": "bank-app", "request_uri": uri})


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30))
def test_the_state_comes_back_as_it_was(state: str) -> None:
    for way, name, value in (
        (success_redirect(REDIRECT, code="c", state=state, issuer=ISSUER), "code", "c"),
        (
            error_redirect(REDIRECT, error="access_denied", state=state, issuer=ISSUER),
            "error",
            "access_denied",
        ),
    ):
        assert way.isascii()
        assert way.startswith(REDIRECT + "?")
        assert parse_qs(urlsplit(way).query, strict_parsing=True) == {
            name: [value],
            "state": [state],
            "iss": [ISSUER],
        }


def test_without_state_none_is_invented() -> None:
    way = success_redirect(REDIRECT, code="c", state=None, issuer=ISSUER)
    assert way == "https://bank.example/back?code=c&iss=https%3A%2F%2Fconsent.example"


@pytest.mark.parametrize("uri", ["https://bank.example/back?lang=nl", "https://bank.example/back?lang=nl&"])
def test_a_registered_query_stays_rfc_6749_section_3_1_2(uri: str) -> None:
    way = success_redirect(uri, code="c", state=None, issuer=ISSUER)
    assert way == "https://bank.example/back?lang=nl&code=c&iss=https%3A%2F%2Fconsent.example"
    assert success_redirect("https://bank.example?", code="c", state=None, issuer=ISSUER).count("?") == 1


def test_the_issuer_is_in_every_answer_rfc_9207() -> None:
    for way in (
        success_redirect(REDIRECT, code="c", state=None, issuer=ISSUER),
        error_redirect(REDIRECT, error="access_denied", state=None, issuer=ISSUER),
    ):
        assert parse_qs(urlsplit(way).query)["iss"] == [ISSUER]


def test_an_error_is_a_code_and_not_a_sentence() -> None:
    with pytest.raises(ValueError, match="error code"):
        error_redirect(REDIRECT, error="no&code=stolen", state=None, issuer=ISSUER)
