"""A small real log: leaves, the tree by its definition, tiles, signed checkpoints. Clear, not fast."""

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def canonical(structure: Any) -> bytes:
    return msgspec.json.encode(structure, order="sorted")


def tree_hash(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = tree_hash(leaves[:split]), tree_hash(leaves[split:])
    return hashlib.sha256(b"\1" + left + right).digest()


def audit_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 §2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*audit_path(index, leaves[:split]), tree_hash(leaves[split:])]
    return [*audit_path(index - split, leaves[split:]), tree_hash(leaves[:split])]


def tile_row(level: int, number: int, width: int, leaves: list[bytes]) -> bytes | None:
    """C2SP tlog-tiles: hash i of tile n is the tree over its own 256**level leaves."""
    span = 256**level
    rows = []
    for i in range(number * 256, number * 256 + width):
        if (i + 1) * span > len(leaves):
            return None
        rows.append(tree_hash(leaves[i * span : (i + 1) * span]))
    return b"".join(rows)


class TestLog:
    """A log of its own, with a key of its own."""

    __test__ = False

    def __init__(self, origin: str, private: Ed25519PrivateKey | None = None) -> None:
        self.origin = origin
        self.leaves: list[bytes] = [os.urandom(152)]
        self.changes: list[tuple[int, str]] = []  # index of `key.retired`, and which key
        self.private = private or Ed25519PrivateKey.generate()
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = hashlib.sha256(origin.encode() + b"\n\x01" + public).digest()[:4]
        self.vkey = "+".join([origin, self.key_id.hex(), b64(b"\x01" + public)])

    def rotate(
        self, private: Ed25519PrivateKey, fraud: Callable[["TestLog"], dict[str, object]] | None = None
    ) -> None:
        """Change the key as the log does; *fraud* says what `key.retired` says otherwise."""
        following = TestLog(self.origin, private)
        self.leaves.append(control({"ev": "key.added", "key": following.vkey}))
        retired = {"ev": "key.retired", "key": self.vkey, "last": self.note()}
        retired |= fraud(self) if fraud is not None else {}
        self.changes.append((len(self.leaves), self.vkey))
        self.leaves.append(control(retired))
        self.private, self.key_id, self.vkey = private, following.key_id, following.vkey

    def grow(self, entries: int) -> None:
        self.leaves += [os.urandom(152) for _ in range(entries)]

    def note(self, size: int | None = None) -> str:
        leaves = self.leaves[:size]
        body = f"{self.origin}\n{len(leaves)}\n{b64(tree_hash(leaves))}\n"
        return self.signed(body)

    def signed(self, body: str) -> str:
        signature = self.key_id + self.private.sign(body.encode())
        other = b64(bytes(100))
        return f"{body}\n— witness.example/w {other}\n— {self.origin} {b64(signature)}\n"

    def proof(self, index: int) -> str:
        path = "".join(b64(step) + "\n" for step in audit_path(index, self.leaves))
        return f"c2sp.org/tlog-proof@v1\nindex {index}\n{path}\n{self.note()}"

    def serve(self, path: str) -> bytes | None:
        """What stands below the log's prefix: policy and tiles of the present size."""
        if path == "policy":
            return f"# keys\nlog {self.vkey}\nquorum none\n".encode()
        if path == "keys":
            return "".join(f"{index - 1} {index} {vkey}\n" for index, vkey in self.changes).encode()
        words = path.split("/")
        if words[0] != "tile":
            return None
        level, rest = int(words[1].replace("entries", "0")), "/".join(words[2:])
        digits, _, width = rest.partition(".p/")
        number = int(digits.replace("x", "").replace("/", ""))
        if words[1] == "entries":
            leaves = self.leaves[number * 256 :][: int(width or 256)]
            return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)
        return tile_row(level, number, int(width or 256), self.leaves)


def control(body: object) -> bytes:
    """A public entry about the log itself."""
    octets = json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    return (
        b"CLg\x01\x01\0\0\0"
        + os.urandom(16)
        + bytes(64)
        + hashlib.sha256(octets).digest()
        + bytes(32)
        + octets
    )
