"""A backup is of one instant and whole; what is restored from it brings back neither an erased citizen nor a stop."""

import asyncio
import hashlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from consent.acts import erase as erasing
from consent.acts.audit import admit
from consent.acts.disclose import Given
from consent.acts.hold import put_value
from consent.acts.house import House
from consent.acts.operate import operator
from consent.acts.publish import head
from consent.acts.session import who
from consent.acts.sign_in import as_persona, settle
from consent.opening import DATABASE, open_house, prepare, succeed_on_purpose
from consent.settings import Settings
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import HOLDINGS
from consent.storage.logs import LogFrozen
from consent.storage.rows import FROZEN, OPEN
from consent.upkeep.backup import DATA, KEYS, MANIFEST, back_up, restore
from consent.upkeep.erased import NAME, keep_erased, read_erased
from consent.upkeep.succession import remember
from consent.words.errors import Misconfigured
from consent.words.ids import id_from
from consent.words.instants import SECOND
from tests.acts.test_erase import rows_about, until_gone
from tests.attacks.test_after_erasure import everything_in, sealed_of
from tests.world import START, World

DAY = 24 * 3600


class Kept(NamedTuple):
    """A backup from before a citizen stopped, and the keys of its service as they were at the end."""

    backup: Path
    keys: Path
    grant: str


@pytest.fixture
async def kept(tmp_path: Path) -> Kept:
    async with World.open(tmp_path / "data") as world:
        given = await world.given()
        assert isinstance(await world.disclose(given.tokens, key="k"), Given)
        await prepared(world.settings)
        backup = await back_up(world.settings, tmp_path / "backups", at=world.at)
        await world.stop(given.grant)
    return Kept(backup, tmp_path / "data" / "keys", given.grant)


async def prepared(settings: Settings) -> None:
    """Start it, as far as its files go."""
    await (await prepare(settings)).close()


def new(tmp_path: Path, keys: Path) -> Settings:
    """A folder that has the keys of the service and nothing else."""
    folder = tmp_path / "new"
    folder.mkdir(mode=0o700)
    shutil.copytree(keys, folder / "keys")
    return Settings(data=str(folder), sandbox=True, yearly_logs=False)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[House]:
    """The house on a restored folder, as a start opens it."""
    store = await prepare(settings)
    try:
        house = await open_house(settings, store, lambda: START)
        house.scribe.start()
        try:
            yield house
        finally:
            await house.scribe.stop()
    finally:
        await store.close()


def rows_of(database: Path) -> dict[str, set[tuple[object, ...]]]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        tables = [n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: set(connection.execute(f"SELECT * FROM {table}")) for table in tables}


def files_in(folder: Path) -> dict[str, bytes]:
    """What stands in a folder, but for the empty file that a process holds."""
    return {f.name: f.read_bytes() for f in folder.rglob("*") if f.is_file() and f.name != "lock"}


def citizen_in(database: Path) -> str:
    """Sanne's id."""
    return next(str(row[1]) for row in rows_of(database)["personas"] if row[0] == "sanne")


async def test_both_files_together_are_all_rows_and_the_keys_stand_in_one_only(
    world: World, tmp_path: Path
) -> None:
    given = await world.given()
    await world.disclose(given.tokens)
    database = Path(world.settings.data) / DATABASE
    before = rows_of(database)
    backup = await back_up(world.settings, tmp_path / "backups", at=world.at)
    data, keys = rows_of(backup / DATA), rows_of(backup / KEYS)
    assert data.pop("citizen_keys") == set()
    assert data | keys == before
    wrapped = [octets for row in keys["citizen_keys"] for octets in row if isinstance(octets, bytes)]
    assert len(wrapped) > 2
    assert all(octets in (backup / KEYS).read_bytes() for octets in wrapped)
    assert [octets for octets in wrapped if octets in (backup / DATA).read_bytes()] == []


async def test_only_the_operator_can_read_it_and_no_key_of_the_service_is_in_it(
    world: World, tmp_path: Path
) -> None:
    backup = await back_up(world.settings, tmp_path / "backups", at=world.at)
    assert {file.stat().st_mode & 0o777 for file in backup.iterdir()} == {0o600}
    assert backup.stat().st_mode & 0o777 == 0o700
    assert {file.name for file in backup.parent.iterdir()} == {backup.name, "lock"}
    secret = [file.read_bytes().strip() for file in (world.settings.folder / "keys").glob("*.*")]
    assert len(secret) == 5
    assert [one for one in secret if one in everything_in(backup)] == []


