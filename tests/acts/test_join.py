"""Who works at the pages: a code works once, a role counts in the very transaction, and it ends with the account."""

import asyncio
from collections.abc import Callable

import pytest

from consent.acts.erase import come_back, leave
from consent.acts.export import export
from consent.acts.join import (
    INVITATION_LIFE,
    MOST_WAITING,
    Role,
    acting,
    as_member,
    end_member,
    invite,
    join,
    roles_of,
    take_back,
    team,
)
from consent.acts.operate import Operator
from consent.acts.oversee import journal
from consent.acts.scribe import Deed
from consent.acts.suspend import Subject, suspend
from consent.storage.book import TURN, Book, Story
from consent.storage.members import Member
from consent.words.errors import BadInput, Conflict, NotFound
from consent.words.instants import SECOND
from tests.world import World

ANNA = Operator("anna")
CITY, OTHER = "voorbeeldstad", "voorbeeldhuis"


async def invited(world: World, organisation: str | None = CITY, role: Role = "owner") -> str:
    deed, code = invite(organisation, role, name="bob", by=ANNA, chance=world.house.chance(16))
    await world.house.scribe.do(deed)
    return code


def doing(done: list[str]) -> Callable[[Operator], Deed[None]]:
    def act(by: Operator) -> Deed[None]:
        def story(book: Book) -> Story[None]:
            yield TURN
            done.append(by.name)

        return story

    return act


async def may(world: World, citizen: str, organisation: str | None, *roles: Role) -> bool:
    done: list[str] = []
    try:
        await world.house.scribe.do(as_member(citizen, organisation, roles, doing(done)))
    except NotFound:
        assert done == []
        return False
    assert len(done) == 1
    return True


async def test_a_code_works_once_for_whoever_types_it_first(world: World) -> None:
    code = await invited(world)
    assert len(code.replace("-", "")) == 26  # 128 bits
    sanne, daan = world.citizen("sanne"), world.citizen("daan")
    both = await asyncio.gather(
        join(world.house, citizen=sanne, code=f"  {code.upper()} "),
        join(world.house, citizen=daan, code=code),
        return_exceptions=True,
    )
    assert isinstance(both[0], Member)
    assert isinstance(both[1], NotFound)
    assert [(one.organisation, one.role) for one in await roles_of(world.house, sanne)] == [(CITY, "owner")]
    assert await roles_of(world.house, daan) == []
    lines = [(line.operator, line.act, line.subject, line.note) for line in await journal(world.house)]
    assert (f"{CITY}/bob", "member_joined", CITY, "owner") in lines
    assert ("anna", "member_invited", CITY, "owner bob") in lines


async def test_a_code_that_is_over_taken_back_or_made_up_makes_nobody_a_member(world: World) -> None:
    sanne = world.citizen()
    late, gone = await invited(world), await invited(world)
    _, waiting = await team(world.house, CITY)
    with pytest.raises(NotFound):
        await world.house.scribe.do(take_back(waiting[1].hash, OTHER, by=ANNA))
    await world.house.scribe.do(take_back(waiting[1].hash, CITY, by=ANNA))
    with pytest.raises(NotFound):
        await join(world.house, citizen=sanne, code=gone)
    world.pass_time(INVITATION_LIFE / SECOND)
    for code in (late, "", "a" * 26, "é"):
        with pytest.raises(NotFound):
            await join(world.house, citizen=sanne, code=code)
    assert await roles_of(world.house, sanne) == []


async def test_a_code_is_not_used_up_by_who_has_the_role(world: World) -> None:
    sanne = world.citizen()
    await join(world.house, citizen=sanne, code=await invited(world))
    second = await invited(world)
    with pytest.raises(Conflict):
        await join(world.house, citizen=sanne, code=second)
    assert (await join(world.house, citizen=world.citizen("daan"), code=second)).role == "owner"


@pytest.mark.parametrize(("organisation", "role"), [(CITY, "owner"), (None, "operator")])
async def test_whoever_is_put_out_leaves_no_door_for_a_second_account(
    world: World, organisation: str | None, role: Role
) -> None:
    citizen = world.citizen("sanne")
    hers = await join(world.house, citizen=citizen, code=await invited(world, organisation, role))
    codes = []
    for name in ("myself", "successor"):
        deed, code = invite(organisation, role, name=name, by=acting(hers), chance=world.house.chance(16))
        await world.house.scribe.do(deed)
        codes.append(code)
    of_anna = await invited(world, organisation, role)
    # Both in one batch, the leaving first: what is typed at that moment opens nothing any more.
    _, tried = await asyncio.gather(
        world.house.scribe.do(end_member(hers.id, organisation, by=ANNA)),
        join(world.house, citizen=world.citizen("daan"), code=codes[0]),
        return_exceptions=True,
    )
    assert isinstance(tried, NotFound)
    with pytest.raises(NotFound):
        await join(world.house, citizen=world.citizen("daan"), code=codes[1])
    acts = [(line.act, line.note) for line in await journal(world.house)]
    assert ("member_uninvited", f"{role} myself") in acts
    await join(world.house, citizen=world.citizen("riet"), code=of_anna)


