"""The conformance kit for verifiers of our log: `python -m tests.ledger.vectors` writes clients/auditor/vectors.

Honest logs, and one for each fraud that an operator could try, with the verdict that a verifier must give. Everything
is made from fixed bytes: every run writes the same files.
"""

import json
import shutil
import sys
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.ledger.checkpoint import body as checkpoint_body
from consent.ledger.checkpoint import sign, vkey_of
from consent.ledger.entry import detail_key, opening_json, subject_keys
from consent.ledger.paths import encode_bundle
from consent.ledger.proof import format_proof
from consent.ledger.tiles import inclusion_proof_from
from tests.ledger.small_log import KEY, NOON, ORIGIN, SmallLog, chance, cosigned

FOLDER = Path(__file__).resolve().parents[2] / "clients" / "auditor" / "vectors"
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes([7] * 32))
NEXT = Ed25519PrivateKey.from_private_bytes(bytes([11] * 32))
AFTER_NEXT = Ed25519PrivateKey.from_private_bytes(bytes([13] * 32))
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes([9] * 32))
Case = dict[str, Any]


class Kit:
    """Writes cases into a folder and remembers them for the index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs: list[Case] = []
        self.receipts: list[Case] = []
        self.kept: list[Case] = []

    def log(
        self,
        name: str,
        says: str,
        log: SmallLog,
        verdict: str,
        *,
        entry: int | None = None,
        openings: list[dict[str, object]] | bool = False,
        meddle: Callable[[Path], object] | None = None,
        **more: Any,
    ) -> None:
        """One log. *openings*: True for all that there are; *meddle* changes the files afterwards."""
        folder = log.export(self.folder / "logs" / name)
        case: Case = {"name": name, "says": says, "log": f"logs/{name}", "vkey": SmallLog().vkey} | more
        if openings is not False:
            lines = log.openings() if openings is True else openings
            (folder / "openings.ndjson").write_text(
                "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
            )
            case["openings"] = f"logs/{name}/openings.ndjson"
        if meddle is not None:
            meddle(folder)
        case |= {"verdict": verdict}
        if entry is not None:
            case["entry"] = entry
        self.logs.append(case)

    def receipt(self, name: str, says: str, answer: Case, verdict: str, *, vkey: str) -> None:
        """One receipt, as an organisation gets it with its data."""
        place = self.folder / "receipts" / f"{name}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(answer, indent=1) + "\n")
        self.receipts.append(
            {"name": name, "says": says, "receipt": f"receipts/{name}.json", "vkey": vkey, "verdict": verdict}
        )

    def keep(self, name: str, says: str, file: Case, verdict: str, **more: Any) -> None:
        """One file as a citizen keeps or shows it. *more*: a `vkey` or `policy` to trust, `exit`."""
        place = self.folder / "kept" / f"{name}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(file, indent=1) + "\n")
        self.kept.append(
            {"name": name, "says": says, "file": f"kept/{name}.json"} | more | {"verdict": verdict}
        )


def policy_of(log: SmallLog, *, quorum: str = "w") -> str:
    _, witness = cosigned(log.checkpoint(), "witness.example", WITNESS, NOON)
    return f"log {SmallLog().vkey}\nwitness w {witness}\nquorum {quorum}\n"


def witnessed(log: SmallLog, at: int) -> Callable[[Path], object]:
    note, _ = cosigned(log.checkpoint(), "witness.example", WITNESS, at)
    return lambda folder: (folder / "checkpoint").write_text(note)


def flipped(file: str, place: int) -> Callable[[Path], object]:
    def meddle(folder: Path) -> None:
        raw = bytearray((folder / file).read_bytes())
        raw[place] ^= 1
        (folder / file).write_bytes(bytes(raw))

    return meddle


def life() -> SmallLog:
    """Everything that can honestly happen, and then some hundred entries more."""
    log = SmallLog()
    log.control({"ev": "log.opened", "i": 0, "key": log.vkey, "o": log.origin, "t": NOON})
    first = log.event("granted")
    log.event("disclosed", grant=first, attributes=("income", "name"))
    log.event("used", grant=first, attributes=("income",), by="organisation")
    log.event("refused", grant=first, attributes=("income",), reason="beyond_grant", by="organisation")
    log.event("amended", grant=first, attributes=("name",), purpose="loan@2")
    log.event("disclosed", grant=first, attributes=("name",), purpose="loan@2")
    log.event("other")
    log.event("withdrawn", grant=first, purpose="loan@2")
    log.event("acknowledged", grant=first, purpose="loan@2", by="organisation")
    second = log.event("granted", citizen="bob", exp=log.clock + 4)
    log.clock += 10
    log.event("expired", grant=second, by="rule")
    said = {"o": log.origin, "t": log.clock}
    log.control({"ev": "organisation.suspended", "i": len(log.leaves), "org": "bank"} | said)
    log.control({"ev": "organisation.restored", "i": len(log.leaves), "org": "bank"} | said)
    log.control({"ev": "an.event.of.later", "i": len(log.leaves), "what": [None, {"x": "é"}]} | said)
    third = log.event("granted", citizen="eve")
    log.event("frozen", grant=third)
    log.event("erased", grant=third)
    return log.fill(300)


def granted() -> tuple[SmallLog, int]:
    log = SmallLog()
    log.control({"ev": "log.opened", "i": 0, "key": log.vkey, "o": log.origin, "t": NOON})
    return log, log.event("granted")


def fraud(event: str = "disclosed", *before: str, **fields: Any) -> tuple[SmallLog, int]:
    """A grant, what is honest before, and one entry that should not be; then an honest one."""
    log, grant = granted()
    for one in before:
        log.event(one, grant=grant, attributes=("income",))
    fields = {"attributes": ("income",)} | fields
    return log, log.event(event, grant=grant, **fields)


def honest(kit: Kit) -> None:
    log = life()
    kit.log(
        "honest",
        "Everything that can honestly happen, cosigned.",
        log,
        "OK",
        openings=True,
        meddle=witnessed(log, log.clock),
        policy=policy_of(log),
    )
    kit.log(
        "honest-without-witnesses",
        "Only the log vouches for it.",
        SmallLog().fill(5),
        "UNWITNESSED",
        openings=True,
    )
    kit.log("size-1", "A log of one entry.", SmallLog().fill(1), "UNWITNESSED")
    kit.log("size-257", "A log that outgrew its first bundle by one.", SmallLog().fill(257), "UNWITNESSED")
    log = SmallLog().fill(9)
    kit.log(
        "later-lines",
        "A signature line of a kind that nobody knows yet is passed over.",
        log,
        "UNWITNESSED",
        meddle=lambda folder: (folder / "checkpoint").write_text(
            log.checkpoint() + f"\u2014 {ORIGIN} {b64encode(bytes(100)).decode()}\n"
        ),
    )
    log, grant = granted()
    for _ in range(3):
        log.event("disclosed", grant=grant, attributes=("income",))
    log.control({"below": 3, "ev": "retention.watermark", "i": 5, "o": ORIGIN, "t": log.clock})
    kit.log(
        "below-the-watermark",
        "Openings below the watermark are gone, and nothing is missing.",
        log,
        "UNWITNESSED",
        openings=log.openings([3, 4]),
        complete=True,
    )
    log, grant = granted()
    for names in (("income",), ("income", "religion")):
        log.event("disclosed", grant=grant, attributes=names)
    log.control({"below": 2, "ev": "retention.watermark", "i": 4, "o": ORIGIN, "t": log.clock})
    kit.log(
        "without-its-beginning",
        "A grant that began below the watermark is replayed from its first opened entry on.",
        log,
        "UNWITNESSED",
        openings=log.openings([2, 3]),
    )


def frauds(kit: Kit) -> None:
    def replayed(name: str, says: str, made: tuple[SmallLog, int], **more: Any) -> None:
        log, entry = made
        kit.log(name, says, log, "INVALID", entry=entry, openings=more.pop("openings", True), **more)

    replayed(
        "other-purpose", "A disclosure for another purpose than was granted.", fraud(purpose="marketing@1")
    )
    replayed("other-organisation", "A disclosure to another organisation.", fraud(org="insurer"))
    replayed(
        "beyond-the-grant", "An attribute that was not granted.", fraud(attributes=("income", "religion"))
    )
    replayed(
        "older-purpose", "A change back to older words.", fraud("amended", "disclosed", purpose="loan@0")
    )
    replayed("foreign-consent-key", "Another citizen's key under this grant.", fraud(stranger=True))
    for ending in ("withdrawn", "revoked", "frozen", "erased"):
        replayed(f"after-{ending}", f"A disclosure after `{ending}`.", fraud("disclosed", ending))
    replayed(
        "after-its-end", "A disclosure at the instant of expiry.", fraud(nbf=NOON, t=NOON + 1 + 31_536_000)
    )
    replayed("expired-early", "An expiry before its time.", fraud("expired", by="rule"))
    replayed(
        "time-runs-back",
        "A time before that of an earlier entry.",
        fraud("disclosed", "disclosed", t=NOON + 1),
    )
    replayed("without-a-grant", "A disclosure that names no grant.", fraud(c=None, n=None, prev=None))
    replayed("record-of-another-entry", "A record that says it is another entry.", fraud(i=7))
    replayed("no-attributes", "A disclosure that does not say what went out.", fraud(attributes=()))
    log, grant = granted()
    log.control({"ev": "organisation.suspended", "i": 2, "o": ORIGIN, "org": "bank", "t": log.clock})
    replayed(
        "while-suspended",
        "A disclosure while the organisation was suspended.",
        (log, log.event("disclosed", grant=grant, attributes=("income",))),
    )
    log, entry = fraud("disclosed", "disclosed", "disclosed")
    replayed(
        "held-back",
        "An entry in the middle of a grant is not opened.",
        (log, entry),
        openings=log.openings([1, 2, 4]),
    )
    log, entry = fraud("disclosed", "disclosed")
    replayed(
        "last-held-back",
        "All were asked for, and the last is not opened.",
        (log, entry),
        openings=log.openings([1, 2]),
        complete=True,
    )
    log, grant = granted()
    entry = log.event("disclosed", grant=grant, attributes=("income",))
    log.control({"below": grant, "ev": "retention.watermark", "i": 3, "o": ORIGIN, "t": log.clock})
    replayed(
        "beginning-held-back",
        "A grant that began at the watermark, and not below it, is not opened from its beginning.",
        (log, entry),
        openings=log.openings([entry]),
    )
    log, _ = fraud("disclosed", "disclosed")
    lines = log.openings()
    lines[1] = lines[1] | {"A": str(lines[1]["A"]).replace("income", "name")}
    replayed(
        "altered-opening",
        "An opening with another record than the leaf commits to.",
        (log, 2),
        openings=lines,
    )
    lines = log.openings()
    lines[2] = lines[2] | {"kc": lines[2]["a"]}
    replayed(
        "wrong-consent-key",
        "A key that the leaf was not written under.",
        (log, 3),
        openings=lines,
    )
    lines = [*log.openings(), *log.openings([3])]
    replayed("opened-twice", "One entry, two openings.", (log, 3), openings=lines)
    log, _ = granted()
    log.clock -= 5000
    backdated = log.event("granted", citizen="bob", nbf=NOON)
    seen, _ = cosigned(granted()[0].checkpoint(), "witness.example", WITNESS, NOON)
    log.clock = NOON + 60
    replayed(
        "back-dated",
        "A time from before witnesses saw the log without it.",
        (log, backdated),
        policy=policy_of(log),
        checkpoints=[seen],
        meddle=witnessed(log, NOON + 60),
    )


def bytes_and_trees(kit: Kit) -> None:
    log = SmallLog().fill(12)
    start = 2 + len(log.leaves[0]) + 4 * 154  # of entry 5 in its bundle
    size = len(log.leaves)
    bundle, tile = f"tile/entries/000.p/{size}", f"tile/0/000.p/{size}"

    def entries(leaves: list[bytes]) -> Callable[[Path], object]:
        return lambda folder: (folder / bundle).write_bytes(encode_bundle(leaves))

    same, foreign = log.leaves, SmallLog().fill(20).leaves[19]
    swapped = [*same[:5], same[6], same[5], *same[7:]]
    for name, says, entry, meddle in (
        ("altered-entry", "One bit of an entry.", 5, flipped(bundle, start + 2 + 60)),
        ("altered-tile", "One bit of a tile.", 7, flipped(tile, 32 * 7)),
        ("altered-root", "One character of the root.", None, flipped("checkpoint", len(ORIGIN) + 8)),
        ("dropped-entry", "One entry is not served any more.", 5, entries([*same[:5], *same[6:], same[5]])),
        ("reordered-entries", "Two entries change places.", 5, entries(swapped)),
        ("inserted-entry", "An entry is put in between.", 5, entries([*same[:5], foreign, *same[5:-1]])),
        ("reserved-bytes", "A reserved byte that is not zero.", 5, flipped(bundle, start + 2 + 6)),
        (
            "cut-off-bundle",
            "A bundle that ends too early.",
            11,
            lambda folder: (folder / bundle).write_bytes((folder / bundle).read_bytes()[:-1]),
        ),
    ):
        kit.log(name, says, SmallLog().fill(12), "INVALID", entry=entry, meddle=meddle)
    repeated = SmallLog().fill(6)
    repeated.event("granted", nonce=repeated.leaves[3][8:24])
    kit.log("repeated-nonce", "Two entries share a nonce.", repeated, "INVALID", entry=6)
    unknown = SmallLog().fill(4)
    unknown.write(unknown.leaves[1][:4] + b"\2" + unknown.leaves[1][5:])
    kit.log("unknown-kind", "An entry of a kind that does not exist.", unknown, "INVALID", entry=4)
    text = "\n".join(log.checkpoint().split("\n")[:3]) + "\n"
    kit.log(
        "other-key",
        "Signed with another key.",
        log,
        "INVALID",
        meddle=lambda folder: (folder / "checkpoint").write_text(sign(text, ORIGIN, STRANGER)),
    )
    forged, witness = cosigned(log.checkpoint(), "witness.example", WITNESS, NOON)
    forged = forged.replace(forged.splitlines()[-1][-6:], "AAAAA=" if forged.endswith("=\n") else "AAAAAA")
    kit.log(
        "forged-cosignature",
        "A witness's line that the witness did not sign.",
        log,
        "INVALID",
        policy=f"log {log.vkey}\nwitness w {witness}\nquorum w\n",
        meddle=lambda folder: (folder / "checkpoint").write_text(forged),
    )
    kit.log(
        "no-witness-came", "The policy demands a witness.", log, "UNWITNESSED", exit=1, policy=policy_of(log)
    )
    kit.log(
        "missing-tile",
        "A tile cannot be fetched.",
        log,
        "UNCHECKED",
        meddle=lambda folder: shutil.rmtree(folder / "tile" / "0"),
    )
    kit.log(
        "strange-policy",
        "A policy with a line that nobody knows.",
        log,
        "UNCHECKED",
        policy=f"log {log.vkey}\nnever mind\nquorum none\n",
    )
    kit.log(
        "rolled-back",
        "The log went back to its own past.",
        SmallLog().fill(7),
        "DIVERGED",
        seen=log.checkpoint(),
    )
    other, seen = SmallLog(), SmallLog().fill(9).checkpoint()
    other.control()
    other.event("granted", citizen="somebody else")
    other.fill(12)
    kit.log(
        "rewritten",
        "The log has another past than was seen.",
        other,
        "DIVERGED",
        seen=seen,
    )
    kit.log(
        "two-histories",
        "Somebody else was shown another log.",
        other,
        "DIVERGED",
        checkpoints=[log.checkpoint()],
    )
    kit.log(
        "grown",
        "The log continues what was seen.",
        log,
        "UNWITNESSED",
        seen=seen,
        checkpoints=[SmallLog().fill(3).checkpoint()],
    )


def keys(kit: Kit) -> None:
    """Logs whose key changed, for a reader who knows only the first one."""
    changed = SmallLog().fill(300)
    changed.rotate(NEXT)
    changed.fill(changed.growth.size + 5)
    changed.rotate(AFTER_NEXT)
    kit.log(
        "key-changed",
        "The key changed twice; each change is signed by the key before.",
        changed,
        "UNWITNESSED",
    )
    edge = SmallLog().fill(255)
    edge.rotate(NEXT)  # its two entries stand in two bundles
    kit.log("key-changed-at-a-bundle", "The key changed where a bundle ends.", edge, "UNWITNESSED")
    retired = SmallLog().fill(9)
    at = retired.rotate(NEXT)
    retired.fill(14).key = KEY
    kit.log("key-retired", "A key signs after it was retired.", retired, "INVALID", entry=at)
    early = SmallLog().fill(9)
    old = early.checkpoint()
    early.rotate(NEXT)
    kit.log(
        "key-too-early",
        "A key is said to have signed before it was added.",
        early,
        "INVALID",
        entry=9,
        checkpoints=[sign(old.partition("\n\n")[0] + "\n", ORIGIN, NEXT)],
    )
    for name, says, body in (
        ("key-lost", "A key was lost: nobody is led on by it.", {"last": None, "lost": 1}),
        (
            "key-not-vouched-for",
            "The last checkpoint is not signed by the key that ends.",
            {"last": STRANGER},
        ),
        ("key-other-root", "The last checkpoint has another root.", {"last": bytes(32)}),
        ("key-other-size", "The last checkpoint is an older one.", {"last": SmallLog().fill(9).checkpoint()}),
        ("key-of-a-stranger", "A key that nobody knows retires itself.", {"key": vkey_of(ORIGIN, STRANGER)}),
    ):
        log = SmallLog().fill(9)
        shadow = SmallLog().fill(9)
        shadow.control({"ev": "key.added", "key": vkey_of(ORIGIN, NEXT)})
        root, last = shadow.growth.root(), body.get("last")
        if isinstance(last, Ed25519PrivateKey):
            body |= {"last": sign(checkpoint_body(ORIGIN, 10, root), ORIGIN, last)}
        elif isinstance(last, bytes):
            body |= {"last": sign(checkpoint_body(ORIGIN, 10, last), ORIGIN, KEY)}
        log.rotate(NEXT, **body)
        kit.log(name, says, log, "INVALID")


def receipts(kit: Kit) -> None:
    log = SmallLog().fill(300)
    log.export(kit.folder / "spare")  # fills the tiles
    shutil.rmtree(kit.folder / "spare")
    tiles = log.tiles

    def answer(
        index: int, *, leaf: bytes | None = None, hashes: list[bytes] | None = None, says: int | None = None
    ) -> Case:
        path = inclusion_proof_from(index, 300, tiles) if hashes is None else hashes
        entry = {
            "leaf": b64encode(leaf or log.leaves[index]).decode(),
            "opening": opening_json(log.opened[index], with_detail=False),
        }
        return {
            "entry": entry,
            "proof": format_proof(index if says is None else says, path, log.checkpoint()),
        }

    path = inclusion_proof_from(7, 300, tiles)
    turned = [bytes([path[0][0] ^ 1]) + path[0][1:], *path[1:]]
    kit.receipt("good", "A receipt as it should be.", answer(7), "UNWITNESSED", vkey=log.vkey)
    kit.receipt(
        "other-leaf", "The proof of another leaf.", answer(7, leaf=log.leaves[8]), "INVALID", vkey=log.vkey
    )
    kit.receipt("altered-hash", "One bit of the proof.", answer(7, hashes=turned), "INVALID", vkey=log.vkey)
    kit.receipt("short", "A hash is missing.", answer(7, hashes=path[:-1]), "INVALID", vkey=log.vkey)
    kit.receipt("long", "A hash too many.", answer(7, hashes=[*path, path[0]]), "INVALID", vkey=log.vkey)
    kit.receipt(
        "other-index", "The proof says it is another entry.", answer(7, says=6), "INVALID", vkey=log.vkey
    )
    stranger = SmallLog(key=STRANGER)
    kit.receipt("other-key", "Signed by a key that is not trusted.", answer(7), "INVALID", vkey=stranger.vkey)
    swapped = answer(7) | {}
    swapped["entry"] = swapped["entry"] | {"opening": opening_json(log.opened[6], with_detail=False)}
    elsewhere, entry = fraud(i=7)
    elsewhere.export(kit.folder / "spare")
    shutil.rmtree(kit.folder / "spare")
    opening = opening_json(elsewhere.opened[entry], with_detail=False) | {"i": 7}
    misplaced = {
        "entry": {"leaf": b64encode(elsewhere.leaves[entry]).decode(), "opening": opening},
        "proof": format_proof(entry, inclusion_proof_from(entry, 3, elsewhere.tiles), elsewhere.checkpoint()),
    }
    kit.receipt(
        "record-of-another-entry",
        "Leaf and opening agree on an index, and the proof is for another.",
        misplaced,
        "INVALID",
        vkey=log.vkey,
    )
    kit.receipt("other-opening", "The opening is of another entry.", swapped, "INVALID", vkey=log.vkey)


def leaves() -> list[Case]:
    """How a leaf comes from its keys: everything that goes in, and what comes out, in hexadecimal."""
    log, grant = granted()
    log.event("disclosed", grant=grant, attributes=("income",))
    found = []
    for index, opening in log.opened.items():
        leaf = log.leaves[index]
        keys = subject_keys(chance("ann"), ORIGIN)
        found.append(
            {
                "origin": ORIGIN,
                "subject_key": chance("ann").hex(),
                "nonce": leaf[8:24].hex(),
                "grant_nonce": log.leaves[grant][8:24].hex(),
                "kc": opening.consent_key.hex(),
                "a": opening.audit_key.hex(),
                "d": detail_key(keys, leaf[8:24]).hex(),
                "A": opening.record.decode(),
                "D": (opening.detail or b"").decode(),
                "leaf": leaf.hex(),
            }
        )
    return found


def write(folder: Path) -> None:
    """Write the whole kit into *folder*, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    kit = Kit(folder)
    from tests.ledger.vectors_for_life import kept, signed_twice

    for part in (honest, frauds, bytes_and_trees, keys, signed_twice, receipts, kept):
        part(kit)
    index = {
        "version": 1,
        "leaves": leaves(),
        "logs": kit.logs,
        "receipts": kit.receipts,
        "kept": kit.kept,
    }
    (folder / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    from tests.ledger import vectors

    vectors.write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
