"""Whoever takes the whole data folder after an erasure: neither sealed bytes of hers nor a guess finds anything."""

import base64
import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from consent.acts import erase as erasing
from consent.acts.disclose import Given
from consent.acts.export import export
from consent.acts.hold import keep
from consent.opening import DATABASE
from consent.upkeep.export import export_log
from tests.world import World

DAY = 24 * 3600


def sealed_of(world: World, citizen: str) -> set[bytes]:
    """Her wrapped keys, sealed values and sealed details, as they stand in the database."""
    connection = sqlite3.connect(f"file:{Path(world.settings.data) / DATABASE}?mode=ro", uri=True)
    try:
        found: set[bytes] = set()
        for text in (
            "SELECT data_key FROM citizen_keys WHERE citizen = ?",
            "SELECT subject_key FROM citizen_keys WHERE citizen = ?",
            "SELECT sealed FROM sealed_values WHERE citizen = ?",
            "SELECT commitment FROM sealed_values WHERE citizen = ?",
            "SELECT sealed FROM citizen_entries WHERE citizen = ?",
        ):
            found |= {octets for (octets,) in connection.execute(text, (citizen,))}
        return found
    finally:
        connection.close()


def guesses(value: str) -> Iterator[bytes]:
    """What somebody who knows a value would look for."""
    octets = value.encode()
    yield octets
    for text in (octets, f'"{value}"'.encode()):
        digest = hashlib.sha256(text).digest()
        yield from (digest, digest.hex().encode(), base64.b64encode(digest), base64.b64encode(text))


def everything_in(*folders: Path) -> bytes:
    return b"\0".join(
        file.read_bytes() for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()
    )


@pytest.mark.parametrize("persona", ["sanne", "amal"])
async def test_the_bytes_are_gone_and_no_guess_finds_her(world: World, tmp_path: Path, persona: str) -> None:
    citizen = world.citizen(persona)
    given = await world.given()
    assert isinstance(await world.disclose(given.tokens, key="k"), Given)
    await keep(world.house, citizen=citizen, name="email", text="iemand@voorbeeld.nl")
    kept = msgspec.json.decode(msgspec.json.encode(await export(world.house, citizen=citizen)))
    # Long enough not to be there by chance, and not an organisation's name too: a BSN, an e-mail, a date, an account.
    public = str(
        [await world.house.store.read(f"{kind}.all") for kind in ("organisation", "client", "purpose")]
    )
    values = {str(one["value"]) for one in kept["data"] if len(str(one["value"])) >= 6}
    values = {value for value in values if value not in public}
    assert "iemand@voorbeeld.nl" in values
    assert len(values) >= 5
    data, log = Path(world.settings.data), tmp_path / "log"
    sealed = sealed_of(world, citizen)
    before = everything_in(data)
    assert len(sealed) > 10
    assert all(octets in before for octets in sealed)  # this search finds what is there

    left = await erasing.leave(world.house, citizen=citizen)
    for _ in range(15):
        world.pass_time(DAY)
        await erasing.go_on(world.house)
    assert (await erasing.look_up(world.house, code=left.code)).complete_at is not None
    await export_log(world.house, world.house.log, log)
    openings = b"".join([line async for line in world.openings()])
    after = everything_in(data, log) + openings
    assert [octets for octets in sealed if octets in after] == []
    assert [value for value in values for guess in guesses(value) if guess in after] == []
    assert left.code.encode() not in after


async def test_without_emptying_the_log_of_writes_the_bytes_would_still_be_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And then the erasure is not called complete."""

    async def busy() -> bool:
        return False

    citizen = world.citizen()
    sealed = sealed_of(world, citizen)
    with monkeypatch.context() as reading:
        reading.setattr(world.house.store, "scrub", busy)
        left = await erasing.leave(world.house, citizen=citizen)
        for _ in range(15):
            world.pass_time(DAY)
            await erasing.go_on(world.house)
        found = await erasing.look_up(world.house, code=left.code)
        assert found.erased_at is not None
        assert found.complete_at is None
        held = everything_in(Path(world.settings.data))
        assert any(octets in held for octets in sealed)
    await erasing.go_on(world.house)
    assert (await erasing.look_up(world.house, code=left.code)).complete_at is not None
    held = everything_in(Path(world.settings.data))
    assert not any(octets in held for octets in sealed)
