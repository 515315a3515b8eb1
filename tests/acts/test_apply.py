"""A program that is registered at the pages asks nobody anything before an operator said yes, and few wait at once."""

import asyncio

import pytest

from consent.acts.admit import approve_client
from consent.acts.apply import MOST_WAITING, apply, faulty
from consent.acts.join import invite, join
from consent.acts.operate import Operator
from consent.acts.register import clients_of
from consent.acts.suspend import Subject, suspend
from consent.oauth.registration import check_registration
from consent.words.errors import Conflict, NotFound, OrganisationSuspended
from tests.world import World

ANNA = Operator("anna")
CITY, OTHER = "voorbeeldstad", "voorbeeldhuis"
DOCUMENT = {
    "client_name": "Loket",
    "redirect_uris": ["https://loket.example/back"],
    "jwks_uri": "https://loket.example/keys",
}


async def member(world: World, persona: str, role: str) -> str:
    deed, code = invite(CITY, role, name=persona, by=ANNA, chance=world.house.chance(16))  # type: ignore[arg-type]
    await world.house.scribe.do(deed)
    citizen = world.citizen(persona)
    await join(world.house, citizen=citizen, code=code)
    return citizen


async def send(world: World, citizen: str, organisation: str = CITY) -> str:
    metadata = check_registration(DOCUMENT, issuer=world.house.issuer)
    return await apply(world.house, citizen=citizen, organisation=organisation, metadata=metadata)


async def test_it_waits_for_the_operator_and_then_holds(world: World) -> None:
    client = await send(world, await member(world, "sanne", "editor"))
    (mine,) = [one for one in await clients_of(world.house, CITY) if one.id == client]
    assert (mine.status, mine.holds) == ("pending", None)
    await world.house.scribe.do(approve_client(client, 1, by=ANNA))
    (mine,) = [one for one in await clients_of(world.house, CITY) if one.id == client]
    assert mine.status == "approved"
    assert mine.holds is not None


async def test_a_clerk_and_another_organisations_member_register_nothing(world: World) -> None:
    editor, clerk = await member(world, "sanne", "editor"), await member(world, "daan", "clerk")
    before = [one.id for one in await clients_of(world.house, CITY)]
    for citizen, organisation in ((clerk, CITY), (editor, OTHER), (world.citizen("amal"), CITY)):
        with pytest.raises(NotFound):
            await send(world, citizen, organisation)
    assert [one.id for one in await clients_of(world.house, CITY)] == before


async def test_few_wait_at_once_also_when_they_come_together(world: World) -> None:
    editor = await member(world, "sanne", "editor")
    sent = await asyncio.gather(
        *(send(world, editor) for _ in range(MOST_WAITING + 2)), return_exceptions=True
    )
    assert sum(isinstance(one, Conflict) for one in sent) == 2


async def test_a_suspended_organisation_registers_nothing(world: World) -> None:
    editor = await member(world, "sanne", "editor")
    await world.house.scribe.do(suspend(Subject("organisation", CITY), by=ANNA))
    with pytest.raises(OrganisationSuspended):
        await send(world, editor)


def test_each_field_is_judged_by_itself() -> None:
    broken = {
        "client_name": "",
        "redirect_uris": ["here"],
        "jwks": None,
        "signals_endpoint": "ftp://a.example",
    }
    assert faulty(broken, issuer="https://consent.example") == list(broken)
    assert faulty(DOCUMENT, issuer="https://consent.example") == []
