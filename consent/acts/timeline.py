"""What happened: one line per entry of the log under her key. The page reads the log's own records, so it cannot
say anything else than what outsiders verify."""

from typing import Any, Literal

import msgspec

from consent.grants.use import because
from consent.ledger import entry as ledger_entry
from consent.storage.kinds import (
    CITIZEN_ENTRY,
    GRANT,
    KEYS,
    MANDATE,
    OPENING,
    ORGANISATION,
    REFUSAL,
    SIGNAL,
    USE,
)
from consent.storage.rows import Use
from consent.words.dates import local, month_name
from consent.words.errors import NotFound
from consent.words.instants import instant
from consent.words.purposes import Language

from .approve import organisation_from
from .hold import organisation_name
from .house import House
from .mandate import names_of
from .overview import find_purpose, kind_of, labels
from .publish import head

LINES = 50  # on one page
_PIECE = 200  # entries that are read at once
_MOST_READ = 2_000  # for one page: whoever looks for something rare goes on from there

# What she may look for. Whatever is in none of these is hers: a yes, a no, a stop, an end.
Group = Literal["looked", "used", "refused", "answers", "choices"]
GROUPS: tuple[Group, ...] = ("looked", "used", "refused", "choices", "answers")
_GROUP_OF: dict[str, Group] = {
    "disclosed": "looked",
    "lawful": "looked",
    "used": "used",
    "refused": "refused",
    "acknowledged": "answers",
    "deletion_stated": "answers",
    "corrected": "answers",
}
_NEWEST = (2**62, "~", 0)  # after every entry


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One event in her words. `count` says how often the door said no that day."""

    at: int
    kind: str
    organisation: str | None
    labels: tuple[str, ...]
    purpose: str | None
    because: str | None
    grant: str | None
    use: str | None
    count: int | None
    log: str  # where it stands
    index: int
    until: int | None = None  # of a change: when the grant ends now
    helper: str | None = None  # who did it in her name, or whom a mandate is for: as she calls him
    is_parent: bool = False
    org: str | None = None  # the organisation's id, and the attributes: what a helper's page is sifted by
    names: tuple[str, ...] = ()
    # Of an acknowledgement: which event was heard; of a deletion: how much is gone; of a stop: `stop_code`, if with it.
    about: str | None = None
    desk: str | None = None  # of such a stop: the organisation at whose desk it was done


class Month(msgspec.Struct, frozen=True):
    """The lines of one month, newest first."""

    name: str
    lines: tuple[Line, ...]


class _Told(msgspec.Struct, frozen=True):
    """What the tables beside the log add to her entries, by log or grant and index."""

    uses: dict[tuple[str, int], Use]
    counts: dict[tuple[str, int], int]
    heard: dict[tuple[str, int | None], str]
    helpers: dict[str, tuple[str, bool]]  # by mandate: what she calls him, and whether he is her parent


class Timeline(msgspec.Struct, frozen=True):
    """One page of it, newest first; *older* is the place after which the next one begins, None at the end."""

    months: tuple[Month, ...]
    older: tuple[str, int] | None


async def timeline(
    house: House,
    *,
    citizen: str,
    language: Language,
    organisation: str | None = None,
    group: Group | None = None,
    before: tuple[str, int] | None = None,
    most: int = LINES,
) -> Timeline:
    """What happened with her data, by month: of one *organisation*, of one *group*, *before* an entry of hers.

    What happens meanwhile moves nothing: no line is missed and none comes twice. Raises NotFound when *before* is no
    entry of hers.
    """
    place = _NEWEST if before is None else await _place(house, citizen, *before)
    told = await _beside(house, citizen)
    lines: list[Line] = []
    read, whole = 0, _PIECE
    while len(lines) < most and whole == _PIECE and read < _MOST_READ:
        rows = await house.store.read("citizen_entry.of_citizen", citizen, *place, organisation or "", _PIECE)
        read, whole = read + len(rows), len(rows)
        for log, index, grant, octets, at in rows:
            if len(lines) == most:
                whole = _PIECE  # there is at least this one
                break
            place = (at, log, index)
            if group is not None and _group_of(octets) != group:
                continue
            line = await _line(house, citizen, told, log, index, grant, octets, language)
            if organisation is None or line.org == organisation:
                lines.append(line)
    months: dict[tuple[int, int], list[Line]] = {}
    for line in lines:
        day = local(line.at)
        months.setdefault((day.year, day.month), []).append(line)
    return Timeline(
        tuple(
            Month(f"{month_name(month, language)} {year}", tuple(found))
            for (year, month), found in months.items()
        ),
        (place[1], place[2]) if whole == _PIECE else None,
    )


async def organisations(house: House, *, citizen: str) -> dict[str, str]:
    """Those that she ever said yes to: id and name, for her to choose from."""
    grants = [GRANT.from_row(row) for row in await house.store.read("grant.of_citizen", citizen)]
    return {
        one: await organisation_name(house, one)
        for one in dict.fromkeys(grant.organisation for grant in grants)
    }


def _group_of(octets: bytes) -> Group:
    return _GROUP_OF.get(msgspec.json.decode(octets)["ev"], "choices")


async def _place(house: House, citizen: str, log: str, index: int) -> tuple[int, str, int]:
    hers = await house.store.read(CITIZEN_ENTRY.get, citizen, log, index)
    opened = await house.store.read(OPENING.get, log, index)
    if not hers or not opened:
        raise NotFound("there is no such entry of yours")
    return OPENING.from_row(opened[0]).at, log, index


async def entry(house: House, *, citizen: str, log: str, index: int, language: Language) -> Line:
    """One entry of hers as the timeline tells it. Raises NotFound, also for one that is somebody else's."""
    hers = await house.store.read(CITIZEN_ENTRY.get, citizen, log, index)
    opened = await house.store.read(OPENING.get, log, index)
    if not hers or not opened:
        raise NotFound("there is no such entry of yours")
    told = await _beside(house, citizen)
    grant, record = CITIZEN_ENTRY.from_row(hers[0]).grant, OPENING.from_row(opened[0]).record
    return await _line(house, citizen, told, log, index, grant, record, language)


