"""A clerk types the code that somebody brought: the log says a clerk did it, and she reads at whose desk."""

from pathlib import Path

import msgspec
import pytest

from consent.acts import stop
from consent.acts.disclose import Given
from consent.acts.timeline import timeline
from consent.storage.kinds import OPENING
from consent.words.errors import NotFound
from tests.acts.test_enquire import ORGANISATION, clerk
from tests.acts.test_stop import WRONG, code_of
from tests.world import World


async def at_desk(world: World, who: str, code: str, organisation: str = ORGANISATION) -> bool:
    return await stop.stop_at_desk(world.house, citizen=who, organisation=organisation, code=code, marks=())


async def test_the_log_says_a_clerk_and_her_timeline_whose_desk(world: World, tmp_path: Path) -> None:
    who, given = await clerk(world), await world.given()
    assert await at_desk(world, who, await code_of(world, given.grant))
    assert not isinstance(await world.disclose(given.tokens), Given)
    (month,) = (await timeline(world.house, citizen=given.citizen, language="nl")).months
    line = next(one for one in month.lines if one.kind == "withdrawn")
    assert (line.about, line.desk) == ("stop_code", "Gemeente Voorbeeldstad")
    (opening,) = await world.house.store.read(OPENING.get, line.log, line.index)
    record = msgspec.json.decode(OPENING.from_row(opening).record)
    assert (record["ev"], record["by"], record["reason"]) == ("withdrawn", "clerk", "citizen_asked")
    assert "desk" not in record  # at whose desk is hers to know
    report = await world.audit(tmp_path / "log")
    assert report.exit_code == 0, report.sentences


async def test_only_a_clerk_of_that_desk_and_only_with_the_code(world: World) -> None:
    who, given = await clerk(world), await world.given()
    code = await code_of(world, given.grant)
    for somebody, desk, text in (
        (world.citizen("riet"), ORGANISATION, code),
        (given.citizen, ORGANISATION, code),
        (who, "elders", code),
        (who, ORGANISATION, WRONG),
        (who, ORGANISATION, ""),
    ):
        with pytest.raises(NotFound):
            await at_desk(world, somebody, text, desk)
    assert isinstance(await world.disclose(given.tokens), Given)
    assert await at_desk(world, who, code)
    assert not await at_desk(world, who, code)  # a second time changes nothing
