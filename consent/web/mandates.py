"""Who helps whom: her page about her helpers with the code that is shown once, and his about whom he helps."""

from typing import Any

from litestar import Response, get, post

from consent.acts import mandate as mandates
from consent.acts.mandate import Wish
from consent.acts.ways import NotFreshlySignedIn, is_fresh
from consent.words.errors import BadInput, Conflict, NotFound

from .doors import Field
from .guard import Visit, citizen_of, house_of, language_of, one, page, read_own_form, see_other, visitor_of
from .page_doors import shows, takes

_MANDATE = Field(name="mandate", where="path", description="From a link on the pages", required=True)
_CODE = Field(name="code", where="form", description="Seven words", required=True)


@get("/my/helpers", opt=shows("showHelpers", "Who may help her", or_else=(303,)))
async def helpers(request: Visit) -> Response[str]:
    """Who helps now, and who did."""
    citizen = await citizen_of(request)
    seen = await mandates.hers(house_of(request), citizen=citizen)
    return await page(request, "helpers.html", running=seen.running, over=seen.over)


@get("/my/helpers/new", opt=shows("showNewHelper", "Let somebody help", or_else=(303,)))
async def new_helper(request: Visit) -> Response[str]:
    """The form, with the least chosen."""
    await citizen_of(request)
    return await _form(request)


@post(
    "/my/helpers/new",
    opt=takes(
        "addHelper",
        "Let somebody help: a code, shown once",
        Field(name="helper", where="form", description="What she calls him", required=True),
        Field(name="citizen", where="form", description="What he sees of her", required=True),
        Field(name="may", where="form", description="look, stop or choose", required=True),
        Field(name="term", where="form", description="month, half_year or year", required=True),
        Field(name="organisation", where="form", description="Only these; may repeat"),
        Field(name="special", where="form", description="1: also what is delicate"),
        answers=(200, 303, 400, 403, 409, 422),
    ),
    status_code=200,
)
async def add_helper(request: Visit) -> Response[str]:
    """The code, this once; or the form again."""
    _, fields = await read_own_form(request)
    visitor = await visitor_of(request)
    wish = Wish(
        helper=one(fields, "helper"),
        citizen=one(fields, "citizen"),
        may=one(fields, "may"),
        term=one(fields, "term"),
        organisations=tuple(fields.get("organisation", ())),
        show_special=one(fields, "special") == "1",
    )
    try:
        made = await mandates.give(house_of(request), visitor, wish, language=language_of(request))
    except NotFreshlySignedIn:
        return await _form(request, wish, status=403)
    except Conflict:
        return await _form(request, wish, error="too_many", status=409)
    except BadInput as no:
        return await _form(request, wish, error=str(no), status=422)
    return await page(request, "helper_code.html", made=made, helper=wish.helper, path="/my/helpers")


@post(
    "/my/helpers/{mandate:str}/end",
    opt=takes("endHelper", "End it, at once", _MANDATE, answers=(303, 400, 403, 404)),
    status_code=303,
)
async def end_helper(request: Visit, mandate: str) -> Response[bytes]:
    """End it: she ends it here, he as well."""
    citizen, _ = await read_own_form(request)
    side = await mandates.end(house_of(request), who=citizen, mandate=mandate)
    return see_other("/my/helpers" if side == "hers" else "/my/helping")


@get("/my/helping", opt=shows("showHelping", "Whom he helps", or_else=(303,)))
async def helping(request: Visit) -> Response[str]:
    """Whom he helps, and where he types a code."""
    return await _his_page(request)


@post(
    "/my/helping/code",
    opt=takes("lookAtHelpCode", "What a code is for", _CODE, answers=(200, 303, 400, 403, 422, 429)),
    status_code=200,
)
async def look_at_code(request: Visit) -> Response[str]:
    """Whose it is and what he may do then; whatever does not work gets the same answer."""
    helper, fields = await read_own_form(request)
    try:
        line, code = await mandates.look_at(house_of(request), helper=helper, code=one(fields, "code"))
    except NotFound:
        return await _his_page(request, error=True, status=422)
    return await page(request, "help_offer.html", line=line, code=code, path="/my/helping")


@post(
    "/my/helping",
    opt=takes("takeUpHelp", "Take it up", _CODE, answers=(303, 400, 403, 422, 429)),
    status_code=303,
)
async def take_up(request: Visit) -> Response[Any]:
    """From now on he helps."""
    helper, fields = await read_own_form(request)
    try:
        taken = await mandates.accept(house_of(request), helper=helper, code=one(fields, "code"))
    except NotFound:
        return await _his_page(request, error=True, status=422)
    return see_other(f"/for/{taken}")


async def _his_page(request: Visit, *, error: bool = False, status: int = 200) -> Response[str]:
    helper = await citizen_of(request)
    seen = await mandates.his(house_of(request), helper=helper)
    return await page(
        request,
        "helping.html",
        status=status,
        running=seen.running,
        over=seen.over,
        error=error,
        path="/my/helping",
    )


async def _form(
    request: Visit, wish: Wish | None = None, *, error: str | None = None, status: int = 200
) -> Response[str]:
    house = house_of(request)
    return await page(
        request,
        "helper_form.html",
        status=status,
        wish=wish or Wish(helper="", citizen="", may="", term=""),
        error=error,
        fresh=is_fresh(house, await visitor_of(request)),
        organisations=await mandates.organisations(house),
        path="/my/helpers/new",
    )


HANDLERS = (helpers, new_helper, add_helper, end_helper, helping, look_at_code, take_up)
