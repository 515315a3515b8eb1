"""Keys of the log change and years end; what a citizen kept, and what she knows, still leads to what is served now."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import consent_verify
import pytest

from consent.acts import keep as keeping
from consent.acts import publish
from consent.acts import scan as scanning
from consent.ledger.checkpoint import ED25519, ML_DSA_44
from consent.upkeep.export import export_log
from consent.upkeep.succession import pen_of
from tests.acts.test_rotate import KINDS, changed, live
from tests.acts.test_scan import fill
from tests.acts.test_succeed import EVE
from tests.ledger.test_signed_twice import by_node, node
from tests.world import World


class Drawer:
    """Where she keeps her files: one receipt, her audit key, a copy of the logs."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.file = folder / "receipt.json"
        self.logs = folder / "logs"

    async def keep(self, index: int = 1, log: str = "") -> dict[str, object]:
        house = self.world.house
        kept = await keeping.receipt(house, citizen=self.world.citizen(), log=log or house.log, index=index)
        self.file.write_text(json.dumps(kept))
        return kept

    async def copy(self) -> None:
        for log in await publish.logs(self.world.house):
            await export_log(self.world.house, log, self.logs / log)
        (self.folder / "key").write_text(
            await scanning.audit_key(self.world.house, citizen=self.world.citizen())
        )

    def trust(self, *vkeys: str) -> list[str]:
        return [word for vkey in vkeys for word in ("--vkey", vkey)]

    def check(self, *words: str) -> int:
        return consent_verify.main(["receipt", str(self.file), *words])

    def check_with_node(self, *vkeys: str) -> tuple[str, int, str]:
        return by_node(str(self.file), vkeys=vkeys)

    def scan(self, *words: str, state: bool = False, log: str = "") -> int:
        kept = ["--state", str(self.folder / "state")] if state else []
        return consent_verify.main(
            ["scan", str(self.logs / log), "--key", str(self.folder / "key"), *kept, *words]
        )


@pytest.fixture
def drawer(world: World, tmp_path: Path) -> Drawer:
    return Drawer(world, tmp_path)


# Receipts


@KINDS
async def test_who_knows_the_keys_of_before_checks_a_later_receipt_offline(
    world: World, drawer: Drawer, kind: int, capsys: pytest.CaptureFixture[str]
) -> None:
    old = await live(world)
    await world.given()
    await changed(world, kind)
    await changed(world, ED25519)
    kept = await drawer.keep()
    assert drawer.check(*drawer.trust(*old.values())) == 0, capsys.readouterr().out
    # Without the way from one key to the next, the signature is that of a stranger.
    drawer.file.write_text(json.dumps({name: value for name, value in kept.items() if name != "keys"}))
    assert drawer.check(*drawer.trust(*old.values())) == 1
    assert "not signed by a key that is known" in capsys.readouterr().out


async def test_a_receipt_of_before_is_good_under_the_keys_of_before_and_in_the_policy_of_now(
    world: World, drawer: Drawer
) -> None:
    old = await live(world)
    await world.given()
    await drawer.keep()
    await changed(world, ED25519)
    await changed(world, ML_DSA_44)
    assert drawer.check(*drawer.trust(*old.values())) == 0
    policy, ranges = drawer.folder / "policy", drawer.folder / "keys"
    policy.write_text(await publish.policy(world.house, world.house.log))
    ranges.write_text(await publish.changes_of_keys(world.house, world.house.log))
    assert drawer.check("--policy", str(policy), "--keys", str(ranges)) == 0
    new = await live(world)
    assert drawer.check(*drawer.trust(*new.values())) == 1  # they may not sign what was there before them


