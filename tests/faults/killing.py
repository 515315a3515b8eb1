"""kill -9 under load, again and again: after each restart the log is whole, and what anybody was told is still true.

Clients fetch with Idempotency-Keys, alone and many at once, and citizens stop sharing while the process dies: at a
random moment, before each statement of a batch in turn, before its COMMIT, and after that before anybody is answered.
"""

import asyncio
import base64
import random
import secrets
import sqlite3
from collections import Counter
from pathlib import Path

import consent_verify
import httpx

from consent.opening import DATABASE
from consent.settings import Settings
from tests.conftest import free_port
from tests.faults.dying import PLACES
from tests.faults.under_load import Outsiders, Served, Told, furnish, inside
from tests.world import World

CLIENTS = 4
BATCHES = 2
STOPS_A_ROUND = 2
RETRIES_A_ROUND = 10


async def kill_again_and_again(folder: Path, *, kills: int, seed: int) -> Counter[str]:
    """Kill a served house so often, and check everything after each; answers how often it died where.

    Raises AssertionError for the first thing that is not as it was told.
    """
    chance = random.Random(seed)
    settings = Settings(data=str(folder / "service"), port=free_port(), sandbox=True)
    outsiders = await furnish(settings, citizens=STOPS_A_ROUND * kills + 4, chance=chance)
    served = Served(settings, program="tests.faults.dying")
    armed = Path(settings.data).with_suffix(".armed")
    watcher = Watcher(settings.public_issuer, folder / "state.json")
    try:
        served.start()
        watcher.look(outsiders.told)
        for number in range(kills):
            async with httpx.AsyncClient(base_url=outsiders.issuer, timeout=60) as http:
                await outsiders.renew(http)
            load = asyncio.create_task(
                outsiders.press_on(clients=CLIENTS, stops=STOPS_A_ROUND, batches=BATCHES)
            )
            await asyncio.sleep(chance.uniform(0.05, 0.4))
            assert not load.done(), "the load ended before the kill"
            place = PLACES[number % len(PLACES)]
            if place == "at any moment":
                served.kill()
            else:
                # Under its name at once, or it would be read while it is empty.
                arming = armed.with_suffix(".arming")
                arming.write_text(place)
                arming.rename(armed)
                await asyncio.to_thread(served.dies)
                armed.unlink()
            await load
            served.start()
            watcher.look(outsiders.told)
            await check_memory(outsiders, chance)
        async with httpx.AsyncClient(base_url=outsiders.issuer, timeout=15) as http:
            await check_stops(outsiders, http, sorted(outsiders.stopped))
    finally:
        served.end()
    assert len(outsiders.told) > 3 * kills
    assert len(outsiders.stopped) > kills // 2
    await check_books(settings, outsiders, folder)
    said = served.said()
    assert "Traceback" not in said
    assert not any(live.token in said or live.cookie in said for live in outsiders.grants.values())
    places = Counter(line.partition("killed ")[2] for line in said.splitlines() if "killed " in line)
    places["at any moment"] = kills - places.total()
    places["disclosures released"] = len(outsiders.told)
    places["of these in a batch"] = outsiders.together
    places["stops acknowledged"] = len(outsiders.stopped)
    return places


class Watcher:
    """An auditor who comes after each start and keeps the newest checkpoint she saw."""

    def __init__(self, issuer: str, state: Path) -> None:
        self._issuer = issuer
        self._state = state
        self._seen = 0  # how many of the released proofs were looked at before

    def look(self, told: dict[str, Told]) -> None:
        """The log verifies, continues what was seen before, and holds every released entry at its index."""
        report = consent_verify.verify_log(self._issuer, state=self._state)
        assert report.exit_code == 0, report.sentences
        source, note = consent_verify.find_log(self._issuer)
        checkpoint = consent_verify.read_checkpoint(note)
        policy = consent_verify.read_policy(source.get("policy").decode())
        proven = [
            (told_one, *consent_verify.check_proof(told_one.proof, told_one.leaf, policy.logs))
            for told_one in list(told.values())[self._seen :]
        ]
        # Proofs that were looked at before are covered: their checkpoints are older than the one that was kept.
        self._seen = len(told)
        sizes = {under.size for _, _, under in proven}
        tree = consent_verify.read_tree(source, checkpoint.size, {index for _, index, _ in proven}, sizes)
        for told_one, index, under in proven:
            assert tree.leaves[index] == told_one.leaf
            assert tree.root_at(under.size) == under.root, "the proof's checkpoint is of another log"


