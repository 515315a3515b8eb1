"""An organisation asks: it pushes a request, a citizen sees it in plain words. Nothing is shared by asking."""

import hmac
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec.structs import replace

from consent.grants import request as grant_request
from consent.grants.decide import for_herself
from consent.grants.grant import Grant
from consent.grants.shown import Held, Shown, keep_ticks, kept_ticks, page_seal, show
from consent.oauth.clients import is_registered_redirect
from consent.oauth.par import REQUEST_LIFE, PushedRequest
from consent.oauth.step_up import Demand, SignIn, is_enough, is_met
from consent.oauth.token import handle_from, handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.cases import Case
from consent.storage.kinds import (
    CASE,
    CITIZEN,
    CLIENT,
    GRANT,
    HOLDINGS,
    KEYS,
    ORGANISATION,
    PURPOSE,
    REQUEST,
    Ask,
)
from consent.storage.rows import AccessRequest
from consent.vault.keys import page_key
from consent.vault.seal import open_sealed
from consent.words.attributes import SPECIAL, value_from
from consent.words.decision import Refusal
from consent.words.errors import InvalidGrantId, InvalidRequestUri, NotFound, UnauthorizedClient
from consent.words.ids import id_from, is_id
from consent.words.instants import DAY, day
from consent.words.purposes import Language

from .advise import Advice, advise
from .approve import client_from, organisation_from, purpose_from
from .enquire import case_hash
from .house import House
from .notify import notify
from .once import Caller, asks, spend

ANSWER_LIFE = DAY


class Pushed(msgspec.Struct, frozen=True):
    """A request that waits for a citizen (RFC 9126 §2.2): the handle of its request_uri."""

    reference: str
    expires_at: int


async def push(house: House, caller: Caller, pushed: PushedRequest) -> Pushed:
    """Keep a checked request until a citizen answers or it expires.

    Raises InvalidAuthorizationDetails when it asks beyond an approved purpose, UnauthorizedClient when the
    operator's approval is gone, InvalidGrantId when it wants to change what is no running grant of this client.
    """
    asked = grant_request.read(pushed.authorization_details, issuer=house.issuer)
    amendment = pushed.amendment
    reference = handle_from(house.chance(32))

    def story(book: Book) -> Story[Pushed]:
        yield [
            *asks(caller),
            CLIENT.one(caller.client),
            PURPOSE.one(asked.purpose, asked.purpose_version),
            *([GRANT.one(amendment.grant)] if amendment is not None else []),
        ]
        client = book.get(CLIENT, caller.client)
        if client is None:
            raise UnauthorizedClient("this client is not known here")
        yield [ORGANISATION.one(client.organisation)]
        yield TURN
        client = book.get(CLIENT, caller.client)
        organisation = book.get(ORGANISATION, client.organisation) if client else None
        if client is None or organisation is None or "suspended" in (client.status, organisation.status):
            raise UnauthorizedClient("this client may not ask now; turn to the operator")
        grant = _running(book, amendment.grant, client.id) if amendment is not None else None
        wanted = asked
        if grant is not None and amendment is not None:
            wanted = grant_request.amended(asked, grant, adds=amendment.how == "merge")
        row = book.get(PURPOSE, (asked.purpose, asked.purpose_version))
        approved = purpose_from(row.record) if row is not None and row.status == "approved" else None
        grant_request.check(wanted, approved, organisation=client.organisation)
        spend(book, caller)
        expires_at = book.at + REQUEST_LIFE
        request = id_from(book.chance(16))
        if pushed.case is not None:
            hashed = case_hash(house, client.organisation, pushed.case)
            book.put(CASE, Case(request=request, hash=hashed, asked_at=book.at))
        book.put(
            REQUEST,
            AccessRequest(
                id=request,
                reference=handle_hash(reference),
                client=client.id,
                organisation=client.organisation,
                purpose=asked.purpose,
                purpose_version=asked.purpose_version,
                attributes=wanted.attributes,
                duration_days=wanted.duration_days,
                redirect_uri=pushed.redirect_uri,
                code_challenge=pushed.code_challenge,
                state=pushed.state,
                dpop_jkt=pushed.dpop_jkt,
                response_mode=pushed.response_mode,
                asked_at=book.at,
                expires_at=expires_at,
                amends=grant.id if grant is not None else None,
                amends_version=grant.version if grant is not None else None,
                acr=pushed.sign_in.acr,
                max_age=pushed.sign_in.max_age,
            ),
        )
        if grant is not None:
            notify(book, grant.citizen, "change_asked", grant=grant, once=str(day(book.at)))
        return Pushed(reference, expires_at)

    return (await house.scribe.do(story)).outcome


def _running(book: Book, grant: str, client: str) -> Grant:
    """A live grant of this client; foreign, unknown, ended and erased ones look alike. Raises InvalidGrantId."""
    found = book.get(GRANT, grant)
    if found is None or found.client != client or not found.is_live(at=book.at):
        raise InvalidGrantId(
            "there is no running grant of this client with this grant_id; ask anew, without it"
        )
    return found


