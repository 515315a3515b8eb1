"""The operator's pages: what waits, what stands, what was done, how the service is. The same acts as the API's.

Whoever has no role with the operator finds nothing here, as if there were nothing.
"""

from typing import Any

from litestar import Response, get, post

from consent.acts import admit, gauge, judge, oversee, suspend, weigh
from consent.acts.operate import Operator
from consent.acts.scribe import Deed
from consent.acts.suspend import Subject
from consent.acts.ways import NotFreshlySignedIn, is_fresh
from consent.words.errors import BadInput, NotFound, OutOfDate

from .doors import Field
from .field_names import FIELDS, PIECES
from .guard import Visit, citizen_of, house_of, language_of, one, page, read_own_form, see_other, visitor_of
from .joining import WORKPLACES
from .oversight import ID, KIND, kind_of
from .page_doors import shows, takes

WORKPLACES["operator"] = "/operator"
_HERE = "/operator/pages"
_NOTE = Field(
    name="note", where="form", description="Why, for the journal; a refusal's is read by the developer"
)


def _shows(id: str, summary: str, *fields: Field) -> dict[str, Any]:
    return shows(id, summary, *fields, tag="operator")


async def _operator_of(request: Visit) -> None:
    await judge.check_operator(house_of(request), await citizen_of(request))


async def _titles(request: Visit) -> dict[str, str]:
    return await weigh.titles(house_of(request), language_of(request))


@get("/operator", opt=_shows("operatorHome", "What waits for a decision"))
async def home(request: Visit) -> Response[str]:
    """What waits, and the way to everything else."""
    await _operator_of(request)
    house = house_of(request)
    waiting = [
        (kind, found)
        for kind, name in (("clients", "client"), ("purposes", "purpose"))
        for found in await oversee.listing(house, kind_of(kind), waiting=True)
    ]
    return await page(request, "operator.html", waiting=waiting, titles=await _titles(request))


@get(f"{_HERE}/journal", opt=_shows("operatorJournalPage", "What operators did, newest first"))
async def journal(request: Visit) -> Response[str]:
    """The journal."""
    await _operator_of(request)
    return await page(request, "operator_journal.html", lines=await oversee.journal(house_of(request)))


@get(
    f"{_HERE}/health",
    opt=_shows("operatorHealthPage", "How the service is: counts and instants, nobody's id"),
)
async def health(request: Visit) -> Response[str]:
    """How the service is."""
    await _operator_of(request)
    return await page(request, "operator_health.html", health=await gauge.gauge(house_of(request)))


@get(f"{_HERE}/{{kind:str}}", opt=_shows("operatorList", "Everything of a kind, and how it stands", KIND))
async def listed(request: Visit, kind: str) -> Response[str]:
    """All organisations, clients or purposes."""
    await _operator_of(request)
    found = await oversee.listing(house_of(request), kind_of(kind))
    return await page(request, "operator_list.html", kind=kind, found=found, titles=await _titles(request))


@get(f"{_HERE}/{{kind:str}}/{{subject_id:str}}", opt=_shows("operatorLook", "What to decide about", KIND, ID))
async def look(request: Visit, kind: str, subject_id: str) -> Response[str]:
    """One of them, with what would change and what is unusual."""
    await _operator_of(request)
    return await _look(request, kind, _subject(kind, subject_id))


async def _look(
    request: Visit, kind: str, about: Subject, *, status: int = 200, no: str | None = None
) -> Response[str]:
    house = house_of(request)
    visitor = await visitor_of(request)
    return await page(
        request,
        "operator_look.html",
        status=status,
        kind=kind,
        found=await weigh.weigh(house, about),
        titles=await _titles(request),
        is_fresh=is_fresh(house, visitor),
        no=no,
        fields=FIELDS,
        pieces=PIECES,
        path=f"{_HERE}/{kind}/{about.reference}",
    )


@post(
    f"{_HERE}/{{kind:str}}/{{subject_id:str}}/{{word:str}}",
    opt=takes(
        "operatorDecide",
        "Approve, refuse, suspend or restore what was looked at; 409 when it is not what is there now",
        KIND,
        ID,
        Field(
            name="word",
            where="path",
            description="What to do",
            required=True,
            schema={"type": "string", "enum": ["approve", "refuse", "suspend", "restore"]},
        ),
        Field(name="revision", where="form", description="Of a client: the one that was looked at"),
        _NOTE,
        answers=(303, 400, 403, 404, 409),
        tag="operator",
    ),
    status_code=303,
)
async def decide(request: Visit, kind: str, subject_id: str, word: str) -> Response[Any]:
    """One decision. What somebody else did meanwhile is shown, and nothing is done."""
    citizen, fields = await read_own_form(request)
    house, about = house_of(request), _subject(kind, subject_id)
    await judge.check_operator(house, citizen)
    seen = await oversee.look(house, about)
    act = _act(about, word, revision=one(fields, "revision"), note=" ".join(one(fields, "note").split()))
    if word == "refuse" and not one(fields, "note").strip():
        return await _look(request, kind, about, status=400, no="note")
    try:
        done = await judge.judge(house, await visitor_of(request), seen.organisation, act)
    except NotFreshlySignedIn:
        return await _look(request, kind, about, status=403, no="stale")
    except judge.OwnOrganisation:
        return await _look(request, kind, about, status=403, no="own")
    except OutOfDate:
        return await _look(request, kind, about, status=409, no="meanwhile")
    except BadInput:
        return await _look(request, kind, about, status=400, no="note_too_long")
    if isinstance(done, suspend.Standing) and not done.changed:
        return await _look(request, kind, about, status=409, no="meanwhile")
    return see_other(f"{_HERE}/{kind}/{about.reference}")


def _act(about: Subject, word: str, *, revision: str, note: str) -> Any:
    """What a button stands for. Raises NotFound for a button that no page has."""

    def act(by: Operator) -> Deed[Any]:
        if word == "suspend":
            return suspend.suspend(about, by=by, note=note)
        if word == "restore":
            return suspend.restore(about, by=by, note=note)
        if about.kind == "client":
            number = int(revision) if revision.isascii() and revision.isdigit() and len(revision) < 10 else 0
            decision: Any = admit.approve_client if word == "approve" else admit.refuse_client
            return decision(about.id, number, by=by, note=note)  # type: ignore[no-any-return]
        decision = admit.approve_purpose if word == "approve" else admit.refuse_purpose
        return decision(about.id, about.version, by=by, note=note)  # type: ignore[no-any-return]

    if word not in ("approve", "refuse", "suspend", "restore"):
        raise NotFound("there is no such decision")
    if about.kind == "organisation" and word in ("approve", "refuse"):
        raise NotFound("organisations are approved with their file")
    return act


def _subject(kind: str, reference: str) -> Subject:
    try:
        about = suspend.subject(kind_of(kind), reference)
    except BadInput:
        raise NotFound("there is no such thing") from None
    if about.kind == "purpose" and about.version is None:
        raise NotFound("a page is about one version of a purpose")
    return about


HANDLERS = (home, journal, health, listed, look, decide)
