"""Somebody helps a citizen, signed in as himself: what he sees is sifted, what he does carries his mandate.

Every function begins with a `Helping`, and only `standing` makes one: after it asked how far he reaches, now.
"""

import msgspec
from msgspec.structs import replace

from consent.grants.grant import Grant
from consent.oauth.step_up import SignIn
from consent.storage.kinds import CITIZEN, GRANT, MANDATE, REQUEST
from consent.storage.mandates import Mandate
from consent.storage.rows import AccessRequest
from consent.words.actors import Actor
from consent.words.errors import Forbidden, NotFound
from consent.words.ids import is_id
from consent.words.purposes import Language

from . import ask as asking
from . import grant as granting
from . import lead_back as leading
from . import withdraw as withdrawing
from .acting import works_for
from .hold import Editable, Holding, editable, holding, keep, organisation_name
from .house import House
from .join import roles_of
from .mandate import names_of
from .overview import Card, OpenRequest, overview
from .reach import Deed, hidden, reach
from .receipt import own_grant
from .timeline import Month, timeline


class Helping(msgspec.Struct, frozen=True, kw_only=True):
    """Whom he helps now: under which mandate, what he calls her, and how far he reaches."""

    mandate: Mandate
    name: str
    may: str
    actor: Actor
    works_for: frozenset[str] = frozenset()

    def can(
        self,
        deed: Deed,
        *,
        at: int,
        organisation: str | None = None,
        names: frozenset[str] = frozenset(),
    ) -> bool:
        """Whether it is in his reach."""
        no = reach(
            self.mandate,
            deed,
            who=self.mandate.helper or "",
            at=at,
            organisation=organisation,
            names=names,
            works_for=self.works_for,
        )
        return no is None

    def sees(self, names: tuple[str, ...] | frozenset[str], *, at: int) -> tuple[str, ...]:
        """Those of these attributes that he sees."""
        unseen = hidden(self.mandate, names, at=at)
        return tuple(name for name in names if name not in unseen)


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """What waits, what she shares, and how many questions only she can answer."""

    requests: tuple[OpenRequest, ...]
    for_her: int
    grants: tuple[Card, ...]


async def standing(house: House, *, helper: str, mandate: str, deed: Deed = "look") -> Helping:
    """Let him in. Raises NotFound for a foreign, unknown or ended mandate, all alike; Forbidden beyond a live one."""
    found = await house.store.read(MANDATE.get, mandate) if is_id(mandate) else []
    row = MANDATE.from_row(found[0]) if found else None
    at = house.clock()
    if row is None or reach(row, "look", who=helper, at=at) is not None:
        raise NotFound("there is no such mandate")
    if CITIZEN.from_row((await house.store.read(CITIZEN.get, row.citizen))[0]).status != "active":
        raise NotFound("there is no such mandate")
    if reach(row, deed, who=helper, at=at) is not None:
        raise Forbidden("beyond the mandate")
    may = "look" if reach(row, "stop", who=helper, at=at) is not None else row.may
    names = await names_of(house, row)
    return Helping(
        mandate=row,
        name=names.citizen,
        may=may,
        actor=Actor(kind=row.kind, id=row.id),
        works_for=works_for(await roles_of(house, helper)),
    )


async def home(house: House, helping: Helping, *, language: Language) -> Home:
    """Her overview, without what he is not to see."""
    her, at = helping.mandate.citizen, house.clock()
    seen = await overview(house, citizen=her, language=language)
    requests, for_her = [], 0
    for one in seen.requests:
        asked = REQUEST.from_row((await house.store.read(REQUEST.get, one.id))[0])
        if _may_answer(helping, asked, at=at):
            requests.append(one)
        elif not helping.mandate.organisations or asked.organisation in helping.mandate.organisations:
            for_her += 1
    cards = []
    for card in seen.grants:
        grant = await own_grant(house, her, card.id)
        if _sees_grant(helping, grant, at=at):
            kept = helping.sees(grant.attributes, at=at)
            labels = tuple(
                label for name, label in zip(grant.attributes, card.labels, strict=True) if name in kept
            )
            cards.append(replace(card, labels=labels))
    return Home(requests=tuple(requests), for_her=for_her, grants=tuple(cards))


async def what_happened(house: House, helping: Helping, *, language: Language) -> list[Month]:
    """Her timeline, sifted: nothing about other helpers, nothing about what is hidden from him."""
    her, at = helping.mandate.citizen, house.clock()
    grants = [GRANT.from_row(row) for row in await house.store.read("grant.of_citizen", her)]
    in_sight = {grant.id for grant in grants if _sees_grant(helping, grant, at=at)}
    months = []
    for month in (await timeline(house, citizen=her, language=language)).months:
        lines = []
        for line in month.lines:
            if line.org is None or line.grant is None or line.grant not in in_sight:
                continue
            unseen = hidden(helping.mandate, line.names, at=at)
            if unseen and (not line.labels or unseen == set(line.names)):
                continue
            if unseen:
                kept = helping.sees(line.names, at=at)
                labels = tuple(
                    text for name, text in zip(line.names, line.labels, strict=True) if name in kept
                )
                line = replace(line, labels=labels)
            lines.append(line)
        if lines:
            months.append(Month(month.name, tuple(lines)))
    return months


async def data(house: House, helping: Helping, *, language: Language) -> Holding:
    """Her values, as far as he sees them: with a mandate for some organisations only what those may see.

    What may be added is only for a parent.
    """
    her, at = helping.mandate.citizen, house.clock()
    kept = await holding(house, citizen=her, language=language)
    names = helping.sees(tuple(item.name for item in kept.items), at=at)
    only = helping.mandate.organisations
    meant = {await organisation_name(house, one) for one in only}
    fills_in = helping.can("fill_in", at=at)
    items = []
    for item in kept.items:
        seen_by = tuple(name for name in item.seen_by if not only or name in meant)
        if item.name in names and (seen_by or not only):
            items.append(replace(item, seen_by=seen_by, mine=item.mine and fills_in))
    return Holding(tuple(items), kept.addable if fills_in else ())


