"""The verifier against real logs, whole and tampered with, and against openings that tell of fraud.

It shares no code with what wrote the logs. Each case is one thing that an operator could do to hide something.
"""

import base64
import http.server
import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from consent.ledger.checkpoint import body, parse_vkey, sign, signature_line
from consent.ledger.entry import opening_json
from consent.ledger.proof import format_proof
from tests.ledger.small_log import KEY, NOON, ORIGIN, YEAR, SmallLog, cosigned, write_lines

VERIFY = Path(__file__).parents[2] / "clients" / "auditor" / "verify.py"
WITNESS = Ed25519PrivateKey.from_private_bytes(bytes([7] * 32))


@pytest.fixture(scope="module")
def verifier() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_under_test", VERIFY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def log() -> SmallLog:
    return SmallLog().fill(300)


def run(*arguments: object) -> tuple[int, str]:
    """The program as an auditor runs it: alone, from another folder, without our package on its path."""
    done = subprocess.run(
        [sys.executable, "-I", str(VERIFY), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd="/",
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def change(file: Path, place: int) -> None:
    raw = bytearray(file.read_bytes())
    raw[place] ^= 1
    file.write_bytes(bytes(raw))


def place_of(index: int) -> int:
    """Where event *index* begins in the first bundle: entry 0 is a control entry with a body of 24 bytes."""
    return 154 * index + 2 + 24


# --- A log as anyone sees it ---


def test_an_honest_log_with_its_witness_is_ok(log: SmallLog, tmp_path: Path) -> None:
    folder = log.export(tmp_path / "log")
    note, witness = cosigned(log.checkpoint(), "witness.example", WITNESS, NOON)
    (folder / "checkpoint").write_text(note)
    policy = tmp_path / "policy"
    policy.write_text(f"log {log.vkey}\nwitness w {witness}\nquorum w\n")
    openings = write_lines(tmp_path / "openings", log.openings())
    state = tmp_path / "state"
    code, said = run(folder, "--policy", policy, "--openings", openings, "--state", state)
    assert (code, said.splitlines()[-1]) == (0, "Verdict: OK")
    assert "300 entries" in said
    assert json.loads(state.read_text())["logs"][ORIGIN]["checkpoint"] == note


def test_without_witnesses_the_verdict_says_so_and_still_passes(log: SmallLog, tmp_path: Path) -> None:
    code, said = run(log.export(tmp_path), "--vkey", log.vkey)
    assert (code, said.splitlines()[-1]) == (0, "Verdict: UNWITNESSED")


def test_a_policy_that_demands_witnesses_fails_without_them(log: SmallLog, tmp_path: Path) -> None:
    _, witness = cosigned(log.checkpoint(), "witness.example", WITNESS, NOON)
    policy = tmp_path / "policy.txt"
    policy.write_text(f"log {log.vkey}\nwitness w {witness}\nquorum w\n")
    code, said = run(log.export(tmp_path / "log"), "--policy", policy)
    assert (code, said.splitlines()[-1]) == (1, "Verdict: UNWITNESSED")


def test_a_forged_cosignature_is_invalid(log: SmallLog, tmp_path: Path, verifier: ModuleType) -> None:
    folder = log.export(tmp_path)
    _, witness = cosigned(log.checkpoint(), "witness.example", WITNESS, NOON)
    other = sign(body(ORIGIN, 299, bytes(32)), ORIGIN, KEY)
    line = cosigned(other, "witness.example", WITNESS, NOON)[0].splitlines()[-1]
    (folder / "checkpoint").write_text(log.checkpoint() + line + "\n")
    policy = f"log {log.vkey}\nwitness w {witness}\nquorum w\n"
    assert verifier.verify_log(str(folder), policy=policy).verdict == "INVALID"


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 512])
def test_logs_of_every_awkward_size_pass(size: int, tmp_path: Path, verifier: ModuleType) -> None:
    log = SmallLog().fill(size)
    report = verifier.verify_log(str(log.export(tmp_path)), vkeys=[log.vkey])
    assert (report.verdict, report.size) == ("UNWITNESSED", size), report.sentences


