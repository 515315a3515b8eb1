"""A helper with a mandate: what it takes to get one, how far it reaches, and that it ends at once."""

import asyncio
from typing import Any

import msgspec
import pytest

from consent.acts import help as helping
from consent.acts import mandate as mandates
from consent.acts import withdraw as withdrawing
from consent.acts.erase import go_on, leave
from consent.acts.mandate import CODE_LIFE, Made, Wish
from consent.acts.overview import overview
from consent.acts.session import Visitor
from consent.acts.timeline import timeline
from consent.acts.ways import NotFreshlySignedIn
from consent.oauth.step_up import INVENTED, SignIn
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import MANDATE, MEMBER, OPENING
from consent.storage.members import Member
from consent.words.actors import Actor
from consent.words.errors import BadInput, Conflict, Forbidden, NotFound, TooManyRequests
from consent.words.instants import DAY, SECOND
from tests.world import World

WISH = Wish(helper="Els", citizen="Mama", may="choose", term="month")


def visitor(world: World, persona: str, *, ago: int = 0) -> Visitor:
    return Visitor(world.citizen(persona), SignIn(INVENTED, world.at - ago), "persona")


async def given(world: World, *, to: str | None = "daan", by: str = "sanne", **wish: Any) -> Made:
    """A mandate of Sanne for Daan, taken up unless *to* is nobody."""
    made = await mandates.give(
        world.house, visitor(world, by), msgspec.structs.replace(WISH, **wish), language="nl"
    )
    if to is not None:
        await mandates.accept(world.house, helper=world.citizen(to), code=made.code)
    return made


async def lines(world: World, persona: str = "sanne") -> list[tuple[str, str | None]]:
    months = (await timeline(world.house, citizen=world.citizen(persona), language="nl")).months
    return [(line.kind, line.helper) for month in months for line in month.lines]


async def stands(world: World, made: Made, persona: str = "daan") -> helping.Helping:
    return await helping.standing(world.house, helper=world.citizen(persona), mandate=made.id)


async def test_whatever_a_helper_does_stands_in_her_timeline_under_his_name(world: World) -> None:
    made = await given(world)
    shared = await world.given()
    his = await stands(world, made)
    await helping.stop(world.house, his, grant=shared.grant)
    await mandates.end(world.house, who=world.citizen("daan"), mandate=made.id)
    (ended,) = (await overview(world.house, citizen=world.citizen(), language="nl")).ended
    assert ended.how == "for_her"
    assert await lines(world) == [
        ("mandate_ended", "Els"),
        ("withdrawn", "Els"),
        ("granted", None),
        ("mandate_taken", "Els"),
        ("mandate_given", "Els"),
    ]


async def test_the_log_tells_an_auditor_of_no_mandate(world: World, tmp_path: Any) -> None:
    made = await given(world)
    await mandates.end(world.house, who=world.citizen(), mandate=made.id)
    records = []
    for log, index in await world.house.store.read("citizen_entry.all", world.citizen()):
        (opening,) = await world.house.store.read(OPENING.get, log, index)
        records.append(msgspec.json.decode(OPENING.from_row(opening).record))
    assert [(one["ev"], one["by"], "org" in one) for one in records] == [
        ("other", "self", False),
        ("other", "helper", False),
        ("other", "self", False),
    ]
    assert (await world.audit(tmp_path / "log")).exit_code == 0


