"""For who is watched at home: a quick way off these pages, and her choice to be told of nothing where others see it."""

import contextlib
from urllib.parse import urlsplit

from litestar import Response, get, post

from consent.acts import prefer as preferring
from consent.acts import session as sessions
from consent.words.errors import ConsentError

from .doors import Field
from .guard import (
    Visit,
    check_same_origin,
    citizen_of,
    drop_cookie,
    house_of,
    language_of,
    one,
    page,
    page_headers,
    read_own_form,
    see_other,
    session_cookie,
)
from .page_doors import shows, takes

# All that stands there for a moment: no name, no look, nothing of ours.
_BLANK = '<!doctype html><html lang="{0}"><meta charset="utf-8"><title>{1}</title><p><a href="{3}">{2}</a></p></html>'
_WORDS = {"nl": ("Even geduld", "Verder"), "en": ("One moment", "Go on")}


@post(
    "/away",
    opt=takes(
        "goAway", "Leave at once: signed out here, and on to a harmless site", answers=(200,), signed_in=False
    ),
    status_code=200,
)
async def away(request: Visit) -> Response[str]:
    """End the session and lead elsewhere. Whatever is wrong, who presses this gets no error and does not stay.

    The answer is a page that goes on by itself and no redirect: a form of ours may not lead to another site, not even
    by a redirect (`form-action`), and that rule is not loosened on every page for this.
    """
    house = house_of(request)
    to = request.app.state.away or "/"
    language = language_of(request)
    response = Response(_BLANK.format(language, *_WORDS[language], to), media_type="text/html")
    response.headers.update(page_headers(house) | {"refresh": f"0; url={to}"})
    with contextlib.suppress(
        ConsentError
    ):  # who comes from another site's page is led away, and stays signed in
        check_same_origin(request)
        drop_cookie(house, response, "session")
        await sessions.sign_out(house, session_cookie(request) or "")
    return response


@get(
    "/my/quiet", opt=shows("showQuiet", "For who is watched: what these pages can do about it, and what not")
)
async def show(request: Visit) -> Response[str]:
    """What helps, what does not, and her choice."""
    citizen = await citizen_of(request)
    chosen = await preferring.preferences(house_of(request), citizen=citizen)
    to = request.app.state.away
    return await page(request, "quiet.html", is_on=chosen.private, to=urlsplit(to).netloc if to else None)


@post(
    "/my/quiet",
    opt=takes(
        "chooseQuiet",
        "Tell her of nothing where others see it",
        Field(name="private", where="form", description="on or off", required=True),
    ),
    status_code=303,
)
async def choose(request: Visit) -> Response[bytes]:
    """Keep her choice."""
    citizen, fields = await read_own_form(request)
    await preferring.keep_quiet(house_of(request), citizen=citizen, private=one(fields, "private") == "on")
    return see_other("/my/quiet")


HANDLERS = (away, show, choose)
