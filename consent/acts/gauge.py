"""How the service is, for its operator: log, witnesses, late answers, sweeps, disk, backup, keys. No identifier."""

import msgspec

from consent.ledger.entry import LEAF_BYTES
from consent.storage.rows import FROZEN
from consent.words.instants import DAY, MINUTE

from .answers import unanswered
from .browse import Front, front
from .house import House
from .publish import head, is_second, keys, leaf_of

SWEEP_WITHIN = 5 * MINUTE
BACKUP_WITHIN = 2 * DAY
ROOM_WITHIN = 10  # percent of the disk


class Late(msgspec.Struct, frozen=True):
    """How many answers a client owes beyond the time it had."""

    client: str
    count: int


class KeyAge(msgspec.Struct, frozen=True):
    """Since when (us) a key signs; None: since before that was written down."""

    which: str  # "issuer", "log" or "second"
    since: int | None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on the page; `wrong` names what needs somebody."""

    at: int
    front: Front
    written_at: int
    is_frozen: bool
    late: tuple[Late, ...]
    swept_at: int | None
    sweeps_failed: int
    disk_free: int | None
    disk_size: int | None
    database_size: int | None
    backed_up_at: int | None
    keys: tuple[KeyAge, ...]
    wrong: frozenset[str]  # of log, clock, witnesses, late, sweep, disk, backup


async def gauge(house: House) -> Health:
    """How it is now."""
    at, pulse = house.clock(), house.pulse
    row, seen = await head(house, house.log), await front(house, house.log)
    counts: dict[str, int] = {}
    for line in await unanswered(house, only_late=True):
        counts[line.client] = counts.get(line.client, 0) + 1
    wrong = {
        "log": row.frozen == FROZEN,
        "clock": house.timekeeper.is_doubted,
        "witnesses": not all([(await front(house, log)).is_served for log in house.logs]),
        "late": bool(counts),
        "sweep": pulse.sweeps_failed > 0
        or (pulse.swept_at is not None and at - pulse.swept_at > SWEEP_WITHIN),
        "disk": bool(pulse.disk_size) and _percent(pulse.disk_free, pulse.disk_size) < ROOM_WITHIN,
        "backup": pulse.backed_up_at is None or at - pulse.backed_up_at > BACKUP_WITHIN,
    }
    return Health(
        at=at,
        front=seen,
        written_at=row.at,
        is_frozen=row.frozen == FROZEN,
        late=tuple(Late(client, counts[client]) for client in sorted(counts)),
        swept_at=pulse.swept_at,
        sweeps_failed=pulse.sweeps_failed,
        disk_free=pulse.disk_free,
        disk_size=pulse.disk_size,
        database_size=pulse.database_size,
        backed_up_at=pulse.backed_up_at,
        keys=tuple(await _ages(house)),
        wrong=frozenset(name for name, is_so in wrong.items() if is_so),
    )


async def _ages(house: House) -> list[KeyAge]:
    ages = [KeyAge("issuer", house.server_keys.active_since(house.clock()) or None)]
    for key in await keys(house, house.log):
        if key.retired is None and not key.lost:
            said = msgspec.json.decode((await leaf_of(house, house.log, key.added))[LEAF_BYTES:])
            ages.append(KeyAge("second" if is_second(key) else "log", said["t"] * 1_000_000))
    return ages


def _percent(part: int | None, whole: int | None) -> int:
    return 100 * (part or 0) // whole if whole else 100
