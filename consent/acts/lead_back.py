"""Lead her back to whoever asked: with a code after a yes, with a no after a no, and only when she goes.

The code is born at this tap, not at her yes. She reads her receipt as long as she likes, and the code's minute
(FAPI 2.0 §5.3.2.1-11) still begins when her browser leaves for the organisation.
"""

import msgspec
from msgspec.structs import replace

from consent.grants.shown import ShownContact, ShownOrganisation, shown_contact, shown_organisation
from consent.oauth import jarm
from consent.oauth.authorize import error_redirect, signed_redirect, success_redirect
from consent.oauth.clients import is_registered_redirect
from consent.oauth.jarm import response_claims
from consent.oauth.jose import sign_jws
from consent.oauth.par import CODE_LIFE
from consent.oauth.token import Code, handle_from, handle_hash
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import CLIENT, CODE, GRANT, ORGANISATION, PURPOSE, REQUEST
from consent.storage.rows import AccessRequest
from consent.words.errors import NotFound
from consent.words.ids import is_id
from consent.words.instants import DAY
from consent.words.purposes import Language

from .approve import client_from, organisation_from, purpose_from
from .house import House

WAY_BACK_LIFE = DAY


async def lead_back(house: House, *, citizen: str, request: str) -> str:
    """Where her browser goes now: the address that the organisation registered, with its answer.

    Every tap makes a new code and spends the one before it, until the organisation has used one. Raises NotFound for a
    request that is not hers, is not answered or was answered long ago, and once the organisation has its answer.
    """
    if not is_id(request):
        raise NotFound("there is no such request")
    handle = handle_from(house.chance(32))

    def story(book: Book) -> Story[str]:
        yield [REQUEST.one(request)]
        asked = _answered(book, request, citizen)
        yield [
            CLIENT.one(asked.client),
            *([GRANT.one(asked.grant)] if asked.grant is not None else []),
            *([CODE.one(asked.code)] if asked.code is not None else []),
        ]
        yield TURN
        asked = _answered(book, request, citizen)
        client = book.get(CLIENT, asked.client)
        if client is None or not is_registered_redirect(asked.redirect_uri, client_from(client)):
            raise NotFound("nothing leads back there any more")  # taken out since it was asked
        grant = book.get(GRANT, asked.grant) if asked.grant is not None else None
        if grant is None or not grant.is_live(at=book.at):
            return _address(
                house, asked, error="access_denied", at=book.at
            )  # also when she stopped meanwhile
        if asked.code is not None:
            before = book.get(CODE, asked.code)
            if before is None or before.used_at is not None:
                raise NotFound("the organisation has this answer")
            book.put(CODE, replace(before, used_at=book.at))
        code = Code(
            hash=handle_hash(handle),
            request=asked.id,
            grant=grant.id,
            client=asked.client,
            redirect_uri=asked.redirect_uri,
            code_challenge=asked.code_challenge,
            jkt=asked.dpop_jkt,
            expires_at=book.at + CODE_LIFE,
            used_at=None,
        )
        book.put(CODE, code)
        book.put(REQUEST, replace(asked, code=code.hash))
        return _address(house, asked, code=handle, at=book.at)

    return (await house.scribe.do(story)).outcome


def _answered(book: Book, request: str, citizen: str) -> AccessRequest:
    asked = book.get(REQUEST, request)
    if asked is None or asked.citizen != citizen or not _leads_back(asked, at=book.at):
        raise NotFound("there is no such request")
    return asked


def _leads_back(asked: AccessRequest, *, at: int) -> bool:
    return asked.answered_at is not None and at < asked.answered_at + WAY_BACK_LIFE


def _address(
    house: House, asked: AccessRequest, *, at: int, code: str | None = None, error: str | None = None
) -> str:
    """A code or an error, in the form that the organisation asked for."""
    uri, state, issuer = asked.redirect_uri, asked.state, house.issuer
    if asked.response_mode == "jwt":
        answer = {"code": code, "error": error, "state": state}
        claims = response_claims(answer, issuer=issuer, client=asked.client, at=at)
        return signed_redirect(uri, response=sign_jws(claims, key=house.server_key, type=jarm.TYPE))
    if code is not None:
        return success_redirect(uri, code=code, state=state, issuer=issuer)
    return error_redirect(uri, error=error or "server_error", state=state, issuer=issuer)


class Untold(msgspec.Struct, frozen=True):
    """A yes that its organisation does not know of yet: `request` leads back."""

    request: str
    grant: str


async def untold(house: House, *, citizen: str) -> tuple[Untold, ...]:
    """Her answers of yes that wait for her to go back, the newest first."""
    since = house.clock() - WAY_BACK_LIFE
    return tuple(Untold(*row) for row in await house.store.read("request.untold", citizen, since))


class Declined(msgspec.Struct, frozen=True, kw_only=True):
    """Her no, as the page after it says it. `until` is the end of what she shares already, None for nothing."""

    request: str
    organisation: ShownOrganisation
    other_way: str
    contact: ShownContact
    until: int | None
    leads_back: bool


async def declined(house: House, *, citizen: str, request: str, language: Language) -> Declined:
    """The page after a no. Raises NotFound for a request that is not hers or that she did not say no to."""
    rows = await house.store.read(REQUEST.get, request) if is_id(request) else []
    asked = REQUEST.from_row(rows[0]) if rows else None
    if asked is None or asked.citizen != citizen or asked.answer != "no":
        raise NotFound("there is no such request")
    (organisation,) = await house.store.read(ORGANISATION.get, asked.organisation)
    (purpose_row,) = await house.store.read(PURPOSE.get, asked.purpose, asked.purpose_version)
    purpose = purpose_from(PURPOSE.from_row(purpose_row).record)
    running = await house.store.read(GRANT.get, asked.amends) if asked.amends is not None else []
    at = house.clock()
    grant = GRANT.from_row(running[0]) if running else None
    return Declined(
        request=asked.id,
        organisation=shown_organisation(organisation_from(ORGANISATION.from_row(organisation).record)),
        other_way=purpose.other_way.in_language(language),
        contact=shown_contact(purpose.contact, language),
        until=grant.expires_at if grant is not None and grant.is_live(at=at) else None,
        leads_back=_leads_back(asked, at=at),
    )


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """A request of hers that can no longer be answered, for the page that says so."""

    organisation: str
    website: str
    asked_at: int
    expires_at: int
    answer: str | None
    answered_at: int | None
    grant: str | None  # what her yes gave or changed


async def past(house: House, *, citizen: str, request: str) -> Past | None:
    """What there was of it, when she had looked at it; None for what is not hers, as for what never was."""
    rows = await house.store.read(REQUEST.get, request) if is_id(request) else []
    asked = REQUEST.from_row(rows[0]) if rows else None
    if asked is None or asked.citizen != citizen:
        return None
    (organisation,) = await house.store.read(ORGANISATION.get, asked.organisation)
    known = organisation_from(ORGANISATION.from_row(organisation).record)
    return Past(
        organisation=known.name,
        website=known.website,
        asked_at=asked.asked_at,
        expires_at=asked.expires_at,
        answer=asked.answer,
        answered_at=asked.answered_at,
        grant=asked.grant,
    )
