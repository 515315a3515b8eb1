"""kill -9 under load, at a random moment and at each step of a batch; `python -m tests.faults.run` does it more often.

The moments come from a seed that is printed, so that a failure can be looked at again.
"""

import time
from pathlib import Path

from tests.faults.dying import PLACES
from tests.faults.killing import kill_again_and_again


async def test_kills_under_load_at_each_step_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    seed = time.time_ns() % 1_000_000
    print(f"seed of the moments: {seed}")
    died = await kill_again_and_again(tmp_path, kills=len(PLACES), seed=seed)
    print(died)
    # The steps that make an entry were all among them, and so was the moment between commit and answer.
    for place in ("before entry.put", "before head.move", "before the commit", "after the commit"):
        assert died[place] > 0, died
