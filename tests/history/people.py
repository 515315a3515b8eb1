"""The clients, over HTTP: citizens who write values, stop and share anew, and organisations that never stop asking."""

import asyncio
import base64
import json
import random
import secrets
import time
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx
import msgspec
from consent_sdk.keys import SigningKey, challenge_of, client_assertion, dpop_proof

from consent.acts.session import form_key
from consent.demo_browser import Page
from consent.oauth.clients import ASSERTION_TYPE
from tests.world import MUNICIPALITY, PURPOSE

from .seen import Change, Fetch, History, Look, Stop, now

CHANGED = "energy_supplier"
ASKED = ("energy_supplier", "household_size", "income_below_threshold")
REDIRECT = "http://127.0.0.1/callback"
_PATIENCE = 40.0  # seconds, longer than the service waits for anything
_KEPT = 30  # keys of a grant that are tried again


class Live(NamedTuple):
    """A grant and the token that uses it."""

    grant: str
    token: str


class Home:
    """A citizen: her browser, and the grant that organisations ask under, for a while also after she stopped it."""

    def __init__(self, citizen: str, cookie: str, live: Live | None) -> None:
        self.citizen = citizen
        self.cookie = cookie
        self.live = live
        self.keys: list[str] = []  # used under this grant
        self.writes = 0


