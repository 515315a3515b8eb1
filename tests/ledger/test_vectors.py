"""Both verifiers give the verdict that the conformance kit says, and the kit is what its command writes."""

import filecmp
import hashlib
import hmac
import json
import re
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import consent_verify
import pytest

from consent.web.log_check import SENTENCES
from tests.ledger import vectors

INDEX: dict[str, Any] = json.loads((vectors.FOLDER / "index.json").read_text("utf-8"))
VERIFY_JS = vectors.FOLDER.parent / "verify.js"
KNOWN = [
    re.compile(".+?".join(map(re.escape, re.split(r"\{\d\}", sentence))), re.DOTALL) for sentence in SENTENCES
]
EXIT = {"OK": 0, "UNWITNESSED": 0, "INVALID": 1, "DIVERGED": 2, "UNCHECKED": 3}
node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node 20: apt-get install nodejs")
each_log = pytest.mark.parametrize("case", INDEX["logs"], ids=lambda case: str(case["name"]))
each_kept = pytest.mark.parametrize("case", INDEX["kept"], ids=lambda case: str(case["name"]))
each_receipt = pytest.mark.parametrize("case", INDEX["receipts"], ids=lambda case: str(case["name"]))


def judge(case: dict[str, Any], code: int, said: str) -> None:
    assert said.splitlines()[-1] == f"Verdict: {case['verdict']}", said
    assert code == case.get("exit", EXIT[case["verdict"]])
    if "entry" in case:
        entry = case["entry"]
        assert f"Entry {entry} " in said or f"entry {entry} " in said or f"Entries {entry} " in said, said


def trust(case: dict[str, Any], folder: Path) -> list[str]:
    """Whom its reader knows."""
    if "policy" not in case:
        return ["--vkey", case["vkey"]]
    (folder / "policy").write_text(case["policy"])
    return ["--policy", str(folder / "policy")]


def words(case: dict[str, Any], folder: Path) -> list[str]:
    """The command line of a case, without what only one of the verifiers knows."""
    found = [str(vectors.FOLDER / case["log"]), *trust(case, folder)]
    if "openings" in case:
        found += ["--openings", str(vectors.FOLDER / case["openings"])]
    if case.get("complete"):
        found.append("--complete")
    for number, note in enumerate(case.get("checkpoints", [])):
        (folder / f"checkpoint {number}").write_text(note)
        found += ["--checkpoint", str(folder / f"checkpoint {number}")]
    return found


