"""A whole house for one test: real database file, real cryptography, a clock that the test moves. No mocks.

The acts are called as the doors call them; whoever needs HTTP takes the `served` fixture instead.
"""

import functools
import hashlib
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import consent_verify
import msgspec
from consent_sdk.keys import SigningKey, challenge_of, client_assertion, dpop_proof

from consent.acts import acknowledge as acknowledging
from consent.acts import ask as asking
from consent.acts import disclose as disclosing
from consent.acts import grant as granting
from consent.acts import inspect as inspecting
from consent.acts import lead_back as leading
from consent.acts import mandate as mandates
from consent.acts import redeem as redeeming
from consent.acts import revoke as revoking
from consent.acts import use as using
from consent.acts import withdraw as withdrawing
from consent.acts.authenticate import authenticate
from consent.acts.house import House
from consent.acts.mandate import Wish
from consent.acts.once import Caller
from consent.acts.session import Visitor
from consent.grants.grant import Grant
from consent.keyfiles import make_folder
from consent.ledger.entry import opening_json
from consent.oauth.clients import ASSERTION_TYPE
from consent.oauth.dpop import Proof, check_proof
from consent.oauth.metadata import PAR_PATH, TOKEN_PATH
from consent.oauth.par import check_pushed_request
from consent.oauth.signals import STATEMENT_TYPE
from consent.oauth.step_up import INVENTED, SignIn
from consent.oauth.token import ClientCredentials, CodeExchange, Refresh, handle_hash
from consent.opening import DATABASE, open_house, prepare
from consent.planting import add_organisation, plant
from consent.seed import ClientEntry, Seed, read_seed
from consent.settings import Settings
from consent.storage.kinds import SIGNAL
from consent.storage.rows import Signal
from consent.storage.sqlite import SqliteStore
from consent.storage.store import Store
from consent.upkeep.export import export_log
from consent.words.actors import HERSELF, Actor
from consent.words.instants import SECOND
from consent.words.purposes import request_type

START = 1_900_000_000 * SECOND
MUNICIPALITY = "voorbeeldstad-loket"
PURPOSE = "energietoeslag"
ASKED = ("income_below_threshold", "household_size", "number_of_children", "energy_supplier")
NEEDED = frozenset({"income_below_threshold", "household_size"})
VERIFIER = "v" * 43


class Given(msgspec.Struct):
    """A yes with all that came of it."""

    citizen: str
    grant: str
    code: str
    tokens: redeeming.Tokens


