"""An organisation says what it used disclosed attributes for; the citizen reads it as one sentence.

One entry a grant, template and day. A use without a live grant is refused.
"""

import msgspec

from consent.grants.decide import decide_use
from consent.grants.use import because
from consent.oauth.dpop import Proof
from consent.oauth.token import check_access
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, DISCLOSED, GRANT, KEYS, ORGANISATION, PURPOSE, TOKEN, USE, USED
from consent.storage.rows import Disclosed, Use
from consent.vault.keys import pairwise_id
from consent.words.errors import BadInput, InsufficientScope, InvalidToken, NotFound
from consent.words.ids import id_from, is_id, is_slug
from consent.words.instants import day
from consent.words.purposes import Text

from .approve import organisation_from, purpose_of
from .house import House
from .once import spend_proof
from .refuse import asks_for_refusal, record_refusal
from .standing import standing_of

MOST_DISCLOSURES = 100


class Registered(msgspec.Struct, frozen=True):
    """A use, its sentence in both languages, and the id under which the citizen finds it."""

    use: str
    because: Text


class Refused(msgspec.Struct, frozen=True):
    """No live grant stands behind it."""

    reason: str


async def use(
    house: House, *, token_hash: bytes, proof: Proof, disclosures: tuple[str, ...], template: str
) -> Registered | Refused:
    """Register a use of one grant's disclosures.

    Raises BadInput (another grant's disclosures mixed in, an unknown template), NotFound (a disclosure that is not
    this client's), InvalidToken, InsufficientScope, InvalidDpopProof.
    """
    if not 1 <= len(disclosures) <= MOST_DISCLOSURES or len(set(disclosures)) != len(disclosures):
        raise BadInput("name between 1 and 100 disclosures, each once")
    if not all(is_id(name) for name in disclosures):
        raise NotFound("there is no such disclosure")
    if not is_slug(template):  # a database need not see anything else
        raise BadInput("the purpose has no such template")

    def story(book: Book) -> Story[Registered | Refused]:
        yield [
            TOKEN.one(token_hash),
            USED.one(proof.jti_hash),
            *[DISCLOSED.one(name) for name in disclosures],
        ]
        token = check_access(book.get(TOKEN, token_hash), jkt=proof.jkt, at=book.at)
        first = _own(book, disclosures[0], token.client)
        yield [GRANT.one(first.grant), USE.one(first.grant, template, day(book.at))]
        grant = book.get(GRANT, first.grant)
        if grant is None:
            raise NotFound("there is no such disclosure")
        yield [
            KEYS.one(grant.citizen),
            CLIENT.one(grant.client),
            ORGANISATION.one(grant.organisation),
            PURPOSE.one(grant.purpose, grant.purpose_version),
            asks_for_refusal(grant),
        ]
        yield TURN
        token = check_access(book.get(TOKEN, token_hash), jkt=proof.jkt, at=book.at)
        if token.kind == "batch":
            raise InsufficientScope("a token for batches is for nothing else")
        if token.grant not in (None, first.grant):
            raise InvalidToken("this token belongs to another grant")
        given = [_own(book, name, token.client) for name in disclosures]
        if any(one.grant != first.grant for one in given):
            raise BadInput("the disclosures of one use belong to one grant")
        grant = book.get(GRANT, first.grant)
        wrapped = book.get(KEYS, grant.citizen) if grant is not None else None
        organisation = book.get(ORGANISATION, grant.organisation) if grant is not None else None
        if grant is None or wrapped is None or organisation is None:
            raise NotFound("there is no such disclosure")
        keys = book.keys_of(wrapped)
        attributes = tuple(sorted({name for one in given for name, _ in one.items}))
        newest = max(one.at for one in given)
        today = day(book.at)
        known = book.get(USE, (grant.id, template, today))
        sentence = because(
            template,
            purpose=purpose_of(book, grant),
            organisation=organisation_from(organisation.record),
            # The organisation gets the sentence that she reads, also when today's use named other disclosures.
            attributes=known.attributes if known is not None else attributes,
            disclosed_at=known.disclosed_at if known is not None else newest,
        )
        if sentence is None:
            raise BadInput("the purpose has no such template")
        spend_proof(book, proof)
        refusal = decide_use(
            # Today's entry names its own attributes in the sentence: it needs them as much as these.
            frozenset(attributes) | frozenset(known.attributes if known is not None else ()),
            grant,
            client=token.client,
            standing=standing_of(book, grant),
            at=book.at,
        )
        if refusal is not None:
            record_refusal(book, grant, keys, refusal)
            return Refused(refusal.reason)
        if known is not None:
            return Registered(known.id, sentence)
        index, _ = book.record_event(
            "used",
            citizen=grant.citizen,
            keys=keys,
            grant=grant,
            attributes=attributes,
            by="organisation",
            detail=lambda _: {
                "sub": pairwise_id(keys.subject, grant.organisation),
                "template": template,
                "disclosures": sorted(disclosures),
            },
        )
        name = id_from(book.chance(16))
        book.put(
            USE,
            Use(
                id=name,
                grant=grant.id,
                citizen=grant.citizen,
                template=template,
                day=today,
                log=book.log_of(grant.citizen).name,
                index=index,
                disclosures=tuple(sorted(disclosures)),
                attributes=attributes,
                disclosed_at=newest,
                at=book.at,
            ),
        )
        return Registered(name, sentence)

    return (await house.scribe.do(story)).outcome


def _own(book: Book, disclosure: str, client: str) -> Disclosed:
    found = book.get(DISCLOSED, disclosure)
    if found is None or found.client != client:
        raise NotFound("there is no such disclosure")
    return found