def test_a_log_of_three_levels_passes_and_a_changed_middle_tile_is_named(
    tmp_path: Path, verifier: ModuleType
) -> None:
    log = SmallLog()
    for k in range(256 * 256 + 300):
        # Made by hand, because this test is about the tree only.
        log.write(b"CLg\x01\0\0\0\0" + k.to_bytes(16, "big") + bytes(128))
    folder = log.export(tmp_path)
    report = verifier.verify_log(str(folder))
    assert report.verdict == "UNWITNESSED", report.sentences
    change(folder / "tile/1/000", 3 * 32)
    report = verifier.verify_log(str(folder))
    assert report.verdict == "INVALID"
    assert "Entries 768 to 1023 " in report.sentences[-1]


@pytest.mark.parametrize(
    ("file", "place", "names"),
    [
        ("tile/entries/000", place_of(100) + 60, "Entry 100 "),
        ("tile/entries/001.p/44", 154 * 3 + 2 + 9, "Entry 259 "),
        ("tile/entries/000", place_of(100) + 4, "Entry 100 "),
        ("tile/entries/000", place_of(100) + 6, "Entry 100 "),
        ("tile/entries/000", place_of(100) - 1, "Entry 100 "),
        ("tile/0/000", 32 * 77, "Entry 77 "),
        ("tile/0/001.p/44", 0, "Entry 256 "),
        ("tile/1/000.p/1", 5, "Entries 0 to 255 "),
        ("checkpoint", len(ORIGIN) + 1, "checkpoint"),
        ("checkpoint", len(ORIGIN) + 8, "checkpoint"),
        ("checkpoint", 5, "checkpoint"),
    ],
)
def test_one_changed_byte_anywhere_is_invalid_and_named(
    log: SmallLog, tmp_path: Path, verifier: ModuleType, file: str, place: int, names: str
) -> None:
    folder = log.export(tmp_path)
    change(folder / file, place)
    report = verifier.verify_log(str(folder), vkeys=[log.vkey])
    assert (report.verdict, report.exit_code) == ("INVALID", 1)
    assert names in report.sentences[-1]


def test_a_tampered_log_exits_with_1_on_the_command_line(log: SmallLog, tmp_path: Path) -> None:
    folder = log.export(tmp_path)
    change(folder / "tile/entries/000", place_of(100) + 60)
    code, said = run(folder, "--vkey", log.vkey)
    assert (code, said.splitlines()[-1]) == (1, "Verdict: INVALID")
    assert "Entry 100 " in said


@pytest.mark.parametrize("file", ["tile/entries/001.p/44", "tile/0/001.p/44", "tile/entries/000"])
def test_a_file_that_is_too_long_or_cut_off_is_invalid(
    log: SmallLog, tmp_path: Path, verifier: ModuleType, file: str
) -> None:
    folder = log.export(tmp_path)
    good = (folder / file).read_bytes()
    for wrong in (good + b"\0", good[:-1], good + good[:154]):
        (folder / file).write_bytes(wrong)
        assert verifier.verify_log(str(folder), vkeys=[log.vkey]).verdict == "INVALID"


def test_a_log_rewritten_with_its_tiles_but_not_its_checkpoint_is_invalid(
    log: SmallLog, tmp_path: Path, verifier: ModuleType
) -> None:
    folder = SmallLog().fill(298).export(tmp_path)
    other = SmallLog()
    other.clock += 5
    other.fill(300).export(folder)
    (folder / "checkpoint").write_text(log.checkpoint())
    report = verifier.verify_log(str(folder), vkeys=[log.vkey])
    assert report.verdict == "INVALID"
    assert "do not hash to the root" in report.sentences[-1]


def test_a_true_checkpoint_with_a_forged_signature_is_invalid(
    log: SmallLog, tmp_path: Path, verifier: ModuleType
) -> None:
    folder = log.export(tmp_path)
    text = body(ORIGIN, 300, log.growth.root())
    forged = signature_line(ORIGIN, parse_vkey(log.vkey).key_id, WITNESS.sign(text.encode()))
    (folder / "checkpoint").write_text(f"{text}\n{forged}")
    report = verifier.verify_log(str(folder), vkeys=[log.vkey])
    assert report.verdict == "INVALID"
    assert report.sentences == ["The signature under the checkpoint is wrong."]


