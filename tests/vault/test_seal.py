"""A sealed value fits only its citizen, attribute and version, opens only with a Permit, and hides its length."""

from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consent.vault.seal import NotPermitted, OpenedValue, SealedValue, open_sealed, seal
from consent.words.decision import Permit
from consent.words.secret import Secret

DATA, SALT, NONCE = bytes(range(32)), b"s" * 32, b"n" * 12
CIPHER = AESGCM(DATA)
CITIZEN, NAME = "c" * 32, "household_size"
YES = Permit(CITIZEN, frozenset({NAME}))


def sealed(value: bytes = b"3", **about: Any) -> SealedValue:
    names: dict[str, Any] = {"citizen": CITIZEN, "name": NAME, "version": 1, "key_version": 1} | about
    octets = seal(data_key=Secret(DATA), salt=SALT, value=value, nonce=NONCE, **names)
    return SealedValue(
        **names, sealed=octets, commitment=bytes(32), source="self", as_of="2030-01-01", created_at=0
    )


@given(value=st.binary(max_size=16_348))
def test_what_was_sealed_comes_out_again(value: bytes) -> None:
    assert open_sealed(YES, sealed(value), cipher=CIPHER) == OpenedValue(SALT, value)


@pytest.mark.parametrize(
    "other",
    [{"citizen": "d" * 32}, {"name": "income"}, {"version": 2}, {"version": 0}, {"key_version": 2}],
    ids=str,
)
def test_it_does_not_pass_for_another_citizens_attribute_or_version(other: dict[str, Any]) -> None:
    """Also with a Permit for that other one: the database cannot swap two rows."""
    moved = replace(sealed(), **other)
    permit = Permit(moved.citizen, frozenset({moved.name}))
    with pytest.raises(InvalidTag):
        open_sealed(permit, moved, cipher=CIPHER)


def test_parts_that_read_alike_when_joined_are_still_different() -> None:
    one = sealed(citizen="c" * 31, name="x" + NAME)
    moved = replace(one, citizen="c" * 31 + "x", name=NAME)
    permit = Permit(moved.citizen, frozenset({NAME}))
    with pytest.raises(InvalidTag):
        open_sealed(permit, moved, cipher=CIPHER)


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(InvalidTag):
        open_sealed(YES, sealed(), cipher=AESGCM(bytes(32)))


@pytest.mark.parametrize(
    "permit",
    [
        Permit("d" * 32, frozenset({NAME})),
        Permit(CITIZEN, frozenset({"income"})),
        Permit(CITIZEN, frozenset()),
        Permit("", frozenset({NAME})),
    ],
)
def test_without_a_permit_for_this_very_value_nothing_opens(permit: Permit) -> None:
    with pytest.raises(NotPermitted):
        open_sealed(permit, sealed(), cipher=CIPHER)


@given(place=st.integers(0, 1_000), flip=st.integers(1, 255))
def test_one_altered_byte_and_it_stays_shut(place: int, flip: int) -> None:
    whole = sealed()
    octets = bytearray(whole.sealed)
    octets[place % len(octets)] ^= flip
    with pytest.raises(InvalidTag):
        open_sealed(YES, replace(whole, sealed=bytes(octets)), cipher=CIPHER)


@given(cut=st.integers(0, 100))
def test_what_was_cut_short_stays_shut(cut: int) -> None:
    whole = sealed()
    with pytest.raises((InvalidTag, ValueError)):
        open_sealed(YES, replace(whole, sealed=whole.sealed[: cut % len(whole.sealed)]), cipher=CIPHER)


@given(one=st.binary(max_size=28), other=st.binary(max_size=28))
def test_short_values_are_all_of_one_length(one: bytes, other: bytes) -> None:
    """Else "yes" and "no", or one child and ten, could be told apart without a key."""
    assert len(sealed(one).sealed) == len(sealed(other).sealed)


@given(value=st.binary(max_size=16_348))
def test_few_lengths_exist_at_all(value: bytes) -> None:
    assert len(sealed(value).sealed) - 1 - 12 - 16 in (64, 128, 256, 512, 1024, 4096, 16384)


def test_the_value_stands_nowhere_in_what_is_kept() -> None:
    assert b"Kanarie" not in sealed(b"Kanarie").sealed
    assert SALT not in sealed(b"Kanarie").sealed


@pytest.mark.parametrize(
    "wrong", [{"salt": b"s" * 31}, {"nonce": b"n" * 11}, {"value": bytes(17_000)}], ids=str
)
def test_a_wrong_length_is_refused_and_not_repeated(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"salt": SALT, "nonce": NONCE, "value": b"3"}
    with pytest.raises(ValueError, match=r"long|16 kB"):
        seal(data_key=Secret(DATA), citizen=CITIZEN, name=NAME, version=1, key_version=1, **(right | wrong))
