"""An operator lets clients and purposes in, or does not: exactly what was looked at, never anything newer."""

import msgspec
from msgspec.structs import replace

from consent.oauth.registration import ClientMetadata
from consent.oauth.token import handle_from, handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, INITIAL_TOKEN, ORGANISATION, PROPOSAL, PURPOSE, REGISTRATION
from consent.storage.rows import ClientRow, InitialToken, Proposal, PurposeRow, Registration
from consent.words.canonical import canonical
from consent.words.errors import BadInput, NotFound, OutOfDate
from consent.words.ids import is_slug
from consent.words.instants import DAY

from .operate import Operator, write_down
from .register import holding, metadata_from
from .scribe import Deed

LONGEST_INVITATION = 30 * DAY
MOST_CLIENTS = 20


def invite(
    organisation: str, *, clients: int, expires_at: int, by: Operator, chance: bytes
) -> tuple[Deed[None], str]:
    """A deed that lets an organisation's developer register *clients* clients until *expires_at* (microseconds), and
    the initial access token to hand over (RFC 7591 §1.2); it is shown once and kept as a hash.

    Raises BadInput beyond 20 clients or 30 days, NotFound for an organisation that is not there.
    """
    if not 1 <= clients <= MOST_CLIENTS:
        raise BadInput(f"a token is for 1 to {MOST_CLIENTS} clients")
    if not is_slug(organisation):
        raise NotFound("there is no such organisation")
    token = handle_from(chance)

    def story(book: Book) -> Story[None]:
        yield [ORGANISATION.one(organisation)]
        yield TURN
        if book.get(ORGANISATION, organisation) is None:
            raise NotFound("there is no such organisation")
        if not book.at < expires_at <= book.at + LONGEST_INVITATION:
            raise BadInput("a token works for 1 to 30 days")
        book.put(
            INITIAL_TOKEN,
            InitialToken(
                hash=handle_hash(token),
                organisation=organisation,
                given_by=by.name,
                created_at=book.at,
                expires_at=expires_at,
                remaining=clients,
            ),
        )
        write_down(book, by, "invited", "organisation", organisation, f"{clients} clients")

    return story, token


def approve_client(client: str, revision: int, *, by: Operator, note: str = "") -> Deed[None]:
    """A deed that puts a submitted registration in effect. *revision* is the one that was looked at.

    A suspended client stays so. Raises NotFound, OutOfDate when another revision waits or none does.
    """

    def story(book: Book) -> Story[None]:
        yield [REGISTRATION.one(client), CLIENT.one(client)]
        yield TURN
        row, there = _waiting(book, client, revision), book.get(CLIENT, client)
        book.put(CLIENT, _client_row(row, metadata_from(row.submitted), there))
        book.put(
            REGISTRATION,
            replace(row, state="approved", approved=row.submitted, decided_at=book.at, note=""),
        )
        write_down(book, by, "approved", "client", f"{client} revision {revision}", note)

    return story


def refuse_client(client: str, revision: int, *, by: Operator, note: str) -> Deed[None]:
    """A deed that says no to a submitted registration; what was approved before stays in effect. The developer reads
    *note*. Raises NotFound, OutOfDate when another revision waits or none does."""

    def story(book: Book) -> Story[None]:
        yield [REGISTRATION.one(client)]
        yield TURN
        row = _waiting(book, client, revision)
        book.put(REGISTRATION, replace(row, state="refused", note=note, decided_at=book.at))
        write_down(book, by, "refused", "client", f"{client} revision {revision}", note)

    return story


def renew_token(client: str, *, by: Operator, chance: bytes) -> tuple[Deed[None], str]:
    """A deed that gives a client another registration access token, and the token: the old one was lost or stolen.

    A client that came with an organisation's file gets its first one so. Raises NotFound.
    """
    token = handle_from(chance)

    def story(book: Book) -> Story[None]:
        yield [REGISTRATION.one(client), CLIENT.one(client)]
        yield TURN
        row, there = book.get(REGISTRATION, client), book.get(CLIENT, client)
        if row is None and there is not None:
            row = _first_registration(book, there)
        if row is None or row.state == "removed":
            raise NotFound("there is no such client")
        book.put(REGISTRATION, replace(row, token=handle_hash(token)))
        write_down(book, by, "token_renewed", "client", client)

    return story, token


