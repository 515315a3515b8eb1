"""What an organisation may ask: every malformation has its answer, and no answer repeats what was sent."""

from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.grants.request import Asked, check, granted_details, read, schema, until
from consent.words.attributes import CATALOGUE
from consent.words.errors import InvalidAuthorizationDetails
from consent.words.instants import DAY, SECOND
from consent.words.purposes import request_type

from .things import ISSUER, NOON, grant, seeded

MARK = "sent-by-somebody"
RIGHT: dict[str, Any] = {
    "type": f"{ISSUER}/types/attributes/v1", "purpose": "energietoeslag", "purpose_version": 1,
    "attributes": ["household_size", "income_below_threshold"], "duration_days": 90,
}  # fmt: skip


def text(*details: Any) -> str:
    return msgspec.json.encode(list(details)).decode()


def refused(sent: str) -> str:
    with pytest.raises(InvalidAuthorizationDetails) as no:
        read(sent, issuer=ISSUER)
    assert no.value.__cause__ is None
    assert no.value.__suppress_context__ or no.value.__context__ is None
    return str(no.value)


def test_a_right_request_is_read_into_our_words() -> None:
    asked = read(text(RIGHT | {"attributes": ["income_below_threshold", "household_size"]}), issuer=ISSUER)
    assert asked == Asked(
        purpose="energietoeslag", purpose_version=1,
        attributes=("household_size", "income_below_threshold"), duration_days=90,
    )  # fmt: skip


@pytest.mark.parametrize(
    "sent",
    [
        "", "{", "null", "{}", "[]", "[[]]", "[null]", '"x"', "[" * 9000, "\ud800", text(RIGHT)[:-1], text(RIGHT) + "]",
        text(RIGHT, RIGHT),
        text({k: v for k, v in RIGHT.items() if k != "type"}),
        text({k: v for k, v in RIGHT.items() if k != "purpose"}),
        text({k: v for k, v in RIGHT.items() if k != "purpose_version"}),
        text({k: v for k, v in RIGHT.items() if k != "attributes"}),
        text({k: v for k, v in RIGHT.items() if k != "duration_days"}),
    ],
    ids=lambda sent: sent[:20].encode("ascii", "replace").decode() or "empty",
)  # fmt: skip
def test_what_is_not_one_whole_object_is_refused(sent: str) -> None:
    assert refused(sent)


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": MARK}, {"type": request_type("https://other.example")}, {"type": 1}, {"type": None},
        {"purpose": MARK.upper()}, {"purpose": ""}, {"purpose": "x" * 65}, {"purpose": "../x"}, {"purpose": 3},
        {"purpose_version": 0}, {"purpose_version": -1}, {"purpose_version": 10**7}, {"purpose_version": "1"},
        {"purpose_version": 1.5}, {"purpose_version": True},
        {"attributes": []}, {"attributes": MARK}, {"attributes": [MARK, MARK]}, {"attributes": [1]},
        {"attributes": {"a": MARK}}, {"attributes": None},
        {"duration_days": 0}, {"duration_days": -5}, {"duration_days": 10**9}, {"duration_days": "90"},
        {"duration_days": 1e300}, {"duration_days": 2**70},
        {MARK: MARK}, {"reason": MARK}, {"title": MARK}, {"locations": [MARK]},
    ],
    ids=lambda wrong: msgspec.json.encode(wrong).decode()[:30] if not isinstance(wrong, str) else wrong,
)  # fmt: skip
def test_every_wrong_field_is_refused_and_not_repeated(wrong: dict[str, Any]) -> None:
    asked = None
    try:
        asked = read(text(RIGHT | wrong), issuer=ISSUER)
    except InvalidAuthorizationDetails as no:
        said = str(no).lower()
        assert MARK not in said
    if asked is not None:
        _, purpose = seeded()
        with pytest.raises(InvalidAuthorizationDetails) as later:
            check(asked, purpose, organisation="voorbeeldstad")
        assert MARK not in str(later.value).lower()


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_in_our_own_words(sent: str) -> None:
    with pytest.raises(InvalidAuthorizationDetails):
        read(sent, issuer=ISSUER)


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    members = st.sampled_from(sorted(RIGHT)) | st.text(max_size=5)
    return st.lists(inner, max_size=3) | st.dictionaries(members, inner, max_size=5)


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), containers, max_leaves=12)
)
def test_any_json_is_refused_without_its_own_words(sent: Any) -> None:
    said = refused(msgspec.json.encode(sent).decode())
    # msgspec's messages name a path and quote values ("Expected `str`, got `int` - at `$[0].type`").
    assert "$" not in said
    assert "`" not in said
    assert "Expected" not in said


