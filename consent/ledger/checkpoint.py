"""The checkpoint: one signed line of text that fixes the whole log so far.

C2SP signed-note and tlog-checkpoint, with the Ed25519 signature of the log (type 0x01, RFC 8032). A note may
carry more lines: signatures of keys that the reader does not know are ignored, so that witnesses and later
kinds of keys can be added without breaking anybody. Reading is strict: there is one way to write a
checkpoint.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from consent.ledger.errors import LedgerError
from consent.ledger.tree import HASH_BYTES

ED25519 = 1
ED25519_COSIGNATURE = 4
ML_DSA_44 = 6
_PUBLIC_BYTES = {ED25519: 32, ED25519_COSIGNATURE: 32, ML_DSA_44: 1312}
_KEY_ID_BYTES = 4
_MAX_NOTE_CHARACTERS = 1_000_000
_MAX_SIGNATURES = 64  # readers accept at least 16
_VKEY = re.compile(r"(?P<name>[^\s+]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/=]+)")
_SIGNATURE = re.compile(r"— (?P<name>[^\s+]+) (?P<signature>[A-Za-z0-9+/=]+)")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_CONTROL_CHARACTER = re.compile(r"[\x00-\x09\x0b-\x1f]")


class VerifierKey(msgspec.Struct, frozen=True):
    """A public key with its name: what a reader has to know beforehand. `algorithm` is the signature type
    byte.
    """

    name: str
    key_id: bytes
    algorithm: int
    public: bytes


class Signature(msgspec.Struct, frozen=True):
    """One signature line of a note, not yet checked."""

    name: str
    key_id: bytes
    signature: bytes


class Note(msgspec.Struct, frozen=True):
    """A note taken apart: the signed text (it ends in a newline) and its signature lines, not yet checked."""

    body: str
    signatures: tuple[Signature, ...]


class Checkpoint(msgspec.Struct, frozen=True):
    """What a checked checkpoint says: this log, with so many entries, has this root."""

    origin: str
    size: int
    root: bytes


def key_id(name: str, algorithm: int, public: bytes) -> bytes:
    """The 4 bytes that tell keys of one name apart (signed-note, "Signatures")."""
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:_KEY_ID_BYTES]


def format_vkey(name: str, public: bytes, algorithm: int = ED25519) -> str:
    """Write a public key as `name+id+key`. Raises LedgerError for a name with white space or a plus."""
    if not _is_key_name(name):
        raise LedgerError("a key name has no white space and no plus")
    encoded = b64encode(bytes([algorithm]) + public).decode()
    return f"{name}+{key_id(name, algorithm, public).hex()}+{encoded}"


def parse_vkey(text: str) -> VerifierKey:
    """Read `name+id+key`. Raises LedgerError when the id is not the one of this name and key."""
    match = _VKEY.fullmatch(text)
    if match is None or not _is_key_name(match["name"]):
        raise LedgerError("a verifier key is written name+id+key")
    typed = _base64(match["key"])
    if len(typed) < 2 or len(typed) - 1 != _PUBLIC_BYTES.get(typed[0], len(typed) - 1):
        raise LedgerError("a verifier key has the wrong length")
    name, algorithm, public = match["name"], typed[0], typed[1:]
    if key_id(name, algorithm, public).hex() != match["id"]:
        raise LedgerError("the id of a verifier key does not belong to it")
    return VerifierKey(name, bytes.fromhex(match["id"]), algorithm, public)


def vkey_of(origin: str, key: Ed25519PrivateKey) -> str:
    """The verifier key that checks what *key* signs for the log *origin*."""
    return format_vkey(origin, key.public_key().public_bytes_raw())


def body(origin: str, size: int, root: bytes) -> str:
    """The text of a checkpoint: origin, size, root, a line each. Raises LedgerError when it cannot be one."""
    if not _is_key_name(origin) or not 0 <= size < 1 << 63 or len(root) != HASH_BYTES:
        raise LedgerError(
            "a checkpoint has an origin without white space or plus, a size and a root of 32 bytes"
        )
    return f"{origin}\n{size}\n{b64encode(root).decode()}\n"


def sign(body: str, origin: str, key: Ed25519PrivateKey) -> str:
    """Sign the text *body* as the log *origin*: the whole note, ready to be served."""
    public = key.public_key().public_bytes_raw()
    return f"{body}\n{signature_line(origin, key_id(origin, ED25519, public), key.sign(body.encode()))}"


def signature_line(name: str, key_id: bytes, signature: bytes) -> str:
    """One signature line with its newline. A note plus another line is again a note."""
    return f"— {name} {b64encode(key_id + signature).decode()}\n"


def parse_note(text: str) -> Note:
    """Take a note apart without checking any signature. Raises LedgerError for any malformation."""
    if len(text) > _MAX_NOTE_CHARACTERS:
        raise LedgerError("a note is too long")
    if _CONTROL_CHARACTER.search(text) or not text.endswith("\n"):
        raise LedgerError("a note has a control character, or does not end in a newline")
    # The last empty line parts the text from the signatures: a text may have empty lines of its own.
    border = text.rfind("\n\n")
    if border < 0:
        raise LedgerError("a note has no signatures")
    lines = text[border + 2 : -1].split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise LedgerError("a note has too many signatures")
    signatures = []
    for line in lines:
        match = _SIGNATURE.fullmatch(line)
        if match is None or not _is_key_name(match["name"]):
            raise LedgerError("a signature line is malformed")
        signed = _base64(match["signature"])
        if len(signed) <= _KEY_ID_BYTES:
            raise LedgerError("a signature is too short")
        signatures.append(Signature(match["name"], signed[:_KEY_ID_BYTES], signed[_KEY_ID_BYTES:]))
    return Note(text[: border + 1], tuple(signatures))


def parse_body(text: str) -> Checkpoint:
    """Read the text of a checkpoint that has not been checked. Raises LedgerError; extension lines are not
    allowed.

    (An extension line is not covered by every kind of signature: tlog-checkpoint, "Signatures".)
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not _is_key_name(lines[0]):
        raise LedgerError("a checkpoint has three lines: origin, size, root")
    if not _SIZE.fullmatch(lines[1]):
        raise LedgerError("the size in a checkpoint is a decimal number without leading zeros")
    root = _base64(lines[2])
    if len(root) != HASH_BYTES:
        raise LedgerError("the root in a checkpoint is 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def check_checkpoint(note: str, vkeys: Iterable[str]) -> Checkpoint:
    """Check that one of the keys *vkeys* signed *note* as the log that it names, and return what it says.

    A signature by a known key that fails spoils the whole note; one by an unknown key is ignored. When second
    keys of the log (ML-DSA-44) are given too, one of them must have signed as well: to skip them would be to
    check less than was asked. Raises LedgerError.
    """
    from consent.ledger.cosignature import check_cosignatures  # which reads notes itself

    parsed = parse_note(note)
    checkpoint = parse_body(parsed.body)
    keys = {text: key for text in vkeys if (key := parse_vkey(text)).name == checkpoint.origin}
    known = {(key.name, key.key_id): key for key in keys.values() if key.algorithm == ED25519}
    second = [text for text, key in keys.items() if key.algorithm != ED25519]
    if second and not check_cosignatures(note, second):
        raise LedgerError("a checkpoint lacks the second signature of its log")
    verified = False
    message = parsed.body.encode()
    for line in parsed.signatures:
        # A key speaks for the log of its own name only.
        signer = known.get((line.name, line.key_id)) if line.name == checkpoint.origin else None
        if signer is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(signer.public).verify(line.signature, message)
        except (InvalidSignature, ValueError):
            raise LedgerError("the signature under a checkpoint is wrong") from None
        verified = True
    if not verified:
        raise LedgerError("a checkpoint is not signed by a known key of its log")
    return checkpoint


def _is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(character.isspace() for character in name)


def _base64(text: str) -> bytes:
    try:
        raw = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise LedgerError("base64 is malformed") from None
    # Two spellings of the same bytes would make two different notes that are equally valid.
    if b64encode(raw).decode() != text:
        raise LedgerError("base64 is not in its one canonical form")
    return raw
