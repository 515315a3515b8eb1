"""Her page about signing in: devices, other ways in, and where she is signed in now."""

import hmac
from typing import Any

import msgspec
from litestar import Response, get, post

from consent.acts import enrol as enrolling
from consent.acts import federate as federating
from consent.acts import recover as recovering
from consent.acts import session as sessions
from consent.acts import sign_in as signing
from consent.acts.allowance import use_up
from consent.acts.session import Visitor
from consent.acts.ways import check_change
from consent.oauth.forms import is_form
from consent.words.errors import BadInput, Conflict, ConsentError, Forbidden, NotReached

from .arrival import read_body
from .client_forms import marks_of_address
from .doors import Answer, Door, Field, declared
from .entrance import DeviceAnswer
from .guard import (
    Visit,
    check_same_origin,
    cookie_name,
    drop_cookie,
    house_of,
    language_of,
    local_path,
    make_cookie,
    one,
    page,
    read_own_form,
    refused_to_script,
    see_other,
    session_cookie,
    to_script,
    visitor_of,
)
from .other_ways import send_link
from .page_doors import shows, takes

_LIMIT = 64 * 1024
_NO = Answer(description="Not done", body=dict[str, str])
_WAY = Field(name="way", where="form", description="From the page", required=True)
_ERRORS = ("last", "label", "address", "taken", "broker_failed")


def _scripted(id: str, summary: str, body: Any, answer: Answer) -> dict[str, Any]:
    key = Field(name="X-CSRF-Token", where="header", description="From the page", required=True)
    no = dict.fromkeys((400, 401, 403, *((413,) if body else ())), _NO)
    return declared(
        Door(
            id=id,
            tag="citizen",
            summary=summary,
            security="session",
            fields=(key,),
            body=body,
            answers={200: answer, **no},
        )
    )


@get(
    "/my/sign-in",
    opt=shows("showWays", "How she signs in, and where she is signed in", or_else=(303,)),
)
async def ways(request: Visit) -> Response[str]:
    """All her ways in."""
    house, visitor = house_of(request), await visitor_of(request)
    error = request.query_params.get("error")
    return await page(
        request,
        "ways.html",
        desk=await enrolling.desk(house, visitor),
        browsers=await sessions.browsers(
            house, citizen=visitor.citizen, cookie=session_cookie(request) or ""
        ),
        has_mail=house.mailer is not None,
        broker=house.broker.name if house.broker is not None else None,
        error=error if error in _ERRORS else None,
    )


@post(
    "/my/sign-in/passkeys/options",
    opt=_scripted(
        "beginDevice",
        "Begin to add a device",
        None,
        Answer(description="WebAuthn options", body=dict[str, Any]),
    ),
    status_code=200,
)
async def begin_device(request: Visit) -> Response[bytes]:
    """Options for the browser's authenticator."""
    house = house_of(request)
    try:
        visitor = await _scripted_visitor(request)
        await check_change(house, visitor)
    except ConsentError as no:
        return refused_to_script(request, no)
    name = request.app.state.product or "Mijn gegevens"
    challenge = await signing.begin(house, "add", name=name, citizen=visitor.citizen)
    response = to_script(request, challenge.options)
    response.set_cookie(make_cookie(house, "ceremony", challenge.cookie, age=300, strict=True))
    return response


