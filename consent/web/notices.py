"""What she is told: the newest on a page, and when she gets mail about it."""

import re

from litestar import Response, get, post

from consent.acts import prefer as preferring
from consent.acts import tell as telling
from consent.words.errors import BadInput

from .doors import Field
from .guard import Visit, citizen_of, house_of, one, page, read_own_form, see_other
from .page_doors import shows, takes


@get("/my/notices", opt=shows("showNotices", "What happened that concerns her, and her choice of mail"))
async def show(request: Visit) -> Response[str]:
    """The newest, and a choice for each kind."""
    house = house_of(request)
    citizen = await citizen_of(request)
    chosen = await preferring.preferences(house, citizen=citizen)
    return await page(
        request,
        "notices.html",
        lines=await telling.newest(house, citizen=citizen),
        choices=telling.choices_of(chosen),
        is_quiet=chosen.private,
        has_mail=house.mailer is not None,
        has_address=await telling.mailbox_of(house, citizen) is not None,
    )


@post(
    "/my/notices",
    opt=takes(
        "chooseMail",
        "When she gets mail about what happens",
        *[
            Field(name=kind, where="form", description="at_once, daily or never", required=True)
            for kind in telling.CHOICES
        ],
    ),
    status_code=303,
)
async def choose(request: Visit) -> Response[bytes]:
    """Keep her choices."""
    citizen, fields = await read_own_form(request)
    chosen: dict[str, str] = {kind: one(fields, kind) for kind in telling.CHOICES}
    await telling.choose(house_of(request), citizen=citizen, mail=chosen)
    return see_other("/my/notices")


@post(
    "/my/notices/read",
    opt=takes(
        "noticesRead",
        "She has read what was on the page",
        Field(name="until", where="form", description="From the page", required=True),
    ),
    status_code=303,
)
async def read(request: Visit) -> Response[bytes]:
    """What was on the page is new no longer; what came since still is."""
    citizen, fields = await read_own_form(request)
    until = one(fields, "until")
    if not re.fullmatch(r"[0-9]{1,18}", until):
        raise BadInput("until: from the page")
    await telling.mark_read(house_of(request), citizen=citizen, until=int(until))
    return see_other("/my/notices")


HANDLERS = (show, choose, read)
