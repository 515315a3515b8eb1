"""A log with three witnesses, all as processes of their own, over HTTP: they die, come back, and are shown two stories.

Three organisations run a witness each, two of them make the quorum. The operator's part is done with its own commands.
"""

import asyncio
import hashlib
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import consent_sdk
import httpx
import pytest

from consent.demo import CLIENT, ORGANISATION, Stage
from tests.conftest import free_port
from tests.faults.test_restore import agreed, verify
from tests.witness.watched import Process

QUIET = 20.0  # seconds: so long we wait for what has to come
ROUNDS = 3.0  # seconds: several rounds of asking, in which what must not come could have come


class Town:
    """The service, its three witnesses, and an outsider's view of both."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stage = Stage(folder, free_port())
        self.stage.add_organisation()
        self._plain = self.stage.settings.read_text("utf-8")
        keys = self.stage.run("log", "key", "list")
        self.vkeys = [words[1] for words in map(str.split, keys.splitlines()) if words[0] == "log"]
        self.origin = self.vkeys[0].partition("+")[0]
        self.url = f"http://{self.origin}"
        self.witnesses = {
            name: Process(folder / name, free_port(), self.vkeys[0], name=f"{name}.example/witness")
            for name in ("a", "b", "c")
        }

    def settle(self, *names: str, quorum: int) -> None:
        """Write the operator's settings: these witnesses, each of an organisation of its own."""
        listed = (
            f'[[witnesses]]\nvkey = "{w.vkey}"\nurl = "{w.url}"\norganisation = "org-{name}"\n'
            for name, w in self.witnesses.items()
            if name in names
        )
        self.stage.settings.write_text(f"quorum = {quorum}\n{self._plain}{''.join(listed)}", "utf-8")

    async def get(self, path: str) -> str:
        """What the log serves there; nothing when it has nothing."""
        async with httpx.AsyncClient(timeout=10) as http:
            answer = await http.get(f"{self.url}/{path}")
        return answer.text if answer.status_code == 200 else ""

    async def newest(self) -> int:
        """The size that the log itself vouches for."""
        return size(await self.get("checkpoint?unwitnessed"))

    async def witnessed(self) -> int:
        """The size of the checkpoint that is served: what the quorum has signed."""
        return size(await self.get("checkpoint"))

    async def catches_up(self) -> bool:
        return await self.witnessed() == await self.newest()

    async def shown_by(self, name: str) -> str:
        """What a witness says that it signed last of this log."""
        place = hashlib.sha256(self.origin.encode()).hexdigest()
        async with httpx.AsyncClient(timeout=10) as http:
            answer = await http.get(f"{self.witnesses[name].url}/{place}/checkpoint")
        return answer.text if answer.status_code == 200 else ""

    async def policy(self) -> Path:
        """The log's own policy, kept in a file as an outsider does."""
        file = self.folder / "policy.txt"
        file.write_text(await self.get("policy"), "utf-8")
        return file

    def municipality(
        self, policy: str, store: consent_sdk.MemoryStore | None = None
    ) -> consent_sdk.Organisation:
        """The organisation with its SDK, that trusts the witnesses of *policy*."""
        stage = self.stage
        return consent_sdk.Organisation(
            stage.issuer,
            CLIENT,
            stage.key_pem,
            stage.callback,
            store or consent_sdk.MemoryStore(),
            organisation=ORGANISATION,
            policy=policy,
        )


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """Three witnesses that run, and a service that is not started yet."""
    there = await asyncio.to_thread(Town, tmp_path)
    async with AsyncExitStack() as stack:
        for witness in there.witnesses.values():
            await asyncio.to_thread(witness.start)
            stack.callback(witness.kill)
        yield there


@asynccontextmanager
async def serving(town: Town, *names: str, quorum: int = 2) -> AsyncIterator[None]:
    """`consent serve` with these witnesses, until a first checkpoint has its quorum."""
    town.settle(*names, quorum=quorum)
    with town.stage.serving():
        await until(town.catches_up, "the quorum signs what there is")
        yield