async def test_both_files_of_a_house_at_work_are_of_one_instant(world: World, tmp_path: Path) -> None:
    """Citizens come all the time, each with her keys in one commit."""
    done = asyncio.Event()

    def arrive(book: Book) -> Story[None]:
        name = id_from(book.chance(16))
        yield [HOLDINGS.one(name)]
        yield TURN
        keys = book.keys_of(settle(book, name))
        put_value(
            book, citizen=name, keys=keys, name="email", value="a@b.nl", source="self", as_of="2030-01-01"
        )

    async def work() -> None:
        while not done.is_set():
            await world.house.scribe.do(arrive)

    seeded = {row[1] for row in await world.house.store.read("persona.all")}
    working = asyncio.create_task(work())
    counts = []
    for number in range(5):
        at = world.at + number * SECOND
        making = back_up(world.settings, tmp_path / "backups", at=at)
        backup = await asyncio.to_thread(asyncio.run, making)  # in this thread the house would stand still
        data = rows_of(backup / DATA)
        citizens = {row[0] for row in data["citizens"]}
        assert citizens == {row[0] for row in rows_of(backup / KEYS)["citizen_keys"]}
        # Among the last tables that are copied. Who came first, with the seed, need not hold anything.
        assert citizens - seeded == {row[0] for row in data["holdings"]} - seeded
        counts.append(len(citizens))
    done.set()
    await working
    assert sorted(set(counts)) == counts, "nobody came meanwhile"


async def test_what_is_restored_is_frozen_and_nobody_is_inside(tmp_path: Path) -> None:
    async with World.open(tmp_path / "data") as world:
        await world.given()
        cookie = await as_persona(world.house, "sanne", before=None)
        deed, _ = admit(
            auditor="a", organisation="voorbeeldstad", from_at=0, until_at=world.at, reason="a yearly check",
            expires_at=world.at + DAY * SECOND, by=operator("o"), chance=b"0" * 32,
        )  # fmt: skip
        await world.house.scribe.do(deed)
        backup = await back_up(world.settings, tmp_path / "backups", at=world.at)
    settings = new(tmp_path, tmp_path / "data" / "keys")
    assert (await restore(settings, backup, at=START)).is_frozen
    async with opened(settings) as house:
        assert (await head(house, house.log)).frozen == FROZEN
        assert await who(house, cookie) is None
        with pytest.raises(LogFrozen):
            await erasing.go_on(house)
    rows = rows_of(settings.folder / DATABASE)
    assert (rows["sessions"], rows["codes"], rows["ceremonies"]) == (set(), set(), set())
    assert {row[1] for row in rows["tokens"]} == {"refresh"}
    assert [row[-1] for row in rows["auditors"]] == [START]
    assert len(rows["grants"]) == 1


async def test_the_next_log_ends_what_ran_though_nobody_knows_of_a_lost_entry(
    kept: Kept, tmp_path: Path
) -> None:
    """The stop that was lost was in the last minute: no checkpoint beside the keys tells of it."""
    settings = new(tmp_path, kept.keys)
    assert list(kept.keys.glob("*.seen")) == []
    await restore(settings, kept.backup, at=START)
    said = await succeed_on_purpose(settings, None, carry=False)
    assert said.endswith("entries lost: 0, grants carried: 0, grants ended: 1")
    async with opened(settings) as house:
        assert (await head(house, house.log)).frozen == OPEN


async def test_whoever_knows_that_nothing_was_written_since_goes_on_with_the_same_log(
    tmp_path: Path,
) -> None:
    async with World.open(tmp_path / "data") as world:
        given = await world.given()
    await prepared(world.settings)
    backup = await back_up(world.settings, tmp_path / "backups", at=START)
    settings = new(tmp_path, tmp_path / "data" / "keys")
    assert not (await restore(settings, backup, at=START, goes_on=True)).is_frozen
    async with World.open(settings.folder) as again:
        assert isinstance(await again.disclose(await again.refresh(given.tokens)), Given)


async def test_and_whoever_is_wrong_about_that_is_found_out(kept: Kept, tmp_path: Path) -> None:
    async with opened(Settings(data=str(kept.keys.parent), sandbox=True, yearly_logs=False)) as house:
        await remember(house.store, kept.keys.parent)
    settings = new(tmp_path, kept.keys)
    assert (await restore(settings, kept.backup, at=START, goes_on=True)).is_frozen


