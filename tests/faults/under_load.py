"""A served house under load: many citizens with live grants, clients that fetch and citizens that stop, all over HTTP.

What these outsiders were told is kept here, so that a test can hold it against the service after a crash.
"""

import asyncio
import base64
import contextlib
import random
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple

import httpx
import msgspec
from consent_sdk.keys import SigningKey, client_assertion, dpop_proof
from consent_sdk.merkle import shared_paths
from consent_sdk.note import InclusionProof, proof_text

from consent.acts.house import House
from consent.acts.session import form_key
from consent.acts.sign_in import as_persona
from consent.oauth.batches import batch_details
from consent.oauth.clients import ASSERTION_TYPE
from consent.oauth.metadata import TOKEN_PATH
from consent.opening import clock, open_house, prepare
from consent.planting import add_organisation, plant
from consent.seed import ClientEntry, OrganisationFile, Persona, Seed, read_seed
from consent.settings import Settings
from tests.gathering import allow_batches
from tests.world import MUNICIPALITY, NEEDED, PURPOSE, World

BATCH = "/disclosures/batch"
_ITEMS = 8  # in a batch
_STARTING = 60.0  # seconds; on a busy machine


class Live(NamedTuple):
    """A grant, the token that uses it, and what its citizen's browser needs to stop it."""

    grant: str
    token: str
    cookie: str


class Told(NamedTuple):
    """What a client was told about one Idempotency-Key."""

    grant: str
    disclosure: str
    leaf: bytes
    proof: str  # in the usual format, also of one that came in a batch


