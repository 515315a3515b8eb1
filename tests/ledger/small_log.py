"""A small log for tests: grants, disclosures and endings of made-up citizens, exported like a served one.

`SmallLog` writes through consent.ledger only. `export` lays out checkpoint, tiles, bundles and policy
as a web server would serve them, `openings` gives the lines that an auditor would get.
"""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.ledger.checkpoint import body, format_vkey, key_id, sign, signature_line, vkey_of
from consent.ledger.entry import Opening, control_entry, detail_key, event_entry, opening_json, subject_keys
from consent.ledger.paths import encode_bundle, format_tile_path
from consent.ledger.record import AuditRecord, encode
from consent.ledger.tiles import Growth, tile_width
from consent.ledger.tree import leaf_hash
from consent.words.canonical import canonical

ORIGIN = "consent.example/log/2026"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOON = 1_900_000_000
YEAR = 31_536_000


def chance(*parts: object, length: int = 32) -> bytes:
    """Bytes that look random and are the same in every run."""
    return sha256(repr(parts).encode()).digest()[:length]


class SmallLog:
    """A log in memory with all that opens it; every method that writes returns the index of its entry."""

    def __init__(self, origin: str = ORIGIN, key: Ed25519PrivateKey = KEY) -> None:
        self.origin = origin
        self.key = key
        self.growth = Growth()
        self.leaves: list[bytes] = []
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.opened: dict[int, Opening] = {}
        self.chains: dict[int, list[int]] = {}  # grant entry -> entries of the grant
        self.citizens: dict[int, str] = {}
        self.details: dict[int, bytes] = {}
        self.clock = NOON

    @property
    def vkey(self) -> str:
        return vkey_of(self.origin, self.key)

    def write(self, leaf: bytes) -> int:
        """Append a leaf as it is, right or wrong."""
        self.leaves.append(leaf)
        return self.growth.append(leaf_hash(leaf))

    def event(
        self,
        event: str,
        *,
        citizen: str = "ann",
        grant: int | None = None,
        nonce: bytes | None = None,
        stranger: bool = False,
        **fields: object,
    ) -> int:
        """Append an event; *fields* replace what an honest log says. *stranger*: under another's keys."""
        index = len(self.leaves)
        self.clock += 1
        nonce = nonce or chance("nonce", index, length=16)
        says: dict[str, object] = {"o": self.origin, "i": index, "ev": event, "t": self.clock, "by": "self"}
        if event in ("granted", "carried"):
            self.chains[index] = [index]
            self.citizens[index] = citizen
            says |= {"c": index, "n": 0, "org": "bank", "purpose": "loan@1", "attributes": ("income", "name")}
            says |= {"nbf": self.clock, "exp": self.clock + YEAR, "terms": "00" * 32}
        elif grant is not None:
            chain = self.chains[grant]
            citizen = self.citizens[grant]
            says |= {"c": grant, "n": len(chain), "prev": chain[-1], "org": "bank", "purpose": "loan@1"}
            chain.append(index)
        says |= fields
        says = {name: value for name, value in says.items() if value is not None}
        keys = subject_keys(chance("another" if stranger else citizen), self.origin)
        grant_nonce = self.leaves[grant][8:24] if grant is not None else nonce
        detail = canonical({"sub": "pairwise", "values": []})
        entry = event_entry(
            keys=keys,
            nonce=nonce,
            grant_nonce=grant_nonce,
            audit_key=chance("audit", index),
            record=encode(AuditRecord(**says)),  # type: ignore[arg-type]
            detail_key=detail_key(keys, nonce),
            detail=detail,
        )
        self.opened[index] = Opening(
            index, entry.consent_key, entry.audit_key, entry.record, entry.detail_key, entry.detail
        )
        return self.write(entry.leaf)

    def grant_of(self, index: int) -> int | None:
        """The entry that began the grant of this one."""
        return next((grant for grant, chain in self.chains.items() if index in chain), None)

    def control(self, said: object = None) -> int:
        """Append a public entry about the log or an approval."""
        nonce = chance("control", len(self.leaves), length=16)
        return self.write(control_entry(nonce, canonical(said or {"ev": "log.opened"})))

    def rotate(self, new: Ed25519PrivateKey, /, **body: object) -> int:
        """Change the key; *body* replaces what an honest `key.retired` says. Returns the index of that entry."""
        self.control({"ev": "key.added", "key": vkey_of(self.origin, new)})
        said = {"ev": "key.retired", "key": self.vkey, "last": self.checkpoint()} | body
        self.key = new
        return self.control({name: value for name, value in said.items() if value is not None})

    def fill(self, size: int) -> "SmallLog":
        """Honest entries up to *size*: a control entry, then grants that each disclose, disclose and end."""
        if not self.leaves and size:
            self.control()
        steps = 0
        grant = 0
        while len(self.leaves) < size:
            if steps % 4 == 0:
                grant = self.event("granted", citizen=f"citizen {steps}")
            elif steps % 4 == 3:
                self.event("withdrawn", grant=grant)
            else:
                self.event("disclosed", grant=grant, attributes=("income",))
            steps += 1
        return self

    def checkpoint(self) -> str:
        return sign(body(self.origin, self.growth.size, self.growth.root()), self.origin, self.key)

    def policy(self) -> str:
        return f"log {self.vkey}\nquorum none\n"

    def openings(self, indices: Iterable[int] | None = None) -> list[dict[str, object]]:
        chosen = sorted(self.opened) if indices is None else indices
        return [opening_json(self.opened[index], with_detail=False) for index in chosen]

    def export(self, folder: Path) -> Path:
        """Write the log as a web server would serve it; returns *folder*."""
        for level, n, row in self.growth.dirty():
            self.tiles[level, n] = row
        size = len(self.leaves)
        for (level, n), row in self.tiles.items():
            width = tile_width(level, n, size)
            _put(folder / format_tile_path(level, n, width), row[: width * 32])
        for n in range((size + 255) // 256):
            leaves = self.leaves[n * 256 : n * 256 + 256]
            _put(folder / format_tile_path(None, n, len(leaves)), encode_bundle(leaves))
        _put(folder / "policy", self.policy().encode())
        _put(folder / "checkpoint", self.checkpoint().encode())
        return folder


def write_lines(file: Path, lines: Sequence[dict[str, object]]) -> Path:
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def cosigned(note: str, name: str, key: Ed25519PrivateKey, at: int) -> tuple[str, str]:
    """The note with a witness's line (C2SP tlog-cosignature, Ed25519), and the witness's verifier key."""
    public = key.public_key().public_bytes_raw()
    text = note[: note.rfind("\n\n") + 1]
    signature = at.to_bytes(8, "big") + key.sign(f"cosignature/v1\ntime {at}\n{text}".encode())
    return note + signature_line(name, key_id(name, 4, public), signature), format_vkey(name, public, 4)


def _put(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