async def test_who_was_erased_after_the_backup_stays_erased_and_no_byte_of_hers_comes_back(
    tmp_path: Path,
) -> None:
    async with World.open(tmp_path / "data") as world:
        given = await world.given()
        assert isinstance(await world.disclose(given.tokens), Given)
        await world.given(citizen=world.citizen("riet"))
        sealed = sealed_of(world, given.citizen)
        backup = await back_up(world.settings, tmp_path / "backups", at=world.at)
        await erasing.leave(world.house, citizen=given.citizen)
        await until_gone(world)
    keys = tmp_path / "data" / "keys"
    assert list(read_erased(keys / NAME)) == [erasing.shadow(given.citizen)]
    assert all(octets in everything_in(backup) for octets in sealed)
    settings = new(tmp_path, keys)
    assert (await restore(settings, backup, at=START)).erased_again == 1
    assert [octets for octets in sealed if octets in everything_in(settings.folder)] == []
    world.settings = settings
    assert rows_about(world, given.citizen, given.grant) == {}
    assert rows_about(world, world.citizen("riet"))["grants"] == 1


async def test_the_list_of_the_erased_is_older_in_the_backup_and_the_newest_is_asked_for(
    kept: Kept, tmp_path: Path
) -> None:
    settings = new(tmp_path, kept.keys)
    (settings.folder / "keys" / NAME).unlink()
    with pytest.raises(Misconfigured, match="--erased"):
        await restore(settings, kept.backup, at=START)
    assert not (settings.folder / DATABASE).exists()
    newest = tmp_path / "newest"
    sanne = erasing.shadow(citizen_in(kept.backup / DATA))
    newest.write_text(f"{sanne.hex()} {START // SECOND}\n")
    assert (await restore(settings, kept.backup, at=START, erased=newest)).erased_again == 1
    assert read_erased(settings.folder / "keys" / NAME) == {sanne: START}


async def test_an_old_copy_that_was_put_there_by_hand_brings_nobody_back_either(
    kept: Kept, tmp_path: Path
) -> None:
    settings = new(tmp_path, kept.keys)
    await restore(settings, kept.backup, at=START)
    citizen = citizen_in(settings.folder / DATABASE)
    keep_erased(settings.folder, [(erasing.shadow(citizen), START)])
    await prepared(settings)
    assert citizen not in {row[0] for row in rows_of(settings.folder / DATABASE)["citizens"]}


async def test_who_had_asked_to_be_erased_gets_her_two_weeks_again(tmp_path: Path) -> None:
    """Perhaps she took it back after the backup."""
    async with World.open(tmp_path / "data") as world:
        left = await erasing.leave(world.house, citizen=world.citizen())
        await prepared(world.settings)
        backup = await back_up(world.settings, tmp_path / "backups", at=world.at)
    settings = new(tmp_path, tmp_path / "data" / "keys")
    later = START + 30 * DAY * SECOND
    await restore(settings, backup, at=later)
    async with opened(settings) as house:
        assert (await erasing.look_up(house, code=left.code)).final_at == later + erasing.UNDO


async def test_a_database_that_is_there_is_not_overwritten(kept: Kept) -> None:
    folder = kept.keys.parent
    before = files_in(folder)
    with pytest.raises(Misconfigured, match="has a database already"):
        await restore(Settings(data=str(folder)), kept.backup, at=START)
    assert files_in(folder) == before


async def test_without_the_keys_of_the_service_nothing_is_made(kept: Kept, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="put the folder with the keys"):
        await restore(Settings(data=str(tmp_path / "new")), kept.backup, at=START)
    assert not (tmp_path / "new").exists()


