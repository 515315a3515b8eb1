#!/usr/bin/env python3
"""Check a consent log from the outside: nothing here comes from the service that is being checked.

    verify.py URL|DIR [--vkey VKEY | --policy FILE] [--state FILE [--resume]] [--checkpoint FILE …]
              [--openings FILE|URL [--token-file FILE] [--complete]] [--clock-bound SECONDS]
              [--proof FILE (--leaf BASE64 | --entry FILE)]
    verify.py scan URL|DIR --key FILE [--openings FILE] [--state FILE]
    verify.py show URL|DIR --key FILE --index N --out FILE
    verify.py receipt FILE (--vkey VKEY | --policy FILE) [--keys FILE] [--renew URL|DIR --out FILE]

One file, needing Python 3.11 and the package `cryptography`. It fetches the checkpoint, all tiles and all
entries; checks the signature; hashes everything again; compares with the checkpoint that it kept the last
time; and, with openings, replays what an organisation did under each grant. It prints a sentence for each
check, then a verdict with its exit code:

    OK           0  all checks passed, and the witnesses of the policy have cosigned
    UNWITNESSED  0  all checks passed, but only the log itself vouches for it (1 if witnesses are demanded)
    INVALID      1  something is wrong; the sentence names the entry where there is one
    DIVERGED     2  the log is not a continuation of what it signed before
    UNCHECKED    3  something could not be fetched or read, so nothing was found out

The three words are for a citizen: find every entry under her audit key, show one of them to somebody, check a
receipt. A folder or site may have several logs.

The formats are described in docs/reference/ledger.md: C2SP signed-note, tlog-checkpoint, tlog-tiles,
tlog-proof, tlog-policy and tlog-cosignature; RFC 6962 for the tree; and the leaf of 152 bytes, which is our
own.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import contextlib
import gc
import gzip
import hmac
import http.client
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from itertools import islice
from operator import lt
from pathlib import Path
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
except ImportError:  # cryptography before version 50: said when such a key has to be checked
    MLDSA44PublicKey = None  # type: ignore[assignment, misc]

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
    follows: str | None = None  # the key of the log that follows, when this one says so in its last entry

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


_INNER, _INNER_REST = bytes(byte ^ 0x36 for byte in range(256)), b"\x36" * 32
_OUTER, _OUTER_REST = bytes(byte ^ 0x5C for byte in range(256)), b"\x5c" * 32


def keyed(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104 §2), written out for our keys of 32 bytes: quicker than asking for one each time."""
    if len(key) != 32:
        return hmac.digest(key, message, "sha256")
    inner = sha256(key.translate(_INNER) + _INNER_REST + message).digest()
    return sha256(key.translate(_OUTER) + _OUTER_REST + inner).digest()


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
ML_DSA_44 = 0x06  # the log's second key, or a witness's
PUBLIC_BYTES = {LOG_KEY: 32, WITNESS_KEY: 32, ML_DSA_44: 1312}


@dataclass(frozen=True)
class Key:
    name: str
    key_id: bytes
    kind: int
    public: bytes

    def signed(self, signature: bytes, message: bytes) -> bool:
        if self.kind == ML_DSA_44 and MLDSA44PublicKey is None:
            raise Unchecked("To check ML-DSA-44, the package cryptography must be version 50 or later.")
        kind = MLDSA44PublicKey if self.kind == ML_DSA_44 else Ed25519PublicKey
        try:
            kind.from_public_bytes(self.public).verify(signature, message)
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
    if len(typed) - 1 != PUBLIC_BYTES.get(typed[0], len(typed) - 1):
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


def cosigned(checkpoint: Checkpoint, key: Key, signature: bytes) -> int:
    """When *key* cosigned (seconds; C2SP tlog-cosignature, both types). Raises Broken."""
    at = int.from_bytes(signature[:8], "big")
    message = f"cosignature/v1\ntime {at}\n{checkpoint.body}".encode()
    if key.kind == ML_DSA_44:
        name, origin = key.name.encode(), checkpoint.origin.encode()
        if max(len(name), len(origin)) > 255:
            raise Broken("The name of a cosigner or of the log is too long for its signature.")
        who_and_when = b"subtree/v1\n\0" + bytes([len(name)]) + name + at.to_bytes(8, "big")
        start_and_end = bytes(8) + checkpoint.size.to_bytes(8, "big")
        message = who_and_when + bytes([len(origin)]) + origin + start_and_end + checkpoint.root
    if len(signature) < 8 or at >= 1 << 63 or not key.signed(signature[8:], message):
        raise Broken(f"The cosignature of {key.name} under the checkpoint is wrong.")
    return at


def is_signed_twice(checkpoint: Checkpoint, keys: Sequence[Key]) -> bool:
    """Whether one of the log's ML-DSA-44 keys has signed too, if there are any. A wrong one spoils everything."""
    second = [key for key in keys if key.kind == ML_DSA_44 and key.name == checkpoint.origin]
    found = [
        cosigned(checkpoint, key, signature)
        for key in second
        for name, key_id, signature in checkpoint.lines
        if (name, key_id) == (key.name, key.key_id)
    ]
    return bool(found) or not second


def is_signed(checkpoint: Checkpoint, keys: Sequence[Key]) -> bool:
    """Whether one of the log's Ed25519 keys has signed; a known key's bad signature spoils everything, unknown ones do
    not.
    """
    is_signed_twice(checkpoint, keys)
    known = {(key.name, key.key_id): key for key in keys if key.kind == LOG_KEY}
    verified = False
    for name, key_id, signature in checkpoint.lines:
        key = known.get((name, key_id)) if name == checkpoint.origin else None
        if key is None:
            continue
        if not key.signed(signature, checkpoint.body.encode()):
            raise Broken("The signature under the checkpoint is wrong.")
        verified = True
    return verified


def check_signature(checkpoint: Checkpoint, keys: Sequence[Key]) -> None:
    """The same, as a demand."""
    if not is_signed(checkpoint, keys):
        raise Broken("The checkpoint is not signed by a key that is known for this log.")


