"""A parent acts for a child: given at a desk, shrinking on birthdays, over at 18."""

from datetime import date

import msgspec
import pytest

from consent.acts import help as helping
from consent.acts import mandate as mandates
from consent.acts.entrust import entrust, words_for_child
from consent.acts.grant import Again, Answered
from consent.acts.mandate import Made, Wish
from consent.acts.operate import operator
from consent.acts.reach import birthday
from consent.acts.recover import with_words
from consent.acts.session import Visitor, who
from consent.oauth.step_up import INVENTED, SignIn
from consent.storage.kinds import MANDATE
from consent.words.errors import BadInput, Forbidden, NotFound, StillActive
from consent.words.instants import SECOND
from tests.world import World

BORN = date(2016, 2, 29)  # 14 years old where the clock begins, in March 2030
DESK = operator("desk")


async def child_of(world: World, born: date = BORN) -> tuple[str, Made]:
    """A child of Sanne's, with her mandate taken up: the child's account and the mandate."""
    made = await entrust(world.house, born=born, parent="Mama", child="Noor", by=DESK, language="nl")
    await mandates.accept(world.house, helper=world.citizen(), code=made.code)
    (row,) = await world.house.store.read(MANDATE.get, made.id)
    return MANDATE.from_row(row).citizen, made


async def standing(world: World, made: Made) -> helping.Helping:
    return await helping.standing(world.house, helper=world.citizen(), mandate=made.id)


def until(world: World, age: int, *, born: date = BORN) -> None:
    world.pass_time((birthday(born, age) - world.at) / SECOND)


async def test_a_child_sees_and_stops_and_its_parent_says_yes(world: World) -> None:
    child, made = await child_of(world)
    words = await words_for_child(world.house, mandate=made.id, by=DESK, language="nl")
    visitor = await who(world.house, await with_words(world.house, text=words, before=None))
    assert visitor is not None
    assert visitor.citizen == child
    again = await world.answer(await world.ask(), citizen=child, chosen=frozenset())
    assert isinstance(again, Again)
    assert again.trouble == "too_young"
    no = await world.answer(await world.ask(), citizen=child, decision="no")
    assert isinstance(no, Answered)
    with pytest.raises(Forbidden):
        await mandates.end(world.house, who=child, mandate=made.id)
    parent = (await standing(world, made)).actor
    assert parent.kind == "guardian"
    yes = await world.answer(await world.ask(), citizen=child, chosen=frozenset(), by=parent)
    assert isinstance(yes, Again)  # he reached the page: nothing was chosen, for the child keeps nothing yet
    assert yes.trouble == "nothing_chosen"


async def test_a_parent_fills_in_for_the_child_and_a_helper_never(world: World) -> None:
    child, made = await child_of(world)
    his = await standing(world, made)
    await helping.fill_in(world.house, his, name="household_size", text="3")
    kept = await helping.data(world.house, his, language="nl")
    assert [(one.name, one.value, one.mine) for one in kept.items] == [("household_size", "3", True)]
    assert kept.addable
    yes = await world.answer(
        await world.ask(attributes=("household_size", "income_below_threshold")),
        citizen=child,
        chosen=frozenset({"household_size"}),
        by=his.actor,
    )
    assert isinstance(yes, Again)
    assert yes.trouble == "required_missing"
    await helping.fill_in(world.house, his, name="income_below_threshold", text="ja")
    given = await world.given(citizen=child, by=his.actor)
    assert given.tokens.grant is not None
    assert given.tokens.grant.given_by == "guardian"
    until(world, 16)
    with pytest.raises(Forbidden):
        await helping.fill_in(world.house, his, name="household_size", text="4")
    helper = await world.mandate(of="amal")
    one = await helping.standing(world.house, helper=world.citizen("daan"), mandate=helper.id or "")
    with pytest.raises(Forbidden):
        await helping.fill_in(world.house, one, name="household_size", text="4")


async def test_at_16_the_child_decides_and_may_stop_the_view(world: World) -> None:
    child, made = await child_of(world)
    until(world, 16)
    again = await world.answer(await world.ask(), citizen=child, chosen=frozenset())
    assert isinstance(again, Again)
    assert again.trouble == "nothing_chosen"
    his = await standing(world, made)
    assert his.may == "look"
    with pytest.raises(Forbidden):
        await world.answer(await world.ask(), citizen=child, chosen=frozenset(), by=his.actor)
    await mandates.end(world.house, who=child, mandate=made.id)
    with pytest.raises(NotFound):
        await standing(world, made)


