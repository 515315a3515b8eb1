#!/usr/bin/env python3
"""Check a consent log from the outside: nothing here comes from the service that is being checked.

    verify.py URL|DIR [--vkey VKEY | --policy FILE] [--state FILE]
              [--openings FILE|URL [--token-file FILE]] [--proof FILE (--leaf BASE64 | --entry FILE)]

One file, needing Python 3.11 and the package `cryptography`. It fetches the checkpoint, all tiles and all
entries; checks the signature; hashes everything again; compares with the checkpoint that it kept the last
time; and, with openings, replays what an organisation did under each grant. It prints a sentence for each
check, then a verdict with its exit code:

    OK           0  all checks passed, and the witnesses of the policy have cosigned
    UNWITNESSED  0  all checks passed, but only the log itself vouches for it (1 if witnesses are demanded)
    INVALID      1  something is wrong; the sentence names the entry where there is one
    DIVERGED     2  the log is not a continuation of what it signed before
    UNCHECKED    3  something could not be fetched or read, so nothing was found out

The formats are described in docs/reference/ledger.md: C2SP signed-note, tlog-checkpoint, tlog-tiles,
tlog-proof, tlog-policy and tlog-cosignature; RFC 6962 for the tree; and the leaf of 152 bytes, which is our
own.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hmac
import http.client
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Verdict = Literal["OK", "UNWITNESSED", "INVALID", "DIVERGED", "UNCHECKED"]

# --- What can come out ---


class Broken(Exception):
    """Something is wrong with the log, the proof or the openings: INVALID."""


class Diverged(Exception):
    """Two signed checkpoints that cannot belong to one log: DIVERGED. The text holds both, as evidence."""


class Unchecked(Exception):
    """Something could not be fetched or read; this says nothing about the log."""


@dataclass
class Report:
    """What was found: a sentence for each check, and the verdict over all of them."""

    verdict: Verdict = "UNCHECKED"
    sentences: list[str] = field(default_factory=list)
    origin: str | None = None
    size: int | None = None
    root: bytes | None = None
    witnesses_demanded: bool = False

    @property
    def exit_code(self) -> int:
        if self.verdict == "UNWITNESSED":
            return 1 if self.witnesses_demanded else 0
        return {"OK": 0, "INVALID": 1, "DIVERGED": 2, "UNCHECKED": 3}[self.verdict]


# --- Bytes ---


def unbase64(text: object, what: str) -> bytes:
    """Decode standard base64 that is spelled in its one canonical way."""
    if not isinstance(text, str):
        raise Broken(f"{what} is not base64 text.")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Broken(f"{what} is not valid base64.") from None
    if base64.b64encode(raw).decode() != text:
        raise Broken(f"{what} is base64 in a spelling that is not canonical.")
    return raw


def keyed(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def fold(hashes: list[bytes]) -> bytes:
    """The root over neighbouring subtrees of one height, of which the last may be smaller (RFC 6962 §2.1)."""
    hash_of = sha256
    while len(hashes) > 1:
        pairs = [hash_of(b"\1" + a + b).digest() for a, b in zip(hashes[::2], hashes[1::2], strict=False)]
        if len(hashes) % 2:
            pairs.append(hashes[-1])
        hashes = pairs
    return hashes[0]


def number(count: int) -> str:
    return f"{count:,}"


# --- Notes, keys and policies (C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-policy) ---

LOG_KEY = 0x01
WITNESS_KEY = 0x04


@dataclass(frozen=True)
class Key:
    name: str
    key_id: bytes
    kind: int
    public: bytes

    def signed(self, signature: bytes, message: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint as read; `lines` are its signatures (name, key id, signature)."""

    note: str
    body: str
    lines: tuple[tuple[str, bytes, bytes], ...]
    origin: str
    size: int
    root: bytes


def good_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(character.isspace() for character in name)


def read_key(text: str) -> Key:
    """Read `name+id+base64`, whose id must belong to name and key. Raises Unchecked: keys are brought."""
    parts = text.strip().split("+", 2)
    try:
        name, key_id, encoded = parts
        typed = unbase64(encoded, "The verifier key")
        expected = sha256(name.encode() + b"\n" + typed).digest()[:4]
    except (ValueError, Broken):
        raise Unchecked("A verifier key is written name+id+key; this one is not.") from None
    if not good_name(name) or expected.hex() != key_id or len(typed) < 2:
        raise Unchecked("The id of a verifier key does not belong to its name and key.")
    if typed[0] in (LOG_KEY, WITNESS_KEY) and len(typed) != 33:
        raise Unchecked("A verifier key has the wrong length.")
    return Key(name, expected, typed[0], typed[1:])


def read_checkpoint(note: str) -> Checkpoint:
    """Take a checkpoint apart, strictly: exactly three lines, an empty one, then signature lines."""
    if len(note) > 1_000_000 or re.search(r"[\x00-\x09\x0b-\x1f]", note) or not note.endswith("\n"):
        raise Broken("The checkpoint is not a well-formed note.")
    border = note.rfind("\n\n")
    body, tail = note[: border + 1], note[border + 2 : -1].split("\n")
    lines = body.split("\n")
    if border < 0 or len(lines) != 4 or len(tail) > 64 or not good_name(lines[0]):
        raise Broken("The checkpoint is not three lines and signatures.")
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1], re.ASCII):
        raise Broken("The size in the checkpoint is not a plain number.")
    root = unbase64(lines[2], "The root in the checkpoint")
    if len(root) != 32:
        raise Broken("The root in the checkpoint is not 32 bytes.")
    signatures = []
    for line in tail:
        dash, name, encoded = (*line.split(" "), "", "")[:3]
        raw = unbase64(encoded, "A signature under the checkpoint")
        if dash != "\u2014" or not good_name(name) or len(raw) < 5 or line != f"\u2014 {name} {encoded}":
            raise Broken("A signature line under the checkpoint is malformed.")
        signatures.append((name, raw[:4], raw[4:]))
    return Checkpoint(note, body, tuple(signatures), lines[0], int(lines[1]), root)


