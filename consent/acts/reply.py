"""An organisation reads what citizens ask of it, in their own words, and answers."""

from typing import Literal

import msgspec
from msgspec.structs import replace

from consent.oauth.dpop import Proof
from consent.oauth.token import check_access
from consent.storage.book import TURN, Book, Story
from consent.storage.demands import Demand
from consent.storage.kinds import CLIENT, DEMAND, GRANT, HOLDINGS, KEYS, SIGNAL, TOKEN, USED
from consent.vault.keys import pairwise_id
from consent.words.attributes import CATALOGUE, check_value
from consent.words.dates import local
from consent.words.errors import BadInput, InsufficientScope, NotFound
from consent.words.ids import is_id

from .demand import LONGEST, sealed_as
from .doubt import counts_of
from .hold import put_value
from .house import House
from .notify import notify
from .once import spend_proof
from .signal import asks_for_correction, signal_correction
from .ways import open_text, seal_text

MOST = 200
Outcome = Literal["answered", "corrected", "refused"]


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """One open demand. `about` is a use or an attribute; `sub` her id at this organisation; `asked_at` microseconds."""

    id: str
    kind: str
    sub: str
    grant: str | None
    about: str
    text: str | None
    asked_at: int


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """How many people, in whole tens, said in a week that one kind of use feels wrong. Weeks are UTC day numbers."""

    week: int
    purpose: str
    template: str
    people: int


async def waiting(house: House, *, token_hash: bytes, proof: Proof) -> list[Waiting]:
    """What a client has not answered, the oldest first. Raises InvalidToken, InsufficientScope."""
    client = await _client(house, token_hash, proof)
    found = []
    for demand in map(DEMAND.from_row, await house.store.read("demand.open_of_client", client, MOST)):
        rows = await house.store.read(KEYS.get, demand.citizen)
        if rows:  # she may have left since
            keys = house.unwrapped.of(KEYS.from_row(rows[0]))
            sealed = demand.sealed
            found.append(
                Waiting(
                    id=demand.id,
                    kind=demand.kind,
                    sub=pairwise_id(keys.subject, demand.organisation),
                    grant=demand.grant,
                    about="" if demand.kind == "erase" else demand.about,
                    # She wrote it to them.
                    text=open_text(keys, demand.citizen, sealed_as(demand.id), sealed) if sealed else None,
                    asked_at=demand.asked_at,
                )
            )
    return found


async def misgivings(house: House, *, token_hash: bytes, proof: Proof) -> list[Counted]:
    """How many people its uses felt wrong to, by week. Raises InvalidToken, InsufficientScope."""
    client = await _client(house, token_hash, proof)
    ((_, organisation, *_),) = await house.store.read(CLIENT.get, client)
    return [
        Counted(week=one.week, purpose=one.purpose, template=one.template, people=one.people)
        for one in await counts_of(house, organisation)
    ]


async def reply(
    house: House,
    *,
    token_hash: bytes,
    proof: Proof,
    demand: str,
    outcome: str,
    text: str,
    value: object = None,
) -> Demand:
    """Answer one: "answered" with words to a question about a use; "corrected" with the right *value*, or "refused"
    with words, to a correction. An erasure is answered by a deletion statement. A second time changes nothing.

    Raises NotFound for a foreign or unknown one, BadInput, InvalidToken, InsufficientScope.
    """
    if not is_id(demand):
        raise NotFound("there is no such demand")
    if len(text) > LONGEST or (not text.strip() and outcome != "corrected"):
        raise BadInput(f"text: 1 to {LONGEST} characters, for her to read")

    def story(book: Book) -> Story[Demand]:
        about = SIGNAL.by("of_grant", demand)
        yield [TOKEN.one(token_hash), USED.one(proof.jti_hash), DEMAND.one(demand), about]
        asked = book.get(DEMAND, demand)
        hers = [] if asked is None else [GRANT.by("of_citizen", asked.citizen)]
        yield [] if asked is None else [KEYS.one(asked.citizen), HOLDINGS.one(asked.citizen), *hers]
        grants = book.found(hers[0]) if hers else []
        yield asks_for_correction(grants, asked.about) if asked is not None else []
        yield TURN
        client = _own_client(book, token_hash, proof)
        asked = book.get(DEMAND, demand)
        wrapped = book.get(KEYS, asked.citizen) if asked is not None else None
        if asked is None or wrapped is None or asked.client != client:
            raise NotFound("there is no such demand")
        if outcome not in _OUTCOMES[asked.kind]:
            raise BadInput("outcome: answered to a question, corrected or refused to a correction")
        spend_proof(book, proof)
        if asked.answered_at is not None:
            return asked
        keys = book.keys_of(wrapped)
        if outcome == "corrected":
            holdings = book.get(HOLDINGS, asked.citizen)
            current = holdings.get(asked.about) if holdings is not None else None
            if current is None:
                raise NotFound("there is no such demand")
            right = check_value(CATALOGUE[asked.about], value)
            put_value(
                book,
                citizen=asked.citizen,
                keys=keys,
                name=asked.about,
                value=right,
                source=current.source,
                as_of=local(book.at).date().isoformat(),
            )
            signal_correction(book, grants, asked.about)
            book.record_event(
                "corrected",
                citizen=asked.citizen,
                keys=keys,
                by="organisation",
                reason="source_changed",
                detail=lambda _: {"org": asked.organisation, "attributes": [asked.about]},
            )
        for one in book.found(about):  # a signal about no grant is answered here
            book.put(SIGNAL, replace(one, acknowledged_at=book.at, next_try=None, dead_at=None))
        sealed = seal_text(house, keys, asked.citizen, sealed_as(asked.id) + "/reply", text) if text else None
        done = replace(asked, answered_at=book.at, outcome=outcome, reply=sealed)
        book.put(DEMAND, done)
        notify(book, asked.citizen, "answered", about=asked.id, organisation=asked.organisation)
        return done

    return (await house.scribe.do(story)).outcome


_OUTCOMES: dict[str, frozenset[str]] = {
    "erase": frozenset(),
    "explain": frozenset({"answered"}),
    "correct": frozenset({"corrected", "refused"}),
}


async def _client(house: House, token_hash: bytes, proof: Proof) -> str:
    def story(book: Book) -> Story[str]:
        yield [TOKEN.one(token_hash), USED.one(proof.jti_hash)]
        yield TURN
        client = _own_client(book, token_hash, proof)
        spend_proof(book, proof)
        return client

    return (await house.scribe.do(story)).outcome


def _own_client(book: Book, token_hash: bytes, proof: Proof) -> str:
    token = check_access(book.get(TOKEN, token_hash), jkt=proof.jkt, at=book.at)
    if token.kind != "client":
        raise InsufficientScope("ask with a token of the client itself (client_credentials)")
    return token.client
