"""A client that asks under many grants at once, at the acts: approved for it, with a token for it."""

import hashlib
import secrets

import msgspec
from msgspec.structs import replace

from consent.acts import gather as gathering
from consent.acts import redeem as redeeming
from consent.acts.approve import approve, client_from
from consent.acts.disclose import Wanted
from consent.acts.gather import Gathered, Item
from consent.acts.hold import put_value
from consent.acts.sign_in import settle
from consent.oauth.batches import batch_details
from consent.oauth.dpop import Proof
from consent.oauth.metadata import TOKEN_PATH
from consent.oauth.token import ClientCredentials, handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, HOLDINGS, ORGANISATION
from consent.words.attributes import CATALOGUE, check_value
from consent.words.purposes import Organisation
from tests.world import MUNICIPALITY, Given, World

PATH = "/disclosures/batch"
VALUES = {
    "income_below_threshold": True,
    "household_size": 3,
    "number_of_children": 1,
    "energy_supplier": "Voorbeeldstroom",
}


async def allow_batches(world: World, client: str = MUNICIPALITY, *, is_allowed: bool = True) -> None:
    """The operator approves batches for a client, or takes that back."""
    (row,) = await world.house.store.read(CLIENT.get, client)
    known = client_from(CLIENT.from_row(row))
    (found,) = await world.house.store.read(ORGANISATION.get, known.organisation)
    organisation = msgspec.json.decode(ORGANISATION.from_row(found).record, type=Organisation)
    chosen = replace(known.settings, batch_disclosure=is_allowed)
    await world.house.scribe.do(approve(organisation, [replace(known, settings=chosen)], []))


async def batch_token(world: World, client: str = MUNICIPALITY) -> str:
    """A token for batches."""
    _, caller = await world.caller(client, {}, TOKEN_PATH)
    details = msgspec.json.encode(batch_details(world.house.issuer)).decode()
    return (await redeeming.redeem(world.house, caller, ClientCredentials(details=details))).access_token


async def someone(world: World) -> str:
    """Another citizen, who holds what the purpose asks."""
    name = secrets.token_hex(16)

    def story(book: Book) -> Story[None]:
        yield [HOLDINGS.one(name)]
        yield TURN
        keys = book.keys_of(settle(book, name))
        for attribute, value in VALUES.items():
            good = check_value(CATALOGUE[attribute], value)
            put_value(
                book, citizen=name, keys=keys, name=attribute, value=good, source="self", as_of="2026-01-01"
            )

    await world.house.scribe.do(story)
    return name


async def grants(world: World, count: int) -> list[Given]:
    """Grants of as many citizens."""
    return [await world.given(citizen=await someone(world)) for _ in range(count)]


def item(grant: str, *attributes: str, key: str | None = None) -> Item:
    """What is asked under one grant; with a key of its own unless it is given."""
    names = frozenset(attributes)
    body = hashlib.sha256("|".join(sorted(names)).encode()).digest()
    key = key or secrets.token_hex(8)
    return Item(grant, Wanted(names, hashlib.sha256(key.encode()).digest(), body))


async def gather(
    world: World, token: str, *items: Item, client: str = MUNICIPALITY, proof: Proof | None = None
) -> Gathered:
    """A client asks under several grants."""
    return await gathering.gather(
        world.house,
        token_hash=handle_hash(token),
        proof=proof or world.proof(client, "POST", PATH, token),
        items=items,
    )