def test_a_key_does_not_speak_for_another_log(tmp_path: Path, verifier: ModuleType) -> None:
    other = SmallLog("other.example/log/2026").fill(5)
    folder = other.export(tmp_path)
    (folder / "checkpoint").write_text(sign(body(other.origin, 5, other.growth.root()), ORIGIN, KEY))
    report = verifier.verify_log(str(folder), vkeys=[SmallLog().vkey])
    assert report.verdict == "INVALID"
    assert "not signed by a key that is known for this log" in report.sentences[-1]


def test_a_log_that_was_cut_back_to_its_own_past_has_diverged(tmp_path: Path) -> None:
    state, log = tmp_path / "state", SmallLog().fill(200)
    older = SmallLog().fill(150)
    assert run(log.export(tmp_path / "log"), "--state", state)[0] == 0
    code, said = run(older.export(tmp_path / "cut"), "--state", state)
    assert code == 2
    assert "150 entries, fewer than the 200" in said


def test_a_repeated_nonce_is_invalid_and_named(tmp_path: Path, verifier: ModuleType) -> None:
    log = SmallLog().fill(5)
    log.event("granted", citizen="eve", nonce=log.leaves[2][8:24])
    report = verifier.verify_log(str(log.export(tmp_path)), vkeys=[log.vkey])
    assert report.verdict == "INVALID"
    assert report.sentences[-1] == "Entry 5 repeats the nonce of an earlier entry."


@pytest.mark.parametrize(
    "leaf",
    [
        b"CLg\x02" + bytes(148),
        b"CLg\x01\x02" + bytes(147),
        b"CLg\x01\0\0\0\1" + bytes(144),
        b"CLg\x01" + bytes(149),
        b"CLg\x01\x01" + bytes(147),
        b"CLg\x01\x01" + bytes(147) + b"another body",
        b"",
        b"short",
    ],
)
def test_a_leaf_that_is_none_is_invalid_and_named(tmp_path: Path, verifier: ModuleType, leaf: bytes) -> None:
    log = SmallLog().fill(4)
    log.write(leaf)
    report = verifier.verify_log(str(log.export(tmp_path)), vkeys=[log.vkey])
    assert report.verdict == "INVALID"
    assert "Entry 4 " in report.sentences[-1]


def test_a_dropped_partial_tile_is_taken_from_the_full_one(tmp_path: Path, verifier: ModuleType) -> None:
    log = SmallLog().fill(300)
    note = log.checkpoint()
    log.fill(512)
    folder = log.export(tmp_path)
    # The server still gives out the older checkpoint, but only full tiles.
    (folder / "checkpoint").write_text(note)
    (folder / "tile/1/000.p/2").rename(folder / "tile/1/000")
    raw = (folder / "tile/1/000").read_bytes()
    (folder / "tile/1/000.p/1").write_bytes(raw[:32])
    report = verifier.verify_log(str(folder), vkeys=[log.vkey])
    assert (report.verdict, report.size) == ("UNWITNESSED", 300), report.sentences


def test_what_cannot_be_fetched_is_unchecked(log: SmallLog, tmp_path: Path) -> None:
    folder = log.export(tmp_path / "log")
    (folder / "tile/0/000").unlink()
    for arguments in ([folder, "--vkey", log.vkey], [tmp_path], ["--proof", tmp_path / "none"], []):
        code, said = run(*arguments)
        assert (code, said.splitlines()[-1]) == (3, "Verdict: UNCHECKED")


def test_a_log_that_names_no_key_is_unchecked_until_one_is_brought(
    log: SmallLog, tmp_path: Path, verifier: ModuleType
) -> None:
    folder = log.export(tmp_path)
    (folder / "policy").unlink()
    assert verifier.verify_log(str(folder)).verdict == "UNCHECKED"
    assert verifier.verify_log(str(folder), vkeys=[log.vkey]).verdict == "UNWITNESSED"


# --- A log as one has seen it before ---


def test_a_log_that_grew_continues_what_was_seen(tmp_path: Path) -> None:
    state, folder = tmp_path / "state", tmp_path / "log"
    log = SmallLog().fill(200)
    assert run(log.export(folder), "--state", state)[0] == 0
    code, said = run(log.fill(300).export(folder), "--state", state)
    assert code == 0
    assert "continues the checkpoint with 200 entries" in said


