"""Numbers for everybody, and the report about a period: of no person and no organisation."""

from datetime import UTC, datetime
from typing import Any

from litestar import Response, get

from consent.acts import publish as publishing
from consent.acts import report as reporting
from consent.acts import tally
from consent.acts.allowance import use_up
from consent.oauth.forms import parse_query
from consent.words.errors import BadInput, NotFound
from consent.words.instants import seconds

from .client_forms import marks_of_address
from .doors import Answer, Field
from .guard import Visit, house_of, page, to_keep
from .page_doors import shows

_MONTH = {"type": "string", "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])$"}


@get(
    "/auditor/statistics",
    opt=shows(
        "showStatistics",
        "How often people said yes, no and stopped; in tens, by month",
        or_else=(404,),
        signed_in=False,
        tag="auditor",
    ),
)
async def show_statistics(request: Visit) -> Response[str]:
    """The numbers, and the form for a report."""
    return await _page(request)


@get(
    "/auditor/report",
    opt=shows(
        "getReport",
        "A signed report about whole months that are over (a compact JWS)",
        Field(name="from", where="query", description="The first month", required=True, schema=_MONTH),
        Field(
            name="until", where="query", description="The month after the last", required=True, schema=_MONTH
        ),
        gives=Answer(description="A compact JWS, typ consent-report+jwt", media="application/jose"),
        or_else=(400, 429),
        signed_in=False,
        tag="auditor",
    ),
)
async def get_report(request: Visit) -> Response[Any]:
    """The report as a file; from a period that cannot be, the page with the form says so."""
    house = house_of(request)
    query = parse_query(request.scope["query_string"])
    await use_up(house, marks_of_address(house, request.scope, "address"))
    begin, until = query.get("from", ""), query.get("until", "")
    try:
        signed = await reporting.report(house, begin, until)
    except BadInput:
        return await _page(request, status=400, is_wrong=True)
    return to_keep(request, f"report-{begin}-{until}.jws", signed.encode(), "application/jose")


async def _page(request: Visit, *, status: int = 200, is_wrong: bool = False) -> Response[str]:
    house = house_of(request)
    names = await publishing.logs(house)
    if not names:
        raise NotFound("there is no log yet")
    today = datetime.fromtimestamp(seconds(house.clock()), UTC)
    this = f"{today.year:04}-{today.month:02}"
    last = f"{today.year - (today.month == 1):04}-{(today.month - 2) % 12 + 1:02}"
    return await page(
        request,
        "statistics.html",
        status=status,
        log=names[-1],
        found=await tally.statistics(house),
        is_wrong=is_wrong,
        last=last,
        this=this,
        path="/auditor/statistics",
    )


HANDLERS = (show_statistics, get_report)
