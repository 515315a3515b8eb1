"""The citizen's timeline: what happened, a page at a time, of one organisation or one kind if she wants."""

import re
from urllib.parse import urlencode

from litestar import Response, get

from consent.acts import enquire as enquiring
from consent.acts import timeline as timelines
from consent.words.errors import NotFound

from .doors import Field
from .guard import Visit, citizen_of, house_of, language_of, page
from .page_doors import shows

_PLACE = re.compile(r"([A-Za-z0-9-]{1,64})\.(0|[1-9][0-9]{0,14})")


@get(
    "/my/timeline",
    opt=shows(
        "timeline",
        "What happened, newest first",
        Field(name="organisation", where="query", description="Only what is about this one"),
        Field(
            name="kind",
            where="query",
            description="Only this kind",
            schema={"type": "string", "enum": [*timelines.GROUPS]},
        ),
        Field(name="before", where="query", description="From the link to what is older"),
    ),
)
async def timeline(request: Visit) -> Response[str]:
    """One line per entry of the log."""
    citizen = await citizen_of(request)
    query = request.query_params
    organisations = await timelines.organisations(house_of(request), citizen=citizen)
    organisation = query.get("organisation") or None
    if organisation is not None and organisation not in organisations:
        raise NotFound("you have nothing to do with such an organisation")
    kind = next((one for one in timelines.GROUPS if one == query.get("kind")), None)
    before = _place(query.get("before"))
    found = await timelines.timeline(
        house_of(request),
        citizen=citizen,
        language=language_of(request),
        organisation=organisation,
        group=kind,
        before=before,
    )
    narrowed = {name: value for name, value in (("organisation", organisation), ("kind", kind)) if value}
    older = found.older and urlencode({**narrowed, "before": "{}.{}".format(*found.older)})
    # What is not in the log stands apart, on the first page of all.
    looks = [] if narrowed or "before" in query else await enquiring.looks(house_of(request), citizen=citizen)
    return await page(
        request,
        "timeline.html",
        looks=looks,
        months=found.months,
        older=older,
        newest=urlencode(narrowed) if "before" in query else None,
        narrowed=urlencode({**narrowed, "before": "{}.{}".format(*before)} if before else narrowed),
        organisations=organisations,
        organisation=organisation,
        kind=kind,
    )


def _place(text: str | None) -> tuple[str, int] | None:
    if not text:
        return None
    match = _PLACE.fullmatch(text)
    if match is None:
        raise NotFound("there is no such entry of yours")
    return match[1], int(match[2])


HANDLERS = (timeline,)
