"""A file system without one free byte, under the real service: each write is one clear no, and when there is room again
it goes on.

The service gets a small file system of its own in a mount namespace, which goes with its process.
"""

import asyncio
import contextlib
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import consent_verify
import httpx
import pytest

from consent.settings import Settings
from tests.conftest import free_port
from tests.faults.under_load import Outsiders, Served, furnish

IN_A_SMALL_ONE = """
set -e
cp -a "$0" "$0.before"
mount -t tmpfs -o size=24m,mode=0700 tmpfs "$0"
cp -a "$0.before/." "$0/"
exec "$@"
"""


def may_mount() -> bool:
    """Whether this machine lets us mount anything, if only for ourselves."""
    if shutil.which("unshare") is None:
        return False
    words = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


class Cramped:
    """A served house on a file system of 24 MB, as its clients and citizens meet it."""

    def __init__(self, served: Served, outsiders: Outsiders, http: httpx.AsyncClient) -> None:
        assert served.process is not None
        self.served, self.outsiders, self.http = served, outsiders, http
        # The way into the mount namespace of another process.
        self._filling = Path(f"/proc/{served.process.pid}/root{served.settings.data}") / "filling"

    def fill(self) -> None:
        """Leave no free byte."""
        with self._filling.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    def make_room(self) -> None:
        self._filling.unlink()

    async def size(self) -> int:
        """How long the log is, as it says itself."""
        (log,) = (await self.http.get("/log")).text.splitlines()
        note = (await self.http.get(f"/log/{log}/checkpoint?unwitnessed")).text
        return int(note.splitlines()[1])

    async def until_refused(self, grant: str) -> str:
        """Fetch until there is no room for it: files that are there have some inside. The key of what was refused."""
        for number in range(2000):
            self.fill()
            key = f"fetch {number}"
            answer = await self.outsiders.fetch(self.http, grant, key)
            if answer.status_code == 503:
                said = answer.json()
                assert (said["code"], answer.headers["retry-after"]) == ("overloaded", "1"), said
                assert "attributes" not in said
                return key
            assert answer.status_code == 200, answer.text
            self.outsiders.told[key] = self.outsiders.read(answer)
        raise AssertionError("the file system never was full")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=str(tmp_path / "service"), port=free_port(), sandbox=True)


@pytest.fixture
def small(settings: Settings) -> Iterator[Served]:
    within = ["unshare", "-rm", "sh", "-c", IN_A_SMALL_ONE, settings.data]
    served = Served(settings, within=within)
    try:
        yield served
    finally:
        served.end()


@pytest.mark.skipif(not may_mount(), reason="this machine lends nobody a file system: run it as root")
async def test_on_a_full_file_system_nothing_goes_out_and_with_room_again_all_goes_on(
    settings: Settings, small: Served
) -> None:
    outsiders = await furnish(settings, citizens=2, chance=random.Random(1))
    staying, stopping = outsiders.grants
    await asyncio.to_thread(small.start)
    async with httpx.AsyncClient(base_url=outsiders.issuer, timeout=30) as http:
        cramped = Cramped(small, outsiders, http)
        refused = await cramped.until_refused(staying)
        size = await cramped.size()
        for key in (refused, "another"):
            assert (await outsiders.fetch(http, staying, key)).status_code == 503
        answer = await outsiders.stop(http, stopping)
        assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert await cramped.size() == size, "what was refused stands in the log"

        cramped.make_room()
        answer = await outsiders.fetch(http, staying, refused)
        assert answer.status_code == 200, answer.text
        assert await cramped.size() == size + 1
        outsiders.told[refused] = outsiders.read(answer)
        assert (await outsiders.stop(http, stopping)).status_code == 303
        answer = await outsiders.fetch(http, stopping, "after the stop")
        assert answer.json()["code"] == "grant_not_active"
        report = await asyncio.to_thread(consent_verify.verify_log, outsiders.issuer)
        assert report.exit_code == 0, report.sentences
        tree = await asyncio.to_thread(leaves_of, outsiders.issuer)
        assert all(told.leaf in tree for told in outsiders.told.values())

        cramped.fill()
        assert small.process is not None
        small.process.terminate()
        assert await asyncio.to_thread(small.process.wait, 60) == 0
    said = small.said()
    assert "checkpoint_not_kept" in said
    assert "house_failed" not in said, "it stops in order all the same"


def leaves_of(issuer: str) -> set[bytes]:
    source, note = consent_verify.find_log(issuer)
    size = consent_verify.read_checkpoint(note).size
    tree = consent_verify.read_tree(source, size, set(range(size)), set())
    return set(tree.leaves.values())
