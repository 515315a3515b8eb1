"""The doors of who helps: all there is for him, under an address that says whose pages these are.

No other door knows of helping. So what has no door here (her ways in, her audit key, a copy of everything, erasing,
another mandate) is out of his reach by there being no way to it.
"""

from typing import Any

from litestar import Response, get, post

from consent.acts import ask as asking
from consent.acts import grant as granting
from consent.acts import help as acts
from consent.acts.help import Helping
from consent.acts.reach import Deed
from consent.words.errors import BadInput

from .doors import Field
from .guard import (
    Visit,
    citizen_of,
    house_of,
    language_of,
    one,
    page,
    read_own_form,
    see_other,
    sign_in_of,
)
from .page_doors import shows, takes

_MANDATE = Field(name="mandate", where="path", description="Under which mandate", required=True)
_GRANT = Field(name="grant_id", where="path", description="From a link on the pages", required=True)
_REQUEST = Field(name="request_id", where="path", description="From a link on the pages", required=True)
_NAME = Field(name="name", where="path", description="An attribute", required=True)


async def _helping(request: Visit, mandate: str, deed: Deed = "look") -> Helping:
    """Who is signed in, as the helper of this mandate. Raises NotSignedIn, NotFound, Forbidden."""
    helper = await citizen_of(request)
    return await acts.standing(house_of(request), helper=helper, mandate=mandate, deed=deed)


async def _page(
    request: Visit, helping: Helping, template: str, *, status: int = 200, **more: Any
) -> Response[str]:
    """A page of hers, that says so on top."""
    return await page(
        request, template, status=status, helping=helping, at=f"/for/{helping.mandate.id}", **more
    )


@get("/for/{mandate:str}", opt=shows("helpHome", "Helping: who may see what", _MANDATE))
async def home(request: Visit, mandate: str) -> Response[str]:
    """What she shares now."""
    helping = await _helping(request, mandate)
    seen = await acts.home(house_of(request), helping, language=language_of(request))
    return await _page(
        request, helping, "for_home.html", requests=seen.requests, for_her=seen.for_her, grants=seen.grants
    )


@get("/for/{mandate:str}/my/timeline", opt=shows("helpTimeline", "Helping: what happened", _MANDATE))
async def timeline(request: Visit, mandate: str) -> Response[str]:
    """What happened, sifted."""
    helping = await _helping(request, mandate)
    months = await acts.what_happened(house_of(request), helping, language=language_of(request))
    return await _page(request, helping, "for_timeline.html", months=months)


@get("/for/{mandate:str}/my/data", opt=shows("helpData", "Helping: her data", _MANDATE))
async def data(request: Visit, mandate: str) -> Response[str]:
    """Her data, sifted."""
    helping = await _helping(request, mandate)
    kept = await acts.data(house_of(request), helping, language=language_of(request))
    return await _page(request, helping, "for_data.html", items=kept.items, addable=kept.addable)


@get(
    "/for/{mandate:str}/my/data/{name:str}",
    opt=shows(
        "helpEdit", "A parent: fill in one attribute of the child", _MANDATE, _NAME, or_else=(303, 403, 404)
    ),
)
async def edit(request: Visit, mandate: str, name: str) -> Response[str]:
    """The form for one attribute."""
    return await _form(request, await _helping(request, mandate, "fill_in"), name)


@post(
    "/for/{mandate:str}/my/data/{name:str}",
    opt=takes(
        "helpKeep",
        "A parent: keep one attribute of the child",
        _MANDATE,
        _NAME,
        Field(name="value", where="form", description="What was written", required=True),
        Field(name="next", where="form", description="From the page"),
        answers=(303, 400, 403, 404, 422),
    ),
    status_code=303,
)
async def keep(request: Visit, mandate: str, name: str) -> Response[Any]:
    """Keep what was written, or show the form again."""
    _, fields = await read_own_form(request)
    helping = await _helping(request, mandate, "fill_in")
    text = one(fields, "value")
    try:
        await acts.fill_in(house_of(request), helping, name=name, text=text)
    except BadInput:
        return await _form(request, helping, name, text=text)
    return see_other(f"/for/{mandate}/my/data")


async def _form(request: Visit, helping: Helping, name: str, *, text: str | None = None) -> Response[str]:
    form = await acts.blank(house_of(request), helping, name=name, language=language_of(request))
    return await _page(
        request,
        helping,
        "edit.html",
        status=200 if text is None else 422,
        attribute=form,
        value=form.value if text is None else text,
        held=False,  # taking something away is the child's own
        error=None if text is None else "bad_value",
        next=f"/for/{helping.mandate.id}/my/data",
    )