def check_signature(checkpoint: Checkpoint, keys: Iterable[Key]) -> None:
    """One of the log's keys must have signed; a known key's bad signature spoils everything, unknown ones do
    not.
    """
    known = {(key.name, key.key_id): key for key in keys if key.kind == LOG_KEY}
    verified = False
    for name, key_id, signature in checkpoint.lines:
        key = known.get((name, key_id)) if name == checkpoint.origin else None
        if key is None:
            continue
        if not key.signed(signature, checkpoint.body.encode()):
            raise Broken("The signature under the checkpoint is wrong.")
        verified = True
    if not verified:
        raise Broken("The checkpoint is not signed by a key that is known for this log.")


@dataclass
class Policy:
    """Whose signature counts: the logs' keys, and a rule over witnesses (quorum None: none are demanded)."""

    logs: list[Key] = field(default_factory=list)
    witnesses: dict[str, Key] = field(default_factory=dict)
    groups: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    quorum: str | None = None

    def is_met(self, cosigned: set[str], name: str) -> bool:
        if name in self.witnesses:
            return name in cosigned
        least, members = self.groups[name]
        return sum(self.is_met(cosigned, member) for member in members) >= least


def read_policy(text: str) -> Policy:
    """Read a C2SP tlog-policy. Raises Unchecked: what is not understood must not pass for less."""
    policy, quorums, in_a_group = Policy(), 0, set[str]()
    for line in text.split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        defined = policy.witnesses.keys() | policy.groups.keys()
        is_new = len(words) > 1 and words[1] not in defined | {"none"}
        if words[0] == "log" and len(words) in (2, 3):
            key = read_key(words[1])
            if key.kind == LOG_KEY:  # a log may also list keys of kinds that we cannot check
                policy.logs.append(key)
        elif words[0] == "witness" and len(words) in (3, 4) and is_new:
            policy.witnesses[words[1]] = read_key(words[2])
        elif words[0] == "group" and len(words) >= 4 and is_new:
            members = words[3:]
            counted = int(words[2]) if re.fullmatch(r"[1-9][0-9]{0,3}", words[2], re.ASCII) else 0
            least = {"all": len(members), "any": 1}.get(words[2], counted)
            if not set(members) <= defined or in_a_group & set(members) or len(set(members)) < len(members):
                raise Unchecked("A group in the policy has a member that is unknown or already in a group.")
            if not 1 <= least <= len(members):
                raise Unchecked("A group in the policy demands more members than it has, or none.")
            in_a_group |= set(members)
            policy.groups[words[1]] = (least, members)
        elif words[0] == "quorum" and len(words) == 2 and words[1] in defined | {"none"}:
            quorums += 1
            policy.quorum = None if words[1] == "none" else words[1]
        else:
            raise Unchecked("The policy has a line that is not understood.")
    if quorums != 1:
        raise Unchecked("A policy has exactly one quorum line.")
    return policy


def cosigners(checkpoint: Checkpoint, policy: Policy) -> set[str]:
    """The witnesses of the policy whose cosignature (Ed25519, version 1) under the checkpoint is right."""
    found = set()
    for witness, key in policy.witnesses.items():
        for name, key_id, signature in checkpoint.lines:
            if (name, key_id) != (key.name, key.key_id) or key.kind != WITNESS_KEY:
                continue
            at = int.from_bytes(signature[:8], "big")
            if not key.signed(signature[8:], f"cosignature/v1\ntime {at}\n{checkpoint.body}".encode()):
                raise Broken(f"The cosignature of witness {witness} under the checkpoint is wrong.")
            found.add(witness)
    return found


# --- Where the log is read from ---

MOST_BYTES = 1 << 25  # a full bundle of the longest entries has 16 MiB
MOST_OPENINGS = 1 << 30


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a token must not travel to another place than the one it was given for."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_StayHere)