@pytest.mark.parametrize("size", [150, 200, 300])
def test_a_log_with_another_past_has_diverged_and_both_checkpoints_are_shown(
    tmp_path: Path, size: int
) -> None:
    state = tmp_path / "state"
    log = SmallLog().fill(200)
    run(log.export(tmp_path / "one"), "--state", state)
    kept = state.read_text()
    other = SmallLog()
    other.clock += 5
    other.fill(size)
    code, said = run(other.export(tmp_path / "two"), "--state", state)
    assert (code, said.splitlines()[-1]) == (2, "Verdict: DIVERGED")
    assert log.checkpoint() in said
    assert other.checkpoint() in said
    assert state.read_text() == kept


def test_a_log_that_comes_back_with_another_key_is_invalid(tmp_path: Path) -> None:
    state = tmp_path / "state"
    run(SmallLog().fill(5).export(tmp_path / "one"), "--state", state)
    code, said = run(SmallLog(key=WITNESS).fill(5).export(tmp_path / "two"), "--state", state)
    assert (code, said.splitlines()[-1]) == (1, "Verdict: INVALID")


def test_a_log_that_fails_is_not_remembered(log: SmallLog, tmp_path: Path) -> None:
    folder = log.export(tmp_path / "log")
    change(folder / "tile/entries/000", place_of(100) + 60)
    assert run(folder, "--state", tmp_path / "state")[0] == 1
    assert not (tmp_path / "state").exists()


# --- One proof ---


def test_a_proof_is_checked_alone_and_against_the_log(log: SmallLog, tmp_path: Path) -> None:
    index = 260
    proof = tmp_path / "it.tlog-proof"
    proof.write_text(format_proof(index, log.growth.inclusion_proof(index), log.checkpoint()))
    leaf = base64.b64encode(log.leaves[index]).decode()
    entry = tmp_path / "entry.json"
    opening = opening_json(log.opened[index], with_detail=True)
    entry.write_text(json.dumps({"entry": {"leaf": leaf, "opening": opening}}))
    assert run("--vkey", log.vkey, "--proof", proof, "--leaf", leaf)[0] == 0
    assert run("--vkey", log.vkey, "--proof", proof, "--entry", entry)[0] == 0
    folder = log.fill(400).export(tmp_path / "log")
    code, said = run(folder, "--vkey", log.vkey, "--proof", proof, "--leaf", leaf)
    assert code == 0
    assert "from entry 260 to a root that this log really had" in said
    other = base64.b64encode(log.leaves[index + 1]).decode()
    assert run("--vkey", log.vkey, "--proof", proof, "--leaf", other)[0] == 1
    entry.write_text(json.dumps({"leaf": leaf, "opening": opening | {"D": "{}"}}))
    assert run("--vkey", log.vkey, "--proof", proof, "--entry", entry)[0] == 1


def test_a_proof_from_a_log_that_others_do_not_see_has_diverged(log: SmallLog, tmp_path: Path) -> None:
    shown = SmallLog()
    shown.clock += 5
    shown.fill(280)
    proof = tmp_path / "it.tlog-proof"
    proof.write_text(format_proof(9, shown.growth.inclusion_proof(9), shown.checkpoint()))
    leaf = base64.b64encode(shown.leaves[9]).decode()
    code, said = run(log.export(tmp_path / "log"), "--vkey", log.vkey, "--proof", proof, "--leaf", leaf)
    assert (code, said.splitlines()[-1]) == (2, "Verdict: DIVERGED")


# --- Openings ---

NEW_WORDS = "loan@2"


