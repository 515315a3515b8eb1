"""How far somebody reaches in another's name: one pure rule, tried on every mandate and every age."""

from datetime import date, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consent.acts.reach import AGES, DELICATE, EVERY, birthday, decides_herself, hidden, is_running, reach
from consent.storage.mandates import Mandate
from consent.words.attributes import CATALOGUE, SPECIAL
from consent.words.dates import local

DEEDS = ("look", "stop", "choose", "fill_in")
NL = AGES["NL"]
names = st.frozensets(st.sampled_from(sorted(CATALOGUE)), max_size=4)
instants = st.integers(0, 100)

mandates = st.builds(
    Mandate,
    id=st.just("m"),
    citizen=st.just("her"),
    kind=st.sampled_from(("helper", "guardian")),
    may=st.sampled_from(("look", "stop", "choose")),
    organisations=st.sampled_from(((), ("a",), ("a", "b"))),
    show_special=st.booleans(),
    sealed=st.just(b""),
    code=st.none(),
    code_until=instants,
    given_at=instants,
    expires_at=instants,
    alone_at=st.none() | instants,
    helper=st.sampled_from((None, "he", "her")),
    accepted_at=st.none() | instants,
    ended_at=st.none() | instants,
)
cases = st.fixed_dictionaries(
    {
        "deed": st.sampled_from(DEEDS),
        "who": st.sampled_from(("he", "her", "stranger")),
        "at": instants,
        "organisation": st.sampled_from((None, "a", "b", "c")),
        "names": names,
        "works_for": st.sampled_from((frozenset(), frozenset({"a"}), frozenset({EVERY}))),
    }
)


@given(mandate=mandates, case=cases)
def test_whoever_reaches_anything_has_all_that_it_takes(mandate: Mandate, case: dict[str, Any]) -> None:
    case = dict(case)
    deed, who, at = case.pop("deed"), case["who"], case["at"]
    if reach(mandate, deed, **case) is not None:
        return
    assert who == mandate.helper == "he"
    assert mandate.ended_at is None
    assert at < mandate.expires_at
    assert not mandate.organisations or case["organisation"] in (None, *mandate.organisations)
    seen = case["names"] - hidden(mandate, case["names"], at=at)
    assert seen == case["names"] or (deed == "stop" and seen)
    if deed != "look":
        assert mandate.alone_at is None or at < mandate.alone_at
        assert mandate.may != "look"
    if deed in ("choose", "fill_in"):
        assert mandate.may == "choose"
    if deed == "choose" and case["organisation"] is not None:
        assert not case["works_for"] & {case["organisation"], EVERY}
    if deed == "fill_in":
        assert mandate.kind == "guardian"


@given(mandate=mandates, case=cases)
def test_who_may_do_more_may_do_less(mandate: Mandate, case: dict[str, Any]) -> None:
    case = dict(case)
    if reach(mandate, case.pop("deed"), **case) is None and not hidden(mandate, case["names"], at=case["at"]):
        assert reach(mandate, "look", **case) is None


@given(mandate=mandates, case=cases, later=instants)
def test_time_takes_and_never_gives(mandate: Mandate, case: dict[str, Any], later: int) -> None:
    case = dict(case)
    deed = case.pop("deed")
    if reach(mandate, deed, **case) is not None:
        assert reach(mandate, deed, **(case | {"at": case["at"] + later})) is not None


def test_what_is_delicate_or_about_others_is_hidden() -> None:
    assert SPECIAL <= DELICATE
    assert {one.name for one in CATALOGUE.values() if one.about != "self"} <= DELICATE
    assert "city" not in DELICATE


@given(born=st.dates(date(1990, 1, 1), date(2030, 12, 31)), age=st.sampled_from(NL))
def test_a_birthday_begins_at_midnight_where_the_people_live(born: date, age: int) -> None:
    day = local(birthday(born, age))
    assert (day.hour, day.minute) == (0, 0)
    assert day.year == born.year + age
    if (born.month, born.day) != (2, 29):
        assert (day.month, day.day) == (born.month, born.day)


def test_who_was_born_on_29_february_is_older_on_1_march_unless_there_is_a_29th() -> None:
    leap = date(2008, 2, 29)
    assert [local(birthday(leap, age)).date() for age in NL] == [
        date(2020, 2, 29),
        date(2024, 2, 29),
        date(2026, 3, 1),
    ]


def test_a_parent_acts_until_16_looks_until_18_and_is_then_a_stranger() -> None:
    born = date(2010, 5, 4)
    parent = Mandate(
        id="m", citizen="child", kind="guardian", may="choose", organisations=(), show_special=True, sealed=b"",
        code=None, code_until=0, given_at=0, expires_at=birthday(born, NL.adult), alone_at=birthday(born, NL.alone),
        helper="parent", accepted_at=0,
    )  # fmt: skip

    def can(day: str) -> list[str]:
        at = int(datetime.fromisoformat(f"{day}+02:00").timestamp()) * 1_000_000
        return [deed for deed in DEEDS if reach(parent, deed, who="parent", at=at) is None]  # type: ignore[arg-type]

    assert can("2026-05-03T23:59:59") == list(DEEDS)
    assert can("2026-05-04T00:00:00") == ["look"]
    assert can("2028-05-03T23:59:59") == ["look"]
    assert can("2028-05-04T00:00:00") == []
    alone = birthday(born, NL.alone)
    assert hidden(parent, SPECIAL, at=alone - 1) == frozenset()
    assert hidden(parent, SPECIAL, at=alone) == SPECIAL
    assert not decides_herself([parent], at=alone - 1)
    assert decides_herself([parent], at=alone)
    assert decides_herself([replace(parent, ended_at=1)], at=alone - 1)
    assert is_running(parent, at=alone)