@pytest.mark.parametrize("who", ["sanne", "amal", "riet"])
async def test_a_code_that_does_not_work_tells_nothing(world: World, who: str) -> None:
    """Her own, one that was used, one that is old, one that never was: the same answer."""
    used = await given(world)
    old = await given(world, to=None)
    world.pass_time(CODE_LIFE // SECOND)
    mine = await given(world, to=None, by=who)
    said = set()
    for code in (used.code, old.code, mine.code, "", "aap aarde adem akker anker appel arend"):
        for call in (mandates.look_at, mandates.accept):
            with pytest.raises(NotFound) as no:
                await call(world.house, helper=world.citizen(who), code=code)
            said.add(str(no.value))
        world.pass_time(61)
    assert len(said) == 1


async def test_a_code_is_used_once_also_by_two_at_the_same_time(world: World) -> None:
    made = await given(world, to=None)
    done = await asyncio.gather(
        *(
            mandates.accept(world.house, helper=world.citizen(who), code=made.code.upper().replace(" ", ", "))
            for who in ("daan", "amal", "riet")
        ),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in done) == ["NotFound", "NotFound", "str"]


async def test_codes_can_be_tried_five_times_a_minute(world: World) -> None:
    made = await given(world, to=None)
    for _ in range(mandates.MOST_TRIES):
        with pytest.raises(NotFound):
            await mandates.look_at(world.house, helper=world.citizen("daan"), code="aap")
    with pytest.raises(TooManyRequests):
        await mandates.look_at(world.house, helper=world.citizen("daan"), code=made.code)
    assert (await mandates.look_at(world.house, helper=world.citizen("amal"), code=made.code))[
        0
    ].name == "Mama"


async def test_an_open_browser_makes_nobody_a_helper(world: World) -> None:
    with pytest.raises(NotFreshlySignedIn):
        await mandates.give(
            world.house, visitor(world, "sanne", ago=world.house.step_up.fresh), WISH, language="nl"
        )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("helper", "  "),
        ("helper", "x" * 41),
        ("citizen", "a\x00b"),
        ("citizen", "\u202egnirts"),
        ("may", "erase"),
        ("term", "for ever"),
        ("organisations", ("nobody",)),
    ],
)
async def test_a_wish_that_cannot_be_changes_nothing(world: World, field: str, value: Any) -> None:
    with pytest.raises(BadInput, match=field):
        await given(world, **{field: value})
    assert await lines(world) == []


