"""A developer registers a client and keeps its registration (RFC 7591, RFC 7592). Nothing asks a citizen by that alone.

What is submitted waits for the operator. What was approved before stays in effect meanwhile, to the letter: whoever
stole a registration token can ask for another redirect address, and waits for a person to look at it.
"""

import hmac
from typing import Literal

import msgspec
from msgspec.structs import replace

from consent.oauth.dpop import Proof
from consent.oauth.jose import thumbprint
from consent.oauth.registration import ClientMetadata, in_effect
from consent.oauth.token import handle_from, handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, INITIAL_TOKEN, ORGANISATION, REGISTRATION, USED, Ask
from consent.storage.rows import ClientRow, Registration
from consent.words.canonical import canonical
from consent.words.errors import Forbidden, InvalidToken
from consent.words.ids import id_from

from .approve import client_from, settings_from
from .client_keys import Keys
from .house import House
from .once import spend_proof
from .operate import Operator, write_down


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A registration as its developer sees it."""

    client: str
    token: str | None  # only when it is new: we keep a hash
    registration: Registration
    holds: ClientMetadata | None  # what is in effect; None before the first approval
    waits: ClientMetadata | None  # what an operator has to look at, or refused
    is_suspended: bool


async def register(house: House, *, token: str, metadata: ClientMetadata) -> Kept:
    """Register a client of the organisation that an initial access token belongs to; it waits for the operator.

    Raises InvalidToken for a token that is unknown, used up or over, or whose organisation is suspended.
    """
    token_hash = handle_hash(token)
    mine = handle_from(house.chance(32))
    # Never of the caller's choosing, and in a form that no citizen's `sub` has (RFC 9700 §4.15).
    client = f"client-{id_from(house.chance(16))}"

    def story(book: Book) -> Story[Kept]:
        yield [INITIAL_TOKEN.one(token_hash)]
        initial = book.get(INITIAL_TOKEN, token_hash)
        yield [] if initial is None else [ORGANISATION.one(initial.organisation)]
        yield TURN
        initial = book.get(INITIAL_TOKEN, token_hash)
        if initial is None or initial.remaining < 1 or initial.expires_at <= book.at:
            raise InvalidToken(
                "the initial access token is unknown, used up or over; ask the operator for one"
            )
        organisation = book.get(ORGANISATION, initial.organisation)
        if organisation is None or organisation.status != "approved":
            raise InvalidToken("the organisation is suspended; turn to the operator")
        book.put(INITIAL_TOKEN, replace(initial, remaining=initial.remaining - 1))
        row = Registration(
            client=client,
            organisation=initial.organisation,
            token=handle_hash(mine),
            state="pending",
            revision=1,
            submitted=canonical(metadata),
            approved=None,
            note="",
            registered_at=book.at,
            submitted_at=book.at,
        )
        book.put(REGISTRATION, row)
        return _kept(row, None, token=mine)

    return (await house.scribe.do(story)).outcome


async def read_registration(house: House, *, client: str, token: str) -> Kept:
    """A registration as it stands (RFC 7592 §2.1). Raises InvalidToken."""

    def story(book: Book) -> Story[Kept]:
        yield _asks(client)
        yield TURN
        return _kept(_own(book, client, token), book.get(CLIENT, client))

    return (await house.scribe.do(story)).outcome


async def update_registration(
    house: House, *, client: str, token: str, metadata: ClientMetadata, proof: Proof | None
) -> Kept:
    """Put *metadata* in the place of what was submitted (RFC 7592 §2.2). What needs an approval waits for it.

    *proof*: a DPoP proof that came along, made for the registration token; with it, by a key that holds now, new keys
    hold at once and removed ones open nothing any more. Raises InvalidToken, InvalidDpopProof for a used proof.
    """

    def story(book: Book) -> Story[Kept]:
        yield [*_asks(client), *([USED.one(proof.jti_hash)] if proof is not None else [])]
        yield TURN
        row, there = _own(book, client, token), book.get(CLIENT, client)
        if proof is not None:
            spend_proof(book, proof)
        submitted = canonical(metadata)
        is_new = submitted != row.submitted or row.state == "refused"
        approved = row.approved
        before = holding(row, there)
        if before is not None and there is not None:
            now = in_effect(before, metadata, is_proved=_holds_a_key(there, proof))
            approved = canonical(now)
            if now.jwks != before.jwks:
                book.put(CLIENT, replace(there, jwks=msgspec.json.encode(now.jwks).decode()))
                write_down(book, Operator(client), "keys_replaced", "client", client)
        row = replace(
            row,
            submitted=submitted,
            approved=approved,
            state="approved" if submitted == approved else "pending",
            revision=row.revision + 1 if is_new else row.revision,
            submitted_at=book.at if is_new else row.submitted_at,
            note="" if is_new else row.note,
        )
        book.put(REGISTRATION, row)
        return _kept(row, book.get(CLIENT, client))

    return (await house.scribe.do(story)).outcome


async def remove_registration(house: House, *, client: str, token: str, proof: Proof | None) -> None:
    """End a client for good (RFC 7592 §2.3): its keys, its tokens and its registration open nothing any more.

    Once it was approved citizens may rely on it, so then the request needs the proof of a key that holds. Raises
    InvalidToken, Forbidden without such a proof, InvalidDpopProof for a used one, and InvalidClient when its keys are
    at an address of its own that does not answer.
    """
    uri, published = await _published(house, client, token, proof)

    def story(book: Book) -> Story[None]:
        yield [*_asks(client), *([USED.one(proof.jti_hash)] if proof is not None else [])]
        yield TURN
        row, there = _own(book, client, token), book.get(CLIENT, client)
        # What was fetched counts for the address that is in effect now, which an operator may have changed meanwhile.
        theirs = published if there is not None and settings_from(there.settings).jwks_uri == uri else ()
        if there is not None and not _holds_a_key(there, proof, theirs):
            raise Forbidden("removing an approved client takes a DPoP proof by one of its keys")
        if proof is not None:
            spend_proof(book, proof)
        if there is not None:
            book.put(CLIENT, replace(there, status="suspended", jwks="[]"))
            book.record_control({"ev": "client.removed", "org": there.organisation, "client": client})
        book.put(REGISTRATION, replace(row, state="removed", decided_at=book.at))
        write_down(book, Operator(client), "removed", "client", client)

    await house.scribe.do(story)


def holding(row: Registration, there: ClientRow | None) -> ClientMetadata | None:
    """What is in effect: the client's own row has the last word on all that a rule reads. None before an approval."""
    if row.approved is None or there is None:
        return None
    client = client_from(there)
    return replace(
        metadata_from(row.approved),
        client_name=client.name,
        redirect_uris=client.redirect_uris,
        jwks=client.jwks,
        settings=client.settings,
    )