async def find(house: House, *, client: str, reference: str) -> AccessRequest:
    """The pushed request behind a request_uri, for the browser that brings it.

    Raises InvalidRequestUri for one that is unknown, expired, answered, or another client's: they look alike.
    """
    rows = await house.store.read("request.by_reference", handle_hash(reference))
    found = REQUEST.from_row(rows[0]) if rows else None
    if (
        found is None
        or found.client != client
        or found.asked_at + REQUEST_LIFE <= house.clock()
        or found.answered_at is not None
    ):
        raise InvalidRequestUri("this request_uri is unknown or can no longer be used")
    return found


async def who_asks(house: House, request: str) -> str | None:
    """The name of the organisation behind a request, for the sign-in page; None for an unknown one."""
    rows = await house.store.read(REQUEST.get, request) if is_id(request) else []
    if not rows:
        return None
    (row,) = await house.store.read(ORGANISATION.get, REQUEST.from_row(rows[0]).organisation)
    return organisation_from(ORGANISATION.from_row(row).record).name


Halted = Literal["organisation", "purpose"]


class Page(msgspec.Struct, frozen=True):
    """What she sees, and the keyed hash that her answer has to bring back.

    `sign_in` says why her sign-in is not enough for a yes: they wanted a better or younger one ("wanted"), or
    something is special ("special": the rest she may share). A no never takes more than being signed in.
    """

    request: AccessRequest
    shown: Shown
    seal: str
    sign_in: Literal["wanted", "special"] | None
    halted: Halted | None  # what the operator suspended meanwhile: then there is no yes
    advice: Advice
    ticked: frozenset[str] | None = None  # what she ticked before she went away from the page


class Gone(NotFound):
    """A request that can no longer be answered; `reason` says it to her, and only to her."""

    def __init__(self, reason: str) -> None:
        super().__init__("this request can no longer be answered")
        self.reason = reason


async def look(
    house: House,
    *,
    citizen: str,
    request: str,
    language: Language,
    sign_in: SignIn | None = None,
    ticked: str = "",
    filled: str = "",
) -> Page:
    """Show a request to a signed-in citizen; the first who looks is the one it is for.

    *ticked*: what `keep` gave out before she went away from the page. It ticks what she had ticked on this very page,
    if nothing changed on it but the item *filled*.
    *sign_in*: how she signed in; None, for somebody whose sign-in nobody knows, is never enough where it matters.

    Raises NotFound for a request that is not hers, Gone for hers that is answered or expired.
    """
    if not is_id(request):
        raise NotFound("there is no such request")

    def story(book: Book) -> Story[Page]:
        yield [REQUEST.one(request)]
        asked = book.get(REQUEST, request)
        if asked is None:
            raise NotFound("there is no such request")
        yield asks_to_show(asked, citizen)
        yield TURN
        asked = own_request(book, request, citizen)
        if asked.citizen is None:
            # The link works for minutes (FAPI 2.0 §5.3.2.2-12); she may take her time, or fetch help - but a yes
            # after the day until which it was asked would be over before it began.
            latest = grant_request.until(_asked(asked), at=asked.asked_at)
            asked = replace(asked, citizen=citizen, expires_at=min(book.at + ANSWER_LIFE, latest))
            book.put(REQUEST, asked)
        seen, keys = page(house, book, asked, citizen, language, sign_in), book.get(KEYS, citizen)
        if keys is None or not ticked:
            return seen
        key = page_key(book.keys_of(keys).subject)
        return replace(seen, ticked=kept_ticks(_without(seen.shown, filled), ticked, key=key))

    return (await house.scribe.do(story)).outcome


async def keep(
    house: House,
    *,
    citizen: str,
    request: str,
    language: Language,
    chosen: frozenset[str],
    seal: str,
    filling: str = "",
) -> str:
    """What she *chose* so far on the page with this *seal*, for `look` when she comes back; "" for another page.

    *filling* is the item that she goes to fill in. What is special is left out: its tick comes after the sign-in, by
    itself. Nothing is stored, and nothing is shared. Raises NotFound and Gone.
    """
    if not is_id(request):
        raise NotFound("there is no such request")

    def story(book: Book) -> Story[str]:
        yield [REQUEST.one(request)]
        asked = book.get(REQUEST, request)
        if asked is None:
            raise NotFound("there is no such request")
        yield asks_to_show(asked, citizen)
        yield TURN
        seen = page(house, book, own_request(book, request, citizen), citizen, language)
        keys = book.get(KEYS, citizen)
        if keys is None or not hmac.compare_digest(seal.encode(), seen.seal.encode()):
            return ""
        kept_for = _without(seen.shown, filling)
        return keep_ticks(kept_for, chosen - SPECIAL, key=page_key(book.keys_of(keys).subject))

    return (await house.scribe.do(story)).outcome


