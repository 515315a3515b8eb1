"""A citizen checks the log herself: the key that finds her entries, and what opens them.

She searches the public bundles on her own device, so nobody learns what she looks for; whatever is there under her key
she finds, also what our pages would not show.
"""

from collections.abc import AsyncIterator

import msgspec

from consent.ledger import entry as ledger_entry
from consent.ledger.audit_key import format_audit_key
from consent.ledger.entry import Opening, SubjectKeys, opening_json
from consent.storage.kinds import HEAD, KEYS
from consent.storage.rows import Head

from .house import House

OPENINGS = "consent-openings/v1"
_PAGE = 500
_BYTES = 154  # of one entry in its bundle, with its length


class Size(msgspec.Struct, frozen=True):
    """How much one log is to read."""

    name: str
    entries: int
    megabytes: float


async def audit_key(house: House, *, citizen: str) -> str:
    """The text of her audit key file: for every log that there is now, what finds her entries in it."""
    heads = await _heads(house)
    keys = {head.origin: await log_keys(house, citizen, head.origin) for head in heads}
    return format_audit_key((origin, hers.scan) for origin, hers in keys.items())


async def sizes(house: House) -> list[Size]:
    """What a scan costs: all logs, the newest first."""
    return [
        Size(head.log, head.size, round(head.size * _BYTES / 1e6, 1))
        for head in reversed(await _heads(house))
    ]


async def openings(house: House, *, citizen: str) -> AsyncIterator[bytes]:
    """Everything that our pages know of her, as lines: first how long each log is now, then what opens each entry.

    The sizes are read before the entries: an entry below them that is missing here was left out.
    """
    heads = await _heads(house)
    yield _line({"format": OPENINGS, "logs": {head.origin: head.size for head in heads}})
    for head in heads:
        keys = await log_keys(house, citizen, head.origin)
        last, more = -1, True
        while more:
            rows = await house.store.read("citizen_entry.openings", citizen, head.log, last, _PAGE)
            for _, last, nonce, sealed, consent_key, audit_key, record in rows:
                key = ledger_entry.detail_key(keys, bytes(nonce))
                detail = ledger_entry.open_detail(key, bytes(sealed))
                opening = Opening(last, bytes(consent_key), bytes(audit_key), bytes(record), key, detail)
                yield _line(opening_json(opening, with_detail=True))
            more = len(rows) == _PAGE


async def log_keys(house: House, citizen: str, origin: str) -> SubjectKeys:
    """Her keys in one log."""
    (row,) = await house.store.read(KEYS.get, citizen)
    return house.unwrapped.in_log(citizen, house.unwrapped.of(KEYS.from_row(row)), origin)


async def _heads(house: House) -> list[Head]:
    return [HEAD.from_row(row) for row in await house.store.read("head.all")]


def _line(document: dict[str, object]) -> bytes:
    return msgspec.json.encode(document) + b"\n"
