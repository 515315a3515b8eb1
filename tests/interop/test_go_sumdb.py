"""A stranger checks our log: the packages behind the Go checksum database (golang.org/x/mod/sumdb note and tlog).

They come with Debian (golang-go, golang-golang-x-mod-dev) or inside any Go toolchain. Nothing is downloaded: without
Go, or without those packages, these tests are skipped.
"""

import json
import os
import shutil
import subprocess
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from consent.ledger.checkpoint import parse_note
from consent.ledger.cosignature import cosign
from consent.ledger.proof import format_proof
from consent.ledger.tiles import consistency_proof_from, inclusion_proof_from
from tests.ledger import vectors
from tests.ledger.small_log import NOON, SmallLog, cosigned

SOURCE = Path(__file__).parent / "go" / "verify.go"
OLD, SIZE = 517, 1300


def _go() -> str | None:
    return shutil.which("go") or shutil.which("go", path="/usr/local/go/bin:/usr/lib/go/bin")


def _asked(go: str, name: str) -> str:
    return subprocess.run([go, "env", name], capture_output=True, text=True, timeout=60).stdout.strip()


def _packages(go: str) -> Path | None:
    vendored = Path(_asked(go, "GOROOT"), "src/cmd/vendor/golang.org/x/mod")
    places = [Path("/usr/share/gocode/src/golang.org/x/mod"), vendored]
    return next((place for place in places if (place / "sumdb/tlog/tlog.go").is_file()), None)


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The verifier, built offline from the packages that are on this machine."""
    go = _go()
    packages = _packages(go) if go else None
    if go is None or packages is None:
        pytest.skip(
            "no Go with golang.org/x/mod on this machine: apt-get install golang-go golang-golang-x-mod-dev"
        )
    work = tmp_path_factory.mktemp("go")
    for package in ("note", "tlog"):
        (work / "xmod/sumdb" / package).mkdir(parents=True)
        for file in (packages / "sumdb" / package).glob("*.go"):
            if not file.name.endswith("_test.go"):
                shutil.copy(file, work / "xmod/sumdb" / package)
    # The packages may use the language of their own toolchain: "go1.26.8" -> "1.26".
    language = ".".join(_asked(go, "GOVERSION").removeprefix("go").split(".")[:2])
    (work / "xmod/go.mod").write_text(f"module golang.org/x/mod\n\ngo {language}\n")
    (work / "go.mod").write_text(
        f"module verify\n\ngo {language}\n\n"
        "require golang.org/x/mod v0.0.0\n\nreplace golang.org/x/mod => ./xmod\n"
    )
    shutil.copy(SOURCE, work)
    offline = {"GOPROXY": "off", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GO111MODULE": "on"}
    built = subprocess.run(
        [go, "build", "-o", "stranger", "."],
        cwd=work,
        env=os.environ | offline,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert built.returncode == 0, built.stderr
    return work / "stranger"


@pytest.fixture
def exported(tmp_path: Path) -> tuple[Path, str, Path]:
    """A log that grew past a checkpoint, some proofs at several sizes, and our own consistency proof."""
    log, proofs = SmallLog().fill(OLD), tmp_path / "proofs"
    proofs.mkdir()
    old_root = log.growth.root()
    old_note = log.checkpoint()
    old_proofs = {index: log.growth.inclusion_proof(index) for index in (0, 255, 256, OLD - 1)}
    folder = log.fill(SIZE).export(tmp_path / "log")
    note, _ = cosigned(log.checkpoint(), "witness.example", Ed25519PrivateKey.generate(), NOON)
    second = MLDSA44PrivateKey.from_seed_bytes(bytes(32))
    note += cosign(
        parse_note(note).body, log.origin, second, at=NOON
    )  # the log's own, of a kind that Go does not know
    (folder / "checkpoint").write_text(note)
    for index, hashes in old_proofs.items():
        (proofs / f"old{index}.tlog-proof").write_text(format_proof(index, hashes, old_note))
        (proofs / f"old{index}.leaf").write_bytes(log.leaves[index])
    for index in (0, 1, 600, 1023, 1024, SIZE - 1):
        hashes = inclusion_proof_from(index, SIZE, log.tiles)
        (proofs / f"{index}.tlog-proof").write_text(format_proof(index, hashes, note))
        (proofs / f"{index}.leaf").write_bytes(log.leaves[index])
    chain = [old_root, *consistency_proof_from(OLD, SIZE, log.tiles)]
    lines = [str(OLD), *(b64encode(one).decode() for one in chain)]
    (proofs / "consistency.txt").write_text("\n".join(lines) + "\n")
    return folder, log.vkey, proofs


def run(stranger: Path, exported: tuple[Path, str, Path]) -> tuple[int, str]:
    done = subprocess.run([stranger, *exported], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def test_go_finds_our_log_and_proofs_right(stranger: Path, exported: tuple[Path, str, Path]) -> None:
    code, said = run(stranger, exported)
    assert code == 0, said
    assert f"checkpoint ok {SIZE} unknown 2" in said
    assert f"entries ok {SIZE}" in said
    assert "proofs ok 10" in said
    assert f"consistency ok {OLD}" in said


@pytest.mark.parametrize(
    ("file", "place", "says"),
    [
        ("tile/entries/002", 154 * 7 + 40, "entry 519 "),
        ("tile/0/003", 40, "tiles"),
        ("tile/1/000.p/5", 40, "tiles"),
        ("checkpoint", 40, "checkpoint"),
    ],
)
def test_go_finds_one_changed_byte(
    stranger: Path, exported: tuple[Path, str, Path], file: str, place: int, says: str
) -> None:
    target = exported[0] / file
    raw = bytearray(target.read_bytes())
    raw[place] ^= 1
    target.write_bytes(bytes(raw))
    code, said = run(stranger, exported)
    assert code == 1
    # Go reads only the tiles that it needs for the root; a full tile below shows when its entries are compared.
    assert says in said or (file == "tile/0/003" and "entry 768 " in said)


@pytest.mark.parametrize(
    ("file", "line", "says"),
    [
        ("600.tlog-proof", 4, "proof of entry 600"),
        ("600.tlog-proof", 1, "proof of entry 601"),  # another index
        ("old255.tlog-proof", 2, "proof of entry 255"),
        ("consistency.txt", 1, "consistency"),  # another old root
        ("consistency.txt", 3, "consistency"),
        ("600.leaf", None, "proof of entry 600"),
    ],
)
def test_go_finds_a_wrong_proof(
    stranger: Path, exported: tuple[Path, str, Path], file: str, line: int | None, says: str
) -> None:
    target = exported[2] / file
    if line is None:
        target.write_bytes((exported[2] / "1023.leaf").read_bytes())
    else:
        lines = target.read_text().split("\n")
        other = b64encode(bytes(32)).decode()
        lines[line] = other if not lines[line].startswith("index") else "index 601"
        target.write_text("\n".join(lines))
    code, said = run(stranger, exported)
    assert code == 1
    assert said.splitlines()[-1].startswith(says), said


# The tampered copies of the conformance kit that a stranger can judge who knows trees and signatures, and not our leaf.
KIT: dict[str, list[dict[str, str]]] = json.loads((vectors.FOLDER / "index.json").read_text("utf-8"))
SPOILT = (
    "altered-entry", "altered-tile", "altered-root", "dropped-entry", "reordered-entries", "inserted-entry",
    "cut-off-bundle", "other-key", "missing-tile",
)  # fmt: skip


@pytest.mark.parametrize("name", [*SPOILT, "honest", "size-1", "size-257", "later-lines"])
def test_go_judges_the_conformance_kit(stranger: Path, tmp_path: Path, name: str) -> None:
    case = next(case for case in KIT["logs"] if case["name"] == name)
    code, said = run(stranger, (vectors.FOLDER / case["log"], case["vkey"], tmp_path))
    assert code == 1  # at the latest because there is no consistency proof to read
    assert ("entries ok" in said) == (name not in SPOILT), said
