"""One browser for the run, one context for a test; what the browser complains about fails the test."""

import contextlib
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

from consent.app import build
from consent.demo import CLIENT, Stage
from consent.seed import SHIPPED
from consent.settings import Settings
from consent.words.purposes import Contact, Text
from tests.conftest import free_port
from tests.e2e.beside import serving, with_broker
from tests.e2e.places import Scene, furnish
from tests.e2e.town import Town

Open = Callable[..., Awaitable[Page]]
_LONG = 60_000  # milliseconds: on a machine with much else to do, what is right may come late
expect.set_options(timeout=_LONG)
# Chromium reports the status of a page itself as if it were a fault; our 4xx pages are meant.
_STATUS = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d ")


def find_chromium() -> str | None:
    """Chromium as the system has it."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.skip("Chromium is not installed: set CHROMIUM or install the package chromium")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path)
        yield started
        await started.close()


def listen(page: Page, complaints: list[str]) -> None:
    """Write down what the browser complains about: faults in scripts, and what the content policy stops."""

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _STATUS.match(message.text):
            complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(error.message))


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser) -> AsyncIterator[Open]:
    """Open a page in a context of its own: `await open_page(javascript=False, language="en")`."""
    contexts = []
    complaints: list[str] = []

    async def open_one(*, javascript: bool = False, language: str = "nl", **options: Any) -> Page:
        locale = {"nl": "nl-NL", "en": "en-GB"}[language]
        context = await browser.new_context(locale=locale, java_script_enabled=javascript, **options)
        context.set_default_timeout(_LONG)
        contexts.append(context)
        page = await context.new_page()
        listen(page, complaints)
        return page

    yield open_one
    for context in contexts:
        await context.close()
    assert complaints == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def town(served: Stage) -> AsyncIterator[Town]:
    async with Town.open(served) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(
    served: Stage, town: Town, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    """Two citizens, one with a past and one without, for whoever looks at all pages."""
    with with_broker(tmp_path_factory.mktemp("brokered")) as brokered:
        yield await furnish(browser, served.issuer, town, brokered=brokered)


class Later:
    """A service of its own whose clock a test moves ahead, with the municipality in the same time."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.issuer = stage.issuer
        self.town: Town
        self._ahead = 0.0

    def now(self) -> float:
        """What time it is there, in seconds."""
        return time.time() + self._ahead

    def pass_time(self, seconds: float) -> None:
        """Let time go by."""
        self._ahead += seconds

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Serve the same application as `consent serve` does, from a thread, so that its clock can be ours."""
        settings = Settings(
            data=str(self.stage.service),
            port=self.stage.port,
            sandbox=True,
            seed=str(SHIPPED),
            sources={"brp": CLIENT},  # the municipality answers for what comes from there
            help=Contact(name=Text("de balie", "the desk"), phone="0800 0000"),
        )
        app = build(settings, *[lambda: int(self.now() * 1_000_000)] * 2)
        with serving(app, settings.port):
            yield


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def later(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Later]:
    stage = Stage(tmp_path_factory.mktemp("later"), free_port())
    stage.add_organisation()
    opened = Later(stage)
    with opened.serving():
        async with Town.open(stage, opened.now) as opened.town:
            yield opened
