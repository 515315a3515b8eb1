"""A citizen's keys: wrapped for one citizen under one ring, never printed; her names differ at each organisation."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consent.vault.keys import CitizenKeys, KeyRing, WrappedKeys, page_key, pairwise_id
from consent.words.errors import Misconfigured
from consent.words.secret import Secret

OLD, NEW = Secret(b"o" * 32), Secret(b"n" * 32)
DATA, SUBJECT = b"D" * 32, b"S" * 32
NONCES = (b"1" * 12, b"2" * 12)
CITIZEN = "c" * 32


def ring(**keys: Secret) -> KeyRing:
    found = keys or {"new": NEW}
    return KeyRing(found, current=list(found)[-1])


def wrapped(by: KeyRing | None = None, citizen: str = CITIZEN) -> WrappedKeys:
    return (by or ring()).wrap(citizen=citizen, data=DATA, subject=SUBJECT, nonces=NONCES)


def test_what_was_wrapped_comes_out_again() -> None:
    keys = ring().unwrap(wrapped())
    assert (keys.version, keys.data.reveal(), keys.subject.reveal()) == (1, DATA, SUBJECT)


def test_a_ring_with_a_new_key_still_opens_what_the_old_one_wrapped() -> None:
    before = wrapped(ring(old=OLD))
    grown = ring(old=OLD, new=NEW)
    assert grown.unwrap(before).data.reveal() == DATA
    assert before.ring_key == "old"
    assert wrapped(grown).ring_key == "new"


def test_a_ring_that_lost_its_old_key_says_so() -> None:
    with pytest.raises(Misconfigured, match="lacks a key"):
        ring(new=NEW).unwrap(wrapped(ring(old=OLD)))


def test_another_key_of_the_same_name_opens_nothing() -> None:
    with pytest.raises(Misconfigured, match="does not open"):
        ring(new=OLD).unwrap(wrapped(ring(new=NEW)))


@pytest.mark.parametrize("swap", ["citizen", "version", "which"])
def test_wrapped_keys_fit_only_their_citizen_version_and_place(swap: str) -> None:
    mine = wrapped()
    moved = {
        "citizen": replace(mine, citizen="d" * 32),
        "version": replace(mine, version=2),
        "which": replace(mine, data_key=mine.subject_key, subject_key=mine.data_key),
    }[swap]
    with pytest.raises(Misconfigured):
        ring().unwrap(moved)


@given(place=st.integers(0, 60), flip=st.integers(1, 255), which=st.sampled_from(["data_key", "subject_key"]))
def test_one_altered_byte_and_nothing_opens(place: int, flip: int, which: str) -> None:
    mine = wrapped()
    octets = bytearray(getattr(mine, which))
    octets[place % len(octets)] ^= flip
    with pytest.raises(Misconfigured):
        ring().unwrap(replace(mine, **{which: bytes(octets)}))


@pytest.mark.parametrize("wrong", [{"data": b"short"}, {"subject": b"S" * 33}], ids=str)
def test_a_key_of_another_length_is_not_wrapped(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        ring().wrap(**({"citizen": CITIZEN, "data": DATA, "subject": SUBJECT, "nonces": NONCES} | wrong))


def test_a_ring_needs_its_current_key_and_whole_keys() -> None:
    with pytest.raises(Misconfigured, match="current"):
        KeyRing({"old": OLD}, current="new")
    with pytest.raises(Misconfigured, match="32 bytes"):
        KeyRing({"old": Secret(b"short")}, current="old")


@given(
    st.lists(st.text(min_size=1, max_size=20), min_size=2, max_size=6, unique=True),
    st.binary(min_size=32, max_size=32),
)
def test_her_name_is_stable_at_one_organisation_and_another_at_each(
    organisations: list[str], subject: bytes
) -> None:
    names = [pairwise_id(Secret(subject), organisation) for organisation in organisations]
    assert names == [pairwise_id(Secret(subject), organisation) for organisation in organisations]
    assert len(set(names)) == len(names)
    assert all(len(name) == 22 for name in names)


@given(st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=6, unique=True))
def test_two_people_have_two_names_and_two_page_keys(subjects: list[bytes]) -> None:
    assert len({pairwise_id(Secret(subject), "voorbeeldstad") for subject in subjects}) == len(subjects)
    assert len({page_key(Secret(subject)) for subject in subjects}) == len(subjects)


def test_her_names_and_page_keys_say_nothing_about_her_key() -> None:
    for derived in (pairwise_id(Secret(SUBJECT), "voorbeeldstad").encode(), page_key(Secret(SUBJECT))):
        assert SUBJECT[:8] not in derived


def test_keys_cannot_be_printed_and_no_encoder_knows_them() -> None:
    keys = CitizenKeys(version=1, data=Secret(DATA), subject=Secret(SUBJECT))
    for text in (repr(keys), str(keys), f"{keys}", repr(keys.data), repr(ring()), repr(vars(ring()))):
        assert "DDDD" not in text
        assert "SSSS" not in text
        assert "nnnn" not in text
    for encode in (msgspec.json.encode, msgspec.msgpack.encode):
        with pytest.raises(TypeError):
            encode(keys)
    with pytest.raises(TypeError):
        vars(keys.data)
