"""The console's page where a question is tried on somebody invented, with each message as it went; sandbox only."""

from litestar import Response, get, post

from consent.acts import draft as drafting
from consent.acts.allowance import fixed_mark, use_up
from consent.acts.house import House
from consent.acts.register import clients_of
from consent.acts.rehearse import MOST_A_MINUTE, Rehearse, Rehearsed
from consent.acts.sign_in import personas
from consent.words.errors import NotFound

from .doors import Field
from .guard import Visit, house_of, language_of, one, read_own_form
from .page_doors import shows, takes
from .workplace import EDITORS, ORGANISATION, console_page, member_of


@get(
    "/console/{organisation:str}/try",
    opt=shows("tryQuestion", "Try a question on somebody invented (sandbox only)", ORGANISATION),
)
async def show(request: Visit, organisation: str) -> Response[str]:
    """What can be tried, and on whom."""
    return await _page(request, organisation)


@post(
    "/console/{organisation:str}/try",
    opt=takes(
        "runRehearsal",
        "Send each message of a question, and show it (sandbox only)",
        ORGANISATION,
        Field(
            name="purpose", where="form", description="An approved purpose of the organisation", required=True
        ),
        Field(name="persona", where="form", description="Who answers", required=True),
        answers=(200, 303, 400, 403, 404, 429),
    ),
    status_code=200,
)
async def run(request: Visit, organisation: str) -> Response[str]:
    """Play it from the question to the stop; whatever was lent for it ends with it."""
    citizen, fields = await read_own_form(request)
    await member_of(request, organisation, EDITORS)
    rehearse, house = _rehearse(request), house_of(request)
    purpose, persona = one(fields, "purpose"), one(fields, "persona")
    version = (await _approved(house, organisation)).get(purpose)
    if version is None or persona not in {who.id for who in await personas(house)}:
        raise NotFound("there is no such purpose or person")
    await use_up(house, fixed_mark(house, "rehearsal", organisation, MOST_A_MINUTE))
    played = await rehearse(citizen, organisation, purpose, version, persona)
    return await _page(request, organisation, played=played, purpose=purpose, persona=persona)


async def _page(
    request: Visit,
    organisation: str,
    *,
    played: Rehearsed | None = None,
    purpose: str = "",
    persona: str = "",
) -> Response[str]:
    _rehearse(request)
    member = await member_of(request, organisation, EDITORS)
    house, language = house_of(request), language_of(request)
    approved = await _approved(house, organisation)
    return await console_page(
        request,
        "console_try.html",
        member,
        purposes=[
            (it.id, it.title.in_language(language))
            for it in await drafting.purposes_of(house, organisation)
            if it.id in approved
        ],
        people=[(who.id, who.label[language]) for who in await personas(house)],
        clients=[it for it in await clients_of(house, organisation) if it.holds],
        played=played,
        purpose=purpose,
        persona=persona,
    )


def _rehearse(request: Visit) -> Rehearse:
    """How it is done here. Raises NotFound outside the sandbox: there everybody is somebody."""
    rehearse: Rehearse | None = request.app.state.rehearse
    if rehearse is None:
        raise NotFound("questions are tried in the sandbox only")
    return rehearse


async def _approved(house: House, organisation: str) -> dict[str, int]:
    """The newest approved version of each purpose."""
    return {it.id: it.approved for it in await drafting.purposes_of(house, organisation) if it.approved}


HANDLERS = (show, run)
