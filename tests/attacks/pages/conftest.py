"""Two citizens at the served pages: one who has something, and a stranger."""

import asyncio
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from consent.demo import ASKED, PURPOSE, TEMPLATE, Stage

from .visitor import FORM, NEEDED, STRANGER, VICTIM, Loot, Visitor, hidden

Visit = Callable[[], Visitor]


@pytest.fixture
def visit(served: Stage) -> Iterator[Visit]:
    """A new browser at each call."""
    opened: list[Visitor] = []

    def one() -> Visitor:
        opened.append(Visitor(served))
        return opened[-1]

    yield one
    for visitor in opened:
        visitor.http.close()


@pytest.fixture
def victim(visit: Visit) -> Visitor:
    return visit().sign_in(VICTIM)


@pytest.fixture
def stranger(visit: Visit) -> Visitor:
    return visit().sign_in(STRANGER)


@pytest.fixture(scope="module")
def loot(served: Stage) -> Loot:
    """A live grant with a use, and a question that waits; for one file, since another may end what she has."""
    visitor = Visitor(served).sign_in(VICTIM)

    async def live() -> Loot:
        async with served.organisation() as municipality:
            wanted = {"purpose": PURPOSE, "purpose_version": 1, "duration_days": 30}
            asked = await municipality.ask(attributes=list(ASKED), **wanted)
            path = visitor.get(asked.url).headers["location"]
            fields = hidden(visitor.get(path).text)
            content = str(
                httpx.QueryParams([*fields, *(("attribute", name) for name in NEEDED), ("decision", "yes")])
            )
            answer = visitor.http.post(
                path, content=content, headers={"origin": served.issuer, "content-type": FORM}
            )
            assert answer.status_code == 303
            way_back = visitor.get(f"{path}/back").headers["location"]
            arrangement = await municipality.receive(way_back, asked)
            disclosure = await municipality.fetch(arrangement, NEEDED)
            use = await municipality.use(disclosures=[disclosure.disclosure_id], template=TEMPLATE)
            waiting = await municipality.ask(attributes=list(ASKED), **wanted)
            question = visitor.get(waiting.url).headers["location"]
            assert visitor.get(question).status_code == 200
            return Loot(arrangement.grant_id, urlsplit(use.link).path, question)

    try:
        return asyncio.run(live())
    finally:
        visitor.http.close()