def fetch(url: str, *, token: str | None = None, most: int = MOST_BYTES) -> bytes | None:
    """GET *url*; None when there is no such thing. Raises Unchecked when that cannot be known."""
    parts = urllib.parse.urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme not in ("http", "https") or (token and parts.scheme != "https" and not local):
        raise Unchecked("An address begins with http:// or https://, and a token goes over https only.")
    headers = {"User-Agent": "consent-verify", "Accept-Encoding": "identity"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (the scheme is checked above)
    try:
        with _OPENER.open(request, timeout=30) as response:
            raw: bytes = response.read(most + 1)
            if response.headers.get("Content-Encoding") == "gzip":
                # A log may compress without being asked (tlog-tiles, "Log entries").
                raw = _unpacked(raw, most)
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            return None
        raise Unchecked(f"The server answered {error.code} for {parts.path}.") from None
    except (OSError, ValueError, http.client.HTTPException):
        raise Unchecked(f"Could not fetch {parts.path} from {parts.netloc}.") from None
    if len(raw) > most:
        raise Unchecked(f"The answer for {parts.path} is too long.")
    return raw


def _unpacked(packed: bytes, most: int) -> bytes:
    """Undo gzip, but never make more than one byte over *most*: a small file can unpack to a huge one."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        raw = unpacker.decompress(packed, most + 1)
    except zlib.error:
        raise Unchecked("What was compressed cannot be unpacked.") from None
    if not unpacker.eof:
        raise Unchecked("What was compressed is cut off or too long.")
    return raw


@dataclass
class Source:
    """A log's folder, on disk or on a server."""

    place: str
    on_disk: bool

    def get(self, path: str) -> bytes | None:
        if not self.on_disk:
            return fetch(self.place + path)
        file = Path(self.place, path)
        try:
            return file.read_bytes() if file.is_file() else None
        except OSError:
            raise Unchecked(f"Could not read {path}.") from None

    def row(self, level: int | str, n: int, width: int) -> tuple[bytes, bool]:
        """The bytes of a tile or bundle, and whether it is the full one in place of the partial one asked
        for.
        """
        path = tile_path(level, n)
        if width < 256:
            partial = self.get(f"{path}.p/{width}")
            if partial is not None:
                return partial, False
        # A server may drop a partial tile as soon as the full one is there (tlog-tiles, "Partial Tiles").
        full = self.get(path)
        if full is None:
            raise Unchecked(f"The log does not serve {path}, which its checkpoint needs.")
        return full, width < 256


def tile_path(level: int | str, n: int) -> str:
    place = f"{n % 1000:03d}"
    while n := n // 1000:
        place = f"x{n % 1000:03d}/{place}"
    return f"tile/{level}/{place}"


def find_log(where: str) -> tuple[Source, str]:
    """The log at *where* and its checkpoint; of a site with several logs, the newest one that it lists."""
    if not where.startswith(("http://", "https://")):
        source = Source(where, on_disk=True)
    else:
        source = Source(where.rstrip("/") + "/", on_disk=False)
    raw = source.get("checkpoint")
    if raw is None and not source.on_disk:
        names = (fetch(source.place + "log/") or b"").decode("ascii", "replace").split()
        if names and re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,63}", names[-1]):
            source = Source(f"{source.place}log/{names[-1]}/", on_disk=False)
            raw = source.get("checkpoint")
    if raw is None:
        raise Unchecked("There is no checkpoint in this place.")
    try:
        return source, raw.decode()
    except UnicodeDecodeError:
        raise Broken("The checkpoint is not a well-formed note.") from None


# --- The tree and the leaves ---


@dataclass
class Tree:
    """All hashes of a log: level 0 has the leaf hashes, each next level one hash for 256 of the one below."""

    levels: list[bytearray]
    leaves: dict[int, bytes] = field(default_factory=dict)  # only those that were asked for
    controls: int = 0
    bodies: dict[int, bytes] = field(default_factory=dict)  # of the control entries

    def root_at(self, size: int) -> bytes:
        """The root that this log had when it had *size* entries."""
        if size == 0:
            return sha256(b"").digest()
        tail: list[bytes] = []
        for level, row in enumerate(self.levels):
            count = size >> (8 * level)
            if level and not count:
                break
            start = count - count % 256
            # What is left over at the right of a lower level is the last, smaller subtree of this one.
            hashes = [bytes(row[k * 32 : k * 32 + 32]) for k in range(start, count)] + tail
            tail = [fold(hashes)] if hashes else []
        return tail[0]


def check_leaf(leaf: bytes, index: int) -> None:
    """The form of one entry: 152 bytes for an event, or a control entry with a public body behind them."""
    if len(leaf) < 152 or leaf[:4] != b"CLg\x01" or leaf[5:8] != b"\0\0\0":
        raise Broken(f"Entry {index} is not a leaf of version 1.")
    if leaf[4] == 0:
        if len(leaf) != 152:
            raise Broken(f"Entry {index} is an event of another length than 152 bytes.")
    elif leaf[4] == 1:
        if leaf[24:88] != bytes(64) or leaf[120:152] != bytes(32):
            raise Broken(f"Entry {index} is about the log itself but carries the tag of a person.")
        if len(leaf) == 152 or sha256(leaf[152:]).digest() != leaf[88:120]:
            raise Broken(f"Entry {index} commits to another body than it carries.")
    else:
        raise Broken(f"Entry {index} is of an unknown kind.")


