"""The load shapes run, for a moment and without judging how fast: each has its kinds, and nobody got a wrong answer."""

import pytest

from tests.bench import shapes

pytestmark = pytest.mark.long


async def test_each_shape_is_played_to_its_end() -> None:
    played = await shapes.play(seconds=1, peak=40, citizens=4)
    assert [shape.wrong for shape in played] == [[], [], []]
    kinds = {shape.name: set(shape.latencies) for shape in played}
    assert kinds["morning"] >= {"disclosure", "page", "stop"}
    assert kinds["polling"] >= {"stop", "question"}
    assert kinds["storm"] >= {"stop", "told that it ended"}
    assert len(played[2].latencies["stop"]) == 4
    printed = shapes.table(played).splitlines()
    assert len(printed) == 1 + sum(map(len, kinds.values()))
    assert all(min(took) > 0 for shape in played for took in shape.latencies.values())
