"""The door for who holds the code of a receipt: it stops one sharing and says nothing about it. Nobody signs in here,
so a clerk or a helpdesk can do it for somebody who calls. Beside it: she has read that her code was used."""

from litestar import Response, get, post

from consent.acts import stop as stopping
from consent.acts.allowance import Mark, mark
from consent.words.errors import NotFound

from .client_forms import marks_of_address
from .doors import Field
from .guard import Visit, house_of, one, page, read_form, read_own_form, see_other
from .page_doors import shows, takes

_CODE = Field(name="code", where="form", description="As it stands on the receipt", required=True)
_OUTCOMES = (200, 303, 400, 403, 404, 429)


@get("/stop", opt=shows("showStopCode", "Type the code of a receipt", or_else=(), signed_in=False))
async def show(request: Visit) -> Response[str]:
    """The field for the code."""
    return await page(request, "stop_code.html", error=False)


@post(
    "/stop",
    opt=takes(
        "lookAtStopCode", "See that the code stops one sharing", _CODE, answers=_OUTCOMES, signed_in=False
    ),
    status_code=200,
)
async def look(request: Visit) -> Response[str]:
    """Ask once more: this stops one sharing. It says neither whose nor with whom."""
    code = await _code_in(request)
    try:
        runs = await stopping.look(house_of(request), code=code, marks=marks_of_code(request))
    except NotFound:
        return await _wrong(request)
    return await page(request, "stop_code_sure.html", code=code, runs=runs)


@post(
    "/stop/now",
    opt=takes("stopWithCode", "Stop one sharing with its code", _CODE, answers=_OUTCOMES, signed_in=False),
    status_code=303,
)
async def stop(request: Visit) -> Response[bytes] | Response[str]:
    """Stop. When this answers, the grant and its tokens are dead."""
    code = await _code_in(request)
    try:
        await stopping.stop(house_of(request), code=code, marks=marks_of_code(request))
    except NotFound:
        return await _wrong(request)
    return see_other("/stop/done")


@get("/stop/done", opt=shows("showStoppedWithCode", "That sharing has stopped", or_else=(), signed_in=False))
async def done(request: Visit) -> Response[str]:
    """What stopping did, and its honest limit."""
    return await page(request, "stop_code_done.html")


@post(
    "/my/grants/{grant_id:str}/code-seen",
    opt=takes(
        "stopCodeSeen",
        "She has read that her stop code was used",
        Field(name="grant_id", where="path", description="From her overview", required=True),
    ),
    status_code=303,
)
async def seen(request: Visit, grant_id: str) -> Response[bytes]:
    """Take the notice off her overview; her timeline keeps it."""
    citizen, _ = await read_own_form(request)
    await stopping.seen(house_of(request), citizen=citizen, grant=grant_id)
    return see_other("/")


async def _code_in(request: Visit) -> str:
    fields: dict[str, list[str]] = {}
    for name, value in await read_form(request):
        fields.setdefault(name, []).append(value)
    return one(fields, "code")


def marks_of_code(request: Visit) -> tuple[Mark, ...]:
    """What a wrong code is counted in, wherever it is typed."""
    house = house_of(request)
    # Both: nobody tries many codes from one place, and many places together do not try all of them either.
    return (*marks_of_address(house, request.scope, "stop_code"), *mark(house, "stop_codes", ""))


async def _wrong(request: Visit) -> Response[str]:
    """The same bytes for a slip, a guess, and a code of somebody who has left."""
    return await page(request, "stop_code.html", status=404, error=True, path="/stop")


HANDLERS = (show, look, stop, done, seen)