class Outsiders:
    """The clients and citizens, and all that they know for certain."""

    def __init__(self, issuer: str, key: SigningKey, grants: list[Live], chance: random.Random) -> None:
        self.issuer = issuer
        self._key = key
        self._batches = ""  # the token for them
        self.grants = {live.grant: live for live in grants}
        self._chance = chance
        self.told: dict[str, Told] = {}  # key -> a disclosure that was released
        self.unanswered: dict[str, str] = {}  # key -> grant: asked, and the answer never came
        self.stopped: set[str] = set()  # the stop was acknowledged
        self.perhaps_stopped: set[str] = set()  # asked, and the answer never came
        self.together = 0  # how many of the told came in a batch
        self.under_way = asyncio.Event()  # more than ten were told, and one stopped

    def live(self) -> list[str]:
        """Grants that nobody has asked to stop."""
        return [g for g in self.grants if g not in self.stopped and g not in self.perhaps_stopped]

    async def fetch(self, http: httpx.AsyncClient, grant: str, key: str) -> httpx.Response:
        """One `POST /disclosures` with a fresh proof."""
        headers = self._proven("/disclosures", self.grants[grant].token) | {"idempotency-key": key}
        return await http.post("/disclosures", json={"attributes": sorted(NEEDED)}, headers=headers)

    async def fetch_many(self, http: httpx.AsyncClient, wanted: dict[str, str]) -> httpx.Response:
        """One `POST /disclosures/batch`; *wanted*: key -> grant."""
        items = [
            {"grant_id": grant, "attributes": sorted(NEEDED), "idempotency_key": key}
            for key, grant in wanted.items()
        ]
        headers = self._proven(BATCH, self._batches)
        return await http.post(BATCH, json={"items": items}, headers=headers)

    async def renew(self, http: httpx.AsyncClient) -> None:
        """Get another token for batches: one lives five minutes."""
        at, jti = int(time.time()), secrets.token_urlsafe(16)
        form = {
            "grant_type": "client_credentials",
            "authorization_details": msgspec.json.encode(batch_details(self.issuer)).decode(),
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": client_assertion(
                self._key, client_id=MUNICIPALITY, issuer=self.issuer, at=at, jti=jti
            ),
        }
        answer = await http.post(TOKEN_PATH, data=form, headers={"dpop": self._proof(TOKEN_PATH, None)})
        assert answer.status_code == 200, answer.text
        self._batches = answer.json()["access_token"]

    def _proven(self, path: str, token: str) -> dict[str, str]:
        return {"authorization": f"DPoP {token}", "dpop": self._proof(path, token)}

    def _proof(self, path: str, token: str | None) -> str:
        return dpop_proof(
            self._key,
            method="POST",
            url=self.issuer + path,
            at=int(time.time()),
            jti=secrets.token_urlsafe(16),
            token=token,
            nonce=None,
        )

    async def keep_fetching(self, http: httpx.AsyncClient) -> None:
        """Fetch again and again until the service is gone."""
        while True:
            grant, key = self._chance.choice(list(self.grants)), secrets.token_urlsafe(16)
            was_stopped = grant in self.stopped
            self.unanswered[key] = grant
            try:
                answer = await self.fetch(http, grant, key)
            except httpx.TransportError:
                return
            if answer.status_code == 503:  # it is on its way out, and says so
                return
            del self.unanswered[key]
            if answer.status_code == 200:
                assert not was_stopped, "a disclosure after an acknowledged stop"
                self.told[key] = self.read(answer)
                self._look()
            else:
                assert answer.json()["code"] == "grant_not_active", answer.text
                assert grant in self.stopped | self.perhaps_stopped, "refused although nobody stopped it"

    async def keep_gathering(self, http: httpx.AsyncClient, *, most: int) -> None:
        """Fetch under so many grants at once, again and again until the service is gone."""
        while True:
            wanted = {secrets.token_urlsafe(16): one for one in self._chance.sample(list(self.grants), most)}
            stopped = set(self.stopped)
            self.unanswered |= wanted
            try:
                answer = await self.fetch_many(http, wanted)
            except httpx.TransportError:
                return
            if answer.status_code == 503:
                return
            for key, found in self.read_many(answer, wanted).items():
                del self.unanswered[key]
                if isinstance(found, Told):
                    assert found.grant not in stopped, "a disclosure after an acknowledged stop"
                    self.told[key] = found
                    self.together += 1
                else:
                    assert found == "grant_not_active"
                    assert wanted[key] in self.stopped | self.perhaps_stopped, "refused, nobody stopped it"

    async def keep_stopping(self, http: httpx.AsyncClient, *, most: int) -> None:
        """Stop a grant now and then, at most so many, until the service is gone."""
        for grant in self._chance.sample(self.live(), most):
            await asyncio.sleep(self._chance.uniform(0.01, 0.1))
            self.perhaps_stopped.add(grant)
            try:
                answer = await self.stop(http, grant)
            except httpx.TransportError:
                return
            if answer.status_code == 503:
                return
            assert answer.status_code == 303, answer.text
            self.stopped.add(grant)
            self.perhaps_stopped.discard(grant)
            self._look()

    def _look(self) -> None:
        if len(self.told) > 10 and self.stopped:
            self.under_way.set()

    async def stop(self, http: httpx.AsyncClient, grant: str) -> httpx.Response:
        """A citizen presses Stop."""
        cookie = self.grants[grant].cookie
        headers = {"origin": self.issuer, "cookie": f"session={cookie}"}
        return await http.post(f"/my/grants/{grant}/stop", data={"csrf": form_key(cookie)}, headers=headers)

    async def press_on(self, *, clients: int, stops: int, batches: int = 0) -> None:
        """Load from several clients at once, until the service is gone for all of them.

        *batches*: how many more fetch under several grants at once, with the token that was renewed.
        """
        async with httpx.AsyncClient(base_url=self.issuer, timeout=15) as http, asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(self.keep_fetching(http))
            for _ in range(batches):
                group.create_task(self.keep_gathering(http, most=min(_ITEMS, len(self.grants))))
            group.create_task(self.keep_stopping(http, most=stops))

    @staticmethod
    def read(answer: httpx.Response) -> Told:
        """What a 200 says."""
        said = answer.json()
        leaf = base64.b64decode(said["entry"]["leaf"])
        return Told(said["grant_id"], said["disclosure_id"], leaf, said["proof"])

    @staticmethod
    def read_many(answer: httpx.Response, wanted: dict[str, str]) -> dict[str, Told | str]:
        """What a 200 to a batch says of each key: a disclosure with a proof of its own, or the code of a problem."""
        assert answer.status_code == 200, answer.text
        said = answer.json()
        entries = [one["entry"] | one for r in said["results"] for one in r.values() if "entry" in one]
        proofs: dict[int, str] = {}  # index -> the proof of that entry
        for place, shared in enumerate(said["proofs"]):
            leaves = {
                one["opening"]["i"]: base64.b64decode(one["leaf"]) for one in entries if one["proof"] == place
            }
            size = int(shared["checkpoint"].split("\n")[1])
            _, paths = shared_paths(leaves, size, [base64.b64decode(one) for one in shared["hashes"]])
            for index, path in paths.items():
                proofs[index] = proof_text(InclusionProof(index, path, shared["checkpoint"]))
        return {
            key: Told(
                one["disclosure"]["grant_id"],
                one["disclosure"]["disclosure_id"],
                base64.b64decode(one["disclosure"]["entry"]["leaf"]),
                proofs[one["disclosure"]["entry"]["opening"]["i"]],
            )
            if "disclosure" in one
            else one["problem"]["code"]
            for key, one in zip(wanted, said["results"], strict=True)
        }


