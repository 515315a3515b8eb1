"""The entrance: signing in and out. Signing in with the device is the only thing here that needs a script."""

import contextlib
from typing import Any, Literal

import msgspec
from litestar import Response, get, post

from consent.acts import session as sessions
from consent.acts import sign_in as signing
from consent.acts.allowance import use_up
from consent.acts.ask import who_asks
from consent.oauth.forms import is_form
from consent.words.errors import BadInput, ConsentError, NotSignedIn

from .arrival import read_body
from .client_forms import marks_of_address
from .doors import Answer, Door, Field, declared
from .guard import (
    Visit,
    check_same_origin,
    cookie_name,
    drop_cookie,
    find_citizen,
    house_of,
    language_of,
    local_path,
    make_cookie,
    page,
    read_form,
    read_own_form,
    refused_to_script,
    see_other,
    session_cookie,
    to_script,
)
from .page_doors import ELSEWHERE, PAGE

_LIMIT = 64 * 1024
_ERRORS = ("passkey_failed", "broker_failed", "taken", "address", "expired", "not_done")
_NEXT = Answer(description="Where to go now", body=dict[str, str])
_REFUSED = Answer(description="Not signed in", body=dict[str, str])
_WAIT = Answer(description="Too often in a minute", body=dict[str, str], headers=("Retry-After",))


class DeviceAnswer(msgspec.Struct, forbid_unknown_fields=True):
    """What the browser's authenticator answered (WebAuthn Level 3 §5.1), and where to go afterwards."""

    credential: dict[str, Any]
    next: str = "/"


@get(
    "/sign-in",
    opt=declared(
        Door(
            id="showSignIn",
            tag="citizen",
            summary="Sign in",
            fields=(
                Field(name="next", where="query", description="Where to go afterwards"),
                Field(name="again", where="query", description="1: also for whoever is signed in"),
            ),
            answers={200: PAGE, 303: ELSEWHERE},
        )
    ),
)
async def sign_in(request: Visit) -> Response[Any]:
    """All ways to sign in, under each other."""
    house = house_of(request)
    after = local_path(request.query_params.get("next", "/"))
    again = request.query_params.get("again") == "1"
    if await find_citizen(request) is not None and not again:
        return see_other(after)
    language = language_of(request)
    people = [
        {"id": one.id, "label": one.label[language], "description": one.description[language]}
        for one in await signing.personas(house)
    ]
    error = request.query_params.get("error")
    return await page(
        request,
        "sign_in.html",
        next=after,
        personas=people,
        again=again,
        error=error if error in _ERRORS else None,
        has_mail=house.mailer is not None,
        broker=house.broker.name if house.broker is not None else None,
        waiting=await _who_waits(request, after),
    )


async def _who_waits(request: Visit, after: str) -> str | None:
    """Which organisation's question she comes for; whoever has the link may know its name."""
    return await who_asks(house_of(request), after.removeprefix("/my/requests/").partition("?")[0])


@post(
    "/sign-in/persona",
    opt=declared(
        Door(
            id="signInAsPersona",
            tag="citizen",
            summary="Sign in as an invented person (sandbox only)",
            fields=(
                Field(name="persona", where="form", description="Which one", required=True),
                Field(name="next", where="form", description="Where to go afterwards"),
            ),
            body_media="application/x-www-form-urlencoded",
            answers={303: Answer(description="Signed in", media=None)}
            | dict.fromkeys((400, 403, 404, 413), PAGE)
            | {429: msgspec.structs.replace(PAGE, headers=("Retry-After",))},
        )
    ),
    status_code=303,
)
async def as_persona(request: Visit) -> Response[bytes]:
    """Sign in as an invented person."""
    house = house_of(request)
    fields = dict(await read_form(request))
    await use_up(house, marks_of_address(house, request.scope, "sign_in"))
    cookie = await signing.as_persona(house, fields.get("persona", ""), before=session_cookie(request))
    return see_other(local_path(fields.get("next", "/")), make_cookie(house, "session", cookie, age=None))


