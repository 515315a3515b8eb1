"""Who is at the door of the pages: session, language, same-origin check, form check, and the headers of every page."""

import hmac
import re
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response
from litestar.datastructures import Cookie

from consent.acts import erase, session
from consent.acts import prefer as preferring
from consent.acts.house import House
from consent.oauth.forms import is_form
from consent.oauth.step_up import SignIn
from consent.words.errors import (
    AccountClosing,
    BadInput,
    ConsentError,
    Forbidden,
    NotSignedIn,
    TooManyRequests,
)
from consent.words.purposes import LANGUAGES, Language

from .arrival import read_body
from .render import render

FORM_LIMIT = 64 * 1024
_MOST_FIELDS = 100
_YEAR = 365 * 24 * 3600
# All else is 400 to a script.
_TO_SCRIPT = {"not_signed_in": 401, "forbidden": 403, "too_large": 413, "too_many_requests": 429}
# Printable ASCII without quotes, angles and backslashes; two slashes would begin with the name of a host.
_OWN_PATH = re.compile(r"/(?!/)[!#-;=?-\[\]-~]{0,199}")

Visit = Request[Any, Any, Any]


def house_of(request: Visit) -> House:
    """The house behind these doors."""
    house: House = request.app.state.house
    return house


def is_secure(house: House) -> bool:
    """Whether the issuer is https; only then can cookies be marked so, and browsers keep them apart by prefix."""
    return house.issuer.startswith("https://")


def cookie_name(house: House, name: str) -> str:
    """`__Host-` keeps a neighbouring host or a plain-http page from setting our cookie (RFC 6265bis §4.1.3.2)."""
    return f"__Host-{name}" if is_secure(house) else name


def make_cookie(house: House, name: str, value: str, *, age: int | None, strict: bool = False) -> Cookie:
    """A cookie that no script reads and no foreign form sends; *age* in seconds, None while the browser runs."""
    return Cookie(
        key=cookie_name(house, name),
        value=value,
        path="/",
        httponly=True,
        secure=is_secure(house),
        samesite="strict" if strict else "lax",
        max_age=age,
    )


def drop_cookie(house: House, response: Response[Any], name: str) -> None:
    """Let the browser forget a cookie: it takes this, too, only with all that `__Host-` demands."""
    response.set_cookie(make_cookie(house, name, "", age=0))


def session_cookie(request: Visit) -> str | None:
    """The secret in this browser's session cookie, unchecked."""
    return request.cookies.get(cookie_name(house_of(request), "session"))


async def find_visitor(request: Visit) -> session.Visitor | None:
    """Whose browser this is, or None; asked once a request."""
    if "consent_visitor" not in request.scope["state"]:
        request.scope["state"]["consent_visitor"] = await session.who(
            house_of(request), session_cookie(request)
        )
    visitor: session.Visitor | None = request.scope["state"]["consent_visitor"]
    return visitor


async def find_citizen(request: Visit) -> str | None:
    """Her id, or None."""
    visitor = await find_visitor(request)
    return visitor.citizen if visitor is not None else None


async def visitor_of(request: Visit) -> session.Visitor:
    """The signed-in citizen, and how she signed in. Raises NotSignedIn, AccountClosing."""
    await citizen_of(request)
    visitor = await find_visitor(request)
    assert visitor is not None
    return visitor


def sign_in_of(request: Visit) -> SignIn | None:
    """How and when she signed in whom `find_citizen` found; None for nobody."""
    visitor: session.Visitor | None = request.scope["state"].get("consent_visitor")
    return visitor.sign_in if visitor is not None else None


async def citizen_of(request: Visit, *, leaving: bool = False) -> str:
    """The signed-in citizen. Raises NotSignedIn, and AccountClosing unless the page is for who is *leaving* too."""
    citizen = await find_citizen(request)
    if citizen is None:
        raise NotSignedIn("sign in first")
    if not leaving and await erase.leaving(house_of(request), citizen=citizen) is not None:
        raise AccountClosing("this account is being erased")
    return citizen


def language_of(request: Visit) -> Language:
    """The page's language: asked for in the address, else remembered, else the browser's, else Dutch."""
    wished = request.query_params.get("lang") or request.cookies.get("lang")
    for language in LANGUAGES:
        if wished == language:
            return language
    for part in request.headers.get("accept-language", "").split(","):
        for language in LANGUAGES:
            if part.strip().lower().startswith(language):
                return language
    return "nl"


def check_same_origin(request: Visit) -> None:
    """Refuse what another site's page sends. Raises Forbidden.

    Browsers say where a POST comes from (Fetch Metadata, `Origin`); a page of ours is always the same origin. One
    of the two must be there: without either we could not tell.
    """
    issuer = house_of(request).issuer
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    if origin is not None and origin != "null":
        if origin != issuer:
            raise Forbidden("this form was sent from another site")
    elif site not in ("same-origin", "none"):
        raise Forbidden("this form was sent from another site")
    if site is not None and site not in ("same-origin", "none"):
        raise Forbidden("this form was sent from another site")