class Served:
    """`consent serve` on a folder, as a process that can be killed and started again."""

    def __init__(self, settings: Settings, *, program: str = "consent", within: Sequence[str] = ()) -> None:
        """*within*: a command that runs what follows it, somewhere else."""
        self.settings = settings
        self._program = program
        self._within = within
        self.process: subprocess.Popen[bytes] | None = None
        self._log = Path(settings.data).with_suffix(".log")

    def start(self) -> None:
        """Start it and wait until it answers."""
        words = ["serve", "--sandbox", "--data", self.settings.data, "--port", str(self.settings.port)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self._within, sys.executable, "-m", self._program, *words], stdout=log, stderr=log
            )
        until = time.monotonic() + _STARTING
        while True:
            assert self.process.poll() is None, f"it did not start: {self.said()}"
            assert time.monotonic() < until, f"it does not answer: {self.said()}"
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"{self.settings.public_issuer}/log", timeout=1).raise_for_status()
                return
            time.sleep(0.02)

    def kill(self) -> None:
        """kill -9: no handler runs, nothing is flushed."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def dies(self) -> None:
        """It kills itself, as it was armed to."""
        assert self.process is not None
        self.process.wait(15)

    def end(self) -> None:
        """Whatever happened in the test, no process stays behind."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)

    def said(self) -> str:
        """What it wrote to its log, over all starts."""
        return self._log.read_text("utf-8", "replace")


@contextlib.asynccontextmanager
async def inside(settings: Settings) -> AsyncIterator[House]:
    """The house on this folder, opened in this process while nothing serves it."""
    store = await prepare(settings)
    try:
        house = await open_house(settings, store, clock)
        house.scribe.start()
        try:
            yield house
        finally:
            await house.scribe.stop()
    finally:
        await store.close()


async def furnish(settings: Settings, *, citizens: int, chance: random.Random) -> Outsiders:
    """Make the house with many citizens who have each said yes, and a purpose that may be used all day."""
    key = SigningKey.new()
    file, people = crowd(key, citizens)
    async with inside(settings) as house:
        await add_organisation(house, file)
        await plant(house, Seed(organisations=(), personas=people))
        world = World(house, settings, {MUNICIPALITY: key})
        grants = [
            await _say_yes(world, house, row[0], row[1]) for row in await house.store.read("persona.all")
        ]
        await allow_batches(world)
    return Outsiders(settings.public_issuer, key, grants, chance)


def crowd(key: SigningKey, citizens: int) -> tuple[OrganisationFile, tuple[Persona, ...]]:
    """So many like Sanne, and an organisation whose purpose may be used all day."""
    seed = read_seed()
    shipped = next(f for f in seed.organisations if any(c.id == MUNICIPALITY for c in f.clients))
    client = ClientEntry(
        id=MUNICIPALITY,
        name="A client that asks often",
        redirect_uris=("http://127.0.0.1/callback",),
        jwks={"keys": [dict(key.public_jwk)]},
    )
    busy = tuple(
        msgspec.structs.replace(purpose, frequency_per_day=100_000)
        for purpose in shipped.purposes
        if purpose.id == PURPOSE
    )
    one = next(persona for persona in seed.personas if persona.id == "sanne")
    people = tuple(msgspec.structs.replace(one, id=f"citizen-{n}") for n in range(citizens))
    return msgspec.structs.replace(shipped, clients=(client,), purposes=busy), people


async def _say_yes(world: World, house: House, persona: str, citizen: str) -> Live:
    world.at = clock()
    given = await world.given(citizen=citizen)
    cookie = await as_persona(house, persona, before=None)
    return Live(given.grant, given.tokens.access_token, cookie)
