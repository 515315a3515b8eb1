"""Reading what a log signs: verifier keys, checkpoints and tlog-proofs.

Sources: C2SP signed-note, tlog-checkpoint, tlog-policy and tlog-proof. The readers are strict: what has a
second spelling, a line too many or a hash of another length is not read at all. They raise ValueError; the
message names the rule.
"""

import base64
import hashlib
import re

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from .encoding import b64_bytes
from .merkle import HASH_BYTES, MAX_SIZE

_ED25519 = 1  # signed-note, "Signature types"
_ML_DSA_44 = 6
_KEY_BYTES = {_ED25519: 32, _ML_DSA_44: 1312}
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_MAX_NOTE = 1_000_000
_MAX_LINES = 100
_MAX_PATH = 62


class LogKey(msgspec.Struct, frozen=True):
    """A public key of a log: its name (the log's origin), the four bytes that point to it, and the key."""

    name: str
    key_id: bytes
    public: bytes
    vkey: str
    is_second: bool = False  # ML-DSA-44: signs moments after the first one
    since: int = -1  # it may sign larger sizes than this
    until: int = MAX_SIZE  # and none that is larger than this: then it was retired


class Checkpoint(msgspec.Struct, frozen=True):
    """What a log vouched for: so many entries, with this root. `note` is the signed text."""

    origin: str
    size: int
    root: bytes
    note: str
    is_signed_twice: bool = True  # or the log has no second key that we know of


class InclusionProof(msgspec.Struct, frozen=True):
    """A tlog-proof, read but not checked."""

    index: int
    path: tuple[bytes, ...]
    note: str


def read_log_key(vkey: str) -> LogKey:
    """Read a verifier key `name+hash+key` (signed-note, "Verifier keys"): Ed25519 or ML-DSA-44. Raises ValueError."""
    name, key_id, encoded = key_id_of(vkey)
    if not encoded or len(encoded) - 1 != _KEY_BYTES.get(encoded[0]):
        raise ValueError("a log key is an Ed25519 or ML-DSA-44 key")
    return LogKey(name, key_id, encoded[1:], vkey, is_second=encoded[0] == _ML_DSA_44)


def key_id_of(vkey: str) -> tuple[str, bytes, bytes]:
    """Name, id and typed key of a verifier key of any kind, the id checked. Raises ValueError."""
    parts = vkey.split("+", 2)
    if len(parts) != 3 or not parts[0] or any(c.isspace() for c in parts[0]):
        raise ValueError("a verifier key has three parts")
    name, key_id, encoded = parts[0], parts[1], b64_bytes(parts[2])
    expected = hashlib.sha256(name.encode() + b"\n" + encoded).digest()[:4]
    if key_id != expected.hex():
        raise ValueError("the key id does not belong to the key")
    return name, expected, encoded


def keys_in_policy(policy: str, origin: str) -> list[LogKey]:
    """The keys that a tlog-policy lists for the log *origin*. Raises ValueError on a broken one."""
    keys = []
    for line in policy.split("\n"):
        words = [word for word in re.split(r"[ \t]", line) if word]
        if len(words) < 2 or words[0] != "log":
            continue
        parts = words[1].split("+", 2)
        # Keys of a kind that we do not know may stand beside ours; they are passed over and never replace them.
        if parts[0] == origin and len(parts) == 3 and (b64_bytes(parts[2]) or b"\0")[0] in _KEY_BYTES:
            keys.append(read_log_key(words[1]))
    # The second key alone signs nothing that we could read at once.
    return keys if any(not key.is_second for key in keys) else []


def unverified_origin(note: str) -> str:
    """The log that a note says it comes from. Nothing has been checked: only good for choosing the key."""
    return note.split("\n", 1)[0]


