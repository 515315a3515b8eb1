"""An auditor at home: the folder clients/auditor, the documentation, and a Python that has `cryptography`."""

import importlib.util
import json
import os
import shutil
import subprocess
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

# What `pip install cryptography` brings. Nothing of the service, and no other package, can be imported.
_PACKAGES = ("cryptography", "cffi", "pycparser", "_cffi_backend")

# Judges the whole conformance kit as docs/reference/ledger.md says; one process, since a start costs more than a check.
_KIT = """
import contextlib, io, json, pathlib, sys
sys.path.insert(0, "auditor")
import verify

kit = pathlib.Path("auditor/vectors")
index = json.loads((kit / "index.json").read_text())

def given(case):
    if "policy" not in case:
        return ["--vkey", case["vkey"]]
    pathlib.Path("policy").write_text(case["policy"])
    return ["--policy", "policy"]

def place(case):
    return case.get("log") or case.get("receipt") or case["file"]

for case in index["logs"] + index["receipts"] + index["kept"]:
    words = given(case)
    if "log" in case:
        words.insert(0, str(kit / case["log"]))
        words += ["--openings", str(kit / case["openings"])] if "openings" in case else []
        words += ["--complete"] if case.get("complete") else []
        for number, note in enumerate([case[n] for n in ("seen",) if n in case] + case.get("checkpoints", [])):
            pathlib.Path(f"checkpoint{number}").write_text(note)
            words += ["--checkpoint", f"checkpoint{number}"]
    elif "file" in case:
        words = ["receipt", str(kit / case["file"]), *words]
    else:
        receipt = kit / case["receipt"]
        pathlib.Path("proof").write_text(json.loads(receipt.read_text())["proof"])
        words += ["--proof", "proof", "--entry", str(receipt)]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = verify.main(words)
    print(json.dumps([place(case), said.getvalue().splitlines()[-1], code]))
"""


class Auditor:
    """Her folder, and what she does there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "clients" / "auditor", folder / "auditor")
        shutil.copytree(ROOT / "docs", folder / "docs")
        venv.create(folder / "venv", with_pip=False)
        (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
        for name in _PACKAGES:
            found = importlib.util.find_spec(name)
            if found is not None and found.origin is not None:
                file = Path(found.origin)
                file = file.parent if found.submodule_search_locations else file
                (packages / file.name).symlink_to(file)

    def verify(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """What verify.py says, told in one command line."""
        return self.python("auditor/verify.py", *words)

    def judge_the_kit(self) -> dict[str, tuple[str, int]]:
        """The verdict and the exit code of each case of the conformance kit, by its place in there."""
        (self.folder / "kit.py").write_text(_KIT)
        done = self.python("kit.py")
        assert done.returncode == 0, done.stderr
        said: list[Any] = [json.loads(line) for line in done.stdout.splitlines()]
        return {place: (verdict.removeprefix("Verdict: "), code) for place, verdict, code in said}

    def python(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run her own Python in her folder, with nothing of our surroundings."""
        return subprocess.run(
            [self.folder / "venv" / "bin" / "python", *words],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
