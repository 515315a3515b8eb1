"""Nonces: ours, young, and known to every process; a token says itself that its proofs need one."""

import pytest

from consent.oauth.nonce import AGING, AHEAD, LIFE, check_nonce, make_nonce, next_nonce
from consent.oauth.token import access_handle, handle_hash, needs_nonce
from consent.words.errors import UseDpopNonce
from consent.words.instants import SECOND

from .actors import NOON, proof
from .proofs import check, refuse

KEYS = [b"n" * 32]


def is_good(nonce: str | None, *, at: int = NOON, keys: list[bytes] = KEYS) -> bool:
    try:
        check_nonce(nonce, keys, at=at)
    except UseDpopNonce as asked:
        check_nonce(asked.nonce, keys, at=at)  # what it brings along works
        return False
    return True


@pytest.mark.parametrize(
    ("after", "is_ok"), [(-AHEAD, True), (-AHEAD - SECOND, False), (0, True), (LIFE - 1, True), (LIFE, False)]
)
def test_a_nonce_works_for_a_while_and_a_clock_may_be_a_little_behind(after: int, is_ok: bool) -> None:
    assert is_good(make_nonce(KEYS, at=NOON), at=NOON + after) is is_ok


@pytest.mark.parametrize(
    "nonce",
    [None, "", "x", "A" * 32, "A" * 31, "é" * 32, "!" * 32, make_nonce([b"other" * 8], at=NOON)],
)
def test_what_we_did_not_make_is_none(nonce: str | None) -> None:
    assert not is_good(nonce)


def test_its_time_cannot_be_changed() -> None:
    old, new = make_nonce(KEYS, at=NOON - LIFE), make_nonce(KEYS, at=NOON)
    assert not is_good(new[:11] + old[11:])
    assert not is_good(old[:11] + new[11:])


def test_after_a_new_key_the_nonces_of_the_old_one_still_work() -> None:
    assert is_good(make_nonce(KEYS, at=NOON), keys=[b"m" * 32, *KEYS])
    assert not is_good(make_nonce(KEYS, at=NOON), keys=[b"m" * 32])


def test_a_new_one_comes_before_the_old_one_stops_working() -> None:
    """RFC 9449 §8.2."""
    nonce = make_nonce(KEYS, at=NOON)
    assert next_nonce(nonce, KEYS, at=NOON + AGING - 1) is None
    fresh = next_nonce(nonce, KEYS, at=NOON + AGING)
    assert fresh == make_nonce(KEYS, at=NOON + AGING)
    assert next_nonce("A" * 32, KEYS, at=NOON + AGING) is None


def test_a_proof_tells_its_nonce_and_one_of_another_kind_is_refused() -> None:
    assert check(proof(nonce="n")).nonce == "n"
    assert check(proof()).nonce is None
    refuse(proof(nonce=5))


def test_the_mark_of_a_token_cannot_be_taken_off() -> None:
    marked, plain = (access_handle(b"c" * 32, needs_nonce=it) for it in (True, False))
    assert (needs_nonce(marked), needs_nonce(plain)) == (True, False)
    assert marked.startswith(plain)
    assert handle_hash(marked) != handle_hash(plain)
