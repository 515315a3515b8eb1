"""Real processes, many clients, faults: what they saw breaks no rule. Each mistake that is built in breaks one."""

import pytest

from tests.postgres import Cluster

from .__main__ import table
from .play import Enough, play

A_LITTLE = Enough(stops=6, given=30, changed=1)  # and every kind of fault
UNTIL_FOUND = Enough(stops=10_000)


async def test_one_process_on_a_file() -> None:
    result = await play(processes=1, seconds=0, seed=1, rest=0.2, enough=A_LITTLE)
    assert result.is_clean, table(result)


async def test_two_processes_on_postgresql(postgres: Cluster) -> None:
    result = await play(processes=2, seconds=0, seed=2, rest=0.2, enough=A_LITTLE, cluster=postgres)
    assert result.is_clean, table(result)


async def test_two_processes_and_two_logs_side_by_side(postgres: Cluster) -> None:
    result = await play(processes=2, seconds=0, seed=5, rest=0.2, enough=A_LITTLE, cluster=postgres, logs=2)
    assert result.is_clean, table(result)
    assert all(log.entries for log in result.logs.values())


async def test_a_log_is_put_beside_the_other_while_everybody_goes_on(postgres: Cluster) -> None:
    enough = Enough(stops=6, given=30, changed=1)  # after it is there
    result = await play(
        processes=2, seconds=0, seed=6, rest=None, enough=enough, cluster=postgres, citizens=8, grows=True
    )
    assert result.is_clean, table(result)
    # By chance nobody may have a place in the new log: one time in 256.
    assert len(result.logs) == 2
    shown = {fetch.log for fetch in result.history.fetches if fetch.log}
    assert shown <= {name for name, log in result.logs.items() if log.entries}


@pytest.mark.parametrize(
    "mutant",
    [
        "old-value",
        pytest.param("cached-permission", marks=pytest.mark.long),
        pytest.param("early-answer", marks=pytest.mark.long),
    ],
)
async def test_a_mistake_in_one_process_is_found(mutant: str) -> None:
    result = await play(
        processes=1,
        seconds=0,
        seed=3,
        citizens=2,
        askers=8,  # so many that a stop has requests before and behind it in one batch, however slow the machine is
        rest=None,
        mutant=mutant,
        enough=UNTIL_FOUND,
        until_found=True,
    )
    assert not result.is_clean, table(result)


@pytest.mark.parametrize("mutant", ["key-share", pytest.param("plain-select", marks=pytest.mark.long)])
async def test_a_mistake_between_two_processes_is_found(mutant: str, postgres: Cluster) -> None:
    result = await play(
        processes=2,
        seconds=0,
        seed=4,
        rest=None,
        mutant=mutant,
        cluster=postgres,
        enough=UNTIL_FOUND,
        until_found=True,
    )
    assert not result.is_clean, table(result)
