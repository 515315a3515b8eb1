"""An auditor who knows both keys of a log wants both signatures; the Ed25519 key of another day is not enough."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import consent_verify
import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from consent.ledger.checkpoint import body
from consent.ledger.cosignature import cosign, cosigner_vkey
from tests.ledger.small_log import NOON, ORIGIN, SmallLog

LATTICE = MLDSA44PrivateKey.from_seed_bytes(bytes(range(32)))
STRANGER = MLDSA44PrivateKey.from_seed_bytes(bytes(32))
SECOND = cosigner_vkey(ORIGIN, LATTICE)


CLIENT = Path(__file__).resolve().parents[2] / "clients" / "auditor"
Judge = Callable[..., tuple[str, int, str]]
node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node 20: apt-get install nodejs")


@pytest.fixture
def log() -> SmallLog:
    return SmallLog().fill(9)


def by_python(where: str, *, vkeys: Sequence[str] = (), policy: str | None = None) -> tuple[str, int, str]:
    report = consent_verify.verify_log(where, vkeys=vkeys, policy=policy)
    return report.verdict, report.exit_code, "\n".join(report.sentences)


def by_node(
    where: str, *, vkeys: Sequence[str] = (), policy: str | None = None, script: Path = CLIENT / "verify.js"
) -> tuple[str, int, str]:
    words = ["node", str(script), where, *(word for vkey in vkeys for word in ("--vkey", vkey))]
    if policy is not None:
        Path(where, "trusted").write_text(policy)
        words += ["--policy", str(Path(where, "trusted"))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    *said, verdict = done.stdout.strip().split("\n")
    return verdict.removeprefix("Verdict: "), done.returncode, "\n".join(said)


@pytest.fixture(params=["verify.py", pytest.param("verify.js", marks=node)])
def judge(request: pytest.FixtureRequest) -> Judge:
    """Either verifier: verdict, exit code and what it says."""
    return by_python if request.param == "verify.py" else by_node


def served(log: SmallLog, folder: Path, line: str) -> str:
    log.export(folder)
    (folder / "checkpoint").write_text(log.checkpoint() + line)
    return str(folder)


def line_of(log: SmallLog, key: MLDSA44PrivateKey = LATTICE, *, name: str = ORIGIN, size: int = 9) -> str:
    return cosign(body(ORIGIN, size, log.growth.root()), name, key, at=NOON)


def both(log: SmallLog) -> str:
    return f"log {log.vkey}\nlog {SECOND}\nquorum none\n"


def test_both_signatures_satisfy_whoever_wants_both(log: SmallLog, tmp_path: Path, judge: Judge) -> None:
    verdict, code, said = judge(served(log, tmp_path, line_of(log)), policy=both(log))
    assert (verdict, code) == ("UNWITNESSED", 0), said
    assert "ML-DSA" not in said


def test_a_missing_second_signature_does_not_pass(log: SmallLog, tmp_path: Path, judge: Judge) -> None:
    where = served(log, tmp_path, "")
    verdict, code, said = judge(where, policy=both(log))
    assert (verdict, code) == ("UNWITNESSED", 1)
    assert "lacks the log's second signature" in said.split("\n")[-1]
    assert judge(where, vkeys=[log.vkey])[1] == 0


def test_a_line_of_another_key_or_name_counts_for_nothing(
    log: SmallLog, tmp_path: Path, judge: Judge
) -> None:
    for line in (line_of(log, STRANGER), line_of(log, name="witness.example/w")):
        assert judge(served(log, tmp_path, line), vkeys=[log.vkey, SECOND])[1] == 1


@pytest.mark.parametrize("size", [8, 10])
def test_a_line_of_another_checkpoint_spoils_the_note(
    log: SmallLog, tmp_path: Path, size: int, judge: Judge
) -> None:
    verdict, code, _ = judge(served(log, tmp_path, line_of(log, size=size)), policy=both(log))
    assert (verdict, code) == ("INVALID", 1)


def test_the_second_key_alone_checks_nothing(log: SmallLog, tmp_path: Path, judge: Judge) -> None:
    where = served(log, tmp_path, line_of(log))
    assert judge(where, vkeys=[SECOND])[0] == "UNCHECKED"


@node
def test_without_its_library_verify_js_says_that_it_did_not_check_the_second_signature(
    log: SmallLog, tmp_path: Path
) -> None:
    for name in ("verify.js", "package.json"):
        shutil.copy(CLIENT / name, tmp_path)
    where = served(log, tmp_path / "log", line_of(log))
    said = "ML-DSA signatures under the checkpoint: 1. They were not checked: ml-dsa-44.js is not beside this verifier."
    verdict, code, sentences = by_node(where, vkeys=[log.vkey], script=tmp_path / "verify.js")
    assert (verdict, code, said in sentences) == ("UNWITNESSED", 0, True)
    assert by_node(where, vkeys=[log.vkey, SECOND], script=tmp_path / "verify.js")[0] == "UNCHECKED"


def test_the_library_of_others_is_what_its_list_says() -> None:
    listed = json.loads((CLIENT / "ml-dsa-44.json").read_text("utf-8"))
    assert hashlib.sha256((CLIENT / listed["file"]).read_bytes()).hexdigest() == listed["sha256"]


def test_the_keys_that_a_log_names_itself_are_kept_both(log: SmallLog, tmp_path: Path) -> None:
    where, state = served(log, tmp_path / "log", line_of(log)), tmp_path / "state"
    (tmp_path / "log" / "policy").write_text(both(log))
    assert consent_verify.verify_log(where, state=state).exit_code == 0
    (tmp_path / "log" / "checkpoint").write_text(log.checkpoint())  # the line is gone
    assert consent_verify.verify_log(where, state=state).exit_code == 1


def test_a_witness_may_sign_with_ml_dsa(log: SmallLog, tmp_path: Path, judge: Judge) -> None:
    name = "witness.example/w"
    policy = f"log {log.vkey}\nwitness W {cosigner_vkey(name, STRANGER)}\nquorum W\n"
    line = line_of(log, STRANGER, name=name)
    assert judge(served(log, tmp_path, line), policy=policy)[0] == "OK"
    other = cosign(body(ORIGIN, 9, bytes(32)), name, STRANGER, at=NOON)
    assert judge(served(log, tmp_path, other), policy=policy)[0] == "INVALID"
