"""A witness that others wrote signs for our log, by C2SP tlog-witness alone: `aics-witness`, a package of its own.

`tests/run.py` installs it beside the test environment, pinned with its hash; else these tests are skipped. Also tried:
filippo.io/torchwood (litewitness), sigsum.org/sigsum-go and transparency-dev/witness (omniwitness). The Go module
proxy that we build with gives out no version of them that builds, and Debian has no packages of them.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import consent_verify
import httpx
import pytest
from msgspec.structs import replace

from consent.acts import publish
from consent.acts.house import Reply
from consent.acts.policy import Witness as Listed
from consent.acts.policy import WitnessPolicy
from consent.acts.quorum import Quorum
from consent.acts.witness import candidate, last_seen, submit
from consent.errands.asker import Asker
from consent.ledger.checkpoint import body, parse_body, parse_note, sign
from consent.ledger.cosignature import check_cosignatures
from consent.upkeep.export import export_log
from consent.words.errors import NotReached
from consent.words.instants import SECOND
from tests.conftest import free_port
from tests.world import World

PACKAGE = Path(sys.prefix) / "foreign-witness"
NAME = "witness.example/theirs"
pytestmark = pytest.mark.skipif(
    not PACKAGE.exists(), reason="the witness of others is not installed: tests/run.py does"
)


class Http:
    """How the log reaches its witnesses here."""

    async def send(self, method: str, url: str, octets: bytes) -> Reply:
        async with httpx.AsyncClient(timeout=10) as http:
            try:
                answer = await http.request(method, url, content=octets)
            except httpx.HTTPError:
                raise NotReached("nobody is there") from None
        return Reply(status=answer.status_code, headers=dict(answer.headers), body=answer.content)


def program(folder: Path, *words: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "aics_witness",
        words[0],
        "--config",
        str(folder / "witness.json"),
        *words[1:],
    ]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """At the time of now: a witness signs with its own, and a log that is years away from it writes nothing."""
    async with World.open(tmp_path / "data", at=int(time.time()) * SECOND) as world:
        yield world


@pytest.fixture
async def theirs(world: World, tmp_path: Path) -> AsyncIterator[Listed]:
    """Their witness as a process, told to watch our log; the log asks it, and it alone is the quorum."""
    folder, port = tmp_path / "theirs", free_port()
    folder.mkdir()
    surroundings = os.environ | {"PYTHONPATH": str(PACKAGE)}

    def run(*words: str) -> str:
        return subprocess.run(
            program(folder, *words), env=surroundings, capture_output=True, text=True, timeout=60, check=True
        ).stdout

    vkey = next(
        word
        for word in run("init", "--name", NAME, "--listen", f"127.0.0.1:{port}").split()
        if word.startswith(f"{NAME}+")
    )
    run("add-log", "--origin", world.house.vkey.partition("+")[0], "--vkey", world.house.vkey)
    process = await asyncio.create_subprocess_exec(
        *program(folder, "serve"),
        env=surroundings,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + 30
        while True:
            try:
                await asyncio.to_thread(httpx.get, f"{url}/healthz", timeout=1)
                break
            except httpx.HTTPError:
                assert process.returncode is None, "their witness ended"
                assert time.monotonic() < until, "their witness does not start"
                await asyncio.sleep(0.05)
        listed = Listed(vkey, url, "others")
        quorum = Quorum(WitnessPolicy((listed,), 1), world.house.store, seconds=5)
        world.house = replace(world.house, quorum=quorum, to_witnesses=Http())
        yield listed
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 20)


async def test_it_signs_what_we_publish_and_an_outsider_counts_it(
    world: World, theirs: Listed, tmp_path: Path
) -> None:
    house, asker = world.house, Asker(world.house)
    for _ in range(3):
        await world.given()
        await asker.round()
        note = await publish.checkpoint(house, house.log)
        assert set(check_cosignatures(note, [theirs.vkey])) == {theirs.vkey}
        assert parse_body(parse_note(note).body).size == (await publish.head(house, house.log)).size
    await asker.stop()
    await export_log(house, house.log, tmp_path / "log")
    report = consent_verify.verify_log(str(tmp_path / "log"), policy=await publish.policy(house, house.log))
    assert report.verdict == "OK", report.sentences
    seen = (await last_seen(house, house.log, note))[0]
    assert (seen.failure, seen.size) == (None, report.size)


async def test_it_sees_two_histories(world: World, theirs: Listed) -> None:
    """Attack: the operator shows it another history under the same key; it says no, and we call that diverged."""
    house, pen = world.house, world.house.scribe.pen
    await world.given()
    size, note = await candidate(house, house.log)
    assert (await submit(house, house.log, theirs, old=0, size=size, note=note)).failure is None
    other = sign(body(pen.origin, size, bytes(32)), pen.origin, pen.signer)
    assert (await submit(house, house.log, theirs, old=size, size=size, note=other)).failure == "diverged"
    await world.given(citizen=world.citizen("amal"))
    grown, _ = await candidate(house, house.log)
    longer = sign(body(pen.origin, grown, bytes(32)), pen.origin, pen.signer)
    assert (await submit(house, house.log, theirs, old=size, size=grown, note=longer)).failure == "diverged"
    # It has the honest one still, and goes on with that.
    size, note = await candidate(house, house.log)
    assert (await submit(house, house.log, theirs, old=0, size=size, note=note)).failure is None