async def test_a_thief_of_a_retired_key_signs_no_receipt(
    world: World, drawer: Drawer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attack: the old key was not destroyed everywhere; whoever finds it makes a receipt of a later size."""
    old = await live(world)
    stolen = world.house.scribe.pen
    given = await world.given()
    await changed(world, ED25519)
    await world.disclose(given.tokens)
    kept = await drawer.keep(index=4)
    proof, _, note = str(kept["proof"]).partition("\n\n")
    body = note.partition("\n\n")[0] + "\n"
    from consent.ledger.checkpoint import sign

    forged = {**kept, "proof": f"{proof}\n\n{sign(body, stolen.origin, stolen.signer)}"}
    drawer.file.write_text(json.dumps(forged))
    assert drawer.check(*drawer.trust(old[ED25519])) == 1
    assert "is signed with a key that entry 3 retired" in capsys.readouterr().out
    forged.pop("keys")
    drawer.file.write_text(json.dumps(forged))
    policy, ranges = drawer.folder / "policy", drawer.folder / "keys"
    policy.write_text(await publish.policy(world.house, world.house.log))
    ranges.write_text(await publish.changes_of_keys(world.house, world.house.log))
    assert drawer.check("--policy", str(policy), "--keys", str(ranges)) == 1
    assert "is signed with a key that entry 3 retired" in capsys.readouterr().out


async def test_a_change_that_nobody_signed_leads_nobody(world: World, drawer: Drawer) -> None:
    """Attack: a receipt brings a key of its maker, with an entry that names it in a tree of the maker's own."""
    from base64 import b64encode

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from consent.ledger.checkpoint import body, sign, vkey_of
    from consent.ledger.entry import control_entry
    from consent.ledger.proof import format_proof
    from consent.ledger.tree import leaf_hash
    from consent.words.canonical import canonical

    old = await live(world)
    await world.given()
    kept = await drawer.keep()
    origin, mine = world.house.scribe.pen.origin, Ed25519PrivateKey.generate()
    leaf = control_entry(
        bytes(16), canonical({"ev": "key.added", "i": 0, "key": vkey_of(origin, mine), "o": origin, "t": 1})
    )
    note = sign(body(origin, 1, leaf_hash(leaf)), origin, mine)
    proof, _, rest = str(kept["proof"]).partition("\n\n")
    signed = sign(rest.partition("\n\n")[0] + "\n", origin, mine)
    change = {"leaf": b64encode(leaf).decode(), "proof": format_proof(0, [], note)}
    drawer.file.write_text(json.dumps({**kept, "keys": [change], "proof": f"{proof}\n\n{signed}"}))
    assert drawer.check(*drawer.trust(old[ED25519])) == 1
    drawer.file.write_text(json.dumps({**kept, "keys": [change | {"leaf": kept["leaf"]}]}))
    assert drawer.check(*drawer.trust(old[ED25519])) == 1  # what is no change at all spoils the file


async def test_a_lost_key_leads_nobody_and_its_receipt_is_renewed_under_the_new_one(
    world: World, drawer: Drawer
) -> None:
    old = await live(world)
    await world.given()
    await drawer.keep()
    await changed(world, ED25519, lost=True)
    new = await live(world)
    await drawer.copy()
    fresh = drawer.folder / "fresh.json"
    renew = ("--renew", str(drawer.logs / world.house.log), "--out", str(fresh))
    assert drawer.check(*renew, *drawer.trust(*old.values())) == 1
    assert drawer.check(*renew, *drawer.trust(old[ED25519], *new.values())) == 0
    drawer.file = fresh
    assert drawer.check(*drawer.trust(*new.values())) == 0


@node
async def test_the_page_and_node_check_her_files_too(world: World, drawer: Drawer) -> None:
    """`verify.js` reads the same files: before and after a change of both keys, and nobody else's."""
    old = await live(world)
    given = await world.given()
    other = await world.given(citizen=world.citizen("amal"))
    await changed(world, ML_DSA_44)
    await changed(world, ED25519)
    await world.disclose(given.tokens)
    kept = await drawer.keep()
    verdict, code, said = drawer.check_with_node(*old.values())
    assert (verdict, code) == ("UNWITNESSED", 0), said
    assert "What was opened is what entry 1 commits to (granted)." in said
    assert "This entry is about the person who gave you this file." in said
    drawer.file.write_text(json.dumps({name: value for name, value in kept.items() if name != "keys"}))
    assert drawer.check_with_node(*old.values())[0] == "INVALID"
    theirs = await keeping.entry_proof(world.house, citizen=other.citizen, log=world.house.log, index=2)
    drawer.file.write_text(json.dumps(theirs))
    assert drawer.check_with_node(*old.values())[:2] == ("UNWITNESSED", 0)
    drawer.file.write_text(json.dumps(theirs | {"s": kept["s"]}))
    assert drawer.check_with_node(*old.values())[0] == "INVALID"


async def test_a_renewed_receipt_carries_the_way_to_the_new_key(world: World, drawer: Drawer) -> None:
    old = await live(world)
    await world.given()
    await drawer.keep()
    await fill(world, 300)
    await changed(world, ML_DSA_44)
    await changed(world, ED25519)
    await drawer.copy()
    fresh = drawer.folder / "fresh.json"
    trust = drawer.trust(*old.values())
    assert drawer.check("--renew", str(drawer.logs / world.house.log), "--out", str(fresh), *trust) == 0
    assert len(json.loads(fresh.read_text())["keys"]) == 2
    drawer.file = fresh
    assert drawer.check(*trust) == 0
    shown = ["show", str(drawer.logs / world.house.log), "--key", str(drawer.folder / "key"), "--index", "1"]
    assert consent_verify.main([*shown, "--out", str(fresh), *trust]) == 0
    assert drawer.check(*trust) == 0


# Scans


@pytest.mark.parametrize("before", [0, 252, 253, 254], ids="{} entries more".format)
async def test_a_scan_goes_on_to_the_new_key_also_when_it_goes_on_from_a_state(
    world: World, drawer: Drawer, before: int, capsys: pytest.CaptureFixture[str]
) -> None:
    old = await live(world)
    trust = drawer.trust(*old.values())
    await world.given()
    await fill(world, before)
    await drawer.copy()
    assert drawer.scan(*trust, state=True) == 0
    await changed(world, ED25519)
    await changed(world, ML_DSA_44)
    await fill(world, 10)
    await drawer.copy()
    for state in (True, False):
        assert drawer.scan(*trust, state=state) == 0, capsys.readouterr().out
        assert "the key before it signed the entry that names the new one" in capsys.readouterr().out
    await fill(world, 300)
    await drawer.copy()
    assert drawer.scan(*trust, state=True) == 0
    await changed(world, lost=True)
    await drawer.copy()
    assert drawer.scan(*trust, state=True) == 1


async def test_a_scan_believes_no_retired_key(world: World, drawer: Drawer) -> None:
    """Attack: the site is taken over with a key that was retired; it shows the log as it is, signed with that."""
    from consent.ledger.checkpoint import sign

    stolen = world.house.scribe.pen
    old = await live(world)
    await world.given()
    await changed(world, ED25519)
    await drawer.copy()
    checkpoint = drawer.logs / world.house.log / "checkpoint"
    body = checkpoint.read_text().partition("\n\n")[0] + "\n"
    checkpoint.write_text(sign(body, stolen.origin, stolen.signer))
    assert drawer.scan(*drawer.trust(old[ED25519])) == 1


@pytest.fixture
async def eve(tmp_path: Path) -> AsyncIterator[World]:
    async with World.open(tmp_path / "data", at=EVE, yearly=True) as world:
        yield world


@pytest.mark.parametrize("first", [0, 253], ids=["a short year", "a year of a full bundle"])
async def test_a_scan_and_an_audit_go_on_to_the_next_year(
    eve: World, tmp_path: Path, first: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """She knows the keys of one year: they lead to those of a later one, through a change of key and a New Year."""
    drawer = Drawer(eve, tmp_path)
    given = await eve.given()
    await changed(eve, ED25519)
    if first:
        await fill(eve, 256 - 1 - (await publish.head(eve.house, "2030")).size)
    eve.pass_time(20)
    await eve.disclose(given.tokens)
    await changed(eve, ML_DSA_44)
    assert await publish.logs(eve.house) == ["2026", "2030", "2031"]
    await drawer.copy()
    # Only the Ed25519 key is named for the next year.
    trust = drawer.trust((await publish.keys(eve.house, "2026"))[0].key)
    for state in (True, True, False):
        assert drawer.scan(*trust, state=state) == 0, capsys.readouterr().out
        said = capsys.readouterr().out
        assert "names the key of the log that follows: localhost:8000/log/2031" in said
        assert "the one that the log before named in its last entry" in said
    memory = tmp_path / "memory"
    for log in ("2026", "2030", "2031"):
        words = [str(drawer.logs / log), "--state", str(memory), *(trust if log == "2026" else [])]
        assert consent_verify.main(words) == 0
    said = capsys.readouterr().out
    assert "the one that the log before named in its last entry" in said
    assert "This log follows localhost:8000/log/2030, which it says ended with" in said
    # Fraud: the log of the new year says that the old one ended earlier than it was seen.
    kept = json.loads(memory.read_text())
    note = kept["logs"]["localhost:8000/log/2030"]["checkpoint"].split("\n")
    note[1] = str(int(note[1]) + 1)
    kept["logs"]["localhost:8000/log/2030"]["checkpoint"] = "\n".join(note)
    memory.write_text(json.dumps(kept))
    assert consent_verify.main([str(drawer.logs / "2031"), "--state", str(memory)]) == 1
    assert "and not as this log says" in capsys.readouterr().out


async def test_a_log_that_no_other_one_names_needs_its_own_key(
    eve: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawer = Drawer(eve, tmp_path)
    await eve.given()
    head = await publish.head(eve.house, "2030")
    pen = await pen_of(eve.house.store, eve.settings.folder, head)
    eve.pass_time(20)
    await eve.own_token()
    await drawer.copy()
    assert drawer.scan(*drawer.trust(pen.vkey), log="2031") == 3
    assert "no log before it named its key" in capsys.readouterr().out