async def fill_in(house: House, helping: Helping, *, name: str, text: str) -> None:
    """A parent keeps something for the child. Raises BadInput, NotFound, Forbidden."""
    await keep(house, citizen=helping.mandate.citizen, name=name, text=text, by=helping.actor)


async def blank(house: House, helping: Helping, *, name: str, language: Language) -> Editable:
    """The form for that. Raises NotFound, Forbidden."""
    return await editable(house, citizen=helping.mandate.citizen, name=name, language=language)


async def stop(house: House, helping: Helping, *, grant: str) -> None:
    """Stop a grant of hers. Raises NotFound also for one that he does not see, Forbidden beyond the mandate."""
    given = await own_grant(house, helping.mandate.citizen, grant)
    if not _sees_grant(helping, given, at=house.clock()):
        raise NotFound("there is no such grant")
    await withdrawing.withdraw(house, citizen=helping.mandate.citizen, grant=grant, by=helping.actor)


async def stopped(house: House, helping: Helping, *, grant: str) -> tuple[str, int] | None:
    """After a stop: the organisation's name, and when it ended; None for one that runs. Raises NotFound."""
    given = await own_grant(house, helping.mandate.citizen, grant)
    if not _sees_grant(helping, given, at=house.clock()):
        raise NotFound("there is no such grant")
    if given.ended_at is None:
        return None
    return await organisation_name(house, given.organisation), given.ended_at


async def look(
    house: House, helping: Helping, *, request: str, language: Language, sign_in: SignIn | None
) -> asking.Page:
    """A question to her, for him to answer. Raises NotFound, Gone."""
    await _check_question(house, helping, request)
    return await asking.look(
        house,
        citizen=helping.mandate.citizen,
        request=request,
        language=language,
        sign_in=sign_in,
        ticked="",
    )


async def answer(
    house: House,
    helping: Helping,
    *,
    request: str,
    language: Language,
    decision: str | None,
    chosen: frozenset[str],
    seal: str,
    sign_in: SignIn | None,
) -> granting.Answered | granting.Again:
    """Answer a question in her name. Raises NotFound, Gone, Forbidden."""
    await _check_question(house, helping, request)
    return await granting.answer(
        house,
        citizen=helping.mandate.citizen,
        request=request,
        language=language,
        decision=decision,
        chosen=chosen,
        seal=seal,
        sign_in=sign_in,
        by=helping.actor,
    )


class Said(msgspec.Struct, frozen=True):
    """An answer that counts."""

    request: str
    organisation: str
    answer: str


class Child(msgspec.Struct, frozen=True):
    """For whom a parent may answer a question: under which mandate, and what he calls the child."""

    mandate: str
    name: str


async def children(house: House, *, parent: str, request: str) -> list[Child]:
    """For whom *parent* may answer a question that nobody has looked at yet; no longer, once somebody has."""
    rows = await house.store.read(REQUEST.get, request) if is_id(request) else []
    asked = REQUEST.from_row(rows[0]) if rows else None
    if asked is None or asked.citizen is not None or asked.amends is not None:
        return []
    found = []
    for row in await house.store.read("mandate.of_helper", parent):
        mandate = MANDATE.from_row(row)
        if mandate.kind != "guardian" or reach(mandate, "choose", who=parent, at=house.clock()) is not None:
            continue
        try:
            helping = await standing(house, helper=parent, mandate=mandate.id, deed="choose")
        except NotFound:
            continue  # the child's account is being erased
        if _may_answer(helping, asked, at=house.clock()):
            found.append(Child(mandate.id, helping.name))
    return found


async def answered(house: House, helping: Helping, *, request: str) -> Said:
    """An answered question of hers. Raises NotFound."""
    await _check_question(house, helping, request)
    asked = REQUEST.from_row((await house.store.read(REQUEST.get, request))[0])
    if asked.answer is None:
        raise NotFound("there is no such request")
    return Said(asked.id, await organisation_name(house, asked.organisation), asked.answer)


async def lead_back(house: House, helping: Helping, *, request: str) -> str:
    """Where his browser takes the answer. Raises NotFound."""
    await _check_question(house, helping, request)
    return await leading.lead_back(house, citizen=helping.mandate.citizen, request=request)


async def _check_question(house: House, helping: Helping, request: str) -> None:
    """A question that he may not answer looks like none at all. Raises NotFound."""
    rows = await house.store.read(REQUEST.get, request) if is_id(request) else []
    asked = REQUEST.from_row(rows[0]) if rows else None
    # Only what she has looked at herself: a link that he was sent makes nothing hers. A parent brings the child's.
    whose = (
        (helping.mandate.citizen, None) if helping.mandate.kind == "guardian" else (helping.mandate.citizen,)
    )
    if asked is None or asked.citizen not in whose or not _may_answer(helping, asked, at=house.clock()):
        raise NotFound("there is no such request")


def _may_answer(helping: Helping, asked: AccessRequest, *, at: int) -> bool:
    return helping.can("choose", at=at, organisation=asked.organisation, names=frozenset(asked.attributes))


def _sees_grant(helping: Helping, grant: Grant, *, at: int) -> bool:
    """A grant of which all is hidden is hidden whole: who it is for says enough."""
    only = helping.mandate.organisations
    return bool(helping.sees(grant.attributes, at=at)) and (not only or grant.organisation in only)
