"""Signed tokens of clients: the direct check accepts exactly what joserfc accepts by the same rules."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from joserfc import jws

from consent.oauth import jose
from consent.words.errors import BadInput

from .actors import EC, EC_OTHER, ED, KEYS, RSA, b64, public, signed


class _Judge(jws.JWSRegistry):
    max_header_length = 4096

    def get_alg(self, name: str) -> Any:
        if name not in jose.ALGORITHMS:
            raise ValueError("not allowed")
        return self.algorithms[name]


_JUDGE = _Judge(strict_check_header=False)


def judged(token: str, keys: list[Any]) -> Any:
    """The claims, by joserfc alone: each of *keys* is tried that is of the algorithm's type."""
    kinds = {"ES256": "EC", "PS256": "RSA", "EdDSA": "OKP", "Ed25519": "OKP"}
    try:
        extracted = jws.extract_compact(token.encode(), registry=_JUDGE)
        kind = kinds[extracted.headers()["alg"]]
        claims = json.loads(extracted.payload)
        fitting = [key for key in keys if key.key_type == kind]
        verified = any(jws.validate_compact(extracted, key, registry=_JUDGE) for key in fitting)
        return claims if verified and isinstance(claims, dict) else None
    except Exception:
        return None


def accepted(token: str, keys: list[Any]) -> Any:
    try:
        return jose.check_jws(token, [public(key) for key in keys], types=None)[1]
    except BadInput:
        return None


headers = st.fixed_dictionaries(
    {"alg": st.sampled_from(["ES256"] * 4 + ["PS256", "EdDSA", "Ed25519", "RS256", "HS256", "none"])},
    optional={
        "typ": st.sampled_from(["JWT", 1, None, ["JWT"]]),
        "cty": st.sampled_from(["x", 1]),
        "jku": st.sampled_from(["https://bank.example/keys", "keys", 1]),
        "x5c": st.sampled_from([["a"], "a", [1]]),
        "x5t": st.sampled_from(["a", 1]),
        "jwk": st.sampled_from([public(EC_OTHER), "key", {}]),
        "colour": st.integers(),
    },
)
payloads = st.dictionaries(st.text(max_size=3), st.integers(-9, 9), max_size=2) | st.sampled_from([[], 1, ""])


def _sign(header: dict[str, Any], payload: Any, key: Any) -> str:
    """Sign by the key's own algorithm, whatever the header says."""
    first = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(payload).encode())}"
    own = {"EC": "ES256", "RSA": "PS256", "OKP": "EdDSA"}[key.key_type]
    return f"{first}.{b64(jws.JWSRegistry.algorithms[own].sign(first.encode(), key))}"


@settings(max_examples=300, deadline=None)
@given(
    header=headers,
    payload=payloads,
    key=st.sampled_from([EC, EC, RSA, ED]),
    known=st.lists(st.sampled_from([EC, EC_OTHER, RSA, ED]), max_size=4),
)
@example(header={"alg": "ES256"}, payload={"a": 1}, key=EC, known=[EC_OTHER, EC])
def test_we_accept_exactly_what_joserfc_accepts(header: Any, payload: Any, key: Any, known: Any) -> None:
    token = _sign(header, payload, key)
    assert accepted(token, known) == judged(token, known)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(KEYS)),
    place=st.integers(0, 10_000),
    sign=st.sampled_from("AQgwBxyz01_-.=+/ "),
    remove=st.booleans(),
)
def test_a_damaged_token_is_only_accepted_where_joserfc_does(
    name: str, place: int, sign: str, remove: bool
) -> None:
    good = signed({"alg": name}, {"a": 1}, KEYS[name])
    place %= len(good)
    damaged = good[:place] + ("" if remove else sign) + good[place + 1 :]
    ours = accepted(damaged, [KEYS[name]])
    # Each value has one spelling here; joserfc also reads others.
    assert (ours is not None) == (damaged == good)
    assert ours is None or ours == judged(damaged, [KEYS[name]])


@pytest.mark.parametrize("name", sorted(KEYS))
def test_the_judge_is_awake(name: str) -> None:
    key = KEYS[name]
    assert judged(signed({"alg": name}, {"a": 1}, key), [key]) == {"a": 1}
    assert judged(signed({"alg": name}, {"a": 1}, key), [EC_OTHER]) is None
    assert accepted(signed({"alg": name}, {"a": 1}, key), [key]) == {"a": 1}


def test_a_key_that_was_kept_in_memory_opens_nothing_when_it_is_taken_away() -> None:
    token = signed({"alg": "ES256"}, {"a": 1})
    assert accepted(token, [EC]) == {"a": 1}
    assert accepted(token, [EC_OTHER]) is None
    assert accepted(token, []) is None
    with pytest.raises(
        BadInput, match="private"
    ):  # checked each time, also when the rest of the key is known
        jose.check_jws(token, [public(EC, d="AAAA")], types=None)
