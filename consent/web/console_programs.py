"""The console's form for a program: what a developer sends at the door of registration, for people at the pages."""

from typing import Any

import msgspec
from litestar import Response, get, post

from consent.acts.apply import apply, faulty
from consent.oauth.registration import check_registration
from consent.words.errors import Conflict

from .doors import Field
from .guard import Visit, house_of, one, read_own_form, see_other
from .page_doors import shows, takes
from .workplace import EDITORS, ORGANISATION, console_page, member_of

_LINES = ("client_name", "jwks_uri", "signals_endpoint")


@get(
    "/console/{organisation:str}/programs",
    opt=shows("consoleProgram", "The form for a new program of an organisation", ORGANISATION),
)
async def program(request: Visit, organisation: str) -> Response[str]:
    """An empty form."""
    return await _form(request, organisation, {}, [])


@post(
    "/console/{organisation:str}/programs",
    opt=takes(
        "addProgram",
        "Register a program of an organisation; it waits for the operator",
        ORGANISATION,
        Field(name="client_name", where="form", description="What people call it", required=True),
        Field(name="redirect_uris", where="form", description="Where answers go, one a line", required=True),
        Field(name="jwks_uri", where="form", description="Where its public keys are; or paste them"),
        Field(name="jwks", where="form", description="Its public keys (RFC 7517 §5)"),
        Field(name="signals_endpoint", where="form", description="Where it hears that somebody stopped"),
        Field(name="batch_disclosure", where="form", description="1: it wants to fetch for many at once"),
        answers=(303, 400, 403, 404, 409),
    ),
    status_code=303,
)
async def add(request: Visit, organisation: str) -> Response[Any]:
    """Register it, or say at each field what has to change. Keys are not shown again: they may be private ones."""
    citizen, fields = await read_own_form(request)
    await member_of(request, organisation, EDITORS)
    house = house_of(request)
    names = (*_LINES, "redirect_uris", "jwks", "batch_disclosure")
    written = {name: one(fields, name).strip() for name in names}
    document: dict[str, Any] = {
        "client_name": written["client_name"],
        "redirect_uris": written["redirect_uris"].split(),
        "batch_disclosure": written["batch_disclosure"] == "1",
    }
    if written["jwks"]:
        document["jwks"] = _json(written["jwks"])
    document |= {name: written[name] for name in ("jwks_uri", "signals_endpoint") if written[name]}
    wrong = faulty(document, issuer=house.issuer)
    if ("jwks" in document) == ("jwks_uri" in document):  # one of the two
        wrong = [*(name for name in wrong if name != "jwks_uri"), "jwks_uri"]
    if wrong:
        return await _form(request, organisation, written, wrong, status=400)
    metadata = check_registration(document, issuer=house.issuer)
    try:
        await apply(house, citizen=citizen, organisation=organisation, metadata=metadata)
    except Conflict:
        return await _form(request, organisation, written, ["many"], status=409)
    return see_other(f"/console/{organisation}#programs")


async def _form(
    request: Visit, organisation: str, written: dict[str, str], wrong: list[str], *, status: int = 200
) -> Response[str]:
    member = await member_of(request, organisation, EDITORS)
    return await console_page(
        request, "console_program.html", member, status=status, written=written, wrong=wrong
    )


def _json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None  # no keys, which is a fault of that field


HANDLERS = (program, add)