async def _beside(house: House, citizen: str) -> _Told:
    mandates = [MANDATE.from_row(row) for row in await house.store.read("mandate.of_citizen", citizen)]
    return _Told(
        helpers={one.id: ((await names_of(house, one)).helper, one.kind == "guardian") for one in mandates},
        uses={
            (u.log, u.index): u for u in map(USE.from_row, await house.store.read("use.of_citizen", citizen))
        },
        counts={
            (r.grant, r.index): r.count
            for r in map(REFUSAL.from_row, await house.store.read("refusal.of_citizen", citizen))
        },
        heard={
            (s.grant, s.acknowledged_index): s.event
            for s in map(SIGNAL.from_row, await house.store.read("signal.of_citizen", citizen))
        },
    )


async def _line(
    house: House,
    citizen: str,
    told: _Told,
    log: str,
    index: int,
    grant: str | None,
    octets: bytes,
    language: Language,
) -> Line:
    record = msgspec.json.decode(octets)
    kind, about = kind_of(record), record
    helper, is_parent = None, False
    if kind == "other":
        about = await _own_detail(house, citizen, log, index)
        kind = about["event"]
        if kind == "declined" and "c" in about:  # a no to a change is another no: what she shares goes on
            kind = "kept"
        elif kind == "mandate_given" and about.get("taken_up"):
            kind = "mandate_taken"
    if kind.startswith("mandate") or record.get("by") in ("helper", "guardian"):
        said = about if "mandate" in about else await _own_detail(house, citizen, log, index)
        helper, is_parent = told.helpers.get(said.get("mandate", ""), (None, False))
    line_purpose = None
    sentence = None
    use = told.uses.get((log, index))
    if "purpose" in about:
        name, version = about["purpose"].rsplit("@", 1)
        purpose = await find_purpose(house, name, int(version))
        line_purpose = purpose.title.in_language(language)
        if use is not None:
            ((*_, organisation, _status),) = await house.store.read(ORGANISATION.get, about["org"])
            text = because(
                use.template,
                purpose=purpose,
                organisation=organisation_from(organisation),
                attributes=use.attributes,
                disclosed_at=use.disclosed_at,
            )
            sentence = text.in_language(language) if text is not None else None
    heard = told.heard.get((grant, index)) if kind == "acknowledged" and grant is not None else None
    if kind == "acknowledged" and heard is None:  # the signal itself is gone by now
        heard = (await _own_detail(house, citizen, log, index))["about"]
    ended = await _own_detail(house, citizen, log, index) if kind == "withdrawn" else {}
    means = ended.get("with")
    return Line(
        at=instant(record["t"]),
        kind=kind,
        organisation=await organisation_name(house, about["org"]) if "org" in about else None,
        labels=labels(tuple(record.get("attributes", ())), language),
        purpose=line_purpose,
        because=sentence,
        grant=grant,
        use=use.id if use is not None else None,
        count=told.counts.get((grant, index)) if grant is not None and kind == "refused" else None,
        log=log,
        index=index,
        until=instant(record["exp"]) if kind == "amended" else None,
        helper=helper,
        is_parent=is_parent,
        org=about.get("org"),
        names=tuple(record.get("attributes", ())) or (use.attributes if use is not None else ()),
        about=heard or means or record.get("reason"),
        desk=await organisation_name(house, ended["desk"]) if "desk" in ended else None,
    )


async def _own_detail(house: House, citizen: str, log: str, index: int) -> dict[str, Any]:
    """What only she may read of an entry of hers."""
    (keys_row,) = await house.store.read(KEYS.get, citizen)
    keys = house.unwrapped.of(KEYS.from_row(keys_row))
    origin = (await head(house, log)).origin
    log_keys = house.unwrapped.in_log(citizen, keys, origin)
    (row,) = await house.store.read(CITIZEN_ENTRY.get, citizen, log, index)
    hers = CITIZEN_ENTRY.from_row(row)
    detail: dict[str, Any] = msgspec.json.decode(
        ledger_entry.open_detail(ledger_entry.detail_key(log_keys, hers.nonce), hers.sealed)
    )
    return detail
