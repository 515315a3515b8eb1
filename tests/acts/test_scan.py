"""A citizen finds her own entries in the public log, and what does not agree with what her page shows her.

The frauds are done by whoever has the whole service: with its database, its keys and its code.
"""

import json
import sqlite3
import stat
from pathlib import Path
from unittest.mock import patch

import consent_verify
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from consent.acts import keep as keeping
from consent.acts import scan as scanning
from consent.acts.disclose import Given as Disclosed
from consent.ledger.entry import SubjectKeys
from consent.storage.book import UnwrappedKeys
from consent.upkeep.export import export_log
from consent.vault.keys import CitizenKeys
from consent.words.errors import NotFound
from tests.world import Given, World


class Desk:
    """What she has on her own device: a copy of the log, her key, her openings."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.folder = folder
        self.log = folder / "log"
        self.key = folder / "key.txt"
        self.openings = folder / "openings.ndjson"
        self.state = folder / "state.json"

    async def fetch(self, citizen: str | None = None) -> "Desk":
        """Get everything anew."""
        house, citizen = self.world.house, citizen or self.world.citizen()
        await export_log(house, house.log, self.log)
        self.key.write_text(await scanning.audit_key(house, citizen=citizen))
        self.openings.write_bytes(
            b"".join([line async for line in scanning.openings(house, citizen=citizen)])
        )
        return self

    def run(self, *words: str) -> int:
        return consent_verify.main([words[0], *words[1:], "--vkey", self.world.house.vkey])

    def scan(self, *words: str, openings: bool = True) -> int:
        given = ["--openings", str(self.openings)] if openings else []
        return self.run("scan", str(self.log), "--key", str(self.key), *given, *words)


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Desk:
    return Desk(world, tmp_path)


async def test_she_finds_all_her_entries_and_no_others(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    given = await world.given()
    other = await world.given(citizen=world.citizen("amal"))
    await world.disclose(given.tokens)
    await world.disclose(other.tokens)
    await world.stop(given.grant)
    await desk.fetch()
    assert desk.scan() == 0
    said = capsys.readouterr()
    assert "Entry 1 is yours: 2030" in said.out
    assert "granted, org voorbeeldstad, purpose energietoeslag@1, household_size income" in said.out
    assert "3 entries are yours." in said.out
    assert "Entry 2 " not in said.out
    assert "Your page shows every entry that is yours" in said.out
    assert said.err.startswith("Reading localhost:8000/log/")
    assert "about 0.0 MB in 1 files" in said.err


async def test_without_openings_she_gets_the_list_of_places(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.given()
    await desk.fetch()
    assert desk.scan(openings=False) == 0
    assert "Entry 1 is yours.\n" in capsys.readouterr().out


@pytest.mark.on_a_file
async def test_an_entry_that_the_portal_hides_is_found(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fraud: the operator lets an organisation look and takes the entry out of her timeline."""
    given = await world.given()
    await world.disclose(given.tokens)
    spoil(world, "DELETE FROM citizen_entries WHERE idx = 2")
    await desk.fetch()
    assert desk.scan() == 1
    assert "Entry 2 is yours: found in the log, not shown to you." in capsys.readouterr().out


