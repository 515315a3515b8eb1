"""The disk is lost: the service comes back from a backup, over HTTP and by its own commands, as an operator does it.

Outside sits an auditor with the verifier and nothing else.
"""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import consent_sdk
import consent_verify
import pytest

from consent.demo import ASKED, PURPOSE, Stage
from consent.demo_browser import Browser, Page
from tests.conftest import free_port
from tests.outsider import Auditor


async def agreed(stage: Stage, municipality: consent_sdk.Organisation) -> consent_sdk.Arrangement:
    """Sanne signs in and says yes to all that is asked."""
    asked = await municipality.ask(
        purpose=PURPOSE, purpose_version=1, attributes=list(ASKED), duration_days=90
    )
    browser = Browser(stage.issuer)
    try:
        entrance = browser.open(asked.url)
        assert isinstance(entrance, Page)
        question = browser.submit(entrance, "sign-in-persona-sanne", ("persona", "sanne"))
        assert isinstance(question, Page)
        ticks = [("attribute", name) for name in ASKED]
        callback = browser.answer(question, *ticks, ("decision", "yes"))
    finally:
        browser.close()
    assert isinstance(callback, str)
    return await municipality.receive(callback, asked)


def verify(*words: str) -> "subprocess.CompletedProcess[str]":
    """What an outsider's verifier says; it remembers what it saw in a file."""
    command = [sys.executable, "-m", "consent", "verify", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


async def test_a_service_that_lost_its_disk_comes_back_frozen_and_goes_on_in_the_next_log(
    tmp_path: Path, auditor: Auditor
) -> None:
    stage = Stage(tmp_path, free_port())
    stage.add_organisation()
    backups, lost = tmp_path / "backups", tmp_path / "lost"
    async with stage.organisation() as municipality:
        with stage.serving():
            first = await agreed(stage, municipality)
            await municipality.fetch(first, list(first.attributes))
            size = consent_verify.read_checkpoint(consent_verify.find_log(stage.issuer)[1]).size
            backup = await asyncio.to_thread(stage.run, "backup", str(backups), "--keep", "7")
            await municipality.fetch(first, list(first.attributes))  # the backup knows nothing of this
            (log,) = re.findall(
                r"log-(\w+)\.key", " ".join(f.name for f in (stage.service / "keys").iterdir())
            )
            old = f"{stage.issuer}/log/{log}"
            seen = await asyncio.to_thread(auditor.verify, old, "--state", str(tmp_path / "seen"))
            assert seen.returncode == 0, seen.stdout
        stage.service.rename(lost)
        stage.service.mkdir(mode=0o700)
        (lost / "keys").rename(stage.service / "keys")

        said = await asyncio.to_thread(stage.run, "restore", backup)
        assert f"log {log}: {size} entries" in said
        assert "is frozen" in said
        with stage.serving():
            with pytest.raises(consent_sdk.Refused, match="log_frozen"):
                await municipality.fetch(first, list(first.attributes))
            whoever_is_new = await asyncio.to_thread(auditor.verify, old)
            assert whoever_is_new.returncode == 0, whoever_is_new.stdout
            whoever_saw_more = await asyncio.to_thread(auditor.verify, old, "--state", str(tmp_path / "seen"))
            assert whoever_saw_more.stdout.endswith("Verdict: DIVERGED\n"), "both checkpoints are evidence"

        said = await asyncio.to_thread(stage.run, "log", "succeed")
        assert "entries lost: 1, grants carried: 0, grants ended: 1" in said
        with stage.serving():
            with pytest.raises(consent_sdk.Refused):
                await municipality.fetch(first, list(first.attributes))
            again = await agreed(stage, municipality)
            disclosure = await municipality.fetch(again, list(again.attributes))
            assert set(disclosure.values) == set(ASKED)
            new = await asyncio.to_thread(auditor.verify, f"{old}b")
            assert new.returncode == 0, new.stdout
