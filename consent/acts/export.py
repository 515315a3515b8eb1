"""A citizen takes everything with her: her data with its history, her grants with receipts, her entries with proofs.

The file stands alone: with it she can show, years later and also after an erasure, what was hers in the log.
"""

from base64 import b64encode
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consent.grants.decide import for_herself
from consent.ledger.entry import opening_json
from consent.storage.kinds import DISCLOSED, GRANT, KEYS, MISGIVING, NOTICE, PASSKEY, SESSION, USE, VALUE
from consent.vault.keys import CitizenKeys
from consent.vault.seal import open_sealed
from consent.words.decision import Refusal
from consent.words.errors import NotFound
from consent.words.instants import seconds
from consent.words.purposes import Language

from . import mandate as mandates
from .demand import demands_of
from .explain import question_of
from .hold import Holding, holding, organisation_name
from .house import House
from .join import roles_of
from .overview import find_purpose, labels
from .prefer import preferences
from .publish import opening_of, prove
from .receipt import EVERY, receipt_file, receipt_proof


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """One grant, on the readable page."""

    organisation: str
    purpose: str
    labels: tuple[str, ...]
    granted_at: int
    until: int


class Copy(msgspec.Struct, frozen=True):
    """The readable page: her data now, with whom she shared, and how many entries the file has."""

    holding: Holding
    grants: tuple[Shared, ...]
    lines: int


async def readable(house: House, *, citizen: str, language: Language) -> Copy:
    """The page. Raises NotFound."""
    shared = []
    for row in await house.store.read("grant.of_citizen", citizen):
        grant = GRANT.from_row(row)
        purpose = await find_purpose(house, grant.purpose, grant.purpose_version)
        shared.append(
            Shared(
                organisation=await organisation_name(house, grant.organisation),
                purpose=purpose.title.in_language(language),
                labels=labels(grant.attributes, language),
                granted_at=grant.granted_at,
                until=grant.ended_at if grant.ended_at is not None else grant.expires_at,
            )
        )
    lines = len(await house.store.read("citizen_entry.all", citizen))
    return Copy(await holding(house, citizen=citizen, language=language), tuple(shared), lines)


async def export(house: House, *, citizen: str) -> dict[str, Any]:
    """The file, as what JSON can say; instants are whole seconds since 1970. Raises NotFound."""
    rows = await house.store.read(KEYS.get, citizen)
    if not rows:
        raise NotFound("there is no such person")
    keys = house.unwrapped.of(KEYS.from_row(rows[0]))
    grants = [GRANT.from_row(row) for row in await house.store.read("grant.of_citizen", citizen)]
    return {
        "issuer": house.issuer,
        "made_at": seconds(house.clock()),
        "data": await _values(house, citizen, keys),
        "grants": [
            {
                "receipt": await receipt_file(house, citizen=citizen, grant=grant.id),
                "proof": await receipt_proof(house, citizen=citizen, grant=grant.id),
                "state": grant.state,
                "disclosures": await _disclosures(house, grant.id),
            }
            for grant in grants
        ],
        "uses": await _uses(house, citizen),
        "demands": await _demands(house, citizen),
        "misgivings": [
            {"use": one.use, "at": seconds(one.at)}
            for one in map(MISGIVING.from_row, await house.store.read("misgiving.all_of", citizen))
        ],
        "entries": await _entries(house, citizen, keys),
        "mandates": await _mandates(house, citizen),
        "roles": [
            {"organisation": one.organisation, "role": one.role, "from": seconds(one.joined_at)}
            for one in await roles_of(house, citizen)
        ],
        "private": (await preferences(house, citizen=citizen)).private,
        "mail": dict((await preferences(house, citizen=citizen)).mail),
        "notices": [
            {"kind": one.kind, "who": one.who, "about": one.about, "organisation": one.organisation}
            | {"at": seconds(one.at), "mailed_at": one.sent_at and seconds(one.sent_at)}
            for one in map(NOTICE.from_row, await house.store.read("notice.newest", citizen, EVERY))
        ],
        "sign_in": {
            "passkeys": [
                {"id": b64encode(one.credential).decode(), "created_at": seconds(one.created_at)}
                for one in map(PASSKEY.from_row, await house.store.read("passkey.of_citizen", citizen))
            ],
            "sessions": [
                {"method": one.method, "from": seconds(one.created_at), "until": seconds(one.expires_at)}
                for one in map(SESSION.from_row, await house.store.read("session.of_citizen", citizen))
            ],
        },
    }


async def _values(house: House, citizen: str, keys: CitizenKeys) -> list[dict[str, Any]]:
    """Every version of every value that is kept, the newest last; a removed one has null."""
    versions = [VALUE.from_row(row) for row in await house.store.read("value.history", citizen)]
    permit = for_herself(citizen, frozenset(one.name for one in versions), signed_in=citizen)
    if isinstance(permit, Refusal):
        raise NotFound("there is no such person")
    cipher = AESGCM(keys.data.reveal())
    found = []
    for one in versions:
        opened = open_sealed(permit, one, cipher=cipher)
        found.append(
            {
                "name": one.name,
                "version": one.version,
                "value": msgspec.Raw(opened.value),
                "source": one.source,
                "as_of": one.as_of,
                "kept_at": seconds(one.created_at),
            }
        )
    return found


async def _disclosures(house: House, grant: str) -> list[dict[str, Any]]:
    rows = await house.store.read("disclosed.of_grant", grant, EVERY)
    return [
        {"id": one.id, "at": seconds(one.at), "items": one.items, "log": one.log, "index": one.index}
        for one in map(DISCLOSED.from_row, reversed(rows))
    ]


async def _mandates(house: House, citizen: str) -> list[dict[str, Any]]:
    seen = await mandates.hers(house, citizen=citizen)
    return [
        {
            "id": one.id,
            "kind": one.kind,
            "helper": one.name,
            "may": one.may,
            "organisations": one.organisations,
        }
        | {"from": seconds(one.given_at), "until": seconds(one.ended_at or one.until)}
        for one in (*seen.running, *seen.over)
    ]


async def _uses(house: House, citizen: str) -> list[dict[str, Any]]:
    return [
        {"id": one.id, "grant": one.grant, "template": one.template, "at": seconds(one.at)}
        | {"disclosures": one.disclosures, "attributes": one.attributes, "log": one.log, "index": one.index}
        for one in map(USE.from_row, await house.store.read("use.of_citizen", citizen))
    ]


async def _demands(house: House, citizen: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for one in await demands_of(house, citizen):
        said = await question_of(house, one)
        found.append(
            {"kind": one.kind, "organisation": one.organisation, "grant": one.grant, "about": one.about}
            | {
                "text": said.text,
                "asked_at": seconds(one.asked_at),
                "outcome": one.outcome,
                "reply": said.reply,
            }
        )
    return found


async def _entries(house: House, citizen: str, keys: CitizenKeys) -> list[dict[str, Any]]:
    """Every entry of hers: the leaf, what opens it, and the proof that it stands in the log."""
    found = []
    for log, index in await house.store.read("citizen_entry.all", citizen):
        leaf, opening = await opening_of(house, log, index, (citizen, keys))
        found.append(
            {
                "log": log,
                "leaf": b64encode(leaf).decode(),
                "opening": opening_json(opening, with_detail=True),
                "proof": await prove(house, log, index),
            }
        )
    return found
