"""An auditor who knows both keys of a log wants both signatures; the Ed25519 key of another day is not enough."""

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


@pytest.fixture
def log() -> SmallLog:
    return SmallLog().fill(9)


def served(log: SmallLog, folder: Path, line: str) -> str:
    log.export(folder)
    (folder / "checkpoint").write_text(log.checkpoint() + line)
    return str(folder)


def line_of(log: SmallLog, key: MLDSA44PrivateKey = LATTICE, *, name: str = ORIGIN, size: int = 9) -> str:
    return cosign(body(ORIGIN, size, log.growth.root()), name, key, at=NOON)


def both(log: SmallLog) -> str:
    return f"log {log.vkey}\nlog {SECOND}\nquorum none\n"


def test_both_signatures_satisfy_whoever_wants_both(log: SmallLog, tmp_path: Path) -> None:
    report = consent_verify.verify_log(served(log, tmp_path, line_of(log)), policy=both(log))
    assert (report.verdict, report.exit_code) == ("UNWITNESSED", 0), report.sentences


def test_a_missing_second_signature_does_not_pass(log: SmallLog, tmp_path: Path) -> None:
    where = served(log, tmp_path, "")
    report = consent_verify.verify_log(where, policy=both(log))
    assert (report.verdict, report.exit_code) == ("UNWITNESSED", 1)
    assert "lacks the log's second signature" in report.sentences[-1]
    assert consent_verify.verify_log(where, vkeys=[log.vkey]).exit_code == 0


def test_a_line_of_another_key_or_name_counts_for_nothing(log: SmallLog, tmp_path: Path) -> None:
    for line in (line_of(log, STRANGER), line_of(log, name="witness.example/w")):
        assert consent_verify.verify_log(served(log, tmp_path, line), vkeys=[log.vkey, SECOND]).exit_code == 1


@pytest.mark.parametrize("size", [8, 10])
def test_a_line_of_another_checkpoint_spoils_the_note(log: SmallLog, tmp_path: Path, size: int) -> None:
    report = consent_verify.verify_log(served(log, tmp_path, line_of(log, size=size)), policy=both(log))
    assert (report.verdict, report.exit_code) == ("INVALID", 1)


def test_the_second_key_alone_checks_nothing(log: SmallLog, tmp_path: Path) -> None:
    where = served(log, tmp_path, line_of(log))
    assert consent_verify.verify_log(where, vkeys=[SECOND]).verdict == "UNCHECKED"


def test_the_keys_that_a_log_names_itself_are_kept_both(log: SmallLog, tmp_path: Path) -> None:
    where, state = served(log, tmp_path / "log", line_of(log)), tmp_path / "state"
    (tmp_path / "log" / "policy").write_text(both(log))
    assert consent_verify.verify_log(where, state=state).exit_code == 0
    (tmp_path / "log" / "checkpoint").write_text(log.checkpoint())  # the line is gone
    assert consent_verify.verify_log(where, state=state).exit_code == 1


def test_a_witness_may_sign_with_ml_dsa(log: SmallLog, tmp_path: Path) -> None:
    name = "witness.example/w"
    policy = f"log {log.vkey}\nwitness W {cosigner_vkey(name, STRANGER)}\nquorum W\n"
    line = line_of(log, STRANGER, name=name)
    assert consent_verify.verify_log(served(log, tmp_path, line), policy=policy).verdict == "OK"
    other = cosign(body(ORIGIN, 9, bytes(32)), name, STRANGER, at=NOON)
    assert consent_verify.verify_log(served(log, tmp_path, other), policy=policy).verdict == "INVALID"