def replace_keys(client: str, keys: tuple[dict[str, object], ...], *, by: Operator) -> Deed[None]:
    """A deed that gives a client these public keys and no others, at once. *keys* were checked before.

    For a client that lost its keys, or keys that were stolen. Raises NotFound.
    """

    def story(book: Book) -> Story[None]:
        yield [REGISTRATION.one(client), CLIENT.one(client)]
        yield TURN
        row, there = book.get(REGISTRATION, client), book.get(CLIENT, client)
        if there is None or (row is not None and row.state == "removed"):
            raise NotFound("there is no such approved client")
        before = holding(row, there) if row is not None else None
        if row is not None and before is not None:
            approved = _with_keys(before, keys)
            submitted = _with_keys(metadata_from(row.submitted), keys)
            book.put(
                REGISTRATION,
                # Whatever still waits must not bring the old keys back.
                replace(
                    row,
                    approved=canonical(approved),
                    submitted=canonical(submitted),
                    revision=row.revision + 1,
                    state="approved" if approved == submitted else row.state,
                ),
            )
        settings = msgspec.json.decode(there.settings, type=dict[str, object])
        settings.pop("jwks_uri", None)
        book.put(
            CLIENT,
            replace(there, jwks=msgspec.json.encode(keys).decode(), settings=canonical(settings).decode()),
        )
        write_down(book, by, "keys_replaced", "client", client)

    return story


def approve_purpose(purpose: str, version: int, *, by: Operator, note: str = "") -> Deed[None]:
    """A deed that approves a proposed version of a purpose, to the byte. Raises NotFound, OutOfDate when it does not
    wait any more."""

    def story(book: Book) -> Story[None]:
        yield [PROPOSAL.one(purpose, version), PURPOSE.by("versions", purpose)]
        yield TURN
        proposal = _proposed(book, purpose, version)
        there = book.found(PURPOSE.by("versions", purpose))
        if any(row.version == version or row.organisation != proposal.organisation for row in there):
            raise OutOfDate("this version, or this id under another organisation, was approved meanwhile")
        book.put(
            PURPOSE,
            PurposeRow(
                id=purpose,
                version=version,
                organisation=proposal.organisation,
                record=proposal.record,
                status="approved",
            ),
        )
        book.put(PROPOSAL, replace(proposal, state="approved", decided_at=book.at))
        write_down(book, by, "approved", "purpose", f"{purpose}@{version}", note)

    return story


def refuse_purpose(purpose: str, version: int, *, by: Operator, note: str) -> Deed[None]:
    """A deed that says no to a proposed version; better words come under the next one. Raises NotFound, OutOfDate."""

    def story(book: Book) -> Story[None]:
        yield [PROPOSAL.one(purpose, version)]
        yield TURN
        proposal = _proposed(book, purpose, version)
        book.put(PROPOSAL, replace(proposal, state="refused", note=note, decided_at=book.at))
        write_down(book, by, "refused", "purpose", f"{purpose}@{version}", note)

    return story


def _waiting(book: Book, client: str, revision: int) -> Registration:
    row = book.get(REGISTRATION, client)
    if row is None or row.state == "removed":
        raise NotFound("there is no such registration")
    if row.state != "pending" or row.revision != revision:
        # Between looking and deciding somebody submitted something else: that has to be looked at first.
        raise OutOfDate("this revision does not wait any more; look again")
    return row


def _proposed(book: Book, purpose: str, version: int) -> Proposal:
    proposal = book.get(PROPOSAL, (purpose, version))
    if proposal is None:
        raise NotFound("there is no such proposal")
    if proposal.state != "pending":
        raise OutOfDate("this proposal does not wait any more; look again")
    return proposal


def _client_row(row: Registration, metadata: ClientMetadata, there: ClientRow | None) -> ClientRow:
    return ClientRow(
        id=row.client,
        organisation=row.organisation,
        name=metadata.client_name,
        jwks=msgspec.json.encode(metadata.jwks).decode(),
        redirect_uris=msgspec.json.encode(metadata.redirect_uris).decode(),
        status=there.status if there is not None else "approved",
        settings=canonical(metadata.settings).decode(),
    )


def _first_registration(book: Book, there: ClientRow) -> Registration:
    """What an organisation's file said about a client, as if it had been registered."""
    known = canonical(
        {
            "client_name": there.name,
            "redirect_uris": msgspec.json.decode(there.redirect_uris),
            "jwks": msgspec.json.decode(there.jwks),
            "settings": msgspec.json.decode(there.settings),
        }
    )
    known = canonical(metadata_from(known))
    return Registration(
        client=there.id,
        organisation=there.organisation,
        token=b"",
        state="approved",
        revision=1,
        submitted=known,
        approved=known,
        note="",
        registered_at=book.at,
        submitted_at=book.at,
        decided_at=book.at,
    )


def _with_keys(metadata: ClientMetadata, keys: tuple[dict[str, object], ...]) -> ClientMetadata:
    return replace(metadata, jwks=keys, settings=replace(metadata.settings, jwks_uri=None))
