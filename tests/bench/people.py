"""Citizens in large numbers, and entries in larger ones: written by the service's own statements, but not asked for.

Each has keys, five sealed values, a grant with its entry in the log, and an access token that lives for a day. Only the
way there is missing: the pushed request, the page, the code. `ground` goes all of it.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from consent.acts.hold import put_value
from consent.acts.house import House
from consent.acts.session import form_key, open_session
from consent.acts.sign_in import settle
from consent.grants.grant import Grant, version_of
from consent.grants.shown import terms_hash
from consent.ledger import checkpoint
from consent.ledger.tiles import Growth, needed
from consent.ledger.tree import leaf_hash
from consent.oauth.batches import MOST_ITEMS
from consent.oauth.jose import thumbprint
from consent.oauth.token import Token, access_handle, handle_from, handle_hash
from consent.opening import open_house, prepare
from consent.settings import Settings
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import GRANT_VERSION, HEAD, HOLDINGS, TOKEN
from consent.storage.store import Batch, Statement
from consent.words.actors import HERSELF
from consent.words.attributes import CATALOGUE, check_value
from consent.words.ids import id_from
from consent.words.instants import DAY
from consent.words.purposes import Purpose

from .ground import ATTRIBUTES, CLIENTS, VALUES, Access, Batches, Ground, Key, access_of, approve_clients

_AT_ONCE = 100  # citizens in one commit
_ENTRIES_AT_ONCE = 65_536
_STRANGERS = 20_000  # whose entries a planted log has


class Leaving(NamedTuple):
    """A citizen who is signed in and will stop."""

    grant: str
    cookie: str
    access: Access


class People(NamedTuple):
    """Who was planted in a data folder."""

    made: Ground  # who may ask with ES256 proofs
    ed25519: list[Access]
    leaving: list[Leaving]


async def plant(settings: Settings, *, citizens: int, leaving: int = 0) -> People:
    """Make a data folder (and database) with *citizens* of each group, and those who will be *leaving*."""
    store = await prepare(settings)
    try:
        house = await open_house(settings, store)
        house.scribe.start()
        try:
            return await _plant(house, settings, citizens, leaving)
        finally:
            await house.scribe.stop()
    finally:
        await store.close()


async def _plant(house: House, settings: Settings, citizens: int, leaving: int) -> People:
    es256 = {f"client-{n}": Key() for n in range(CLIENTS)}
    ed25519 = {f"ed25519-{n}": Key(ed25519=True) for n in range(CLIENTS)}
    batch = {"batch": Key()}
    purpose = await approve_clients(house, es256 | ed25519 | batch)
    accesses = await settle_many(house, purpose, es256, citizens)
    gathered = await settle_many(house, purpose, batch, max(citizens, MOST_ITEMS))
    handle = access_handle(os.urandom(32), needs_nonce=False)
    await house.scribe.do(_batch_token(handle, batch["batch"]))
    batches = [Batches(access_of(handle, batch["batch"]), [access.grant for access in gathered])]
    made = Ground(settings.folder, settings.port, house.issuer, house.vkey, house.log, accesses, batches)
    cookies = [handle_from(os.urandom(32)) for _ in range(leaving)]
    signed_in = await settle_many(house, purpose, es256, leaving, cookies)
    return People(
        made=made,
        ed25519=await settle_many(house, purpose, ed25519, citizens),
        leaving=[Leaving(a.grant, cookie, a) for a, cookie in zip(signed_in, cookies, strict=True)],
    )


async def plant_more(settings: Settings, keys: dict[str, Key], count: int) -> list[Access]:
    """More citizens in a data folder that has the clients of *keys* already."""
    store = await prepare(settings)
    try:
        house = await open_house(settings, store)
        house.scribe.start()
        try:
            purpose = await approve_clients(house, keys)
            return await settle_many(house, purpose, keys, count)
        finally:
            await house.scribe.stop()
    finally:
        await store.close()


async def settle_many(
    house: House, purpose: Purpose, keys: dict[str, Key], count: int, cookies: Sequence[str] = ()
) -> list[Access]:
    """*count* citizens who each gave one of the clients a grant; those with a cookie are signed in."""
    accesses: list[Access] = []
    names = list(keys)
    for start in range(0, count, _AT_ONCE):
        chosen = [
            (names[n % len(names)], cookies[n] if cookies else None)
            for n in range(start, min(count, start + _AT_ONCE))
        ]
        accesses += (await house.scribe.do(_many(house, purpose, keys, chosen))).outcome
    return accesses


def _many(
    house: House, purpose: Purpose, keys: dict[str, Key], chosen: Sequence[tuple[str, str | None]]
) -> Callable[[Book], Story[list[Access]]]:
    citizens = [id_from(os.urandom(16)) for _ in chosen]
    values = {name: check_value(CATALOGUE[name], value) for name, value in VALUES.items()}
    terms = terms_hash(template=house.request_template, purpose=purpose, language="nl")

    def story(book: Book) -> Story[list[Access]]:
        yield [HOLDINGS.one(name) for name in citizens]
        yield TURN
        accesses = []
        for citizen, (client, cookie) in zip(citizens, chosen, strict=True):
            hers = book.keys_of(settle(book, citizen))
            for name, value in values.items():
                put_value(
                    book,
                    citizen=citizen,
                    keys=hers,
                    name=name,
                    value=value,
                    source="self",
                    as_of="2026-01-01",
                )
            nonce, log = book.chance(16), book.log_of(citizen)
            grant = Grant(
                id=id_from(book.chance(16)),
                citizen=citizen,
                organisation=purpose.organisation,
                client=client,
                purpose=purpose.id,
                purpose_version=purpose.version,
                attributes=ATTRIBUTES,
                language="nl",
                terms=terms,
                granted_at=book.at,
                expires_at=book.at + 90 * DAY,
                log=log.name,
                index=log.next_index,
                nonce=nonce,
                last=log.next_index,
            )
            book.record_event(
                "granted",
                citizen=citizen,
                keys=hers,
                grant=grant,
                attributes=ATTRIBUTES,
                terms=terms,
                nonce=nonce,
                detail=lambda _: {"page": "p" * 44},
            )
            book.put(GRANT_VERSION, version_of(grant, by=HERSELF, at=book.at, index=grant.index))
            if cookie is not None:
                open_session(book, cookie, citizen, "persona", None)
            handle = access_handle(book.chance(32), needs_nonce=False)
            book.put(TOKEN, _token(book, handle, "access", client, keys[client], grant.id))
            accesses.append(access_of(handle, keys[client], grant.id))
        return accesses

    return story


def _batch_token(handle: str, key: Key) -> Callable[[Book], Story[None]]:
    def story(book: Book) -> Story[None]:
        yield TURN
        book.put(TOKEN, _token(book, handle, "batch", "batch", key, None))

    return story


def _token(book: Book, handle: str, kind: str, client: str, key: Key, grant: str | None) -> Token:
    return Token(
        hash=handle_hash(handle),
        kind=kind,  # type: ignore[arg-type]
        client=client,
        grant=grant,
        jkt=thumbprint(key.jwk),
        issued_at=book.at,
        expires_at=book.at + DAY,
        revoked_at=None,
        code=None,
    )


def stop_request(one: Leaving, issuer: str, port: int) -> tuple[str, bytes, dict[str, str]]:
    """The tap on Stop: path, body and headers."""
    body = f"csrf={form_key(one.cookie)}".encode()
    headers = {
        "Host": f"localhost:{port}",
        "Origin": issuer,
        "Cookie": f"session={one.cookie}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return f"/my/grants/{one.grant}/stop", body, headers


async def plant_entries(settings: Settings, entries: int) -> None:
    """Let the log grow to *entries*, with all rows that a disclosure leaves: leaf, opening, her own, the disclosure.

    The tree is the true one of the made-up leaves, under a signed checkpoint.
    """
    store = await prepare(settings)
    try:
        house = await open_house(settings, store)
        strangers = [id_from(os.urandom(16)) for _ in range(_STRANGERS)]
        size = 0
        while size < entries:
            size = await store.write(_grown(house, entries, strangers))
        await store.scrub()
    finally:
        await store.close()


def _grown(house: House, entries: int, strangers: Sequence[str]) -> Batch[int]:
    pen = house.scribe.pen
    head = HEAD.from_row((yield Statement("head.lock", [(pen.log,)]))[0])
    tiles = yield Statement("tile.get", [(pen.log, level, n) for level, n in needed(head.size)])
    growth = Growth.load(head.size, {(level, n): data for level, n, data in tiles})
    until = min(entries, head.size + _ENTRIES_AT_ONCE)
    if until <= head.size:
        return head.size
    noise = os.urandom(1 << 16)
    indices = range(head.size, until)
    leaves = [noise[i % 65_000 : i % 65_000 + 144] + i.to_bytes(8, "big") for i in indices]
    for leaf in leaves:
        growth.append(leaf_hash(leaf))
    yield Statement("entry.put", [(pen.log, i, leaf) for i, leaf in zip(indices, leaves, strict=True)])
    record = b"{" + b"r" * 420 + b"}"
    yield Statement(
        "opening.put",
        [
            (pen.log, i, "organisation", head.at, leaf[:32], leaf[32:64], record)
            for i, leaf in _with(indices, leaves)
        ],
    )
    # In the order of the citizens: at random each row would read a page of its own.
    whose = sorted((strangers[i * 7919 % len(strangers)], i) for i in indices)
    sealed = noise[:700]
    yield Statement(
        "citizen_entry.put", [(name, pen.log, i, name, noise[i % 65_000 :][:16], sealed) for name, i in whose]
    )
    items = json.dumps([[name, 1] for name in ATTRIBUTES], separators=(",", ":"))
    yield Statement(
        "disclosed.put",
        [
            (f"{i:032x}", name, "elsewhere", name, pen.log, i, items, head.at)
            for i in indices
            for name in (strangers[i % len(strangers)],)
        ],
    )
    yield Statement("tile.put", [(pen.log, level, n, data) for level, n, data in growth.dirty()])
    note = checkpoint.sign(checkpoint.body(pen.origin, growth.size, growth.root()), pen.origin, pen.signer)
    yield Statement("checkpoint.put", [(pen.log, growth.size, note, head.at)])
    yield Statement("head.move", [(growth.size, head.at, note, pen.log, head.size, head.epoch)])
    return growth.size


def _with(indices: range, leaves: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    return zip(indices, leaves, strict=True)