def _without(shown: Shown, name: str) -> Shown:
    """The page but for one item: what stays the same while she fills it in."""
    return replace(shown, items=tuple(item for item in shown.items if item.name != name))


def asks_to_show(asked: AccessRequest, citizen: str) -> list[Ask]:
    """The rows that `page` needs."""
    return [
        CITIZEN.one(citizen),
        KEYS.one(citizen),
        HOLDINGS.one(citizen),
        CLIENT.one(asked.client),
        ORGANISATION.one(asked.organisation),
        PURPOSE.one(asked.purpose, asked.purpose_version),
        *([GRANT.one(asked.amends)] if asked.amends is not None else []),
    ]


def own_request(book: Book, request: str, citizen: str) -> AccessRequest:
    """Her request, still open. Raises NotFound and Gone.

    Who asks to change a grant asks the person who gave it, about the grant as it was then: a link that somebody else
    opens is nothing, and an answer to what is no longer so changes nothing.
    """
    asked = book.get(REQUEST, request)
    if asked is None or asked.citizen not in (None, citizen):
        raise NotFound("there is no such request")
    grant = book.get(GRANT, asked.amends) if asked.amends is not None else None
    if asked.amends is not None and (grant is None or grant.citizen != citizen):
        raise NotFound("there is no such request")
    if asked.answered_at is not None:
        raise Gone("answered")
    if asked.expires_at <= book.at:
        raise Gone("expired")
    if grant is not None and (grant.version != asked.amends_version or not grant.is_live(at=book.at)):
        raise Gone("changed")
    return asked


def page(
    house: House,
    book: Book,
    asked: AccessRequest,
    citizen: str,
    language: Language,
    sign_in: SignIn | None = None,
) -> Page:
    """Build what the page shows from the rows as they are now. Raises Gone when the approval was taken away."""
    purpose_row = book.get(PURPOSE, (asked.purpose, asked.purpose_version))
    organisation_row = book.get(ORGANISATION, asked.organisation)
    client_row = book.get(CLIENT, asked.client)
    wrapped = book.get(KEYS, citizen)
    person = book.get(CITIZEN, citizen)
    if person is None or person.status != "active":  # who is leaving gives nothing any more
        raise Gone("not_found")
    if purpose_row is None or organisation_row is None or client_row is None or wrapped is None:
        raise Gone("not_found")
    if not is_registered_redirect(asked.redirect_uri, client_from(client_row)):
        # Taken out since it was asked: no answer goes there any more, neither a code nor a no.
        raise Gone("not_found")
    keys = book.keys_of(wrapped)
    permit = for_herself(citizen, frozenset(asked.attributes), signed_in=citizen)
    holdings = book.get(HOLDINGS, citizen)
    held = {}
    cipher = AESGCM(keys.data.reveal())
    for name in asked.attributes:
        sealed = holdings.get(name) if holdings is not None else None
        if sealed is None or isinstance(permit, Refusal):
            continue
        held[name] = Held(
            name=name,
            version=sealed.version,
            value=value_from(open_sealed(permit, sealed, cipher=cipher).value),
            source=sealed.source,
            as_of=sealed.as_of,
        )
    purpose = purpose_from(purpose_row.record)
    halted: Halted | None = None
    if "suspended" in (organisation_row.status, client_row.status):
        halted = "organisation"
    elif purpose_row.status == "suspended":
        halted = "purpose"
    shown = show(
        request=asked.id,
        asked=_asked(asked),
        asked_at=asked.asked_at,
        purpose=purpose,
        organisation=organisation_from(organisation_row.record),
        verified=halted is None,
        held=held,
        language=language,
        running=book.get(GRANT, asked.amends) if asked.amends is not None else None,
    )
    again = _sign_in_again(house, asked, shown, sign_in, at=book.at)
    seal = page_seal(shown, key=page_key(keys.subject))
    return Page(asked, shown, seal, again, halted, advise(shown))


def _sign_in_again(
    house: House, asked: AccessRequest, shown: Shown, sign_in: SignIn | None, *, at: int
) -> Literal["wanted", "special"] | None:
    demand, fresh = Demand(asked.acr, asked.max_age), house.step_up.fresh
    if not is_met(demand, sign_in, asked_at=asked.asked_at, at=at, fresh=fresh):
        return "wanted"
    # Whoever finds her browser open must not give away what is delicate, whatever the organisation asked for.
    is_special = any(item.special and item.value is not None for item in shown.items)
    return "special" if is_special and not is_enough(house.step_up, sign_in, at=at) else None


def _asked(asked: AccessRequest) -> grant_request.Asked:
    return grant_request.Asked(
        purpose=asked.purpose,
        purpose_version=asked.purpose_version,
        attributes=asked.attributes,
        duration_days=asked.duration_days,
    )
