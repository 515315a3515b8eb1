"""What in the conformance kit has to hold for years: logs that sign twice, and the files that citizens keep."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from consent.ledger.checkpoint import body, sign, vkey_of
from consent.ledger.cosignature import cosign, cosigner_vkey
from consent.ledger.entry import entry_secret, opening_json, subject_keys
from consent.ledger.proof import format_proof
from consent.ledger.tiles import inclusion_proof_from
from tests.ledger.small_log import KEY, NOON, ORIGIN, SmallLog, chance, cosigned
from tests.ledger.vectors import NEXT, STRANGER, WITNESS, Case, Kit

LATTICE = MLDSA44PrivateKey.from_seed_bytes(bytes(range(32)))
OTHER_LATTICE = MLDSA44PrivateKey.from_seed_bytes(bytes(32))
SECOND = cosigner_vkey(ORIGIN, LATTICE)

# ML-DSA signs with fresh randomness; each line that was ever written stays, so that every run writes the same files.
_LINES = Path(__file__).with_name("lattice_lines.json")


def line_of(note: str, key: MLDSA44PrivateKey = LATTICE, *, name: str = ORIGIN, at: int = NOON) -> str:
    """The ML-DSA-44 line under a note."""
    text = note.partition("\n\n")[0] + "\n"
    which = hashlib.sha256(f"{cosigner_vkey(name, key)}\n{at}\n{text}".encode()).hexdigest()
    kept: dict[str, str] = json.loads(_LINES.read_text("utf-8")) if _LINES.exists() else {}
    if which not in kept:
        kept[which] = cosign(text, name, key, at=at)
        _LINES.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", "utf-8")
    return kept[which]


def both(log: SmallLog, *, more: str = "quorum none\n") -> str:
    """The policy of whoever knows both keys."""
    return f"log {log.vkey}\nlog {SECOND}\n{more}"


def signed_twice(kit: Kit) -> None:
    """One log, with ever another line under its checkpoint."""
    log = SmallLog().fill(9)
    note, line = log.checkpoint(), line_of(log.checkpoint())
    raw = bytearray(line.encode())
    raw[-200] = ord("A") if raw[-200] != ord("A") else ord("B")

    def with_lines(lines: str) -> Callable[[Path], object]:
        return lambda folder: (folder / "checkpoint").write_text(note + lines)

    for name, says, lines, verdict, more in (
        ("signed-twice", "Both keys of the log signed.", line, "UNWITNESSED", {}),
        ("second-missing", "The second signature is not there.", "", "UNWITNESSED", {"exit": 1}),
        ("second-altered", "One character of the second signature.", raw.decode(), "INVALID", {}),
        (
            "second-of-a-stranger",
            "An ML-DSA signature of somebody else under the log's name.",
            line_of(note, OTHER_LATTICE),
            "UNWITNESSED",
            {"exit": 1},
        ),
        (
            "second-of-another-checkpoint",
            "A second signature that was made for an older checkpoint.",
            line_of(SmallLog().fill(8).checkpoint()),
            "INVALID",
            {},
        ),
    ):
        kit.log(name, says, log, verdict, meddle=with_lines(lines), policy=both(log), **more)
    kit.log(
        "second-not-asked-for",
        "Who knows only the first key passes over the second signature.",
        log,
        "UNWITNESSED",
        meddle=with_lines(raw.decode()),
    )
    whole, witness = cosigned(note + line, "witness.example", WITNESS, log.clock)
    kit.log(
        "signed-twice-and-witnessed",
        "Both keys of the log, and a witness.",
        log,
        "OK",
        openings=True,
        meddle=lambda folder: (folder / "checkpoint").write_text(whole),
        policy=both(log, more=f"witness w {witness}\nquorum w\n"),
    )


class Kept:
    """The files that citizens keep of one log."""

    def __init__(self, log: SmallLog, note: str | None = None) -> None:
        self.log, self.note = log, note or log.checkpoint()
        for level, n, row in log.growth.dirty():
            log.tiles[level, n] = row

    def proof(self, index: int, *, says: int | None = None) -> str:
        path = inclusion_proof_from(index, len(self.log.leaves), self.log.tiles)
        return format_proof(index if says is None else says, path, self.note)

    def entry(self, index: int, *, whose: str = "ann") -> Case:
        """What shows that an entry is hers."""
        leaf = self.log.leaves[index]
        secret = entry_secret(subject_keys(chance(whose), ORIGIN).scan, leaf)
        return {
            "leaf": b64encode(leaf).decode(),
            "s": b64encode(secret).decode(),
            "proof": self.proof(index),
            "format": "consent-entry-proof/v1",
        }

    def receipt(self, index: int, **other: Any) -> Case:
        """What she keeps of it herself. *other* members replace those of an honest file."""
        opening = opening_json(self.log.opened[index], with_detail=True)
        made = self.entry(index) | {"format": "consent-receipt/v1", "opening": opening}
        return made | {"vkey": self.log.vkey} | other


def kept(kit: Kit) -> None:
    log, grant = SmallLog(), 1
    log.control({"ev": "log.opened", "i": 0, "key": log.vkey, "o": ORIGIN, "t": NOON})
    log.event("granted")
    log.event("disclosed", grant=grant, attributes=("income",))
    log.event("granted", citizen="bob")
    log.event("withdrawn", grant=grant)
    files = Kept(log)
    trust = {"vkey": log.vkey}
    kit.keep("receipt", "The receipt of her yes.", files.receipt(1), "UNWITNESSED", **trust)
    kit.keep("receipt-of-a-stop", "The receipt of her stop.", files.receipt(4), "UNWITNESSED", **trust)
    kit.keep(
        "entry-proof",
        "It shows whose an entry is, and opens nothing.",
        files.entry(2),
        "UNWITNESSED",
        **trust,
    )
    honest = files.receipt(2)
    altered = honest["opening"]
    for name, says, other in (
        ("receipt-other-record", "Another record than the leaf commits to.", ("A", "income", "name")),
        ("receipt-other-detail", "Another detail than the leaf commits to.", ("D", "pairwise", "somebody")),
    ):
        member, old, new = other
        opening = altered | {member: altered[member].replace(old, new)}
        kit.keep(name, says, honest | {"opening": opening}, "INVALID", **trust)
    kit.keep(
        "receipt-other-leaf",
        "The leaf of another entry.",
        honest | {"leaf": files.entry(3)["leaf"]},
        "INVALID",
        **trust,
    )
    kit.keep(
        "receipt-other-index",
        "The proof says that it is another entry.",
        honest | {"proof": files.proof(2, says=1)},
        "INVALID",
        **trust,
    )
    kit.keep(
        "entry-of-somebody-else",
        "Ann shows the entry of Bob as hers.",
        files.entry(3),
        "INVALID",
        **trust,
    )
    kit.keep(
        "receipt-of-a-stranger",
        "The file names a key of its own: it is not believed.",
        Kept(log, sign(body(ORIGIN, 5, log.growth.root()), ORIGIN, STRANGER)).receipt(
            2, vkey=vkey_of(ORIGIN, STRANGER)
        ),
        "INVALID",
        **trust,
    )
    line = line_of(log.checkpoint())
    whole, witness = cosigned(log.checkpoint() + line, "witness.example", WITNESS, log.clock)
    policy = both(log, more=f"witness w {witness}\nquorum w\n")
    kit.keep(
        "receipt-for-life",
        "Signed by both keys of the log, and by a witness.",
        Kept(log, whole).receipt(2),
        "OK",
        policy=policy,
    )
    kit.keep(
        "receipt-second-missing",
        "The second signature, which its reader wants, is not there.",
        files.receipt(2),
        "UNWITNESSED",
        exit=1,
        policy=both(log),
    )
    bad = line_of(SmallLog().fill(5).checkpoint())
    kit.keep(
        "receipt-second-of-another-checkpoint",
        "The second signature was made for another checkpoint.",
        Kept(log, log.checkpoint() + bad).receipt(2),
        "INVALID",
        policy=both(log),
    )
    after_a_change(kit)


def after_a_change(kit: Kit) -> None:
    """Receipts under a later key, for a reader who knows only the one of before."""
    log = SmallLog().fill(5)
    added, last = len(log.leaves), ""
    shadow = SmallLog().fill(5)
    shadow.control({"ev": "key.added", "key": vkey_of(ORIGIN, NEXT)})
    last = shadow.checkpoint()
    log.rotate(NEXT, last=last)
    log.event("granted")
    files, before = Kept(log), Kept(shadow)
    change = {"leaf": b64encode(log.leaves[added]).decode(), "proof": before.proof(added)}
    trust = {"vkey": vkey_of(ORIGIN, KEY)}
    mine = len(log.leaves) - 1
    kit.keep(
        "receipt-after-a-key-change",
        "The key of before leads to the one that signed.",
        files.receipt(mine, keys=[change]),
        "UNWITNESSED",
        **trust,
    )
    kit.keep(
        "receipt-without-the-way",
        "The same without what leads there.",
        files.receipt(mine),
        "INVALID",
        **trust,
    )
    forged = Kept(shadow, sign(body(ORIGIN, 6, shadow.growth.root()), ORIGIN, STRANGER))
    change = change | {"proof": forged.proof(added)}
    kit.keep(
        "receipt-led-by-a-stranger",
        "What leads to the new key is not signed by the old one.",
        files.receipt(mine, keys=[change]),
        "INVALID",
        **trust,
    )
