"""Somebody at an organisation writes a purpose, as long as it takes; then an operator reads it.

What is saved may be unfinished. What is proposed is whole and plain: each fault names the field it is about.
"""

from typing import Literal

import msgspec

from consent.grants.request import Asked
from consent.grants.shown import Shown, show
from consent.storage.book import TURN, Book, Story
from consent.storage.kinds import DRAFT, ORGANISATION, PROPOSAL, PURPOSE
from consent.storage.members import Draft
from consent.storage.rows import Proposal
from consent.storage.store import Statement
from consent.words.attributes import CATALOGUE
from consent.words.canonical import canonical
from consent.words.errors import BadInput, Conflict, NotFound, OutOfDate
from consent.words.ids import is_slug
from consent.words.purposes import (
    Language,
    Organisation,
    Text,
)

from .approve import organisation_from, purpose_from
from .house import House
from .join import Role, as_member
from .operate import Operator, write_down
from .propose import asks_to_propose, keep_proposal, versions_of
from .scribe import Deed
from .sketch import BASES, MOST_ITEMS, Fault, Sketch, drafted, empty, faults, invented, sketch_of

WRITERS: tuple[Role, ...] = ("owner", "editor")
MOST_DRAFTS = 20


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """A draft on the page where it is written."""

    purpose: str
    sketch: Sketch
    revision: int
    faults: tuple[Fault, ...]


def begin_draft(citizen: str, organisation: str, purpose: str) -> Deed[None]:
    """A deed that begins a draft: empty, or with the newest words that this purpose has. One that is there stays.

    Raises BadInput for a name that cannot be, Conflict for one of another organisation or too many drafts, NotFound.
    """

    def act(by: Operator) -> Deed[None]:
        def story(book: Book) -> Story[None]:
            drafts = DRAFT.by("of_organisation", organisation)
            yield [drafts, *asks_to_propose(organisation, purpose)]
            yield TURN
            if not is_slug(purpose):
                raise BadInput("purpose: a-z, 0-9 and hyphens, at most 64")
            mine = [one for one in book.known(DRAFT) if one.organisation == organisation]
            if any(one.purpose == purpose for one in mine):
                return
            versions = versions_of(book, purpose)
            if any(row.organisation != organisation for row in versions):
                raise Conflict("this name belongs to another organisation")
            if len(mine) >= MOST_DRAFTS:
                raise Conflict(f"{MOST_DRAFTS} drafts are open already")
            newest = max(versions, key=lambda row: row.version, default=None)
            sketch = empty() if newest is None else sketch_of(purpose_from(newest.record))
            if len(sketch.items) > MOST_ITEMS:
                raise Conflict(f"more than {MOST_ITEMS} attributes are for the API")
            book.put(DRAFT, _row(book, organisation, purpose, sketch, 0))

        return story

    return as_member(citizen, organisation, WRITERS, act)


def save_draft(citizen: str, organisation: str, purpose: str, sketch: Sketch, *, revision: int) -> Deed[int]:
    """A deed that keeps what was written, and returns the new revision. *revision* is the one that was on the page.

    Raises NotFound, OutOfDate when somebody else saved meanwhile, BadInput for what no page of ours sends.
    """
    names = [one.name for one in sketch.items]
    if len(names) > MOST_ITEMS or not set(names) <= CATALOGUE.keys() or sketch.legal_basis not in BASES:
        raise BadInput(f"attributes: at most {MOST_ITEMS}, of the catalogue; legal_basis: one of the six")

    def act(by: Operator) -> Deed[int]:
        def story(book: Book) -> Story[int]:
            yield [DRAFT.one(organisation, purpose)]
            yield TURN
            row = _draft(book, organisation, purpose)
            if row.revision != revision:
                raise OutOfDate("somebody else saved this draft meanwhile")
            kept = msgspec.structs.replace(sketch, base=_of(row).base)
            book.put(DRAFT, _row(book, organisation, purpose, kept, revision + 1))
            return revision + 1

        return story

    return as_member(citizen, organisation, WRITERS, act)


def drop_draft(citizen: str, organisation: str, purpose: str) -> Deed[None]:
    """A deed that throws a draft away. Raises NotFound."""

    def act(by: Operator) -> Deed[None]:
        def story(book: Book) -> Story[None]:
            yield [DRAFT.one(organisation, purpose)]
            yield TURN
            _draft(book, organisation, purpose)
            _remove(book, organisation, purpose)

        return story

    return as_member(citizen, organisation, WRITERS, act)


