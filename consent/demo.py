"""`consent demo`: the main story over real HTTP, with the organisation's SDK and the citizen's own forms, then by hand.

Nothing here reaches into the service: it is started as a process of its own, the organisation speaks through the SDK,
the citizen through the pages' forms, the auditor through the verifier.
"""

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import consent_sdk
import httpx
from consent_sdk.example_site import Site
from consent_sdk.example_visit import Plan
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from consent.demo_browser import Browser, Page
from consent.oauth.keys import public_jwks
from consent.seed import SHIPPED
from consent.serve import listen
from consent.words.errors import Misconfigured

ORGANISATION = "voorbeeldstad"
CLIENT = "voorbeeldstad-loket"
PURPOSE = "energietoeslag"
TEMPLATE = "letter"
CITIZEN = "sanne"
ASKED = ("income_below_threshold", "household_size", "number_of_children", "energy_supplier")
LEFT_OUT = "energy_supplier"
_STARTING = 60.0  # seconds; on a busy machine
_HEARING = 20.0  # seconds: from a stop until the organisation has answered


# A citizen can always turn to a human; this one is invented like everybody here.
_SETTINGS = """\
[help]
name = { nl = "de Voorbeeldlijn", en = "the Example line" }
phone = "0800-0000009"
hours = { nl = "elke dag van 9 tot 21 uur", en = "every day from 9:00 to 21:00" }
"""


class StepFailed(Exception):
    """A step of the story did not go as it must."""


