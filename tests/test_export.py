"""The log as static files: only what is new is written, nothing half, and a shorter log never replaces a longer one."""

from pathlib import Path

import consent_verify
import pytest

from consent.acts import publish
from consent.upkeep.export import export_all, export_log
from consent.words.errors import Misconfigured
from tests.world import World


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all files that appear, in their order."""
    names: list[str] = []
    replace = Path.replace

    def noted(self: Path, target: Path) -> Path:
        names.append(Path(target).name)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", noted)
    return names


async def test_a_second_export_writes_only_what_is_new(
    world: World, tmp_path: Path, written: list[str]
) -> None:
    log = world.house.log
    await export_log(world.house, log, tmp_path)
    assert written[-1] == "checkpoint"
    written.clear()
    await export_log(world.house, log, tmp_path)
    assert written == []
    given = await world.given()
    await world.disclose(given.tokens)
    size, _ = await export_log(world.house, log, tmp_path)
    assert written == [str(size), str(size), "checkpoint"]  # a bundle, a tile, and only then the checkpoint
    assert consent_verify.verify_log(str(tmp_path)).exit_code == 0


async def test_after_a_crash_the_old_checkpoint_stands_and_the_next_export_goes_on(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = world.house.log
    await export_log(world.house, log, tmp_path)
    before = (tmp_path / "checkpoint").read_bytes()
    await world.given()
    with monkeypatch.context() as patched:
        patched.setattr(publish, "tile", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            await export_log(world.house, log, tmp_path)
    assert (tmp_path / "checkpoint").read_bytes() == before
    assert consent_verify.verify_log(str(tmp_path)).exit_code == 0
    size, _ = await export_log(world.house, log, tmp_path)
    assert consent_verify.verify_log(str(tmp_path)).size == size
    assert unfinished(tmp_path) == []


def unfinished(folder: Path) -> list[Path]:
    return list(folder.rglob("*.new"))


async def _power_cut(*_: object) -> bytes:
    raise KeyboardInterrupt


async def test_a_log_that_lost_entries_does_not_replace_what_was_published(
    world: World, tmp_path: Path
) -> None:
    published = tmp_path / "published"
    await world.given()
    await export_log(world.house, world.house.log, published)
    before = (published / "checkpoint").read_bytes()
    async with World.open(tmp_path / "restored") as other:  # the same origin, another history
        with pytest.raises(Misconfigured, match="does not lead to"):
            await export_log(other.house, other.house.log, published)
    assert (published / "checkpoint").read_bytes() == before
    (published / "checkpoint").write_text("garbled")
    with pytest.raises(Misconfigured, match="cannot be read"):
        await export_log(world.house, world.house.log, published)


async def test_all_logs_lie_each_in_its_own_folder(world: World, tmp_path: Path) -> None:
    assert await export_all(world.house, tmp_path) == [
        (await export_log(world.house, world.house.log, tmp_path / world.house.log))
    ]
    assert (tmp_path / "names").read_text() == f"{world.house.log}\n"
    assert consent_verify.verify_log(str(tmp_path / world.house.log)).exit_code == 0