def propose_draft(citizen: str, organisation: str, purpose: str, *, revision: int) -> Deed[Proposal]:
    """A deed that proposes the draft as the next version. Exactly *revision*, which was on the page.

    Raises BadInput while it has a fault, OutOfDate, NotFound, OrganisationSuspended.
    """

    def act(by: Operator) -> Deed[Proposal]:
        def story(book: Book) -> Story[Proposal]:
            yield [DRAFT.one(organisation, purpose), *asks_to_propose(organisation, purpose)]
            yield TURN
            row, there = _draft(book, organisation, purpose), book.get(ORGANISATION, organisation)
            if row.revision != revision:
                raise OutOfDate("somebody else saved this draft meanwhile")
            if there is None:
                raise NotFound("there is no such organisation")
            sketch, known = _of(row), organisation_from(there.record)
            if faults(sketch, purpose, known):
                raise BadInput("the draft has faults")
            version = max((one.version for one in versions_of(book, purpose)), default=0) + 1
            proposal = keep_proposal(book, organisation, drafted(sketch, purpose, version, known))
            _remove(book, organisation, purpose)
            write_down(book, by, "proposed", "purpose", f"{purpose}@{version}")
            return proposal

        return story

    return as_member(citizen, organisation, WRITERS, act)


async def open_draft(house: House, *, organisation: str, purpose: str) -> Desk:
    """The draft, with its faults. Raises NotFound."""
    rows = await house.store.read(DRAFT.get, organisation, purpose)
    if not rows:
        raise NotFound("there is no such draft")
    row = DRAFT.from_row(rows[0])
    known = await organisation_of(house, organisation)
    return Desk(
        purpose=purpose,
        sketch=_of(row),
        revision=row.revision,
        faults=tuple(faults(_of(row), purpose, known)),
    )


async def preview(house: House, *, organisation: str, purpose: str, language: Language) -> Shown:
    """What a citizen would read, with the values of nobody. Raises NotFound."""
    desk = await open_draft(house, organisation=organisation, purpose=purpose)
    known = await organisation_of(house, organisation)
    whole = drafted(desk.sketch, purpose, 1, known, lenient=True)
    names = tuple(one.name for one in whole.attributes)
    return show(
        request="example",
        asked=Asked(purpose=purpose, purpose_version=1, attributes=names, duration_days=whole.maximum_days),
        asked_at=house.clock(),
        purpose=whole,
        organisation=known,
        verified=True,
        held={name: invented(CATALOGUE[name]) for name in names},
        language=language,
    )


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A purpose on the organisation's list: its newest version that was proposed, and whether a draft is open."""

    id: str
    title: Text
    version: int  # 0: it was never proposed
    status: Literal["pending", "approved", "suspended", "refused", "none"]
    note: str
    approved: int  # the newest approved version, 0 for none
    is_drafted: bool


async def purposes_of(house: House, organisation: str) -> list[Written]:
    """All purposes of an organisation, and its drafts."""
    proposals = [PROPOSAL.from_row(row) for row in await house.store.read("proposal.all")]
    approved = [PURPOSE.from_row(row) for row in await house.store.read("purpose.all")]
    drafts = [DRAFT.from_row(row) for row in await house.store.read("draft.of_organisation", organisation)]
    mine = [row for row in proposals if row.organisation == organisation and row.state != "approved"]
    held = [row for row in approved if row.organisation == organisation]
    drafted = {row.purpose: _of(row) for row in drafts}
    found = []
    for name in sorted({row.id for row in mine} | {row.id for row in held} | drafted.keys()):
        waiting = max((row for row in mine if row.id == name), key=lambda row: row.version, default=None)
        standing = max((row for row in held if row.id == name), key=lambda row: row.version, default=None)
        newest = max((r for r in (waiting, standing) if r is not None), key=lambda r: r.version, default=None)
        found.append(
            Written(
                id=name,
                title=purpose_from(newest.record).title
                if newest is not None
                else drafted[name].texts["title"],
                version=newest.version if newest is not None else 0,
                status="none"
                if newest is None
                else waiting.state
                if waiting is newest and waiting is not None
                else standing.status
                if standing is not None
                else "none",
                note=waiting.note if waiting is newest and waiting is not None else "",
                approved=standing.version if standing is not None else 0,
                is_drafted=name in drafted,
            )
        )
    return found


async def organisation_of(house: House, organisation: str) -> Organisation:
    """What the operator approved of an organisation. Raises NotFound."""
    rows = await house.store.read(ORGANISATION.get, organisation)
    if not rows:
        raise NotFound("there is no such organisation")
    return organisation_from(ORGANISATION.from_row(rows[0]).record)


def _of(row: Draft) -> Sketch:
    return msgspec.json.decode(row.sketch, type=Sketch)


def _row(book: Book, organisation: str, purpose: str, sketch: Sketch, revision: int) -> Draft:
    return Draft(
        organisation=organisation,
        purpose=purpose,
        sketch=canonical(sketch),
        revision=revision,
        changed_at=book.at,
    )


def _draft(book: Book, organisation: str, purpose: str) -> Draft:
    row = book.get(DRAFT, (organisation, purpose))
    if row is None:
        raise NotFound("there is no such draft")
    return row


def _remove(book: Book, organisation: str, purpose: str) -> None:
    book.drop(DRAFT, (organisation, purpose))
    book.also(Statement("draft.remove", [(organisation, purpose)]))