def demo(*, port: int, data: str | None, check: bool) -> int:
    """Play the story; with *check* stop then, else keep serving. Returns 0 when every step held, else 1.

    Raises Misconfigured when the folder is not empty or a port is taken: who answers there is not the demo's service.
    """
    for one in (port, port + 1):
        listen("127.0.0.1", one, setting="--port; the demo takes that one and the next").close()
    folder = Path(data) if data else Path(tempfile.mkdtemp(prefix="consent-demo-"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Misconfigured("give the demo an empty folder")
    print(f"Data folder: {folder}", flush=True)
    # Told to end like a service is, it ends like one: whatever it started is stopped as well.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stage = Stage(folder, port)
    try:
        stage.add_organisation()
        with stage.serving() as server, stage.example_site() as site:
            asyncio.run(play(stage))
            if check:
                return 0
            print(f"\nGo on by hand: open {stage.issuer} and choose somebody to practise as.")
            print(f"The municipality's own site, where a new question starts: {site}")
            print("Stop with Ctrl+C.", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                server.wait()
    except StepFailed as failure:
        print(f"FAILED: {failure}", flush=True)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.", flush=True)
    return 0


class Stage:
    """Where the story plays: a folder, a port, the municipality's key, and the processes."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.service = folder / "service"
        self.port = port
        self.issuer = f"http://localhost:{port}"
        self.callback = f"http://127.0.0.1:{port + 1}/callback"
        self.settings = folder / "settings.toml"
        self.settings.write_text(_SETTINGS, "utf-8")
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def key_pem(self) -> bytes:
        """The municipality's private key: it never leaves the municipality."""
        return self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def command(self, *words: str) -> list[str]:
        """A command line of this installation, on this data folder."""
        where = ["--data", str(self.service), "--port", str(self.port), "--settings", str(self.settings)]
        return [sys.executable, "-m", "consent", *words, *where]

    def run(self, *words: str) -> str:
        """Run one of the operator's commands and return what it printed. Raises StepFailed."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise StepFailed(f"`consent {' '.join(words)}` said: {done.stderr.strip()}")
        return done.stdout.strip()

    def add_organisation(self) -> None:
        """Write the municipality's file with its public key, and approve it as an operator does."""
        seed = tomllib.loads(SHIPPED.read_text("utf-8"))
        file: dict[str, Any] = next(
            o for o in seed["organisations"] if o["organisation"]["id"] == ORGANISATION
        )
        for client in file["clients"]:
            client["jwks"] = public_jwks([self._key])
            client["settings"] = {"signals_endpoint": f"http://127.0.0.1:{self.port + 1}/signals"}
        path = self.folder / f"{ORGANISATION}.json"
        path.write_text(json.dumps(file, ensure_ascii=False, indent=2, default=str), "utf-8")
        _say("operator", self.run("organisation", "add", str(path)))

    @contextlib.contextmanager
    def serving(self) -> Iterator["subprocess.Popen[bytes]"]:
        """Start the service and wait until it answers; stop it at the end, by its own process id."""
        words = self.command("serve", "--sandbox", "--seed", str(SHIPPED))
        log = (self.folder / "service.log").open("wb")
        server = subprocess.Popen(words, stdout=log, stderr=log)  # noqa: S603
        try:
            until = time.monotonic() + _STARTING
            while True:
                if server.poll() is not None or time.monotonic() > until:
                    log.flush()
                    raise StepFailed(
                        f"the service did not start: {(self.folder / 'service.log').read_text()}"
                    )
                with contextlib.suppress(httpx.HTTPError):
                    httpx.get(f"{self.issuer}/log", timeout=1).raise_for_status()
                    break
                time.sleep(0.1)
            _say("operator", f"the service is at {self.issuer}")
            yield server
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            log.close()

    def organisation(self) -> consent_sdk.Organisation:
        """The municipality, with its SDK."""
        return consent_sdk.Organisation(
            self.issuer,
            CLIENT,
            self.key_pem,
            self.callback,
            consent_sdk.MemoryStore(),
            organisation=ORGANISATION,
        )

    @contextlib.contextmanager
    def example_site(self) -> Iterator[str]:
        """The municipality's own small web site, to go on by hand."""
        plan = Plan(
            name="Gemeente Voorbeeldstad",
            issuer=self.issuer,
            purpose=PURPOSE,
            purpose_version=1,
            attributes={
                "income_below_threshold": "Of uw inkomen onder de grens ligt",
                "household_size": "Hoeveel mensen er in uw huis wonen",
                "number_of_children": "Hoeveel kinderen u hebt",
                "energy_supplier": "Uw energieleverancier",
            },
            duration_days=90,
            template=TEMPLATE,
        )
        site = Site(self.organisation(), plan, port=self.port + 1)
        site.start()
        try:
            yield site.url
        finally:
            site.close()


async def play(stage: Stage) -> None:
    """The story, a line a step. Raises StepFailed at the first step that does not hold."""
    browser = Browser(stage.issuer)
    async with stage.organisation() as municipality:
        asked = await municipality.ask(
            purpose=PURPOSE, purpose_version=1, attributes=list(ASKED), duration_days=90
        )
        _say("municipality", f"asks for {len(ASKED)} attributes, two of them optional")

        question = _sign_in(browser, asked.url)
        form = question.forms["decide"]
        _must(form.ticked == 0, "nothing is ticked beforehand")
        _must({value for _, value in form.boxes} == set(ASKED), "each attribute has its own box")
        _say("citizen", f"signs in and reads: “{question.heading}”, with her own values beside each box")
        ticks = [("attribute", name) for name in ASKED if name != LEFT_OUT]
        callback = browser.answer(question, *ticks, ("decision", "yes"))
        _must(isinstance(callback, str), "a yes leads back to the municipality")
        _say("citizen", f"ticks {len(ticks)} of {len(form.boxes)} and says yes")

        arrangement = await municipality.receive(str(callback), asked)
        _must(set(arrangement.attributes) == {name for _, name in ticks}, "the token covers what she ticked")
        key = "the-first-fetch"
        disclosure = await municipality.fetch(arrangement, list(arrangement.attributes), idempotency_key=key)
        _must(set(disclosure.values) == set(arrangement.attributes), "the values are what she ticked")
        _say("municipality", f"gets {len(disclosure.values)} values; the SDK checked the proof first")

        use = await municipality.use(disclosures=[disclosure.disclosure_id], template=TEMPLATE)
        timeline = browser.open("/my/timeline")
        _must(
            isinstance(timeline, Page) and use.because["nl"] in timeline.because,
            "the sentence is on her timeline",
        )
        _say("citizen", f"reads on her timeline: “{use.because['nl']}”")

        home = _page(browser.open("/"))
        stopped = _page(browser.submit(home, f"stop-{arrangement.grant_id}"))
        _must(stopped.url.endswith("/stopped"), "one press stops it")
        _say("citizen", "presses Stop")

        answers = await _answered(browser, arrangement.grant_id)
        _must(answers == ["confirmed", "confirmed"], "the municipality confirms, and states a deletion")
        _say("municipality", "hears it by a signed message, confirms, and signs that what it had is gone")

        await _refused(municipality, arrangement, "another-fetch", "the same fetch")
        await _refused(municipality, arrangement, key, "a retry of the old fetch")
    browser.close()
    _audit(stage)


def _sign_in(browser: Browser, address: str) -> Page:
    """Follow the municipality's link, sign in as the persona, and arrive at the question."""
    entrance = _page(browser.open(address))
    return _page(browser.submit(entrance, f"sign-in-persona-{CITIZEN}", ("persona", CITIZEN)))


async def _answered(browser: Browser, grant: str) -> list[str]:
    """What stands on her receipt about the municipality's answers, as soon as it answered all, or after a while."""
    until = time.monotonic() + _HEARING
    while True:
        found = _page(browser.open(f"/my/grants/{grant}")).answers
        if (found and set(found) == {"confirmed"}) or time.monotonic() > until:
            return found
        await asyncio.sleep(0.2)


async def _refused(
    municipality: consent_sdk.Organisation, arrangement: consent_sdk.Arrangement, key: str, what: str
) -> None:
    try:
        await municipality.fetch(arrangement, list(arrangement.attributes), idempotency_key=key)
    except consent_sdk.Refused as no:
        _must(no.reason == "grant_not_active", "the reason is that the grant is not active")
        proof = " (with the proof of the old entry, without values)" if no.proof else ""
        _say("municipality", f"{what} is refused: {no.reason}{proof}")
        return
    raise StepFailed(f"{what} was answered after the stop")


def _audit(stage: Stage) -> None:
    """An auditor checks the live log and replays the openings; then the same on a copy with one changed byte."""
    today = datetime.now(UTC).date()
    token = stage.run(
        "auditor", "add", "example-auditor", "--organisation", ORGANISATION, "--from", str(today),
        "--until", str(today + timedelta(days=1)), "--reason", "Yearly check of the demo",
    )  # fmt: skip
    token_file = stage.folder / "auditor.token"
    token_file.touch(mode=0o600)
    token_file.write_text(token, "ascii")
    live = _verify(
        stage.issuer, "--openings", f"{stage.issuer}/audit/openings", "--token-file", str(token_file)
    )
    _must(live.returncode == 0, f"the live log is good: {live.stdout}")
    _must(_verdict(live).split()[-1] in ("OK", "UNWITNESSED"), "the verdict is good")
    _say("auditor", f"live log and replayed openings: all good ({_verdict(live)}: it has no witnesses yet)")

    copy = stage.folder / "copy"
    stage.run("log", "export", str(copy))
    _must(_verify(str(copy)).returncode == 0, "the exported copy is good")
    bundle = next(file for file in (copy / "tile" / "entries").rglob("*") if file.is_file())
    octets = bytearray(bundle.read_bytes())
    octets[-1] ^= 1
    bundle.write_bytes(octets)
    tampered = _verify(str(copy))
    _must(tampered.returncode == 1, "a copy with one changed byte fails")
    named = re.search(r"[Ee]ntry \d+", tampered.stdout)
    _must(named is not None, f"the verifier names the entry: {tampered.stdout}")
    _say("auditor", f"copy with one changed byte: {_verdict(tampered)}, {named[0].lower() if named else ''}")


def _verify(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "consent", "verify", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)  # noqa: S603


def _verdict(done: "subprocess.CompletedProcess[str]") -> str:
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr.strip()


def _page(found: Page | str) -> Page:
    if isinstance(found, str):
        raise StepFailed("the service sent the citizen away")
    return found


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise StepFailed(what)


def _say(who: str, what: str) -> None:
    print(f"{who:>13}: {what}", flush=True)
