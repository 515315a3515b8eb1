"""The porch: what holds for every visitor, before a door is chosen.

An address is spelled in one way, HEAD is GET without a body, and every answer tells a browser what not to do with it.
"""

from typing import Any, cast
from urllib.parse import quote

from litestar import Request, Response
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, NotFoundException
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from consent.acts.ways import NotFreshlySignedIn
from consent.words.errors import AccountClosing, NotSignedIn, TooManyRequests

from .arrival import NEXT_NONCE
from .errors import api_error, oauth_error, page_error, voice_of
from .guard import error_page, see_other, session_cookie

_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
_TLS_ONLY = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


def porch(app: ASGIApp, *, is_https: bool, about: str = "") -> ASGIApp:
    """Wrap *app*; *is_https*: people reach it over TLS, and never without it again.

    *about*: the address of the metadata of the API, which each challenge for a token names (RFC 9728 §5.1).
    """
    named = f', resource_metadata="{about}"'.encode() if about else b""
    always = (*_ALWAYS, _TLS_ONLY) if is_https else _ALWAYS

    async def enter(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        # An act of the API is not repeated to see its length: a proof works once, an auditor's read is an entry.
        is_head = scope["method"] == "HEAD" and voice_of(scope["path"]) != "api"

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                if message["status"] in (204, 405) and voice_of(scope["path"]) != "api":
                    headers = [_with_head(*one) for one in headers]
                if message["status"] in (401, 403) and named:
                    headers = [_with_metadata(*one, named) for one in headers]
                nonce = NEXT_NONCE.get()
                if nonce is not None:
                    headers.append((b"dpop-nonce", nonce.encode()))  # RFC 9449 §8.2
                there = {name for name, _ in headers}
                message["headers"] = headers + [one for one in always if one[0] not in there]
            elif is_head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        if not is_spelled_plainly(scope):
            request: Request[Any, Any, Any] = Request(scope, receive, answer)
            gone = handle(request, NotFoundException()).to_asgi_response(None, request)
            await gone(scope, receive, answer)
        elif is_head:
            await app(cast("Scope", {**scope, "method": "GET"}), receive, answer)
        else:
            await app(scope, receive, answer)

    return enter


def _with_head(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A header; where it allows GET, it allows HEAD as well."""
    return (name, value.replace(b"GET", b"GET, HEAD")) if name == b"allow" else (name, value)


def _with_metadata(name: bytes, value: bytes, named: bytes) -> tuple[bytes, bytes]:
    """A header; a challenge for a token of ours says where to read how to get one."""
    is_ours = name == b"www-authenticate" and value.startswith(b"DPoP ")
    return (name, value + named) if is_ours else (name, value)


def is_spelled_plainly(scope: HTTPScope) -> bool:
    """Answer whether the path is written without percent-codes and empty steps: no address here needs them.

    A cache or a proxy in front that reads `/log/2026%2Fcheckpoint` or `//my` otherwise than we do could be made to
    mix up two things. A slash too many at the end is a person's slip and does no harm.
    """
    return b"%" not in scope["raw_path"] and b"//" not in scope["raw_path"]


def handle(request: Request[Any, Any, Any], fault: Exception) -> Response[Any]:
    """The one exception handler of the application: every error in the language of the address."""
    voice = voice_of(request.scope["path"])
    if voice == "page":
        if isinstance(fault, NotSignedIn):
            # A deep link works alone: after signing in she is where she wanted to be.
            is_read = request.method == "GET"
            path = request.scope["path"]
            after = path if is_read or path.startswith("/my/requests/") else "/"
            # Whoever pressed Stop with a session that had ended must not think that it worked.
            why = "" if session_cookie(request) is None else "expired" if is_read else "not_done"
            return see_other(f"/sign-in?next={quote(after)}" + (f"&error={why}" if why else ""))
        if isinstance(fault, AccountClosing):
            return see_other("/my/erase")  # the one page that is left, with the way back
        if isinstance(fault, NotFreshlySignedIn):
            return see_other("/sign-in?again=1&next=/my/sign-in")
        shown = error_page(request, *page_error(fault))
        shown.headers.update(_allowed(fault))
        if isinstance(fault, TooManyRequests):
            shown.headers["retry-after"] = str(fault.wait)  # RFC 6585 §4
        return shown
    if voice == "oauth":
        status, headers, body = oauth_error(fault)
    else:
        status, headers, body = api_error(fault)
    headers |= _allowed(fault)
    return Response(body, status_code=status, headers=headers, media_type=headers["content-type"])


def _allowed(fault: Exception) -> dict[str, str]:
    """Which methods there are, when that is what went wrong (RFC 9110 §15.5.6)."""
    said = (fault.headers or {}) if isinstance(fault, HTTPException) else {}
    return {name.lower(): value for name, value in said.items() if name.lower() == "allow"}


def canonical_host(app: ASGIApp, issuer: str) -> ASGIApp:
    """On loopback, send a browser from 127.0.0.1 to localhost: signing in with a device needs a host name."""
    if not issuer.startswith("http://localhost"):
        return app

    async def canonical(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["method"] == "GET":
            host = next((value for name, value in scope["headers"] if name == b"host"), b"")
            if host.startswith(b"127.0.0.1") and b"text/html" in dict(scope["headers"]).get(b"accept", b""):
                where = issuer.encode() + scope["raw_path"]
                if scope["query_string"]:
                    where += b"?" + scope["query_string"]
                await send({"type": "http.response.start", "status": 308, "headers": [(b"location", where)]})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
        await app(scope, receive, send)

    return canonical
