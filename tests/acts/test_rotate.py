"""A key of the log changes while the log goes on: the new one signs from that commit on, the old one never again."""

import shutil
import sqlite3
from pathlib import Path

import consent_verify
import msgspec
import pytest

from consent.acts import publish
from consent.acts.rotate import rotate
from consent.acts.scribe import Scribe
from consent.commands.log_keys import change_key, next_key
from consent.keyfiles import read_log_keys
from consent.ledger.checkpoint import ED25519, ML_DSA_44, check_checkpoint, parse_vkey
from consent.ledger.cosignature import check_cosignatures
from consent.ledger.errors import LedgerError
from consent.opening import open_house, prepare
from consent.storage.book import TURN, Book, Story
from consent.storage.rows import FROZEN
from consent.storage.store import Batch, Statement, Unavailable
from consent.upkeep.export import export_log
from consent.upkeep.succession import heads_of, pen_of
from consent.words.errors import Misconfigured
from tests.ledger.test_signed_twice import by_node
from tests.world import World

KINDS = pytest.mark.parametrize("kind", [ED25519, ML_DSA_44])


async def changed(world: World, kind: int = ED25519, *, lost: bool = False) -> tuple[str, str]:
    """As the command does it beside a running service, which hears nothing of it."""
    added, retired = await change_key(
        world.house.store, world.settings.folder, kind=kind, lost=lost, at=world.at
    )
    assert retired is not None
    return added, retired


async def live(world: World) -> dict[int, str]:
    keys = await publish.keys(world.house, world.house.log)
    return {parse_vkey(key.key).algorithm: key.key for key in keys if key.retired is None}


@KINDS
async def test_the_new_key_signs_at_once_and_the_old_one_is_destroyed(world: World, kind: int) -> None:
    await world.given()
    before = await live(world)
    size = (await publish.head(world.house, world.house.log)).size
    added, retired = await changed(world, kind)
    assert (before[kind], (await live(world))[kind]) == (retired, added)
    note = await publish.checkpoint(world.house, world.house.log)
    keys = await live(world)
    assert check_checkpoint(note, [keys[ED25519]]).size == size + 2
    seconds = {before[ML_DSA_44], keys[ML_DSA_44]}
    assert set(check_cosignatures(note, seconds)) == {keys[ML_DSA_44]}
    folder = world.settings.folder
    pen = await pen_of(world.house.store, folder, (await heads_of(world.house.store))[-1])
    files = {key.private_bytes_raw() for _, key in read_log_keys(folder, world.house.log)}
    assert pen.cosigner is not None
    assert files == {pen.signer.private_bytes_raw(), pen.cosigner.private_bytes_raw()}


@KINDS
async def test_a_process_that_runs_takes_the_new_key_before_it_signs(world: World, kind: int) -> None:
    given = await world.given()
    await changed(world, kind)
    stale = await live(world)
    disclosed = await world.disclose(given.tokens)
    note = disclosed.proof.partition("\n\n")[2]
    assert check_checkpoint(note, [stale[ED25519]]).size > 1
    assert world.house.scribe.pen.epoch == 2
    served = await publish.checkpoint(world.house, world.house.log)
    assert set(check_cosignatures(served, [stale[ML_DSA_44]])) == {stale[ML_DSA_44]}


async def test_a_reader_who_asks_first_gets_the_second_signature_of_the_new_key(world: World) -> None:
    await world.given()
    added, retired = await changed(world, ML_DSA_44)
    await world.house.store.write(_forget_cosignatures())
    note = await publish.checkpoint(world.house, world.house.log)
    assert set(check_cosignatures(note, [added, retired])) == {added}


def _forget_cosignatures() -> Batch[None]:
    yield Statement("witnessed.fade", [("2026", 1 << 40, 1 << 62)])


def nothing(book: Book) -> Story[None]:
    yield TURN


async def test_a_process_without_the_new_key_writes_nothing(world: World) -> None:
    await world.given()
    pen = world.house.scribe.pen
    await changed(world)
    alone = Scribe(world.house.store, pens=[pen], ring=world.house.ring, clock=world.house.clock)
    alone.start()
    before = await publish.head(world.house, pen.log)

    def entry(book: Book) -> Story[None]:
        yield TURN
        book.record_control({"ev": "test"})

    with pytest.raises(Unavailable, match="key of the log was changed"):
        await alone.do(entry)
    await alone.stop()
    assert await publish.head(world.house, pen.log) == before


async def test_two_changes_at_once_are_one_change(world: World) -> None:
    pen = world.house.scribe.pen
    added, retired = await changed(world)
    assert pen.vkey == retired != added
    with pytest.raises(Misconfigured, match="just been changed"):
        await world.house.store.write(
            rotate(pen, pen, retired=retired, lost=False, at=world.at, chance=world.house.chance)
        )