@post(
    ["/sign-in/passkey/options", "/sign-up/passkey/options"],
    opt=declared(
        Door(
            id="beginPasskey",
            tag="citizen",
            summary="Begin a ceremony with the device",
            answers={
                200: Answer(description="WebAuthn options", body=dict[str, Any]),
                403: _REFUSED,
                429: _WAIT,
            },
        )
    ),
    status_code=200,
)
async def begin(request: Visit) -> Response[bytes]:
    """Options for the browser's authenticator, and a cookie for this ceremony alone."""
    house = house_of(request)
    try:
        check_same_origin(request)
        await use_up(house, marks_of_address(house, request.scope, "sign_in"))
    except ConsentError as no:
        return refused_to_script(request, no)
    kind: Literal["sign_in", "sign_up"] = (
        "sign_up" if request.scope["path"].startswith("/sign-up") else "sign_in"
    )
    challenge = await signing.begin(house, kind, name=request.app.state.product or "Mijn gegevens")
    response = to_script(request, challenge.options)
    response.set_cookie(make_cookie(house, "ceremony", challenge.cookie, age=300, strict=True))
    return response


@post(
    ["/sign-in/passkey", "/sign-up/passkey"],
    opt=declared(
        Door(
            id="finishPasskey",
            tag="citizen",
            summary="Finish a ceremony with the device",
            body=DeviceAnswer,
            answers={200: _NEXT, **dict.fromkeys((400, 401, 403, 413), _REFUSED), 429: _WAIT},
        )
    ),
    status_code=200,
)
async def finish(request: Visit) -> Response[bytes]:
    """Check the device's answer; a new one makes an account."""
    house = house_of(request)
    ceremony = request.cookies.get(cookie_name(house, "ceremony"), "")
    act = signing.sign_up if request.scope["path"].startswith("/sign-up") else signing.with_passkey
    try:
        check_same_origin(request)
        if is_form(request.headers.get("content-type")):
            raise BadInput("send JSON")
        body = await read_body(request.receive, dict(request.scope["headers"]), _LIMIT)
        await use_up(house, marks_of_address(house, request.scope, "sign_in"))
        answer = msgspec.json.decode(body, type=DeviceAnswer)
        cookie = await act(
            house, ceremony=ceremony, credential=answer.credential, before=session_cookie(request)
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return to_script(request, b'{"error":"bad_input"}', status=400)
    except ConsentError as no:  # one answer for all that can be wrong: nobody learns which keys exist
        return refused_to_script(request, no)
    response = to_script(request, msgspec.json.encode({"next": local_path(answer.next)}))
    response.set_cookie(make_cookie(house, "session", cookie, age=None))
    drop_cookie(house, response, "ceremony")
    return response


@post(
    "/sign-out",
    opt=declared(
        Door(
            id="signOut",
            tag="citizen",
            summary="Sign out",
            security="session",
            fields=(Field(name="csrf", where="form", description="From the page", required=True),),
            body_media="application/x-www-form-urlencoded",
            answers={303: Answer(description="Signed out", media=None)}
            | dict.fromkeys((400, 403, 413), PAGE),
        )
    ),
    status_code=303,
)
async def sign_out(request: Visit) -> Response[bytes]:
    """End this browser's session."""
    house = house_of(request)
    with contextlib.suppress(NotSignedIn):  # signed out already is what she wants
        await read_own_form(request, leaving=True)
    await sessions.sign_out(house, session_cookie(request) or "")
    response = see_other("/signed-out")
    drop_cookie(house, response, "session")
    return response


@get(
    "/signed-out",
    opt=declared(Door(id="showSignedOut", tag="citizen", summary="Signed out", answers={200: PAGE})),
)
async def signed_out(request: Visit) -> Response[str]:
    """Signed out."""
    return await page(request, "signed_out.html")


HANDLERS = (sign_in, as_persona, begin, finish, sign_out, signed_out)