async def test_at_18_all_ends_by_itself_and_both_can_read_it(world: World) -> None:
    child, made = await child_of(world)
    until(world, 18)
    with pytest.raises(NotFound):
        await standing(world, made)
    await world.house.scribe.do(mandates.lapse(world.at))
    for seen in (
        await mandates.hers(world.house, citizen=child),
        await mandates.his(world.house, helper=world.citizen()),
    ):
        assert [(one.id, one.ended_at) for one in seen.over] == [(made.id, birthday(BORN, 18))]
        assert seen.running == ()
    for account, was_hers in ((child, True), (world.citizen(), False)):
        told = await mandates.ended_parenthood(world.house, citizen=account)
        assert [(line.id, hers) for line, hers in told] == [(made.id, was_hers)]


async def test_a_child_is_no_older_than_a_child_and_not_yet_to_be_born(world: World) -> None:
    for born in (date(2012, 3, 1), date(2031, 1, 1)):
        with pytest.raises(BadInput):
            await entrust(world.house, born=born, parent="Mama", child="Noor", by=DESK, language="nl")


async def test_a_child_under_12_gets_no_words(world: World) -> None:
    _, made = await child_of(world, date(2020, 1, 1))
    with pytest.raises(StillActive):
        await words_for_child(world.house, mandate=made.id, by=DESK, language="nl")
    helper = await world.mandate()
    with pytest.raises(NotFound):
        await words_for_child(world.house, mandate=helper.id or "", by=DESK, language="nl")


async def own_code(world: World, persona: str, **wish: object) -> str:
    """What a child makes at its own account, for the desk."""
    visitor = Visitor(world.citizen(persona), SignIn(INVENTED, world.at), "persona")
    made = await mandates.give(
        world.house,
        visitor,
        msgspec.structs.replace(
            Wish(helper="Balie", citizen="Daan", may="choose", term="month", show_special=True), **wish
        ),
        language="nl",
    )
    return made.code


async def desk_makes(world: World, shown: str, *, born: date = BORN) -> Made:
    return await entrust(
        world.house, born=born, parent="Mama", child="Daan", by=DESK, language="nl", shown=shown
    )


async def test_a_child_with_an_account_keeps_it_and_gets_a_parent(world: World) -> None:
    """Noor is 14 and signs in herself: nothing of hers moves, and from then on a parent says yes."""
    given = await world.given(citizen=world.citizen("riet"))
    shown = await own_code(world, "riet")
    made = await desk_makes(world, shown)
    await mandates.accept(world.house, helper=world.citizen(), code=made.code)
    (row,) = await world.house.store.read(MANDATE.get, made.id)
    assert MANDATE.from_row(row).citizen == world.citizen("riet")
    assert [
        card.id
        for card in (await helping.home(world.house, await standing(world, made), language="nl")).grants
    ] == [given.grant]
    again = await world.answer(await world.ask(), citizen=world.citizen("riet"))
    assert isinstance(again, Again)
    assert again.trouble == "too_young"
    for _ in range(2):  # the code was used up, also as a helper's
        with pytest.raises(NotFound):
            await desk_makes(world, shown)
        with pytest.raises(NotFound):
            await mandates.accept(world.house, helper=world.citizen("amal"), code=shown)


async def other_parent(world: World, beside: str, *, born: date = BORN) -> Made:
    return await entrust(
        world.house, born=born, parent="Papa", child="Noor", by=DESK, language="nl", beside=beside
    )


async def test_a_child_has_two_parents_and_each_says_yes_for_it(world: World) -> None:
    child, first = await child_of(world)
    second = await other_parent(world, first.id)
    papa = world.citizen("daan")
    await mandates.accept(world.house, helper=papa, code=second.code)
    his = await helping.standing(world.house, helper=papa, mandate=second.id, deed="choose")
    assert his.actor.kind == "guardian"
    for name, text in (("income_below_threshold", "ja"), ("household_size", "3")):
        await helping.fill_in(world.house, his, name=name, text=text)
    given = await world.given(citizen=child, by=his.actor)
    hers = await helping.home(world.house, await standing(world, first), language="nl")
    assert [card.id for card in hers.grants] == [given.grant]  # one child, whoever of them said yes
    running = (await mandates.hers(world.house, citizen=child)).running
    assert sorted(one.id for one in running) == sorted([first.id, second.id])
    until(world, 16)
    await mandates.end(world.house, who=child, mandate=first.id)  # of each of them alone
    with pytest.raises(NotFound):
        await standing(world, first)
    assert (await helping.standing(world.house, helper=papa, mandate=second.id)).may == "look"