class Town:
    """Everybody, and what they have seen. `over` is set when they are to come to an end."""

    def __init__(self, issuer: str, key: SigningKey, homes: list[Home], chance: random.Random) -> None:
        self.issuer = issuer
        self.key = key
        self.homes = homes
        self.chance = chance
        self.seen = History(changes=[Change(home.citizen, FIRST, 0, 0) for home in homes])
        self.over = asyncio.Event()

    async def live(self, *, askers: int) -> None:
        """All of them at once, with so many who ask each citizen; ends when all is over and nothing is pending."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            for home in self.homes:
                group.create_task(self._live_at(home))
                for _ in range(askers):
                    group.create_task(self._ask_on_and_on(home))

    def client(self) -> httpx.AsyncClient:
        """A connection of somebody's own."""
        return httpx.AsyncClient(base_url=self.issuer, timeout=_PATIENCE, trust_env=False)

    # Organisations

    async def _ask_on_and_on(self, home: Home) -> None:
        """Ask with new keys and old ones, twice at once, and sometimes without waiting for the answer."""
        http = self.client()
        try:
            while not self.over.is_set():
                live, draw = home.live, self.chance.random()
                if live is None:
                    await asyncio.sleep(0.02)
                    continue
                if draw < 0.3 and home.keys:
                    await self.fetch(http, home, live, self.chance.choice(home.keys))
                    continue
                key = secrets.token_urlsafe(16)
                home.keys = [*home.keys[-_KEPT:], key]
                if draw < 0.4:
                    await asyncio.gather(*(self.fetch(http, home, live, key) for _ in range(2)))
                elif draw < 0.48:
                    await self.fetch(http, home, live, key, patience=self.chance.uniform(0.001, 0.05))
                    await self.fetch(http, home, live, key)
                else:
                    await self.fetch(http, home, live, key)
                if draw > 0.95:  # another connection, perhaps to another process
                    await http.aclose()
                    http = self.client()
        finally:
            await http.aclose()

    async def fetch(
        self, http: httpx.AsyncClient, home: Home, live: Live, key: str, *, patience: float | None = None
    ) -> Fetch:
        """One `POST /disclosures` with a fresh proof; gives up after *patience* seconds."""
        headers = self._with_token(live.token, "POST", "/disclosures") | {"idempotency-key": key}
        fetch = Fetch(live.grant, home.citizen, key, now())
        self.seen.fetches.append(fetch)
        try:
            async with asyncio.timeout(patience):
                answer = await http.post("/disclosures", json={"attributes": ASKED}, headers=headers)
        except TimeoutError:
            return fetch
        except httpx.TransportError:
            await asyncio.sleep(0.05)
            return fetch
        fetch.ended = now()
        self._read(answer, fetch)
        return fetch

    def _read(self, answer: httpx.Response, fetch: Fetch) -> None:
        said = answer.json()
        if answer.status_code == 200:
            fetch.code = "given"
            self.seen.given += 1
            fetch.value = said["attributes"][CHANGED]["value"]
            fetch.disclosure = said["disclosure_id"]
            if said["grant_id"] != fetch.grant:
                self.seen.wrong.append("values of another grant")
        else:
            fetch.code = said.get("code", "")
            if fetch.code not in _REFUSALS:
                self._wrong("disclosure", answer)
        if "entry" in said:
            opening = said["entry"]["opening"]
            fetch.index = opening["i"]
            fetch.leaf = base64.b64decode(said["entry"]["leaf"])
            record = json.loads(opening["A"])
            fetch.began_with, fetch.log = record["c"], record["o"].rpartition("/")[2]

    def _with_token(self, token: str, method: str, path: str) -> dict[str, str]:
        return {"authorization": f"DPoP {token}", "dpop": self._proof(method, path, token)}

    def _proof(self, method: str, path: str, token: str | None = None) -> str:
        return dpop_proof(
            self.key,
            method=method,
            url=self.issuer + path,
            at=int(time.time()),
            jti=secrets.token_urlsafe(16),
            token=token,
            nonce=None,
        )

    # Citizens

    async def _live_at(self, home: Home) -> None:
        """Write another value now and then, stop, wait a little, share anew; at the end a stop that holds."""
        async with self.client() as organisation, self.client() as http:
            http.cookies.set("session", home.cookie)
            while not self.over.is_set():
                if home.live is None:
                    home.live = await self.share(organisation, http)
                    home.keys = []
                    continue
                for _ in range(self.chance.randrange(4)):
                    await self._change(http, home)
                    await asyncio.sleep(self.chance.uniform(0, 0.05))
                await asyncio.sleep(self.chance.uniform(0.02, 0.2))
                await self.stop(http, home, home.live)
                await asyncio.sleep(self.chance.uniform(0.02, 0.1))  # they go on asking
                home.live = None

    async def _change(self, http: httpx.AsyncClient, home: Home) -> None:
        home.writes += 1
        change = Change(home.citizen, f"supplier {home.writes}", now())
        self.seen.changes.append(change)
        fields = {"value": change.value, "next": "/my/data"}
        if await self._press(http, home, f"/my/data/{CHANGED}", fields) == "/my/data":
            change.ended = now()

    async def stop(self, http: httpx.AsyncClient, home: Home, live: Live) -> bool:
        """Press Stop until it is acknowledged, at most for some minutes; returns whether it was."""
        until = time.monotonic() + 5 * _PATIENCE
        while time.monotonic() < until:
            stop = Stop(live.grant, now())
            self.seen.stops.append(stop)
            if await self._press(http, home, f"/my/grants/{live.grant}/stop", {}) is not None:
                stop.ended = now()
                self.seen.told += 1
                return True
            await asyncio.sleep(0.05)
        return False

    async def _press(
        self, http: httpx.AsyncClient, home: Home, path: str, fields: dict[str, str]
    ) -> str | None:
        """Send a form of hers; where it leads, or None when nobody answered or nothing could be written."""
        try:
            answer = await http.post(
                path, data=fields | {"csrf": form_key(home.cookie)}, headers={"origin": self.issuer}
            )
        except httpx.TransportError:
            return None
        where = answer.headers.get("location", "")
        if answer.status_code == 303 and not where.startswith("/sign-in"):
            return where
        self._unless_busy(path, answer)
        return None

    async def share(self, organisation: httpx.AsyncClient, http: httpx.AsyncClient) -> Live | None:
        """The whole way from a question to a token; None when it broke off, as it may while processes die."""
        try:
            return await self._all_the_way(organisation, http)
        except httpx.TransportError:
            await asyncio.sleep(0.05)
            return None

    async def _all_the_way(self, organisation: httpx.AsyncClient, http: httpx.AsyncClient) -> Live | None:
        verifier = secrets.token_urlsafe(48)
        details = {
            "type": f"{self.issuer}/types/attributes/v1",
            "purpose": PURPOSE,
            "purpose_version": 1,
            "attributes": ASKED,
            "duration_days": 30,
        }
        asked = self._identified(
            response_type="code",
            redirect_uri=REDIRECT,
            code_challenge=challenge_of(verifier),
            code_challenge_method="S256",
            authorization_details=msgspec.json.encode([details]).decode(),
        )
        pushed = await organisation.post("/oauth/par", data=asked, headers=self._proven("/oauth/par"))
        if pushed.status_code != 201:
            return self._unless_busy("par", pushed)
        where = {"client_id": MUNICIPALITY, "request_uri": pushed.json()["request_uri"]}
        shown = await self._follow(http, await http.get("/oauth/authorize", params=where))
        if not isinstance(shown, Page) or "decide" not in shown.forms:
            return self._unless_busy("question", shown)
        form = shown.forms["decide"]
        said = [*form.fields, *(("attribute", name) for name in ASKED), ("decision", "yes")]
        headers = {"origin": self.issuer, "content-type": "application/x-www-form-urlencoded"}
        answered = await http.post(urljoin(shown.url, form.action), content=urlencode(said), headers=headers)
        page = await self._follow(http, answered)
        if isinstance(page, Page) and "decide" in page.forms:
            return None  # a value that nobody knew to be written has changed the page: she reads it again
        if not isinstance(page, Page) or page.onward is None:
            return self._unless_busy("answer", page)
        back = await self._follow(http, await http.get(page.onward))
        if not isinstance(back, str) or "code=" not in back:
            return self._unless_busy("way back", back)
        exchange = self._identified(
            grant_type="authorization_code",
            code=parse_qs(urlsplit(back).query)["code"][0],
            code_verifier=verifier,
        )
        given = await organisation.post("/oauth/token", data=exchange, headers=self._proven("/oauth/token"))
        if given.status_code != 200:
            return self._unless_busy("token", given)
        tokens = given.json()
        return Live(tokens["grant_id"], tokens["access_token"])

    def _proven(self, path: str) -> dict[str, str]:
        return {"dpop": self._proof("POST", path)}

    def _identified(self, **fields: str) -> dict[str, str]:
        assertion = client_assertion(
            self.key,
            client_id=MUNICIPALITY,
            issuer=self.issuer,
            at=int(time.time()),
            jti=secrets.token_urlsafe(16),
        )
        return fields | {
            "client_id": MUNICIPALITY,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion,
        }

    async def _follow(self, http: httpx.AsyncClient, answer: httpx.Response) -> Page | str:
        """Follow the service's own redirects; the page at the end, or the address outside."""
        while answer.is_redirect:
            where = urljoin(str(answer.url), answer.headers["location"])
            if not where.startswith(f"{self.issuer}/"):
                return where
            answer = await http.get(where)
        return Page(answer)

    def _unless_busy(self, what: str, answer: Any) -> None:
        status = answer.status if isinstance(answer, Page) else getattr(answer, "status_code", 0)
        if status != 503:
            self._wrong(what, answer)

    def _wrong(self, what: str, answer: Any) -> None:
        if isinstance(answer, httpx.Response):
            self.seen.wrong.append(f"{what}: {answer.status_code} {answer.text[:300]}")
        else:
            page = f"{answer.status} {answer.heading}" if isinstance(answer, Page) else answer
            self.seen.wrong.append(f"{what}: {page}")

    # Whoever reads the log

    async def _watch(self) -> None:
        """Read the newest checkpoint, again and again."""
        http = self.client()
        try:
            names: list[str] = []
            while not self.over.is_set():
                began = now()
                try:
                    names = names or (await http.get("/log")).text.split()
                    name = self.chance.choice(names)
                    answer = await http.get(f"/log/{name}/checkpoint?unwitnessed")
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
                    continue
                if answer.status_code == 200:
                    self.seen.looks.append(Look(began, now(), int(answer.text.splitlines()[1]), name))
                else:
                    self._unless_busy("checkpoint", answer)
                await asyncio.sleep(0.005)
                if self.chance.random() < 0.05:
                    await http.aclose()
                    http = self.client()
        finally:
            await http.aclose()


FIRST = "Voorbeeld Energie"
_REFUSALS = frozenset({"grant_not_active", "values_changed", "overloaded"})
