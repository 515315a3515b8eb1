"""The client that a rehearsal borrows: for members, in the sandbox, and worth nothing afterwards."""

import msgspec
import pytest
from consent_sdk.keys import SigningKey

from consent.acts.house import House
from consent.acts.join import put_member
from consent.acts.rehearse import lend, take
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT
from consent.storage.rows import ClientRow
from consent.words.errors import Forbidden, NotFound
from tests.world import MUNICIPALITY, World

ORGANISATION = "voorbeeldstad"


async def employ(world: World, role: str) -> str:
    """Sanne gets a role at the municipality."""

    def story(book: Book) -> Story[None]:
        yield TURN
        put_member(book, world.citizen(), ORGANISATION, role, name="Sanne")  # type: ignore[arg-type]

    await world.house.scribe.do(story)
    return world.citizen()


async def row_of(world: World, client: str) -> ClientRow:
    return CLIENT.from_row((await world.house.store.read(CLIENT.get, client))[0])


async def lent(world: World, house: House, citizen: str) -> str:
    jwk = dict(SigningKey.new().public_jwk)
    return await lend(house, citizen=citizen, organisation=ORGANISATION, jwk=jwk)


async def test_outside_the_sandbox_nothing_is_lent(world: World) -> None:
    citizen = await employ(world, "owner")
    real = msgspec.structs.replace(world.house, sandbox=False)
    before = await world.house.store.read("client.all")
    with pytest.raises(Forbidden):
        await lent(world, real, citizen)
    assert await world.house.store.read("client.all") == before


async def test_only_owners_and_editors_borrow(world: World) -> None:
    with pytest.raises(NotFound):
        await lent(world, world.house, world.citizen())
    citizen = await employ(world, "clerk")
    with pytest.raises(NotFound):
        await lent(world, world.house, citizen)


async def test_what_was_lent_is_taken_once_and_nothing_else_is(world: World) -> None:
    client = await lent(world, world.house, await employ(world, "editor"))
    assert (await row_of(world, client)).status == "approved"
    await take(world.house, client=client)
    taken, size = await row_of(world, client), await world.house.store.read("head.all")
    assert (taken.status, taken.jwks) == ("suspended", "[]")
    await take(world.house, client=client)
    await take(world.house, client=MUNICIPALITY)
    assert await world.house.store.read("head.all") == size
    assert (await row_of(world, MUNICIPALITY)).status == "approved"
