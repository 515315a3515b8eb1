"""The question's door: what is asked, her answer, and the way back to whoever asked. POST → 303 → GET, no script."""

from typing import Any
from urllib.parse import quote

from litestar import Response, get, post

from consent.acts import ask as asking
from consent.acts import grant as granting
from consent.acts import help as helps
from consent.acts import lead_back as leading
from consent.words.errors import NotFound

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

_ID = Field(name="request_id", where="path", description="From a link on her pages", required=True)
_TICKED = Field(name="ticked", where="query", description="From the page, before she went away from it")
_FOR = Field(name="for", where="query", description="me: a parent answers for himself, and not for a child")
_FILLED = Field(name="filled", where="query", description="Which item she went away to fill in")


@get(
    "/my/requests/{request_id:str}",
    opt=shows(
        "showRequest", "A question, with her own values", _ID, _TICKED, _FILLED, _FOR, or_else=(303, 404, 410)
    ),
)
async def show_request(request: Visit, request_id: str) -> Response[str]:
    """The question: nothing ticked, yes and no alike. A parent says first for whom: who looks is whom it is for."""
    citizen = await citizen_of(request)
    if request.query_params.get("for") != "me":
        children = await helps.children(house_of(request), parent=citizen, request=request_id)
        if children:
            name = await asking.who_asks(house_of(request), request_id)
            return await page(
                request, "request_whom.html", organisation=name, children=children, question=request_id
            )
    try:
        asked = await asking.look(
            house_of(request),
            citizen=citizen,
            request=request_id,
            language=language_of(request),
            sign_in=sign_in_of(request),
            ticked=request.query_params.get("ticked", ""),
            filled=request.query_params.get("filled", ""),
        )
    except NotFound as gone:
        return await _gone(request, citizen, request_id, gone)
    # A new question begins with nothing ticked; what she shares already is ticked, for her to untick.
    change = asked.shown.change
    chosen = frozenset(change.stays if change is not None else ())
    return await _question(request, asked, chosen if asked.ticked is None else asked.ticked, None)


@post(
    "/my/requests/{request_id:str}",
    opt=takes(
        "answerRequest",
        "Yes to what is ticked, or no",
        _ID,
        Field(name="attribute", where="form", description="A ticked attribute; may repeat"),
        Field(
            name="decision",
            where="form",
            description="yes, no, sign_in to sign in first, fill:NAME to fill in first",
        ),
        Field(name="shown", where="form", description="From the page"),
        answers=(200, 303, 400, 403, 404, 410, 422),
    ),
    status_code=200,
)
async def answer_request(request: Visit, request_id: str) -> Response[Any]:
    """Take her answer. Without a decision nothing is shared and the page is shown again."""
    citizen, fields = await read_own_form(request)
    chosen = frozenset(fields.get("attribute", []))
    try:
        decision = one(fields, "decision")
        filling = one(fields, "fill")
        if decision == "sign_in" or filling:
            ticked = await asking.keep(
                house_of(request),
                citizen=citizen,
                request=request_id,
                language=language_of(request),
                chosen=chosen,
                seal=one(fields, "shown"),
                filling=filling,
            )
            # What she ticked, under a key: no value ever stands in an address.
            back = f"/my/requests/{request_id}" + (f"?ticked={ticked}" if ticked else "")
            if filling:
                back += f"&filled={quote(filling)}" if ticked else ""
                back += f"#item-{quote(filling, safe='')}"  # to where she was on the page
                return see_other(f"/my/data/{quote(filling, safe='')}?next={quote(back, safe='/')}")
            return see_other(f"/sign-in?again=1&next={quote(back, safe='/')}")
        outcome = await granting.answer(
            house_of(request),
            citizen=citizen,
            request=request_id,
            language=language_of(request),
            decision=decision,
            chosen=chosen,
            seal=one(fields, "shown"),
            sign_in=sign_in_of(request),
        )
    except NotFound as gone:
        return await _gone(request, citizen, request_id, gone)
    if isinstance(outcome, granting.Again):
        return await _question(request, outcome.page, chosen, outcome.trouble)
    return see_other(f"/my/grants/{outcome.grant}" if outcome.grant else f"/my/requests/{request_id}/no")


async def _gone(request: Visit, citizen: str, request_id: str, no: NotFound) -> Response[str]:
    """What became of a question of hers, and what she can do now. What is not hers looks like one that never was."""
    if not isinstance(no, asking.Gone):
        return await page(request, "request_gone.html", status=404, reason="not_found", was=None)
    was = await leading.past(house_of(request), citizen=citizen, request=request_id)
    return await page(request, "request_gone.html", status=410, reason=no.reason, was=was)


async def _question(
    request: Visit, asked: asking.Page, chosen: frozenset[str], trouble: str | None
) -> Response[str]:
    return await page(
        request,
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


@get(
    "/my/requests/{request_id:str}/help",
    opt=shows("helpFirst", "Help with a question, and on paper", _ID, or_else=(303, 404, 410)),
)
async def help_first(request: Visit, request_id: str) -> Response[str]:
    """People to turn to, and the question without her values, to print and take along."""
    citizen = await citizen_of(request)
    try:
        asked = await asking.look(
            house_of(request), citizen=citizen, request=request_id, language=language_of(request)
        )
    except NotFound as gone:
        return await _gone(request, citizen, request_id, gone)
    return await page(request, "request_help.html", shown=asked.shown, answer_until=asked.request.expires_at)


@get("/my/requests/{request_id:str}/no", opt=shows("showNo", "She shared nothing", _ID))
async def show_no(request: Visit, request_id: str) -> Response[str]:
    """After a no: what the organisation sees, another way, and the way back."""
    citizen = await citizen_of(request)
    said = await leading.declined(
        house_of(request), citizen=citizen, request=request_id, language=language_of(request)
    )
    return await page(request, "declined.html", said=said)


@get(
    "/my/requests/{request_id:str}/back",
    opt=shows("goBack", "Back to who asked, with her answer", _ID, gives=None),
    status_code=303,
)
async def go_back(request: Visit, request_id: str) -> Response[bytes]:
    """A link, and not a form: so no form of ours ever leads to another site (`form-action`)."""
    citizen = await citizen_of(request)
    return see_other(await leading.lead_back(house_of(request), citizen=citizen, request=request_id))


HANDLERS = (show_request, answer_request, help_first, show_no, go_back)
