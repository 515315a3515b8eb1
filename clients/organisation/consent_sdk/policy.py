"""Whom you trust: the keys of logs, the keys of witnesses, and how many of these must have signed (C2SP tlog-policy).

A witness signs only what continues what it signed before (C2SP tlog-cosignature), so a log cannot show you another
history than it shows others, unless as many witnesses help it as your quorum asks. Choose witnesses of organisations
that have nothing to do with each other.
"""

import re

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .encoding import b64_bytes
from .note import LogKey, key_id_of, read_log_key, signature_lines

_COSIGNATURE = b"\x04"  # tlog-cosignature, Ed25519
_ED25519 = b"\x01"


class Witness(msgspec.Struct, frozen=True):
    """A witness by its key, and where it can be asked, if the policy says so."""

    name: str
    key_id: bytes
    kind: bytes
    public: bytes
    url: str | None


class Policy(msgspec.Struct, frozen=True):
    """A policy, read. `groups`: how many of which members; `quorum`: whose word is needed, None for nobody's."""

    logs: tuple[LogKey, ...] = ()
    witnesses: dict[str, Witness] = {}
    groups: dict[str, tuple[int, tuple[str, ...]]] = {}
    quorum: str | None = None

    def is_met(self, note: str) -> bool:
        """Answer whether the quorum signed *note*. Without a quorum nobody but the log vouches: no.

        Raises ValueError when a known witness's line is wrong: then the note was tampered with.
        """
        return self.quorum is not None and self._counts(self.quorum, signers(note, self.witnesses))

    def _counts(self, name: str, signed: frozenset[str]) -> bool:
        if name in self.witnesses:
            return name in signed
        least, members = self.groups[name]
        return sum(self._counts(member, signed) for member in members) >= least


def read_policy(text: str) -> Policy:
    """Read a policy. Raises ValueError: what is not understood must not pass for less."""
    logs: list[LogKey] = []
    witnesses: dict[str, Witness] = {}
    groups: dict[str, tuple[int, tuple[str, ...]]] = {}
    quorums: list[str] = []
    grouped: set[str] = set()
    for line in text.split("\n"):
        words = [word for word in re.split(r"[ \t]+", line) if word]
        if not words or words[0].startswith("#"):
            continue
        defined = witnesses.keys() | groups.keys()
        is_new = len(words) > 2 and words[1] not in defined and words[1] != "none"
        if words[0] == "log" and len(words) in (2, 3):
            if (
                b64_bytes(words[1].split("+", 2)[-1])[:1] == _ED25519
            ):  # a log may have keys of later kinds too
                logs.append(read_log_key(words[1]))
        elif words[0] == "witness" and len(words) in (3, 4) and is_new:
            witnesses[words[1]] = _witness(words[2], words[3] if len(words) == 4 else None)
        elif words[0] == "group" and len(words) > 3 and is_new:
            members = tuple(words[3:])
            least = {"any": 1, "all": len(members)}.get(words[2]) or _count(words[2])
            # Each may stand in one group only, once: nobody counts twice.
            if not set(members) <= defined - grouped or len(set(members)) < len(members):
                raise ValueError("a group has a member that is unknown or stands in a group already")
            if not 1 <= least <= len(members):
                raise ValueError("a group asks for more members than it has, or for none")
            grouped |= set(members)
            groups[words[1]] = (least, members)
        elif words[0] == "quorum" and len(words) == 2 and (words[1] in defined or words[1] == "none"):
            quorums.append(words[1])
        else:
            raise ValueError("the policy has a line that is not understood")
    if len(quorums) != 1:
        raise ValueError("a policy has exactly one quorum line")
    if len({witness.public for witness in witnesses.values()}) < len(witnesses):
        raise ValueError("two witnesses have the same key")
    return Policy(tuple(logs), witnesses, groups, None if quorums[0] == "none" else quorums[0])


def signers(note: str, witnesses: dict[str, Witness]) -> frozenset[str]:
    """The names of those of *witnesses* that signed *note*. Raises ValueError for a wrong line of one of them."""
    text, lines = signature_lines(note)
    found = set()
    for name, witness in witnesses.items():
        for key_name, blob in lines:
            if (key_name, blob[:4]) != (witness.name, witness.key_id) or witness.kind != _COSIGNATURE:
                continue
            if len(blob) != 4 + 8 + 64:
                raise ValueError("a cosignature has the wrong length")
            at = int.from_bytes(blob[4:12], "big")
            message = f"cosignature/v1\ntime {at}\n{text}".encode()
            try:
                Ed25519PublicKey.from_public_bytes(witness.public).verify(blob[12:], message)
            except InvalidSignature:
                raise ValueError("a signature of a witness is wrong") from None
            found.add(name)
    return frozenset(found)


def _witness(vkey: str, url: str | None) -> Witness:
    name, key_id, encoded = key_id_of(vkey)
    if encoded[:1] == _COSIGNATURE and len(encoded) != 33:
        raise ValueError("an Ed25519 key has 32 bytes")
    if encoded[:1] == _ED25519:
        raise ValueError("the key of a log does not cosign")
    return Witness(name, key_id, encoded[:1], encoded[1:], url.rstrip("/") if url else None)


def _count(word: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", word):
        raise ValueError("a group says any, all or a number")
    return int(word)
