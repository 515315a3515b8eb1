"""A purpose is written by who may, checked before it is sent, and sent exactly as it stood on the page."""

import asyncio

import msgspec
import pytest
from msgspec.structs import replace

from consent.acts import draft as drafting
from consent.acts.admit import approve_purpose
from consent.acts.join import join
from consent.acts.operate import Operator
from consent.acts.plain import heavy
from consent.acts.sketch import Fault, Sketch, faults, sketch_of
from consent.seed import read_seed
from consent.words.errors import BadInput, Conflict, NotFound, OrganisationSuspended, OutOfDate
from consent.words.purposes import Text
from tests.acts.test_join import invited
from tests.acts.test_suspend import CITY as SUSPENDED_CITY
from tests.acts.test_suspend import do as change
from tests.acts.test_suspend import suspend
from tests.world import PURPOSE, World

CITY, OTHER = "voorbeeldstad", "voorbeeldhuis"


async def do(world: World, deed: object) -> object:
    return (await world.house.scribe.do(deed)).outcome  # type: ignore[arg-type]


async def begun(world: World, purpose: str = PURPOSE) -> drafting.Desk:
    await do(world, drafting.begin_draft(world.citizen("fenna"), CITY, purpose))
    return await drafting.open_draft(world.house, organisation=CITY, purpose=purpose)


def renamed(sketch: Sketch, nl: str) -> Sketch:
    return replace(sketch, texts=sketch.texts | {"why": Text(nl, "We check whether you may get it.")})


async def test_a_new_version_begins_with_the_words_that_hold_and_keeps_what_the_form_has_not(
    world: World,
) -> None:
    fenna = world.citizen("fenna")
    desk = await begun(world)
    assert desk.faults == ()
    before = (await world.house.store.read("purpose.get", PURPOSE, 1))[0][3]
    sketch = renamed(desk.sketch, "Wij kijken of u het kunt krijgen.")
    await do(world, drafting.save_draft(fenna, CITY, PURPOSE, replace(sketch, base=None), revision=0))
    proposal = await do(world, drafting.propose_draft(fenna, CITY, PURPOSE, revision=1))
    was, now = msgspec.json.decode(before), msgspec.json.decode(proposal.record)  # type: ignore[attr-defined]
    assert {name for name in was if was[name] != now[name]} == {"version", "why"}
    assert now["version"] == 2
    with pytest.raises(NotFound):  # what was sent is no draft any more
        await drafting.open_draft(world.house, organisation=CITY, purpose=PURPOSE)
    (listed,) = [one for one in await drafting.purposes_of(world.house, CITY) if one.id == PURPOSE]
    assert (listed.version, listed.status, listed.approved, listed.is_drafted) == (2, "pending", 1, False)
    await do(world, approve_purpose(PURPOSE, 2, by=Operator("anna")))
    (listed,) = [one for one in await drafting.purposes_of(world.house, CITY) if one.id == PURPOSE]
    assert (listed.version, listed.status, listed.approved) == (2, "approved", 2)


async def test_what_has_a_fault_is_kept_and_never_sent(world: World) -> None:
    fenna = world.citizen("fenna")
    desk = await begun(world)
    bad = renamed(desk.sketch, "De aanvraag dient volledig te zijn.")
    bad = replace(bad, numbers=bad.numbers | {"maximum_days": "soon"})
    await do(world, drafting.save_draft(fenna, CITY, PURPOSE, bad, revision=0))
    kept = await drafting.open_draft(world.house, organisation=CITY, purpose=PURPOSE)
    assert kept.faults == (Fault("why.nl", "word", "dient"), Fault("maximum_days", "number"))
    with pytest.raises(BadInput):
        await do(world, drafting.propose_draft(fenna, CITY, PURPOSE, revision=1))
    assert await world.house.store.read("proposal.all") == []
    await drafting.preview(world.house, organisation=CITY, purpose=PURPOSE, language="nl")


