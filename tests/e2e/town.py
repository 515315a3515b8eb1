"""The organisation in a story in the browser: it asks through the SDK, and waits where the citizen comes back."""

import asyncio
import contextlib
import tomllib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import consent_sdk

from consent.demo import CLIENT, ORGANISATION, PURPOSE, TEMPLATE, Stage
from consent.seed import SHIPPED

NEEDED = ("income_below_threshold", "household_size")
OPTIONAL = ("number_of_children", "energy_supplier")
OTHER_PURPOSE = "hulp-nieuw-in-nederland"
OTHER_ATTRIBUTES = ("preferred_language", "residence_permit", "in_netherlands_since", "needs_interpreter")


class Town:
    """The example municipality, with a callback on a port of its own, so that a browser really arrives somewhere."""

    def __init__(
        self, sdk: consent_sdk.Organisation, origin: str, arrivals: "asyncio.Queue[str]", stage: Stage
    ) -> None:
        self.sdk = sdk
        self.origin = origin
        self.letters = stage.service / "mail"  # where the service leaves its mail
        self._desk = stage.run
        self._arrivals = arrivals

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, stage: Stage, clock: Callable[[], float] | None = None) -> AsyncIterator["Town"]:
        """Listen, and speak for the municipality whose key *stage* holds."""
        arrivals: asyncio.Queue[str] = asyncio.Queue()

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            words = (await reader.readline()).decode("ascii").split()
            while (await reader.readline()).strip():
                pass
            if len(words) == 3 and words[1].startswith("/callback"):
                arrivals.put_nowait(words[1])
            body = b"<!doctype html><html lang=nl><title>Back</title><link rel=icon href=data:,><h1>Back</h1>"
            head = f"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {len(body)}\r\n"
            writer.write(head.encode() + b"connection: close\r\n\r\n" + body)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        timing: dict[str, Any] = {"clock": clock} if clock is not None else {}
        sdk = consent_sdk.Organisation(
            stage.issuer,
            CLIENT,
            stage.key_pem,
            f"{origin}/callback",
            consent_sdk.MemoryStore(),
            organisation=ORGANISATION,
            **timing,
        )
        async with server, sdk:
            yield cls(sdk, origin, arrivals, stage)

    async def ask(
        self, *attributes: str, purpose: str = PURPOSE, days: int = 90, case: str | None = None
    ) -> consent_sdk.Ask:
        """A question about the energy allowance, unless another purpose is named."""
        return await self.sdk.ask(
            purpose=purpose,
            purpose_version=1,
            attributes=list(attributes or (*NEEDED, *OPTIONAL)),
            duration_days=days,
            case=case,
        )

    async def arrived(self) -> str:
        """The address at which the citizen came back, as her browser asked for it."""
        return self.origin + await asyncio.wait_for(self._arrivals.get(), 60)

    def nobody_arrived(self) -> bool:
        """Whether no browser came here since the last answer was taken."""
        return self._arrivals.empty()

    async def receive(self, ask: consent_sdk.Ask) -> consent_sdk.Arrangement:
        """Take the answer that the browser just brought."""
        return await self.sdk.receive(await self.arrived(), ask)

    async def propose_change(self) -> None:
        """Propose other words for the other purpose, which an operator has to read."""
        seed = tomllib.loads(SHIPPED.read_text("utf-8"))
        purposes = [one for file in seed["organisations"] for one in file["purposes"]]
        (purpose,) = [one for one in purposes if one["id"] == OTHER_PURPOSE]
        purpose |= {"version": 2, "maximum_days": 700, "storage_places": ["NL", "US"]}
        await self.sdk.account.propose(purpose)

    async def entrust(self, *, age: int = 13, child: str = "Noor", code: str = "") -> tuple[str, str]:
        """At its desk a parent shows the papers of a child that became *age* this year: the mandate, and the words.

        *code* is one that the child made at an account of its own.
        """
        born = date(datetime.now(UTC).year - age, 1, 1).isoformat()
        words = ["--born", born, "--parent", "Mama", "--child", child, *(["--code", code] if code else [])]
        said = await asyncio.to_thread(self._desk, "guardian", "add", *words)
        mandate, for_parent = said.splitlines()
        return mandate.removeprefix("mandate "), for_parent

    async def words_for(self, mandate: str) -> str:
        """The words on paper with which the child of a parent's mandate signs in."""
        return await asyncio.to_thread(self._desk, "guardian", "words", mandate)

    async def fetch(
        self, arrangement: consent_sdk.Arrangement, attributes: Sequence[str] | None = None
    ) -> consent_sdk.Disclosure:
        """Get what was given, with its proof checked."""
        return await self.sdk.fetch(arrangement, list(attributes or arrangement.attributes))

    async def use(self, disclosure: consent_sdk.Disclosure) -> consent_sdk.Use:
        """Say that a letter goes out because of it."""
        return await self.sdk.use(disclosures=[disclosure.disclosure_id], template=TEMPLATE)