class Case:
    """A grant in entry 1, and what an auditor finds after what was done under it."""

    def __init__(self, tmp_path: Path, verifier: ModuleType) -> None:
        self.log = SmallLog()
        self.log.control()
        self.grant = self.log.event("granted")
        self.folder, self.verifier = tmp_path, verifier

    def event(self, event: str, **fields: object) -> int:
        return self.log.event(event, grant=self.grant, **fields)  # type: ignore[arg-type]

    def disclose(self, **fields: object) -> int:
        return self.event("disclosed", **({"attributes": ("income",)} | fields))

    def findings(self, lines: list[dict[str, object]] | None = None) -> list[str]:
        """The sentences of the verifier when it finds fraud; none when all is well."""
        chosen = self.log.openings() if lines is None else lines
        openings = "".join(json.dumps(line) + "\n" for line in chosen).encode()
        report = self.verifier.verify_log(
            str(self.log.export(self.folder)), vkeys=[self.log.vkey], openings=openings
        )
        if report.verdict == "UNWITNESSED":
            return []
        assert report.verdict == "INVALID"
        return [sentence for sentence in report.sentences if sentence.startswith("Entry ")]


@pytest.fixture
def case(tmp_path: Path, verifier: ModuleType) -> Case:
    return Case(tmp_path, verifier)


def test_an_honest_life_of_a_grant_has_no_findings(case: Case) -> None:
    case.disclose()
    case.event("used", attributes=("income",))
    case.event("amended", attributes=("name",))
    case.disclose(attributes=("name",))
    case.event("refused", reason="beyond_grant", by="organisation")
    case.log.event("other", citizen="bob", by=None)
    case.event("withdrawn")
    case.event("refused", reason="not_active", by="organisation")
    case.event("deletion_stated", by="organisation")
    case.event("erased")
    carried = case.log.event("carried", citizen="bob")
    case.log.event("disclosed", grant=carried, attributes=("income", "name"))
    case.log.event("expired", grant=carried, t=NOON + 2 * YEAR)
    assert case.findings() == []


@pytest.mark.parametrize(
    ("fields", "finding"),
    [
        ({"purpose": "marketing@1"}, "another purpose"),
        ({"purpose": None}, "another purpose"),
        ({"org": "insurer"}, "another organisation"),
        ({"org": None}, "another organisation"),
        ({"stranger": True}, "another consent key"),
        ({"attributes": ("address", "income")}, "does not have"),
        ({"attributes": ()}, "which attributes"),
        ({"t": NOON + YEAR + 1_000}, "outside the time"),
        ({"t": NOON - 1}, "outside the time"),
        ({"n": 3}, "missing or out of order"),
        ({"n": 0}, "missing or out of order"),
        ({"n": None}, "missing or out of order"),
        ({"prev": 0}, "the one before it"),
        ({"prev": None}, "the one before it"),
    ],
)
def test_a_disclosure_that_the_grant_does_not_cover_is_found(
    case: Case, fields: dict[str, object], finding: str
) -> None:
    case.disclose()
    index = case.disclose(**fields)
    found = case.findings()
    assert any(f"Entry {index} (disclosed)" in said and finding in said for said in found), found


@pytest.mark.parametrize("ending", ["withdrawn", "revoked", "frozen", "erased"])
@pytest.mark.parametrize("event", ["disclosed", "used", "amended"])
def test_nothing_goes_on_after_an_ending(case: Case, ending: str, event: str) -> None:
    stopped = case.event(ending)
    index = case.event(event, attributes=("income",))
    said = f"Entry {index} ({event}) stands after the grant at entry 1 was ended by entry {stopped}."
    assert case.findings() == [said]


def test_the_instant_of_expiry_is_too_late_and_the_one_before_is_not(case: Case) -> None:
    expires = json.loads(case.log.opened[1].record)["exp"]
    case.disclose(t=expires - 1)
    assert case.findings() == []
    index = case.disclose(t=expires)
    assert case.findings() == [f"Entry {index} (disclosed) lies outside the time of the grant at entry 1."]


def test_an_expiry_before_its_time_is_found(case: Case) -> None:
    case.event("expired")
    assert "before its time" in case.findings()[0]


@pytest.mark.parametrize(
    ("kind", "name", "of"), [("organisation", "org", "bank"), ("purpose", "purpose", "loan@1")]
)
@pytest.mark.parametrize("event", ["disclosed", "used", "amended"])
def test_nothing_goes_out_while_an_approval_is_suspended(
    case: Case, kind: str, name: str, of: str, event: str
) -> None:
    case.disclose()
    case.log.control({"ev": f"{kind}.suspended", name: "another"})
    suspended = case.log.control({"ev": f"{kind}.suspended", name: of})
    case.event("refused", reason=f"{kind}_suspended", by="organisation")
    assert case.findings() == []
    index = case.event(event, attributes=("income",))
    meaning = {"org": "organisation", "purpose": "purpose"}[name]
    assert case.findings() == [
        f"Entry {index} ({event}) stands while its {meaning} was suspended by entry {suspended}."
    ]


