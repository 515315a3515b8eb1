"""Ids: what they look like, and in which order those lie that say when."""

import pytest

from consent.words.ids import id_from, id_in_time, is_id


def test_an_id_is_its_random_bytes() -> None:
    assert id_from(bytes(range(16))) == "000102030405060708090a0b0c0d0e0f"
    assert is_id(id_from(bytes(16)))
    with pytest.raises(ValueError, match="16 random bytes"):
        id_from(bytes(15))


def test_ids_in_time_lie_in_the_order_of_time_whatever_chance_says() -> None:
    at = 1_893_495_600_000_000  # microseconds
    early, late = id_in_time(at, b"\xff" * 10), id_in_time(at + 1000, bytes(10))
    assert early < late
    assert is_id(early)
    assert early[12:] == "ff" * 10
    assert int(early[:12], 16) == at // 1000  # RFC 9562 §5.7: milliseconds in 48 bits
    with pytest.raises(ValueError, match="10 random bytes"):
        id_in_time(at, bytes(9))
