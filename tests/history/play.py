"""One run: serve a house, let everybody live and somebody meddle, then hold what they saw against the log."""

import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import NamedTuple

import consent_verify
import httpx
from consent_sdk.keys import SigningKey

from consent.acts.audit import admit
from consent.acts.operate import operator
from consent.acts.sign_in import as_persona
from consent.acts.spread import move
from consent.opening import clock
from consent.planting import add_organisation, plant
from consent.seed import Seed
from consent.settings import Settings
from consent.upkeep.succession import add_log
from consent.words.instants import DAY
from tests.conftest import free_port
from tests.faults.under_load import crowd, inside
from tests.postgres import Cluster

from .check import check
from .people import Home, Town
from .seen import Entry, History, Log, part
from .service import Meddler, Service

_LONGEST = 300.0  # seconds that a run may take more than it was to, until it has seen enough


class Enough(NamedTuple):
    """What a run must have seen before it may end, however slow the machine is."""

    stops: int = 12
    given: int = 60
    changed: int = 3  # retries that were refused since a value is another


class Result(NamedTuple):
    """What a run came to."""

    found: dict[str, list[str]]
    history: History
    logs: dict[str, Log]

    @property
    def is_clean(self) -> bool:
        return not any(self.found.values())


async def play(
    *,
    processes: int,
    seconds: float,
    seed: int,
    cluster: Cluster | None = None,
    citizens: int = 4,
    askers: int = 2,
    mutant: str = "",
    rest: float | None = 1.0,
    enough: Enough = Enough(),
    until_found: bool = False,
    logs: int = 1,
    grows: bool = False,
) -> Result:
    """Play for *seconds* and until *enough* was seen; *askers* for each citizen, *rest* between faults, None for none.

    *logs*: how many stand side by side, with equally many citizens each; it *grows*: meanwhile one is added, as an
    operator does it. With *until_found* it ends as soon as what was seen is wrong by itself, which a mutant's run needs
    not wait for.
    """
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="consent-history-") as folder:
        database = await cluster.database() if cluster is not None else ""
        settings = Settings(
            data=f"{folder}/service", port=free_port(), sandbox=True, database=database, workers=processes
        )
        town, auditor = await furnish(settings, citizens=citizens, chance=chance, logs=logs)
        service = Service(settings, processes=processes, mutant=mutant)
        try:
            service.start()
            await service.ready()
            auditing = auditor if until_found else ""
            adding = asyncio.create_task(_add_log(settings, town)) if grows else None
            await _live(
                town, service, chance, seconds, rest, enough, askers=askers, auditing=auditing, adding=adding
            )
            await service.ready()
            found = await _read(settings, auditor, town.seen)
        finally:
            await asyncio.to_thread(service.end)
            if cluster is not None:
                await cluster.drop(database)
    return Result(_checked(town.seen, found, moved=grows), town.seen, found)


async def _add_log(settings: Settings, town: Town) -> None:
    """`consent log add`, in the midst of it all."""
    while town.seen.told < 2:  # noqa: ASYNC110 - what was seen is a list that grows
        await asyncio.sleep(0.05)
    words = ["log", "add", "--data", settings.data, "--port", str(settings.port)]
    adding = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "consent", *words, "--database", settings.database
    )
    assert await adding.wait() == 0


def _checked(seen: History, logs: dict[str, Log], *, moved: bool) -> dict[str, list[str]]:
    """What the rules found in each log; of citizens who *moved* from one to another only what needs no place."""
    found: dict[str, list[str]] = {}
    for name, log in logs.items():
        for rule, broken in check(part(seen, name) if len(logs) > 1 and not moved else seen, log).items():
            if not moved or rule in _WITHOUT_A_PLACE:
                found.setdefault(rule, []).extend(broken)
    return found


_WITHOUT_A_PLACE = (
    "after an acknowledged stop",
    "after the stop in the log",
    "without a gap",
    "never an old value",
    "refused for a reason",
    "every stop ends",
    "only right answers",
    "as the verifier says",
)


async def furnish(
    settings: Settings, *, citizens: int, chance: random.Random, logs: int = 1
) -> tuple[Town, str]:
    """A house with citizens and an organisation, and a token for an auditor."""
    key = SigningKey.new()
    file, people = crowd(key, citizens)
    async with inside(settings) as house:
        await add_organisation(house, file)
        await plant(house, Seed(organisations=(), personas=people))
        homes = [
            Home(row[1], await as_persona(house, row[0], before=None), None)
            for row in await house.store.read("persona.all")
        ]
        for bucket in range(2, logs + 1):
            await add_log(house.store, settings.folder, at=clock())
            await house.scribe.do(move([home.citizen for home in homes[bucket - 1 :: logs]], bucket))
        deed, token = admit(
            auditor="historian",
            organisation=file.organisation.id,
            from_at=clock() - DAY,
            until_at=clock() + DAY,
            reason="to compare what was seen",
            expires_at=clock() + DAY,
            by=operator("tests"),
            chance=chance.randbytes(32),
        )
        await house.scribe.do(deed)
    return Town(settings.public_issuer, key, homes, chance), token