def size(note: str) -> int:
    """Of how many entries a checkpoint speaks; 0 without one."""
    return int(note.splitlines()[1]) if note else 0


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for what has to come, and fail when it does not."""
    end = time.monotonic() + QUIET
    while True:
        if await holds():
            return
        assert time.monotonic() < end, f"it never came: {what}"
        await asyncio.sleep(0.1)


async def judged(*words: str) -> tuple[int, str, str]:
    """What verify.py says of the log: exit code, verdict, all of it."""
    done = await asyncio.to_thread(verify, *words)
    return done.returncode, done.stdout.rstrip().rpartition("Verdict: ")[2], done.stdout


async def test_one_witness_dies_and_publishing_goes_on_two_and_only_the_log_vouches(town: Town) -> None:
    async with serving(town, "a", "b", "c"), town.municipality(await town.get("policy")) as municipality:
        arrangement = await agreed(town.stage, municipality)
        asked = list(arrangement.attributes)
        await until(town.catches_up, "three witnesses")

        town.witnesses["c"].kill()
        before = await town.newest()
        receipt = (await municipality.fetch(arrangement, asked)).receipt()
        assert await town.newest() > before
        await until(town.catches_up, "two of three are a quorum")
        grown = await municipality.upgrade(receipt)
        assert grown is not None
        assert {k: v for k, v in grown.items() if k != "proof"} == {
            k: v for k, v in receipt.items() if k != "proof"
        }
        assert [name for name in "abc" if f"— {name}.example/witness " in grown["proof"]] == ["a", "b"]

        town.witnesses["b"].kill()
        last = await town.get("checkpoint")
        disclosure = await municipality.fetch(arrangement, asked)
        assert disclosure.values, "data flow without witnesses"
        assert disclosure.provisional
        await asyncio.sleep(ROUNDS)
        assert size(await town.shown_by("a")) == await town.newest() > size(last)
        assert await town.get("checkpoint") == last, "one organisation of three is no quorum"
        assert await municipality.upgrade(disclosure.receipt()) is None

        await asyncio.to_thread(town.witnesses["b"].start)
        await until(town.catches_up, "a witness that comes back goes on where it was")
        assert await municipality.upgrade(disclosure.receipt()) is not None


async def test_an_outsider_with_the_logs_own_policy_is_told_whether_the_quorum_signed(town: Town) -> None:
    town.witnesses["c"].kill()
    async with serving(town, "a", "b", "c"):
        policy = await town.policy()
        assert [line.split()[1] for line in policy.read_text().splitlines() if line.startswith("log ")] == (
            town.vkeys
        )
        code, verdict, said = await judged(town.url, "--policy", str(policy))
        assert (code, verdict) == (0, "OK"), said
        assert "2 of 3 witnesses cosigned" in said

        code, verdict, said = await judged(town.url)
        assert (code, verdict) == (0, "UNWITNESSED"), said

        all_three = town.folder / "stricter.txt"
        all_three.write_text(policy.read_text().replace("org-quorum 2 ", "org-quorum 3 "))
        code, verdict, said = await judged(town.url, "--policy", str(all_three))
        assert (code, verdict) == (1, "UNWITNESSED"), said


async def test_two_histories_shown_to_two_witnesses_are_found_by_whoever_asks_both(town: Town) -> None:
    """The operator itself cheats: it has all keys, and shows one story to us and to `a`, another to `c`."""
    folder, copy = town.stage.service, town.folder / "the other story"
    async with serving(town, "a", "b", "c"):
        policy = await town.policy()
    store = consent_sdk.MemoryStore()
    shutil.copytree(folder, copy)
    async with town.municipality(policy.read_text(), store) as municipality:
        async with serving(town, "a", quorum=1):
            arrangement = await agreed(town.stage, municipality)
            await municipality.fetch(arrangement, list(arrangement.attributes))
            await until(town.catches_up, "a signs the first story")
            ours = await town.shown_by("a")
            assert "a" in await agreeing(municipality)

        folder.rename(town.folder / "the first story")
        copy.rename(folder)
        async with serving(town, "c", quorum=1), town.municipality(policy.read_text()) as victim:
            arrangement = await agreed(town.stage, victim)
            for _ in range(2):
                await victim.fetch(arrangement, list(arrangement.attributes))
            await until(town.catches_up, "c signs the second story")
            theirs = await town.shown_by("c")
            assert size(theirs) > size(ours)

            with pytest.raises(consent_sdk.Forked) as forked:
                await municipality.compare()
            kept, seen = forked.value.kept, forked.value.seen
            assert body(kept) == body(ours)
            assert seen == theirs
            assert any("fork " in name and text == f"{kept}\n{seen}" for name, text in store._texts.items())

            (town.folder / "from-a").write_text(ours)
            code, verdict, said = await judged(
                town.url, "--policy", str(policy), "--checkpoint", str(town.folder / "from-a")
            )
            assert (code, verdict) == (2, "DIVERGED"), said
            assert ours in said
            assert body(theirs) in said


async def agreeing(municipality: consent_sdk.Organisation) -> set[str]:
    """The witnesses that saw what we saw, by their short names."""
    return {name.partition(".")[0] for name in await municipality.compare()}


def body(note: str) -> str:
    """What a checkpoint says, without who signed it."""
    return note.partition("\n\n")[0]
