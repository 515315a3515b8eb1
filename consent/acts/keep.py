"""One entry of hers as a file for life: a receipt for herself, or just enough to show somebody that it is about her.

Both hold the log's own proof, so both can be checked offline, long after this service is gone.
"""

import hashlib
from base64 import b64encode, urlsafe_b64encode

import msgspec

from consent.ledger.checkpoint import ED25519, parse_vkey
from consent.ledger.entry import LEAF_BYTES, entry_secret, opening_json
from consent.ledger.proof import format_proof
from consent.storage.kinds import CITIZEN_ENTRY, KEYS
from consent.words.errors import NotFound

from .house import House
from .publish import checkpoint, head, inclusion, keys, leaf_of, opening_of, prove
from .scan import log_keys

RECEIPT = "consent-receipt/v1"
ENTRY_PROOF = "consent-entry-proof/v1"


class Paper(msgspec.Struct, frozen=True):
    """What a printed receipt says of its entry: the file is the proof, the paper tells which one it is."""

    origin: str
    vkey: str
    leaf_hash: str  # SHA-256 of the leaf, hexadecimal
    address: str  # of the log, with index and hash behind a #, which no browser sends


async def receipt(house: House, *, citizen: str, log: str, index: int) -> dict[str, object]:
    """Everything of one entry of hers, with its proof under the newest checkpoint. Raises NotFound."""
    await check_hers(house, citizen, log, index)
    (row,) = await house.store.read(KEYS.get, citizen)
    owner = (citizen, house.unwrapped.of(KEYS.from_row(row)))
    leaf, opening = await opening_of(house, log, index, owner)
    shown = await _shown(house, citizen, log, index, leaf)
    return {
        **shown,
        "format": RECEIPT,
        "opening": opening_json(opening, with_detail=True),
        "vkey": await _vkey(house, log),
    }


async def entry_proof(house: House, *, citizen: str, log: str, index: int) -> dict[str, object]:
    """Shows that one entry is about her, and makes no other one recognisable. Raises NotFound.

    It does not say what the entry is: what opens one entry (K_c) opens all of its grant, and the record names others.
    """
    await check_hers(house, citizen, log, index)
    return await _shown(house, citizen, log, index, await leaf_of(house, log, index))


async def paper(house: House, *, citizen: str, log: str, index: int) -> Paper:
    """For the printed page. Raises NotFound."""
    await check_hers(house, citizen, log, index)
    leaf = await leaf_of(house, log, index)
    hashed = hashlib.sha256(leaf).digest()
    named = urlsafe_b64encode(hashed).rstrip(b"=").decode()
    return Paper(
        origin=(await head(house, log)).origin,
        vkey=await _vkey(house, log),
        leaf_hash=hashed.hex(),
        address=f"{house.issuer}/log/{log}/checkpoint#{index}.{named}",
    )


async def check_hers(house: House, citizen: str, log: str, index: int) -> None:
    """Raises NotFound for an entry of somebody else, as for one that does not exist."""
    if not await house.store.read(CITIZEN_ENTRY.get, citizen, log, index):
        raise NotFound("there is no such entry of yours")


async def _shown(house: House, citizen: str, log: str, index: int, leaf: bytes) -> dict[str, object]:
    hers = await log_keys(house, citizen, (await head(house, log)).origin)
    shown: dict[str, object] = {
        "format": ENTRY_PROOF,
        "leaf": b64encode(leaf).decode(),
        "s": b64encode(entry_secret(hers.scan, leaf)).decode(),
        "proof": await _grown_proof(house, log, index),
    }
    changes = await _changes(house, log)
    return shown | ({"keys": changes} if changes else {})


async def _changes(house: House, log: str) -> list[dict[str, str]]:
    """How the keys of before led to those of now: whoever knows only an old one checks the file with nothing else."""
    changes = []
    for key in await keys(house, log):
        if key.retired is None or key.lost:
            continue  # a lost key leads nobody
        ends = msgspec.json.decode((await leaf_of(house, log, key.retired))[LEAF_BYTES:])
        proof = format_proof(
            key.retired - 1, await inclusion(house, log, key.retired - 1, key.retired), ends["last"]
        )
        added = await leaf_of(house, log, key.retired - 1)
        changes.append((key.retired, {"leaf": b64encode(added).decode(), "proof": proof}))
    return [change for _, change in sorted(changes, key=lambda one: one[0])]


async def _grown_proof(house: House, log: str, index: int) -> str:
    """The proof with all the signatures that its checkpoint has by now: who keeps it for life wants more than one."""
    await checkpoint(house, log)  # so that the log's second key has signed
    proof = await prove(house, log, index)
    size = int(proof.partition("\n\n")[2].split("\n")[1])
    return proof + "".join([line for _, line, _ in await house.store.read("cosignature.of_size", log, size)])


async def _vkey(house: House, log: str) -> str:
    """The key with which the log signs, or signed last."""
    return [key.key for key in await keys(house, log) if parse_vkey(key.key).algorithm == ED25519][-1]
