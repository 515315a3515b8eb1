"""Other ways in than a device: a link in her mailbox, words on paper, a broker. None of them needs a script."""

from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from litestar import Response, get, post
from litestar.datastructures import Cookie

from consent.acts import federate as federating
from consent.acts import link as linking
from consent.acts import recover as recovering
from consent.acts.allowance import use_up
from consent.acts.house import Letter
from consent.acts.session import Visitor
from consent.words.errors import BadInput, Conflict, NotReached, NotSignedIn

from .client_forms import marks_of_address
from .doors import Field
from .guard import (
    Visit,
    cookie_name,
    drop_cookie,
    find_visitor,
    house_of,
    language_of,
    local_path,
    make_cookie,
    page,
    read_form,
    see_other,
    session_cookie,
)
from .page_doors import shows, takes
from .render import render

_NEXT = Field(name="next", where="form", description="Where to go afterwards")
_QUARTER = 15 * 60  # seconds


def _shows(id: str, summary: str, *fields: Field) -> dict[str, Any]:
    return shows(id, summary, *fields, or_else=(303, 404, 429), signed_in=False)


def _takes(id: str, summary: str, *fields: Field, wrong: int = 400) -> dict[str, Any]:
    answers = tuple({303, 400, 403, 404, 429, wrong})
    return takes(id, summary, *fields, answers=answers, signed_in=False)


@post(
    "/sign-in/mail",
    opt=_takes(
        "askForLink",
        "Ask for a link by e-mail; the answer is the same for every address",
        Field(name="address", where="form", description="Her e-mail address", required=True),
        _NEXT,
    ),
    status_code=303,
)
async def ask_for_link(request: Visit) -> Response[bytes]:
    """Send a link."""
    house = house_of(request)
    fields = dict(await read_form(request))
    await use_up(house, marks_of_address(house, request.scope, "sign_in"))
    return await send_link(request, fields.get("address", ""), None, local_path(fields.get("next", "/")))


async def send_link(request: Visit, address: str, visitor: Visitor | None, after: str) -> Response[bytes]:
    """Send a link to *address*, that signs in or, for a *visitor*, adds it."""
    house, language = house_of(request), language_of(request)

    def compose(to: str, secret: str) -> Letter:
        link = f"{house.issuer}/sign-in/link/{secret}"
        text = render("letter_link.txt", language, link=link, product=request.app.state.product)
        subject, _, body = text.lstrip().partition("\n")
        return Letter(to=to, subject=subject, text=body.strip() + "\n")

    try:
        cookie = await linking.ask(house, address=address, visitor=visitor, compose=compose)
    except BadInput:
        back = "/my/sign-in?error=address" if visitor else f"/sign-in?error=address&next={quote(after)}"
        return see_other(back)
    return see_other("/sign-in/link-sent", _bound(request, "link", cookie), _onward(request, after))


@get("/sign-in/link-sent", opt=_shows("showLinkSent", "A link is on its way"))
async def link_sent(request: Visit) -> Response[str]:
    """Look in your mail."""
    return await page(request, "link_sent.html")


@get(
    "/sign-in/link/{secret:str}",
    opt=_shows(
        "openLink",
        "What a link would do; opening it does nothing",
        Field(name="secret", where="path", description="From the mail", required=True),
    ),
)
async def open_link(request: Visit, secret: str) -> Response[str]:
    """The page with the button. Whatever looks through mail may open it as often as it likes."""
    house = house_of(request)
    opened = await linking.look(house, secret=secret, cookie=_cookie(request, "link"))
    # The address of this page holds the secret, so the language switch leads elsewhere.
    return await page(request, "link.html", opened=opened, secret=secret, path="/sign-in")


@post(
    "/sign-in/link",
    opt=_takes(
        "followLink",
        "Follow a link, in the browser that asked for it",
        Field(name="link", where="form", description="From the page", required=True),
    ),
    status_code=303,
)
async def follow_link(request: Visit) -> Response[Any]:
    """Sign in, make an account, or add the address."""
    house = house_of(request)
    fields = dict(await read_form(request))
    await use_up(house, marks_of_address(house, request.scope, "sign_in"))
    try:
        session = await linking.follow(
            house,
            secret=fields.get("link", ""),
            cookie=_cookie(request, "link"),
            visitor=await find_visitor(request),
            before=session_cookie(request),
        )
    except NotSignedIn:
        return await page(request, "link.html", status=400, opened=None, secret="", path="/sign-in")
    except Conflict:
        return see_other("/my/sign-in?error=taken")
    return _arrived(request, session, "link")


