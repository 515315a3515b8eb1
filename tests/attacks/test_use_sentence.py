"""Attack: saying one thing to the citizen and showing another on the letter."""

from consent.acts.disclose import Given
from consent.acts.timeline import timeline
from consent.acts.use import Registered
from tests.world import World


async def test_a_second_use_that_day_gets_the_sentence_that_the_citizen_reads(world: World) -> None:
    given = await world.given()
    size = await world.disclose(given.tokens, "household_size")
    income = await world.disclose(given.tokens, "income_below_threshold")
    assert isinstance(size, Given)
    assert isinstance(income, Given)
    first = await world.use(given.tokens, size.disclosure)
    second = await world.use(given.tokens, income.disclosure)
    assert isinstance(first, Registered)
    assert first == second
    months = (await timeline(world.house, citizen=given.citizen, language="nl")).months
    assert [line.because for month in months for line in month.lines if line.because] == [first.because.nl]
