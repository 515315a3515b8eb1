"""An organisation tries a question on somebody invented: only in the sandbox, with a client that lives as long as that.

    lend   a client of the organisation, with a key that was made for this and is kept nowhere
    run    every message goes through the real doors (`errands/rehearsal.py`)
    take   the client ends, and with it whatever it was given

So nobody hands us a key of his own, and what is shown is what was sent.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from consent.oauth.clients import ClientSettings
from consent.oauth.token import handle_from, handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, ORGANISATION, REGISTRATION
from consent.storage.rows import ClientRow, Registration
from consent.words.canonical import canonical
from consent.words.errors import Forbidden, NotFound, OrganisationSuspended
from consent.words.ids import id_from

from .house import House
from .join import Role, as_member
from .operate import Operator, write_down
from .scribe import Deed

EDITORS: tuple[Role, ...] = ("owner", "editor")
BACK = "https://rehearsal.invalid/back"  # nobody has such a name, and nobody is led there
MOST_A_MINUTE = 20  # of one organisation

Step = Literal["push", "ask", "exchange", "fetch", "own_token", "use", "after_stop"]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One message and its answer, as a page may show them: what proves something has a name in its place."""

    step: Step
    command: str  # for a shell with curl
    status: int
    answer: str
    error: str | None = None  # its code, when the answer was no


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True):
    """How it went. `ended`: all of it, up to the message that was answered with no, or she could not say yes."""

    calls: tuple[Call, ...]
    ended: Literal["whole", "refused", "no_yes"]


# How it is done, for whoever has a door: citizen, organisation, purpose and version, persona.
Rehearse = Callable[[str, str, str, int, str], Awaitable[Rehearsed]]


async def lend(house: House, *, citizen: str, organisation: str, jwk: Mapping[str, Any]) -> str:
    """Make a client of *organisation* that holds the key *jwk*; answers its id.

    Raises Forbidden outside the sandbox, NotFound for whoever is no owner or editor, OrganisationSuspended.
    """
    if not house.sandbox:
        raise Forbidden("questions are tried in the sandbox only")
    client, nobodys = f"rehearsal-{id_from(house.chance(16))}", handle_hash(handle_from(house.chance(32)))

    def act(by: Operator) -> Deed[str]:
        def story(book: Book) -> Story[str]:
            yield [ORGANISATION.one(organisation)]
            yield TURN
            there = book.get(ORGANISATION, organisation)
            if there is None:
                raise NotFound("there is no such organisation")
            if there.status != "approved":
                raise OrganisationSuspended("no question can be tried while this is suspended")
            book.put(
                CLIENT,
                ClientRow(
                    id=client,
                    organisation=organisation,
                    name="Rehearsal",
                    jwks=msgspec.json.encode([jwk]).decode(),
                    redirect_uris=msgspec.json.encode([BACK]).decode(),
                    status="approved",
                    settings=canonical(ClientSettings()).decode(),
                ),
            )
            # Registered as one that is gone already: it stands in no list, and nobody gives it another key or address.
            book.put(
                REGISTRATION,
                Registration(
                    client=client,
                    organisation=organisation,
                    token=nobodys,
                    state="removed",
                    revision=1,
                    submitted=b"{}",
                    approved=None,
                    note="",
                    registered_at=book.at,
                    submitted_at=book.at,
                ),
            )
            write_down(book, by, "lent", "client", client)
            return client

        return story

    return (await house.scribe.do(as_member(citizen, organisation, EDITORS, act))).outcome


async def take(house: House, *, client: str) -> None:
    """End a client that was lent: its key and its tokens open nothing any more. A second time changes nothing."""

    def story(book: Book) -> Story[None]:
        yield [CLIENT.one(client)]
        yield TURN
        row = book.get(CLIENT, client)
        if row is None or row.status == "suspended" or not client.startswith("rehearsal-"):
            return
        book.put(CLIENT, replace(row, status="suspended", jwks="[]"))
        book.record_control({"ev": "client.removed", "org": row.organisation, "client": client})

    await house.scribe.do(story)