async def check_memory(outsiders: Outsiders, chance: random.Random) -> None:
    """The service still knows what it told: stops hold, and old keys get the old entry."""
    async with httpx.AsyncClient(base_url=outsiders.issuer, timeout=15) as http:
        await check_stops(
            outsiders, http, chance.sample(sorted(outsiders.stopped), min(6, len(outsiders.stopped)))
        )
        for grant in list(outsiders.perhaps_stopped):
            # Pressed again, as a person would: then it holds for certain.
            assert (await outsiders.stop(http, grant)).status_code == 303
            outsiders.perhaps_stopped.discard(grant)
            outsiders.stopped.add(grant)
        for key in chance.sample(list(outsiders.told), min(RETRIES_A_ROUND, len(outsiders.told))):
            await check_retry(outsiders, http, key)
        await check_batch_again(outsiders, http, chance)
        for key, grant in list(outsiders.unanswered.items()):
            answer = await outsiders.fetch(http, grant, key)
            del outsiders.unanswered[key]
            if answer.status_code == 200:
                outsiders.told[key] = outsiders.read(answer)
            else:
                assert answer.json()["code"] == "grant_not_active"
                assert grant in outsiders.stopped


async def check_stops(outsiders: Outsiders, http: httpx.AsyncClient, grants: list[str]) -> None:
    """A stop that was acknowledged holds, with a key that was never used before."""
    for grant in grants:
        answer = await outsiders.fetch(http, grant, secrets.token_urlsafe(16))
        assert answer.json()["code"] == "grant_not_active", "an acknowledged stop was forgotten"


async def check_retry(outsiders: Outsiders, http: httpx.AsyncClient, key: str) -> None:
    """A retry gets the entry that was released under its key, and values only while the grant lives."""
    told = outsiders.told[key]
    answer = await outsiders.fetch(http, told.grant, key)
    if told.grant in outsiders.stopped:
        assert answer.status_code == 401
        assert "attributes" not in answer.json()
        assert base64.b64decode(answer.json()["entry"]["leaf"]) == told.leaf
    else:
        assert answer.status_code == 200, answer.text
        again = outsiders.read(answer)
        assert (again.disclosure, again.leaf) == (told.disclosure, told.leaf)


async def check_batch_again(outsiders: Outsiders, http: httpx.AsyncClient, chance: random.Random) -> None:
    """A batch of old keys, twice: each that was answered gets its entry again, half of the others get one for good."""
    told = chance.sample(list(outsiders.told), min(RETRIES_A_ROUND, len(outsiders.told)))
    waiting = list(outsiders.unanswered.items())[: len(outsiders.unanswered) // 2 + 1]
    wanted = dict(waiting) | {key: outsiders.told[key].grant for key in told}
    answers = [await outsiders.fetch_many(http, wanted) for _ in range(2)]
    first, second = (outsiders.read_many(answer, wanted) for answer in answers)
    for key, found in first.items():
        if isinstance(found, Told):
            told_before = outsiders.told.setdefault(key, found)
            for one in (found, second[key]):
                assert isinstance(one, Told)
                assert (one.disclosure, one.leaf) == (told_before.disclosure, told_before.leaf)
        else:
            assert (found, second[key]) == ("grant_not_active", "grant_not_active")
            assert wanted[key] in outsiders.stopped
        outsiders.unanswered.pop(key, None)
    for key, result in zip(wanted, answers[0].json()["results"], strict=True):
        if key in told and "problem" in result:  # no values, and still the entry
            assert base64.b64decode(result["problem"]["entry"]["leaf"]) == outsiders.told[key].leaf
    for key in [key for key, _ in waiting if key in outsiders.told][:2]:
        await check_retry(outsiders, http, key)


async def check_books(settings: Settings, outsiders: Outsiders, folder: Path) -> None:
    """At the end: each key made one entry, and the whole history replays without a fault."""
    connection = sqlite3.connect(settings.folder / DATABASE)
    try:
        written = {name for (name,) in connection.execute("SELECT id FROM disclosures")}
        states = dict(connection.execute("SELECT id, state FROM grants").fetchall())
        ((memos,),) = connection.execute("SELECT count(*) FROM memos")
    finally:
        connection.close()
    told = {one.disclosure for one in outsiders.told.values()}
    assert len(told) == len(outsiders.told), "two keys got one disclosure"
    assert told <= written
    assert memos == len(written)  # every disclosure of this load came with a key, and each key made one
    assert {grant for grant, state in states.items() if state == "withdrawn"} == outsiders.stopped
    async with inside(settings) as house:
        world = World(house, settings, {})
        report = await world.audit(folder / "log")
    assert report.exit_code == 0, report.sentences
