"""Run all tests: make an environment, install what they need, run pytest, repeat what was skipped and why.

`python3 tests/run.py [--all] [pytest arguments]`; with `--all` Lighthouse and pa11y look at each page too, and what
takes long is run. The first run makes `.test-venv` beside this folder; later runs reuse it as long as pyproject.toml
stays the same. Programs that pip cannot bring (a browser, Node, Go's log verifier) come from the system's packages
where that is allowed; otherwise the tests that need them are skipped, and the last lines say so.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".test-venv"
PYTHON = ENVIRONMENT / "bin" / "python"
# program -> Debian package
PROGRAMS = {"chromium": "chromium", "go": "golang-go", "node": "nodejs", "npm": "npm", "wrk": "wrk"}
FILES = {"/usr/share/gocode/src/golang.org/x/mod": "golang-golang-x-mod-dev"}


def main() -> int:
    environment()
    system_packages()
    node_packages(ROOT / "tests" / "interop" / "node", ENVIRONMENT / "node")
    node_packages(ROOT / "tests" / "e2e" / "node", ENVIRONMENT / "judges")
    foreign_witness()
    # Hundreds of processes are started: reading our sources anew would be half the time of each start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    wanted = [word for word in sys.argv[1:] if word != "--all"]
    if "--all" in sys.argv:
        wanted += ["-m", ""]
    checked = [
        run([PYTHON, "-m", "ruff", "check", "."]),
        run([PYTHON, "-m", "ruff", "format", "--check", "."]),
    ]
    checked.append(run([PYTHON, "-m", "mypy"]))
    # Three at a time on two cores, a file at a time: nearly half of what they do is waiting for servers and browsers.
    tested = run([PYTHON, "-m", "pytest", "-n", "3", "--dist", "loadfile", *wanted])
    if any(checked):
        print("ruff or mypy found something; see above.")
    return tested or max(checked)


def environment() -> None:
    """Make or renew the environment: our dependencies from the registry, our sources as they stand in the tree."""
    stamp = ENVIRONMENT / "installed-for"
    project = (ROOT / "pyproject.toml").read_bytes()
    wanted = hashlib.sha256(project + str(ROOT).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    print("Making the test environment (once) …", flush=True)
    venv.create(ENVIRONMENT, with_pip=True)
    about = tomllib.loads(project.decode())
    needed = [*about["project"]["dependencies"], *about["project"]["optional-dependencies"]["test"]]
    needed += about["build-system"]["requires"]
    must([PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *needed])
    # What `pip install .` would copy is looked up in the tree instead, so that tests never see an old copy.
    site = next((ENVIRONMENT / "lib").glob("python*")) / "site-packages"
    (site / "consent-sources.pth").write_text(f"{ROOT}\n{ROOT / 'clients' / 'organisation'}\n")
    (site / "consent_verify.py").symlink_to(ROOT / "clients" / "auditor" / "verify.py")
    stamp.write_text(wanted)


def system_packages() -> None:
    """Fetch missing programs through the system's package manager, when we may; never fail for it."""
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    missing += [package for file, package in FILES.items() if not Path(file).exists()]
    if not missing:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        print(f"Some tests will be skipped. To run them too, install: {' '.join(missing)}", flush=True)
        return
    print(f"Installing {' '.join(missing)} …", flush=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
    surroundings = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update"], env=surroundings, **quiet)
    subprocess.run([*install[:2], "-o", "DPkg::Lock::Timeout=300", *install[2:]], env=surroundings, **quiet)
    still = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if still:
        print(f"Could not install: {' '.join(still)}. Tests that need them are skipped.", flush=True)


def node_packages(source: Path, target: Path) -> None:
    """Install packages of Node in *target* as they are pinned in *source*; never fail for it."""
    lock, stamp = source / "package-lock.json", target / "installed-for"
    npm, wanted = shutil.which("npm"), hashlib.sha256(lock.read_bytes()).hexdigest()
    if npm is None or (stamp.exists() and stamp.read_text() == wanted):
        return
    print(f"Installing what {source.relative_to(ROOT)} needs …", flush=True)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for file in (source / "package.json", lock):
        shutil.copy(file, target)
    install = [
        npm,
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
    ]  # npm compares each with its hash in the lock
    done = subprocess.run(install, cwd=target, capture_output=True, check=False)
    if done.returncode == 0:
        stamp.write_text(wanted)
        return
    shutil.rmtree(target)
    print("npm could not install them. Tests that need them are skipped.", flush=True)


def foreign_witness() -> None:
    """Install a witness of another project in a folder of its own, as pinned; never fail for it."""
    listed, target = (
        ROOT / "tests" / "interop" / "foreign_witness" / "requirements.txt",
        ENVIRONMENT / "foreign-witness",
    )
    stamp, wanted = target / "installed-for", hashlib.sha256(listed.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(target, ignore_errors=True)
    # Without its dependencies: cryptography is there, and it asks for a later Python than it needs.
    install = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    install += ["--ignore-requires-python", "--require-hashes", "--target", target, "-r", listed]
    if run(install) == 0:
        stamp.write_text(wanted)
        return
    shutil.rmtree(target, ignore_errors=True)
    print("The witness of another project could not be installed. Its tests are skipped.", flush=True)


def run(command: list[object]) -> int:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=ROOT, check=False).returncode


def must(command: list[object]) -> None:
    if run(command) != 0:
        sys.exit("The test environment could not be made; see above.")


if __name__ == "__main__":
    sys.exit(main())