class Ring:
    """The keys of one log that are trusted, and which sizes each may sign by what the log itself says.

    A key that came later is trusted when the keys before it signed the checkpoint behind which the first of them ends.
    """

    def __init__(self, origin: str, trusted: Iterable[Key]) -> None:
        self.origin = origin
        self.given = list(trusted)
        self.forget()

    def forget(self) -> None:
        """Know only the given keys again."""
        self.trusted = list(self.given)
        self.since: dict[Key, int] = {}  # it may sign larger sizes than the index of the entry that names it
        self.until: dict[Key, int] = {}  # and none larger than the index of the entry that retires it
        self.added: tuple[int, Key] | None = None  # the newest of these
        # Where the log says that it ends, and the key of the log that follows.
        self.closed: tuple[int, Key] | None = None
        # The last checkpoint of the log before: origin, size, root.
        self.after: tuple[str, int, bytes] | None = None

    def at(self, size: int) -> list[Key]:
        """The trusted keys that may sign this size."""
        return [key for key in self.trusted if self.since.get(key, -1) < size <= self.until.get(key, 1 << 63)]

    def check(self, checkpoint: Checkpoint) -> None:
        """Raises Broken when no key signed that may sign a checkpoint of this size."""
        if is_signed(checkpoint, self.at(checkpoint.size)):
            return
        for key in self.trusted:
            if key.kind == LOG_KEY and is_signed(checkpoint, [key]):
                at, did = (
                    (self.until[key], "retired")
                    if self.until.get(key, 1 << 63) < checkpoint.size
                    else (self.since[key], "adds only later")
                )
                raise Broken(
                    f"The checkpoint of {number(checkpoint.size)} entries is signed with a key that entry {at} {did}."
                )
        check_signature(checkpoint, [])

    def take(self, index: int, body: bytes, root: Callable[[], bytes]) -> None:
        """What a control entry says about keys; *root* gives that of the entries before it."""
        if b'"key.' not in body and b'"log.closed"' not in body and index:
            return
        try:
            said = _read_json(body.decode())
            event = said["ev"]
            if event == "log.closed":
                self.closed = (index, read_key(said["next"]))
                return
            key = read_key(said["key"])
            if event == "log.opened" and index == 0:
                self.since.setdefault(key, 0)
                if "cosigner" in said:
                    self.since.setdefault(read_key(said["cosigner"]), 0)
                if "after" in said:
                    ended = said["after"]
                    self.after = str(ended["o"]), int(ended["size"]), unbase64(ended["root"], "The root")
            elif event == "key.added":
                self.since.setdefault(key, index)
                self.added = (index, key)
            elif event == "key.retired":
                if "last" in said:
                    self.follow(index, key, read_checkpoint(said["last"]), root)
                self.until.setdefault(key, index)
        except (Broken, Unchecked, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return  # nobody is led on by it

    def follow(self, index: int, old: Key, last: Checkpoint, root: Callable[[], bytes]) -> None:
        """Trust the key that comes after *old*, if the keys of before say so under *last*."""
        if self.added is None or self.added[0] != index - 1:
            return
        new, keys = self.added[1], self.at(index)
        is_meant = (new.name, new.kind) == (self.origin, old.kind) and old in keys and new not in self.trusted
        is_last = (last.origin, last.size) == (self.origin, index)
        if (
            is_meant
            and is_last
            and is_signed(last, keys)
            and is_signed_twice(last, keys)
            and last.root == root()
        ):
            self.trusted.append(new)

    def learn(self, leaf: bytes, proof: str) -> None:
        """Go on by a change that a receipt carries: the entry that names the new key, the last one of its checkpoint.

        Raises Broken when it is not that. Who did not sign the checkpoint leads nobody on.
        """
        index, last = check_proof(proof, leaf, None)
        try:
            said = _read_json(leaf[152:].decode())
            new = read_key(said["key"])
            is_change = leaf[4] == 1 and said["ev"] == "key.added" and last.size == index + 1
        except (Unchecked, ValueError, KeyError, TypeError, RecursionError):
            is_change = False
        if not is_change or (last.origin, new.name) != (self.origin, self.origin):
            raise Broken("What should be a change of keys in this file is not one.")
        keys = self.at(last.size)
        before = [key for key in keys if key.kind == new.kind and key != new]
        if not before or not is_signed(last, keys) or not is_signed_twice(last, keys):
            return
        self.since.setdefault(new, index)
        for key in before:
            self.until.setdefault(key, last.size)
        if new not in self.trusted:
            self.trusted.append(new)

    def limit(self, listing: str) -> None:
        """Believe the log's file `keys` about which sizes the trusted keys may sign. Raises Unchecked."""
        for line in filter(None, listing.split("\n")):
            match = re.fullmatch(r"([0-9]{1,18}) (-|[0-9]{1,18}) (\S+)", line, re.ASCII)
            if match is None:
                raise Unchecked("The file with keys has a line that is not understood.")
            key = read_key(match[3])
            self.since.setdefault(key, int(match[1]))
            if match[2] != "-":
                self.until.setdefault(key, int(match[2]))

    def next_key(self, size: int) -> Key | None:
        """The key of the log that follows, if this one ends with the last of *size* entries."""
        return self.closed[1] if self.closed is not None and self.closed[0] == size - 1 else None

    def put_away(self) -> dict[str, Any]:
        """What the entries said so far, as JSON; `take_up` reads it."""
        named = [None if one is None else [one[0], _write_key(one[1])] for one in (self.added, self.closed)]
        return {
            "named": named,
            "given": [_write_key(key) for key in self.given],
            "trusted": [_write_key(key) for key in self.trusted],
            "since": [[_write_key(key), index] for key, index in self.since.items()],
            "until": [[_write_key(key), index] for key, index in self.until.items()],
        }

    def take_up(self, kept: Mapping[str, Any]) -> None:
        if not {read_key(text) for text in kept["given"]} <= set(self.given):
            raise Stale  # it followed from a key that is not trusted any more
        self.trusted += [key for key in map(read_key, kept["trusted"]) if key not in self.trusted]
        self.since = {read_key(text): int(index) for text, index in kept["since"]}
        self.until = {read_key(text): int(index) for text, index in kept["until"]}
        self.added, self.closed = (
            None if one is None else (int(one[0]), read_key(one[1])) for one in kept["named"]
        )


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
            if key.kind in (LOG_KEY, ML_DSA_44):  # a log may also list keys of kinds that we cannot check
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
    """The witnesses of the policy whose cosignature under the checkpoint is right."""
    found = set()
    for witness, key in policy.witnesses.items():
        for name, key_id, signature in checkpoint.lines:
            if (name, key_id) == (key.name, key.key_id) and key.kind in (WITNESS_KEY, ML_DSA_44):
                cosigned(checkpoint, key, signature)
                found.add(witness)
    return found


def cosigned_at(checkpoint: Checkpoint, policy: Policy) -> int | None:
    """The earliest time (seconds) at which a witness of the policy cosigned; None when none did."""
    known = {(key.name, key.key_id) for key in policy.witnesses.values() if key.kind != LOG_KEY}
    if not cosigners(checkpoint, policy):
        return None
    return min(
        int.from_bytes(signature[:8], "big")
        for name, key_id, signature in checkpoint.lines
        if (name, key_id) in known
    )


def time_bounds(seen: Iterable[tuple[int, int]], bound: int) -> list[tuple[int, int, int]]:
    """Between what witnesses saw an entry can have been made: (up to this index, not before, not after), in seconds.

    *seen* is when a witness saw the log how long: what was in it is no younger, what was not yet in it no older, give
    or take *bound* for their clocks and for how late a checkpoint reaches them.
    """
    bounds, earliest = [], 0
    points = sorted(seen)
    for place, (size, at) in enumerate(points):
        last = min(at for _, at in points[place:])
        bounds.append((size, earliest - bound, last + bound))
        earliest = min(at, last)
    if points:
        bounds.append((1 << 63, earliest - bound, 1 << 62))
    return bounds


# --- Where the log is read from ---

MOST_BYTES = 1 << 25  # a full bundle of the longest entries has 16 MiB
MOST_LINE = 1 << 20


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a token must not travel to another place than the one it was given for."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_StayHere)


def _opened(url: str, token: str | None) -> http.client.HTTPResponse | None:
    """The answer to GET *url*; None when there is no such thing. Raises Unchecked when that cannot be known."""
    parts = urllib.parse.urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme not in ("http", "https") or (token and parts.scheme != "https" and not local):
        raise Unchecked("An address begins with http:// or https://, and a token goes over https only.")
    headers = {"User-Agent": "consent-verify", "Accept-Encoding": "identity"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (the scheme is checked above)
    try:
        answer: http.client.HTTPResponse = _OPENER.open(request, timeout=30)
        return answer
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            return None
        what = " Bring a token that still works, with --token-file." if error.code == 401 else ""
        raise Unchecked(f"The server answered {error.code} for {parts.path}.{what}") from None
    except (OSError, ValueError, http.client.HTTPException):
        raise Unchecked(f"Could not fetch {parts.path} from {parts.netloc}.") from None


def fetch(url: str, *, token: str | None = None, most: int = MOST_BYTES) -> bytes | None:
    """GET *url*; None when there is no such thing. Raises Unchecked when that cannot be known."""
    answer = _opened(url, token)
    if answer is None:
        return None
    path = urllib.parse.urlsplit(url).path
    try:
        with answer:
            raw = answer.read(most + 1)
            if answer.headers.get("Content-Encoding") == "gzip":
                # A log may compress without being asked (tlog-tiles, "Log entries").
                raw = _unpacked(raw, most)
    except (OSError, ValueError, http.client.HTTPException):
        raise Unchecked(f"The answer for {path} broke off.") from None
    if len(raw) > most:
        raise Unchecked(f"The answer for {path} is too long.")
    return raw


def lines_of(where: str, token: str | None) -> Iterator[bytes]:
    """The lines of a file or an address, packed with gzip or not, as they come. Raises Unchecked."""
    stream: Any
    try:
        if where.startswith(("http://", "https://")):
            stream = _opened(where, token)
            if stream is None:
                raise Unchecked("There are no openings at this address.")
            is_packed = stream.headers.get("Content-Encoding") == "gzip"
        else:
            stream = open(where, "rb")  # noqa: SIM115 (closed below)
            is_packed = stream.peek(2)[:2] == b"\x1f\x8b"
        with stream:
            plain = gzip.GzipFile(fileobj=stream) if is_packed else stream
            rest = b""
            while block := plain.read(1 << 16):
                *whole, rest = (rest + block).split(b"\n")
                if len(rest) > MOST_LINE:
                    raise Unchecked("A line of the openings is too long.")
                yield from whole
            yield rest
    except (OSError, EOFError, ValueError, zlib.error, http.client.HTTPException):
        raise Unchecked("The openings cannot be read, or broke off.") from None


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
    """The log at *where* and its checkpoint; of a site with several logs, the newest one that it lists.

    Logs that stand beside another (`2026-2` beside `2026`) have to be asked for by their own address.
    """
    if not where.startswith(("http://", "https://")):
        source = Source(where, on_disk=True)
    else:
        source = Source(where.rstrip("/") + "/", on_disk=False)
    raw = source.get("checkpoint")
    if raw is None and not source.on_disk:
        listed = (fetch(source.place + "log/") or b"").decode("ascii", "replace").split()
        names = [name for name in listed if not re.fullmatch(r"[0-9]{4}[a-z]?-[0-9]+", name)] or listed
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
    """The right edge of a log while it is read: at each level the hashes that fill no tile yet.

    That is all that the next entries need, so a log of any length is read in little memory, and from a full bundle on
    somebody can stop and go on another day.
    """

    edge: list[list[bytes]] = field(default_factory=lambda: [[]])
    size: int = 0
    controls: int = 0
    roots: dict[int, bytes] = field(default_factory=dict)  # at the sizes that were asked for
    leaves: dict[int, bytes] = field(default_factory=dict)  # those that were asked for

    def root(self, row: Sequence[bytes]) -> bytes:
        """The root when the newest bundle has come as far as *row*."""
        tail: list[bytes] = []
        for hashes in (row, *self.edge[1:]):
            # What is left over at the right of a lower level is the last, smaller subtree of this one.
            joined = [*hashes, *tail]
            tail = [fold(joined)] if joined else []
        return tail[0] if tail else sha256(b"").digest()

    def add(self, row: list[bytes], source: Source) -> None:
        """Add the hashes of a bundle and compare each tile that is full now. Only the last may be shorter."""
        self.edge[0] = row
        self.size += len(row)
        for level, hashes in enumerate(self.edge):
            if len(hashes) < 256:
                return
            if level:
                compare_row(source, level, (self.size >> 8 * (level + 1)) - 1, b"".join(hashes))
            if level + 1 == len(self.edge):
                self.edge.append([])
            self.edge[level + 1].append(fold(hashes))
            self.edge[level] = []

    def finish(self, source: Source) -> None:
        """Compare the tiles above the leaves that are not full."""
        for level, hashes in enumerate(self.edge[1:], 1):
            if hashes:
                compare_row(source, level, self.size >> 8 * (level + 1), b"".join(hashes))

    def root_at(self, size: int) -> bytes:
        """The root that this log had at one of the sizes that were asked for."""
        return self.roots[size]


class Nonces:
    """Every nonce of a log, to see that none comes twice: in buckets, in memory and then in a folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._waiting = [bytearray() for _ in range(256)]
        self._count = 0

    def add(self, leaves: Sequence[bytes], first: int) -> None:
        waiting = self._waiting
        for index, leaf in enumerate(leaves, first):
            waiting[leaf[8]] += leaf[8:24] + index.to_bytes(8, "big")
        self._count += len(leaves)
        if self._count >= 1 << 19:
            self.flush()

    def flush(self) -> None:
        """Put what waits in the folder. A record that was cut off by a crash is dropped first."""
        if self._folder is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="verify-")
            self._folder = Path(self._temporary.name)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for n, bucket in enumerate(self._waiting):
                if bucket:
                    with open(self._folder / f"{n:02x}", "ab") as file:
                        file.truncate(file.tell() - file.tell() % 24)
                        file.write(bucket)
                    bucket.clear()
        except OSError:
            raise Unchecked("The nonces cannot be written beside the state file.") from None
        self._count = 0

    def check(self) -> None:
        """Raises Broken with the first entry whose nonce an earlier one has."""
        again = None
        for n, waiting in enumerate(self._waiting):
            file = self._folder / f"{n:02x}" if self._folder is not None else None
            raw = (file.read_bytes() if file is not None and file.exists() else b"") + bytes(waiting)
            if len({raw[at : at + 16] for at in range(0, len(raw), 24)}) == len(raw) // 24:
                continue
            first: dict[bytes, int] = {}
            for at in range(0, len(raw) - 23, 24):
                # Whoever went on after a stop has read some entries twice: that is the same index.
                nonce, index = raw[at : at + 16], int.from_bytes(raw[at + 16 : at + 24], "big")
                seen = first.setdefault(nonce, index)
                if seen != index:
                    again = min(again or max(seen, index), max(seen, index))
        if again is not None:
            raise Broken(f"Entry {again} repeats the nonce of an earlier entry.")


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


def read_bundle(source: Source, first: int, width: int) -> list[bytes]:
    """The *width* entries from *first* on, which begins a bundle."""
    return split_bundle(*source.row("entries", first // 256, width), first, width)


_EVENT = b"\0\x98CLg\x01\0\0\0\0"  # how an event of 152 bytes begins in a bundle


def events_in(bundle: bytes, width: int) -> list[bytes] | None:
    """The leaves of a bundle of *width* events, each in its right form; None for any other bundle."""
    step = 2 + 152
    if len(bundle) != step * width:
        return None
    if any(bundle[n::step] != _EVENT[n : n + 1] * width for n in range(len(_EVENT))):
        return None
    return [bundle[at : at + 152] for at in range(2, len(bundle), step)]


def split_bundle(bundle: bytes, longer: bool, first: int, width: int) -> list[bytes]:
    leaves, place, end = [], 0, len(bundle)
    for index in range(first, first + width):
        start = place + 2
        place = start + (bundle[place] << 8 | bundle[place + 1] if start <= end else 0)
        if place > end or start >= place:
            raise Broken(f"Entry {index} is cut off in its bundle.")
        leaves.append(bundle[start:place])
    if place != end and not longer:
        raise Broken(f"The bundle that begins with entry {first} is longer than its entries.")
    return leaves


def read_bundles(
    source: Source, size: int, tree: Tree, nonces: Nonces, sizes: Iterable[int] = (), ring: Ring | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """Read on from where *tree* is, up to *size*: hash the entries again, and compare every hash of every tile.

    Yields each bundle with the index of its first entry, when it has been compared. The roots at *sizes* are kept in
    the tree. Raises Broken with the number of the first entry that is wrong.
    """
    asked = sorted(sizes)
    if 0 in asked:
        tree.roots[0] = sha256(b"").digest()
    while tree.size < size:
        first = tree.size
        width = min(256, size - first)
        bundle, longer = source.row("entries", first // 256, width)
        leaves = events_in(bundle, width)
        if leaves is None:
            leaves = split_bundle(bundle, longer, first, width)
            for index, leaf in enumerate(leaves, first):
                if len(leaf) != 152 or leaf[:8] != _EVENT[2:]:
                    check_leaf(leaf, index)
                    tree.controls += leaf[4]
        row = [sha256(b"\0" + leaf).digest() for leaf in leaves]
        compare_row(source, 0, first // 256, b"".join(row))
        nonces.add(leaves, first)
        for one in asked:
            if first < one <= first + len(row):
                tree.roots[one] = tree.root(row[: one - first])
        if ring is not None:
            for index, leaf in enumerate(leaves, first):
                if leaf[4]:
                    ring.take(index, leaf[152:], partial(tree.root, row[: index - first]))
        tree.add(row, source)
        yield first, leaves
    tree.finish(source)
    nonces.check()
    tree.roots[size] = tree.root(tree.edge[0])


def read_tree(source: Source, size: int, wanted: set[int], sizes: Iterable[int] = ()) -> Tree:
    """Read a whole log and keep the leaves in *wanted* and the roots at *sizes*."""
    tree = Tree()
    for first, leaves in read_bundles(source, size, tree, Nonces(), sizes):
        tree.leaves |= {index: leaf for index, leaf in enumerate(leaves, first) if index in wanted}
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


MOST_SEEN = 1000


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

    def named(self) -> list[str]:
        """The keys that logs read to their end named for those that follow them."""
        return [kept["next"] for kept in self.logs.values() if kept.get("next")]

    def keep(
        self,
        checkpoint: Checkpoint,
        vkeys: Sequence[str],
        witnessed: Iterable[Checkpoint] = (),
        follows: str | None = None,
    ) -> None:
        """Keep this checkpoint, and those by which witnesses said when the log was how long."""
        if self.path is None:
            return
        seen = sorted({(one.size, one.note) for one in witnessed})[-MOST_SEEN:]
        self.logs[checkpoint.origin] = {
            "checkpoint": checkpoint.note,
            "vkeys": list(vkeys),
            "witnessed": [note for _, note in seen],
            "next": follows,
        }
        write_file(self.path, json.dumps({"logs": self.logs}, indent=1, ensure_ascii=False) + "\n")


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


def check_proof(text: str, leaf: bytes, keys: Sequence[Key] | None) -> tuple[int, Checkpoint]:
    """Prove that *leaf* is in the log under the proof's own signed checkpoint (RFC 9162 §2.1.3.2).

    Without *keys* its signature is the caller's to check.
    """
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
    if keys is not None:
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


def check_index(proven: int, said: int | None) -> None:
    """What is opened must be the entry that is proven: otherwise it is the record of another place."""
    if said not in (None, proven):
        raise Broken(f"What is opened says it is entry {said}, but the proof is for entry {proven}.")


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
# The names in a record that a replay looks at, and what they are called here.
MEANINGS = {
    "ev": "event", "t": "at", "c": "grant", "n": "number", "prev": "before", "org": "org", "purpose": "purpose",
    "attributes": "attributes", "nbf": "opens", "exp": "closes", "sig": "signature", "reason": "reason",
}  # fmt: skip


@dataclass(slots=True)
class Opened:
    """One opened entry: what opens it, and what its audit record says (None: it does not say)."""

    index: int
    consent_key: bytes
    audit_key: bytes
    record: bytes
    event: str | None  # None: the record is not well-formed
    at: int = 0
    said_index: int | None = None
    origin: str | None = None
    grant: int | None = None
    number: int | None = None
    before: int | None = None
    org: str | None = None
    purpose: str | None = None
    attributes: tuple[str, ...] | None = None
    opens: int | None = None
    closes: int | None = None
    signature: str | None = None
    reason: str | None = None
    detail: tuple[bytes, bytes] | None = None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object in which no name comes twice: two readers could otherwise see two records in one."""
    said = dict(pairs)
    if len(said) != len(pairs):
        raise ValueError
    return said


_JSON = json.JSONDecoder(object_pairs_hook=_once)
_SCAN: Callable[[str, int], tuple[Any, int]] = vars(_JSON)["scan_once"]


def _spelling() -> re.Pattern[str]:
    """One line of openings as a log serves it: each name of the record in its place, and at most once."""
    key = '"(.{42}[AEIMQUYcgkosw048]=)"'  # 32 bytes in canonical base64
    count, word = "(0|[1-9][0-9]{0,14})", r'"([^\\]*)"'
    names = {
        "attributes": r"\[([^]]*)\]", "by": '"(?:[a-z]*)"', "c": count, "ev": word, "exp": count, "i": r"\1",
        "n": count, "nbf": count, "o": word, "org": word, "prev": count, "purpose": word, "reason": word,
        "sig": '"([a-z0-9]*)"', "t": count, "terms": '"[0-9a-f]*"', "v": "1",
    }  # fmt: skip
    always = ("ev", "i", "o", "t", "v")
    parts = [
        (f'"{name}":{value},' if name in always else f'(?:"{name}":{value},)?').replace('"', r'\\"')
        for name, value in names.items()
    ]
    record = "".join(parts).removesuffix(",")
    return re.compile(rf'\{{"i":{count},"kc":{key},"a":{key},"A":"\{{{record}\}}"\}}')


_OPENING = _spelling()
_NUMBER = re.compile(rb'":([0-9]+),')  # never in one of our words, nor in the keys
_NAME = re.compile(rb'"(\w+)\\?":0,')
_BETWEEN_KEYS = b'=","a":"'
_BEFORE_RECORD = len('{"i":,"kc":"","a":"","A":"') + 2 * 44  # and the index


def _read_json(text: str) -> Any:
    try:
        said, end = _SCAN(text, 0)
    except StopIteration:
        raise ValueError from None
    return said if end == len(text) else _JSON.decode(text)


def quick_opening(line: bytes) -> Opened | None:
    """An opening in the spelling that a log serves; None for every other one, which is read at leisure."""
    try:
        match = _OPENING.fullmatch(line.decode("ascii"))
        if match is None:
            return None
        (index, consent_key, audit_key, listed, grant, event, closes, number, opens, origin, org, before, purpose,
         reason, signature, at) = match.groups()  # fmt: skip
        place = int(index)
        return Opened(
            place, _unbase64(consent_key, strict_mode=True), _unbase64(audit_key, strict_mode=True),
            line[len(index) + _BEFORE_RECORD : -2].translate(None, b"\\"), _EVENTS[event], int(at), place,
            _WORDS[origin], int(grant) if grant else None, int(number) if number else None,
            int(before) if before else None, _WORDS[org] if org else org, _WORDS[purpose] if purpose else purpose,
            None if listed is None else _LISTS[listed], int(opens) if opens else None,
            int(closes) if closes else None, signature, _WORDS[reason] if reason else reason,
        )  # fmt: skip
    except (KeyError, ValueError, RecursionError):
        return None


_unbase64 = binascii.a2b_base64


class Shape:
    """What the lines of one kind, organisation, purpose and choice of attributes have in common.

    Such lines differ in their keys and numbers only, so what the first of them says is worked out once.
    """

    __slots__ = (
        "allowed", "begins", "count", "ends", "event", "first", "needs_life", "org", "origin", "purpose", "said",
        "slots", "steps", "unsigned",
    )  # fmt: skip

    def __init__(self, names: Sequence[str], first: Opened) -> None:
        """From the *names* of the numbers in a line, and what the line says."""
        self.count, self.said = len(names), names.index("i", 1)  # said: which entry the record says it is
        self.slots = tuple("said_index" if name == "i" else MEANINGS[name] for name in names[1:])
        self.first, self.origin, self.org, self.purpose = first, first.origin, first.org, first.purpose
        self.event, self.allowed = first.event, frozenset(first.attributes or ())
        self.ends, self.needs_life = self.event in ENDINGS, self.event in NEEDS_LIFE
        # What `Replay.go_on` knows: the next entry of a grant, and a first one that says all it has to.
        self.steps = (
            names == ["i", "c", "i", "n", "prev", "t"]
            and self.event not in {*BEGINNINGS, "amended"}
            and (self.event != "disclosed" or bool(first.attributes))
        )
        self.begins = (
            names == ["i", "c", "exp", "i", "n", "nbf", "t"]
            and self.event in BEGINNINGS
            and None not in (first.org, first.purpose, first.attributes)
        )
        self.unsigned = first.signature == "none"

    def opened(self, numbers: Sequence[int], consent_key: bytes, audit_key: bytes, record: bytes) -> Opened:
        """One line of this shape in full."""
        first = self.first
        said: dict[str, Any] = dict(zip(self.slots, numbers[1:], strict=True))
        return Opened(
            numbers[0], consent_key, audit_key, record, self.event, origin=self.origin, org=first.org,
            purpose=first.purpose, attributes=first.attributes, signature=first.signature, reason=first.reason, **said,
        )  # fmt: skip


# Its numbers, of which the first is the index of the entry; consent key, audit key, record.
Line = tuple[Shape, list[int], bytes, bytes, bytes]
_SHAPES: dict[bytes, Shape] = {}


def _shape_of(text: bytes, line: bytes) -> Shape | None:
    """The shape of *line*, whose text without keys and numbers is *text*; None when it is to be read at leisure."""
    first = quick_opening(line) if text.startswith(b'{"i":0,"kc":"=","A":"{') else None
    if first is None:
        return None
    shape = Shape([name.decode() for name in _NAME.findall(text)], first)
    if len(_SHAPES) < 10_000:
        _SHAPES[text] = shape
    return shape


def quick_lines(lines: Sequence[bytes]) -> list[Line | None]:
    """The lines in the spelling that a log serves, all at once; None for each other one.

    Nothing is passed over: a line is its shape, its numbers and its two keys, and these together are the line again.
    """
    count, comma = len(lines), lines[0].find(b",")
    if lines[-1].find(b",") != comma:
        # Where all indices have as many digits, the keys of all lines stand in one place.
        cut = next(place for place, line in enumerate(lines) if line.find(b",") != comma)
        return quick_lines(lines[:cut]) + quick_lines(lines[cut:])
    try:
        start = comma + len(',"kc":"')
        end = start + 43 + len(_BETWEEN_KEYS) + 43
        bare = b"\n".join([line[:start] + line[end:] for line in lines])
        parts = _NUMBER.split(bare)
        texts = b'":0,'.join(parts[::2]).split(b"\n")
        # JSON has no number with a zero in front, as little as a record has.
        numbers = json.loads(b"[" + b",".join(parts[1::2]) + b"]")
        # 43 letters are 32 bytes and two bits, which are 0 in the one right spelling. So are the 6 bits of an "A".
        keys = b"A".join([line[start:end] for line in lines]) + b"A"
        raw = _unbase64(keys.replace(_BETWEEN_KEYS, b"A"), strict_mode=True)
    except ValueError:
        return [None] * count
    if len(texts) != count or len(raw) != 66 * count or raw[32::33].strip(b"\0"):
        return [None] * count
    if any(keys[43 + n :: 95] != _BETWEEN_KEYS[n : n + 1] * count for n in range(len(_BETWEEN_KEYS))):
        return [None] * count
    records = bare.translate(None, b"\\").split(b"\n")
    found: list[Line | None] = []
    place, opens = 0, start + len('=","A":"')
    for at, (text, record) in enumerate(zip(texts, records, strict=True)):
        shape = _SHAPES.get(text) or _shape_of(text, lines[at])
        if shape is None:
            place += text.count(b'":0,')
            found.append(None)
            continue
        first, place, key = place, place + shape.count, at * 66
        found.append(
            (shape, numbers[first:place], raw[key : key + 32], raw[key + 33 : key + 65], record[opens:-2])
        )
    return found


class _Words(dict[str, str]):
    """The few words that stand in millions of records, each kept once. Raises KeyError for what JSON does not allow."""

    def __missing__(self, word: str) -> str:
        if '"' in word or not word.isprintable():
            raise KeyError
        if len(self) < 10_000:
            self[word] = word
        return word


class _Lists(dict[str, tuple[str, ...]]):
    """The few lists of attributes as they stand in openings. Raises KeyError for one that is not well-formed."""

    def __missing__(self, spelled: str) -> tuple[str, ...]:
        names: Any = None
        if spelled.count('"') == spelled.count("\\") == spelled.count('\\"'):
            names = _read_json(f"[{spelled}]".replace("\\", ""))
        if not _are_attributes(names):
            raise KeyError
        if len(self) < 10_000:
            self[spelled] = tuple(names)
        return tuple(names)


_EVENTS = {event: event for event in EVENTS}
_WORDS, _LISTS = _Words(), _Lists()


def read_opening(line: str | bytes, where: str) -> Opened:
    """Read one opening `{"i","kc","a","A"[,"d","D"]}`; the keys are base64, A and D the exact texts."""
    try:
        opening = _read_json(line.decode() if isinstance(line, bytes) else line)
        index, text = opening["i"], opening["A"]
        says = _read_json(text)
        consent_key, audit_key = unbase64(opening["kc"], where), unbase64(opening["a"], where)
        detail = (unbase64(opening["d"], where), opening["D"].encode()) if "D" in opening else None
        record = text.encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Broken(f"{where} is not an opening.") from None
    if type(index) is not int or index < 0 or not isinstance(says, dict):
        raise Broken(f"{where} is not an opening.")
    if len(consent_key) != 32 or len(audit_key) != 32:
        raise Broken(f"{where} has a key of another length than 32 bytes.")
    opened = Opened(index, consent_key, audit_key, record, None, detail=detail)
    opened.said_index, opened.origin = says.get("i"), says.get("o")
    if well_formed(says):
        for name, meaning in MEANINGS.items():
            setattr(opened, meaning, says.get(name))
        if opened.attributes is not None:
            opened.attributes = tuple(opened.attributes)
    return opened


def well_formed(says: Mapping[str, Any]) -> bool:
    event = says.get("ev")
    return (
        says.get("v") == 1
        and (type(event) is str and event in EVENTS)
        and type(says.get("t")) is int
        and all(type(says.get(name, 0)) is int and says.get(name, 0) >= 0 for name in NUMBERS)
        and all(type(says.get(name, "")) is str for name in WORDS)
        and _are_attributes(says.get("attributes", []))
    )


def _are_attributes(names: object) -> bool:
    """Words, sorted, each once."""
    return type(names) is list and all(type(name) is str for name in names) and names == sorted(set(names))


class Openings:
    """The lines that an auditor was given, one after the other; they stand in the order of the log.

    *skip* is how many of them were taken before, and the SHA-256 over these. Raises Stale when they are others now.
    """

    def __init__(
        self, lines: Iterable[bytes], skip: tuple[int, str] | None = None, *, is_kept: bool = False
    ) -> None:
        self._lines = iter(lines)
        self._is_kept = is_kept
        self._place = 0
        self.taken = 0
        self.digest = sha256()  # of all lines taken so far
        self._read: list[Opened | Line] = []  # and not taken yet
        self._spelled: list[bytes] = []  # these lines
        self._indices: list[int] = []
        self._last = -1  # the index of the last one taken
        self._wrong: Broken | Unchecked | None = None  # with the line behind them
        self._is_at_end = False
        for line in self._lines if skip is not None and skip[0] else ():
            self._place += 1
            if line.strip():
                self.taken += 1
                self.digest.update(line.rstrip() + b"\n")
            if skip is not None and self.taken == skip[0]:
                break
        if skip is not None and (self.taken, self.digest.hexdigest()) != tuple(skip):
            raise Stale
        self.left()

    def left(self) -> Opened | None:
        """The first one that was not taken. Raises what was wrong with its line."""
        while not self._read and not self._is_at_end and self._wrong is None:
            self._read_on()
        if not self._read:
            if self._wrong is not None:
                raise self._wrong
            return None
        first = self._read[0]
        return first if isinstance(first, Opened) else first[0].opened(*first[1:])

    def until(self, end: int) -> list[Opened | Line]:
        """Take all for entries before *end*. What is wrong behind them waits: what they say comes first."""
        if not self._read and self._wrong is not None:
            raise self._wrong
        while not self._is_at_end and self._wrong is None and (not self._indices or self._indices[-1] < end):
            self._read_on()
        count = bisect_left(self._indices, end)
        if not count:
            return []
        taken = self._read[:count]
        if self._is_kept:
            self.digest.update(b"\n".join(self._spelled[:count]) + b"\n")
            self.taken += count
        self._last = self._indices[count - 1]
        del self._read[:count], self._spelled[:count], self._indices[:count]
        return taken

    def _read_on(self) -> None:
        """Read the next lines, up to the first that is wrong."""
        taken, first = list[bytes](), self._place + 1
        try:
            for line in islice(self._lines, 256):
                taken.append(line)
                if len(line) > 10_000:
                    break  # such lines may be as long as they like: not 256 of them at once
        except (Broken, Unchecked) as wrong:
            self._wrong = wrong
        else:
            self._is_at_end = not taken
        self._place += len(taken)
        lines = [line for line in map(bytes.rstrip, taken) if line]
        if not lines:
            return
        before = self._indices[-1] if self._indices else self._last
        read = quick_lines(lines)
        whole = [one for one in read if one is not None]
        indices = [one[1][0] for one in whole]
        if len(whole) == len(lines) and before < indices[0] and all(map(lt, indices, indices[1:])):
            self._read += whole
            self._spelled += lines
            self._indices += indices
            return
        found = iter(read)
        for place, line in enumerate(map(bytes.rstrip, taken), first):
            if not line:
                continue
            try:
                what = f"Line {place} of the openings"
                one = next(found) or quick_opening(line) or read_opening(line, what)
                index = one.index if isinstance(one, Opened) else one[1][0]
                if index <= before:
                    if index == before:
                        raise Broken(f"Entry {before} is opened twice.")
                    raise Unchecked(f"{what} is out of order: sort them by index.")
            except (Broken, Unchecked) as wrong:
                self._wrong = wrong
                return
            before = index
            self._read.append(one)
            self._spelled.append(line)
            self._indices.append(index)


def check_opened(opening: Opened, leaf: bytes, origin: str) -> None:
    """What was opened must be exactly what the leaf commits to, and the record must be about that leaf."""
    wrong = None
    if leaf[4] != 0:
        wrong = "is about the log itself and cannot be opened"
    elif keyed(opening.consent_key, b"consent\0" + leaf[8:24]) != leaf[56:88]:
        wrong = "is not written under the consent key of its opening"
    elif keyed(opening.audit_key, b"audit\0" + opening.record) != leaf[88:120]:
        wrong = "commits to another record than its opening shows"
    elif opening.detail and keyed(opening.detail[0], b"detail\0" + opening.detail[1]) != leaf[120:152]:
        wrong = "commits to another detail than its opening shows"
    elif opening.origin != origin or opening.said_index != opening.index:
        wrong = "carries the record of another entry or another log"
    elif opening.event is None:
        wrong = "has a record that is not well-formed"
    if wrong is not None:
        raise Broken(f"Entry {opening.index} {wrong}.")


_CONSENT, _AUDIT = _INNER_REST + b"consent\0", _INNER_REST + b"audit\0"


def check_all(opened: Iterable[Opened | Line], first: int, leaves: Sequence[bytes], origin: str) -> None:
    """The same for several whose leaves begin with entry *first*; `keyed` is written out for lines read at once."""
    hash_of, inner, outer, rest = sha256, _INNER, _OUTER, _OUTER_REST
    for one in opened:
        if isinstance(one, Opened):
            check_opened(one, leaves[one.index - first], origin)
            continue
        shape, numbers, consent_key, audit_key, record = one
        index = numbers[0]
        leaf = leaves[index - first]
        tag = hash_of(consent_key.translate(inner) + _CONSENT + leaf[8:24]).digest()
        commitment = hash_of(audit_key.translate(inner) + _AUDIT + record).digest()
        if (
            hash_of(consent_key.translate(outer) + rest + tag).digest() != leaf[56:88]
            or hash_of(audit_key.translate(outer) + rest + commitment).digest() != leaf[88:120]
            or leaf[4]
            or shape.origin != origin
            or numbers[shape.said] != index
        ):
            check_opened(shape.opened(*one[1:]), leaf, origin)  # which says what is wrong


@dataclass(slots=True)
class Grant:
    """One grant as far as it was replayed. `allowed` is None when its beginning lies below the watermark."""

    began: int
    key: bytes
    org: str | None
    purpose: str | None
    allowed: frozenset[str] | None
    opens: int
    closes: int
    count: int
    before: int
    ended: int | None = None
    first: int = -1  # the entry by which a grant without a beginning became known


MOST_FINDINGS = 1000


class Replay:
    """What an organisation did, followed through the log entry by entry; each broken rule is a sentence.

    It remembers one `Grant` for each grant, not its entries, and can be put away and taken up again.
    """

    def __init__(
        self, origin: str, *, bounds: Sequence[tuple[int, int, int]] = (), complete: bool = False
    ) -> None:
        self.origin = origin
        self.bounds = bounds  # (up to this index, not before, not after), in order of the index
        self.complete = complete
        self.findings: list[str] = []
        self.found = 0
        self.opened = 0
        self.unsigned = 0
        self.latest = 0
        self.watermark = 0
        self.shut: list[list[int]] = []  # runs of events that nobody opened
        self.grants: dict[int, Grant] = {}
        self.holders: dict[bytes, int] = {}
        self.suspended: dict[tuple[str, str], int] = {}
        self.sets: dict[frozenset[str], frozenset[str]] = {}

    def find(self, sentence: str) -> None:
        self.found += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(sentence)

    def bundle(self, first: int, leaves: Sequence[bytes], openings: Openings) -> None:
        """Take the entries of a bundle, with those openings that are for them."""
        # One kind of work for the whole bundle, then the next: quicker than all of it entry by entry.
        opened = openings.until(first + len(leaves))
        if not opened and not self.complete and all(len(leaf) == 152 for leaf in leaves):
            return
        check_all(opened, first, leaves, self.origin)
        place, at = first, 0
        while at < len(opened):
            opening = opened[at]
            index = opening.index if isinstance(opening, Opened) else opening[1][0]
            if index != place:
                self.shut_out(place, leaves[place - first : index - first])
            count = self.go_on(opened, at)
            if not count:
                self.take(opening if isinstance(opening, Opened) else opening[0].opened(*opening[1:]))
                count = 1
            at, place = at + count, index + count
        self.shut_out(place, leaves[place - first :])

    def shut_out(self, first: int, leaves: Sequence[bytes]) -> None:
        """Entries that nobody opened: what the log says of itself, and others."""
        for index, leaf in enumerate(leaves, first):
            if leaf[4] == 1:
                self.control(index, leaf[152:])
            elif self.complete:
                if self.shut and self.shut[-1][1] == index - 1:
                    self.shut[-1][1] = index
                else:
                    self.shut.append([index, index])

    def control(self, index: int, body: bytes) -> None:
        """What the log says about approvals and about itself; of other control entries only their time counts."""
        try:
            said = _read_json(body.decode())
            if type(said.get("t")) is int:
                self.time(index, said["t"])
            subject, _, change = said["ev"].partition(".")
            if said["ev"] == "retention.watermark" and type(said["below"]) is int:
                self.watermark = max(self.watermark, min(said["below"], index))
            name = said[STANDING[subject]]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return
        if change == "suspended" and isinstance(name, str):
            self.suspended.setdefault((STANDING[subject], name), index)
        elif change == "restored" and isinstance(name, str):
            self.suspended.pop((STANDING[subject], name), None)

    def time(self, index: int, at: int) -> None:
        """Times never fall, and witnesses saw when the log was how long."""
        if at < self.latest:
            self.find(f"Entry {index} says it is older than an entry before it.")
        self.latest = max(self.latest, at)
        if not self.is_in_bounds(index, at):
            self.find(
                f"Entry {index} gives another time than the witnesses saw: it is back-dated or post-dated."
            )

    def is_in_bounds(self, index: int, at: int) -> bool:
        """Whether what witnesses saw allows this time."""
        place = bisect_right(self.bounds, index, key=_end_of)
        return place == len(self.bounds) or self.bounds[place][1] <= at <= self.bounds[place][2]

    def go_on(self, opened: Sequence[Opened | Line], start: int) -> int:
        """Take entries from *start* on, each behind the one before, as long as nothing whatever is wrong with them.

        Returns how many. The rules are those of `take`; where these do not all hold, somebody has to look closer.
        """
        if self.suspended:
            return 0
        grants, latest, bounds, place = self.grants, self.latest, self.bounds, -1
        for count, line in enumerate(opened[start:] if start else opened):
            if isinstance(line, Opened):
                return count
            shape, numbers, key, _, _ = line
            index = numbers[0]
            if (index != place and count) or (bounds and not self.is_in_bounds(index, numbers[-1])):
                return count
            place = index + 1
            if shape.steps:
                _, began, _, number, before, at = numbers
                grant = grants.get(began)
                if (
                    grant is None
                    or number != grant.count + 1
                    or before != grant.before
                    or key != grant.key
                    or at < latest
                ):
                    return count
                if shape.needs_life:
                    if (
                        grant.ended is not None
                        or not grant.opens <= at < grant.closes
                        or shape.org != grant.org
                        or shape.purpose != grant.purpose
                        or not (grant.allowed is None or shape.allowed <= grant.allowed)
                    ):
                        return count
                elif (
                    (shape.org is not None and shape.org != grant.org)
                    or (shape.purpose is not None and shape.purpose != grant.purpose)
                    or (shape.event == "expired" and at < grant.closes)
                ):
                    return count
                elif shape.ends and grant.ended is None:
                    grant.ended = index
                grant.count, grant.before = number, index
            elif shape.begins:
                _, began, closes, _, number, opens, at = numbers
                if began != index or number or at < latest or began in grants or key in self.holders:
                    return count
                self.hold(key, index, shape.org, shape.purpose, shape.allowed, opens, closes)
                self.unsigned += shape.unsigned
            else:
                return count
            latest = self.latest = at
            self.opened += 1
        return len(opened) - start

    def take(self, opening: Opened) -> None:
        """One opened entry that fits its leaf."""
        index, event = opening.index, opening.event
        self.opened += 1
        self.time(index, opening.at)
        if self.suspended and event in NEEDS_LIFE:
            for name, meaning, word in (
                ("org", "organisation", opening.org),
                ("purpose", "purpose", opening.purpose),
            ):
                since = self.suspended.get((name, word or ""))
                if since is not None:
                    self.find(
                        f"Entry {index} ({event}) stands while its {meaning} was suspended by entry {since}."
                    )
        began = opening.grant
        if began is None:
            if event not in MAY_STAND_ALONE:
                self.find(f"Entry {index} ({event}) names no grant.")
            return
        grant = self.grants.get(began)
        if grant is not None:
            self.follow(grant, opening)
        elif began == index and event in BEGINNINGS:
            self.begin(opening)
        elif began < index:
            self.join(opening, began)
        else:
            self.find(f"Entry {index} stands under a grant at entry {began}, which is not opened as one.")

    def begin(self, opening: Opened) -> None:
        index = opening.index
        if None in (opening.org, opening.purpose, opening.attributes, opening.opens, opening.closes):
            self.find(f"Entry {index} begins a grant without saying for whom, what and until when.")
        if opening.number != 0 or opening.before is not None:
            self.find(f"Entry {index} begins a grant but is not number 0 in it.")
        self.unsigned += opening.signature == "none"
        allowed = frozenset(opening.attributes or ())
        opens, closes = opening.opens or 0, opening.closes or 0
        self.hold(opening.consent_key, index, opening.org, opening.purpose, allowed, opens, closes)

    def join(self, opening: Opened, began: int) -> None:
        """The beginning is not there: right only below the retention watermark, which comes later in the log."""
        grant = self.hold(opening.consent_key, began, opening.org, opening.purpose, None, 0, 1 << 62)
        grant.before = opening.index
        grant.count, grant.first = opening.number or 0, opening.index
        if opening.event in NEEDS_LIFE:
            grant.opens = opening.opens or 0
            grant.closes = 1 << 62 if opening.closes is None else opening.closes
        if opening.event in ENDINGS:
            grant.ended = opening.index

    def hold(
        self,
        key: bytes,
        began: int,
        org: str | None,
        purpose: str | None,
        allowed: frozenset[str] | None,
        opens: int,
        closes: int,
    ) -> Grant:
        holder = self.holders.setdefault(key, began)
        if holder != began:
            self.find(f"Entry {began} begins a grant under the key of the grant at entry {holder}.")
        # The same few words and sets stand in millions of grants: keep each once.
        allowed = allowed if allowed is None else self.sets.setdefault(allowed, allowed)
        org, purpose = org and sys.intern(org), purpose and sys.intern(purpose)
        grant = Grant(began, key, org, purpose, allowed, opens, closes, 0, began)
        self.grants[began] = grant
        return grant

    def follow(self, grant: Grant, opening: Opened) -> None:
        """The next entry of a grant."""
        index, event = opening.index, opening.event
        wrong: list[str] = []
        grant.count += 1
        if opening.number != grant.count:
            wrong.append(f"is not number {grant.count} of the GRANT: one is missing or out of order")
            grant.count = grant.count if opening.number is None else opening.number
        elif opening.before != grant.before:
            wrong.append(f"does not point at entry {grant.before}, the one before it in its grant")
        grant.before = index
        if opening.consent_key != grant.key:
            wrong.append("is written under another consent key than the GRANT")
        needs_life = event in NEEDS_LIFE
        # Only entries that need a live grant must repeat these; what is there must be the same.
        if opening.org != grant.org and (needs_life or opening.org is not None):
            wrong.append("is for another organisation than the GRANT")
        purpose = opening.purpose
        if purpose != grant.purpose and (needs_life or purpose is not None):
            if event == "amended" and is_later(purpose, grant.purpose or ""):
                grant.purpose = purpose  # the citizen agreed to new words of the same purpose
            else:
                wrong.append("is for another purpose than the GRANT")
        if needs_life:
            self._live(grant, opening, wrong)
        elif event in BEGINNINGS:
            wrong.append("begins a grant, but stands under the GRANT")
        elif event in ENDINGS:
            if event == "expired" and opening.at < grant.closes and grant.allowed is not None:
                wrong.append("lets the GRANT expire before its time")
            if grant.ended is None:
                grant.ended = index
        for said in wrong:
            its = said.replace("GRANT", f"grant at entry {grant.began}")
            self.find(f"Entry {index} ({event}) {its}.")

    def _live(self, grant: Grant, opening: Opened, wrong: list[str]) -> None:
        """An entry that only a live grant may have: something went out, was used or was changed."""
        event, names = opening.event, opening.attributes or ()
        if grant.ended is not None:
            wrong.append(f"stands after the GRANT was ended by entry {grant.ended}")
        if not grant.opens <= opening.at < grant.closes:
            wrong.append("lies outside the time of the GRANT")
        if event == "amended":
            if not names:
                wrong.append("changes the GRANT without saying to which attributes")
            if opening.attributes is not None or grant.allowed is None:
                grant.allowed = frozenset(names)
            grant.opens = grant.opens if opening.opens is None else opening.opens
            grant.closes = grant.closes if opening.closes is None else opening.closes
            return
        if event == "disclosed" and not names:
            wrong.append("does not say which attributes went out")
        if grant.allowed is not None and not grant.allowed.issuperset(names):
            wrong.append("names an attribute that the GRANT does not have")

    def finish(self) -> tuple[int, int]:
        """What can only be said at the end; returns how many grants there are, and how many without a beginning."""
        without = 0
        for grant in self.grants.values():
            if grant.first >= 0:
                without += 1
                if grant.began >= self.watermark:
                    self.find(
                        f"Entry {grant.first} stands under a grant at entry {grant.began}, which is not opened as one."
                    )
        for start, end in self.shut:
            if end >= self.watermark:
                start = max(start, self.watermark)
                self.find(f"Entries {start} to {end} are not opened, although all were asked for.")
        return len(self.grants), without

    def put_away(self) -> dict[str, Any]:
        """All of it as JSON; `take_up` reads it."""
        counts = [self.found, self.opened, self.unsigned, self.latest, self.watermark]
        grants = [
            [g.began, g.key.hex(), g.org, g.purpose, None if g.allowed is None else sorted(g.allowed), g.opens,
             g.closes, g.count, g.before, g.ended, g.first]
            for g in self.grants.values()
        ]  # fmt: skip
        suspended = [[*subject, index] for subject, index in self.suspended.items()]
        return {
            "counts": counts, "findings": self.findings, "shut": self.shut, "grants": grants, "suspended": suspended,
            "complete": self.complete,
        }  # fmt: skip

    def take_up(self, kept: Mapping[str, Any]) -> None:
        self.found, self.opened, self.unsigned, self.latest, self.watermark = kept["counts"]
        self.findings, self.shut = list(kept["findings"]), [list(run) for run in kept["shut"]]
        for began, key, org, purpose, allowed, *rest in kept["grants"]:
            names = None if allowed is None else self.sets.setdefault(frozenset(allowed), frozenset(allowed))
            self.grants[began] = Grant(began, bytes.fromhex(key), org, purpose, names, *rest)
            self.holders.setdefault(bytes.fromhex(key), began)
        self.suspended = {(kind, name): index for kind, name, index in kept["suspended"]}


def _end_of(bound: tuple[int, int, int]) -> int:
    return bound[0]


def is_later(said: str | None, before: str) -> bool:
    """Answer whether *said* is a later version (`id@version`) of the purpose *before*."""
    old = re.fullmatch(r"(.+)@([1-9][0-9]{0,8})", before, re.ASCII)
    new = re.fullmatch(r"(.+)@([1-9][0-9]{0,8})", said or "", re.ASCII)
    return bool(old and new and new[1] == old[1] and int(new[2]) > int(old[2]))


# --- Stopping and going on ---


@dataclass
class Progress:
    """How far a log was read, beside the --state file: the right edge of the tree, the nonces, the replay.

    It is the auditor's own note to save work. What does not fit the log any more is thrown away, and everything read
    again.
    """

    path: Path | None

    @property
    def nonces(self) -> Path | None:
        return None if self.path is None else self.path.with_name(self.path.name + ".nonces")

    def load(
        self, origin: str, size: int, sizes: Iterable[int], *, complete: bool | None
    ) -> dict[str, Any] | None:
        """What was kept, if a reading up to *size* can go on from it; *complete* is None without openings."""
        if self.path is None or not self.path.exists():
            return None
        try:
            kept: dict[str, Any] = json.loads(self.path.read_text("utf-8"))
            replay, _ = kept["replay"], kept["keys"]
            fits = kept["origin"] == origin and kept["size"] <= size and kept["size"] % 256 == 0
            fits = fits and all(one > kept["size"] or str(one) in kept["roots"] for one in sizes)
            if complete is not None:
                fits = fits and replay is not None and replay["complete"] == complete
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return kept if fits else None

    def save(
        self, ring: Ring, tree: Tree, nonces: Nonces, replay: Replay | None, openings: Openings | None
    ) -> None:
        if self.path is None:
            return
        nonces.flush()
        kept = {
            "origin": ring.origin,
            "keys": ring.put_away(),
            "size": tree.size,
            "edge": [b"".join(row).hex() for row in tree.edge],
            "controls": tree.controls,
            "roots": {str(size): root.hex() for size, root in tree.roots.items()},
            "replay": None if replay is None else replay.put_away(),
            "openings": None if openings is None else [openings.taken, openings.digest.hexdigest()],
        }
        write_file(self.path, json.dumps(kept))

    def forget(self) -> None:
        if self.path is not None and self.nonces is not None:
            self.path.unlink(missing_ok=True)
            shutil.rmtree(self.nonces, ignore_errors=True)


def write_file(path: Path, text: str) -> None:
    """Write a file so that a crash leaves the old one or the new one."""
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.write_text(text, "utf-8")
        os.replace(fresh, path)
    except OSError:
        raise Unchecked("The state file cannot be written.") from None


class Stale(Exception):
    """What was kept does not fit what is there now."""


def read_all(
    source: Source,
    checkpoint: Checkpoint,
    ring: Ring,
    sizes: set[int],
    replay: Replay | None,
    lines: Callable[[], Iterable[bytes]] | None,
    progress: Progress,
    kept: Mapping[str, Any] | None,
    stop: Callable[[int], bool],
    live: bool,
) -> Tree:
    """Read the log up to *checkpoint*, from the start or from where *kept* ends, and replay on the way."""
    tree, nonces = Tree(), Nonces(progress.nonces)
    skip = None
    if kept is not None:
        edge = [bytes.fromhex(row) for row in kept["edge"]]
        tree.edge = [[row[at : at + 32] for at in range(0, len(row), 32)] for row in edge]
        tree.size, tree.controls = kept["size"], kept["controls"]
        tree.roots = {int(size): bytes.fromhex(root) for size, root in kept["roots"].items()}
        ring.take_up(kept["keys"])
        if replay is not None:
            replay.take_up(kept["replay"])
            skip = kept["openings"]
    else:
        progress.forget()
    openings = Openings(lines(), skip, is_kept=progress.path is not None) if lines is not None else None
    saved = tree.size
    asked = {one for one in sizes if one not in tree.roots}
    for first, leaves in read_bundles(source, checkpoint.size, tree, nonces, asked, ring):
        if replay is not None and openings is not None:
            replay.bundle(first, leaves, openings)
        is_stopped = stop(tree.size)
        if tree.size % 256 == 0 and (
            is_stopped or tree.size - saved >= 1 << 20 or checkpoint.size - tree.size < 256
        ):
            progress.save(ring, tree, nonces, replay, openings)
            saved = tree.size
        if is_stopped and tree.size < checkpoint.size:
            raise Unchecked(f"Stopped after {number(saved)} entries; the same command goes on from there.")
    if tree.root_at(checkpoint.size) != checkpoint.root:
        raise Broken("The entries and tiles do not hash to the root in the checkpoint.")
    left = openings.left() if openings is not None else None
    if left is not None and not live:
        raise Broken(f"Entry {left.index} is opened, but the log does not have it.")
    return tree


# --- All of it ---


def verify_log(
    where: str | None,
    *,
    vkeys: Sequence[str] = (),
    policy: str | None = None,
    state: Path | None = None,
    openings: bytes | Callable[[], Iterable[bytes]] | None = None,
    complete: bool = False,
    live: bool = False,
    checkpoints: Sequence[str] = (),
    clock_bound: int = 600,
    resume: bool = False,
    stop: Callable[[int], bool] = lambda size: False,
    proof: str | None = None,
    leaf: bytes | None = None,
    index: int | None = None,
) -> Report:
    """Run every check that the arguments allow and report; raises nothing for what it may find.

    *where* is the address or folder of a log, or None to check one *proof* of *leaf* alone; *index* is which entry
    that leaf says to be. *policy* is the text of a tlog-policy, *openings* the NDJSON that an auditor was given, or
    what opens it anew line by line; *complete*: they are of all organisations; *live*: they may be newer than the
    checkpoint. *checkpoints* are older notes, from whoever kept some. With *resume* it goes on from where it stopped,
    and *stop* says after how many entries that is.
    """
    report = Report()
    given = Given(openings, complete, live, checkpoints, clock_bound, resume, stop)
    try:
        _verify(report, where, vkeys, policy, state, given, proof, leaf, index)
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


@dataclass
class Given:
    """What an auditor brings besides keys."""

    openings: bytes | Callable[[], Iterable[bytes]] | None
    complete: bool
    live: bool
    checkpoints: Sequence[str]
    clock_bound: int
    resume: bool
    stop: Callable[[int], bool]

    def lines(self) -> Callable[[], Iterable[bytes]] | None:
        raw = self.openings
        return (lambda: raw.split(b"\n")) if isinstance(raw, bytes) else raw


def _verify(
    report: Report,
    where: str | None,
    vkeys: Sequence[str],
    policy_text: str | None,
    state: Path | None,
    given: Given,
    proof: str | None,
    leaf: bytes | None,
    said_index: int | None,
) -> None:
    policy = read_policy(policy_text) if policy_text is not None else Policy()
    report.witnesses_demanded = policy.quorum is not None
    keys = [read_key(text) for text in vkeys] + policy.logs
    if any(key.kind not in (LOG_KEY, ML_DSA_44) for key in keys):
        raise Unchecked("A verifier key is of a kind that this verifier cannot check.")
    if (vkeys or policy_text is not None) and not any(key.kind == LOG_KEY for key in keys):
        raise Unchecked("The policy names no log key that this verifier can check.")
    memory = Memory.load(state)
    if where is None:
        if not keys or proof is None or leaf is None:
            raise Unchecked("Without a log, a proof, its leaf and a verifier key or policy are needed.")
        index, checkpoint = check_proof(proof, leaf, keys)
        check_index(index, said_index)
        _remember(report, checkpoint)
        report.sentences.append(
            f"The proof leads from entry {index} to a signed root of {checkpoint.origin}."
        )
        _judge(report, checkpoint, policy, keys)
        return

    source, note = find_log(where)
    checkpoint = read_checkpoint(note)
    kept = memory.logs.get(checkpoint.origin)
    if not keys:
        keys = _keys_on_trust(report, source, checkpoint, kept, memory.named())
    is_known = _may_be_signed(checkpoint, keys)
    _remember(report, checkpoint)
    old = read_checkpoint(kept["checkpoint"]) if kept else None
    brought = [read_checkpoint(text) for text in given.checkpoints]
    for one in brought:
        if one.origin != checkpoint.origin:
            raise Unchecked("A checkpoint that was brought is of another log.")
    earlier = [*brought, *([old] if old is not None else [])]
    for one in earlier:
        if checkpoint.size < one.size:
            check_signature(checkpoint, keys)
            check_signature(one, keys)
            check_continuation(None, one, checkpoint)
    witnessed = [read_checkpoint(text) for text in (kept or {}).get("witnessed", [])]
    witnessed = [one for one in (*witnessed, *earlier, checkpoint) if cosigned_at(one, policy) is not None]
    bounds = time_bounds([(one.size, cosigned_at(one, policy) or 0) for one in witnessed], given.clock_bound)

    sizes = {one.size for one in earlier}
    proven = check_proof(proof, leaf, None) if proof is not None and leaf is not None else None
    if proven is not None:
        check_index(proven[0], said_index)
    if proven is not None and proven[1].size <= checkpoint.size:
        sizes.add(proven[1].size)
    ring = Ring(checkpoint.origin, keys)
    tree, replay = _read(report, source, checkpoint, ring, sizes, given, bounds, state)
    for one in (checkpoint, *brought, *([proven[1]] if proven is not None else [])):
        ring.check(one)
    report.sentences.append(
        f"The checkpoint of {checkpoint.origin} has {number(checkpoint.size)} entries and a right signature."
    )
    if not is_known:
        report.sentences.append(KEY_CHANGED)
    if ring.after is not None:
        _check_before(report, *ring.after, memory)
    _name_next(report, ring, checkpoint)
    report.sentences.append("All entries and tiles hash to the root in the checkpoint.")
    report.sentences.append(
        f"Every entry is well-formed and no nonce is repeated ({number(checkpoint.size - tree.controls)}"
        f" events, {number(tree.controls)} about the log itself)."
    )
    for one in earlier:
        report.sentences.append(check_continuation(tree, one, checkpoint))
    if old is None and state is not None:
        report.sentences.append("No earlier checkpoint of this log was kept: nothing to compare with yet.")
    if proven is not None:
        _check_against_log(report, *proven, tree, checkpoint)
    if replay is not None:
        _audit(report, replay)
    _judge(report, checkpoint, policy, ring.at(checkpoint.size))
    memory.keep(checkpoint, [_write_key(key) for key in ring.trusted], witnessed, report.follows)


def _read(
    report: Report,
    source: Source,
    checkpoint: Checkpoint,
    ring: Ring,
    sizes: set[int],
    given: Given,
    bounds: Sequence[tuple[int, int, int]],
    state: Path | None,
) -> tuple[Tree, Replay | None]:
    """Read and replay; from where it stopped the last time, when that still fits."""
    if given.resume and state is None:
        raise Unchecked("To go on from where it stopped, it needs a --state file.")
    progress = Progress(
        state.with_name(state.name + ".progress") if given.resume and state is not None else None
    )
    lines = given.lines()

    def fresh() -> Replay | None:
        if lines is None:
            return None
        return Replay(checkpoint.origin, bounds=bounds, complete=given.complete)

    kept = progress.load(
        checkpoint.origin, checkpoint.size, sizes, complete=given.complete if lines is not None else None
    )
    replay = fresh()
    if kept is not None:
        try:
            tree = read_all(
                source, checkpoint, ring, sizes, replay, lines, progress, kept, given.stop, given.live
            )
            report.sentences.append(
                f"Went on from entry {number(kept['size'])}, where the last reading stopped."
            )
            return tree, replay
        except (Broken, Stale, ValueError, TypeError, KeyError):
            # Only a reading from the start can say what is wrong, and whether it is the log.
            ring.forget()
            replay = fresh()
    try:
        return read_all(
            source, checkpoint, ring, sizes, replay, lines, progress, None, given.stop, given.live
        ), replay
    except Broken:
        progress.forget()
        raise


def _check_against_log(
    report: Report, index: int, proven: Checkpoint, tree: Tree, checkpoint: Checkpoint
) -> None:
    """The checkpoint of a proof that is right in itself belongs to the log that everybody else sees."""
    if proven.origin != checkpoint.origin:
        raise Broken("The proof is from another log.")
    if proven.size > checkpoint.size:
        raise Unchecked("The proof is under a newer checkpoint than the log serves; try again in a moment.")
    check_continuation(tree, proven, checkpoint)
    report.sentences.append(f"The proof leads from entry {index} to a root that this log really had.")


KEY_CHANGED = "A key of the log was changed: the key before it signed the entry that names the new one."


def _may_be_signed(checkpoint: Checkpoint, keys: Sequence[Key]) -> bool:
    """Whether a known key signed. Raises Broken when not even a key of later can have: then reading is no use."""
    is_known = is_signed(checkpoint, keys)
    if not is_known and all(name != checkpoint.origin for name, _, _ in checkpoint.lines):
        check_signature(checkpoint, keys)
    return is_known


def _check_before(report: Report, origin: str, size: int, root: bytes, memory: Memory) -> None:
    """A log that follows another names the last checkpoint of that one: nothing that was seen there may be missing."""
    report.sentences.append(f"This log follows {origin}, which it says ended with {number(size)} entries.")
    kept = memory.logs.get(origin)
    seen = read_checkpoint(kept["checkpoint"]) if kept else None
    if seen is not None and (seen.size > size or (seen.size == size and seen.root != root)):
        raise Broken(
            f"But {origin} was seen with {number(seen.size)} entries, and not as this log says. That checkpoint is the"
            f" evidence:\n{seen.note}"
        )


def _name_next(report: Report, ring: Ring, checkpoint: Checkpoint) -> None:
    """Say which log follows: who trusts this one goes on to it."""
    following = ring.next_key(checkpoint.size)
    if following is not None:
        report.follows = _write_key(following)
        report.sentences.append(
            f"This log is closed. It names the key of the log that follows: {following.name}."
        )


def _write_key(key: Key) -> str:
    return f"{key.name}+{key.key_id.hex()}+{base64.b64encode(bytes([key.kind]) + key.public).decode()}"


def _keys_on_trust(
    report: Report,
    source: Source,
    checkpoint: Checkpoint,
    kept: Mapping[str, Any] | None,
    named: Sequence[str] = (),
) -> list[Key]:
    """Without a key from elsewhere: the key that was kept, or that the log before named; or at first sight the one
    that the log itself names.
    """
    if kept is not None:
        report.sentences.append("The verifier key is the one that was kept at the first look.")
        return [read_key(text) for text in kept["vkeys"]]
    following = [key for key in map(read_key, named) if key.name == checkpoint.origin]
    if following:
        report.sentences.append("The verifier key is the one that the log before named in its last entry.")
        return following
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


def _audit(report: Report, replay: Replay) -> None:
    grants, without = replay.finish()
    report.sentences.append(
        f"The openings fit the log: {number(replay.opened)} entries under {number(grants)} grants."
    )
    if replay.unsigned:
        report.sentences.append(
            f"{number(replay.unsigned)} of these grants are not signed with a citizen's own key: that she gave them is"
            " the operator's word."
        )
    if replay.watermark:
        report.sentences.append(
            f"Below entry {number(replay.watermark)} openings are no longer kept; {number(without)} grants that began"
            " there were replayed without their beginning."
        )
    if replay.found:
        report.sentences += replay.findings[:-1]
        if replay.found > len(replay.findings):
            report.sentences.append(f"There are {number(replay.found)} findings; these are the first.")
        raise Broken(replay.findings[-1])
    report.sentences.append(
        "Replayed in the order of the log: each disclosure and use stands under a live grant for its"
        " organisation, purpose and attributes, and no entry is missing from the middle of a grant."
    )
    if replay.bounds:
        report.sentences.append("Every time fits what the witnesses saw.")


def _judge(report: Report, checkpoint: Checkpoint, policy: Policy, keys: Sequence[Key]) -> None:
    if not is_signed_twice(checkpoint, keys):
        report.sentences.append(
            "The checkpoint lacks the log's second signature (ML-DSA-44), which its policy demands: it comes moments"
            " after the first."
        )
        report.verdict, report.witnesses_demanded = "UNWITNESSED", True
        return
    if not any(key.kind == ML_DSA_44 and key.name == checkpoint.origin for key in keys):
        report.sentences.append(
            "The log's second signature (ML-DSA-44) was not demanded: no such key of it was given or kept."
        )
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


# --- The citizen: finding her entries, showing one to somebody, a receipt that she kept ---

KEY_FILE = "consent-audit-key/v1"
ENTRY_PROOF = "consent-entry-proof/v1"
RECEIPT = "consent-receipt/v1"
OPENINGS = "consent-openings/v1"
SCAN_STATE = "consent-scan/v1"
SAVE_EVERY = 4096  # bundles: about a million entries


def read_audit_key(text: str) -> dict[str, bytes]:
    """Read an audit key file: her scan key for each log that it names, by origin.

    A key is read as people copy it: capitals, spaces and dashes do not matter. Raises Unchecked when a
    letter is wrong: the last three bytes are a checksum over origin and key.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip() and not line.startswith("#")]
    if not lines or lines.pop(0) != KEY_FILE:
        raise Unchecked(f"The audit key file does not begin with {KEY_FILE}.")
    keys = {}
    for line in lines:
        origin, _, written = line.partition(" ")
        letters = re.sub(r"[\s-]", "", written).upper()
        try:
            raw = base64.b32decode(letters.removeprefix("CAK1"))
        except (binascii.Error, ValueError):
            raw = b""
        if not letters.startswith("CAK1") or len(raw) != 35:
            raise Unchecked(
                f"The audit key for {origin} is not whole: it has 56 letters and digits after cak1."
            )
        if sha256(f"{KEY_FILE}\n{origin}\n".encode() + raw[:32]).digest()[:3] != raw[32:]:
            raise Unchecked(f"The audit key for {origin} has a wrong letter, or belongs to another log.")
        keys[origin] = raw[:32]
    if not keys:
        raise Unchecked("The audit key file names no log.")
    return keys


class Finder:
    """Recognises entries by their tags: hers under her scan key, and those under the keys of her grants.

    HMAC by its definition (RFC 2104 §2), the part that is the same for every entry made once.
    """

    def __init__(self, scan_key: bytes, consent_keys: Iterable[bytes] = ()) -> None:
        self._scan = self._halves(scan_key)
        self._grants = [self._halves(key) for key in dict.fromkeys(consent_keys)]

    @staticmethod
    def _halves(key: bytes) -> tuple[Any, Any]:
        block = key.ljust(64, b"\0")
        return sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))

    def is_hers(self, leaf: bytes) -> bool:
        return leaf[4] == 0 and subject_tag(self.secret(leaf)) == leaf[24:56]

    def secret(self, leaf: bytes) -> bytes:
        """s_i: whoever has it recognises this one entry, and no other."""
        within, around = self._scan[0].copy(), self._scan[1].copy()
        within.update(leaf[8:24])
        around.update(within.digest())
        found: bytes = around.digest()
        return found

    def is_under_her_grant(self, leaf: bytes) -> bool:
        for inner, outer in self._grants:
            within, around = inner.copy(), outer.copy()
            within.update(b"consent\0" + leaf[8:24])
            around.update(within.digest())
            if around.digest() == leaf[56:88]:
                return leaf[4] == 0
        return False


_SUBJECT = b"subject\0" + bytes(32)


def subject_tag(secret: bytes) -> bytes:
    block = secret + bytes(32)
    return sha256(block.translate(_OUTER) + sha256(block.translate(_INNER) + _SUBJECT).digest()).digest()


@dataclass
class Scan:
    """How far a scan of one log came. Its peaks say what was read: in the end they must lead to the root."""

    bundles: int = 0
    peaks: list[tuple[int, bytes]] = field(default_factory=list)  # (height, root) of whole subtrees
    hers: dict[int, bytes] = field(default_factory=dict)
    foreign: list[int] = field(default_factory=list)  # under a grant of hers, but not under her key
    grants: list[str] = field(default_factory=list)  # which grants were looked for, by a hash of their keys
    checkpoint: str | None = None  # of the last scan that came to its end, and the keys it was checked with
    vkeys: list[str] = field(default_factory=list)
    watermark: int = 0  # below it the service keeps no openings
    keys: dict[str, Any] | None = None  # what the entries said about the keys of the log

    def root(self, tail: Sequence[bytes] = ()) -> bytes:
        """The root over all that was read and the hashes of a last, partial bundle."""
        subtrees = [root for _, root in self.peaks] + ([fold(list(tail))] if tail else [])
        running = subtrees.pop() if subtrees else sha256(b"").digest()
        while subtrees:
            running = sha256(b"\1" + subtrees.pop() + running).digest()
        return running

    def add(self, hashes: list[bytes]) -> None:
        """Take in the 256 hashes of a full bundle."""
        height, root = 8, fold(hashes)
        while self.peaks and self.peaks[-1][0] == height:
            root = sha256(b"\1" + self.peaks.pop()[1] + root).digest()
            height += 1
        self.peaks.append((height, root))
        self.bundles += 1

    def written(self, searched: str) -> dict[str, Any]:
        return {
            "searched": searched,
            "bundles": self.bundles,
            "peaks": [[height, base64.b64encode(root).decode()] for height, root in self.peaks],
            "hers": [[index, base64.b64encode(leaf).decode()] for index, leaf in self.hers.items()],
            "foreign": self.foreign,
            "grants": self.grants,
            "checkpoint": self.checkpoint,
            "vkeys": self.vkeys,
            "watermark": self.watermark,
            "keys": self.keys,
        }

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Scan:
        what = "The state file"
        return cls(
            int(kept["bundles"]),
            [(int(height), unbase64(root, what)) for height, root in kept["peaks"]],
            {int(index): unbase64(leaf, what) for index, leaf in kept["hers"]},
            [int(index) for index in kept["foreign"]],
            [str(grant) for grant in kept["grants"]],
            kept["checkpoint"],
            list(kept["vkeys"]),
            int(kept["watermark"]),
            kept["keys"],
        )


@dataclass
class Diary:
    """The --state file of scans. It tells which entries are hers, so nobody else may read it."""

    path: Path | None
    logs: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | None) -> Diary:
        if path is None or not path.exists():
            return cls(path)
        try:
            kept = json.loads(path.read_text("utf-8"))
            if kept["format"] != SCAN_STATE or not isinstance(kept["logs"], dict):
                raise ValueError
        except (OSError, ValueError, KeyError, TypeError):
            raise Unchecked("The state file cannot be read; it was left as it is.") from None
        return cls(path, kept["logs"])

    def find(self, origin: str, searched: str, grants: Mapping[str, int]) -> Scan:
        """The scan to go on with. *searched*: a hash of her key; *grants*: where each of her grants began."""
        if origin not in self.logs:
            return Scan()
        try:
            scan = Scan.read(self.logs[origin])
            same_key = self.logs[origin]["searched"] == searched
        except (ValueError, KeyError, TypeError, Broken):
            raise Unchecked("The state file cannot be read; it was left as it is.") from None
        missed = [one for one, began in grants.items() if began < scan.bundles * 256]
        if same_key and set(missed) <= set(scan.grants) and (scan.keys is not None or not scan.bundles):
            return scan
        # With another key, or for a grant that was not looked for, everything is read again.
        return Scan(checkpoint=scan.checkpoint, vkeys=scan.vkeys)

    def keep(self, origin: str, searched: str, scan: Scan) -> None:
        if self.path is not None:
            self.logs[origin] = scan.written(searched)
            write_private(self.path, {"format": SCAN_STATE, "logs": self.logs})


def watermark_of(leaf: bytes) -> int:
    """Where a control entry says that everything below can no longer be opened; 0 for another one."""
    try:
        said = json.loads(leaf[152:], object_pairs_hook=_once)
        return int(said["below"]) if said["ev"] == "retention.watermark" else 0
    except (ValueError, KeyError, TypeError, RecursionError):
        return 0


def write_private(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file that only its owner reads; a crash leaves the old one."""
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        os.replace(fresh, path)
    except OSError:
        raise Unchecked(f"{path.name} cannot be written.") from None


def find_logs(where: str) -> list[str]:
    """The places of all logs at *where*: one log, or a site or folder that has several."""
    if not where.startswith(("http://", "https://")):
        below = sorted(str(found.parent) for found in Path(where).glob("*/checkpoint"))
        return [where] if Path(where, "checkpoint").is_file() or not below else below
    place = where.rstrip("/") + "/"
    if fetch(place + "checkpoint") is not None:
        return [where]
    names = (fetch(place + "log") or b"").decode("ascii", "replace").split()
    return [f"{place}log/{name}" for name in names if re.fullmatch(r"[A-Za-z0-9-]{1,64}", name)] or [where]


@dataclass(frozen=True)
class Shown:
    """What her page gave her: her openings in one log, and how long that log was then."""

    size: int
    opened: dict[int, Opened]


def read_shown(raw: bytes, origin: str) -> Shown:
    """Read her openings file: a line with the sizes of the logs, then an opening a line."""
    first, _, rest = raw.partition(b"\n")
    try:
        sizes = json.loads(first, object_pairs_hook=_once)
        if sizes["format"] != OPENINGS or type(sizes["logs"].get(origin, 0)) is not int:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unchecked(f"The file with openings does not begin with a line of {OPENINGS}.") from None
    opened: dict[int, Opened] = {}
    for place, line in enumerate(rest.split(b"\n"), 2):
        if line.strip():
            opening = read_opening(line, f"Line {place} of the openings")
            if opening.origin != origin:
                continue
            if opening.index in opened:
                raise Broken(f"Entry {opening.index} is opened twice.")
            opened[opening.index] = opening
    return Shown(sizes["logs"].get(origin, 0), opened)


def scan_log(
    where: str,
    keys: Mapping[str, bytes],
    *,
    vkeys: Sequence[str] = (),
    policy: str | None = None,
    openings: bytes | None = None,
    state: Path | None = None,
    say: Callable[[str], None] = lambda sentence: None,
    named: Sequence[str] = (),
) -> Report:
    """Read one whole log and report which entries are under her key, and, with her *openings*, what they say.

    *keys* are her scan keys by origin, *openings* what her page gave her. With them it also names: entries
    that her page does not show; entries that it shows and the log does not have under her key; entries of
    somebody else under a grant of hers; and what an auditor would find in her grants. *say* hears how much
    will be read before that begins; *named* are the keys that logs before this one named for those that follow.
    Raises nothing for what it may find.
    """
    report = Report()
    return _reported(report, lambda: _scan(report, where, keys, vkeys, policy, openings, state, say, named))


def _reported(report: Report, work: Callable[[], None]) -> Report:
    try:
        work()
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


def _scan(
    report: Report,
    where: str,
    keys: Mapping[str, bytes],
    vkeys: Sequence[str],
    policy_text: str | None,
    openings: bytes | None,
    state: Path | None,
    say: Callable[[str], None],
    named: Sequence[str],
) -> None:
    policy = read_policy(policy_text) if policy_text is not None else Policy()
    report.witnesses_demanded = policy.quorum is not None
    source, note = find_log(where)
    checkpoint = read_checkpoint(note)
    origin = checkpoint.origin
    _remember(report, checkpoint)
    if origin not in keys:
        raise Unchecked(f"Your audit key file has no key for {origin}: get it again from your page.")
    shown = read_shown(openings, origin) if openings is not None else None
    began: dict[bytes, int] = {}
    for opening in shown.opened.values() if shown else ():
        began[opening.consent_key] = min(opening.index, began.get(opening.consent_key, opening.index))
    searched = sha256(b"searched" + keys[origin]).hexdigest()
    grants = {sha256(b"searched" + key).hexdigest(): index for key, index in began.items()}
    diary = Diary.load(state)
    scan = diary.find(origin, searched, grants)
    ring = Ring(origin, _keys_for(report, source, checkpoint, vkeys, policy, named, scan))
    is_known = _may_be_signed(checkpoint, ring.given)
    if scan.keys is not None:
        try:
            ring.take_up(scan.keys)
        except Stale:
            scan = Scan(checkpoint=scan.checkpoint, vkeys=scan.vkeys)
    old = read_checkpoint(scan.checkpoint) if scan.checkpoint else None
    if old is not None and checkpoint.size < old.size:
        check_continuation(None, old, checkpoint)
    files, done = (checkpoint.size + 255) // 256, scan.bundles
    size = f"about {(checkpoint.size - done * 256) * 154 / 1e6:,.1f} MB in {number(files - done)} files"
    say(f"Reading {origin}: {size}" + (f"; {number(done)} were read before." if done else "."))
    scan.grants = sorted({*scan.grants, *grants})
    finder = Finder(keys[origin], began)

    def save(so_far: Scan) -> None:
        diary.keep(origin, searched, so_far)

    ends_well, hers, foreign = _read_on(source, checkpoint, old, scan, finder, ring, save)
    if not ends_well and done:
        # What was read before, or what is served now, is not this log: read everything again.
        scan = Scan(grants=scan.grants, checkpoint=scan.checkpoint, vkeys=scan.vkeys)
        ring.forget()
        ends_well, hers, foreign = _read_on(source, checkpoint, old, scan, finder, ring, lambda so_far: None)
    if not ends_well:
        raise Broken("The entries do not hash to the root in the checkpoint.")
    ring.check(checkpoint)
    if not is_known:
        report.sentences.append(KEY_CHANGED)
    scan.checkpoint, scan.vkeys = checkpoint.note, [_write_key(key) for key in ring.trusted]
    save(scan)
    report.sentences.append(f"All {number(checkpoint.size)} entries of {origin} hash to its signed root.")
    _name_next(report, ring, checkpoint)
    _tell(report, checkpoint, hers, foreign, shown, scan.watermark)
    _judge(report, checkpoint, policy, ring.at(checkpoint.size))


def _read_on(
    source: Source,
    checkpoint: Checkpoint,
    old: Checkpoint | None,
    scan: Scan,
    finder: Finder,
    ring: Ring,
    save: Callable[[Scan], None],
) -> tuple[bool, dict[int, bytes], list[int]]:
    """Read what *scan* has not read yet. Answers whether it ends at the signed root, and what was found.

    Only one bundle is in memory at a time. What is in the last, partial bundle is found but not kept in
    *scan*: it will be read again when it is longer. Raises Diverged when the end is right and the root at the
    size of *old* is not.
    """
    size, tail = checkpoint.size, list[bytes]()
    hers, foreign = dict(scan.hers), list(scan.foreign)
    before = scan.root() if old is not None and old.size == scan.bundles * 256 else None
    for n in range(scan.bundles, (size + 255) // 256):
        first, width = n * 256, min(256, size - n * 256)
        leaves = read_bundle(source, first, width)
        hashes = [sha256(b"\0" + leaf).digest() for leaf in leaves]
        for index, leaf in enumerate(leaves, first):
            if len(leaf) != 152 or leaf[:8] != b"CLg\x01\0\0\0\0":
                check_leaf(leaf, index)
                scan.watermark = max(scan.watermark, min(index, watermark_of(leaf)))
                ring.take(index, leaf[152:], partial(scan.root, hashes[: index - first]))
            if finder.is_hers(leaf):
                hers[index] = leaf
            elif finder.is_under_her_grant(leaf):
                foreign.append(index)
        if old is not None and first < old.size <= first + width:
            before = scan.root(hashes[: old.size - first])
        if width < 256:
            tail = hashes
            break
        scan.add(hashes)
        scan.keys = ring.put_away()
        scan.hers, scan.foreign = dict(hers), list(foreign)
        if scan.bundles % SAVE_EVERY == 0:
            save(scan)
    ends_well = scan.root(tail) == checkpoint.root
    if ends_well and old is not None and old.size and before != old.root:
        evidence = f"The checkpoint seen before:\n{old.note}\nThe checkpoint served now:\n{checkpoint.note}"
        raise Diverged(
            f"The first {number(old.size)} entries are no longer the ones that the log had signed. Both"
            f" checkpoints are signed: together they are the evidence.\n{evidence}"
        )
    return ends_well, hers, foreign


def _tell(
    report: Report,
    checkpoint: Checkpoint,
    hers: Mapping[int, bytes],
    foreign: Sequence[int],
    shown: Shown | None,
    watermark: int,
) -> None:
    """A sentence for each entry of hers, then whatever does not agree with what her page shows."""
    count = "1 entry is" if len(hers) == 1 else f"{number(len(hers))} entries are"
    report.sentences.append(f"{count} yours.")
    if shown is None:
        report.sentences += [f"Entry {index} is yours." for index in hers]
        return
    findings, newer, good = [], [], dict[int, Opened]()
    for index, leaf in hers.items():
        opening = shown.opened.get(index)
        if opening is not None:
            try:
                check_opened(opening, leaf, checkpoint.origin)
            except Broken as wrong:
                findings.append(str(wrong))
                continue
            good[index] = opening
            report.sentences.append(f"Entry {index} is yours: {explained(opening)}.")
        elif index < watermark:
            report.sentences.append(
                f"Entry {index} is yours; what opened it was deleted when its time was over."
            )
        elif index < shown.size:
            findings.append(f"Entry {index} is yours: found in the log, not shown to you.")
        else:
            newer.append(f"Entry {index} is yours, and newer than your file with openings: get that again.")
    for index in shown.opened.keys() - hers.keys():
        if index < checkpoint.size:
            findings.append(f"Entry {index} was shown to you, but the log does not have it under your key.")
        else:
            newer.append(f"Entry {index} was shown to you and is newer than this checkpoint: scan again.")
    findings += [
        f"Entry {index} stands under a grant of yours, but is about somebody else." for index in foreign
    ]
    replay = Replay(checkpoint.origin)
    replay.watermark = watermark
    for index in sorted(good):
        replay.take(good[index])
    replay.finish()
    findings += replay.findings
    report.sentences += newer
    if findings:
        report.sentences += findings[:-1]
        raise Broken(findings[-1])
    if newer:
        raise Unchecked("The rest agrees; for these nothing was found out.")
    report.sentences.append(
        "Your page shows every entry that is yours, and each says what your page was given."
    )


def explained(opening: Opened) -> str:
    """What one entry says, in one line."""
    day = datetime.fromtimestamp(opening.at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    event = str(opening.event)
    if event == "other" and opening.detail is not None:
        with contextlib.suppress(ValueError, AttributeError, RecursionError):
            event = str(json.loads(opening.detail[1]).get("event", event))
    words = [day, event]
    told = {"org": opening.org, "purpose": opening.purpose, "reason": opening.reason}
    words += [f"{name} {word}" for name, word in told.items() if word is not None]
    return ", ".join([*words, *([" ".join(opening.attributes)] if opening.attributes else [])])


def prove_from_tiles(source: Source, index: int, checkpoint: Checkpoint, served: int | None = None) -> str:
    """The tlog-proof of one entry, made from the tiles (C2SP tlog-proof; RFC 6962 §2.1.1).

    *served*: how long the log is that the tiles are of, if it is longer than the checkpoint: older partial tiles may
    be gone.
    """
    size, served = checkpoint.size, served or checkpoint.size
    rows: dict[tuple[int, int], bytes] = {}

    def whole(height: int, n: int) -> bytes:
        """The root over entries n·2^height up to the next such border, which are all there."""
        level, above = height // 8, height % 8
        first = n << above
        tile = first // 256
        if (level, tile) not in rows:
            width = min(256, (served >> (8 * level)) - tile * 256)
            rows[level, tile] = source.row(level, tile, width)[0][: width * 32]
        row, start = rows[level, tile], first % 256
        hashes = [row[k * 32 : k * 32 + 32] for k in range(start, start + (1 << above))]
        if any(len(one) != 32 for one in hashes):
            raise Broken(f"Tile {tile_path(level, tile)} has the wrong length.")
        return fold(hashes)

    def subtree(low: int, high: int) -> bytes:
        count = high - low
        if count & (count - 1) == 0:
            height = count.bit_length() - 1
            return whole(height, low >> height)
        middle = low + (1 << ((count - 1).bit_length() - 1))
        return sha256(b"\1" + subtree(low, middle) + subtree(middle, high)).digest()

    steps: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        if index < middle:
            steps.append(subtree(middle, high))
            high = middle
        else:
            steps.append(subtree(low, middle))
            low = middle
    lines = "".join(base64.b64encode(step).decode() + "\n" for step in reversed(steps))
    return f"c2sp.org/tlog-proof@v1\nindex {index}\n{lines}\n{checkpoint.note}"


def _keys_for(
    report: Report,
    source: Source,
    checkpoint: Checkpoint,
    vkeys: Sequence[str],
    policy: Policy,
    named: Sequence[str] = (),
    scan: Scan | None = None,
) -> list[Key]:
    """The log's keys: brought, named by the log before, kept, or at first sight the log's own."""
    brought = [read_key(text) for text in vkeys] + policy.logs
    keys = [key for key in brought if key.name == checkpoint.origin]
    if keys:
        return keys
    if brought and not any(read_key(text).name == checkpoint.origin for text in named):
        raise Unchecked(
            f"None of the verifier keys is of {checkpoint.origin}, and no log before it named its key: bring it too."
        )
    kept = {"vkeys": scan.vkeys} if scan is not None and scan.checkpoint and not brought else None
    return _keys_on_trust(report, source, checkpoint, kept, named)


def _follow_keys(source: Source, ring: Ring, checkpoint: Checkpoint) -> list[dict[str, str]]:
    """Go on to newer keys where the log says that they were changed; returns each change as a file can carry it.

    Only *checkpoint* decides: a change that does not stand in the log leads nobody anywhere.
    """
    changes = []
    listing = (source.get("keys") or b"").decode("ascii", "replace")
    for index in sorted(
        {int(at) for at in re.findall(r"^[0-9]+ ([1-9][0-9]{0,17}) ", listing, re.ASCII | re.M)}
    ):
        if index >= checkpoint.size:
            continue
        try:
            added, retired = (_read_entry(source, one, checkpoint.size) for one in (index - 1, index))
            last = read_checkpoint(_read_json(retired[152:].decode())["last"])
            change = {
                "leaf": base64.b64encode(added).decode(),
                "proof": prove_from_tiles(source, index - 1, last, checkpoint.size),
            }
            ring.learn(added, change["proof"])
        except (Broken, ValueError, KeyError, TypeError, RecursionError):
            continue
        changes.append(change)
    return changes


def _read_entry(source: Source, index: int, size: int) -> bytes:
    n, width = index // 256, min(256, size - index // 256 * 256)
    return read_bundle(source, n * 256, width)[index % 256]


def show_entry(
    where: str,
    audit_keys: Mapping[str, bytes],
    index: int,
    *,
    vkeys: Sequence[str] = (),
    policy: str | None = None,
) -> tuple[Report, dict[str, Any]]:
    """Make the file with which she shows that one entry is about her; no other entry becomes recognisable.

    The file is empty when the report says why there is none.
    """
    report, made = Report(), dict[str, Any]()

    def work() -> None:
        trusted = read_policy(policy) if policy is not None else Policy()
        source, note = find_log(where)
        checkpoint = read_checkpoint(note)
        ring = Ring(checkpoint.origin, _keys_for(report, source, checkpoint, vkeys, trusted))
        changes = _follow_keys(source, ring, checkpoint)
        ring.check(checkpoint)
        _remember(report, checkpoint)
        if checkpoint.origin not in audit_keys:
            raise Unchecked(f"Your audit key file has no key for {checkpoint.origin}.")
        if not 0 <= index < checkpoint.size:
            raise Unchecked(f"The log has no entry {index} (yet).")
        leaf = _read_entry(source, index, checkpoint.size)
        finder = Finder(audit_keys[checkpoint.origin])
        if not finder.is_hers(leaf):
            raise Unchecked(f"Entry {index} is not yours, so you cannot show that it is.")
        proof = prove_from_tiles(source, index, checkpoint)
        check_proof(proof, leaf, ring.at(checkpoint.size))
        made["format"] = ENTRY_PROOF
        made["leaf"] = base64.b64encode(leaf).decode()
        made["s"] = base64.b64encode(finder.secret(leaf)).decode()
        made["proof"] = proof
        if changes:
            made["keys"] = changes
        report.sentences.append(
            f"Entry {index} of {checkpoint.origin} is yours. The file shows this one only."
        )
        _judge(report, checkpoint, trusted, ring.at(checkpoint.size))

    return _reported(report, work), made


def check_receipt(
    text: str,
    *,
    vkeys: Sequence[str] = (),
    policy: str | None = None,
    key_ranges: str | None = None,
    renew: str | None = None,
) -> tuple[Report, dict[str, Any]]:
    """Check a receipt, or an entry that somebody showed; offline, unless it is to be renewed.

    *renew*: the place of the log; then what is returned is the same file under the newest checkpoint there,
    which more witnesses may have cosigned. Otherwise the file as it was read. *key_ranges*: the text of the log's
    `keys`, to be believed about which of the given keys may have signed what.
    """
    report, kept = Report(), dict[str, Any]()

    def work() -> None:
        trusted = read_policy(policy) if policy is not None else Policy()
        report.witnesses_demanded = trusted.quorum is not None
        keys = [read_key(one) for one in vkeys] + trusted.logs
        if not keys:
            raise Unchecked(
                "A receipt is checked with a key that you know from elsewhere: --vkey or --policy."
            )
        try:
            kept.update(json.loads(text, object_pairs_hook=_once))
            leaf, proof = unbase64(kept["leaf"], "The leaf"), str(kept["proof"])
            kind = kept["format"]
            opening = json.dumps(kept["opening"]) if kind == RECEIPT else None
            secret = unbase64(kept["s"], "The secret of the entry") if "s" in kept else None
            changes = [(unbase64(one["leaf"], "The leaf"), str(one["proof"])) for one in kept.get("keys", [])]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Broken("This is not a receipt.") from None
        if kind not in (RECEIPT, ENTRY_PROOF) or (kind == ENTRY_PROOF and secret is None):
            raise Broken("This is not a receipt.")
        index, checkpoint = check_proof(proof, leaf, None)
        ring = Ring(checkpoint.origin, [key for key in keys if key.name == checkpoint.origin])
        if key_ranges is not None:
            ring.limit(key_ranges)
        for change in changes:
            ring.learn(*change)
        ring.check(checkpoint)
        if renew is not None:
            source, note = find_log(renew)
            newest = read_checkpoint(note)
            if newest.origin != checkpoint.origin:
                raise Unchecked(f"This place serves {newest.origin}, and not {checkpoint.origin}.")
            if newest.size < checkpoint.size:
                check_continuation(None, checkpoint, newest)
            followed = _follow_keys(source, ring, newest)
            ring.check(newest)
            proof = prove_from_tiles(source, index, newest)
            try:
                _, newest = check_proof(proof, leaf, ring.at(newest.size))
            except Broken:
                raise Broken(
                    "This entry is not in the log as it is served now, or its tiles do not belong to its checkpoint:"
                    " check the whole log, and keep both checkpoints as evidence."
                    f"\nThe checkpoint of the receipt:\n{checkpoint.note}\nThe one served now:\n{note}"
                ) from None
            checkpoint = newest
            kept["proof"] = proof
            if followed:
                kept["keys"] = followed
        _remember(report, checkpoint)
        report.sentences.append(
            f"Entry {index} of {checkpoint.origin} stands under a signed root of {number(checkpoint.size)} entries."
        )
        if opening is not None:
            opened = read_opening(opening, "The opening of the receipt")
            check_index(index, opened.index)
            check_opened(opened, leaf, checkpoint.origin)
            report.sentences.append(f"It says: {explained(opened)}.")
        if secret is not None:
            if len(secret) != 32 or leaf[4] != 0 or subject_tag(secret) != leaf[24:56]:
                raise Broken(f"Entry {index} is not about whom this file says.")
            report.sentences.append("This entry is about the person who gave you this file.")
        report.sentences.append(f"SHA-256 of the entry, as on paper: {sha256(leaf).hexdigest()}")
        _judge(report, checkpoint, trusted, ring.at(checkpoint.size))

    return _reported(report, work), kept


# --- The command line ---


def _read_file(path: str, what: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        raise Unchecked(f"{what} cannot be read.") from None


def _read_text(path: str, what: str) -> str:
    return _read_file(path, what).decode("utf-8", "replace")


def _leaf_of(arguments: argparse.Namespace) -> tuple[bytes | None, int | None]:
    """The leaf that a proof is for, and which entry it says to be.

    Given itself, or in the `entry` of a disclosure as it was received; that may be opened, and only then it says so.
    """
    if arguments.leaf is not None:
        return unbase64(arguments.leaf, "The leaf"), None
    if arguments.entry is None:
        return None, None
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
        check_opened(read, leaf, read.origin or "")
        return leaf, read.index
    return leaf, None


def _gather(arguments: argparse.Namespace) -> dict[str, Any]:
    token = None
    if arguments.token_file is not None:
        token = _read_file(arguments.token_file, "The token file").decode("ascii", "replace").strip()
    openings = None
    if arguments.openings is not None:
        openings = partial(lines_of, arguments.openings, token)
    policy = _read_text(arguments.policy, "The policy") if arguments.policy else None
    proof = _read_text(arguments.proof, "The proof") if arguments.proof else None
    leaf, index = _leaf_of(arguments)
    if (proof is None) != (leaf is None):
        raise Unchecked("A proof and the leaf that it is for go together.")
    live = arguments.openings is not None and arguments.openings.startswith(("http://", "https://"))
    checkpoints = [_read_text(path, "A checkpoint") for path in arguments.checkpoint]
    return {
        "policy": policy, "openings": openings, "live": live, "complete": arguments.complete, "proof": proof,
        "leaf": leaf, "index": index, "checkpoints": checkpoints, "clock_bound": arguments.clock_bound,
        "resume": arguments.resume,
    }  # fmt: skip


def _until_asked() -> Callable[[int], bool]:
    """Ctrl-C, or a polite kill, stops at the next bundle, where it can go on."""
    asked: list[int] = []
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda number, _: asked.append(number))
    return lambda size: bool(asked)


# --- The command line of the citizen ---


def _citizen_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="verify.py", description="Find, show and keep your own entries.")
    words = parser.add_subparsers(dest="word", required=True)
    scan = words.add_parser("scan", help="find every entry under your audit key")
    scan.add_argument("source", metavar="URL|DIR", help="a log, or a site or folder that has several")
    scan.add_argument("--key", required=True, metavar="FILE", help="your audit key, from your page")
    scan.add_argument("--openings", metavar="FILE", help="your openings, from your page: says what each is")
    scan.add_argument("--state", type=Path, help="file: how far it came; the next scan goes on from there")
    show = words.add_parser("show", help="make a file that shows one entry to be yours, and no other")
    show.add_argument("source", metavar="URL|DIR", help="the log")
    show.add_argument("--key", required=True, metavar="FILE", help="your audit key, from your page")
    show.add_argument("--index", required=True, type=int, help="which entry")
    show.add_argument("--out", required=True, type=Path, metavar="FILE", help="where to write it")
    receipt = words.add_parser("receipt", help="check a receipt, or an entry that somebody showed you")
    receipt.add_argument("file", metavar="FILE")
    receipt.add_argument(
        "--renew", metavar="URL|DIR", help="the log: put the receipt under its newest checkpoint"
    )
    receipt.add_argument("--out", type=Path, metavar="FILE", help="with --renew: where to write it")
    receipt.add_argument(
        "--keys", metavar="FILE", help="the log's `keys`, if you trust it: which key signed up to where"
    )
    for word in (scan, show, receipt):
        keys = word.add_mutually_exclusive_group()
        keys.add_argument("--vkey", action="append", default=[], help="the log's key, known from elsewhere")
        keys.add_argument("--policy", help="file: the keys and witnesses to trust (C2SP tlog-policy)")
    return parser


def _run_scan(arguments: argparse.Namespace, policy: str | None) -> Report:
    """Scan all logs that there are; the worst that was found is the verdict over all."""
    keys = read_audit_key(_read_text(arguments.key, "The audit key file"))
    openings = _read_file(arguments.openings, "The file with openings") if arguments.openings else None
    whole, named = Report("OK"), list[str]()
    for place in find_logs(arguments.source):
        one = scan_log(
            place,
            keys,
            vkeys=arguments.vkey,
            policy=policy,
            openings=openings,
            state=arguments.state,
            say=lambda sentence: print(sentence, file=sys.stderr, flush=True),
            named=named,
        )
        named += [one.follows] if one.follows is not None else []
        whole.sentences += one.sentences
        whole.witnesses_demanded |= one.witnesses_demanded
        whole.verdict = max(whole.verdict, one.verdict, key=WORST.index)
    return whole


WORST: tuple[Verdict, ...] = ("OK", "UNWITNESSED", "UNCHECKED", "INVALID", "DIVERGED")


def _citizen(argv: Sequence[str]) -> int:
    try:
        arguments = _citizen_parser().parse_args(argv)
    except SystemExit as stop:
        return 3 if stop.code else 0
    made: Mapping[str, Any] = {}
    report = Report()

    def work() -> None:
        nonlocal report, made
        policy = _read_text(arguments.policy, "The policy") if arguments.policy else None
        trust = {"vkeys": arguments.vkey, "policy": policy}
        if arguments.word == "scan":
            report = _run_scan(arguments, policy)
        elif arguments.word == "show":
            keys = read_audit_key(_read_text(arguments.key, "The audit key file"))
            report, made = show_entry(arguments.source, keys, arguments.index, **trust)
        else:
            if (arguments.renew is None) != (arguments.out is None):
                raise Unchecked("--renew and --out go together.")
            text = _read_text(arguments.file, "The receipt")
            ranges = _read_text(arguments.keys, "The file with keys") if arguments.keys else None
            report, made = check_receipt(text, key_ranges=ranges, renew=arguments.renew, **trust)
        if getattr(arguments, "out", None) is not None and report.verdict in ("OK", "UNWITNESSED"):
            write_private(arguments.out, made)

    found = _reported(Report(), work)
    if found.sentences:  # it did not come to a report
        report = found
    for sentence in report.sentences:
        print(sentence)
    print(f"Verdict: {report.verdict}")
    return report.exit_code


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; prints the sentences and the verdict, returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in ("scan", "show", "receipt"):
        return _citizen(argv)
    parser = argparse.ArgumentParser(prog="verify.py", description="Check a consent log from the outside.")
    parser.add_argument("source", nargs="?", metavar="URL|DIR", help="a log, or a site that lists its logs")
    keys = parser.add_mutually_exclusive_group()
    keys.add_argument("--vkey", action="append", default=[], help="the log's key, known from elsewhere")
    keys.add_argument("--policy", help="file: the keys and witnesses to trust (C2SP tlog-policy)")
    parser.add_argument("--state", type=Path, help="file: what was seen before; written on success")
    parser.add_argument("--openings", metavar="FILE|URL", help="what an auditor was given, NDJSON")
    parser.add_argument("--token-file", metavar="FILE", help="file with the bearer token for --openings")
    parser.add_argument(
        "--complete", action="store_true", help="the openings are of all organisations: miss none"
    )
    parser.add_argument(
        "--checkpoint", action="append", default=[], metavar="FILE", help="one that somebody kept"
    )
    parser.add_argument(
        "--clock-bound", type=int, default=600, metavar="SECONDS", help="how far clocks differ (600)"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on where it was stopped (Ctrl-C); needs --state"
    )
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
        if arguments.resume:
            given["stop"] = _until_asked()
        report = verify_log(arguments.source, vkeys=arguments.vkey, state=arguments.state, **given)
    for sentence in report.sentences:
        print(sentence)
    print(f"Verdict: {report.verdict}")
    return report.exit_code


if __name__ == "__main__":
    gc.disable()  # nothing here makes cycles, and to look for them among millions of grants takes long
    sys.exit(main())