@post(
    "/my/sign-in/passkeys",
    opt=_scripted(
        "addDevice",
        "Add a device",
        DeviceAnswer,
        Answer(description="Where to go now", body=dict[str, str]),
    ),
    status_code=200,
)
async def add_device(request: Visit) -> Response[bytes]:
    """Check the device's answer, and keep its key."""
    house = house_of(request)
    try:
        visitor = await _scripted_visitor(request)
        if is_form(request.headers.get("content-type")):
            raise BadInput("send JSON")
        body = await read_body(request.receive, dict(request.scope["headers"]), _LIMIT)
        answer = msgspec.json.decode(body, type=DeviceAnswer)
        await enrolling.add_passkey(
            house,
            visitor,
            ceremony=request.cookies.get(cookie_name(house, "ceremony"), ""),
            credential=answer.credential,
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return to_script(request, b'{"error":"bad_input"}', status=400)
    except ConsentError as no:
        return refused_to_script(request, no)
    response = to_script(request, msgspec.json.encode({"next": local_path(answer.next)}))
    drop_cookie(house, response, "ceremony")
    return response


@post(
    "/my/sign-in/name",
    opt=takes(
        "nameDevice",
        "Give a device a name",
        _WAY,
        Field(name="label", where="form", description="Her name for it; empty: none"),
    ),
    status_code=303,
)
async def name_device(request: Visit) -> Response[bytes]:
    """Name a device."""
    visitor, fields = await _own_form(request)
    try:
        await enrolling.name_passkey(
            house_of(request), visitor, passkey=one(fields, "way"), label=one(fields, "label")
        )
    except BadInput:
        return see_other("/my/sign-in?error=label")
    return see_other("/my/sign-in")


@post("/my/sign-in/remove", opt=takes("removeWay", "Take a way in away", _WAY), status_code=303)
async def remove_way(request: Visit) -> Response[bytes]:
    """Take a way in away; the last one stays."""
    visitor, fields = await _own_form(request)
    try:
        await enrolling.remove(
            house_of(request), visitor, way=one(fields, "way"), cookie=session_cookie(request) or ""
        )
    except Conflict:
        return see_other("/my/sign-in?error=last")
    return see_other("/my/sign-in")


@post(
    "/my/sign-in/mail",
    opt=takes(
        "addMailbox",
        "Add a mailbox",
        Field(name="address", where="form", description="Her e-mail address", required=True),
        answers=(303, 400, 403, 404, 429),
    ),
    status_code=303,
)
async def add_mailbox(request: Visit) -> Response[bytes]:
    """Send a link that adds the address."""
    visitor, fields = await _own_form(request)
    house = house_of(request)
    await use_up(house, marks_of_address(house, request.scope, "sign_in"))
    return await send_link(request, one(fields, "address"), visitor, "/my/sign-in")


@post("/my/sign-in/words", opt=takes("makeWords", "Make words for on paper, shown once"), status_code=200)
async def make_words(request: Visit) -> Response[str]:
    """Show new words, this once."""
    visitor, _ = await _own_form(request)
    words = await recovering.make_words(house_of(request), visitor, language=language_of(request))
    return await page(request, "new_words.html", words=words, path="/my/sign-in")


@post("/my/sign-in/broker", opt=takes("addBroker", "Add the broker"), status_code=200)
async def add_broker(request: Visit) -> Response[Any]:
    """A page with the way to the broker: a form may not lead to another site here, a link may."""
    visitor, _ = await _own_form(request)
    house = house_of(request)
    try:
        address, cookie = await federating.begin(house, visitor=visitor)
    except NotReached:
        return see_other("/my/sign-in?error=broker_failed")
    assert house.broker is not None
    response = await page(
        request, "to_broker.html", address=address, broker=house.broker.name, path="/my/sign-in"
    )
    response.set_cookie(make_cookie(house, "broker", cookie, age=900))
    return response


@post(
    "/my/sign-in/end",
    opt=takes(
        "endSession",
        "Sign out elsewhere",
        Field(name="browser", where="form", description="From the page", required=True),
    ),
    status_code=303,
)
async def end_session(request: Visit) -> Response[bytes]:
    """End one of her sessions."""
    visitor, fields = await _own_form(request)
    await sessions.end_one(house_of(request), citizen=visitor.citizen, browser=one(fields, "browser"))
    return see_other("/my/sign-in")


@post("/my/sign-in/end-others", opt=takes("endOtherSessions", "Sign out everywhere else"), status_code=303)
async def end_other_sessions(request: Visit) -> Response[bytes]:
    """End all her sessions but this one."""
    visitor, _ = await _own_form(request)
    await sessions.end_others(
        house_of(request), citizen=visitor.citizen, cookie=session_cookie(request) or ""
    )
    return see_other("/my/sign-in")


async def _own_form(request: Visit) -> tuple[Visitor, dict[str, list[str]]]:
    _, fields = await read_own_form(request)
    return await visitor_of(request), fields


async def _scripted_visitor(request: Visit) -> Visitor:
    """The signed-in citizen whose page's script sent this. Raises NotSignedIn, AccountClosing, Forbidden."""
    check_same_origin(request)
    visitor = await visitor_of(request)
    expected = sessions.form_key(session_cookie(request) or "")
    if not hmac.compare_digest(request.headers.get("x-csrf-token", "").encode(), expected.encode()):
        raise Forbidden("this is not from a page of yours")
    return visitor


HANDLERS = (
    ways,
    begin_device,
    add_device,
    name_device,
    remove_way,
    add_mailbox,
    make_words,
    add_broker,
    end_session,
    end_other_sessions,
)
