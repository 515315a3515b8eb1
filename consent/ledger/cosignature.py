"""Cosignatures: further lines under a checkpoint, of witnesses and of the log's own second key.

C2SP tlog-cosignature: somebody says that, at a time, this was the largest consistent tree that they had seen. Type
0x04 is Ed25519 (RFC 8032), type 0x06 is ML-DSA-44 (FIPS 204, pure, without context), which a quantum computer does not
break. A line holds the time in seconds since 1970 (8 bytes, big-endian), then the signature.
"""

from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from consent.ledger.checkpoint import (
    ED25519_COSIGNATURE,
    ML_DSA_44,
    Signature,
    VerifierKey,
    format_vkey,
    key_id,
    parse_body,
    parse_note,
    parse_vkey,
    signature_line,
)
from consent.ledger.errors import LedgerError

CosigningKey = Ed25519PrivateKey | MLDSA44PrivateKey
_PUBLIC: dict[int, type[Ed25519PublicKey | MLDSA44PublicKey]] = {
    ED25519_COSIGNATURE: Ed25519PublicKey,
    ML_DSA_44: MLDSA44PublicKey,
}


def cosigner_vkey(name: str, key: CosigningKey) -> str:
    """The verifier key that checks what *key* cosigns as *name*. Raises LedgerError for a name that is none."""
    return format_vkey(name, key.public_key().public_bytes_raw(), _algorithm(key))


def cosign(body: str, name: str, key: CosigningKey, *, at: int) -> str:
    """The line that *name* adds under the checkpoint text *body*, with its newline; *at* in whole seconds.

    Raises LedgerError for a text that is no checkpoint.
    """
    algorithm = _algorithm(key)
    signature = key.sign(_message(algorithm, name, at, body))
    own_id = key_id(name, algorithm, key.public_key().public_bytes_raw())
    return signature_line(name, own_id, at.to_bytes(8, "big") + signature)


def check_cosignature(line: Signature, key: VerifierKey, body: str) -> int:
    """Prove that *key* cosigned the checkpoint text *body*; returns when, in seconds. Raises LedgerError."""
    if (line.name, line.key_id) != (key.name, key.key_id) or key.algorithm not in _PUBLIC:
        raise LedgerError("a cosignature is of another key")
    at = int.from_bytes(line.signature[:8], "big")
    public = _PUBLIC[key.algorithm].from_public_bytes(key.public)
    try:
        public.verify(line.signature[8:], _message(key.algorithm, key.name, at, body))
    except (InvalidSignature, ValueError):
        raise LedgerError("a cosignature is wrong") from None
    return at


def check_cosignatures(note: str, vkeys: Iterable[str]) -> dict[str, int]:
    """Those of *vkeys* that cosigned *note*, and when (seconds). A wrong line of a known key raises LedgerError.

    The log's own first signature is not checked here: see `check_checkpoint`.
    """
    parsed = parse_note(note)
    keys = {text: parse_vkey(text) for text in vkeys}
    found = {}
    for text, key in keys.items():
        for line in parsed.signatures:
            if (line.name, line.key_id) == (key.name, key.key_id):
                found[text] = check_cosignature(line, key, parsed.body)
    return found


def _algorithm(key: CosigningKey) -> int:
    return ED25519_COSIGNATURE if isinstance(key, Ed25519PrivateKey) else ML_DSA_44


def _message(algorithm: int, name: str, at: int, body: str) -> bytes:
    checkpoint = parse_body(body)
    if not 0 <= at < 1 << 63:
        raise LedgerError("the time of a cosignature is a number of seconds below 2**63")
    if algorithm == ED25519_COSIGNATURE:
        return f"cosignature/v1\ntime {at}\n{body}".encode()
    # `cosigned_message`: what the checkpoint says, and by whom (tlog-cosignature, "ML-DSA-44 signed message").
    who_and_when = b"subtree/v1\n\0" + _short(name) + at.to_bytes(8, "big")
    start, end = bytes(8), checkpoint.size.to_bytes(8, "big")
    return who_and_when + _short(checkpoint.origin) + start + end + checkpoint.root


def _short(name: str) -> bytes:
    octets = name.encode()
    if not 0 < len(octets) < 256:
        raise LedgerError("the name of a cosigner or of a log has 1 to 255 bytes here")
    return bytes([len(octets)]) + octets