@KINDS
async def test_the_key_that_was_handed_out_is_the_one_that_signs(world: World, kind: int) -> None:
    head = (await heads_of(world.house.store))[-1]
    folder = world.settings.folder
    waiting = await next_key(world.house.store, folder, head, kind)
    again = await next_key(world.house.store, folder, head, kind)
    assert waiting.private_bytes_raw() == again.private_bytes_raw()
    reopened = await open_house(world.settings, world.house.store, world.house.clock)
    assert reopened.vkey == world.house.vkey  # it signs nothing yet
    await changed(world, kind)
    pen = await pen_of(world.house.store, folder, (await heads_of(world.house.store))[-1])
    key = pen.cosigner if kind == ML_DSA_44 else pen.signer
    assert key is not None
    assert key.private_bytes_raw() == waiting.private_bytes_raw()


async def test_a_crash_before_the_old_file_is_destroyed_changes_nothing(world: World, tmp_path: Path) -> None:
    keys = world.settings.folder / "keys"
    shutil.copytree(keys, tmp_path / "before")
    added, _ = await changed(world)
    for file in (tmp_path / "before").glob("log-*.key"):
        shutil.copy2(file, keys / file.name)
    reopened = await open_house(world.settings, world.house.store, world.house.clock)
    assert reopened.vkey == added
    third, second = await changed(world)
    assert second == added != third
    assert len(read_log_keys(world.settings.folder, world.house.log)) == 2


async def test_a_database_from_before_the_change_is_not_signed(tmp_path: Path) -> None:
    async with World.open(tmp_path / "data") as world:
        pass
    shutil.copy2(world.settings.folder / "consent.sqlite3", tmp_path / "old")
    async with World.open(tmp_path / "data") as world:
        await changed(world)
    for file in world.settings.folder.glob("consent.sqlite3*"):
        file.unlink()
    shutil.copy2(tmp_path / "old", world.settings.folder / "consent.sqlite3")
    store = await prepare(world.settings)
    try:
        with pytest.raises(Misconfigured, match="older than"):
            await open_house(world.settings, store)
    finally:
        await store.close()


@pytest.mark.on_a_file
async def test_a_log_without_a_second_key_gets_one(world: World) -> None:
    log, folder = world.house.log, world.settings.folder
    pen = msgspec.structs.replace(world.house.scribe.pen, cosigner=None)
    folder.joinpath("keys", f"log-{log}.mldsa44.key").unlink()
    with sqlite3.connect(folder / "consent.sqlite3") as database:
        database.execute("DELETE FROM log_keys")  # as a log of an older version has it
    assert await live(world) == {ED25519: pen.vkey}
    added, retired = await change_key(world.house.store, folder, kind=ML_DSA_44, lost=False, at=world.at)
    assert retired is None
    assert await live(world) == {ED25519: pen.vkey, ML_DSA_44: added}
    await world.given()
    assert set(check_cosignatures(await publish.checkpoint(world.house, log), [added])) == {added}


async def test_a_frozen_log_keeps_its_keys(world: World) -> None:
    def freeze() -> Batch[None]:
        yield Statement("head.stop", [(world.house.log, FROZEN)])

    await world.house.store.write(freeze())
    with pytest.raises(Misconfigured, match="takes no entries"):
        await changed(world)


async def test_the_policy_lists_old_keys_too_but_no_lost_one(world: World) -> None:
    first, _ = await live(world), None
    second, _ = await changed(world)
    policy = await publish.policy(world.house, world.house.log)
    assert policy.startswith(f"log {second}\n")
    assert f"log {first[ED25519]}\n" in policy
    third, _ = await changed(world, lost=True)
    policy = await publish.policy(world.house, world.house.log)
    assert policy.startswith(f"log {third}\n")
    assert second not in policy
    with pytest.raises(LedgerError):
        check_checkpoint(await publish.checkpoint(world.house, world.house.log), [second])


async def test_who_looks_for_a_change_is_told_where_it_stands(world: World) -> None:
    first = await live(world)
    size = (await publish.head(world.house, world.house.log)).size
    added, _ = await changed(world)
    said = (await publish.changes_of_keys(world.house, world.house.log)).splitlines()
    assert said == [f"0 {size + 1} {first[ED25519]}", f"0 - {first[ML_DSA_44]}", f"{size} - {added}"]


async def test_an_auditor_who_knows_the_old_keys_follows_both_changes(world: World, tmp_path: Path) -> None:
    log, state, first = world.house.log, tmp_path / "state", await live(world)
    await export_log(world.house, log, tmp_path / "log")
    assert consent_verify.verify_log(str(tmp_path / "log"), state=state).exit_code == 0
    await changed(world, ML_DSA_44)
    await world.given()
    await changed(world)
    await export_log(world.house, log, tmp_path / "log")
    report = consent_verify.verify_log(str(tmp_path / "log"), state=state)
    assert (report.verdict, report.exit_code) == ("UNWITNESSED", 0), report.sentences
    if shutil.which("node") is not None:
        assert by_node(str(tmp_path / "log"), vkeys=list(first.values()))[1] == 0
    await changed(world, lost=True)
    await export_log(world.house, log, tmp_path / "log")
    report = consent_verify.verify_log(str(tmp_path / "log"), state=state)
    assert report.verdict == "INVALID", report.sentences