@each_log
def test_verify_py_judges_a_log(
    case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = words(case, tmp_path)
    if "seen" in case:
        kept = {"logs": {vectors.ORIGIN: {"checkpoint": case["seen"], "vkeys": [case["vkey"]]}}}
        (tmp_path / "state").write_text(json.dumps(kept))
        given += ["--state", str(tmp_path / "state")]
    code = consent_verify.main(given)
    judge(case, code, capsys.readouterr().out.strip())


@node
@each_log
def test_verify_js_judges_a_log(case: dict[str, Any], tmp_path: Path) -> None:
    given = words(case, tmp_path)
    if "seen" in case:
        (tmp_path / "seen").write_text(case["seen"])
        given += ["--seen", str(tmp_path / "seen")]
    judge(case, *run_node(*given))


@each_receipt
def test_verify_py_judges_a_receipt(
    case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt = vectors.FOLDER / case["receipt"]
    (tmp_path / "proof").write_text(json.loads(receipt.read_text())["proof"])
    code = consent_verify.main(
        ["--vkey", case["vkey"], "--proof", str(tmp_path / "proof"), "--entry", str(receipt)]
    )
    judge(case, code, capsys.readouterr().out.strip())


@node
@each_receipt
def test_verify_js_judges_a_receipt(case: dict[str, Any]) -> None:
    judge(case, *run_node(str(vectors.FOLDER / case["receipt"]), "--vkey", case["vkey"]))


@each_kept
def test_verify_py_judges_what_a_citizen_keeps(
    case: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = consent_verify.main(["receipt", str(vectors.FOLDER / case["file"]), *trust(case, tmp_path)])
    judge(case, code, capsys.readouterr().out.strip())


@node
@each_kept
def test_verify_js_judges_what_a_citizen_keeps(case: dict[str, Any], tmp_path: Path) -> None:
    judge(case, *run_node(str(vectors.FOLDER / case["file"]), *trust(case, tmp_path)))


@node
@pytest.mark.parametrize(("name", "verdict"), [("honest", "UNWITNESSED"), ("altered-entry", "INVALID")])
def test_verify_js_reads_a_log_over_http(name: str, verdict: str) -> None:
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    folder = str(vectors.FOLDER / "logs" / name)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _, said = run_node(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert said.splitlines()[-1] == f"Verdict: {verdict}", said
    assert "trust on first use" in said


def run_node(*given: str) -> tuple[int, str]:
    done = subprocess.run(["node", str(VERIFY_JS), *given], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    said = done.stdout.strip()
    lines = said.split("\n")[:-1]
    for place, line in enumerate(lines):
        # The page has words of its own for all of it; evidence goes on over several lines.
        if any(one.fullmatch("\n".join(lines[place:])) for one in KNOWN):
            break
        assert any(one.fullmatch(line) for one in KNOWN), line
    return done.returncode, said


@pytest.mark.parametrize("said", INDEX["leaves"], ids=lambda said: said["nonce"][:8])
def test_a_leaf_can_be_made_anew_from_what_the_page_says(said: dict[str, str]) -> None:
    """With nothing but HMAC, as docs/reference/ledger.md describes it."""

    def mac(key: bytes, *message: bytes) -> bytes:
        return hmac.new(key, b"".join(message), hashlib.sha256).digest()

    raw = {
        name: bytes.fromhex(said[name]) for name in ("subject_key", "nonce", "grant_nonce", "kc", "a", "d")
    }
    origin = said["origin"].encode()
    scan, consent, detail = (
        mac(raw["subject_key"], f"{name}/v1 ".encode(), origin) for name in ("scan", "consent", "detail")
    )
    assert raw["kc"] == mac(consent, raw["grant_nonce"])
    assert raw["d"] == mac(detail, raw["nonce"])
    leaf = b"CLg\1" + bytes(4) + raw["nonce"]
    leaf += mac(mac(scan, raw["nonce"]), b"subject\0", bytes(32)) + mac(raw["kc"], b"consent\0", raw["nonce"])
    leaf += mac(raw["a"], b"audit\0", said["A"].encode()) + mac(raw["d"], b"detail\0", said["D"].encode())
    assert leaf.hex() == said["leaf"]


def test_the_kit_is_what_its_command_writes(tmp_path: Path) -> None:
    vectors.write(tmp_path / "kit")

    def differences(found: filecmp.dircmp[str]) -> list[str]:
        here = [*found.left_only, *found.right_only, *found.diff_files]
        return here + [name for one in found.subdirs.values() for name in differences(one)]

    assert differences(filecmp.dircmp(tmp_path / "kit", vectors.FOLDER)) == []


def test_every_fraud_that_the_page_names_is_in_the_kit() -> None:
    named = {
        "other-purpose", "foreign-consent-key", "after-withdrawn", "back-dated", "dropped-entry", "reordered-entries",
        "inserted-entry", "altered-entry", "repeated-nonce", "rolled-back", "two-histories",
    }  # fmt: skip
    assert named <= {case["name"] for case in INDEX["logs"]}


def test_every_case_in_the_table_of_frauds_is_in_the_kit() -> None:
    page = (vectors.FOLDER.parents[2] / "docs" / "explanation" / "why-a-ledger.md").read_text("utf-8")
    table = page.partition("## Which fraud")[2].partition("\n**Not found")[0]
    cases = {case["name"]: case["verdict"] for case in INDEX["logs"]}
    named = re.findall(r"`([a-z-]+)`", table)
    assert len(named) > 15
    for name in named:
        assert cases[name] in ("INVALID", "DIVERGED"), name