async def test_two_who_write_at_once_do_not_lose_each_others_words(world: World) -> None:
    fenna = world.citizen("fenna")
    desk = await begun(world)
    mine, other = (renamed(desk.sketch, f"Dit schreef {who}.") for who in ("Fenna", "Bob"))
    both = await asyncio.gather(
        do(world, drafting.save_draft(fenna, CITY, PURPOSE, mine, revision=0)),
        do(world, drafting.save_draft(fenna, CITY, PURPOSE, other, revision=0)),
        return_exceptions=True,
    )
    assert [type(one) for one in both] == [int, OutOfDate]
    with pytest.raises(OutOfDate):  # nor is sent what nobody looked at
        await do(world, drafting.propose_draft(fenna, CITY, PURPOSE, revision=0))


async def test_only_owners_and_editors_write_and_only_for_their_own(world: World) -> None:
    desk = await begun(world)
    editor = world.citizen("daan")
    await join(world.house, citizen=editor, code=await invited(world, role="editor"))
    await do(world, drafting.save_draft(editor, CITY, PURPOSE, desk.sketch, revision=0))
    sanne = world.citizen()
    await join(world.house, citizen=sanne, code=await invited(world, OTHER, "owner"))
    for citizen in (world.citizen("joris"), world.citizen("wil"), world.citizen("amal"), sanne):
        for deed in (
            drafting.begin_draft(citizen, CITY, "iets-nieuws"),
            drafting.save_draft(citizen, CITY, PURPOSE, desk.sketch, revision=1),
            drafting.propose_draft(citizen, CITY, PURPOSE, revision=1),
            drafting.drop_draft(citizen, CITY, PURPOSE),
        ):
            with pytest.raises(NotFound):
                await do(world, deed)
    with pytest.raises(Conflict):  # nor under the name of another's purpose
        await do(world, drafting.begin_draft(sanne, OTHER, PURPOSE))
    assert (await drafting.open_draft(world.house, organisation=CITY, purpose=PURPOSE)).revision == 1


async def test_a_suspended_organisation_sends_nothing(world: World) -> None:
    await begun(world)
    await change(world, suspend, SUSPENDED_CITY)
    with pytest.raises(OrganisationSuspended):
        await do(world, drafting.propose_draft(world.citizen("fenna"), CITY, PURPOSE, revision=0))


async def test_what_no_page_of_ours_sends_is_refused(world: World) -> None:
    desk = await begun(world)
    fenna = world.citizen("fenna")
    for bad in (
        replace(desk.sketch, legal_basis="because"),
        replace(desk.sketch, items=(replace(desk.sketch.items[0], name="shoe_size"),)),
        replace(desk.sketch, items=desk.sketch.items * 4),
    ):
        with pytest.raises(BadInput):
            await do(world, drafting.save_draft(fenna, CITY, PURPOSE, bad, revision=0))
    with pytest.raises(BadInput):
        await do(world, drafting.begin_draft(fenna, CITY, "Not A Name"))


def test_the_shipped_purposes_are_plain_and_every_rule_of_an_approved_one_has_its_field() -> None:
    for file in read_seed().organisations:
        for purpose in file.purposes:
            assert faults(sketch_of(purpose), purpose.id, file.organisation) == []
    purpose = read_seed().organisations[0].purposes[0]
    good, organisation = sketch_of(purpose), read_seed().organisations[0].organisation
    for bad, expected in (
        (replace(good, items=()), ("add", "items")),
        (replace(good, items=good.items[:1] * 2), ("attributes", "text")),
        (replace(good, storage_places="Nederland"), ("storage_places", "country")),
        (replace(good, legal_basis="consent", allowed_by_law=True), ("legal_basis", "lawful")),
        (
            replace(good, texts=good.texts | {"because": Text("U krijgt dit.", "You get this.")}),
            ("because.nl", "template"),
        ),
        (replace(good, recipient=Text("de bank", "")), ("recipient.en", "empty")),
    ):
        assert [(one.field, one.rule) for one in faults(bad, purpose.id, organisation)] == [expected]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("U krijgt dit omdat u dit deelde: {attributes}.", []),
        ("Dit wordt verwerkt.", [("word", "wordt"), ("word", "verwerkt")]),
        ("één twee drie vier vijf zes zeven acht negen tien elf twaalf dertien veertien vijftien", []),
        ("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16. Kort.", [("long", "16")]),
        ("De zwaarden worden scherp.", [("word", "worden")]),
    ],
)
def test_plain_dutch(text: str, found: list[tuple[str, str]]) -> None:
    assert [(one.kind, one.what) for one in heavy(text, "nl")] == found