@get("/sign-in/words", opt=_shows("showWords", "Sign in with words on paper"))
async def show_words(request: Visit) -> Response[str]:
    """The form for her words."""
    after = local_path(request.query_params.get("next", "/"))
    return await page(request, "words.html", next=after, error=None)


@post(
    "/sign-in/words",
    opt=_takes(
        "signInWithWords",
        "Sign in with words on paper, once",
        Field(name="words", where="form", description="All of them", required=True),
        _NEXT,
        wrong=422,
    ),
    status_code=303,
)
async def with_words(request: Visit) -> Response[Any]:
    """Use up her words."""
    house = house_of(request)
    fields = dict(await read_form(request))
    await use_up(house, marks_of_address(house, request.scope, "sign_in"))
    after = local_path(fields.get("next", "/"))
    try:
        session = await recovering.with_words(
            house, text=fields.get("words", "")[:1000], before=session_cookie(request)
        )
    except NotSignedIn:
        return await page(request, "words.html", status=422, next=after, error="wrong")
    # What she needs now is a way in that lasts.
    return see_other("/my/sign-in", make_cookie(house, "session", session, age=None))


@get(
    "/sign-in/broker",
    opt=_shows(
        "signInAtBroker",
        "Go and sign in at the broker",
        Field(name="next", where="query", description="Where to go afterwards"),
    ),
)
async def to_broker(request: Visit) -> Response[Any]:
    """Send the browser to the broker. A link, not a form: a form may not lead to another site here."""
    house = house_of(request)
    after = local_path(request.query_params.get("next", "/"))
    if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return see_other(f"/sign-in?next={quote(after)}")  # nobody else's page begins a sign-in
    await use_up(house, marks_of_address(house, request.scope, "sign_in"))
    try:
        address, cookie = await federating.begin(house, visitor=None)
    except NotReached:
        return see_other(f"/sign-in?error=broker_failed&next={quote(after)}")
    return see_other(address, _bound(request, "broker", cookie), _onward(request, after))


@get(
    "/sign-in/broker/done",
    opt=_shows(
        "comeFromBroker",
        "Back from the broker",
        *(
            Field(name=n, where="query", description="From the broker")
            for n in ("code", "state", "iss", "error")
        ),
    ),
)
async def from_broker(request: Visit) -> Response[Any]:
    """Take the broker's word, if this browser was sent there."""
    house = house_of(request)
    visitor = await find_visitor(request)
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    wrong = "/my/sign-in?error=" if visitor else "/sign-in?error="
    await use_up(house, marks_of_address(house, request.scope, "sign_in"))
    try:
        if len(dict(pairs)) != len(pairs):
            raise NotSignedIn("a parameter stands twice")
        session = await federating.finish(
            house,
            answer=dict(pairs),
            cookie=_cookie(request, "broker"),
            visitor=visitor,
            before=session_cookie(request),
        )
    except (NotSignedIn, NotReached):
        return see_other(wrong + "broker_failed")
    except Conflict:
        return see_other(wrong + "taken")
    return _arrived(request, session, "broker")


def _arrived(request: Visit, session: str | None, cookie: str) -> Response[bytes]:
    """She is in, or what she added is."""
    house = house_of(request)
    if session is None:
        response = see_other("/my/sign-in")
    else:
        response = see_other(
            local_path(unquote(_cookie(request, "onward"))), make_cookie(house, "session", session, age=None)
        )
    for name in (cookie, "onward"):
        drop_cookie(house, response, name)
    return response


def _cookie(request: Visit, name: str) -> str:
    return request.cookies.get(cookie_name(house_of(request), name), "")


def _bound(request: Visit, name: str, value: str) -> Cookie:
    """Lax, not strict: she comes back from another site, by a link."""
    return make_cookie(house_of(request), name, value, age=_QUARTER)


def _onward(request: Visit, after: str) -> Cookie:
    """Where she was going; it stands in no mail and at no broker."""
    return make_cookie(house_of(request), "onward", quote(after, safe="/"), age=_QUARTER)


HANDLERS = (
    ask_for_link,
    link_sent,
    open_link,
    follow_link,
    show_words,
    with_words,
    to_broker,
    from_broker,
)