async def test_whoever_leaves_by_herself_leaves_her_invitations(world: World) -> None:
    hers = await join(world.house, citizen=world.citizen("sanne"), code=await invited(world))
    deed, code = invite(CITY, "owner", name="successor", by=acting(hers), chance=world.house.chance(16))
    await world.house.scribe.do(deed)
    await world.house.scribe.do(end_member(hers.id, CITY, by=acting(hers)))
    assert (await join(world.house, citizen=world.citizen("daan"), code=code)).name == "successor"


async def test_a_role_opens_that_organisation_and_no_other_and_only_what_it_is_for(world: World) -> None:
    sanne = world.citizen()
    await join(world.house, citizen=sanne, code=await invited(world, role="editor"))
    assert await may(world, sanne, CITY, "owner", "editor")
    assert not await may(world, sanne, CITY, "owner")
    assert not await may(world, sanne, OTHER, "owner", "editor")
    assert not await may(world, sanne, None, "operator", "editor")
    assert not await may(world, world.citizen("daan"), CITY, "editor")
    # An operator is nobody's member.
    assert await may(world, world.citizen("wil"), None, "operator")
    assert not await may(world, world.citizen("wil"), CITY, "owner", "operator")


async def test_a_role_that_ends_in_the_same_batch_does_nothing_any_more(world: World) -> None:
    sanne = world.citizen()
    member = await join(world.house, citizen=sanne, code=await invited(world))
    with pytest.raises(NotFound):
        await world.house.scribe.do(end_member(member.id, OTHER, by=ANNA))
    done: list[str] = []
    acting = as_member(sanne, CITY, ("owner",), doing(done))
    ended, acted = await asyncio.gather(
        world.house.scribe.do(end_member(member.id, CITY, by=ANNA)),
        world.house.scribe.do(acting),
        return_exceptions=True,
    )
    assert not isinstance(ended, BaseException)
    assert isinstance(acted, NotFound)
    assert done == []
    members, _ = await team(world.house, CITY)
    assert member.id not in {one.id for one in members}


async def test_erasing_an_account_ends_its_roles_for_good(world: World) -> None:
    sanne = world.citizen()
    await join(world.house, citizen=sanne, code=await invited(world))
    assert (await export(world.house, citizen=sanne))["roles"][0]["organisation"] == CITY
    await leave(world.house, citizen=sanne)
    assert not await may(world, sanne, CITY, "owner")
    await come_back(world.house, citizen=sanne)
    assert not await may(world, sanne, CITY, "owner")


async def test_what_an_owner_asks_for_goes_through_as_hers(world: World) -> None:
    """The deed inside reads its own rows and is written down under her name."""
    fenna = world.citizen("fenna")
    about = Subject("client", "voorbeeldstad-loket")
    await world.house.scribe.do(as_member(fenna, CITY, ("owner",), lambda by: suspend(about, by=by)))
    assert (f"{CITY}/Fenna", "suspended") in [(one.operator, one.act) for one in await journal(world.house)]


async def test_invitations_that_cannot_be(world: World) -> None:
    for organisation, role, name in (
        (None, "owner", "bob"),
        (CITY, "operator", "bob"),
        (CITY, "king", "bob"),
        (CITY, "owner", " "),
        (CITY, "owner", "b" * 61),
        (CITY, "owner", "bob\nanna"),
        (None, "operator", "bob/anna"),
    ):
        with pytest.raises(BadInput):
            invite(organisation, role, name=name, by=ANNA, chance=b"x" * 16)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await invited(world, "nobody")
    made = [await invited(world) for _ in range(MOST_WAITING)]
    with pytest.raises(Conflict):
        await invited(world)
    await join(world.house, citizen=world.citizen(), code=made[0])
    await invited(world)


async def test_two_invitations_at_once_are_two(world: World) -> None:
    for _ in range(MOST_WAITING - 1):
        await invited(world)
    last = await asyncio.gather(invited(world), invited(world), return_exceptions=True)
    assert sorted(type(one).__name__ for one in last) == ["Conflict", "str"]


async def test_the_seed_gives_the_invented_people_their_roles(world: World) -> None:
    members, waiting = await team(world.house, CITY)
    assert {(one.name, one.role) for one in members} == {("Fenna", "owner"), ("Joris", "clerk")}
    assert waiting == []
    assert [one.name for one in (await team(world.house, None))[0]] == ["wil"]
