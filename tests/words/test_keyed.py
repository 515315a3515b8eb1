"""The keyed hash is HMAC-SHA-256: as the standard library computes it, and as RFC 4231 prints it."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.words.keyed import tag, tags

# RFC 4231 §4.2, §4.3, §4.4, §4.7 (a key longer than a block): key, data, tag.
VECTORS = [
    (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    (b"\xaa" * 20, b"\xdd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
]


@pytest.mark.parametrize(("key", "message", "expected"), VECTORS)
def test_it_gives_the_tags_that_the_rfc_prints(key: bytes, message: bytes, expected: str) -> None:
    assert tag(key, message).hex() == expected
    assert tags(key, [message])[0].hex() == expected


@given(key=st.binary(max_size=200), messages=st.lists(st.binary(max_size=300), max_size=5))
def test_it_agrees_with_the_standard_library(key: bytes, messages: list[bytes]) -> None:
    expected = [hmac.digest(key, message, "sha256") for message in messages]
    assert tags(key, messages) == expected
    assert [tag(key, message) for message in messages] == expected
