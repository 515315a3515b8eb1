"""Receipts grow up: provisional at first, then signed by witnesses of your choice; two histories are found."""

import base64
import hashlib

import httpx
import pytest
from consent_sdk import Arrangement, Forked, MemoryStore, Organisation, ProofError
from consent_sdk.policy import read_policy
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .log_world import TestLog
from .world import World

AT = 1_900_000_123


class Cosigner:
    """A witness that signs whatever it is given: the log behind it decides what that is."""

    def __init__(self, name: str, private: Ed25519PrivateKey | None = None) -> None:
        self.name = name
        self.private = private or Ed25519PrivateKey.generate()
        typed = b"\x04" + self.private.public_key().public_bytes_raw()
        self.key_id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]
        self.vkey = f"{name}+{self.key_id.hex()}+{base64.b64encode(typed).decode()}"
        self.shown = ""  # what it signed last, with its line

    def line(self, note: str) -> str:
        body = note.partition("\n\n")[0] + "\n"
        signature = self.private.sign(f"cosignature/v1\ntime {AT}\n{body}".encode())
        blob = self.key_id + AT.to_bytes(8, "big") + signature
        return f"— {self.name} {base64.b64encode(blob).decode()}\n"


class Town:
    """A log with three witnesses of two organisations; `signing` are those that sign what the log serves."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.w = {name: Cosigner(f"{name}.example") for name in ("a", "b", "c")}
        self.signing: set[str] = set()
        self.store = MemoryStore()
        self.policy = "\n".join(
            [
                f"log {world.log.vkey}",
                *(f"witness {n} {w.vkey} https://{n}.example/" for n, w in self.w.items()),
                "group one any a b",
                "group two any c",
                "group both all one two",
                "quorum both",
            ]
        )
        served = world.log.serve
        world.log.serve = (  # type: ignore[method-assign]
            lambda path: self.proof(int(path[6:])) if path.startswith("proof/") else served(path)
        )

    def proof(self, index: int) -> bytes:
        text = self.world.log.proof(index)
        note = text.partition("\n\n")[2]
        return (text + "".join(self.w[name].line(note) for name in sorted(self.signing))).encode()

    def organisation(self) -> Organisation:
        return self.world.organisation(
            self.store, httpx.AsyncClient(transport=httpx.MockTransport(self.handle)), policy=self.policy
        )

    async def handle(self, request: httpx.Request) -> httpx.Response:
        name = request.url.host.removesuffix(".example")
        if name not in self.w:
            return await self.world.handle(request)
        place = hashlib.sha256(self.world.log.origin.encode()).hexdigest()
        if request.url.path != f"/{place}/checkpoint" or not self.w[name].shown:
            return httpx.Response(404)
        return httpx.Response(200, text=self.w[name].shown)

    async def arranged(self) -> tuple[Organisation, Arrangement]:
        org = self.organisation()
        ask = await self.world.ask(org)
        return org, await org.receive(self.world.citizen_says_yes(ask.url, ["name", "income"]), ask)


@pytest.fixture
def town() -> Town:
    return Town(World())


async def test_a_receipt_is_provisional_until_the_quorum_of_organisations_has_signed(town: Town) -> None:
    org, arrangement = await town.arranged()
    disclosure = await org.fetch(arrangement, ["name"])
    assert disclosure.provisional
    receipt = disclosure.receipt()
    assert await org.upgrade(receipt) is None
    town.signing = {"a", "b"}
    assert await org.upgrade(receipt) is None, "two witnesses of one organisation are one voice"
    town.world.log.grow(5)
    town.signing = {"b", "c"}
    grown = await org.upgrade(receipt)
    assert grown is not None
    assert "b.example" in grown["proof"]
    assert {k: v for k, v in grown.items() if k != "proof"} == {
        k: v for k, v in receipt.items() if k != "proof"
    }
    town.world.is_log_reachable = False
    assert await org.upgrade(grown) == grown, "grown up, it needs nobody"


async def test_a_receipt_that_comes_signed_is_not_provisional(town: Town) -> None:
    org, arrangement = await town.arranged()
    town.world.after_commit = lambda answer: answer.update(
        proof=answer["proof"]
        + "".join(town.w[n].line(answer["proof"].partition("\n\n")[2]) for n in ("a", "c"))
    )
    assert not (await org.fetch(arrangement, ["name"])).provisional


async def test_a_wrong_line_of_a_known_witness_condemns_the_receipt(town: Town) -> None:
    org, arrangement = await town.arranged()
    receipt = (await org.fetch(arrangement, ["name"])).receipt()
    false = Cosigner("a.example")
    false.key_id = town.w["a"].key_id
    town.w["a"], town.signing = false, {"a", "c"}
    with pytest.raises(ProofError, match="witness"):
        await org.upgrade(receipt)


async def test_a_later_history_without_the_entry_is_a_fork_and_the_evidence_is_kept(town: Town) -> None:
    org, arrangement = await town.arranged()
    receipt = (await org.fetch(arrangement, ["name"])).receipt()
    kept = receipt["proof"].partition("\n\n")[2]
    town.signing = {"a", "c"}
    town.world.log.leaves[1:] = [bytes([n]) * 152 for n in range(9)]
    with pytest.raises(Forked) as caught:
        await org.upgrade(receipt)
    assert caught.value.kept == kept
    assert caught.value.seen.startswith(f"{town.world.log.origin}\n10\n")
    assert any("fork " in name for name in town.store._texts), "it outlives the process"


@pytest.mark.parametrize("spoil", ["index", "path", "text", "other leaf"])
async def test_a_later_proof_of_something_else_proves_nothing(town: Town, spoil: str) -> None:
    org, arrangement = await town.arranged()
    receipt = (await org.fetch(arrangement, ["name"])).receipt()
    town.signing = {"a", "c"}
    town.world.log.grow(3)
    good = town.proof
    index = len(town.world.log.leaves) - 1
    changed = {
        "index": lambda i: good(i).replace(f"index {i}".encode(), b"index 0"),
        "path": lambda i: good(i).replace(b"\n\n", b"\n" + b"A" * 43 + b"=\n\n", 1),
        "text": lambda i: b"\xff",
        "other leaf": lambda i: good(index),
    }
    town.proof = changed[spoil]  # type: ignore[method-assign]
    with pytest.raises(ProofError):
        await org.upgrade(receipt)


async def test_two_histories_shown_to_two_witnesses_are_found_by_comparing(town: Town) -> None:
    """The fork of one key: we and witness `a` see one history, witness `c` another."""
    org, arrangement = await town.arranged()
    await org.fetch(arrangement, ["name"])
    town.world.log.grow(4)
    await org.fetch(arrangement, ["name"])
    ours = town.world.log.note()
    town.w["a"].shown = ours + town.w["a"].line(ours)
    assert await org.compare() == ["a"]
    other = TestLog(town.world.log.origin, town.world.log.private)
    other.grow(3)
    theirs = other.note()
    town.w["c"].shown = theirs + town.w["c"].line(theirs)
    with pytest.raises(Forked) as caught:
        await org.compare()
    assert (caught.value.kept, caught.value.seen) == (ours, town.w["c"].shown)


async def test_a_longer_history_that_the_log_cannot_join_to_ours_is_kept_as_a_doubt(town: Town) -> None:
    org, arrangement = await town.arranged()
    await org.fetch(arrangement, ["name"])
    other = TestLog(town.world.log.origin, town.world.log.private)
    other.grow(300)
    theirs = other.note()
    town.w["c"].shown = theirs + town.w["c"].line(theirs)
    with pytest.raises(ProofError, match="consistency") as caught:
        await org.compare()
    assert caught.value.evidence["seen"] == town.w["c"].shown
    assert any("doubt " in name for name in town.store._texts)


async def test_what_nobody_signed_counts_neither_for_nor_against(town: Town) -> None:
    org, arrangement = await town.arranged()
    await org.fetch(arrangement, ["name"])
    other = TestLog(town.world.log.origin, town.world.log.private)
    other.grow(3)
    town.w["a"].shown = other.note()  # without its line: anybody could have put it there
    town.w["b"].shown = other.note() + Cosigner("b.example").line(other.note())
    town.w["c"].shown = "nonsense"
    assert await org.compare() == []


@pytest.mark.parametrize(
    "line",
    [
        "witness x nonsense",
        "witness a {w}",
        "group g any",
        "group g 2 a",
        "group g 0 a",
        "group g all a a",
        "group g any z",
        "group a any a",
        "group none any a",
        "quorum z",
        "quorum none\nquorum none",
        "surprise",
    ],
)
def test_a_policy_that_is_not_understood_is_not_taken(line: str) -> None:
    w = Cosigner("w.example").vkey
    text = f"witness a {w}\n{line.format(w=Cosigner('v.example').vkey)}\n"
    with pytest.raises(ValueError, match=" "):
        read_policy(text if "quorum" in line else f"{text}quorum none\n")


def test_nobody_counts_twice() -> None:
    key = Ed25519PrivateKey.generate()
    one, two = Cosigner("w.example", key), Cosigner("v.example", key)
    with pytest.raises(ValueError, match="same key"):
        read_policy(f"witness a {one.vkey}\nwitness b {two.vkey}\ngroup g 2 a b\nquorum g\n")
    with pytest.raises(ValueError, match="already"):
        read_policy(f"witness a {one.vkey}\ngroup g any a\ngroup h any a\ngroup q 2 g h\nquorum q\n")