def check_checkpoint(note: str, keys: list[LogKey]) -> Checkpoint:
    """Read the signed checkpoint *note*, and believe it only under one of *keys*.

    Lines of unknown keys are passed over; a line of a known key that does not verify condemns the whole note.
    An Ed25519 key must have signed; whether the second key has too, when there is one, stands in the answer.
    Raises ValueError.
    """
    text, lines = signature_lines(note)
    checkpoint = _read_body(text, note, names={key.name for key in keys})
    keys = [key for key in keys if key.since < checkpoint.size <= key.until]
    verified = signed_twice = False
    for name, blob in lines:
        for key in keys:
            if (key.name, key.key_id) != (name, blob[:4]):
                continue
            try:
                if key.is_second:
                    public = MLDSA44PublicKey.from_public_bytes(key.public)
                    public.verify(blob[12:], _cosigned_message(key.name, blob[4:12], text))
                    signed_twice = True
                else:
                    Ed25519PublicKey.from_public_bytes(key.public).verify(blob[4:], text.encode())
                    verified = True
            except InvalidSignature:
                raise ValueError("a signature of the log's key is wrong") from None
    if not verified:
        raise ValueError("no signature of the log's key")
    has_second = any(key.is_second and key.name == checkpoint.origin for key in keys)
    return msgspec.structs.replace(checkpoint, is_signed_twice=signed_twice or not has_second)


def _cosigned_message(name: str, at: bytes, text: str) -> bytes:
    # tlog-cosignature, "ML-DSA-44 signed message": label, who, when, which log, from 0 to its size, root.
    checkpoint = _read_body(text, "", names={name})
    if len(at) != 8 or len(name.encode()) > 255:
        raise ValueError("a cosignature has a time and a short name")
    short = bytes([len(name.encode())]) + name.encode()
    return (
        b"subtree/v1\n\0"
        + short
        + at
        + short
        + bytes(8)
        + checkpoint.size.to_bytes(8, "big")
        + checkpoint.root
    )


def signature_lines(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The signed text of *note*, and of each line the name and the bytes: key id, then signature. Raises ValueError."""
    if len(note) > _MAX_NOTE or _CONTROL.search(note):
        raise ValueError("the note is too long or has control characters")
    body, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise ValueError("a note is a text, an empty line and signatures")
    lines = signatures[:-1].split("\n")
    if len(lines) > _MAX_LINES:
        raise ValueError("too many signatures")
    found = []
    for line in lines:
        words = line.split(" ")
        if len(words) != 3 or words[0] != "—" or not words[1] or "+" in words[1]:
            raise ValueError("a signature line has a dash, a name and a signature")
        blob = b64_bytes(words[2])
        if len(blob) < 5:
            raise ValueError("a signature is too short")
        found.append((words[1], blob))
    return body + "\n", found


def _read_body(text: str, note: str, *, names: set[str]) -> Checkpoint:
    # tlog-checkpoint: origin, size, root. Our logs have no extension lines, so one more line is one too many.
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] != "":
        raise ValueError("a checkpoint has three lines")
    origin, size, root = lines[:3]
    if origin not in names:
        raise ValueError("the checkpoint is of another log")
    if not _NUMBER.fullmatch(size) or not 0 < int(size) <= MAX_SIZE:
        raise ValueError("the size is not a number of entries")
    return Checkpoint(origin, int(size), b64_bytes(root, length=HASH_BYTES), note)


def proof_text(proof: InclusionProof) -> str:
    """Write a tlog-proof, without an `extra` line."""
    path = "".join(f"{base64.b64encode(step).decode()}\n" for step in proof.path)
    return f"c2sp.org/tlog-proof@v1\nindex {proof.index}\n{path}\n{proof.note}"


def read_proof(text: str) -> InclusionProof:
    """Read a tlog-proof. The `extra` line is passed over: nobody vouches for it. Raises ValueError."""
    head, separator, note = text.partition("\n\n")
    lines = head.split("\n")
    if not separator or lines[0] != "c2sp.org/tlog-proof@v1":
        raise ValueError("not a tlog-proof")
    rest = lines[1:]
    if rest and rest[0].startswith("extra "):
        rest = rest[1:]
    if not rest or not rest[0].startswith("index ") or not _NUMBER.fullmatch(rest[0][6:]):
        raise ValueError("a proof names an index")
    if len(rest) - 1 > _MAX_PATH:
        raise ValueError("the path is too long")
    path = tuple(b64_bytes(line, length=HASH_BYTES) for line in rest[1:])
    return InclusionProof(int(rest[0][6:]), path, note)
