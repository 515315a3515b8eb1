"""`consent verify` and `consent log export`, as an auditor types them: the live log, its copy, and what was changed."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest

from consent.__main__ import main
from consent.demo import Stage
from tests.web.office import ASKED, Office, office_of


@pytest.fixture(scope="module")
def office(served: Stage) -> Office:
    return office_of(served)


class Said(NamedTuple):
    """What a command said and how it ended."""

    code: int
    text: str

    @property
    def verdict(self) -> str:
        return self.text.strip().splitlines()[-1].removeprefix("Verdict: ")


Verify = Callable[..., Said]


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str]) -> Verify:
    """`consent verify` with the words that an auditor types."""

    def run(*words: object) -> Said:
        capsys.readouterr()
        code = main(["verify", *map(str, words)])
        return Said(code, capsys.readouterr().out)

    return run


@pytest.fixture(scope="module")
def exported(office: Office, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the log with a disclosure in it; a test that changes it makes its own copy."""
    grow(office)
    folder = tmp_path_factory.mktemp("exported")
    office.stage.run("log", "export", str(folder))
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def grow(office: Office) -> None:
    """A few more entries, a disclosure among them."""
    got = office.tokens()
    assert (
        office.call("POST", "/disclosures", got["access_token"], {"attributes": list(ASKED)}).status_code
        == 200
    )


def test_the_live_log_verifies_by_the_address_of_the_service_and_by_its_own(
    office: Office, verify: Verify
) -> None:
    for address in (office.stage.issuer, f"{office.stage.issuer}/log/{log_name(office.stage)}"):
        said = verify(address)
        assert (said.code, said.verdict) == (0, "UNWITNESSED"), said.text  # nobody demanded witnesses


def test_the_command_is_the_one_that_is_installed(served: Stage) -> None:
    words = [sys.executable, "-m", "consent", "verify", served.issuer]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_no_log_is_not_called_good(served: Stage, tmp_path: Path, verify: Verify) -> None:
    for place in (f"{served.issuer}/my", tmp_path, tmp_path / "nothing", "http://127.0.0.1:9"):
        said = verify(place)
        assert (said.code, said.verdict) == (3, "UNCHECKED"), place


def test_the_state_that_an_auditor_keeps_sees_the_log_only_grow(
    office: Office, exported: Path, tmp_path: Path, verify: Verify
) -> None:
    state = tmp_path / "state"
    assert verify(office.stage.issuer, "--state", state).code == 0
    before = state.read_bytes()
    grow(office)
    assert verify(office.stage.issuer, "--state", state).code == 0
    after = state.read_bytes()
    assert after != before
    # A copy from before is a log that was cut short: both signed checkpoints are shown, and nothing is forgotten.
    said = verify(exported, "--state", state)
    assert (said.code, said.verdict) == (2, "DIVERGED")
    signatures = said.text.count(f"— {urlsplit(office.stage.issuer).netloc}/log/")
    assert signatures == 2 * 2  # under each checkpoint the log's two
    assert state.read_bytes() == after


def test_an_export_goes_on_where_the_last_one_ended_and_equals_a_fresh_one(
    office: Office, exported: Path, tmp_path: Path, verify: Verify
) -> None:
    kept = tmp_path / "kept"
    shutil.copytree(exported, kept)
    first = files(kept)
    grow(office)
    for folder in (kept, kept, tmp_path / "fresh"):
        office.stage.run("log", "export", str(folder))
    fresh, now = files(tmp_path / "fresh"), files(kept)
    assert now.items() >= fresh.items()
    # Whoever still reads with the old checkpoint finds the old partial tiles.
    assert set(now) == set(fresh) | {name for name in first if name.startswith("tile/")}
    assert all(now[name] == first[name] for name in first if name.startswith("tile/"))
    assert verify(kept).code == 0
    assert verify(tmp_path / "fresh").code == 0


def test_the_export_is_what_the_service_serves(office: Office, tmp_path: Path) -> None:
    office.stage.run("log", "export", str(tmp_path))
    for path, octets in files(tmp_path).items():
        if path != "vkey":
            answer = httpx.get(f"{office.stage.issuer}/log/{log_name(office.stage)}/{path}")
            assert answer.content == octets, path