def with_one_changed_byte(backup: Path, name: str) -> None:
    octets = bytearray((backup / name).read_bytes() or b"\0")
    octets[len(octets) // 2] ^= 1
    (backup / name).write_bytes(octets)


def without(backup: Path, name: str) -> None:
    (backup / name).unlink()


@pytest.mark.parametrize("name", [DATA, KEYS, NAME, MANIFEST])
@pytest.mark.parametrize("spoil", [with_one_changed_byte, without])
async def test_a_spoilt_backup_is_refused(
    kept: Kept, tmp_path: Path, name: str, spoil: Callable[[Path, str], None]
) -> None:
    settings = new(tmp_path, kept.keys)
    before = files_in(settings.folder)
    spoil(kept.backup, name)
    with pytest.raises(Misconfigured, match=r"manifest|thrown away"):
        await restore(settings, kept.backup, at=START)
    assert files_in(settings.folder) == before


def change(backup: Path, text: str) -> None:
    """Change a backup's data as somebody does who knows how to write its manifest too."""
    with closing(sqlite3.connect(backup / DATA)) as connection, connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute(text)
    said = msgspec.json.decode((backup / MANIFEST).read_bytes())
    said["files"][DATA] = hashlib.sha256((backup / DATA).read_bytes()).hexdigest()
    (backup / MANIFEST).write_bytes(msgspec.json.encode(said))


@pytest.mark.parametrize(
    "text",
    [
        "UPDATE log_tiles SET data = zeroblob(length(data)) WHERE level = 0",
        "UPDATE log_entries SET leaf = zeroblob(152) WHERE idx = 1",
        "UPDATE log_heads SET size = size - 1",
        "DELETE FROM log_heads",
    ],
)
async def test_a_head_that_does_not_match_its_tiles_is_refused(kept: Kept, tmp_path: Path, text: str) -> None:
    settings = new(tmp_path, kept.keys)
    before = files_in(settings.folder)
    change(kept.backup, text)
    with pytest.raises(Misconfigured, match=r"does not fit its own checkpoint|has no log"):
        await restore(settings, kept.backup, at=START)
    assert files_in(settings.folder) == before


async def test_a_ring_that_opens_nothing_is_told_before_anybody_relies_on_it(
    kept: Kept, tmp_path: Path
) -> None:
    settings = new(tmp_path, kept.keys)
    ring = settings.folder / "keys" / "ring-1.key"
    ring.rename(ring.with_name("ring-2.key"))
    with pytest.raises(Misconfigured, match="ring-1"):
        await restore(settings, kept.backup, at=START)
    assert not (settings.folder / DATABASE).exists()


async def test_a_damaged_database_is_no_backup(world: World, tmp_path: Path) -> None:
    await world.given()
    with closing(sqlite3.connect(Path(world.settings.data) / DATABASE)) as connection, connection:
        connection.execute("UPDATE log_tiles SET data = zeroblob(length(data)) WHERE level = 0")
    with pytest.raises(Misconfigured, match="does not fit its own checkpoint"):
        await back_up(world.settings, tmp_path / "backups", at=world.at)
    assert [file.name for file in (tmp_path / "backups").iterdir()] == ["lock"]


async def test_the_keys_of_old_backups_go_and_the_rest_stays(world: World, tmp_path: Path) -> None:
    into = tmp_path / "backups"
    (into / "left.unfinished").mkdir(parents=True)
    (into / "another folder").mkdir()
    made = [await back_up(world.settings, into, at=world.at + n * SECOND, keep=2) for n in range(4)]
    assert [(place / KEYS).exists() for place in made] == [False, False, True, True]
    assert all((place / name).exists() for place in made for name in (DATA, NAME, MANIFEST))
    assert {one.name for one in into.iterdir()} == {*(place.name for place in made), "another folder", "lock"}
    with pytest.raises(Misconfigured, match="thrown away"):
        await restore(Settings(data=str(tmp_path / "new")), made[0], at=START)
    with pytest.raises(Misconfigured, match="of this second already"):
        await back_up(world.settings, into, at=world.at)
    with pytest.raises(Misconfigured, match="one backup at least"):
        await back_up(world.settings, into, at=world.at + DAY * SECOND, keep=0)


async def test_a_backup_of_nothing_begins_no_service(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no database"):
        await back_up(Settings(data=str(tmp_path / "data")), tmp_path / "backups", at=START)
    assert not (tmp_path / "data").exists()


def test_a_line_that_a_power_cut_left_is_no_line_and_any_other_rubbish_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    list_of = tmp_path / "keys" / NAME
    one, two = (hashlib.sha256(name).digest() for name in (b"one", b"two"))
    keep_erased(tmp_path, [(one, START)])
    with list_of.open("ab") as file:
        file.write(two.hex().encode()[:20])
    assert read_erased(list_of) == {one: START}
    keep_erased(tmp_path, [(two, START)])
    assert read_erased(list_of) == {one: START, two: START}
    for rubbish in (b"ab\n", b"zz 12\n", two.hex()[:-2].encode() + b" 12\n"):
        list_of.write_bytes(rubbish)
        with pytest.raises(Misconfigured, match="cannot be read"):
            read_erased(list_of)


async def test_no_erasure_is_complete_before_it_stands_in_the_list(world: World) -> None:
    left = await erasing.leave(world.house, citizen=world.citizen())
    (world.settings.folder / "keys" / NAME).unlink(missing_ok=True)
    (world.settings.folder / "keys" / NAME).mkdir()  # nothing can be written there
    world.pass_time(15 * DAY)
    with pytest.raises(IsADirectoryError):
        await erasing.go_on(world.house)
    found = await erasing.look_up(world.house, code=left.code)
    assert (found.erased_at is not None, found.complete_at) == (True, None)
    (world.settings.folder / "keys" / NAME).rmdir()
    await erasing.go_on(world.house)
    assert (await erasing.look_up(world.house, code=left.code)).complete_at is not None
    assert list(read_erased(world.settings.folder / "keys" / NAME)) == [erasing.shadow(world.citizen())]
