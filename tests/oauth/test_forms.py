"""Forms and queries are read in one way only."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.oauth.forms import FIELD_LIMIT, is_form, parse_form, parse_query
from consent.words.errors import InvalidRequest

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=20)


@given(st.dictionaries(texts, texts, max_size=10))
def test_what_a_client_encodes_is_what_we_read(form: dict[str, str]) -> None:
    assert parse_form(urlencode(form).encode()) == form
    assert parse_query(urlencode(form).encode()) == form


def test_a_parameter_without_a_value_is_absent_rfc_6749_section_3_1() -> None:
    assert parse_form(b"state=&nonce&code=x") == {"code": "x"}
    assert parse_form(b"") == {}


@pytest.mark.parametrize(
    "body",
    [
        b"aud=a&aud=b",  # RFC 6749 §3.1
        b"aud=a&aud=a",
        b"aud=&aud=b",
        b"aud=a&a%75d=b",  # the same name in other clothes
        b"state=%",
        b"state=%4",
        b"state=%zz",
        b"state=%ff",  # not UTF-8
        b"state=%ed%a0%80",  # half a surrogate pair
        b"state=%c0%80",  # NUL in overlong UTF-8
        b"state=%00",
        b"sta%00te=x",
        b"state=a b",
        b"state=\xc3\xa9",
        b"state=a\r\nb",
        b"=x",
    ],
)
def test_what_two_readers_could_read_differently_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_form(body)


def test_size_and_number_have_limits() -> None:
    assert len(parse_form(urlencode({f"p{i}": "x" for i in range(FIELD_LIMIT)}).encode())) == FIELD_LIMIT
    with pytest.raises(InvalidRequest):
        parse_form(urlencode({f"p{i}": "x" for i in range(FIELD_LIMIT + 1)}).encode())
    assert parse_form(b"a=" + b"x" * 98, limit=100) == {"a": "x" * 98}
    with pytest.raises(InvalidRequest):
        parse_form(b"a=" + b"x" * 99, limit=100)


@given(st.binary(max_size=60))
def test_any_bytes_give_a_form_or_a_named_refusal(body: bytes) -> None:
    try:
        form = parse_form(body)
    except InvalidRequest:
        return
    assert all(name and value and "\x00" not in name + value for name, value in form.items())


def test_only_one_content_type_announces_a_form() -> None:
    assert is_form("application/x-www-form-urlencoded")
    assert is_form("Application/X-WWW-Form-Urlencoded; charset=utf-8")
    assert not is_form("application/json")
    assert not is_form(None)
