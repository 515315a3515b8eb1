"""A witness can be told what to watch by the policy that a log serves."""

from pathlib import Path

import pytest

from consent.acts import publish
from consent.commands.witness import _logs_in
from consent.ledger.checkpoint import ED25519, ML_DSA_44, parse_vkey
from consent.ledger.witness import format_submission
from consent.witness import open_witness
from consent.words.errors import Misconfigured
from tests.world import World


async def test_the_second_key_of_a_log_is_not_another_log_and_has_to_sign_too(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "policy"
    file.write_text(await publish.policy(world.house, world.house.log))
    assert file.read_text().count("\nlog ") + file.read_text().startswith("log ") == 2
    given = _logs_in(file)
    assert [parse_vkey(vkey).algorithm for vkey in given] == [ED25519, ML_DSA_44]
    witness = open_witness(tmp_path / "w", name="w.example", logs=given, clock=lambda: 1)
    assert witness.count == 1
    # Both have to sign: the log sends what has both signatures.
    note = await publish.checkpoint(world.house, world.house.log)
    first = note.partition("\n\n")
    alone = f"{first[0]}\n\n{first[2].splitlines()[0]}\n"
    assert witness.add_checkpoint(format_submission(0, [], alone))[0] == 403
    assert witness.add_checkpoint(format_submission(0, [], note))[0] == 200
    witness.close()


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        _logs_in(tmp_path / "nowhere")
    file = tmp_path / "policy"
    file.write_text("log nonsense\n")
    assert _logs_in(file) == ["nonsense"]  # whoever opens the witness says what is wrong with it
