"""A log that a witness watches, in memory, and the witness itself as a process."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.ledger.checkpoint import body, sign, vkey_of
from consent.ledger.tiles import Coordinates, Growth, consistency_proof_from
from consent.ledger.tree import leaf_hash
from consent.ledger.witness import format_submission

ORIGIN = "consent.example/log/2026"


class GrowingLog:
    """A log of numbered leaves; another *salt* makes another history."""

    def __init__(self, origin: str = ORIGIN, *, salt: str = "", seed: int = 1) -> None:
        self.origin, self.salt = origin, salt
        self.key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.growth = Growth()
        self.tiles: dict[Coordinates, bytes] = {}
        self.notes = {0: sign(body(origin, 0, self.growth.root()), origin, self.key)}

    @property
    def vkey(self) -> str:
        return vkey_of(self.origin, self.key)

    def grow(self, size: int, *, salt: str | None = None) -> str:
        """Go on to *size* entries; the checkpoint there."""
        while self.growth.size < size:
            self.growth.append(
                leaf_hash(f"{self.salt if salt is None else salt} {self.growth.size}".encode())
            )
        self.tiles |= {(level, n): row for level, n, row in self.growth.dirty()}
        self.notes[size] = sign(body(self.origin, size, self.growth.root()), self.origin, self.key)
        return self.notes[size]

    def submission(self, old: int, size: int) -> str:
        """What the log sends to a witness that saw *old*."""
        return format_submission(old, consistency_proof_from(old, size, self.tiles), self.notes[size])


class Process:
    """`consent witness` on a free port."""

    def __init__(self, folder: Path, port: int, *vkeys: str, name: str = "witness.example/w1") -> None:
        self.folder, self.port, self.name, self.vkeys = folder, port, name, vkeys
        self.url = f"http://127.0.0.1:{port}"
        self.vkey = ""
        self._process: subprocess.Popen[str] | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator["Process"]:
        self.start()
        try:
            yield self
        finally:
            self.kill()

    def start(self) -> None:
        logs = [word for vkey in self.vkeys for word in ("--log", vkey)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "consent", "witness", "--data", str(self.folder), "--port", str(self.port),
             "--name", self.name, *logs],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        self.vkey = self._process.stdout.readline().strip()
        until = time.monotonic() + 20
        while True:
            try:
                httpx.get(f"{self.url}/", timeout=1)
                return
            except httpx.HTTPError:
                assert time.monotonic() < until, "the witness does not start"
                assert self._process.poll() is None, "the witness ended"
                time.sleep(0.05)

    def kill(self) -> None:
        """As a power cut does it: no chance to tidy up."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
