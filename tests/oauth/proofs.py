"""Shows proofs to the check the way a request does; shared by the tests of DPoP."""

from typing import Any

import pytest

from consent.oauth.dpop import KeyCache, Proof, check_proof
from consent.words.errors import InvalidDpopProof

from .actors import (
    DISCLOSURES,
    NOON,
)

TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"  # RFC 9449 §7.1


def check(*proofs: str | bytes, **changes: Any) -> Proof:
    request = {
        "method": "POST",
        "url": DISCLOSURES,
        "at": NOON,
        "token": None,
        "cache": KeyCache(),
        **changes,
    }
    return check_proof(list(proofs), **request)


def refuse(*proofs: str | bytes, **changes: Any) -> None:
    with pytest.raises(InvalidDpopProof):
        check(*proofs, **changes)
