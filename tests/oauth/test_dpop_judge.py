"""DPoP proofs: the fast check accepts exactly what the same rules accept when joserfc does the work."""

import json
import re
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from joserfc import jwk as joserfc_jwk
from joserfc import jws

from consent.oauth import jose
from consent.oauth.dpop import KeyCache
from consent.words.errors import InvalidDpopProof

from .actors import (
    DISCLOSURES,
    EC,
    ED,
    NOON_S,
    RSA,
    b64,
    hash_of,
    proof,
    public,
)
from .proofs import TOKEN, check


class _Judge(jws.JWSRegistry):
    max_header_length = 4096

    def get_alg(self, name: str) -> Any:
        if name not in jose.ALGORITHMS:
            raise ValueError("not allowed")
        return self.algorithms[name]


_JUDGE = _Judge(strict_check_header=False)


def judged(shown: str) -> bool:
    try:
        extracted = jws.extract_compact(shown.encode(), registry=_JUDGE)
        header = extracted.headers()
        key: Any = joserfc_jwk.import_key(header["jwk"])
        if not jws.validate_compact(extracted, key, registry=_JUDGE) or header["typ"] != "dpop+jwt":
            return False
        if key.is_private or getattr(key, "curve_name", None) not in (None, "P-256", "Ed25519"):
            return False
        claims = json.loads(extracted.payload)
        return (
            (claims["htm"], claims["htu"]) == ("POST", DISCLOSURES)
            and isinstance(claims["jti"], str)
            and claims["jti"] != ""
            and type(claims["iat"]) in (int, float)
            and -60 < claims["iat"] - NOON_S <= 30
            and claims["ath"] == hash_of(TOKEN)
        )
    except Exception:
        return False


def accepted(shown: str, cache: KeyCache) -> bool:
    try:
        check(shown, token=TOKEN, cache=cache)
    except InvalidDpopProof:
        return False
    return True


_SHARED = KeyCache(8)  # on purpose one for all examples: what was seen before must not change an answer

claims = st.fixed_dictionaries(
    {
        "jti": st.sampled_from(["a", "", "proof", 1, None]) | st.text(max_size=5),
        "htm": st.sampled_from(["POST"] * 8 + ["GET"]),
        "htu": st.sampled_from([DISCLOSURES] * 8 + ["https://other.example/"]),
        "iat": st.sampled_from(
            [NOON_S] * 4 + [NOON_S - 60, NOON_S - 59, NOON_S + 30, NOON_S + 31, 0.5, "x", True]
        ),
        "ath": st.sampled_from([hash_of(TOKEN)] * 8 + ["x", 1, None]),
    }
)
headers = st.fixed_dictionaries(
    {
        "typ": st.sampled_from(["dpop+jwt"] * 8 + ["jwt", 1]),
        "alg": st.sampled_from(["ES256"] * 6 + ["PS256", "EdDSA", "Ed25519", "RS256", "HS256"]),
    },
    optional={"kid": st.text(max_size=3), "colour": st.integers()},
)


def _sign(header: dict[str, Any], body: dict[str, Any], key: Any) -> str:
    """Sign by the key's own algorithm when the header's name does not fit it."""
    first = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(body).encode())}"
    own = {"EC": "ES256", "RSA": "PS256", "OKP": "EdDSA"}[key.key_type]
    name = header["alg"] if header["alg"] == "RS256" and key is RSA else own
    return f"{first}.{b64(jws.JWSRegistry.algorithms[name].sign(first.encode(), key))}"


@settings(max_examples=300, deadline=None)
@given(
    header=headers,
    body=claims,
    key=st.sampled_from([EC, EC, RSA, ED]),
    shown=st.sampled_from([EC, RSA, ED, None]),
)
@example(
    header={"typ": "dpop+jwt", "alg": "ES256"},
    body={"jti": "a", "htm": "POST", "htu": DISCLOSURES, "iat": NOON_S, "ath": hash_of(TOKEN)},
    key=EC,
    shown=None,
)
def test_we_accept_exactly_what_joserfc_accepts(header: Any, body: Any, key: Any, shown: Any) -> None:
    signed_proof = _sign({**header, "jwk": public(shown or key)}, body, key)
    assert accepted(signed_proof, _SHARED) == judged(signed_proof) == accepted(signed_proof, KeyCache())


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 10_000), sign=st.sampled_from("AQgwBxyz01_-.=+/ "), remove=st.booleans())
def test_we_accept_a_damaged_proof_exactly_when_joserfc_does(place: int, sign: str, remove: bool) -> None:
    good = proof(ath=hash_of(TOKEN))
    place %= len(good)
    damaged = good[:place] + ("" if remove else sign) + good[place + 1 :]
    assert accepted(damaged, _SHARED) == judged(damaged)
    assert accepted(damaged, _SHARED) == (damaged == good)


def test_the_judge_is_awake() -> None:
    assert judged(proof(ath=hash_of(TOKEN)))
    assert not judged(proof(ath=hash_of("another")))
    assert re.fullmatch(r"[\w-]{43}", EC.thumbprint())