class World:
    """The house, its people and organisations, and shortcuts for what they do."""

    def __init__(self, house: House, settings: Settings, keys: dict[str, SigningKey]) -> None:
        self.house = house
        self.settings = settings
        self.keys = keys
        self.at = START
        self._people: dict[str, str] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        data: Path,
        *,
        at: int = START,
        store: Store | None = None,
        yearly: bool = False,
        database: str = "",
    ) -> AsyncIterator["World"]:
        """Open a new or used data folder. *store*: another store on the same folder, to make it fail. *yearly*: the
        log changes with the year of this world's clock. *database*: a PostgreSQL instead of a file."""
        settings = Settings(data=str(data), database=database, sandbox=True, yearly_logs=yearly)
        seed, keys = _seed_with_keys()
        if not database:
            _put_tables(data, await _tables())
        now = [at]
        real = await prepare(settings)
        house = await open_house(settings, store or real, lambda: now[0])
        world = cls(house, settings, keys)
        world._now = now  # type: ignore[attr-defined]
        world.at = at
        house.scribe.start()
        try:
            for file in seed.organisations:
                await add_organisation(house, file)
            await plant(house, seed)
            for row in await house.store.read("persona.all"):
                world._people[row[0]] = row[1]
            yield world
        finally:
            await house.scribe.stop()
            await real.close()

    def pass_time(self, seconds: float) -> None:
        """Move the clock; a negative number moves it back."""
        self.at += int(seconds * SECOND)
        self._now[0] = self.at  # type: ignore[attr-defined]

    def citizen(self, persona: str = "sanne") -> str:
        """The id of an invented person."""
        return self._people[persona]

    # What an organisation does

    def proof(self, client: str, method: str, path: str, token: str | None = None) -> Proof:
        """A fresh DPoP proof of a client's key, checked."""
        url = self.house.issuer + path
        text = dpop_proof(
            self.keys[client],
            method=method,
            url=url,
            at=self.at // SECOND,
            jti=secrets.token_urlsafe(16),
            token=token,
            nonce=None,
        )
        return check_proof(
            [text.encode()], method=method, url=url, at=self.at, token=token, cache=self.house.proof_keys
        )

    async def caller(self, client: str, form: dict[str, str], path: str) -> tuple[Any, Caller]:
        """A client that proves who it is, with a fresh assertion and a fresh proof."""
        assertion = client_assertion(
            self.keys[client],
            client_id=client,
            issuer=self.house.issuer,
            at=self.at // SECOND,
            jti=secrets.token_urlsafe(16),
        )
        form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        url = self.house.issuer + path
        text = dpop_proof(
            self.keys[client],
            method="POST",
            url=url,
            at=self.at // SECOND,
            jti=secrets.token_urlsafe(16),
            token=None,
            nonce=None,
        )
        return await authenticate(self.house, form, proofs=[text.encode()], method="POST", url=url)

    async def ask(
        self,
        *,
        client: str = MUNICIPALITY,
        purpose: str = PURPOSE,
        attributes: tuple[str, ...] = ASKED,
        days: int = 90,
        version: int = 1,
        amends: str | None = None,
        how: str = "replace",
        **fields: str,
    ) -> str:
        """Push a request, perhaps one to change grant *amends*; returns its id, as the page's address has it.

        *fields* are added to its form.
        """
        details = [
            {
                "type": request_type(self.house.issuer),
                "purpose": purpose,
                "purpose_version": version,
                "attributes": list(attributes),
                "duration_days": days,
            }
        ]
        form = {
            "response_type": "code",
            "redirect_uri": "http://127.0.0.1:9/callback",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            "state": "s",
            "authorization_details": msgspec.json.encode(details).decode(),
        } | fields
        if amends is not None:
            form |= {"grant_id": amends, "grant_management_action": how}
        known, caller = await self.caller(client, form, PAR_PATH)
        checked = check_pushed_request(
            form, client=known, proof_jkt=caller.proof.jkt if caller.proof else None
        )
        pushed = await asking.push(self.house, caller, checked)
        found = await asking.find(self.house, client=client, reference=pushed.reference)
        return found.id

    async def answer(
        self,
        request: str,
        *,
        citizen: str | None = None,
        chosen: frozenset[str] = NEEDED,
        decision: str = "yes",
        by: Actor = HERSELF,
        sign_in: SignIn | None = None,
    ) -> granting.Answered | granting.Again:
        """A citizen looks at a request and answers it, signed in just now unless *sign_in* says how."""
        who = citizen or self.citizen()
        sign_in = sign_in or SignIn(INVENTED, self.at)
        page = await asking.look(self.house, citizen=who, request=request, language="nl", sign_in=sign_in)
        return await granting.answer(
            self.house,
            citizen=who,
            request=request,
            language="nl",
            decision=decision,
            chosen=chosen,
            seal=page.seal,
            sign_in=sign_in,
            by=by,
        )

    async def back(self, answered: granting.Answered | granting.Again, *, citizen: str | None = None) -> str:
        """She goes back to who asked; the address there, with her answer."""
        assert isinstance(answered, granting.Answered), answered
        who = citizen or self.citizen()
        return await leading.lead_back(self.house, citizen=who, request=answered.request)

    async def code(self, answered: granting.Answered | granting.Again, *, citizen: str | None = None) -> str:
        """She goes back with a code."""
        return parse_qs(urlsplit(await self.back(answered, citizen=citizen)).query)["code"][0]

    async def exchange(
        self, code: str, *, client: str = MUNICIPALITY, verifier: str = VERIFIER
    ) -> redeeming.Tokens:
        """A client exchanges a code."""
        _, caller = await self.caller(client, {}, TOKEN_PATH)
        form = CodeExchange(code=code, redirect_uri=None, verifier=verifier)
        return await redeeming.redeem(self.house, caller, form)

    async def amended(
        self,
        given: Given,
        *attributes: str,
        chosen: frozenset[str] | None = None,
        days: int = 90,
        version: int = 1,
    ) -> Given:
        """The whole way from a request to change a grant to new tokens; *chosen* is all that is asked, but for that."""
        asked = await self.ask(attributes=attributes, days=days, version=version, amends=given.grant)
        answered = await self.answer(asked, citizen=given.citizen, chosen=chosen or frozenset(attributes))
        assert isinstance(answered, granting.Answered), answered
        assert answered.grant == given.grant
        code = await self.code(answered, citizen=given.citizen)
        return Given(given.citizen, given.grant, code, await self.exchange(code))

    async def refresh(self, tokens: redeeming.Tokens, *, client: str = MUNICIPALITY) -> redeeming.Tokens:
        """A client gets a new access token."""
        _, caller = await self.caller(client, {}, TOKEN_PATH)
        form = Refresh(refresh_token=tokens.refresh_token or "")
        return await redeeming.redeem(self.house, caller, form)

    async def let_go(self, grant: str, *, client: str = MUNICIPALITY) -> Grant:
        """An organisation ends a grant itself."""
        token = await self.own_token(client)
        proof = self.proof(client, "DELETE", f"/grants/{grant}", token)
        return await revoking.revoke(self.house, token_hash=handle_hash(token), proof=proof, grant=grant)

    async def state(self, grant: str, *, client: str = MUNICIPALITY) -> inspecting.GrantState:
        """An organisation asks how a grant stands."""
        token = await self.own_token(client)
        proof = self.proof(client, "GET", f"/grants/{grant}", token)
        return await inspecting.grant_state(
            self.house, token_hash=handle_hash(token), proof=proof, grant=grant
        )

    async def given(
        self,
        *,
        chosen: frozenset[str] = NEEDED,
        citizen: str | None = None,
        days: int = 90,
        by: Actor = HERSELF,
    ) -> Given:
        """The whole way from a request to tokens."""
        who = citizen or self.citizen()
        answered = await self.answer(await self.ask(days=days), citizen=who, chosen=chosen, by=by)
        assert isinstance(answered, granting.Answered), answered
        assert answered.grant is not None
        code = await self.code(answered, citizen=who)
        return Given(who, answered.grant, code, await self.exchange(code))

    async def disclose(
        self,
        tokens: redeeming.Tokens,
        *attributes: str,
        key: str | None = None,
        client: str = MUNICIPALITY,
        proof: Proof | None = None,
    ) -> disclosing.Given | disclosing.Refused:
        """A client asks for values under a grant."""
        names = frozenset(attributes or (tokens.grant.attributes if tokens.grant else ()))
        return await disclosing.disclose(
            self.house,
            token_hash=handle_hash(tokens.access_token),
            proof=proof or self.proof(client, "POST", "/disclosures", tokens.access_token),
            attributes=names,
            key=hashlib.sha256(key.encode()).digest() if key is not None else None,
            body=hashlib.sha256("|".join(sorted(names)).encode()).digest(),
        )

    async def use(
        self,
        tokens: redeeming.Tokens,
        *disclosures: str,
        template: str = "letter",
        client: str = MUNICIPALITY,
    ) -> using.Registered | using.Refused:
        """A client registers a use."""
        return await using.use(
            self.house,
            token_hash=handle_hash(tokens.access_token),
            proof=self.proof(client, "POST", "/uses", tokens.access_token),
            disclosures=disclosures,
            template=template,
        )

    async def own_token(self, client: str = MUNICIPALITY) -> str:
        """A token of the client itself."""
        _, caller = await self.caller(client, {}, TOKEN_PATH)
        return (await redeeming.redeem(self.house, caller, ClientCredentials())).access_token

    async def signals(self, grant: str) -> list[Signal]:
        """What the client of a grant has to hear about it, newest first."""
        return [SIGNAL.from_row(row) for row in await self.house.store.read("signal.of_grant", grant)]

    async def acknowledge(self, signal: str, *, client: str = MUNICIPALITY) -> acknowledging.Acknowledged:
        """A client says that it heard a signal."""
        token = await self.own_token(client)
        return await acknowledging.acknowledge(
            self.house,
            token_hash=handle_hash(token),
            proof=self.proof(client, "POST", f"/signals/{signal}/acknowledge", token),
            signal=signal,
        )

    def statement(
        self, grant: str, *, client: str = MUNICIPALITY, typ: str = STATEMENT_TYPE, **changed: object
    ) -> str:
        """A deletion statement, signed by a client; *changed* claims replace the right ones."""
        now = self.at // SECOND
        claims = {"iss": client, "aud": self.house.issuer, "iat": now, "grant_id": grant, "scope": "all"}
        return self.keys[client].sign({"typ": typ}, claims | {"deleted_at": now} | changed)

    async def state_deletion(
        self, grant: str, statement: str | None = None, *, client: str = MUNICIPALITY
    ) -> acknowledging.Stated:
        """A client states that what it received under a grant is gone."""
        token = await self.own_token(client)
        return await acknowledging.state_deletion(
            self.house,
            token_hash=handle_hash(token),
            proof=self.proof(client, "POST", f"/grants/{grant}/deletion", token),
            grant=grant,
            statement=statement or self.statement(grant, client=client),
        )

    async def stop(self, grant: str, *, citizen: str | None = None) -> withdrawing.Stopped:
        """A citizen stops sharing."""
        return await withdrawing.withdraw(self.house, citizen=citizen or self.citizen(), grant=grant)

    async def mandate(self, *, to: str = "daan", of: str = "sanne", **wish: Any) -> Actor:
        """One citizen lets another help her, as far as it goes; who acts for her then."""
        wished = Wish(helper="Els", citizen="Mama", may="choose", term="year")
        visitor = Visitor(self.citizen(of), SignIn(INVENTED, self.at), "persona")
        wished = msgspec.structs.replace(wished, **wish)
        made = await mandates.give(self.house, visitor, wished, language="nl")
        await mandates.accept(self.house, helper=self.citizen(to), code=made.code)
        return Actor(kind="helper", id=made.id)

    # What an outsider does

    async def audit(
        self, folder: Path, *, openings: bool = True, log: str | None = None
    ) -> consent_verify.Report:
        """Export a log (this one) and run the auditor's verifier on it, with all openings of all organisations."""
        log = log or self.house.log
        await export_log(self.house, log, folder)
        lines = b"".join([line async for line in self.openings(log)]) if openings else None
        return consent_verify.verify_log(str(folder), openings=lines)

    async def openings(self, log: str | None = None) -> AsyncIterator[bytes]:
        """All openings of a log (this one), as an auditor of everything would get them."""
        from consent.acts.publish import opening_of

        log = log or self.house.log
        size = (await self.house.store.read("head.get", log))[0][2]
        for index in range(size):
            if await self.house.store.read("opening.get", log, index):
                _, opening = await opening_of(self.house, log, index, None)
                yield msgspec.json.encode(opening_json(opening, with_detail=False)) + b"\n"


