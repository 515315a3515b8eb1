"""Another key for the ring, while people disclose and stop: nobody notices, and the old file can go in the end."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from consent.acts import rewrap as rewrapping
from consent.acts.disclose import Given
from consent.acts.rewrap import Rewrapped, rewrap, under, wrap_anew
from consent.commands.ring import drop, rotate
from consent.errands import sweeping
from consent.errands.sweeping import look_for_keys, sweep
from consent.keyfiles import read_ring, ring_keys
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import KEYS
from consent.storage.store import Statement
from consent.vault.keys import WrappedKeys, pairwise_id
from consent.words.errors import Misconfigured
from tests.world import World

HOUR = 3600


def with_a_new_key(world: World) -> Path:
    """The ring has another key, whose time has come, and the house knows it. Returns the data folder."""
    folder = world.settings.folder
    rotate(folder, at=world.at)
    world.pass_time(HOUR)
    look_for_keys(world.house, folder)
    return folder


async def keys_of(world: World, citizen: str) -> WrappedKeys | None:
    rows = await world.house.store.read(KEYS.get, citizen)
    return KEYS.from_row(rows[0]) if rows else None


async def test_disclosures_go_on_meanwhile_and_nothing_inside_changes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrapping, "PAGE", 1)
    people = await under(world.house)
    rotate(world.settings.folder, at=world.at)
    world.pass_time(HOUR)
    given = await world.given()
    before = await keys_of(world, world.citizen())
    assert before is not None
    look_for_keys(world.house, world.settings.folder)
    asked = [world.disclose(given.tokens, key=f"k{n}") for n in range(2)]
    first, done, *others = await asyncio.gather(asked[0], rewrap(world.house), *asked[1:])
    assert all(isinstance(one, Given) for one in (first, *others))
    assert (people, done) == ({"ring-1": done.done}, Rewrapped(sum(people.values()), 0))
    assert await under(world.house) == {"ring-2": done.done}
    after = await keys_of(world, world.citizen())
    assert after is not None
    assert (after.ring_key, after.version) == ("ring-2", before.version)
    assert not {after.data_key, after.subject_key} & {before.data_key, before.subject_key}
    house = world.house
    names = {pairwise_id(house.ring.unwrap(row).subject, "voorbeeldstad") for row in (before, after)}
    assert len(names) == 1
    assert isinstance(await world.disclose(given.tokens, key="last"), Given)
    await world.stop(given.grant)


async def test_without_the_old_file_all_that_there_is_opens(world: World) -> None:
    folder = with_a_new_key(world)
    await rewrap(world.house)
    (folder / "keys" / "ring-1.key").unlink()
    alone = read_ring(folder, at=world.at)
    for citizen in world._people.values():
        row = await keys_of(world, citizen)
        assert row is not None
        assert alone.unwrap(row).data.reveal() == world.house.ring.unwrap(row).data.reveal()


async def test_it_goes_on_where_it_was_stopped(world: World) -> None:
    with_a_new_key(world)
    count = sum((await under(world.house)).values())
    (first,) = (await world.house.store.read("keys.outdated", "ring-2", "", 1))[0]
    await world.house.scribe.do(wrap_anew([first]))
    assert await under(world.house) == {"ring-1": count - 1, "ring-2": 1}
    assert await rewrap(world.house) == Rewrapped(count - 1, 0)
    assert await rewrap(world.house) == Rewrapped(0, 0)


@pytest.mark.parametrize("comes", ["before", "after"])
async def test_whoever_is_erased_in_the_same_batch_does_not_come_back(world: World, comes: str) -> None:
    with_a_new_key(world)
    gone, stays = world.citizen("sanne"), next(c for n, c in world._people.items() if n != "sanne")

    def erased(book: Book) -> Story[None]:
        yield [KEYS.one(gone)]
        yield TURN
        book.drop(KEYS, gone)
        book.also(Statement("wipe.keys", [(gone,)]))

    deeds = [world.house.scribe.do(erased), world.house.scribe.do(wrap_anew([gone, stays]))]
    await asyncio.gather(*(deeds if comes == "before" else deeds[::-1]))
    assert await keys_of(world, gone) is None
    row = await keys_of(world, stays)
    assert row is not None
    assert row.ring_key == "ring-2"


async def test_one_that_does_not_open_holds_up_nobody_else_and_keeps_the_old_key(world: World) -> None:
    citizen, count = world.citizen(), sum((await under(world.house)).values())

    def spoil(book: Book) -> Story[None]:
        yield [KEYS.one(citizen)]
        yield TURN
        row = book.get(KEYS, citizen)
        assert row is not None
        book.put(KEYS, replace(row, data_key=row.subject_key))

    await world.house.scribe.do(spoil)
    folder = with_a_new_key(world)
    assert await rewrap(world.house) == Rewrapped(count - 1, 1)
    world.pass_time(HOUR)
    with pytest.raises(Misconfigured, match="1 citizens"):
        await drop(world.house, folder, "ring-1", at=world.at)
    assert (folder / "keys" / "ring-1.key").exists()


async def test_an_old_key_goes_when_nobody_needs_it_and_no_sooner(world: World) -> None:
    folder = world.settings.folder

    async def refused(name: str, why: str) -> None:
        with pytest.raises(Misconfigured, match=why):
            await drop(world.house, folder, name, at=world.at)
        assert {"ring-1", name} - {"ring-7"} <= {key.id for key in ring_keys(folder)}

    await refused("ring-1", "newer one has followed")
    await refused("ring-7", "no such key")
    rotate(folder, at=world.at)
    await refused("ring-1", "newer one has followed")  # its time has not come
    await refused("ring-2", "newer one has followed")
    world.pass_time(HOUR)
    look_for_keys(world.house, folder)
    await refused("ring-1", "another process")
    world.pass_time(HOUR)
    await refused("ring-1", "citizens are wrapped")
    await rewrap(world.house)
    assert await drop(world.house, folder, "ring-1", at=world.at) == "ring-1.key"
    assert [key.id for key in ring_keys(folder)] == ["ring-2"]
    look_for_keys(world.house, folder)
    assert await rewrap(world.house) == Rewrapped(0, 0)
    assert isinstance(await world.disclose((await world.given()).tokens), Given)
    # The number of a key that is gone is not given again.
    assert rotate(folder, at=world.at).id == "ring-3"


def test_a_folder_without_a_ring_gets_no_second_key(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="ring is missing"):
        rotate(tmp_path, at=HOUR)


async def test_a_new_key_is_known_before_anybody_wraps_with_it(world: World) -> None:
    folder = world.settings.folder
    new = rotate(folder, at=world.at)
    before, then = (read_ring(folder, at=at) for at in (new.active_from - 1, new.active_from))
    assert (before.current, then.current) == ("ring-1", "ring-2")
    wrapped = then.wrap(citizen="c", data=b"d" * 32, subject=b"s" * 32, nonces=(b"1" * 12, b"2" * 12))
    assert before.unwrap(wrapped).data.reveal() == b"d" * 32
    with pytest.raises(Misconfigured, match="waits already"):
        rotate(folder, at=world.at)
    with pytest.raises(Misconfigured, match="between 1 and"):
        rotate(folder, at=new.active_from, hours=0)
    assert read_ring(folder, at=-1).current == "ring-1"  # a clock before all of them


async def test_the_service_does_it_by_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "MINUTE", 10_000)
    folder, house = world.settings.folder, world.house
    rotate(folder, at=world.at)
    world.pass_time(HOUR)
    task = asyncio.create_task(sweep(house, folder))
    try:
        async with asyncio.timeout(240):
            while set(await under(house)) != {"ring-2"} or house.pulse.swept_at is None:
                assert not task.done()
                await asyncio.sleep(0.02)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert house.pulse.sweeps_failed == 0


async def test_a_file_lost_by_mistake_stops_no_service_that_runs(world: World) -> None:
    folder = with_a_new_key(world)
    (folder / "keys" / "ring-1.key").unlink()
    look_for_keys(world.house, folder)
    assert isinstance(await world.disclose((await world.given()).tokens), Given)
    assert (await rewrap(world.house)).closed == 0


async def test_other_files_are_no_keys_of_the_ring_and_two_of_a_name_are_refused(world: World) -> None:
    keys = world.settings.folder / "keys"
    for name in (
        "ring-.key",
        "ring-x.key",
        "ring-2-.key",
        "ring-0.key",
        "ring-2.key.bak",
        "ring-2-5.unfinished",
    ):
        (keys / name).write_text("no key")
    assert [key.file for key in ring_keys(world.settings.folder)] == ["ring-1.key"]
    (keys / "ring-1-5.key").write_bytes((keys / "ring-1.key").read_bytes())
    (keys / "ring-1-5.key").chmod(0o600)
    with pytest.raises(Misconfigured, match="two key files"):
        read_ring(world.settings.folder, at=world.at)
