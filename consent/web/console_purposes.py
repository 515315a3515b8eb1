"""The console's pages on which an organisation writes down what it asks, for what, and sees it as a citizen would."""

import re
from typing import Any

from litestar import Response, get, post

from consent.acts import draft as drafting
from consent.acts.advise import advise
from consent.acts.sketch import BASES, MOST_ITEMS, NUMBERS, SENTENCES, Fault, Item, Sketch
from consent.words.attributes import CATALOGUE
from consent.words.errors import BadInput, Conflict, OutOfDate
from consent.words.purposes import Text

from .doors import Field
from .guard import Visit, house_of, language_of, one, page, read_own_form, see_other
from .page_doors import shows, takes
from .workplace import EDITORS, ORGANISATION, console_page, do, member_of

_PURPOSE = Field(name="purpose", where="path", description="Its name", required=True)
_NAME = Field(name="purpose", where="form", description="a-z, 0-9 and hyphens", required=True)
_DO = Field(name="do", where="form", description="save, add, remove-N, look, propose or drop")
_LIST = "/console/{}/purposes"
Fields = dict[str, list[str]]


@get(
    "/console/{organisation:str}/purposes",
    opt=shows("consolePurposes", "What an organisation asks for", ORGANISATION),
)
async def purposes(request: Visit, organisation: str) -> Response[str]:
    """All its purposes, how each stands, and its drafts."""
    return await _purposes(request, organisation)


@post(
    "/console/{organisation:str}/purposes",
    opt=takes(
        "beginDraft",
        "Begin to write a purpose, or a new version of one",
        ORGANISATION,
        _NAME,
        answers=(303, 400, 403, 404, 422),
    ),
    status_code=200,
)
async def begin(request: Visit, organisation: str) -> Response[Any]:
    """Begin a draft."""
    citizen, fields = await read_own_form(request)
    name = one(fields, "purpose").strip()
    try:
        await do(house_of(request), drafting.begin_draft(citizen, organisation, name))
    except (BadInput, Conflict) as no:
        error = "name" if isinstance(no, BadInput) else "taken"
        return await _purposes(request, organisation, error=error, status=422)
    return see_other(f"{_LIST.format(organisation)}/{name}")


@get(
    "/console/{organisation:str}/purposes/{purpose:str}",
    opt=shows("showDraft", "A purpose while it is written", ORGANISATION, _PURPOSE),
)
async def draft(request: Visit, organisation: str, purpose: str) -> Response[str]:
    """The form, with what has to change beside each field once something was saved."""
    return await _draft(request, organisation, purpose, error=None)


@post(
    "/console/{organisation:str}/purposes/{purpose:str}",
    opt=takes(
        "writeDraft",
        "Save, propose or throw away a draft",
        ORGANISATION,
        _PURPOSE,
        _DO,
        answers=(303, 400, 403, 404, 409, 422),
    ),
    status_code=200,
)
async def write(request: Visit, organisation: str, purpose: str) -> Response[Any]:
    """Keep what was written; then do what the button says."""
    citizen, fields = await read_own_form(request)
    house, wish = house_of(request), one(fields, "do")
    here = f"{_LIST.format(organisation)}/{purpose}"
    if wish == "drop":
        await do(house, drafting.drop_draft(citizen, organisation, purpose))
        return see_other(_LIST.format(organisation))
    revision = _revision(one(fields, "revision"))
    try:
        saved = await do(
            house,
            drafting.save_draft(citizen, organisation, purpose, _sketch(fields, wish), revision=revision),
        )
        if wish == "propose":
            await do(house, drafting.propose_draft(citizen, organisation, purpose, revision=saved))
            return see_other(_LIST.format(organisation))
    except OutOfDate:
        return await _draft(request, organisation, purpose, error="meanwhile", status=409)
    except BadInput:
        return await _draft(request, organisation, purpose, error="faults", status=422)
    if wish == "look":
        return see_other(f"{here}/example")
    return see_other(here + ("#items" if wish == "add" or wish.startswith("remove-") else ""))


@get(
    "/console/{organisation:str}/purposes/{purpose:str}/example",
    opt=shows("previewPurpose", "The question as a citizen will read it", ORGANISATION, _PURPOSE),
)
async def example(request: Visit, organisation: str, purpose: str) -> Response[str]:
    """The real page of a question, with the values of nobody; nothing on it can be pressed."""
    member = await member_of(request, organisation, EDITORS)
    shown = await drafting.preview(
        house_of(request), organisation=organisation, purpose=purpose, language=language_of(request)
    )
    return await page(
        request,
        "example.html",
        back=f"{_LIST.format(organisation)}/{purpose}",
        member=member,
        root=f"/console/{organisation}",
        shown=shown,
        seal="",
        chosen=frozenset(),
        error=None,
        sign_in=None,
        halted=None,
        advice=advise(shown),
        answer_until=shown.until,
    )


async def _purposes(
    request: Visit, organisation: str, *, error: str | None = None, status: int = 200
) -> Response[str]:
    member = await member_of(request, organisation, EDITORS)
    found = await drafting.purposes_of(house_of(request), organisation)
    return await console_page(
        request,
        "console_purposes.html",
        member,
        status=status,
        purposes=[{"it": one, "title": one.title.in_language(language_of(request))} for one in found],
        error=error,
    )


async def _draft(
    request: Visit, organisation: str, purpose: str, *, error: str | None, status: int = 200
) -> Response[str]:
    member = await member_of(request, organisation, EDITORS)
    desk = await drafting.open_draft(house_of(request), organisation=organisation, purpose=purpose)
    known: dict[str, list[Fault]] = {}
    for fault in desk.faults if desk.revision else ():
        known.setdefault(fault.field, []).append(fault)
    language = language_of(request)
    return await console_page(
        request,
        "draft.html",
        member,
        status=status,
        desk=desk,
        faults=known,
        bases=BASES,
        labels={name: attribute.label.in_language(language) for name, attribute in CATALOGUE.items()},
        is_full=len(desk.sketch.items) >= MOST_ITEMS,
        error=error,
    )


def _sketch(fields: Fields, wish: str) -> Sketch:
    """What the form holds, with one attribute more or less when the button says so."""
    items = []
    for n, name in enumerate(fields.get("item", [])):
        if wish != f"remove-{n}":
            needed = one(fields, f"needed.{n}") == "yes"
            items.append(Item(name=name, required=needed, reason=_text(fields, f"reason.{n}")))
    wanted = one(fields, "add")
    if wanted and wanted not in fields.get("item", []) and len(items) < MOST_ITEMS:
        items.append(Item(name=wanted))
    return Sketch(
        texts={name: _text(fields, name) for name in SENTENCES},
        items=tuple(items),
        legal_basis=one(fields, "legal_basis"),
        allowed_by_law=one(fields, "allowed_by_law") == "yes",
        automated_decision=one(fields, "automated_decision") == "yes",
        numbers={name: one(fields, name).strip() for name in NUMBERS},
        storage_places=one(fields, "storage_places").strip(),
        recipient=_text(fields, "recipient"),
    )


def _text(fields: Fields, name: str) -> Text:
    """Both languages of one text; a line break is a space, for citizens read sentences."""
    return Text(*(" ".join(one(fields, f"{name}.{language}").split()) for language in ("nl", "en")))


def _revision(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise BadInput("revision: from the page")
    return int(text)


HANDLERS = (purposes, begin, draft, write, example)
