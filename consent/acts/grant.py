"""A citizen answers: yes to what she ticked, or no. Either way the organisation gets an answer, and she a line."""

import hmac
from base64 import b64encode
from typing import Literal

import msgspec
from msgspec.structs import replace

from consent.grants.grant import Grant, version_of
from consent.grants.shown import Shown, page_bytes, terms_hash
from consent.oauth.step_up import SignIn
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import GRANT, GRANT_VERSION, KEYS, MANDATE, PURPOSE, REQUEST
from consent.storage.rows import AccessRequest
from consent.vault.keys import CitizenKeys, pairwise_id
from consent.words.actors import HERSELF, Actor
from consent.words.attributes import SPECIAL
from consent.words.errors import Forbidden, NotFound
from consent.words.ids import id_from, is_id
from consent.words.keyed import tag
from consent.words.purposes import Language

from .acting import asks_about, asks_for_whom, check_reach, of_mandate
from .amend import amend, asks_to_amend
from .approve import purpose_from
from .ask import Page, asks_to_show, own_request, page
from .ending import write_ending
from .house import House
from .reach import decides_herself

Trouble = Literal["nothing_chosen", "no_decision", "required_missing", "changed", "sign_in", "too_young"]


class Again(msgspec.Struct, frozen=True):
    """Nothing was shared: the page is shown once more, with what is missing."""

    page: Page
    trouble: Trouble


class Answered(msgspec.Struct, frozen=True):
    """It counts: `grant` is None after a no. The organisation hears it when she goes back (`lead_back`)."""

    request: str
    grant: str | None


async def answer(
    house: House,
    *,
    citizen: str,
    request: str,
    language: Language,
    decision: str | None,
    chosen: frozenset[str],
    seal: str,
    sign_in: SignIn | None = None,
    by: Actor = HERSELF,
) -> Answered | Again:
    """Take a citizen's answer to a request that she was shown.

    *decision* is "yes", "no" or anything else for neither; *chosen* are the names she ticked; *seal* is the keyed
    hash of the page she saw; *sign_in* is the one under which she answers, and *by* who does so in her name. Raises
    NotFound and Gone, and Forbidden when that is beyond a helper's mandate.
    """
    if not is_id(request):
        raise NotFound("there is no such request")

    def story(book: Book) -> Story[Answered | Again]:
        yield [REQUEST.one(request)]
        asked = book.get(REQUEST, request)
        if asked is None:
            raise NotFound("there is no such request")
        yield [
            *asks_to_show(asked, citizen),
            GRANT.by("for_purpose", citizen, asked.client, asked.purpose),
            MANDATE.by("of_citizen", citizen),
            *asks_about(by),
        ]
        running = book.get(GRANT, asked.amends) if asked.amends is not None else None
        yield [*asks_to_amend(running, chosen), *asks_for_whom(book, by)]
        yield TURN
        asked = own_request(book, request, citizen)
        seen = page(house, book, asked, citizen, language, sign_in)
        wrapped = book.get(KEYS, citizen)
        if wrapped is None:
            raise NotFound("there is no such request")
        keys = book.keys_of(wrapped)
        names = frozenset(asked.attributes)
        check_reach(book, by, "choose", citizen=citizen, organisation=asked.organisation, names=names)
        if decision == "no":
            return _decline(book, replace(asked, citizen=citizen), citizen, keys, by)
        trouble = _trouble(decision, chosen, seal, seen)
        hers = [one for one in book.known(MANDATE) if one.citizen == citizen]
        if decision == "yes" and by.kind != "guardian" and not decides_herself(hers, at=book.at):
            if by != HERSELF:  # a helper from before the parent came: he has no yes that she has not
                raise Forbidden("a child has no yes to lend")
            trouble = "too_young"
        if trouble is not None:
            return Again(seen, trouble)
        asked = replace(asked, citizen=citizen)
        change = seen.shown.change
        agreed = frozenset(change.stays) if change is not None and change.only_end else chosen
        grant = _give(house, book, asked, seen.shown, citizen, keys, agreed, language, by, sign_in)
        book.put(REQUEST, replace(asked, answered_at=book.at, answer="yes", grant=grant))
        return Answered(asked.id, grant)

    return (await house.scribe.do(story)).outcome