async def _live(
    town: Town,
    service: Service,
    chance: random.Random,
    seconds: float,
    rest: float | None,
    enough: Enough,
    *,
    askers: int,
    auditing: str,
    adding: "asyncio.Task[None] | None",
) -> None:
    """Until time is up and enough was seen, or something is wrong, if one is *auditing* all the time.

    While one is *adding* a log, what was seen before that is done does not count.
    """
    meddler = Meddler(service, chance, town.seen)
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        group.create_task(town.live(askers=askers))
        if rest is not None:
            group.create_task(meddler.meddle(town.over, rest=rest))
        try:
            while time.monotonic() - began < seconds + _LONGEST:
                await asyncio.sleep(0.5 if auditing else 0.1)
                if adding is not None and adding.done():
                    await adding
                    seen, adding = town.seen, None
                    enough = Enough(enough.stops + seen.told, enough.given + seen.given, enough.changed)
                wanted = set(meddler.kinds) if rest is not None else set()
                is_over = adding is None and time.monotonic() - began > seconds
                is_enough = is_over and _has_seen(town.seen, enough, wanted)
                if is_enough or (auditing and await _is_wrong(service.settings, auditing, town.seen)):
                    return
        finally:
            town.over.set()


def _has_seen(seen: History, enough: Enough, faults: set[str]) -> bool:
    codes = Counter(fetch.code for fetch in seen.fetches)
    return (
        seen.told >= enough.stops
        and seen.given >= enough.given
        and codes["values_changed"] >= enough.changed
        and faults <= {fault.kind for fault in seen.faults if fault.ended < 1 << 62}
    )


async def _is_wrong(settings: Settings, token: str, seen: History) -> bool:
    """Whether what was seen is wrong by itself, or the log is."""
    entries: list[Entry] = []
    with contextlib.suppress(httpx.HTTPError):
        entries = _entries(b"".join([piece async for piece in _openings(settings, token)]))
    found = check(seen, Log(entries, {}))  # of one log
    return any(found[name] for name in _AT_ANY_TIME)


_AT_ANY_TIME = (
    "after an acknowledged stop",
    "after the stop in the log",
    "without a gap",
    "one key one entry",
    "no entry of another",
    "never an old value",
    "in the order of time",
    "in the log before the answer",
    "only right answers",
)


async def _read(settings: Settings, token: str, seen: History) -> dict[str, Log]:
    """The logs as an auditor gets them from the running service: their entries opened, and the verifier's own word."""
    found = {}
    for place in await asyncio.to_thread(consent_verify.find_logs, settings.public_issuer):
        name = place.rpartition("/")[2]
        openings, until = b"", time.monotonic() + _LONGEST
        has_some = any(fetch.log == name for fetch in seen.fetches)
        while has_some and not openings and time.monotonic() < until:
            with contextlib.suppress(httpx.HTTPError):  # a server with a fault built in may say no
                openings = b"".join([piece async for piece in _openings(settings, token, name)])
        found[name] = await asyncio.to_thread(_verified, place, part(seen, name), openings)
    return found


async def _openings(settings: Settings, token: str, log: str = "") -> AsyncIterator[bytes]:
    query = {"log": log} if log else {}
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=settings.public_issuer, timeout=600, trust_env=False) as http,
        http.stream("GET", "/audit/openings", params=query, headers=headers) as answer,
    ):
        answer.raise_for_status()
        async for piece in answer.aiter_bytes():
            yield piece


def _entries(openings: bytes) -> list[Entry]:
    entries = []
    for line in openings.splitlines():
        opening = json.loads(line)
        says = json.loads(opening["A"])
        entries.append(Entry(opening["i"], says["ev"], says.get("c"), says.get("n")))
    return sorted(entries, key=lambda entry: entry.index)


def _verified(place: str, seen: History, openings: bytes) -> Log:
    report = consent_verify.verify_log(place, openings=openings, live=True)
    verdict = "" if report.exit_code == 0 else " ".join(report.sentences)
    wanted = {fetch.index for fetch in seen.fetches if fetch.index is not None}
    leaves: dict[int, bytes] = {}
    try:
        source, note = consent_verify.find_log(place)
        size = consent_verify.read_checkpoint(note).size
        leaves = consent_verify.read_tree(source, size, {index for index in wanted if index < size}).leaves
    except (consent_verify.Broken, consent_verify.Unchecked) as broken:
        verdict = verdict or str(broken)
    return Log(_entries(openings), leaves, verdict)
