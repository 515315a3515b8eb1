"""An operator at her pages: what she reads before deciding, and when her decision counts."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from consent.acts import admit, gauge, judge, weigh
from consent.acts import suspend as suspending
from consent.acts.join import end_member, invite, join, roles_of
from consent.acts.operate import Operator
from consent.acts.session import Visitor
from consent.acts.suspend import Subject
from consent.acts.ways import NotFreshlySignedIn
from consent.oauth.step_up import INVENTED, SignIn
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import PROPOSAL, PURPOSE
from consent.storage.rows import Proposal
from consent.words.canonical import canonical
from consent.words.errors import NotFound, OutOfDate
from consent.words.purposes import Purpose, Text
from tests.world import PURPOSE as ALLOWANCE
from tests.world import World

CITY = "voorbeeldstad"


def at_her_desk(world: World, persona: str = "wil") -> Visitor:
    return Visitor(world.citizen(persona), SignIn(INVENTED, world.at), "persona")


async def purpose_of(world: World) -> Purpose:
    (row,) = await world.house.store.read(PURPOSE.get, ALLOWANCE, 1)
    return msgspec.json.decode(PURPOSE.from_row(row).record, type=Purpose)


async def proposed(world: World, **changed: Any) -> Subject:
    """A second version of the allowance's purpose waits, with *changed* in it."""
    purpose = replace(await purpose_of(world), version=2, **changed)

    def story(book: Book) -> Story[None]:
        yield TURN
        row = Proposal(
            id=purpose.id,
            version=2,
            organisation=CITY,
            record=canonical(purpose),
            state="pending",
            note="",
            submitted_at=book.at,
            decided_at=None,
        )
        book.put(PROPOSAL, row)

    await world.house.scribe.do(story)
    return Subject("purpose", ALLOWANCE, 2)


async def approve(world: World, about: Subject, who: Visitor) -> None:
    assert about.version is not None
    version = about.version
    await judge.judge(
        world.house, who, CITY, lambda by: admit.approve_purpose(about.id, version, by=by, note="")
    )


async def test_what_changes_is_beside_the_version_in_effect(world: World) -> None:
    title = (await purpose_of(world)).title
    about = await proposed(world, title=replace(title, nl="iets heel anders"), maximum_days=30)
    seen = await weigh.weigh(world.house, about)
    assert seen.against == f"{ALLOWANCE}@1"
    changed = {(row.name, row.part): (row.before, row.now) for row in seen.rows if row.changed}
    assert changed.pop(("title", "nl")) == (title.nl, "iets heel anders")
    assert changed.pop(("maximum_days", ""))[1] == 30
    assert set(changed) == {("version", "")}


async def test_what_is_unusual_is_named(world: World) -> None:
    plain = await purpose_of(world)
    asked = plain.attributes[0]
    odd = replace(
        plain,
        attributes=(*[replace(one, required=True) for one in plain.attributes], replace(asked, name="bsn")),
        maximum_days=700,
        data_life_days=4000,
        frequency_per_day=100,
        automated_decision=True,
        storage_places=("NL", "US"),
        legal_basis="consent",
    )
    codes = {one.code: one.about for one in weigh.unusual(odd, [plain], is_government=True)}
    assert codes["law_only"] == codes["rare"] == ("bsn",)
    assert codes["abroad"] == ("US",)
    assert {"all_needed", "long", "kept_long", "often", "machine", "weak_yes"} - set(codes) == (
        set() if not asked.required else {"all_needed"} - set(codes)
    )
    assert "weak_yes" not in {one.code for one in weigh.unusual(odd, [plain], is_government=False)}


@pytest.mark.parametrize(
    "field", ["title", "why", "consequence_of_no", "other_way", "reason", "because", "recipient"]
)
async def test_what_is_hard_to_read_is_named_wherever_it_stands(world: World, field: str) -> None:
    plain = await purpose_of(world)
    text = Text(nl="Uw gegevens worden bewaard.", en="One " * 16 + "end.")
    if field == "reason":
        odd = replace(plain, attributes=(replace(plain.attributes[0], reason=text), *plain.attributes[1:]))
    elif field == "because":
        odd = replace(plain, because={**plain.because, "more": text})
    elif field == "recipient":
        odd = replace(plain, recipients=(text,))
    else:
        odd = replace(plain, **{field: text})
    named = {one.code: one.about for one in weigh.unusual(odd, [plain], is_government=False)}
    assert named["heavy_words"] == ("worden",)
    assert "long_sentences" in named
    before = {one.code for one in weigh.unusual(plain, [plain], is_government=False)}
    assert not before & {"heavy_words", "long_sentences"}