async def read_form(request: Visit) -> list[tuple[str, str]]:
    """The fields of a posted form, in order; names may repeat. Raises BadInput, TooLarge, Forbidden."""
    check_same_origin(request)
    if not is_form(request.headers.get("content-type")):
        raise BadInput("send the form as a browser sends it")
    body = await read_body(request.receive, dict(request.scope["headers"]), FORM_LIMIT)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except (ValueError, UnicodeDecodeError):
        raise BadInput("the form cannot be read") from None
    if any("\x00" in text for pair in pairs for text in pair):  # no database need see it
        raise BadInput("the form contains NUL")
    return pairs


async def read_own_form(request: Visit, *, leaving: bool = False) -> tuple[str, dict[str, list[str]]]:
    """The signed-in citizen and the fields of a form that our own page made for her. Also raises Forbidden."""
    fields: dict[str, list[str]] = {}
    for name, value in await read_form(request):
        fields.setdefault(name, []).append(value)
    citizen = await citizen_of(request, leaving=leaving)
    expected = session.form_key(session_cookie(request) or "")
    sent = fields.get("csrf", [""])
    if len(sent) != 1 or not hmac.compare_digest(sent[0].encode(), expected.encode()):
        raise Forbidden("this form is not from a page of yours")
    return citizen, fields


def one(fields: dict[str, list[str]], name: str) -> str:
    """The value of a field that stands at most once. Raises BadInput when it repeats."""
    values = fields.get(name, [""])
    if len(values) != 1:
        raise BadInput("a field stands twice in the form")
    return values[0]


def local_path(text: str) -> str:
    """*text* when it is a path of our own pages, else the home page: nobody is sent elsewhere from here."""
    return text if _OWN_PATH.fullmatch(text) else "/"


async def page(request: Visit, template: str, *, status: int = 200, **context: object) -> Response[str]:
    """A page for a person, with the headers that all pages have."""
    citizen = await find_citizen(request)
    if citizen is not None:
        chosen = await preferring.preferences(house_of(request), citizen=citizen)
        context = {"private": chosen.private, **context}
    return _page(request, template, citizen is not None, status, context)


def error_page(request: Visit, status: int, kind: str) -> Response[str]:
    """An honest page for an error; it must work when nothing else does, so it looks nobody up."""
    known = request.scope["state"].get("consent_visitor") is not None
    return _page(request, "error.html", known, status, {"status": status, "kind": kind})


def _page(
    request: Visit, template: str, signed_in: bool, status: int, context: dict[str, object]
) -> Response[str]:
    language = language_of(request)
    house = house_of(request)
    secret = session_cookie(request)
    html = render(
        template,
        language,
        csrf=session.form_key(secret) if signed_in and secret else None,
        signed_in=signed_in,
        product=request.app.state.product,
        away=request.app.state.away,
        sandbox=house.sandbox,
        marks=request.app.state.look.marks,
        **{"path": request.scope["path"], **request.app.state.people_of(language), **context},
    )
    response = Response(html, status_code=status, media_type="text/html")
    response.headers.update(page_headers(house))
    if request.query_params.get("lang") in LANGUAGES:
        response.set_cookie(
            Cookie(
                key="lang",
                value=language,
                path="/",
                max_age=_YEAR,
                samesite="lax",
                secure=is_secure(house),
                httponly=True,
            )
        )
    return response


def page_headers(house: House) -> dict[str, str]:
    """What every page says to the browser: nothing from elsewhere, no form to there, in no frame, kept by nobody."""
    headers = {
        "content-security-policy": (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; "
            "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        ),
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
        "cache-control": "no-store",
        "vary": "Cookie, Accept-Language",
    }
    if is_secure(house):
        headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
    return headers


def to_keep(
    request: Visit, name: str, content: bytes | dict[str, Any], media: str = "application/json"
) -> Response[bytes]:
    """A file that she saves under *name*; a structure is written so that a person can read it."""
    octets = (
        content if isinstance(content, bytes) else msgspec.json.format(msgspec.json.encode(content), indent=2)
    )
    headers = page_headers(house_of(request)) | {"content-disposition": f'attachment; filename="{name}"'}
    return Response(octets, media_type=media, headers=headers)


def to_script(request: Visit, body: bytes, *, status: int = 200) -> Response[bytes]:
    """What the script on a page of ours gets: JSON, with all that holds for pages."""
    return Response(
        body, status_code=status, media_type="application/json", headers=page_headers(house_of(request))
    )


def refused_to_script(request: Visit, no: ConsentError) -> Response[bytes]:
    """What the script gets when it did not work. It reads no pages; what else there is, stands on its page already."""
    status = _TO_SCRIPT.get(no.code, 400)
    response = to_script(request, msgspec.json.encode({"error": no.code}), status=status)
    if isinstance(no, TooManyRequests):
        response.headers["retry-after"] = str(no.wait)  # RFC 6585 §4
    return response


def see_other(where: str, *cookies: Cookie) -> Response[bytes]:
    """POST → 303 → GET: a reload never sends a form twice, and a code never stays in a POST's history."""
    response: Response[bytes] = Response(
        b"",
        status_code=303,
        headers={"location": where, "cache-control": "no-store", "referrer-policy": "no-referrer"},
        media_type="text/plain",
    )
    for cookie in cookies:
        response.set_cookie(cookie)
    return response
