"""What `pip install .` brings: everything that the service needs away from this folder, and no test."""

import os
import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built as pip builds it, with the build tools of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    (file,) = folder.glob("*.whl")
    return zipfile.ZipFile(file)


@pytest.fixture(scope="module")
def installed(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    wheel.extractall(folder)
    return folder


def test_every_file_of_the_service_and_of_its_clients_is_in_it(wheel: zipfile.ZipFile) -> None:
    def below(folder: Path, name: str) -> set[str]:
        files = (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
        return {f"{name}/{file.relative_to(folder)}" for file in files}

    expected = below(ROOT / "consent", "consent")
    expected |= below(ROOT / "clients" / "organisation" / "consent_sdk", "consent_sdk")
    expected.add("consent_verify.py")
    there = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert there == expected
    for needed in (
        "consent/seed.toml",
        "consent/web/pages/request.html",
        "consent/web/static/app.css",
        "consent/web/static/components.css",
        "consent/web/static/components.json",
        "consent/web/static/verify.js",
        "consent/web/locale/nl/LC_MESSAGES/consent.mo",
        "consent/storage/sql/grants.sql",
        "consent/storage/migrations/0001_first.sql",
        "consent_sdk/py.typed",
    ):
        assert needed in there
    # In the source it is a link to what an auditor downloads; here it is the file itself.
    script = (ROOT / "clients" / "auditor" / "verify.js").read_bytes()
    assert wheel.read("consent/web/static/verify.js") == script


def test_it_names_its_licence_its_readme_and_its_command(wheel: zipfile.ZipFile) -> None:
    (folder,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    about = Parser().parsestr(wheel.read(f"{folder}/METADATA").decode())
    assert about["License-Expression"] == "EUPL-1.2"
    assert about.get_payload().strip() == (ROOT / "README.md").read_text("utf-8").strip()
    assert wheel.read(f"{folder}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
    assert "consent = consent.__main__:main" in wheel.read(f"{folder}/entry_points.txt").decode()
    installs = [line for line in about.get_all("Requires-Dist") if "extra ==" not in line]
    assert not any(re.match(r"(pytest|hypothesis|playwright|babel)", line) for line in installs)


def test_the_service_runs_from_it_far_from_this_folder(installed: Path, tmp_path: Path) -> None:
    surroundings = os.environ | {"PYTHONPATH": str(installed)}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-P", *words],
            cwd=tmp_path,
            env=surroundings,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    for module in ("consent", "consent_sdk", "consent_verify"):
        assert run("-c", f"import {module} as m; print(m.__file__)").startswith(str(installed))
    assert run("-m", "consent", "openapi") == (ROOT / "openapi.yaml").read_text("utf-8")
    # Begins a data folder: migrations, statements, keys, a log that the verifier in the wheel accepts.
    run("-m", "consent", "log", "export", "copy", "--data", "data")
    assert "1 entries" in run("-m", "consent", "log", "export", "copy", "--data", "data")
    assert "Verdict: UNWITNESSED" in run("-m", "consent", "verify", "copy")


def test_the_licence_is_the_whole_text() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert text.startswith("EUROPEAN UNION PUBLIC LICENCE v. 1.2\nEUPL © the European Union 2007, 2016\n")
    for article in range(1, 16):
        assert re.search(rf"^{article}\.\S", text, re.MULTILINE), f"article {article}"
    assert "‘Compatible Licences’ according to Article 5 EUPL are:" in text