async def test_an_entry_that_the_portal_makes_up_is_found(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fraud: her page shows a disclosure that stands in the log as somebody else's."""
    given = await world.given()
    other = await world.given(citizen=world.citizen("amal"))
    await world.disclose(other.tokens)
    await desk.fetch()
    theirs = Desk(world, desk.folder / "theirs")
    theirs.folder.mkdir()
    await theirs.fetch(other.citizen)
    with desk.openings.open("ab") as file:
        file.write(theirs.openings.read_bytes().splitlines()[-1] + b"\n")
    assert desk.scan() == 1
    said = capsys.readouterr().out
    assert "Entry 3 was shown to you, but the log does not have it under your key." in said
    assert given.citizen not in said


@pytest.mark.on_a_file
async def test_an_entry_booked_on_her_grant_about_somebody_else_is_found(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fraud: somebody's data goes out and is booked on her grant. It looks well to an auditor."""
    given = await world.given()
    other = await world.given(citizen=world.citizen("amal"))
    await booked(world, given, tag_of=other.citizen)
    await world.disclose(given.tokens)
    await desk.fetch()
    assert desk.scan() == 1
    assert "Entry 3 stands under a grant of yours, but is about somebody else." in capsys.readouterr().out


@pytest.mark.on_a_file
async def test_an_entry_booked_under_her_key_on_a_grant_that_she_never_gave(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fraud: a grant of another person carries what was written under her key; her page never knew of it."""
    await world.given()
    other = await world.given(citizen=world.citizen("amal"))
    await booked(world, other, tag_of=world.citizen())
    await desk.fetch()
    assert desk.scan() == 1
    assert "Entry 3 is yours: found in the log, not shown to you." in capsys.readouterr().out


@pytest.mark.on_a_file
async def test_an_entry_that_was_taken_out_of_the_middle_of_her_grant_is_missed_by_its_number(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    given = await world.given()
    await world.disclose(given.tokens)
    await world.disclose(given.tokens)
    spoil(world, "DELETE FROM citizen_entries WHERE idx = 2")
    await desk.fetch()
    assert desk.scan() == 1
    said = capsys.readouterr().out
    assert "Entry 2 is yours: found in the log, not shown to you." in said
    assert "Entry 3 (disclosed) is not number 1 of the grant at entry 1" in said


async def test_what_came_after_she_got_her_file_is_no_accusation(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    given = await world.given()
    await desk.fetch()
    await world.disclose(given.tokens)
    await export_log(world.house, world.house.log, desk.log)
    assert desk.scan() == 3
    assert "Entry 2 is yours, and newer than your file with openings" in capsys.readouterr().out


async def test_a_scan_goes_on_where_the_last_one_stopped(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.given()
    await fill(world, 300)
    await desk.fetch()
    state = ("--state", str(desk.state))
    assert desk.scan(*state) == 0
    assert stat.S_IMODE(desk.state.stat().st_mode) == 0o600
    first = capsys.readouterr()
    assert "in 2 files." in first.err
    given = await world.given(citizen=world.citizen("amal"))
    await world.disclose(given.tokens)
    await fill(world, 300)
    await desk.fetch()
    assert desk.scan(*state) == 0
    second = capsys.readouterr()
    assert "1 were read before" in second.err
    assert "1 entry is yours." in second.out
    # What was read before is held against the new root as well: with other bytes nothing ends at it.
    kept = json.loads(desk.state.read_text())
    (only,) = kept["logs"].values()
    only["peaks"] = [[8, "A" * 43 + "="]]
    only["checkpoint"] = None
    desk.state.write_text(json.dumps(kept))
    assert desk.scan(*state) == 0  # read again from the beginning
    assert desk.scan(*state, openings=False) == 0


async def test_a_log_that_was_rewritten_since_her_last_scan_is_named_with_both_checkpoints(
    world: World, desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.given()
    await desk.fetch()
    state = ("--state", str(desk.state))
    assert desk.scan(*state, openings=False) == 0
    kept = json.loads(desk.state.read_text())
    (only,) = kept["logs"].values()
    note = only["checkpoint"].split("\n")
    note[2] = "B" * 42 + "E="  # it saw another root of that size
    only["checkpoint"] = "\n".join(note)
    desk.state.write_text(json.dumps(kept))
    await world.given(citizen=world.citizen("amal"))
    await desk.fetch()
    assert desk.scan(*state, openings=False) == 2
    assert "together they are the evidence" in capsys.readouterr().out


async def test_a_changed_entry_does_not_pass(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.given()
    await desk.fetch()
    (bundle,) = (desk.log / "tile" / "entries").glob("*.p/*")
    octets = bytearray(bundle.read_bytes())
    octets[-1] ^= 1
    bundle.write_bytes(octets)
    assert desk.scan() == 1
    assert "do not hash to the root" in capsys.readouterr().out


async def test_the_key_of_somebody_else_finds_nothing_of_hers(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.given()
    await desk.fetch(world.citizen("amal"))
    assert desk.scan() == 0
    assert "0 entries are yours." in capsys.readouterr().out


# One entry for somebody else


async def test_one_entry_is_shown_and_no_other_becomes_recognisable(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    given = await world.given()
    await world.disclose(given.tokens)
    await fill(world, 600)
    await desk.fetch()
    out = desk.folder / "shown.json"
    where = [str(desk.log), "--key", str(desk.key), "--out", str(out)]
    assert desk.run("show", *where, "--index", "2") == 0
    assert desk.run("receipt", str(out)) == 0
    assert "This entry is about the person who gave you this file." in capsys.readouterr().out
    shown = json.loads(out.read_text())
    assert set(shown) == {"format", "leaf", "s", "proof"}
    # The page makes the same file.
    house = world.house
    made = await keeping.entry_proof(house, citizen=given.citizen, log=house.log, index=2)
    assert made == shown
    secret = consent_verify.unbase64(shown["s"], "")
    leaves = [bytes(row[1]) for row in await house.store.read("entry.range", house.log, 0, 10)]
    assert [consent_verify.subject_tag(secret) == leaf[24:56] for leaf in leaves].count(True) == 1


async def test_nobody_shows_an_entry_of_somebody_else(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.given()
    other = await world.given(citizen=world.citizen("amal"))
    await desk.fetch()
    out = desk.folder / "shown.json"
    where = [str(desk.log), "--key", str(desk.key), "--out", str(out)]
    assert desk.run("show", *where, "--index", "2") == 3
    assert not out.exists()
    for make in (keeping.entry_proof, keeping.receipt, keeping.paper):
        with pytest.raises(NotFound):
            await make(world.house, citizen=world.citizen(), log=world.house.log, index=2)
        assert await make(world.house, citizen=other.citizen, log=world.house.log, index=2)
    # And whoever swaps the leaf, or the secret, is caught.
    mine = await keeping.entry_proof(world.house, citizen=world.citizen(), log=world.house.log, index=1)
    theirs = await keeping.entry_proof(world.house, citizen=other.citizen, log=world.house.log, index=2)
    for spoiled in (
        {**theirs, "s": mine["s"]},
        {**theirs, "leaf": mine["leaf"]},
        {**theirs, "proof": mine["proof"]},
    ):
        out.write_text(json.dumps(spoiled))
        assert desk.run("receipt", str(out)) == 1


# Receipts for life


async def test_a_receipt_is_checked_offline_and_says_what_happened(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    given = await world.given()
    disclosed = await world.disclose(given.tokens)
    assert isinstance(disclosed, Disclosed)
    await world.use(given.tokens, disclosed.disclosure)
    await world.stop(given.grant)
    file = desk.folder / "receipt.json"
    for index, event in enumerate(("granted", "disclosed", "used", "withdrawn"), 1):
        kept = await keeping.receipt(world.house, citizen=given.citizen, log=world.house.log, index=index)
        file.write_text(json.dumps(kept))
        assert desk.run("receipt", str(file)) == 0
        said = capsys.readouterr().out
        assert f"{event}, org voorbeeldstad, purpose energietoeslag@1" in said
        assert "This entry is about the person who gave you this file." in said
        paper = await keeping.paper(world.house, citizen=given.citizen, log=world.house.log, index=index)
        assert paper.leaf_hash in said
        # A receipt that says something else is no receipt.
        kept["opening"]["A"] = kept["opening"]["A"].replace("voorbeeldstad", "anderestad")  # type: ignore[index]
        file.write_text(json.dumps(kept))
        assert desk.run("receipt", str(file)) == 1
        capsys.readouterr()


async def test_a_receipt_needs_a_key_that_is_not_its_own(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    given = await world.given()
    file = desk.folder / "receipt.json"
    kept = await keeping.receipt(world.house, citizen=given.citizen, log=world.house.log, index=1)
    file.write_text(json.dumps(kept))
    assert consent_verify.main(["receipt", str(file)]) == 3


async def test_a_receipt_is_renewed_under_a_newer_checkpoint(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    given = await world.given()
    file, newer = desk.folder / "receipt.json", desk.folder / "newer.json"
    kept = await keeping.receipt(world.house, citizen=given.citizen, log=world.house.log, index=1)
    file.write_text(json.dumps(kept))
    await fill(world, 700)
    await desk.fetch()
    assert desk.run("receipt", str(file), "--renew", str(desk.log), "--out", str(newer)) == 0
    assert desk.run("receipt", str(newer)) == 0
    assert "a signed root of 702 entries" in capsys.readouterr().out
    assert json.loads(newer.read_text())["opening"] == kept["opening"]


async def test_a_log_that_lost_her_entry_is_caught_by_her_receipt(
    world: World, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fraud: the log begins anew without her entry, under the same name and key."""
    given = await world.given()
    await fill(world, 20)
    kept = await keeping.receipt(world.house, citizen=given.citizen, log=world.house.log, index=1)
    file = desk.folder / "receipt.json"
    file.write_text(json.dumps(kept))
    await desk.fetch()
    shorter = rewritten(world, desk.folder / "rewritten")
    assert desk.run("receipt", str(file), "--renew", str(shorter), "--out", str(desk.folder / "x")) == 1
    assert "keep both checkpoints as evidence" in capsys.readouterr().out
    assert not (desk.folder / "x").exists()


def spoil(world: World, sql: str) -> None:
    """Do what only the operator can."""
    with sqlite3.connect(Path(world.settings.folder) / "consent.sqlite3") as database:
        database.execute(sql)


async def booked(world: World, given: Given, *, tag_of: str) -> None:
    """A disclosure under one person's grant with the tag of another, and no page shows it."""
    honest = UnwrappedKeys.in_log
    row = (await world.house.store.read("keys.get", tag_of))[0]
    from consent.storage.kinds import KEYS

    theirs = honest(
        world.house.unwrapped,
        tag_of,
        world.house.unwrapped.of(KEYS.from_row(row)),
        world.house.vkey.split("+")[0],
    )

    def mixed(self: UnwrappedKeys, citizen: str, keys: CitizenKeys, origin: str) -> SubjectKeys:
        return replace(honest(self, citizen, keys, origin), scan=theirs.scan)

    with patch.object(UnwrappedKeys, "in_log", mixed):
        await world.disclose(given.tokens)
    spoil(world, "DELETE FROM citizen_entries WHERE idx = (SELECT max(idx) FROM log_entries)")


async def fill(world: World, count: int) -> None:
    """Make the log longer, with entries about itself."""
    from consent.storage.book import TURN, Book, Story

    def story(book: Book) -> Story[None]:
        yield TURN
        for number in range(count):
            book.record_control({"ev": "test.filled", "number": number})

    await world.house.scribe.do(story)


def rewritten(world: World, folder: Path) -> Path:
    """Another history under the same name and key, longer than the honest one."""
    from consent.keyfiles import read_log_keys
    from tests.ledger.small_log import SmallLog

    keys = read_log_keys(world.settings.folder, world.house.log)
    signer = next(key for _, key in keys if isinstance(key, Ed25519PrivateKey))
    log = SmallLog(world.house.vkey.split("+")[0], signer)
    for _ in range(40):
        log.event("granted")
    return log.export(folder)