def test_what_is_restored_goes_on_and_a_body_that_nobody_knows_is_passed_over(case: Case) -> None:
    case.log.control({"ev": "organisation.suspended", "org": "bank"})
    case.event("withdrawn")
    case.log.control({"ev": "organisation.restored", "org": "bank"})
    again = case.log.event("granted", citizen="eve")
    for said in (
        7,
        {"ev": 7},
        {"ev": "organisation.suspended"},
        {"ev": "purpose.suspended", "purpose": ["loan@1"]},
    ):
        case.log.control(said)
    case.log.control({"ev": "organisation.moved", "org": "bank"})
    case.log.event("disclosed", grant=again, attributes=("income",))
    assert case.findings() == []


def test_a_narrowed_grant_no_longer_covers_what_it_did(case: Case) -> None:
    case.event("amended", attributes=("name",))
    index = case.disclose()
    assert case.findings() == [
        f"Entry {index} (disclosed) names an attribute that the grant at entry 1 does not have."
    ]


def test_a_changed_grant_covers_what_it_says_until_its_new_end_and_in_its_new_words(case: Case) -> None:
    case.event("amended", attributes=("address",), purpose=NEW_WORDS, exp=NOON + 2 * YEAR)
    case.disclose(attributes=("address",), purpose=NEW_WORDS, t=NOON + 2 * YEAR - 1)
    case.log.event("expired", grant=case.grant, purpose=NEW_WORDS, t=NOON + 2 * YEAR)
    assert case.findings() == []


def test_a_disclosure_after_the_earlier_end_of_a_changed_grant_is_found(case: Case) -> None:
    case.event("amended", attributes=("income",), exp=NOON + 100)
    index = case.disclose(t=NOON + 100)
    assert case.findings() == [f"Entry {index} (disclosed) lies outside the time of the grant at entry 1."]


def test_a_grant_that_is_over_is_not_brought_back_by_a_change(case: Case) -> None:
    expires = json.loads(case.log.opened[1].record)["exp"]
    index = case.event("amended", attributes=("income",), exp=expires + YEAR, t=expires)
    found = case.findings()
    assert f"Entry {index} (amended) lies outside the time of the grant at entry 1." in found


def test_the_old_words_do_not_cover_what_goes_out_under_the_new(case: Case) -> None:
    case.event("amended", attributes=("income",), purpose=NEW_WORDS)
    index = case.disclose()
    assert case.findings() == [f"Entry {index} (disclosed) is for another purpose than the grant at entry 1."]


@pytest.mark.parametrize("purpose", ["marketing@2", None, "loan", "loan@0", "loan@x", "loan@1@2"])
def test_a_change_keeps_its_purpose_and_never_goes_back(case: Case, purpose: str | None) -> None:
    index = case.event("amended", attributes=("income",), purpose=purpose)
    assert case.findings() == [f"Entry {index} (amended) is for another purpose than the grant at entry 1."]


def test_a_change_that_goes_back_to_older_words_is_found(case: Case) -> None:
    case.event("amended", attributes=("income",), purpose=NEW_WORDS)
    index = case.event("amended", attributes=("income",))
    assert case.findings() == [f"Entry {index} (amended) is for another purpose than the grant at entry 1."]


def test_a_change_to_nothing_in_particular_is_found(case: Case) -> None:
    index = case.event("amended", attributes=())
    assert f"Entry {index} (amended) changes the grant at entry 1" in case.findings()[0]


@pytest.mark.parametrize("dropped", [1, 2, 3])
def test_an_opening_that_is_held_back_is_found(case: Case, dropped: int) -> None:
    case.disclose()
    case.event("withdrawn")
    case.event("refused", reason="not_active")
    assert case.findings([line for line in case.log.openings() if line["i"] != dropped])