def test_a_large_request_is_refused_before_it_is_read() -> None:
    assert "large" in refused(text(RIGHT | {"attributes": ["a" * 9000]}))


def asked(**changes: Any) -> Asked:
    return msgspec.structs.replace(read(text(RIGHT), issuer=ISSUER), **changes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"attributes": ("bsn", "household_size", "income_below_threshold")},
        {"attributes": ("household_size",)},
        {"attributes": ("energy_supplier", "number_of_children")},
        {"duration_days": 366},
    ],
    ids=str,
)
def test_nothing_beyond_the_purpose_and_nothing_needed_left_out(wrong: dict[str, Any]) -> None:
    _, purpose = seeded()
    with pytest.raises(InvalidAuthorizationDetails):
        check(asked(**wrong), purpose, organisation="voorbeeldstad")


def test_a_purpose_serves_only_the_organisation_it_was_approved_for() -> None:
    _, purpose = seeded()
    check(asked(), purpose, organisation="voorbeeldstad")
    for unknown, organisation in ((None, "voorbeeldstad"), (purpose, "voorbeeld-energie")):
        with pytest.raises(InvalidAuthorizationDetails) as no:
            check(asked(), unknown, organisation=organisation)
        assert "approved" in str(no.value)


@given(at=st.integers(0, 4_000_000_000 * SECOND), days=st.integers(1, 3650))
def test_a_grant_ends_on_a_whole_second_and_never_later_than_it_was_asked_for(at: int, days: int) -> None:
    ends_at = until(asked(duration_days=days), at=at)
    assert ends_at % SECOND == 0
    assert 0 <= at + days * DAY - ends_at < SECOND


def test_the_answer_names_the_chosen_and_never_the_unticked() -> None:
    (detail,) = granted_details(grant(), issuer=ISSUER)
    assert detail == {
        "type": RIGHT["type"], "purpose": "energietoeslag", "purpose_version": 1,
        "attributes": ["household_size", "income_below_threshold"], "grant_id": "a" * 32,
        "expires_at": (NOON + 90 * DAY) // SECOND, "given_by": "self",
    }  # fmt: skip


SCHEMA = schema(ISSUER)
_WRONG = st.sampled_from(
    [
        None,
        0,
        1,
        -1,
        10**6,
        10**6 + 1,
        1.5,
        True,
        "",
        "UP",
        "a-",
        "a" * 64,
        "a" * 65,
        [],
        {},
        [1],
        ["bsn"] * 2,
    ]
)
_FIELDS = st.sampled_from([*RIGHT, "reason", "grant_id"])


def test_the_published_schema_is_one() -> None:
    jsonschema_rs.meta.validate(SCHEMA)
    assert SCHEMA["$id"] == request_type(ISSUER)
    assert jsonschema_rs.is_valid(SCHEMA, RIGHT)
    judge = jsonschema_rs.validator_for(SCHEMA)
    assert not judge.is_valid(RIGHT | {"type": "https://elsewhere.example/types/attributes/v1"})


@given(changed=st.dictionaries(_FIELDS, _WRONG, max_size=2), gone=st.sets(_FIELDS, max_size=1))
def test_the_schema_takes_what_the_service_can_read_and_nothing_else(
    changed: dict[str, Any], gone: set[str]
) -> None:
    detail = {name: value for name, value in (RIGHT | changed).items() if name not in gone}
    try:
        known = set(read(text(detail), issuer=ISSUER).attributes) <= set(CATALOGUE)
    except InvalidAuthorizationDetails:
        known = False
    assert jsonschema_rs.is_valid(SCHEMA, detail) == known


def test_what_comes_back_has_its_own_form_there() -> None:
    (granted,) = granted_details(grant(), issuer=ISSUER)
    form = SCHEMA["$defs"]["granted"]
    assert jsonschema_rs.is_valid(form, granted)
    assert not jsonschema_rs.is_valid(form, granted | {"duration_days": 30})
    assert not jsonschema_rs.is_valid(SCHEMA, granted)