def flip(file: Path, place: int) -> None:
    octets = bytearray(file.read_bytes())
    octets[place] ^= 1
    file.write_bytes(octets)


def only(folder: Path) -> Path:
    return next(file for file in sorted(folder.rglob("*")) if file.is_file())


def bundle_of(copy: Path, index: int) -> Path:
    """The file that entry *index* stands in: whole, or the newest part."""
    whole = copy / "tile" / "entries" / f"{index // 256:03}"
    return whole if whole.is_file() else only(whole.with_suffix(".p"))


def test_one_changed_byte_of_an_entry_is_found_and_the_entry_is_named(
    exported: Path, tmp_path: Path, verify: Verify
) -> None:
    size = int((exported / "checkpoint").read_text("utf-8").splitlines()[1])
    for index in (0, size // 2, size - 1):
        copy = tmp_path / str(index)
        shutil.copytree(exported, copy)
        bundle = bundle_of(copy, index)
        octets, place = bundle.read_bytes(), 0
        for _ in range(index % 256):
            place += 2 + int.from_bytes(octets[place : place + 2], "big")
        flip(bundle, place + 2 + 20)
        said = verify(copy)
        assert (said.code, said.verdict) == (1, "INVALID")
        assert re.findall(r"[Ee]ntry (\d+)", said.text) == [str(index)], said.text


@pytest.mark.parametrize("place", ["tile/0", "checkpoint"])
def test_a_changed_hash_or_checkpoint_is_found(
    exported: Path, tmp_path: Path, verify: Verify, place: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    flip(only(copy / place) if (copy / place).is_dir() else copy / place, 40)
    said = verify(copy)
    assert (said.code, said.verdict) == (1, "INVALID"), said.text


def test_a_copy_with_a_piece_missing_is_not_called_good(
    exported: Path, tmp_path: Path, verify: Verify
) -> None:
    for place in ("tile/entries", "tile/0", "checkpoint"):
        copy = tmp_path / place.replace("/", "-")
        shutil.copytree(exported, copy)
        (shutil.rmtree if (copy / place).is_dir() else Path.unlink)(copy / place)
        assert verify(copy).code == 3, place


def test_an_auditor_replays_the_openings_and_a_forged_one_is_found(
    office: Office, exported: Path, tmp_path: Path, verify: Verify
) -> None:
    today = datetime.now(UTC).date()
    token = tmp_path / "token"
    token.touch(mode=0o600)
    printed = office.stage.run(
        "auditor", "add", "someone", "--organisation", office.organisation, "--from", str(today),
        "--until", str(today + timedelta(days=1)), "--reason", "To try the command",
    )  # fmt: skip
    token.write_text(printed.split()[-1])
    address = f"{office.stage.issuer}/audit/openings"
    said = verify(office.stage.issuer, "--openings", address, "--token-file", token)
    assert said.code == 0, said.text
    assert token.read_text() not in said.text
    said = verify(office.stage.issuer, "--openings", address)
    assert said.code == 3
    assert "401 for /audit/openings. Bring a token that still works" in said.text

    copy, openings = tmp_path / "copy", tmp_path / "openings"
    lines = httpx.get(address, headers={"authorization": f"Bearer {token.read_text()}"}).text.splitlines()
    office.stage.run("log", "export", str(copy))
    openings.write_text("\n".join(lines) + "\n")
    assert verify(copy, "--openings", openings).code == 0
    for change in ({"i": json.loads(lines[-2])["i"]}, {"A": lines[-1].partition('"A":"')[0]}, {"kc": "AAAA"}):
        forged = json.dumps(json.loads(lines[-1]) | change)
        openings.write_text("\n".join([*lines[:-1], forged]) + "\n")
        assert verify(copy, "--openings", openings).code == 1, change


def log_name(stage: Stage) -> str:
    return httpx.get(f"{stage.issuer}/log").text.split()[-1]
