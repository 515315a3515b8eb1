"""Somebody of an organisation registers a program at the pages: the same registration as at the door, and it waits too.

No token comes of it: an operator gives one to whoever wants to change the registration by program.
"""

from typing import Any

from consent.oauth.registration import ClientMetadata, check_registration
from consent.oauth.token import handle_from, handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import ORGANISATION, REGISTRATION
from consent.storage.rows import Registration
from consent.words.canonical import canonical
from consent.words.errors import Conflict, NotFound, OAuthError, OrganisationSuspended
from consent.words.ids import id_from

from .house import House
from .join import Role, as_member
from .operate import Operator, write_down
from .scribe import Deed

WRITERS: tuple[Role, ...] = ("owner", "editor")
MOST_WAITING = 5  # an operator reads each
_WITHOUT_FAULT = {
    "client_name": "Desk",
    "redirect_uris": ["https://client.example/back"],
    "jwks_uri": "https://client.example/keys",
}


def faulty(document: dict[str, Any], *, issuer: str) -> list[str]:
    """The names of the fields that cannot be registered so, each judged by itself, in their order."""
    return [
        name
        for name in document
        if not _holds({key: _WITHOUT_FAULT[key] for key in _others(name)} | {name: document[name]}, issuer)
    ]


async def apply(house: House, *, citizen: str, organisation: str, metadata: ClientMetadata) -> str:
    """Register a client of *organisation*; it waits for the operator. Answers its id.

    Raises NotFound for whoever is no owner or editor, Conflict when too many wait, OrganisationSuspended.
    """
    client, token = f"client-{id_from(house.chance(16))}", handle_hash(handle_from(house.chance(32)))

    def act(by: Operator) -> Deed[str]:
        def story(book: Book) -> Story[str]:
            yield [ORGANISATION.one(organisation), REGISTRATION.by("waiting", organisation)]
            yield TURN
            there = book.get(ORGANISATION, organisation)
            if there is None:
                raise NotFound("there is no such organisation")
            if there.status != "approved":
                raise OrganisationSuspended("no program can be registered while this is suspended")
            waiting = [
                one
                for one in book.known(REGISTRATION)
                if one.organisation == organisation and one.state == "pending"
            ]
            if len(waiting) >= MOST_WAITING:
                raise Conflict(f"{MOST_WAITING} programs wait for the operator already")
            book.put(
                REGISTRATION,
                Registration(
                    client=client,
                    organisation=organisation,
                    token=token,
                    state="pending",
                    revision=1,
                    submitted=canonical(metadata),
                    approved=None,
                    note="",
                    registered_at=book.at,
                    submitted_at=book.at,
                ),
            )
            write_down(book, by, "proposed", "client", client)
            return client

        return story

    return (await house.scribe.do(as_member(citizen, organisation, WRITERS, act))).outcome


def _others(name: str) -> list[str]:
    return [key for key in _WITHOUT_FAULT if key != name and not (name == "jwks" and key == "jwks_uri")]


def _holds(document: dict[str, Any], issuer: str) -> bool:
    try:
        check_registration(document, issuer=issuer)
    except OAuthError:
        return False
    return True
