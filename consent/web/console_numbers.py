"""The console's pages about how it goes: what people answered, in tens, and how keys and signals stand."""

from litestar import Response, get

from consent.acts import count as counting
from consent.acts import draft as drafting
from consent.acts.answers import standing_of
from consent.acts.doubt import counts_of
from consent.acts.register import clients_of, keys_replaced
from consent.words.instants import DAY

from .doors import Field
from .guard import Visit, house_of, language_of
from .page_doors import shows
from .workplace import EDITORS, ORGANISATION, console_page, member_of

_FIELDS: tuple[Field, ...] = (ORGANISATION,)


@get(
    "/console/{organisation:str}/numbers",
    opt=shows("consoleNumbers", "How many people answered what, by week and in tens", *_FIELDS),
)
async def numbers(request: Visit, organisation: str) -> Response[str]:
    """What people said to this organisation, and what felt wrong to them."""
    member = await member_of(request, organisation, EDITORS)
    house = house_of(request)
    titles = {
        one.id: one.title.in_language(language_of(request))
        for one in await drafting.purposes_of(house, organisation)
    }
    return await console_page(
        request,
        "console_numbers.html",
        member,
        weeks=[(one.week * DAY, one.people) for one in await counting.weeks_of(house, organisation)],
        names=counting.NAMES,
        wrong=[
            (one.week * DAY, titles.get(one.purpose) or one.purpose, one.people)
            for one in await counts_of(house, organisation)
        ],
    )


@get(
    "/console/{organisation:str}/keys",
    opt=shows("consoleKeys", "The keys of an organisation's programs, and the signals to them", *_FIELDS),
)
async def keys(request: Visit, organisation: str) -> Response[str]:
    """Which keys hold, since when, and whether signals arrive."""
    member = await member_of(request, organisation, EDITORS)
    house = house_of(request)
    replaced, signals = await keys_replaced(house), await standing_of(house, organisation)
    return await console_page(
        request,
        "console_keys.html",
        member,
        clients=[
            (one, replaced.get(one.id), signals.get(one.id))
            for one in await clients_of(house, organisation)
            if one.holds
        ],
    )


HANDLERS = (numbers, keys)