@post(
    "/for/{mandate:str}/my/grants/{grant_id:str}/stop",
    opt=takes("helpStop", "Helping: stop sharing", _MANDATE, _GRANT, answers=(303, 400, 403, 404)),
    status_code=303,
)
async def stop(request: Visit, mandate: str, grant_id: str) -> Response[bytes]:
    """Stop in her name, in one tap."""
    await read_own_form(request)
    helping = await _helping(request, mandate, "stop")
    await acts.stop(house_of(request), helping, grant=grant_id)
    return see_other(f"/for/{mandate}/my/grants/{grant_id}/stopped")


@get(
    "/for/{mandate:str}/my/grants/{grant_id:str}/stopped",
    opt=shows("helpStopped", "Helping: stopped", _MANDATE, _GRANT),
)
async def stopped(request: Visit, mandate: str, grant_id: str) -> Response[Any]:
    """What stopping did."""
    helping = await _helping(request, mandate)
    ended = await acts.stopped(house_of(request), helping, grant=grant_id)
    if ended is None:
        return see_other(f"/for/{mandate}")
    return await _page(request, helping, "for_stopped.html", organisation=ended[0], at_time=ended[1])


@get(
    "/for/{mandate:str}/my/requests/{request_id:str}",
    opt=shows("helpRequest", "Helping: a question", _MANDATE, _REQUEST, or_else=(303, 403, 404, 410)),
)
async def show_request(request: Visit, mandate: str, request_id: str) -> Response[str]:
    """The same question that she sees."""
    helping = await _helping(request, mandate, "choose")
    try:
        asked = await acts.look(
            house_of(request),
            helping,
            request=request_id,
            language=language_of(request),
            sign_in=sign_in_of(request),
        )
    except asking.Gone as gone:
        return await _page(request, helping, "request_gone.html", status=410, reason=gone.reason, was=None)
    change = asked.shown.change
    return await _question(
        request, helping, asked, frozenset(change.stays if change is not None else ()), None
    )


@post(
    "/for/{mandate:str}/my/requests/{request_id:str}",
    opt=takes(
        "helpAnswer",
        "Helping: yes to what is ticked, or no",
        _MANDATE,
        _REQUEST,
        Field(name="attribute", where="form", description="A ticked attribute; may repeat"),
        Field(name="decision", where="form", description="yes, no, or sign_in: to sign in again first"),
        Field(name="shown", where="form", description="From the page"),
        answers=(200, 303, 400, 403, 404, 410, 422),
    ),
    status_code=200,
)
async def answer_request(request: Visit, mandate: str, request_id: str) -> Response[Any]:
    """His answer in her name."""
    _, fields = await read_own_form(request)
    helping = await _helping(request, mandate, "choose")
    chosen = frozenset(fields.get("attribute", []))
    if one(fields, "decision") == "sign_in":
        return see_other(f"/sign-in?again=1&next=/for/{mandate}/my/requests/{request_id}")
    try:
        outcome = await acts.answer(
            house_of(request),
            helping,
            request=request_id,
            language=language_of(request),
            decision=one(fields, "decision"),
            chosen=chosen,
            seal=one(fields, "shown"),
            sign_in=sign_in_of(request),
        )
    except asking.Gone as gone:
        return await _page(request, helping, "request_gone.html", status=410, reason=gone.reason, was=None)
    if isinstance(outcome, granting.Again):
        return await _question(request, helping, outcome.page, chosen, outcome.trouble)
    return see_other(f"/for/{mandate}/my/requests/{request_id}/answered")


@get(
    "/for/{mandate:str}/my/requests/{request_id:str}/answered",
    opt=shows("helpAnswered", "Helping: his answer counts", _MANDATE, _REQUEST, or_else=(303, 403, 404)),
)
async def answered(request: Visit, mandate: str, request_id: str) -> Response[str]:
    """What he answered, and the way back."""
    helping = await _helping(request, mandate, "choose")
    said = await acts.answered(house_of(request), helping, request=request_id)
    return await _page(request, helping, "for_answered.html", said=said)


@get(
    "/for/{mandate:str}/my/requests/{request_id:str}/back",
    opt=shows(
        "helpBack",
        "Helping: back to who asked, with his answer",
        _MANDATE,
        _REQUEST,
        gives=None,
        or_else=(303, 403, 404),
    ),
    status_code=303,
)
async def go_back(request: Visit, mandate: str, request_id: str) -> Response[bytes]:
    """He goes on where the question came from; she can do so herself instead."""
    helping = await _helping(request, mandate, "choose")
    return see_other(await acts.lead_back(house_of(request), helping, request=request_id))


async def _question(
    request: Visit, helping: Helping, asked: asking.Page, chosen: frozenset[str], trouble: str | None
) -> Response[str]:
    return await _page(
        request,
        helping,
        "request.html",
        status=200 if trouble is None else 422,
        shown=asked.shown,
        seal=asked.seal,
        chosen=chosen,
        error=trouble,
        sign_in=asked.sign_in,
        halted=asked.halted,
        advice=asked.advice,
        answer_until=asked.request.expires_at,
    )


HANDLERS = (home, timeline, data, edit, keep, stop, stopped, show_request, answer_request, answered, go_back)
