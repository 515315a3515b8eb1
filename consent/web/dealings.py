"""The citizen's door to one organisation: what it may see, stop one item or all, ask it to erase."""

from litestar import Response, get, post

from consent.acts import dealings as dealing
from consent.acts import demand as demanding
from consent.acts import doubt as doubting
from consent.acts import history as histories
from consent.acts import narrow as narrowing

from .doors import Field
from .guard import Visit, citizen_of, house_of, language_of, one, page, read_own_form, see_other
from .page_doors import shows, takes

_SAID = (200, 303, 400, 403, 404, 429)


def _in_path(name: str) -> Field:
    return Field(name=name, where="path", description="From a link on her pages", required=True)


@get(
    "/my/organisations/{organisation_id:str}",
    opt=shows(
        "showDealings",
        "One organisation: what it may see, and what it saw",
        _in_path("organisation_id"),
        Field(name="stopped", where="query", description="The attribute that she just stopped sharing"),
    ),
)
async def show(request: Visit, organisation_id: str) -> Response[str]:
    """One organisation that she shares or shared with."""
    citizen = await citizen_of(request)
    found = await dealing.dealings(
        house_of(request), citizen=citizen, organisation=organisation_id, language=language_of(request)
    )
    stopped = request.query_params.get("stopped", "")
    return await page(
        request,
        "dealings.html",
        dealings=found,
        # Said only when it is so: whoever makes up the address gets the page without it.
        stopped=dealing.label_of(stopped, language_of(request))
        if not any(item.name == stopped for one in found.live for item in one.items)
        else None,
    )


@post(
    "/my/grants/{grant_id:str}/items/{name:str}/stop",
    opt=takes("stopItem", "Stop sharing one item, in one tap", _in_path("grant_id"), _in_path("name")),
    status_code=303,
)
async def stop_item(request: Visit, grant_id: str, name: str) -> Response[bytes]:
    """Take one attribute out of a grant; the last one stops the grant."""
    citizen, _ = await read_own_form(request)
    after = await narrowing.narrow(house_of(request), citizen=citizen, grant=grant_id, name=name)
    if after.ended_at is not None:
        return see_other(f"/my/grants/{grant_id}/stopped")
    return see_other(f"/my/organisations/{after.organisation}?stopped={name}")


@post(
    "/my/grants/{grant_id:str}/erase",
    opt=takes(
        "askToErase",
        "Ask the organisation to erase what it got",
        _in_path("grant_id"),
        answers=(303, 400, 403, 404, 409, 429),
    ),
    status_code=303,
)
async def ask_to_erase(request: Visit, grant_id: str) -> Response[bytes]:
    """Ask that all is erased that went out under an ended grant."""
    citizen, _ = await read_own_form(request)
    await demanding.to_erase(house_of(request), citizen=citizen, grant=grant_id)
    return see_other(f"/my/grants/{grant_id}/stopped")


@post(
    "/why/{use_id:str}/wrong",
    opt=takes(
        "feelsWrong",
        "A use feels wrong: only counts of ten people and more leave",
        _in_path("use_id"),
        answers=_SAID,
    ),
    status_code=303,
)
async def feels_wrong(request: Visit, use_id: str) -> Response[bytes]:
    """Say that a use feels wrong, without a word to anybody about who she is."""
    citizen, _ = await read_own_form(request)
    await doubting.doubt(house_of(request), citizen=citizen, use=use_id)
    return see_other(f"/why/{use_id}#wrong")


@post(
    "/why/{use_id:str}/ask",
    opt=takes(
        "askAboutUse",
        "Ask the organisation about a use; it sees whose grant it is about",
        _in_path("use_id"),
        Field(name="text", where="form", description="Her words", required=True),
        answers=_SAID,
    ),
    status_code=303,
)
async def ask_about(request: Visit, use_id: str) -> Response[bytes]:
    """Her question goes to the organisation, with the grant that it is about."""
    citizen, fields = await read_own_form(request)
    if one(fields, "text").strip():  # an empty one is no question: the page is there again
        await demanding.to_explain(
            house_of(request), citizen=citizen, use=use_id, text=one(fields, "text")[: demanding.LONGEST]
        )
    return see_other(f"/why/{use_id}#wrong")


@get(
    "/my/data/{name:str}/history",
    opt=shows("showHistory", "One attribute: what it was, who may see it, its source", _in_path("name")),
)
async def show_history(request: Visit, name: str) -> Response[str]:
    """Everything about one attribute."""
    citizen = await citizen_of(request)
    found = await histories.history(
        house_of(request), citizen=citizen, name=name, language=language_of(request)
    )
    return await page(request, "history.html", attribute=found)


@post(
    "/my/data/{name:str}/forget",
    opt=takes("forgetHistory", "Delete what it was before", _in_path("name")),
    status_code=303,
)
async def forget_history(request: Visit, name: str) -> Response[bytes]:
    """Delete the earlier values of one attribute."""
    citizen, _ = await read_own_form(request)
    await histories.forget(house_of(request), citizen=citizen, name=name)
    return see_other(f"/my/data/{name}/history")


@post(
    "/my/data/{name:str}/correct",
    opt=takes(
        "askToCorrect",
        "Ask the source to correct one attribute",
        _in_path("name"),
        Field(name="text", where="form", description="Her words", required=True),
        answers=_SAID,
    ),
    status_code=303,
)
async def ask_to_correct(request: Visit, name: str) -> Response[bytes]:
    """Her words go to whoever answers for the source."""
    citizen, fields = await read_own_form(request)
    if one(fields, "text").strip():
        await demanding.to_correct(
            house_of(request), citizen=citizen, name=name, text=one(fields, "text")[: demanding.LONGEST]
        )
    return see_other(f"/my/data/{name}/history#correct")


HANDLERS = (
    feels_wrong,
    ask_about,
    show_history,
    forget_history,
    ask_to_correct,
    show,
    stop_item,
    ask_to_erase,
)