def _trouble(decision: str | None, chosen: frozenset[str], seal: str, seen: Page) -> Trouble | None:
    """Why a yes cannot be taken as it stands; the first that applies."""
    if decision != "yes":  # a bare Enter in a form sends neither button
        return "no_decision"
    if not hmac.compare_digest(seal.encode(), seen.seal.encode()) or not seen.shown.verified:
        return "changed"
    only_end = seen.shown.change is not None and seen.shown.change.only_end
    if seen.sign_in == "wanted" or (seen.sign_in == "special" and only_end):
        return "sign_in"
    if only_end:
        return None  # there was nothing to choose but yes or no
    offered = {item.name for item in seen.shown.items if item.value is not None}
    if not chosen <= offered:
        return "changed"
    if seen.sign_in == "special" and not chosen.isdisjoint(SPECIAL):
        return "sign_in"
    if not chosen:
        return "nothing_chosen"
    if any(item.required and item.name not in chosen for item in seen.shown.items):
        return "required_missing"
    return None


def _give(
    house: House,
    book: Book,
    asked: AccessRequest,
    shown: Shown,
    citizen: str,
    keys: CitizenKeys,
    chosen: frozenset[str],
    language: Language,
    by: Actor,
    sign_in: SignIn | None,
) -> str:
    """Write the grant and its entry, new or changed; a new one ends the one it replaces.

    One live grant a citizen, client and purpose.
    """
    purpose_row = book.get(PURPOSE, (asked.purpose, asked.purpose_version))
    if purpose_row is None:
        raise NotFound("the purpose is gone")
    terms = terms_hash(
        template=house.request_template, purpose=purpose_from(purpose_row.record), language=language
    )
    attributes = tuple(sorted(chosen))

    def detail(detail_key: bytes) -> dict[str, object]:
        filled_in = tag(detail_key, page_bytes(shown))
        said = {"sub": pairwise_id(keys.subject, asked.organisation), "page": b64encode(filled_in).decode()}
        return said | of_mandate(by)

    if asked.amends is not None:
        return amend(
            book,
            asked,
            keys=keys,
            attributes=attributes,
            until=shown.until,
            language=language,
            terms=terms,
            detail=detail,
            by=by,
            sign_in=sign_in,
        )
    before = book.live_grant(citizen, asked.client, asked.purpose)
    if before is not None:
        write_ending(book, before, "withdraw", keys=keys, by=by.kind, reason="replaced", told=of_mandate(by))
    nonce, log = book.chance(16), book.log_of(citizen)
    grant = Grant(
        id=id_from(book.chance(16)),
        citizen=citizen,
        organisation=asked.organisation,
        client=asked.client,
        purpose=asked.purpose,
        purpose_version=asked.purpose_version,
        attributes=attributes,
        language=language,
        terms=terms,
        granted_at=book.at,
        expires_at=shown.until,
        log=log.name,
        index=log.next_index,
        nonce=nonce,
        last=log.next_index,
        given_by=by.kind,
        acr=sign_in.acr if sign_in is not None else None,
        signed_in_at=sign_in.at if sign_in is not None else None,
    )

    book.record_event(
        "granted",
        citizen=citizen,
        keys=keys,
        grant=grant,
        attributes=attributes,
        by=by.kind,
        terms=grant.terms,
        nonce=nonce,
        detail=detail,
    )
    book.put(GRANT_VERSION, version_of(grant, by=by, at=book.at, index=grant.index))
    return grant.id


def _decline(book: Book, asked: AccessRequest, citizen: str, keys: CitizenKeys, by: Actor) -> Answered:
    """A no: her own line in the log, open to nobody else; `access_denied` for the organisation once she goes back.

    A grant that was to be changed stays as it was; the line says which.
    """
    kept = book.get(GRANT, asked.amends) if asked.amends is not None else None
    if kept is not None:
        kept = book.carry(kept, keys)  # the line says where it stands in this log
    book.record_event(
        "other",
        citizen=citizen,
        keys=keys,
        by=by.kind,
        detail=lambda _: (
            {
                "event": "declined",
                "org": asked.organisation,
                "purpose": f"{asked.purpose}@{asked.purpose_version}",
            }
            | ({"c": kept.index} if kept is not None else {})
            | of_mandate(by)
        ),
    )
    book.put(REQUEST, replace(asked, answered_at=book.at, answer="no"))
    return Answered(asked.id, None)
