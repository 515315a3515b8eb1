"""A value is read strictly, kept in one form, shown as people write it, and never repeated in an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.words.attributes import (
    CATALOGUE,
    LIST_LIMIT,
    TEXT_LIMIT,
    Value,
    check_value,
    label_in_sentence,
    parse_value,
    show_value,
    value_bytes,
    value_from,
)
from consent.words.errors import BadInput


@pytest.mark.parametrize(
    ("name", "text", "value", "nl", "en"),
    [
        ("birth_date", "1961-03-03", "1961-03-03", "3 maart 1961", "3 March 1961"),
        ("birth_date", "3-3-1961", "1961-03-03", "3 maart 1961", "3 March 1961"),
        ("birth_date", "29-02-2000", "2000-02-29", "29 februari 2000", "29 February 2000"),
        ("yearly_income", "18400", 18400, "€ 18.400", "€18,400"),
        ("yearly_income", "€ 18.400", 18400, "€ 18.400", "€18,400"),
        ("yearly_income", "18,400", 18400, "€ 18.400", "€18,400"),
        ("yearly_income", "-1.250", -1250, "€ -1.250", "-€1,250"),
        ("over_18", "Ja", True, "Ja", "Yes"),
        ("over_18", "no", False, "Nee", "No"),
        ("house_number", "12", 12, "12", "12"),
        ("income_year", "2025", 2025, "2025", "2025"),
        ("children_first_names", "Noor, Sem", ("Noor", "Sem"), "Noor en Sem", "Noor and Sem"),
        ("children_first_names", "Noor", ("Noor",), "Noor", "Noor"),
        ("children_first_names", "A\r\nB\r\nC", ("A", "B", "C"), "A, B en C", "A, B and C"),
        ("postcode", "0000aa", "0000 AA", "0000 AA", "0000 AA"),
        ("surname", "  Vries ", "Vries", "Vries", "Vries"),
        ("iban", "nl02 abna 0123 4567 89", "NL02ABNA0123456789", "NL02ABNA0123456789", "NL02ABNA0123456789"),
    ],
)
def test_what_people_write_is_read_once_and_shown_in_both_languages(
    name: str, text: str, value: Value, nl: str, en: str
) -> None:
    attribute = CATALOGUE[name]
    read = parse_value(attribute, text)
    assert read == value
    assert type(read) is type(value)
    assert show_value(attribute, read, "nl") == nl
    assert show_value(attribute, read, "en") == en


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("birth_date", "30-2-1961"),
        ("birth_date", "1961-3-3"),
        ("birth_date", "03/03/1961"),
        ("birth_date", "1961-03-03T00:00:00"),
        ("birth_date", "0000-01-01"),
        ("birth_date", "١٩٦١-٠٣-٠٣"),
        ("yearly_income", "18400,50"),
        ("yearly_income", "18.40"),
        ("yearly_income", "1.8400"),
        ("yearly_income", "1e9"),
        ("yearly_income", "12345678901"),
        ("yearly_income", "١٢"),
        ("house_number", "-1"),
        ("house_number", "12a"),
        ("house_number", "1_000"),
        ("over_18", "misschien"),
        ("over_18", "oui"),
        ("surname", ""),
        ("surname", " \t "),
        ("surname", "a\x00b"),
        ("surname", "a\nb"),
        ("surname", "a\x85b"),
        ("surname", "a\u2028b"),
        ("surname", "a\u202eb"),
        ("surname", "a\ud800b"),
        ("surname", "x" * (TEXT_LIMIT + 1)),
        ("surname", "x" * 1_000_000),
        ("children_first_names", " , ,"),
        ("children_first_names", ",".join("x" * (LIST_LIMIT + 1))),
        ("children_first_names", "a\x00,b"),
        ("postcode", "00000 A"),
        ("bsn", "12345678"),
        ("email", "geen-adres"),
        ("email", "a@b"),
        ("phone", "bel mij"),
        ("iban", "NL02ABNA0123456788"),
        ("iban", "NL02"),
    ],
)
def test_anything_else_is_refused_and_the_error_does_not_repeat_it(name: str, text: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_value(CATALOGUE[name], text)
    message = str(refused.value)
    assert message.startswith(f"{name}: ")
    assert not text.strip() or text not in message
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_limits_are_inclusive() -> None:
    assert len(str(parse_value(CATALOGUE["surname"], "x" * TEXT_LIMIT))) == TEXT_LIMIT
    assert parse_value(CATALOGUE["children_first_names"], ",".join("x" * LIST_LIMIT)) == ("x",) * LIST_LIMIT


def test_two_ways_to_write_one_letter_are_one_value() -> None:
    composed, taken_apart = "Zoë", "Zoe\u0308"
    assert parse_value(CATALOGUE["first_names"], taken_apart) == composed
    assert check_value(CATALOGUE["first_names"], taken_apart) == composed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("over_18", 1),
        ("over_18", "true"),
        ("house_number", True),
        ("house_number", "12"),
        ("house_number", 12.0),
        ("house_number", -1),
        ("yearly_income", 10**9),
        ("birth_date", 19610303),
        ("surname", ["Vries"]),
        ("surname", None),
        ("children_first_names", "Noor"),
        ("children_first_names", ["Noor", 3]),
        ("children_first_names", []),
    ],
)
def test_a_typed_value_of_another_kind_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadInput, match=rf"^{name}: "):
        check_value(CATALOGUE[name], value)


def test_the_bytes_of_a_value_are_its_canonical_json() -> None:
    assert value_bytes("Zoë") == '"Zoë"'.encode()
    assert value_bytes(True) == b"true"
    assert value_bytes(18400) == b"18400"
    assert value_bytes(("Noor", "Sem")) == b'["Noor","Sem"]'


_NO_SURROGATES = st.text(st.characters(exclude_categories=("Cs",)))


@given(
    st.one_of(
        _NO_SURROGATES,
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.lists(_NO_SURROGATES, max_size=5).map(tuple),
    )
)
def test_what_was_written_is_read_back_with_its_type(value: Value) -> None:
    again = value_from(value_bytes(value))
    assert again == value
    assert type(again) is type(value)


@pytest.mark.parametrize("sealed", [b"", b"{}", b"null", b"1.5", b'"open', b'["a",1]', b"[[]]", b"\xff"])
def test_bytes_that_are_no_value_are_refused(sealed: bytes) -> None:
    with pytest.raises(BadInput, match="the stored bytes are not a value"):
        value_from(sealed)


@given(st.sampled_from(sorted(CATALOGUE)), st.text(max_size=60))
def test_reading_gives_a_value_that_reads_the_same_again_or_one_known_error(name: str, text: str) -> None:
    attribute = CATALOGUE[name]
    try:
        value = parse_value(attribute, text)
    except BadInput:
        return
    assert check_value(attribute, value) == value
    assert value_from(value_bytes(value)) == value
    assert show_value(attribute, value, "nl")
    assert show_value(attribute, value, "en")


@pytest.mark.parametrize(
    ("name", "nl"),
    [
        ("surname", "achternaam"),
        ("bsn", "BSN (burgerservicenummer)"),
        ("over_18", "of u 18 jaar of ouder bent"),
    ],
)
def test_a_label_inside_a_sentence_starts_small_unless_it_is_an_abbreviation(name: str, nl: str) -> None:
    assert label_in_sentence(CATALOGUE[name], "nl") == nl
