"""The operator approves who may ask, and for what. Approved texts never change; an approval can be taken away.

An organisation's file is added and approved in one step; what was suspended stays so until it is restored. A purpose
that is there already, with the same version and other words, is refused: citizens agreed to the words as they were.
"""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from consent.grants.grant import Grant
from consent.oauth.clients import Client, ClientSettings
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, ORGANISATION, PURPOSE
from consent.storage.rows import ClientRow, OrganisationRow, PurposeRow, Status
from consent.words.canonical import canonical
from consent.words.errors import Conflict, NotFound
from consent.words.purposes import Organisation, Purpose

from .operate import Operator, write_down
from .scribe import Deed


class Approved(msgspec.Struct, frozen=True):
    """What was added."""

    organisation: str
    clients: tuple[str, ...]
    purposes: tuple[str, ...]  # id@version


def approve(
    organisation: Organisation,
    clients: Sequence[Client],
    purposes: Sequence[Purpose],
    *,
    by: Operator = Operator("file"),
) -> Deed[Approved]:
    """A deed that adds an organisation with its clients and purposes, all checked before.

    Raises Conflict when a purpose version exists with other words, or a client belongs to another organisation.
    """

    def story(book: Book) -> Story[Approved]:
        yield [
            ORGANISATION.one(organisation.id),
            *[CLIENT.one(client.id) for client in clients],
            *[PURPOSE.by("versions", purpose.id) for purpose in purposes],
        ]
        yield TURN
        for client in clients:
            known = book.get(CLIENT, client.id)
            if known is not None and known.organisation != organisation.id:
                raise Conflict("a client with this id belongs to another organisation")
        for purpose in purposes:
            if any(
                row.organisation != organisation.id for row in book.found(PURPOSE.by("versions", purpose.id))
            ):
                raise Conflict("a purpose with this id belongs to another organisation")
            there = book.get(PURPOSE, (purpose.id, purpose.version))
            if there is not None and there.record != canonical(purpose):
                raise Conflict(
                    f"{purpose.reference} exists with other words; give the new words a new version"
                )
        book.put(
            ORGANISATION,
            OrganisationRow(
                id=organisation.id,
                record=canonical(organisation),
                status=_still(book.get(ORGANISATION, organisation.id)),
            ),
        )
        for client in clients:
            book.put(
                CLIENT,
                ClientRow(
                    id=client.id,
                    organisation=organisation.id,
                    name=client.name,
                    jwks=msgspec.json.encode(client.jwks).decode(),
                    redirect_uris=msgspec.json.encode(client.redirect_uris).decode(),
                    status=_still(book.get(CLIENT, client.id)),
                    settings=canonical(client.settings).decode(),
                ),
            )
        for purpose in purposes:
            book.put(
                PURPOSE,
                PurposeRow(
                    id=purpose.id,
                    version=purpose.version,
                    organisation=organisation.id,
                    record=canonical(purpose),
                    status=_still(book.get(PURPOSE, (purpose.id, purpose.version))),
                ),
            )
        write_down(book, by, "approved", "organisation", organisation.id)
        return Approved(organisation.id, tuple(c.id for c in clients), tuple(p.reference for p in purposes))

    return story


def _still(there: OrganisationRow | ClientRow | PurposeRow | None) -> Status:
    """A file that is added again restores nothing: that is an act of its own, and a line of the log."""
    return there.status if there is not None else "approved"


def client_from(row: ClientRow) -> Client:
    """A client as the checks of `oauth/` know it."""
    return Client(
        id=row.id,
        organisation=row.organisation,
        name=row.name,
        jwks=_jwks(row.jwks),
        redirect_uris=_uris(row.redirect_uris),
        settings=settings_from(row.settings),
    )


@lru_cache(maxsize=1024)
def _jwks(text: str) -> tuple[dict[str, object], ...]:
    return msgspec.json.decode(text, type=tuple[dict[str, object], ...])


@lru_cache(maxsize=1024)
def _uris(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])


@lru_cache(maxsize=1024)
def settings_from(text: str) -> ClientSettings:
    """What a client chose, of the text in its row."""
    return msgspec.json.decode(text, type=ClientSettings)


@lru_cache(maxsize=1024)
def purpose_from(record: bytes) -> Purpose:
    """The purpose of these approved bytes. They never change, so what was decoded once may be kept."""
    return msgspec.json.decode(record, type=Purpose)


@lru_cache(maxsize=1024)
def organisation_from(record: bytes) -> Organisation:
    """The organisation of these approved bytes."""
    return msgspec.json.decode(record, type=Organisation)


def purpose_of(book: Book, grant: Grant) -> Purpose:
    """The purpose under which a grant was given, in the version she saw."""
    row = book.get(PURPOSE, (grant.purpose, grant.purpose_version))
    if row is None:
        raise NotFound("the purpose of this grant is gone")
    return purpose_from(row.record)