def test_a_time_that_runs_backwards_is_found(case: Case) -> None:
    case.disclose(t=NOON + 50)
    other = case.log.event("granted", citizen="bob", t=NOON + 49, nbf=NOON + 49)
    assert case.findings() == [f"Entry {other} says it is older than an entry before it."]


def test_a_disclosure_without_any_grant_is_found(case: Case) -> None:
    index = case.log.event("disclosed", org="bank", purpose="loan@1", attributes=("income",))
    assert case.findings() == [f"Entry {index} (disclosed) names no grant."]


def test_a_grant_that_begins_a_second_time_is_found(case: Case) -> None:
    index = case.log.event("granted", grant=case.grant, c=1, n=1, prev=1)
    assert case.findings() == [
        f"Entry {index} (granted) begins a grant, but stands under the grant at entry 1."
    ]


def test_two_grants_under_one_consent_key_are_found(case: Case) -> None:
    index = case.log.event("granted", grant=case.grant)
    assert case.findings() == [f"Entry {index} begins a grant under the key of the grant at entry 1."]


def test_a_disclosure_booked_on_something_that_is_no_grant_is_found(case: Case) -> None:
    first = case.disclose()
    case.log.chains[first], case.log.citizens[first] = [first], "ann"
    case.log.event("disclosed", grant=first, attributes=("income",))
    assert any("not opened as one" in said for said in case.findings())


def swap(lines: list[dict[str, object]], field: str) -> list[dict[str, object]]:
    one, other = lines[1], lines[2]
    return [lines[0], one | {field: other[field]}, other | {field: one[field]}, *lines[3:]]


@pytest.mark.parametrize("field", ["i", "kc", "a", "A"])
def test_openings_that_are_swapped_do_not_fit_their_leaves(case: Case, field: str) -> None:
    case.disclose()
    case.disclose(attributes=("name",))
    second = case.log.event("granted", citizen="bob")
    case.log.event("disclosed", grant=second, attributes=("income",))
    lines = case.log.openings()
    lines = [lines[0], lines[1], lines[4], lines[2], lines[3]]
    assert case.findings(swap(lines, field))


def test_a_disclosure_under_a_strangers_key_cannot_be_shown_as_one_under_the_grant(case: Case) -> None:
    index = case.disclose(stranger=True)
    lines = case.log.openings()
    lines[-1] = lines[-1] | {"kc": lines[0]["kc"]}
    assert case.findings(lines) == [f"Entry {index} is not written under the consent key of its opening."]


def test_a_record_of_another_index_or_log_is_found_although_it_opens(case: Case) -> None:
    case.disclose(i=9)
    assert case.findings() == ["Entry 2 carries the record of another entry or another log."]
    other = Case(case.folder / "other", case.verifier)
    other.disclose(o="consent.example/log/2025")
    assert other.findings() == ["Entry 2 carries the record of another entry or another log."]


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        "{}",
        '{"i":1}',
        '{"i":"1","kc":"","a":"","A":"{}"}',
        '{"i":true,"kc":"","a":"","A":"{}"}',
        '{"i":1,"i":1,"kc":"","a":"","A":"{}"}',
        '{"i":1,"kc":"?","a":"","A":"{}"}',
        '{"i":1,"kc":"AAAA","a":"AAAA","A":"{}"}',
        '{"i":1,"kc":"","a":"","A":"[]"}',
    ],
)
def test_lines_that_are_no_openings_are_invalid(case: Case, line: str) -> None:
    folder = case.log.export(case.folder)
    report = case.verifier.verify_log(str(folder), vkeys=[case.log.vkey], openings=line.encode())
    assert report.verdict == "INVALID"


def test_a_name_that_stands_twice_in_an_opening_is_refused(case: Case) -> None:
    line = json.dumps(case.log.openings()[0])
    for text, verdict in ((line, "UNWITNESSED"), (line.replace("{", '{"i": 9, ', 1), "INVALID")):
        report = case.verifier.verify_log(
            str(case.log.export(case.folder)), vkeys=[case.log.vkey], openings=text.encode()
        )
        assert report.verdict == verdict


def test_an_entry_that_is_opened_twice_or_does_not_exist_or_is_public_is_found(case: Case) -> None:
    line = case.log.openings()[0]
    assert case.findings([line, line])
    assert case.findings([line | {"i": 99}])
    assert case.findings([line | {"i": 0}])


