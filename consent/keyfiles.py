"""Keys on disk: made at the first start, 0600, never in the database: a restored database must not sign alone."""

import contextlib
import fcntl
import os
import re
import secrets
import stat
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from consent.ledger.cosignature import cosigner_vkey
from consent.ledger.errors import LedgerError
from consent.oauth.keys import ServerKey
from consent.vault.keys import KeyRing
from consent.words.errors import Misconfigured
from consent.words.instants import SECOND
from consent.words.secret import Secret

_NO_RING = "the key ring is missing from the data folder"
LogKey = Ed25519PrivateKey | MLDSA44PrivateKey


def make_folder(folder: Path) -> None:
    """Make the data folder and its key folder, for their owner only.

    Raises Misconfigured when others may read, or when it is somebody else's.
    """
    for place in (folder, folder / "keys"):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_owner(place)
        if stat.S_IMODE(place.stat().st_mode) & 0o077:
            raise Misconfigured(f"others may read the folder {place.name}; make it 0700")


def check_owner(place: Path) -> None:
    """See that a folder, if it is there, is ours: root too would leave files that its owner cannot read.

    Raises Misconfigured.
    """
    if place.exists() and place.stat().st_uid != os.geteuid():
        raise Misconfigured(f"the folder {place.name} belongs to another user; give the command as that one")