async def test_ten_people_help_at_most(world: World) -> None:
    for _ in range(mandates.MOST):
        await given(world, to=None)
    with pytest.raises(Conflict):
        await given(world, to=None)
    world.pass_time(CODE_LIFE // SECOND)  # nobody took them up
    await given(world, to=None)


async def test_who_only_looks_stops_nothing_and_says_nothing(world: World) -> None:
    made = await given(world, may="look")
    shared = await world.given()
    his = await stands(world, made)
    assert his.may == "look"
    with pytest.raises(Forbidden):
        await helping.stop(world.house, his, grant=shared.grant)
    with pytest.raises(Forbidden):
        await helping.standing(world.house, helper=world.citizen("daan"), mandate=made.id, deed="stop")
    assert (await world.state(shared.grant)).grant.state == "live"


async def test_a_stop_that_was_under_way_when_the_mandate_ended_does_nothing(world: World) -> None:
    made = await given(world)
    shared = await world.given()
    his = await stands(world, made)
    await mandates.end(world.house, who=world.citizen(), mandate=made.id)
    with pytest.raises(Forbidden):
        await helping.stop(world.house, his, grant=shared.grant)
    with pytest.raises(NotFound):
        await stands(world, made)
    assert (await world.state(shared.grant)).grant.state == "live"


async def test_a_made_up_actor_reaches_nothing(world: World) -> None:
    shared = await world.given()
    foreign = await given(world, by="riet")
    for actor in (
        Actor(kind="helper", id="f" * 32),
        Actor(kind="helper", id=foreign.id),
        Actor(kind="guardian", id=foreign.id),
    ):
        with pytest.raises(Forbidden):
            await withdrawing.withdraw(world.house, citizen=world.citizen(), grant=shared.grant, by=actor)


async def test_a_mandate_for_one_organisation_shows_no_other(world: World) -> None:
    made = await given(world, organisations=("voorbeeldhuis",))
    shared = await world.given()
    his = await stands(world, made)
    assert (await helping.home(world.house, his, language="nl")).grants == ()
    assert await helping.what_happened(world.house, his, language="nl") == []
    assert (await helping.data(world.house, his, language="nl")).items == ()
    with pytest.raises(NotFound):
        await helping.stop(world.house, his, grant=shared.grant)


async def test_what_is_delicate_is_hidden_unless_she_shows_it(world: World) -> None:
    closed, shown = await given(world, by="amal"), await given(world, by="amal", show_special=True)
    for made, expected in ((closed, False), (shown, True)):
        items = await helping.data(world.house, await stands(world, made), language="nl")
        assert ("residence_permit" in {item.name for item in items.items}) is expected


async def test_time_ends_a_mandate_at_its_instant_and_writes_it_down(world: World) -> None:
    made = await given(world)
    world.pass_time(30 * DAY // SECOND - 1)
    await stands(world, made)
    world.pass_time(1)
    with pytest.raises(NotFound):
        await stands(world, made)
    await world.house.scribe.do(mandates.lapse(world.at))
    await world.house.scribe.do(mandates.lapse(world.at))
    assert [kind for kind, _ in await lines(world)] == ["mandate_ended", "mandate_taken", "mandate_given"]


async def test_a_clock_that_goes_back_gives_no_mandate_back(world: World) -> None:
    made = await given(world)
    await mandates.end(world.house, who=world.citizen(), mandate=made.id)
    world.pass_time(-DAY // SECOND)
    with pytest.raises(NotFound):
        await stands(world, made)


@pytest.mark.parametrize("who", ["sanne", "daan"])
async def test_a_mandate_ends_with_either_account(world: World, who: str) -> None:
    made = await given(world)
    waiting = await given(world, to=None)
    await leave(world.house, citizen=world.citizen(who))
    with pytest.raises(NotFound):
        await stands(world, made)
    if who == "sanne":
        with pytest.raises(NotFound):
            await mandates.accept(world.house, helper=world.citizen("riet"), code=waiting.code)
    else:
        assert ("mandate_ended", "Els") in await lines(world)
    for _ in range(2):
        world.pass_time(15 * DAY // SECOND)
        await go_on(world.house)
    rows = [MANDATE.from_row(r) for r in await world.house.store.read("mandate.of_citizen", world.citizen())]
    assert [one.helper for one in rows] == ([] if who == "sanne" else [None, None])


async def test_a_yes_of_a_helper_is_hers_and_says_so(world: World) -> None:
    made = await given(world)
    his = await stands(world, made)
    request = await world.ask()
    page = await _looked_at_by_her(world, request)
    with pytest.raises(NotFound):  # somebody else's question is none
        await helping.look(world.house, his, request=await world.ask(), language="nl", sign_in=None)
    answered = await helping.answer(
        world.house,
        his,
        request=request,
        language="nl",
        decision="yes",
        chosen=frozenset({"household_size", "income_below_threshold"}),
        seal=page,
        sign_in=SignIn(INVENTED, world.at),
    )
    assert isinstance(answered, helping.granting.Answered)
    assert answered.grant is not None
    assert (await lines(world))[0] == ("granted", "Els")


async def _looked_at_by_her(world: World, request: str, persona: str = "sanne") -> str:
    seen = await helping.asking.look(
        world.house,
        citizen=world.citizen(persona),
        request=request,
        language="nl",
        sign_in=SignIn(INVENTED, world.at),
        ticked="",
    )
    return seen.seal


async def test_a_question_with_something_hidden_is_for_her_alone(world: World) -> None:
    made = await given(world, by="amal")
    request = await world.ask(
        purpose="hulp-nieuw-in-nederland", attributes=("preferred_language", "residence_permit")
    )
    await _looked_at_by_her(world, request, "amal")
    his = await stands(world, made)
    home = await helping.home(world.house, his, language="nl")
    assert (len(home.requests), home.for_her) == (0, 1)
    with pytest.raises(NotFound):
        await helping.look(world.house, his, request=request, language="nl", sign_in=None)


async def test_a_foreign_mandate_looks_like_none(world: World) -> None:
    made = await given(world)
    for who in ("sanne", "amal"):
        with pytest.raises(NotFound):
            await stands(world, made, who)
    with pytest.raises(NotFound):
        await mandates.end(world.house, who=world.citizen("amal"), mandate=made.id)
    with pytest.raises(NotFound):
        await mandates.end(world.house, who=world.citizen("amal"), mandate="../" + made.id)


async def test_nobody_says_yes_in_her_name_to_an_organisation_for_which_he_acts(world: World) -> None:
    made = await given(world)
    request = await world.ask(attributes=("household_size", "income_below_threshold"))
    seal = await _looked_at_by_her(world, request)
    his = await stands(world, made)
    await _joins(world, "daan", "voorbeeldstad")
    assert (await helping.home(world.house, await stands(world, made), language="nl")).requests == ()
    with pytest.raises(Forbidden):  # he was let in before he became a member: the deed asks again
        await helping.answer(
            world.house,
            his,
            request=request,
            language="nl",
            decision="yes",
            chosen=frozenset({"household_size", "income_below_threshold"}),
            seal=seal,
            sign_in=SignIn(INVENTED, world.at),
        )


async def _joins(world: World, persona: str, organisation: str | None) -> None:
    def story(book: Book) -> Story[None]:
        yield TURN
        book.put(
            MEMBER,
            Member(
                id="e" * 32,
                citizen=world.citizen(persona),
                organisation=organisation,
                role="clerk",
                name="Daan",
                joined_at=book.at,
            ),
        )

    await world.house.scribe.do(story)
