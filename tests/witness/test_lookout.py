"""Before the first answer the witnesses are asked: an old copy of a database is found, and a liar freezes nothing."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from consent.acts import publish
from consent.acts.house import House, Reply
from consent.acts.operate import operator
from consent.acts.quorum import Quorum
from consent.acts.suspend import subject, suspend
from consent.acts.tidy import tidy
from consent.acts.witness import is_known
from consent.commands.approvals import with_house
from consent.commands.log_keys import change_key
from consent.errands.asker import Asker
from consent.errands.lookout import check_clock, heed, look_around
from consent.keyfiles import remembered_checkpoint
from consent.ledger.checkpoint import ED25519, check_checkpoint, parse_body, parse_note
from consent.ledger.witness import SIZE_MEDIA
from consent.opening import DATABASE, look_unless_served, only_server, open_house, prepare
from consent.settings import Settings
from consent.storage.kinds import LOG_KEY
from consent.storage.logs import LogFrozen
from consent.storage.rows import FROZEN, OPEN, LogKey
from consent.storage.store import Batch, Statement, Store
from consent.upkeep.succession import free_name, succeed
from consent.words.errors import Misconfigured
from consent.words.instants import HOUR, SECOND
from tests.faults.test_fork_guard import copy
from tests.witness.witnessed_house import Town
from tests.world import START, World


class Restored:
    """A house on a database that was put back from before a citizen stopped, as two witnesses have seen; nothing
    beside the keys tells of it."""

    def __init__(self, house: House, folder: Path, town: Town, size: int) -> None:
        self.house, self.folder, self.town, self.size = house, folder, town, size

    async def look_around(self, *, demand: bool = False) -> None:
        await look_around(self.house, self.folder, demand=demand)

    async def state(self) -> int:
        return (await publish.head(self.house, self.house.log)).frozen

    async def write(self) -> None:
        """Write an entry of which the witnesses know nothing."""
        await self.house.scribe.do(suspend(subject("organisation", "voorbeeldstad"), by=operator("someone")))

    async def running(self) -> None:
        asker = Asker(self.house, interval=0, heed=partial(heed, self.house, self.folder))
        await asker.round()
        await asker.stop()


@pytest.fixture
async def restored(tmp_path: Path) -> AsyncIterator[Restored]:
    folder = tmp_path / "data"
    async with World.open(folder) as world:
        town = Town(world, tmp_path / "w", a="org-a", b="org-b")
        given = await world.given()
        copy(folder / DATABASE, tmp_path / "older")
        await world.stop(given.grant)
        await Asker(world.house).round()
        size = (await publish.head(world.house, world.house.log)).size
        assert await world.house.quorum.size(world.house.log) == size
    copy(tmp_path / "older", folder / DATABASE)
    store = await prepare(world.settings)
    house = await open_house(world.settings, store, lambda: START)
    house = replace(house, quorum=Quorum(town.policy, store), to_witnesses=town)
    house.scribe.start()
    try:
        yield Restored(house, folder, town, size)
    finally:
        await house.scribe.stop()
        await store.close()


async def test_an_older_copy_is_frozen_before_it_answers_because_a_witness_shows_what_the_log_signed(
    restored: Restored,
) -> None:
    await restored.look_around()
    assert await restored.state() == FROZEN
    with pytest.raises(LogFrozen):
        await restored.house.scribe.do(tidy())
    kept = remembered_checkpoint(restored.folder, restored.house.log)
    assert kept is not None
    assert check_checkpoint(kept, [restored.house.vkey]).size == restored.size, (
        "the proof outlives the witness"
    )


async def test_a_command_on_an_older_copy_looks_around_before_it_writes(
    restored: Restored, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def opened(settings: Settings, store: Store) -> House:
        house = await open_house(settings, store, lambda: START)
        return replace(house, quorum=Quorum(restored.town.policy, store), to_witnesses=restored.town)

    async def write(house: House) -> None:
        await house.scribe.do(suspend(subject("organisation", "voorbeeldstad"), by=operator("someone")))

    monkeypatch.setattr("consent.opening.open_house", opened)
    settings = Settings(data=str(restored.folder), sandbox=True)
    with pytest.raises(LogFrozen):
        await asyncio.to_thread(with_house, settings, write)
    assert await restored.state() == FROZEN


async def test_a_command_beside_a_service_that_looked_waits_for_no_witness(restored: Restored) -> None:
    with only_server(restored.folder):
        await look_unless_served(restored.house, Settings(data=str(restored.folder)))
    assert await restored.state() == OPEN
    await look_unless_served(restored.house, Settings(data=str(restored.folder)))
    assert await restored.state() == FROZEN


async def test_the_log_after_it_begins_where_the_witnesses_saw_the_old_one_end(restored: Restored) -> None:
    before = (await publish.head(restored.house, restored.house.log)).size
    await restored.look_around()
    log = restored.house.log + "b"
    _, lost = await succeed(restored.house.store, restored.folder, name=log, at=START)
    assert lost == restored.size - before > 0


async def test_a_copy_that_grew_to_the_same_length_has_another_root(restored: Restored) -> None:
    while (await publish.head(restored.house, restored.house.log)).size < restored.size:
        await restored.write()
    await restored.look_around()
    assert await restored.state() == FROZEN


async def test_one_witness_that_shows_it_is_enough(restored: Restored) -> None:
    restored.town.dead = {"a"}
    await restored.look_around()
    assert await restored.state() == FROZEN


async def test_a_size_without_a_checkpoint_proves_nothing_but_stops_the_start(restored: Restored) -> None:
    restored.town.unread = {"a", "b"}
    with pytest.raises(Misconfigured, match=r"a\.example says that it signed .* it is an older copy"):
        await restored.look_around()
    assert await restored.state() == OPEN


async def test_a_service_that_runs_is_frozen_when_a_witness_shows_more_than_it_has(
    restored: Restored,
) -> None:
    await restored.running()
    assert await restored.state() == FROZEN
    asked = dict(restored.town.asked)
    await restored.running()
    assert restored.town.asked == asked, "a frozen log asks for no signature"


async def test_a_witness_that_only_claims_more_freezes_nothing_that_runs(restored: Restored) -> None:
    restored.town.behave = dict.fromkeys(
        ("a", "b"), lambda _: Reply(status=409, headers={"content-type": SIZE_MEDIA}, body=b"999999\n")
    )
    await restored.running()
    assert await restored.state() == OPEN
    await restored.write()


async def test_what_another_process_writes_while_the_witnesses_are_asked_makes_no_older_copy(
    world: World, tmp_path: Path
) -> None:
    class Meanwhile:
        async def send(self, method: str, url: str, body: bytes) -> Reply:
            if method == "GET":
                return Reply(status=404, headers={}, body=b"")
            await world.given()
            size = (await publish.head(world.house, world.house.log)).size
            return Reply(status=409, headers={"content-type": SIZE_MEDIA}, body=f"{size}\n".encode())

    town = Town(world, tmp_path / "w", a="org-a")
    house = replace(world.house, quorum=Quorum(town.policy, world.house.store), to_witnesses=Meanwhile())
    await world.given()
    await look_around(house, world.settings.folder, demand=True)


async def test_what_a_lost_key_signed_freezes_nothing(restored: Restored) -> None:
    """The finder of a key could else end the log for good, with one checkpoint and one witness that signs it."""
    house = restored.house
    lost = LogKey(log=house.log, key=house.vkey, added=0, retired=1, lost=True)

    def batch() -> Batch[None]:
        yield Statement("log_key.put", [LOG_KEY.to_row(lost)])

    await house.store.write(batch())
    await restored.look_around()
    assert await restored.state() == OPEN


@asynccontextmanager
async def rolled_back(tmp_path: Path, write: Callable[[World], Awaitable[object]]) -> AsyncIterator[Restored]:
    """A machine that was put back as a whole, its keys too, from before *write*: only the witnesses know of it."""
    folder = tmp_path / "data"
    async with World.open(folder) as world:
        town = Town(world, tmp_path / "w", a="org-a", b="org-b")
        await world.given()
        await Asker(world.house).round()
        copy(folder / DATABASE, tmp_path / "older")
        shutil.copytree(folder / "keys", tmp_path / "older-keys")
        await write(world)
        asker, log = Asker(world.house), world.house.log
        size = (await publish.head(world.house, log)).size
        async with asyncio.timeout(60):  # at first they are led to the new key
            while await world.house.quorum.size(log) != size:
                await asker.round()
        await asker.stop()
    copy(tmp_path / "older", folder / DATABASE)
    shutil.rmtree(folder / "keys")
    (tmp_path / "older-keys").rename(folder / "keys")
    store = await prepare(world.settings)
    try:
        house = await open_house(world.settings, store, lambda: START)
        house = replace(house, quorum=Quorum(town.policy, store), to_witnesses=town)
        yield Restored(house, folder, town, size)
    finally:
        await store.close()


async def test_a_machine_put_back_from_before_a_key_change_does_not_start_though_it_knows_no_newer_key(
    tmp_path: Path,
) -> None:
    async def change(world: World) -> None:
        await change_key(world.house.store, world.settings.folder, kind=ED25519, lost=False, at=world.at)
        await world.given()

    async with rolled_back(tmp_path, change) as restored:
        with pytest.raises(Misconfigured, match=r"a\.example says that it signed .* it is an older copy"):
            await restored.look_around()
        assert await restored.state() == OPEN


async def test_the_next_log_takes_no_name_that_a_witness_knows(tmp_path: Path) -> None:
    """Else no witness would sign it: under this name it has seen another key."""

    async def begin_another(world: World) -> None:
        name = f"{world.house.log}b"
        await succeed(world.house.store, world.settings.folder, name=name, at=world.at)
        await world.given()  # the scribe goes on there

    async with rolled_back(tmp_path, begin_another) as restored:
        await restored.look_around()
        assert await restored.state() == FROZEN
        house, old = restored.house, restored.house.log
        year = int(datetime(int(old), 7, 1, tzinfo=UTC).timestamp()) * SECOND
        known = partial(is_known, house)
        assert await free_name(house.store, restored.folder, at=year, is_known=known) == f"{old}c"
        restored.town.dead = {"a", "b"}
        assert await free_name(house.store, restored.folder, at=year, is_known=known) == f"{old}b"


async def test_when_no_witness_answers_the_service_starts_unless_that_is_demanded(restored: Restored) -> None:
    restored.town.dead = {"a", "b"}
    await restored.look_around()
    assert await restored.state() == OPEN
    with pytest.raises(Misconfigured, match="too few witnesses answer"):
        await restored.look_around(demand=True)


async def test_a_database_in_order_starts_and_so_does_one_that_no_witness_knows(
    world: World, tmp_path: Path
) -> None:
    town = Town(world, tmp_path / "w", a="org-a", b="org-b", c="org-c")
    for _ in range(2):  # first nobody knows the log; then all know less than there is
        await look_around(world.house, world.settings.folder, demand=True)
        await world.given()
    town.dead = {"c"}
    await look_around(world.house, world.settings.folder, demand=True)
    assert (await publish.head(world.house, world.house.log)).frozen == OPEN


async def test_a_clock_behind_the_newest_entry_stops_the_start(world: World) -> None:
    await world.given()
    await check_clock(world.house)
    world.pass_time(-HOUR / 10**6)
    with pytest.raises(Misconfigured, match="behind the newest entry"):
        await check_clock(world.house)


async def test_the_last_checkpoint_of_a_closed_log_still_gets_its_quorum(tmp_path: Path) -> None:
    async with World.open(tmp_path / "data", yearly=True) as world:
        town = Town(world, tmp_path / "w", a="org-a", b="org-b")
        old = world.house.log
        await world.given()
        world.pass_time(366 * 86_400)
        await world.house.scribe.do(tidy())
        assert world.house.log > old
        asker = Asker(world.house)
        async with asyncio.timeout(20):  # nobody waits for the older log: its answers come beside the rounds
            while not await world.house.quorum.size(old):
                await asker.round()
                await asyncio.sleep(0.01)
        await asker.stop()
        note = await publish.checkpoint(world.house, old)
        assert parse_body(parse_note(note).body).size == (await publish.head(world.house, old)).size
        asked = dict(town.asked)
        await Asker(world.house).round()
        assert {name: count - asked[name] for name, count in town.asked.items()} == {"a": 1, "b": 1}, (
            "asked for the new log only"
        )
