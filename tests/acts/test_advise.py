"""What is unusual about a question: each rule fires on its own, at its edge, and a usual question gets no advice."""

from typing import Any

import pytest
from msgspec.structs import replace

from consent.acts.advise import KEPT_DAYS, LESSER, MOST_LOOKS, YEAR_DAYS, Odd, advise
from consent.acts.ask import look
from consent.grants.shown import Shown
from consent.words.attributes import CATALOGUE
from tests.world import World


async def usual(world: World) -> Shown:
    """The example municipality's question, as it stands."""
    page = await look(world.house, citizen=world.citizen(), request=await world.ask(), language="en")
    return page.shown


async def test_a_usual_question_gets_no_advice(world: World) -> None:
    found = advise(await usual(world))
    assert found.whole == ()
    assert found.items == {}


@pytest.mark.parametrize(
    ("code", "edge", "beyond"),
    [
        ("long", {"duration_days": YEAR_DAYS}, {"duration_days": YEAR_DAYS + 1}),
        ("kept", {"data_life_days": KEPT_DAYS}, {"data_life_days": KEPT_DAYS + 1}),
        ("abroad", {"storage_places": ("NL", "NO")}, {"storage_places": ("NL", "US")}),
        ("often", {"frequency_per_day": MOST_LOOKS}, {"frequency_per_day": MOST_LOOKS + 1}),
    ],
)
async def test_each_rule_about_the_whole_fires_beyond_its_edge(
    world: World, code: str, edge: dict[str, Any], beyond: dict[str, Any]
) -> None:
    shown = await usual(world)
    assert advise(replace(shown, **edge)).whole == ()
    assert advise(replace(shown, **beyond)).whole == (code,)


async def test_what_is_delicate_is_unusual_when_it_is_not_needed_or_on_a_ground_that_the_law_does_not_know(
    world: World,
) -> None:
    shown = await usual(world)
    first, *others = shown.items

    def asked(*, required: bool, basis: str, machine: bool = False) -> Shown:
        item = replace(first, special=True, required=required)
        purpose = replace(shown.purpose, legal_basis=basis, automated_decision=machine)
        return replace(shown, items=(item, *others), purpose=purpose)

    assert advise(asked(required=True, basis="consent")).items == {}
    assert advise(asked(required=False, basis="consent")).items == {first.name: (Odd("spare"),)}
    assert advise(asked(required=True, basis="contract")).items == {first.name: (Odd("ground"),)}
    assert advise(asked(required=True, basis="consent", machine=True)).whole == ("machine",)


async def test_what_is_exact_is_unusual_beside_the_little_thing_that_says_enough(world: World) -> None:
    shown = await usual(world)
    (low,) = (item for item in shown.items if item.name == "income_below_threshold")
    exact = replace(low, name="yearly_income", label="Yearly income")
    assert advise(replace(shown, items=(exact,))).items == {}
    assert advise(replace(shown, items=(low, exact))).items == {"yearly_income": (Odd("exact", low.label),)}
    assert {*LESSER, *LESSER.values()} <= set(CATALOGUE)
