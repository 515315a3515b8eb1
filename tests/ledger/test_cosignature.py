"""Lines of witnesses and of the log's second key under a checkpoint: to the byte, and none that is nearly right."""

from base64 import b64decode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from consent.ledger import checkpoint as cp
from consent.ledger.cosignature import (
    CosigningKey,
    check_cosignature,
    check_cosignatures,
    cosign,
    cosigner_vkey,
)
from consent.ledger.errors import LedgerError
from tests.ledger.small_log import KEY, ORIGIN

ROOT = bytes(range(32))
BODY = cp.body(ORIGIN, 42, ROOT)
NOTE = cp.sign(BODY, ORIGIN, KEY)
AT = 1_900_000_000
WITNESS = "witness.example/w1"
CLASSIC = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
LATTICE = MLDSA44PrivateKey.from_seed_bytes(bytes(range(2, 34)))
both_kinds = pytest.mark.parametrize("key", [CLASSIC, LATTICE], ids=["ed25519", "ml-dsa-44"])


def test_the_ed25519_line_to_the_byte() -> None:
    line = cosign(BODY, WITNESS, CLASSIC, at=AT)
    public = CLASSIC.public_key().public_bytes_raw()
    raw = b64decode(line.removeprefix(f"— {WITNESS} "))
    assert raw[:4] == sha256(WITNESS.encode() + b"\n\x04" + public).digest()[:4]
    assert raw[4:12] == AT.to_bytes(8, "big")
    CLASSIC.public_key().verify(raw[12:], f"cosignature/v1\ntime {AT}\n{BODY}".encode())
    assert len(raw) == 4 + 8 + 64


def test_the_ml_dsa_line_to_the_byte() -> None:
    """tlog-cosignature, "ML-DSA-44 signed message": label, who, when, which log, from 0 to the size, the root."""
    line = cosign(BODY, ORIGIN, LATTICE, at=AT)
    public = LATTICE.public_key().public_bytes_raw()
    raw = b64decode(line.removeprefix(f"— {ORIGIN} "))
    assert raw[:4] == sha256(ORIGIN.encode() + b"\n\x06" + public).digest()[:4]
    name = ORIGIN.encode()
    message = b"subtree/v1\n\x00" + bytes([len(name)]) + name + AT.to_bytes(8, "big")
    message += bytes([len(name)]) + name + (0).to_bytes(8, "big") + (42).to_bytes(8, "big") + ROOT
    LATTICE.public_key().verify(raw[12:], message)
    assert (len(raw), len(public)) == (4 + 8 + 2420, 1312)


@both_kinds
def test_a_line_is_found_and_tells_when(key: CosigningKey) -> None:
    vkey = cosigner_vkey(WITNESS, key)
    assert check_cosignatures(NOTE + cosign(BODY, WITNESS, key, at=AT), [vkey]) == {vkey: AT}
    assert check_cosignatures(NOTE, [vkey]) == {}
    assert cp.check_checkpoint(NOTE + cosign(BODY, WITNESS, key, at=AT), [cp.vkey_of(ORIGIN, KEY)]).size == 42


@both_kinds
@pytest.mark.parametrize(
    "other",
    [cp.body(ORIGIN, 43, ROOT), cp.body("other.example/log", 42, ROOT), cp.body(ORIGIN, 42, bytes(32))],
    ids=["size", "log", "root"],
)
def test_a_line_does_not_fit_under_another_checkpoint(key: CosigningKey, other: str) -> None:
    with pytest.raises(LedgerError):
        check_cosignatures(
            cp.sign(other, ORIGIN, KEY) + cosign(BODY, WITNESS, key, at=AT), [cosigner_vkey(WITNESS, key)]
        )


@both_kinds
@pytest.mark.parametrize("place", [0, 7, 8, -1])
def test_another_time_or_another_bit_is_no_signature(key: CosigningKey, place: int) -> None:
    vkey = cp.parse_vkey(cosigner_vkey(WITNESS, key))
    (line,) = cp.parse_note(BODY + "\n" + cosign(BODY, WITNESS, key, at=AT)).signatures
    assert check_cosignature(line, vkey, BODY) == AT
    spoiled = bytearray(line.signature)
    spoiled[place] ^= 1
    with pytest.raises(LedgerError):
        check_cosignature(cp.Signature(line.name, line.key_id, bytes(spoiled)), vkey, BODY)
    for cut in (0, 7, 8, 71):
        with pytest.raises(LedgerError):
            check_cosignature(cp.Signature(line.name, line.key_id, line.signature[:cut]), vkey, BODY)


def test_an_ml_dsa_signature_says_whose_it_is() -> None:
    """The same key under another name signed something else; Ed25519 does not commit to the name."""
    (line,) = cp.parse_note(BODY + "\n" + cosign(BODY, WITNESS, LATTICE, at=AT)).signatures
    stranger = cp.parse_vkey(cosigner_vkey("witness.example/w2", LATTICE))
    with pytest.raises(LedgerError):
        check_cosignature(cp.Signature(stranger.name, stranger.key_id, line.signature), stranger, BODY)


def test_the_log_key_itself_is_not_a_cosigner() -> None:
    with pytest.raises(LedgerError):
        check_cosignatures(NOTE, [cp.vkey_of(ORIGIN, KEY)])


@pytest.mark.parametrize("at", [-1, 1 << 63])
def test_a_time_is_a_number_that_fits(at: int) -> None:
    with pytest.raises(LedgerError):
        cosign(BODY, WITNESS, LATTICE, at=at)


def test_only_a_checkpoint_is_cosigned() -> None:
    for text in ("", "origin\n1\n", BODY + "extension\n"):
        with pytest.raises(LedgerError):
            cosign(text, WITNESS, CLASSIC, at=AT)
    with pytest.raises(LedgerError):
        cosign(BODY, "n" * 256, LATTICE, at=AT)


def test_a_key_of_a_known_kind_has_its_length() -> None:
    for kind, length in ((4, 31), (4, 33), (6, 1311), (6, 32)):
        with pytest.raises(LedgerError):
            cp.parse_vkey(cp.format_vkey(WITNESS, bytes(length), kind))