@contextlib.contextmanager
def held_keys(folder: Path) -> Iterator[None]:
    """Hold the folder of keys: of two commands at once each would make the next key, and both of one name.

    Raises Misconfigured.
    """
    check_owner(folder)
    if not (folder / "keys").is_dir():
        raise Misconfigured(_NO_RING)
    handle = os.open(folder / "keys", os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Misconfigured(
                "another command changes the keys right now; see what it did, and try again"
            ) from None
        yield
    finally:
        os.close(handle)


def has_keys(folder: Path) -> bool:
    """Whether this folder has keys already."""
    return (folder / "keys").is_dir() and any((folder / "keys").iterdir())


def make_keys(folder: Path) -> None:
    """Make the ring's first key and the service's own signing key. Raises Misconfigured when they exist."""
    _write(folder / "keys" / "ring-1.key", b64encode(secrets.token_bytes(32)) + b"\n")
    _write(folder / "keys" / "issuer.pem", _new_issuer_key())


def make_issuer_key(folder: Path, *, active_from: int) -> str:
    """Make another signing key for the service, to be used from *active_from* (microseconds); returns its file's name.

    It appears whole or not at all: a service that runs reads the folder at any moment. Raises Misconfigured.
    """
    file = folder / "keys" / f"issuer-{active_from // SECOND}.pem"
    if file.exists():
        raise Misconfigured(f"the key file {file.name} exists already")
    unfinished = file.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    _write(unfinished, _new_issuer_key())
    unfinished.rename(file)
    keep_folder(file.parent)
    return file.name


def remove_keys(folder: Path, names: Iterable[str]) -> None:
    """Destroy keys by their file names."""
    for name in names:
        (folder / "keys" / name).unlink(missing_ok=True)
    keep_folder(folder / "keys")


def offer_log_keys(folder: Path, log: str) -> tuple[Ed25519PrivateKey, MLDSA44PrivateKey]:
    """Make both keys of a log that is about to begin, the second as a seed; `keep_log_keys` gives them their names.

    So a log that did not begin leaves no key that looks used, and of two processes that begin it at once neither
    destroys the other's. Raises Misconfigured when the log has a key.
    """
    if log in logs_with_keys(folder):
        raise Misconfigured(f"a key of the log {log} exists already: it was begun before")
    first, second = Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate()
    secrets_of_both = (first.private_bytes_raw(), second.private_bytes_raw())
    for file, octets in zip(_offered(folder, log, first), secrets_of_both, strict=True):
        _write(file, b64encode(octets) + b"\n")
    keep_folder(folder / "keys")
    return first, second


def keep_log_keys(folder: Path, log: str, first: Ed25519PrivateKey) -> None:
    """The log has begun with the keys that were offered with *first*: they are its keys from now on."""
    pairs = zip(_offered(folder, log, first), _log_key_files(folder, log), strict=True)
    for offered, named in reversed(list(pairs)):  # the first one last: with its name all is done
        if offered.exists():
            offered.rename(named)
    keep_folder(folder / "keys")


def drop_log_keys(folder: Path, log: str, first: Ed25519PrivateKey) -> None:
    """The log did not begin with these keys, which signed nothing."""
    for file in _offered(folder, log, first):
        file.unlink(missing_ok=True)


def settle_log_keys(folder: Path, log: str, is_first: Callable[[Ed25519PrivateKey], bool]) -> None:
    """After a crash between beginning *log* and naming its keys: they are those whose first is the one meant."""
    if log in logs_with_keys(folder):
        return
    for file in (folder / "keys").glob(f"log-{log}.*.new"):
        if file.name.endswith(".mldsa44.new"):
            continue
        with _holds_a_key(file):
            key = Ed25519PrivateKey.from_private_bytes(_octets(file))
        if is_first(key):
            keep_log_keys(folder, log, key)
            return


def remember_checkpoint(folder: Path, log: str, note: str) -> None:
    """Keep the newest checkpoint of a log beside its keys: an older copy of the database does not bring it along."""
    file = folder / "keys" / f"log-{log}.seen"
    unfinished = file.with_suffix(f".{os.getpid()}.unfinished")  # processes that end together do this at once
    unfinished.unlink(missing_ok=True)
    _write(unfinished, note.encode())
    unfinished.replace(file)


def remembered_checkpoint(folder: Path, log: str) -> str | None:
    """The checkpoint that was kept last, or None."""
    file = folder / "keys" / f"log-{log}.seen"
    return _read(file).decode() if file.exists() else None


def logs_with_keys(folder: Path) -> set[str]:
    """The names of all logs that were ever begun from this folder."""
    # Behind a dot stands what tells keys of one log apart. A second key alone is one that a crash left half named.
    files = [file.name for file in (folder / "keys").glob("log-*.key")]
    return {
        name.removeprefix("log-").partition(".")[0] for name in files if not name.endswith(".mldsa44.key")
    }


def _log_key_files(folder: Path, log: str) -> tuple[Path, Path]:
    return folder / "keys" / f"log-{log}.key", folder / "keys" / f"log-{log}.mldsa44.key"


def _offered(folder: Path, log: str, first: Ed25519PrivateKey) -> tuple[Path, Path]:
    name = f"log-{log}.{first.public_key().public_bytes_raw().hex()[:16]}"
    return folder / "keys" / f"{name}.new", folder / "keys" / f"{name}.mldsa44.new"


def read_names_key(folder: Path, *, is_needed: bool) -> Secret:
    """The key that hashes what finds a person's ways in; made when there is none. Raises Misconfigured.

    *is_needed*: hashes under it exist, so another key would find none of them.
    """
    file = folder / "keys" / "names.key"
    if not file.exists() and not is_needed:
        _write(file, b64encode(secrets.token_bytes(32)) + b"\n")
        keep_folder(file.parent)
    with _holds_a_key(file):
        return Secret(_octets(file))


def read_secret(file: Path) -> Secret:
    """What somebody else gave us to prove who we are: the first line of a file. Raises Misconfigured."""
    with _holds_a_key(file):
        return Secret(_read(file).decode().partition("\n")[0].strip().encode())


def make_witness_key(folder: Path, name: str) -> None:
    """Make the key of a witness; its name for good stands with it. Raises Misconfigured when it exists."""
    try:
        cosigner_vkey(name, key := Ed25519PrivateKey.generate())
    except LedgerError:
        raise Misconfigured("the name of a witness has no white space and no plus") from None
    _write(
        folder / "keys" / "witness.key", f"{name} {b64encode(key.private_bytes_raw()).decode()}\n".encode()
    )


def read_witness_key(folder: Path) -> tuple[str, Ed25519PrivateKey]:
    """The name of a witness and its key. Raises Misconfigured."""
    file = folder / "keys" / "witness.key"
    with _holds_a_key(file):
        name, encoded = _read(file).decode().split()
        return name, Ed25519PrivateKey.from_private_bytes(b64decode(encoded, validate=True))


class RingKey(msgspec.Struct, frozen=True):
    """A key file of the ring: `ring-1.key`, or with the second from which it wraps, `ring-2-1900000000.key`."""

    number: int
    active_from: int  # microseconds
    file: str

    @property
    def id(self) -> str:
        """What a wrapped key says it was wrapped with."""
        return f"ring-{self.number}"


def ring_keys(folder: Path) -> list[RingKey]:
    """The keys of the ring that are there, oldest first."""
    found = [
        RingKey(int(named[1]), int(named[2] or 0) * SECOND, file.name)
        for file in (folder / "keys").glob("ring-*.key")
        if (named := re.fullmatch(r"ring-([1-9][0-9]{0,5})(?:-([0-9]{1,12}))?\.key", file.name))
    ]
    return sorted(found, key=lambda key: key.number)


def wrapping(keys: list[RingKey], *, at: int) -> RingKey:
    """The one of *keys*, oldest first, that wraps at the instant *at* (us): the newest whose time has come."""
    return next((key for key in reversed(keys) if key.active_from <= at), keys[0])


def read_ring(folder: Path, *, at: int) -> KeyRing:
    """All keys of the ring, with the one that wraps at the instant *at* (microseconds). Raises Misconfigured."""
    keys, octets = ring_keys(folder), {}
    if not keys:
        raise Misconfigured(_NO_RING)
    for key in keys:
        file = folder / "keys" / key.file
        if key.id in octets:
            raise Misconfigured(f"two key files are called {key.id}")
        with _holds_a_key(file):
            octets[key.id] = Secret(_octets(file))
    return KeyRing(octets, current=wrapping(keys, at=at).id)


def make_ring_key(folder: Path, *, active_from: int) -> RingKey:
    """Make the ring's next key, to wrap from *active_from* (microseconds) on. It appears whole or not at all.

    Raises Misconfigured when there is no ring.
    """
    there = ring_keys(folder)
    if not there:
        raise Misconfigured(_NO_RING)
    number = there[-1].number + 1
    key = RingKey(number, active_from, f"ring-{number}-{active_from // SECOND}.key")
    file = folder / "keys" / key.file
    unfinished = file.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    _write(unfinished, b64encode(secrets.token_bytes(32)) + b"\n")
    unfinished.rename(file)
    keep_folder(file.parent)
    return key


def read_log_keys(folder: Path, log: str) -> list[tuple[str, LogKey]]:
    """All keys of a log by their files' names, those that wait for their time too. Raises Misconfigured."""
    files = sorted([*(folder / "keys").glob(f"log-{log}.key"), *(folder / "keys").glob(f"log-{log}.*.key")])
    if not files:
        raise Misconfigured(f"the key file log-{log}.key is missing")
    found: list[tuple[str, LogKey]] = []
    for file in files:
        with _holds_a_key(file):
            if file.name.endswith(".mldsa44.key"):
                found.append((file.name, MLDSA44PrivateKey.from_seed_bytes(_octets(file))))
            else:
                found.append((file.name, Ed25519PrivateKey.from_private_bytes(_octets(file))))
    return found


def check_keys(folder: Path, log: str) -> None:
    """Check that all that this service and *log* need is there and can be read. Raises Misconfigured."""
    read_ring(folder, at=0)
    read_issuer_keys(folder)
    read_log_keys(folder, log)


def make_log_key(folder: Path, log: str, key: LogKey) -> None:
    """Keep another key of a log that has begun; it signs nothing until the log says so."""
    public = key.public_key().public_bytes_raw().hex()[:16]
    kind = ".mldsa44" if isinstance(key, MLDSA44PrivateKey) else ""
    _write(folder / "keys" / f"log-{log}.{public}{kind}.key", b64encode(key.private_bytes_raw()) + b"\n")
    keep_folder(folder / "keys")


def read_issuer_keys(folder: Path) -> dict[str, ServerKey]:
    """The service's own signing keys by their file names, oldest first; the name says from when each signs.

    Raises Misconfigured.
    """
    names = {"issuer.pem": 0}
    names |= {
        file.name: int(found[1]) * SECOND
        for file in (folder / "keys").glob("issuer-*.pem")
        if (found := re.fullmatch(r"issuer-([0-9]{1,12})\.pem", file.name))
    }
    if len(names) > 1 and not (folder / "keys" / "issuer.pem").exists():
        del names["issuer.pem"]  # the first one has been retired
    return {
        name: ServerKey(_issuer_key(folder / "keys" / name), active_from)
        for name, active_from in sorted(names.items(), key=lambda one: one[1])
    }


def _issuer_key(file: Path) -> ec.EllipticCurvePrivateKey:
    with _holds_a_key(file):
        key = serialization.load_pem_private_key(_read(file), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise Misconfigured(f"{file.name} is not a P-256 key")
    return key


def _new_issuer_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


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


def keep_folder(folder: Path) -> None:
    """Let a new, renamed or removed name in *folder* outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path) -> bytes:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Misconfigured(f"others may read the key file {path.name}; make it 0600")
        return path.read_bytes()
    except PermissionError:
        raise Misconfigured(f"the key file {path.name} belongs to another user") from None
    except OSError:
        raise Misconfigured(f"the key file {path.name} is missing") from None