_made: list[bytes] = []


async def _tables() -> bytes:
    """An empty database of ours: it is made once and copied, since making it takes longer than many a test."""
    if not _made:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / DATABASE
            await (await SqliteStore.open(file)).close()
            _made.append(file.read_bytes())
    return _made[0]


def _put_tables(data: Path, tables: bytes) -> None:
    if not data.exists():
        make_folder(data)
        (data / DATABASE).touch(mode=0o600)
        (data / DATABASE).write_bytes(tables)


_shipped = functools.cache(read_seed)


def _seed_with_keys() -> tuple[Seed, dict[str, SigningKey]]:
    """The shipped seed, each client with a key of its own."""
    seed = _shipped()
    keys: dict[str, SigningKey] = {}
    files = []
    for file in seed.organisations:
        clients = []
        for client in file.clients:
            keys[client.id] = SigningKey.new()
            clients.append(
                ClientEntry(
                    id=client.id,
                    name=client.name,
                    redirect_uris=client.redirect_uris,
                    jwks={"keys": [dict(keys[client.id].public_jwk)]},
                )
            )
        files.append(msgspec.structs.replace(file, clients=tuple(clients)))
    # Nobody helps anybody yet: so the log of a test begins empty.
    people = tuple(msgspec.structs.replace(one, helps=()) for one in seed.personas)
    return msgspec.structs.replace(seed, organisations=tuple(files), personas=people), keys
