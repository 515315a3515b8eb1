"""A report about whole months that are over, signed by the service: what an auditor can keep, and check later.

It holds what everybody can see: the log's checkpoints at both ends, what the log said about itself in between, and the
rounded counts. The checkpoints are signed by the log, so the report stands on the log and not on the service's word.
"""

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec

from consent.ledger.entry import LEAF_BYTES
from consent.oauth.jose import sign_jws
from consent.words.errors import BadInput
from consent.words.instants import DAY, SECOND, seconds

from .house import House
from .publish import head, keys, logs
from .tally import month_of, statistics

TYPE = "consent-report+jwt"
LONGEST = 24  # months
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_PAGE = 500


async def report(house: House, begin: str, until: str) -> str:
    """The report from the month *begin* up to and without *until* (`2026-11`), as a compact JWS.

    Raises BadInput for a period that is empty, longer than two years or not over.
    """
    first, end = _number(begin), _number(until)
    if not first < end <= first + LONGEST:
        raise BadInput(f"from, until: 1 to {LONGEST} months, as YYYY-MM; until is the month after the last")
    if end > month_of(house.clock() // DAY):
        raise BadInput("until: only months that are over")
    start, stop = _begins(first), _begins(end)
    counted = await statistics(house)
    inside = [month for month in counted.months if first <= _number(month.month) < end]
    claims = {
        "iss": house.issuer,
        "iat": seconds(house.clock()),
        "from": begin,
        "until": until,
        "logs": [
            found for log in await logs(house) if (found := await _log(house, log, start, stop)) is not None
        ],
        "months": {month.month: month.counts for month in inside},
        "rounded_down_to": 10,
        "disclosed_after_the_end": sum(month.late for month in inside),
    }
    return sign_jws(claims, key=house.server_key, type=TYPE)


async def _log(house: House, log: str, start: int, stop: int) -> dict[str, Any] | None:
    """What a log was at both ends; None for one that has nothing in the period."""
    size = (await head(house, log)).size
    before, after = (
        await _checkpoint_before(house, log, size, start),
        await _checkpoint_before(house, log, size, stop),
    )
    if after is None or (before is not None and before[0] == after[0]):
        return None
    return {
        "log": log,
        "keys": [key.key for key in await keys(house, log)],
        "before": before[1] if before is not None else None,
        "after": after[1],
        "about_itself": dict(await _itself(house, log, before[0] if before is not None else 0, after[0])),
    }


async def _checkpoint_before(house: House, log: str, size: int, at: int) -> tuple[int, str] | None:
    """The last checkpoint from before the instant *at*: its size and text. Later ones have later times."""
    low, high, found = 0, size, None
    while low <= high:
        middle = (low + high) // 2
        rows = await house.store.read("checkpoint.at_most", log, middle)
        if rows and rows[0][1] < at:
            found, low = (rows[0][0], rows[0][2]), middle + 1
        else:
            # Older ones than this are the only ones that can do.
            high = (rows[0][0] if rows else 0) - 1
    return found


async def _itself(house: House, log: str, begin: int, end: int) -> Counter[str]:
    """How often the log said what about itself, between two sizes."""
    events: Counter[str] = Counter()
    while True:
        rows = await house.store.read("entry.controls", log, begin, _PAGE)
        for index, leaf in rows:
            if index < end:
                events[msgspec.json.decode(leaf[LEAF_BYTES:])["ev"]] += 1
        if len(rows) < _PAGE or rows[-1][0] >= end:
            return events
        begin = rows[-1][0] + 1


def _number(month: str) -> int:
    match = _MONTH.fullmatch(month)
    if match is None:
        raise BadInput("from, until: months as YYYY-MM")
    return int(match[1]) * 12 + int(match[2]) - 1


def _begins(month: int) -> int:
    """The first instant (us) of a month."""
    try:
        return int(datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC).timestamp()) * SECOND
    except ValueError:
        raise BadInput("from, until: months as YYYY-MM") from None