def test_no_opening_or_record_is_echoed(case: Case) -> None:
    case.disclose(org="an organisation that nobody may read here")
    openings = "\n".join(json.dumps(line) for line in case.log.openings()).encode()
    report = case.verifier.verify_log(
        str(case.log.export(case.folder)), vkeys=[case.log.vkey], openings=openings
    )
    assert report.verdict == "INVALID"
    assert "nobody may read" not in "".join(report.sentences)


# --- Over the web ---


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/log/":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"2025\n2026\n")
        elif self.path == "/openings" and self.headers["Authorization"] != "Bearer a-token":
            self.send_error(401)
        elif self.path == "/elsewhere":
            self.send_response(302)
            self.send_header("Location", "/openings")
            self.end_headers()
        else:
            super().do_GET()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "site").mkdir()
    handler = partial(_Quiet, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_site_is_asked_for_its_newest_log_and_openings_need_their_token(
    log: SmallLog, tmp_path: Path, site: str
) -> None:
    log.export(tmp_path / "site/log/2026")
    write_lines(tmp_path / "site/openings", log.openings())
    (tmp_path / "token").write_text("a-token\n")
    token = ["--token-file", tmp_path / "token"]
    code, said = run(site, "--openings", f"{site}openings", *token)
    assert (code, said.splitlines()[-1]) == (0, "Verdict: UNWITNESSED")
    assert "trust on first use" in said
    assert run(f"{site}log/2026", "--vkey", log.vkey)[0] == 0
    assert run(site, "--openings", f"{site}openings")[0] == 3
    assert run(site, "--openings", f"{site}elsewhere", *token)[0] == 3
    code, said = run(site, "--openings", "http://consent.example/openings", *token)
    assert code == 3
    assert "a token goes over https only" in said


# --- Policies ---


@pytest.mark.parametrize(
    "policy",
    [
        "",
        "log {log}\n",
        "log {log}\nquorum none\nquorum none\n",
        "log {log}\nquorum w\n",
        "quorum none\n",
        "log {log}x\nquorum none\n",
        "log {log}\nwitness none {witness}\nquorum none\n",
        "log {log}\nwitness w {witness}\ngroup g 2 w\nquorum g\n",
        "log {log}\nwitness w {witness}\ngroup g 0 w\nquorum g\n",
        "log {log}\nwitness w {witness}\ngroup g any w w\nquorum g\n",
        "log {log}\nwitness w {witness}\ngroup g any w\ngroup h any w\nquorum h\n",
        "log {log}\nunknown line\nquorum none\n",
    ],
)
def test_a_policy_that_is_not_understood_is_never_taken_for_a_weaker_one(
    log: SmallLog, tmp_path: Path, verifier: ModuleType, policy: str
) -> None:
    _, witness = cosigned(log.checkpoint(), "witness.example", WITNESS, NOON)
    text = policy.replace("{log}", log.vkey).replace("{witness}", witness)
    report = verifier.verify_log(str(log.export(tmp_path)), policy=text)
    assert report.verdict == "UNCHECKED"


def test_a_group_is_met_by_enough_of_its_members(log: SmallLog, tmp_path: Path, verifier: ModuleType) -> None:
    folder = log.export(tmp_path)
    note, witnesses = log.checkpoint(), []
    for k in range(3):
        key = Ed25519PrivateKey.from_private_bytes(bytes([k + 1] * 32))
        with_line, vkey = cosigned(note, f"w{k}.example", key, NOON)
        note = with_line if k < 2 else note
        witnesses.append(f"witness w{k} {vkey}\n")
    (folder / "checkpoint").write_text(note)
    for least, verdict in (("any", "OK"), ("2", "OK"), ("3", "UNWITNESSED"), ("all", "UNWITNESSED")):
        policy = f"log {log.vkey}\n{''.join(witnesses)}group g {least} w0 w1 w2\nquorum g\n"
        assert verifier.verify_log(str(folder), policy=policy).verdict == verdict


def test_the_verifier_is_one_file_that_knows_nothing_of_the_service() -> None:
    source = VERIFY.read_text()
    assert "import consent" not in source
    assert "from consent" not in source
