"""A witness can be told what to watch by the policy that a log serves."""

from pathlib import Path

import pytest

from consent.acts import publish
from consent.commands.witness import _logs_in
from consent.words.errors import Misconfigured
from tests.world import World


async def test_the_second_key_of_a_log_is_not_another_log(world: World, tmp_path: Path) -> None:
    file = tmp_path / "policy"
    file.write_text(await publish.policy(world.house, world.house.log))
    assert file.read_text().count("\nlog ") + file.read_text().startswith("log ") == 2
    assert _logs_in(file) == [world.house.vkey]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        _logs_in(tmp_path / "nowhere")
    file = tmp_path / "policy"
    file.write_text("log nonsense\n")
    assert _logs_in(file) == ["nonsense"]  # whoever opens the witness says what is wrong with it