async def test_only_an_operator_who_still_is_one_decides(world: World) -> None:
    about = await proposed(world)
    for persona in ("sanne", "fenna", "joris"):
        with pytest.raises(NotFound):
            await approve(world, about, at_her_desk(world, persona))
    (role,) = await roles_of(world.house, world.citizen("wil"))
    await world.house.scribe.do(end_member(role.id, None, by=Operator("anna")))
    with pytest.raises(NotFound):
        await approve(world, about, at_her_desk(world))
    assert not await world.house.store.read(PURPOSE.get, ALLOWANCE, 2)


async def test_a_role_that_ends_in_the_same_moment_decides_nothing(world: World) -> None:
    """The check before the deed saw an operator; the deed's own transaction does not any more."""
    about = await proposed(world)
    (role,) = await roles_of(world.house, world.citizen("wil"))

    async def ends_meanwhile(*_: object) -> None:
        await world.house.scribe.do(end_member(role.id, None, by=Operator("anna")))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "check_operator", ends_meanwhile)
        with pytest.raises(NotFound):
            await approve(world, about, at_her_desk(world))
    assert not await world.house.store.read(PURPOSE.get, ALLOWANCE, 2)


async def test_she_decides_only_shortly_after_signing_in(world: World) -> None:
    about, who = await proposed(world), at_her_desk(world)
    world.pass_time(world.house.step_up.fresh // 1_000_000 + 1)
    with pytest.raises(NotFreshlySignedIn):
        await approve(world, about, who)
    await approve(world, about, at_her_desk(world))


async def test_nobody_decides_about_an_organisation_that_she_works_for(world: World) -> None:
    about = await proposed(world)
    deed, code = invite(CITY, "editor", name="wil", by=Operator("anna"), chance=world.house.chance(16))
    await world.house.scribe.do(deed)
    await join(world.house, citizen=world.citizen("wil"), code=code)
    with pytest.raises(judge.OwnOrganisation):
        await approve(world, about, at_her_desk(world))
    assert not await world.house.store.read(PURPOSE.get, ALLOWANCE, 2)


async def test_the_second_of_two_operators_hears_who_was_first(world: World) -> None:
    about = await proposed(world)
    await approve(world, about, at_her_desk(world))
    with pytest.raises(OutOfDate):
        await approve(world, about, at_her_desk(world))
    last = (await weigh.weigh(world.house, about)).last
    assert last is not None
    assert (last.operator, last.act) == ("wil", "approved")


async def test_health_says_what_needs_somebody(world: World) -> None:
    house = world.house
    house.pulse.swept(world.at)
    house.pulse.disk_free, house.pulse.disk_size = 90, 100
    house.pulse.backed_up_at = world.at
    assert (await gauge.gauge(house)).wrong == set()

    given = await world.given()
    await world.stop(given.grant)
    world.pass_time(house.acknowledge_within // 1_000_000 + 1)
    house.pulse.disk_free = 5
    house.pulse.sweep_failed()
    seen = await gauge.gauge(house)
    assert seen.wrong == {"late", "disk", "sweep", "backup"}
    assert [(one.client, one.count) for one in seen.late] == [("voorbeeldstad-loket", 1)]
    assert given.grant not in str(seen)
    assert given.citizen not in str(seen)


async def test_what_was_suspended_meanwhile_is_not_suspended_twice(world: World) -> None:
    about = Subject("organisation", CITY)
    who = at_her_desk(world)
    first = await judge.judge(world.house, who, CITY, lambda by: suspending.suspend(about, by=by))
    second = await judge.judge(world.house, who, CITY, lambda by: suspending.suspend(about, by=by))
    assert (first.changed, second.changed) == (True, False)
