"""Keys on disk: made at the first start, 0600, never in the database: a restored database must not sign alone."""

import contextlib
import os
import secrets
import stat
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.vault.keys import KeyRing
from consent.words.errors import Misconfigured
from consent.words.secret import Secret


def make_folder(folder: Path) -> None:
    """Make the data folder and its key folder, for their owner only. Raises Misconfigured when others may read."""
    for place in (folder, folder / "keys"):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(place.stat().st_mode) & 0o077:
            raise Misconfigured(f"others may read the folder {place.name}; make it 0700")


def has_keys(folder: Path) -> bool:
    """Whether this folder has keys already."""
    return (folder / "keys").is_dir() and any((folder / "keys").iterdir())


def make_keys(folder: Path) -> None:
    """Make the ring's first key and the service's own signing key. Raises Misconfigured when they exist."""
    _write(folder / "keys" / "ring-1.key", b64encode(secrets.token_bytes(32)) + b"\n")
    key = ec.generate_private_key(ec.SECP256R1())
    _write(
        folder / "keys" / "issuer.pem",
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )


def make_log_key(folder: Path, log: str) -> Ed25519PrivateKey:
    """Make the signing key of a log. Raises Misconfigured when it exists."""
    key = Ed25519PrivateKey.generate()
    _write(folder / "keys" / f"log-{log}.key", b64encode(key.private_bytes_raw()) + b"\n")
    return key


def read_ring(folder: Path) -> KeyRing:
    """All keys of the ring; the one with the highest number wraps. Raises Misconfigured."""
    keys: dict[int, bytes] = {}
    for file in (folder / "keys").glob("ring-*.key"):
        with _holds_a_key(file):
            keys[int(file.stem.removeprefix("ring-"))] = _octets(file)
    if not keys:
        raise Misconfigured("the key ring is missing from the data folder")
    return KeyRing({f"ring-{n}": Secret(key) for n, key in keys.items()}, current=f"ring-{max(keys)}")


def read_log_key(folder: Path, log: str) -> Ed25519PrivateKey:
    """The signing key of a log. Raises Misconfigured."""
    file = folder / "keys" / f"log-{log}.key"
    with _holds_a_key(file):
        return Ed25519PrivateKey.from_private_bytes(_octets(file))


def read_issuer_key(folder: Path) -> ec.EllipticCurvePrivateKey:
    """The service's own signing key (P-256). Raises Misconfigured."""
    file = folder / "keys" / "issuer.pem"
    with _holds_a_key(file):
        key = serialization.load_pem_private_key(_read(file), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Misconfigured("issuer.pem is not a P-256 key")
    return key


@contextlib.contextmanager
def _holds_a_key(file: Path) -> Iterator[None]:
    """Turn whatever a library says about the bytes of a key file into one line that holds none of them."""
    try:
        yield
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Misconfigured(f"the key file {file.name} holds no key that can be read") from None


def _octets(file: Path) -> bytes:
    octets = b64decode(_read(file).strip(), validate=True)
    if len(octets) != 32:
        raise ValueError("a key has 32 octets")
    return octets


def _write(path: Path, content: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Misconfigured(f"the key file {path.name} exists already") from None
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Misconfigured(f"others may read the key file {path.name}; make it 0600")
        return path.read_bytes()
    except OSError:
        raise Misconfigured(f"the key file {path.name} is missing") from None