async def test_another_parent_comes_only_beside_one_of_the_same_child(world: World) -> None:
    child, first = await child_of(world)
    helper = await world.mandate(of="amal")
    with pytest.raises(BadInput):
        await other_parent(world, first.id, born=date(2017, 2, 28))
    for nothing in (helper.id or "", "0" * 32):
        with pytest.raises(NotFound):
            await other_parent(world, nothing)
    with pytest.raises(BadInput):
        await entrust(
            world.house,
            born=BORN,
            parent="Papa",
            child="Noor",
            by=DESK,
            language="nl",
            beside=first.id,
            shown="x",
        )
    until(world, 16)
    with pytest.raises(
        BadInput, match="decides itself"
    ):  # nobody begins to look that the child did not choose
        await other_parent(world, first.id)
    await mandates.end(world.house, who=child, mandate=first.id)
    with pytest.raises(NotFound):
        await other_parent(world, first.id)
    assert (await mandates.hers(world.house, citizen=child)).running == ()


async def test_a_helper_from_before_the_parent_says_no_more_than_the_child(world: World) -> None:
    """Else a child would help itself with a second account: it makes two codes and shows the desk one of them."""
    child = world.citizen("riet")
    lent = await own_code(world, "riet")
    helper = await mandates.accept(world.house, helper=world.citizen("daan"), code=lent)
    made = await desk_makes(world, await own_code(world, "riet"))
    await mandates.accept(world.house, helper=world.citizen(), code=made.code)
    his = await helping.standing(world.house, helper=world.citizen("daan"), mandate=helper, deed="choose")
    with pytest.raises(Forbidden):
        await world.answer(await world.ask(), citizen=child, by=his.actor)
    no = await world.answer(await world.ask(), citizen=child, by=his.actor, decision="no")
    assert isinstance(no, Answered)
    yes = await world.answer(await world.ask(), citizen=child, by=(await standing(world, made)).actor)
    assert isinstance(yes, Answered)


@pytest.mark.parametrize(
    ("wish", "born", "no"),
    [
        ({"may": "look"}, BORN, BadInput),  # a code to look only makes nobody a parent
        ({"show_special": False}, BORN, BadInput),
        ({}, date(2019, 1, 1), BadInput),  # eleven: has no account of its own
        ({}, date(2000, 1, 1), BadInput),  # of age
    ],
)
async def test_a_code_makes_a_parent_of_nobody_else(
    world: World, wish: dict[str, object], born: date, no: type[Exception]
) -> None:
    shown = await own_code(world, "daan", **wish)
    with pytest.raises(no):
        await desk_makes(world, shown, born=born)
    with pytest.raises(NotFound):
        await desk_makes(world, "aap aarde adem akker anker appel arend")
    assert (await mandates.look_at(world.house, helper=world.citizen("riet"), code=shown))[0].name == "Daan"


async def test_a_parent_may_answer_a_new_question_for_each_child_and_no_other(world: World) -> None:
    child, made = await child_of(world)
    parent, request = world.citizen(), await world.ask()
    assert [one.mandate for one in await helping.children(world.house, parent=parent, request=request)] == [
        made.id
    ]
    assert await helping.children(world.house, parent=world.citizen("riet"), request=request) == []
    assert await helping.children(world.house, parent=parent, request="0" * 32) == []
    his = await standing(world, made)
    page = await helping.look(world.house, his, request=request, language="nl", sign_in=None)
    assert page.request.citizen == child
    # Now it is the child's: it is offered to nobody, and is nobody else's question.
    assert await helping.children(world.house, parent=parent, request=request) == []
    until(world, 16)
    later = await world.ask()
    assert await helping.children(world.house, parent=parent, request=later) == []  # decides alone
