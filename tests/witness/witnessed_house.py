"""A house whose log has witnesses: real ones in memory, or ones that are dead, slow or lie."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from consent.acts.house import Reply
from consent.acts.policy import Witness as Listed
from consent.acts.policy import WitnessPolicy
from consent.acts.quorum import Quorum
from consent.ledger.cosignature import cosign, cosigner_vkey
from consent.storage.sightings import Sightings
from consent.witness import Witness
from consent.words.errors import NotReached
from tests.world import World


class Town:
    """The witnesses of one log, by their addresses; `behave` changes one, `asked` counts."""

    def __init__(
        self, world: World, folder: Path, *, quorum: int = 0, seconds: float = 5, **whose: str
    ) -> None:
        """*whose*: the name of a witness and the organisation that runs it."""
        self.asked: dict[str, int] = dict.fromkeys(whose, 0)
        self.witnesses: dict[str, Witness] = {}
        self.behave: dict[str, Callable[[str], Reply]] = {}
        self.slow: dict[str, float] = {}
        self.dead: set[str] = set()
        self.unread: set[str] = set()  # those that let nobody read what they saw
        listed = []
        for name, organisation in whose.items():
            key = Ed25519PrivateKey.generate()
            (folder / name).mkdir(parents=True)
            memory = Sightings(folder / name / "w.sqlite3")
            self.witnesses[name] = Witness(
                name=f"{name}.example",
                key=key,
                logs=[world.house.vkey],
                memory=memory,
                clock=lambda: world.at // 10**6,
            )
            listed.append(Listed(self.witnesses[name].vkey, f"https://{name}.example", organisation))
        self.policy = WitnessPolicy(tuple(listed), quorum)
        self.listed = dict(zip(whose, listed, strict=True))
        world.house = replace(
            world.house, quorum=Quorum(self.policy, world.house.store, seconds=seconds), to_witnesses=self
        )

    async def send(self, method: str, url: str, body: bytes) -> Reply:
        name, _, path = url.removeprefix("https://").partition("/")
        name = name.removesuffix(".example")
        self.asked[name] += method == "POST"
        if name in self.dead:
            raise NotReached("nobody is there")
        if name in self.slow:
            await asyncio.sleep(self.slow[name])
        if name in self.behave:
            return self.behave[name](body.decode())
        witness = self.witnesses[name]
        if method == "GET" and name in self.unread:
            return Reply(status=404, headers={}, body=b"")
        does = {"add-checkpoint": witness.add_checkpoint, "follow": witness.follow}
        status, media, text = does[path](body.decode()) if method == "POST" else witness.read(path)
        return Reply(status=status, headers={"content-type": media}, body=text.encode())


def liar(text: str) -> Reply:
    """Answers with the line of somebody else's key under the same name."""
    note = text.partition("\n\n")[2]
    line = cosign(note.partition("\n\n")[0] + "\n", "a.example", Ed25519PrivateKey.generate(), at=1)
    return Reply(status=200, headers={}, body=line.encode())


def other_log(witness: Witness) -> Callable[[str], Reply]:
    """Answers with a true line of its own key, under another text than it was asked about."""

    def answer(text: str) -> Reply:
        note = text.partition("\n\n")[2]
        lines = note.split("\n")
        lines[1] = str(int(lines[1]) + 1)
        body = "\n".join(lines[:3]) + "\n"
        line = cosign(body, witness._name, witness._key, at=1)
        return Reply(status=200, headers={}, body=line.encode())

    return answer


def stranger() -> str:
    """A verifier key that nobody has."""
    return cosigner_vkey("s.example", Ed25519PrivateKey.generate())