def read_tree(source: Source, size: int, wanted: set[int]) -> Tree:
    """Fetch all entries and tiles, hash the entries again, and compare every hash of every tile.

    The leaves in *wanted* are kept. Raises Broken with the number of the first entry that is wrong.
    """
    tree = Tree([bytearray()])
    nonces: set[bytes] = set()
    hash_of, from_bytes = sha256, int.from_bytes
    event_start = b"CLg\x01\0\0\0\0"
    for n in range((size + 255) // 256):
        first = n * 256
        width = min(256, size - first)
        bundle, longer = source.row("entries", n, width)
        row = []
        place = 0
        for index in range(first, first + width):
            start = place + 2
            place = start + from_bytes(bundle[place:start], "big")
            leaf = bundle[start:place]
            if place > len(bundle) or start == place:
                raise Broken(f"Entry {index} is cut off in its bundle.")
            row.append(hash_of(b"\0" + leaf).digest())
            if len(leaf) != 152 or leaf[:8] != event_start:
                check_leaf(leaf, index)
                if leaf[4]:
                    tree.controls += 1
                    tree.bodies[index] = leaf[152:]
            nonces.add(leaf[8:24])
            if len(nonces) != index + 1:
                raise Broken(f"Entry {index} repeats the nonce of an earlier entry.")
            if index in wanted:
                tree.leaves[index] = leaf
        if place != len(bundle) and not longer:
            raise Broken(f"The bundle that begins with entry {first} is longer than its entries.")
        joined = b"".join(row)
        compare_row(source, 0, n, joined)
        tree.levels[0] += joined
    level = 0
    while len(tree.levels[level]) >= 256 * 32:
        below, above = tree.levels[level], bytearray()
        for start in range(0, len(below) - 256 * 32 + 1, 256 * 32):
            above += fold([bytes(below[k : k + 32]) for k in range(start, start + 256 * 32, 32)])
        level += 1
        tree.levels.append(above)
        for n in range((len(above) + 8191) // 8192):
            compare_row(source, level, n, bytes(above[n * 8192 : n * 8192 + 8192]))
    return tree


def compare_row(source: Source, level: int, n: int, computed: bytes) -> None:
    """Compare a tile as served with its hashes as computed from the entries."""
    served, longer = source.row(level, n, len(computed) // 32)
    if served[: len(computed)] == computed and len(served) == (8192 if longer else len(computed)):
        return
    for place in range(len(computed) // 32):
        if served[place * 32 : place * 32 + 32] != computed[place * 32 : place * 32 + 32]:
            start, span = (n * 256 + place) << (8 * level), 1 << (8 * level)
            if level == 0:
                raise Broken(f"Entry {start} does not match its hash in tile {tile_path(level, n)}.")
            raise Broken(f"Entries {start} to {start + span - 1} do not match tile {tile_path(level, n)}.")
    raise Broken(f"Tile {tile_path(level, n)} has the wrong length.")


# --- What was seen before ---


@dataclass
class Memory:
    """The keys and the last good checkpoint of each log, kept in the --state file."""

    path: Path | None
    logs: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | None) -> Memory:
        if path is None or not path.exists():
            return cls(path)
        try:
            logs = json.loads(path.read_text("utf-8"))["logs"]
            for kept in logs.values():
                if not isinstance(kept["checkpoint"], str) or not isinstance(kept["vkeys"], list):
                    raise TypeError
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise Unchecked("The state file cannot be read; it was left as it is.") from None
        return cls(path, logs)

    def keep(self, checkpoint: Checkpoint, vkeys: Sequence[str]) -> None:
        if self.path is None:
            return
        self.logs[checkpoint.origin] = {"checkpoint": checkpoint.note, "vkeys": list(vkeys)}
        fresh = self.path.with_name(self.path.name + ".new")
        try:
            fresh.write_text(json.dumps({"logs": self.logs}, indent=1, ensure_ascii=False) + "\n", "utf-8")
            os.replace(fresh, self.path)
        except OSError:
            raise Unchecked("The state file cannot be written.") from None


def check_continuation(tree: Tree | None, old: Checkpoint, new: Checkpoint) -> str:
    """The new log must begin with all of the old one; its entries are at hand, so no proof is needed."""
    if new.size < old.size:
        why = f"The log has {number(new.size)} entries, fewer than the {number(old.size)} that it had signed."
    elif tree is not None and tree.root_at(old.size) != old.root:
        why = f"The first {number(old.size)} entries are no longer the ones that the log had signed."
    else:
        return f"The log continues the checkpoint with {number(old.size)} entries that was seen before."
    evidence = f"The checkpoint seen before:\n{old.note}\nThe checkpoint served now:\n{new.note}"
    raise Diverged(f"{why} Both checkpoints are signed: together they are the evidence.\n{evidence}")


# --- One proof (C2SP tlog-proof) ---


def check_proof(text: str, leaf: bytes, keys: Iterable[Key]) -> tuple[int, Checkpoint]:
    """Prove that *leaf* is in the log under the proof's own signed checkpoint (RFC 9162 §2.1.3.2)."""
    head, border, note = text.partition("\n\n")
    lines = head.split("\n")
    if not border or lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Broken("The proof is not a tlog-proof of version 1.")
    if lines and lines[0].startswith("extra "):
        unbase64(lines.pop(0)[6:], "The extra line of the proof")
    match = re.fullmatch(r"index (0|[1-9][0-9]{0,18})", lines.pop(0), re.ASCII) if lines else None
    hashes = [unbase64(line, "A hash in the proof") for line in lines]
    if match is None or len(hashes) > 63 or any(len(one) != 32 for one in hashes):
        raise Broken("The proof is malformed.")
    index = int(match[1])
    checkpoint = read_checkpoint(note)
    check_signature(checkpoint, keys)
    check_leaf(leaf, index)
    running = sha256(b"\0" + leaf).digest()
    node, last = index, checkpoint.size - 1
    if node > last:
        raise Broken(f"The proof is for entry {index}, which its checkpoint does not have.")
    for step in hashes:
        if last == 0:
            raise Broken("The proof is too long.")
        if node & 1 or node == last:
            running = sha256(b"\1" + step + running).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            running = sha256(b"\1" + running + step).digest()
        node, last = node >> 1, last >> 1
    if last or running != checkpoint.root:
        raise Broken(f"The proof does not lead from entry {index} to the root of its checkpoint.")
    return index, checkpoint


# --- Openings: what an organisation did, replayed ---

EVENTS = frozenset(
    {"granted", "amended", "disclosed", "used", "refused", "withdrawn", "revoked", "expired", "frozen"}
    | {"erased", "carried", "declined", "acknowledged", "deletion_stated", "mandate_given", "mandate_ended"}
    | {"corrected", "lawful", "other"}
)
BEGINNINGS = frozenset({"granted", "carried"})
ENDINGS = frozenset({"withdrawn", "revoked", "expired", "frozen", "erased"})
NEEDS_LIFE = frozenset({"disclosed", "used", "amended"})
# Whose suspension shows in the records, and under which name.
STANDING = {"organisation": "org", "purpose": "purpose"}
# All others stand under a grant and say so; these may concern a citizen as a whole, or no grant at all.
MAY_STAND_ALONE = frozenset(
    {"other", "lawful", "frozen", "erased", "corrected", "declined", "mandate_given", "mandate_ended"}
)
NUMBERS = ("c", "n", "prev", "nbf", "exp")
WORDS = ("org", "purpose", "by", "terms", "reason")


@dataclass(frozen=True)
class Opened:
    index: int
    consent_key: bytes
    audit_key: bytes
    record: bytes
    says: Mapping[str, Any]
    detail: tuple[bytes, bytes] | None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which no name comes twice: two readers could otherwise see two records in one."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError
    return dict(pairs)


def read_opening(line: str | bytes, where: str) -> Opened:
    """Read one opening `{"i","kc","a","A"[,"d","D"]}`; the keys are base64, A and D the exact texts."""
    try:
        opening = json.loads(line, object_pairs_hook=_once)
        index, text = opening["i"], opening["A"]
        says = json.loads(text, object_pairs_hook=_once)
        consent_key, audit_key = unbase64(opening["kc"], where), unbase64(opening["a"], where)
        detail = (unbase64(opening["d"], where), opening["D"].encode()) if "D" in opening else None
        record = text.encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Broken(f"{where} is not an opening.") from None
    if type(index) is not int or index < 0 or not isinstance(says, dict):
        raise Broken(f"{where} is not an opening.")
    if len(consent_key) != 32 or len(audit_key) != 32:
        raise Broken(f"{where} has a key of another length than 32 bytes.")
    return Opened(index, consent_key, audit_key, record, says, detail)


def read_openings(raw: bytes) -> dict[int, Opened]:
    opened: dict[int, Opened] = {}
    for place, line in enumerate(raw.split(b"\n"), 1):
        if not line.strip():
            continue
        opening = read_opening(line, f"Line {place} of the openings")
        if opening.index in opened:
            raise Broken(f"Entry {opening.index} is opened twice.")
        opened[opening.index] = opening
    return opened


def check_opened(opening: Opened, leaf: bytes, origin: str) -> None:
    """What was opened must be exactly what the leaf commits to, and the record must be about that leaf."""
    entry, says = f"Entry {opening.index}", opening.says
    if leaf[4] != 0:
        raise Broken(f"{entry} is about the log itself and cannot be opened.")
    if keyed(opening.consent_key, b"consent\0" + leaf[8:24]) != leaf[56:88]:
        raise Broken(f"{entry} is not written under the consent key of its opening.")
    if keyed(opening.audit_key, b"audit\0" + opening.record) != leaf[88:120]:
        raise Broken(f"{entry} commits to another record than its opening shows.")
    if opening.detail and keyed(opening.detail[0], b"detail\0" + opening.detail[1]) != leaf[120:152]:
        raise Broken(f"{entry} commits to another detail than its opening shows.")
    if says.get("o") != origin or says.get("i") != opening.index:
        raise Broken(f"{entry} carries the record of another entry or another log.")
    attributes = says.get("attributes", [])
    if (
        says.get("v") != 1
        or not isinstance(says.get("ev"), str)
        or says["ev"] not in EVENTS
        or type(says.get("t")) is not int
        or any(name in says and (type(says[name]) is not int or says[name] < 0) for name in NUMBERS)
        or any(name in says and not isinstance(says[name], str) for name in WORDS)
        or not isinstance(attributes, list)
        or not all(isinstance(name, str) for name in attributes)
        or attributes != sorted(set(attributes))
    ):
        raise Broken(f"{entry} has a record that is not well-formed.")


def replay(opened: Mapping[int, Opened]) -> list[str]:
    """Follow each grant through the log in index order. Returns a sentence for each rule that is broken."""
    findings: list[str] = []
    chains: dict[int, list[Opened]] = {}
    latest = 0
    for index in sorted(opened):
        says = opened[index].says
        if says["t"] < latest:
            findings.append(f"Entry {index} says it is older than an entry before it.")
        latest = max(latest, says["t"])
        if "c" in says:
            chains.setdefault(says["c"], []).append(opened[index])
        elif says["ev"] not in MAY_STAND_ALONE:
            findings.append(f"Entry {index} ({says['ev']}) names no grant.")
    holders: dict[bytes, int] = {}
    for began, chain in chains.items():
        findings += replay_grant(began, chain)
        holder = holders.setdefault(chain[0].consent_key, began)
        if holder != began:
            findings.append(f"Entry {began} begins a grant under the key of the grant at entry {holder}.")
    return findings


def read_standing(bodies: Mapping[int, bytes]) -> list[tuple[int, bool, str, str]]:
    """What the log says about approvals: (index, suspended or restored, "org" or "purpose", its name)."""
    said = []
    for index in sorted(bodies):
        try:
            body = json.loads(bodies[index], object_pairs_hook=_once)
            subject, _, change = body["ev"].partition(".")
            name = body[STANDING[subject]]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue  # another control entry: only the two that an auditor can follow are read here
        if change in ("suspended", "restored") and isinstance(name, str):
            said.append((index, change == "suspended", STANDING[subject], name))
    return said


def replay_standing(opened: Mapping[int, Opened], bodies: Mapping[int, bytes]) -> list[str]:
    """Nothing goes out while the log says that an organisation or a purpose is suspended, by index."""
    findings = []
    said = read_standing(bodies)
    since: dict[tuple[str, str], int] = {}
    for index in sorted(opened):
        while said and said[0][0] < index:
            at, is_suspended, *subject = said.pop(0)
            if is_suspended:
                since.setdefault((subject[0], subject[1]), at)
            else:
                since.pop((subject[0], subject[1]), None)
        says = opened[index].says
        for name, meaning in (("org", "organisation"), ("purpose", "purpose")):
            began = since.get((name, says.get(name, "")))
            if began is not None and says["ev"] in NEEDS_LIFE:
                findings.append(
                    f"Entry {index} ({says['ev']}) stands while its {meaning} was suspended by entry {began}."
                )
    return findings


def is_later(said: str | None, before: str) -> bool:
    """Answer whether *said* is a later version (`id@version`) of the purpose *before*."""
    old = re.fullmatch(r"(.+)@([1-9][0-9]{0,8})", before, re.ASCII)
    new = re.fullmatch(r"(.+)@([1-9][0-9]{0,8})", said or "", re.ASCII)
    return bool(old and new and new[1] == old[1] and int(new[2]) > int(old[2]))


def replay_grant(began: int, chain: Sequence[Opened]) -> list[str]:
    """The rules for the entries of one grant, which began with entry *began*; *chain* is in index order."""
    grant = chain[0].says
    if chain[0].index != began or grant["ev"] not in BEGINNINGS:
        return [f"Entry {chain[0].index} stands under a grant at entry {began}, which is not opened as one."]
    if any(name not in grant for name in ("org", "purpose", "attributes", "nbf", "exp")):
        return [f"Entry {began} begins a grant without saying for whom, what and until when."]
    findings = []
    if grant.get("n") != 0 or "prev" in grant:
        findings.append(f"Entry {began} begins a grant but is not number 0 in it.")
    allowed, opens, closes = set(grant["attributes"]), grant["nbf"], grant["exp"]
    holds = {"org": grant["org"], "purpose": grant["purpose"]}
    ended: int | None = None
    before, count = began, 0
    for opening in chain[1:]:
        index, says = opening.index, opening.says
        event, at, names = says["ev"], says["t"], set(says.get("attributes", ()))
        entry, its_grant = f"Entry {index} ({event})", f"grant at entry {began}"
        count += 1
        if says.get("n") != count:
            findings.append(
                f"{entry} is not number {count} of the {its_grant}: one is missing or out of order."
            )
            count = says.get("n", count)
        elif says.get("prev") != before:
            findings.append(f"{entry} does not point at entry {before}, the one before it in its grant.")
        before = index
        if opening.consent_key != chain[0].consent_key:
            findings.append(f"{entry} is written under another consent key than the {its_grant}.")
        for field_name, meaning in (("org", "organisation"), ("purpose", "purpose")):
            # Only entries that need a live grant must repeat these; what is there must be the same.
            said = says.get(field_name, None if event in NEEDS_LIFE else holds[field_name])
            if event == "amended" and field_name == "purpose" and is_later(said, holds["purpose"]):
                holds["purpose"] = said  # the citizen agreed to new words of the same purpose
            if said != holds[field_name]:
                findings.append(f"{entry} is for another {meaning} than the {its_grant}.")
        if event in BEGINNINGS:
            findings.append(f"{entry} begins a grant, but stands under the {its_grant}.")
        if event in NEEDS_LIFE and ended is not None:
            findings.append(f"{entry} stands after the {its_grant} was ended by entry {ended}.")
        if event in NEEDS_LIFE and not opens <= at < closes:
            findings.append(f"{entry} lies outside the time of the {its_grant}.")
        if event == "disclosed" and not names:
            findings.append(f"{entry} does not say which attributes went out.")
        if event in ("disclosed", "used") and not names <= allowed:
            findings.append(f"{entry} names an attribute that the {its_grant} does not have.")
        if event == "amended" and not names:
            findings.append(f"{entry} changes the {its_grant} without saying to which attributes.")
        if event == "amended":
            allowed = set(says.get("attributes", allowed))
            opens, closes = says.get("nbf", opens), says.get("exp", closes)
        if event == "expired" and at < closes:
            findings.append(f"{entry} lets the {its_grant} expire before its time.")
        if event in ENDINGS and ended is None:
            ended = index
    return findings


# --- All of it ---


def verify_log(
    where: str | None,
    *,
    vkeys: Sequence[str] = (),
    policy: str | None = None,
    state: Path | None = None,
    openings: bytes | None = None,
    proof: str | None = None,
    leaf: bytes | None = None,
) -> Report:
    """Run every check that the arguments allow and report; raises nothing for what it may find.

    *where* is the address or folder of a log, or None to check one *proof* of *leaf* alone. *policy* is the
    text of a tlog-policy, *openings* the NDJSON that an auditor was given.
    """
    report = Report()
    try:
        _verify(report, where, vkeys, policy, state, openings, proof, leaf)
    except Broken as wrong:
        report.sentences.append(str(wrong))
        report.verdict = "INVALID"
    except Diverged as wrong:
        report.sentences.append(str(wrong))
        report.verdict = "DIVERGED"
    except Unchecked as missing:
        report.sentences.append(str(missing))
        report.verdict = "UNCHECKED"
    return report


def _verify(
    report: Report,
    where: str | None,
    vkeys: Sequence[str],
    policy_text: str | None,
    state: Path | None,
    openings: bytes | None,
    proof: str | None,
    leaf: bytes | None,
) -> None:
    policy = read_policy(policy_text) if policy_text is not None else Policy()
    report.witnesses_demanded = policy.quorum is not None
    keys = [read_key(text) for text in vkeys] + policy.logs
    if any(key.kind != LOG_KEY for key in keys):
        raise Unchecked("A verifier key is of a kind that this verifier cannot check.")
    if (vkeys or policy_text is not None) and not keys:
        raise Unchecked("The policy names no log key that this verifier can check.")
    memory = Memory.load(state)
    if where is None:
        if not keys or proof is None or leaf is None:
            raise Unchecked("Without a log, a proof, its leaf and a verifier key or policy are needed.")
        index, checkpoint = check_proof(proof, leaf, keys)
        _remember(report, checkpoint)
        report.sentences.append(
            f"The proof leads from entry {index} to a signed root of {checkpoint.origin}."
        )
        _judge(report, checkpoint, policy)
        return

    opened = read_openings(openings) if openings is not None else {}
    source, note = find_log(where)
    checkpoint = read_checkpoint(note)
    kept = memory.logs.get(checkpoint.origin)
    if not keys:
        keys = _keys_on_trust(report, source, checkpoint, kept)
    check_signature(checkpoint, keys)
    _remember(report, checkpoint)
    report.sentences.append(
        f"The checkpoint of {checkpoint.origin} has {number(checkpoint.size)} entries and a right signature."
    )
    old = read_checkpoint(kept["checkpoint"]) if kept else None
    if old is not None and checkpoint.size < old.size:
        check_continuation(None, old, checkpoint)

    tree = read_tree(source, checkpoint.size, set(opened))
    if tree.root_at(checkpoint.size) != checkpoint.root:
        raise Broken("The entries and tiles do not hash to the root in the checkpoint.")
    report.sentences.append("All entries and tiles hash to the root in the checkpoint.")
    report.sentences.append(
        f"Every entry is well-formed and no nonce is repeated ({number(checkpoint.size - tree.controls)}"
        f" events, {number(tree.controls)} about the log itself)."
    )
    if old is not None:
        report.sentences.append(check_continuation(tree, old, checkpoint))
    elif state is not None:
        report.sentences.append("No earlier checkpoint of this log was kept: nothing to compare with yet.")
    if proof is not None and leaf is not None:
        _check_against_log(report, proof, leaf, keys, tree, checkpoint)
    if openings is not None:
        _audit(report, opened, tree, checkpoint)
    _judge(report, checkpoint, policy)
    memory.keep(checkpoint, [_write_key(key) for key in keys])


def _check_against_log(
    report: Report, proof: str, leaf: bytes, keys: Sequence[Key], tree: Tree, checkpoint: Checkpoint
) -> None:
    """A proof is right in itself, and its checkpoint belongs to the log that everybody else sees."""
    index, proven = check_proof(proof, leaf, keys)
    if proven.origin != checkpoint.origin:
        raise Broken("The proof is from another log.")
    if proven.size > checkpoint.size:
        raise Unchecked("The proof is under a newer checkpoint than the log serves; try again in a moment.")
    check_continuation(tree, proven, checkpoint)
    report.sentences.append(f"The proof leads from entry {index} to a root that this log really had.")


def _write_key(key: Key) -> str:
    return f"{key.name}+{key.key_id.hex()}+{base64.b64encode(bytes([key.kind]) + key.public).decode()}"


def _keys_on_trust(
    report: Report, source: Source, checkpoint: Checkpoint, kept: Mapping[str, Any] | None
) -> list[Key]:
    """Without a key from elsewhere: the key that was kept, or at first sight the one that the log itself
    names.
    """
    if kept is not None:
        report.sentences.append("The verifier key is the one that was kept at the first look.")
        return [read_key(text) for text in kept["vkeys"]]
    served = source.get("policy")
    if served is None:
        raise Unchecked("There is no policy beside the checkpoint: bring a key with --vkey or --policy.")
    keys = [
        key for key in read_policy(served.decode("utf-8", "replace")).logs if key.name == checkpoint.origin
    ]
    if not keys:
        raise Unchecked("The policy beside the checkpoint has no key of this log: bring one with --vkey.")
    report.sentences.append(
        "The verifier key was taken from the log itself (trust on first use): compare it with another source."
    )
    return keys


def _remember(report: Report, checkpoint: Checkpoint) -> None:
    report.origin, report.size, report.root = checkpoint.origin, checkpoint.size, checkpoint.root


def _audit(report: Report, opened: Mapping[int, Opened], tree: Tree, checkpoint: Checkpoint) -> None:
    for index, opening in opened.items():
        if index >= checkpoint.size:
            raise Broken(f"Entry {index} is opened, but the log does not have it.")
        check_opened(opening, tree.leaves[index], checkpoint.origin)
    grants = len({opening.says["c"] for opening in opened.values() if "c" in opening.says})
    report.sentences.append(
        f"The openings fit the log: {number(len(opened))} entries under {number(grants)} grants."
    )
    findings = replay(opened) + replay_standing(opened, tree.bodies)
    if findings:
        report.sentences += findings[:-1]
        raise Broken(findings[-1])
    report.sentences.append(
        "Replayed in the order of the log: each disclosure and use stands under a live grant for its"
        " organisation, purpose and attributes, and no entry is missing from the middle of a grant."
    )


def _judge(report: Report, checkpoint: Checkpoint, policy: Policy) -> None:
    if policy.quorum is None:
        report.sentences.append(
            "No witnesses were demanded: only the log itself vouches for this checkpoint."
        )
        report.verdict = "UNWITNESSED"
        return
    cosigned = cosigners(checkpoint, policy)
    count = f"{len(cosigned)} of {len(policy.witnesses)} witnesses cosigned"
    if policy.is_met(cosigned, policy.quorum):
        report.sentences.append(f"{count}: the quorum of the policy is met.")
        report.verdict = "OK"
    else:
        report.sentences.append(f"{count}: the quorum of the policy is not met.")
        report.verdict = "UNWITNESSED"


# --- The command line ---


def _read_file(path: str, what: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        raise Unchecked(f"{what} cannot be read.") from None


def _read_text(path: str, what: str) -> str:
    return _read_file(path, what).decode("utf-8", "replace")


def _leaf_of(arguments: argparse.Namespace) -> bytes | None:
    """The leaf that a proof is for: given itself, or in the `entry` of a disclosure as it was received."""
    if arguments.leaf is not None:
        return unbase64(arguments.leaf, "The leaf")
    if arguments.entry is None:
        return None
    try:
        entry = json.loads(_read_file(arguments.entry, "The entry"), object_pairs_hook=_once)
        entry = entry.get("entry", entry)
        leaf = unbase64(entry["leaf"], "The leaf")
        opening = entry.get("opening")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Broken("The entry is not a JSON object with a leaf.") from None
    if opening is not None:
        check_leaf(leaf, opening.get("i", 0) if isinstance(opening, dict) else 0)
        read = read_opening(json.dumps(opening), "The opening of the entry")
        check_opened(read, leaf, str(read.says.get("o")))
    return leaf


def _gather(arguments: argparse.Namespace) -> dict[str, Any]:
    token = None
    if arguments.token_file is not None:
        token = _read_file(arguments.token_file, "The token file").decode("ascii", "replace").strip()
    openings = None
    if arguments.openings is not None and arguments.openings.startswith(("http://", "https://")):
        openings = fetch(arguments.openings, token=token, most=MOST_OPENINGS)
        if openings is None:
            raise Unchecked("There are no openings at this address.")
    elif arguments.openings is not None:
        openings = _read_file(arguments.openings, "The file with openings")
        if openings[:2] == b"\x1f\x8b":
            openings = _unpacked(openings, MOST_OPENINGS)
    policy = _read_text(arguments.policy, "The policy") if arguments.policy else None
    proof = _read_text(arguments.proof, "The proof") if arguments.proof else None
    leaf = _leaf_of(arguments)
    if (proof is None) != (leaf is None):
        raise Unchecked("A proof and the leaf that it is for go together.")
    return {"policy": policy, "openings": openings, "proof": proof, "leaf": leaf}


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; prints the sentences and the verdict, returns the exit code."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Check a consent log from the outside.")
    parser.add_argument("source", nargs="?", metavar="URL|DIR", help="a log, or a site that lists its logs")
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument("--vkey", action="append", default=[], help="the log's key, known from elsewhere")
    keys.add_argument("--policy", help="file: the keys and witnesses to trust (C2SP tlog-policy)")
    parser.add_argument("--state", type=Path, help="file: what was seen before; written on success")
    parser.add_argument("--openings", metavar="FILE|URL", help="what an auditor was given, NDJSON")
    parser.add_argument("--token-file", metavar="FILE", help="file with the bearer token for --openings")
    parser.add_argument("--proof", metavar="FILE", help="one proof, as received with the data")
    leaf = parser.add_mutually_exclusive_group()
    leaf.add_argument("--leaf", metavar="BASE64", help="the leaf that the proof is for")
    leaf.add_argument("--entry", metavar="FILE", help="JSON with the leaf and its opening, as received")
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:
        return 3 if stop.code else 0
    try:
        given = _gather(arguments)
    except Broken as wrong:
        report = Report("INVALID", [str(wrong)])
    except Unchecked as missing:
        report = Report("UNCHECKED", [str(missing)])
    else:
        report = verify_log(arguments.source, vkeys=arguments.vkey, state=arguments.state, **given)
    for sentence in report.sentences:
        print(sentence)
    print(f"Verdict: {report.verdict}")
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main())