def metadata_from(octets: bytes) -> ClientMetadata:
    """What was registered, of the bytes in its row."""
    return msgspec.json.decode(octets, type=ClientMetadata)


def _asks(client: str) -> list[Ask]:
    return [REGISTRATION.one(client), CLIENT.one(client)]


def _own(book: Book, client: str, token: str) -> Registration:
    """The registration of this client and this token; which of the two is wrong is nobody's business (RFC 7592 §2)."""
    row = book.get(REGISTRATION, client)
    if row is None or not _opens(row, token):
        raise InvalidToken("the registration access token does not open this registration")
    return row


def _opens(row: Registration, token: str) -> bool:
    return row.state != "removed" and hmac.compare_digest(row.token, handle_hash(token))


def _holds_a_key(there: ClientRow, proof: Proof | None, published: Keys = ()) -> bool:
    return proof is not None and any(
        hmac.compare_digest(thumbprint(jwk), proof.jkt) for jwk in (*client_from(there).jwks, *published)
    )


async def _published(house: House, client: str, token: str, proof: Proof | None) -> tuple[str | None, Keys]:
    """Where a client publishes its keys, and those keys: outside the transaction, for that waits for its machine.

    Nobody is called for who has no registration token and no proof. Raises InvalidClient when there are none to be had.
    """
    rows = await house.store.read(REGISTRATION.get, client)
    there = await house.store.read(CLIENT.get, client)
    if proof is None or not rows or not there or not _opens(REGISTRATION.from_row(rows[0]), token):
        return None, ()  # the story says what is wrong
    uri = settings_from(CLIENT.from_row(there[0]).settings).jwks_uri
    return uri, await house.client_keys.of(uri, jkt=proof.jkt) if uri is not None else ()


def _kept(row: Registration, there: ClientRow | None, *, token: str | None = None) -> Kept:
    submitted = metadata_from(row.submitted)
    return Kept(
        client=row.client,
        token=token,
        registration=row,
        holds=holding(row, there),
        waits=submitted if row.state in ("pending", "refused") else None,
        is_suspended=there is not None and there.status == "suspended",
    )


class OwnClient(msgspec.Struct, frozen=True, kw_only=True):
    """A client as its organisation sees it on its pages."""

    id: str
    name: str
    status: Literal["pending", "approved", "refused", "suspended"]
    note: str  # what the operator said about a refusal
    holds: ClientMetadata | None  # what is in effect
    waits: ClientMetadata | None  # what an operator has to look at, or refused
    registered_at: int | None  # None: it came with its organisation's file


async def keys_replaced(house: House) -> dict[str, int]:
    """When the keys of a client were replaced last, for those whose keys ever were."""
    return dict(await house.store.read("journal.keys_replaced"))


async def clients_of(house: House, organisation: str) -> list[OwnClient]:
    """All clients of an organisation but removed ones, also those that came with its file."""
    rows = [
        row
        for row in map(CLIENT.from_row, await house.store.read("client.all"))
        if row.organisation == organisation
    ]
    registrations = [
        row
        for row in map(REGISTRATION.from_row, await house.store.read("registration.all"))
        if row.organisation == organisation
    ]
    there, registered = {row.id: row for row in rows}, {row.client: row for row in registrations}
    found = []
    for name in sorted(there.keys() | registered.keys()):
        row, one = there.get(name), registered.get(name)
        if one is not None and one.state == "removed":
            continue
        waits = (
            metadata_from(one.submitted) if one is not None and one.state in ("pending", "refused") else None
        )
        holds = _metadata_of(row) if row is not None else None
        known = holds or waits
        assert known is not None
        suspended = row is not None and row.status == "suspended"
        state = one.state if one is not None and one.state != "removed" else "approved"
        found.append(
            OwnClient(
                id=name,
                name=known.client_name,
                status="suspended" if suspended else state,
                note=one.note if one is not None else "",
                holds=holds,
                waits=waits,
                registered_at=one.registered_at if one is not None else None,
            )
        )
    return found


def _metadata_of(row: ClientRow) -> ClientMetadata:
    client = client_from(row)
    return ClientMetadata(
        client_name=client.name,
        redirect_uris=client.redirect_uris,
        jwks=client.jwks,
        settings=client.settings,
    )
