"""The example site itself: visits in memory, one page, four buttons. Started by `example.py`.

It listens on the loopback address only, and writes no log.
"""

import asyncio
import hmac
import secrets
import threading
from collections.abc import Callable, Coroutine, Mapping
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from .errors import ConsentError, Declined, Forked, ProofError, Refused, Unreachable
from .example_pages import STYLE, page
from .example_visit import Line, Plan, Visit
from .note import read_proof
from .organisation import Organisation
from .signals import MOST_OCTETS, Signal, SignalAnswer

T = TypeVar("T")

_COOKIE = "example"
_MAX_FORM = 10_000
_MAX_VISITS = 1_000
_WAIT = 60  # seconds that one request may take


class Site:
    """The site. `start()` listens in a thread of its own; `close()` ends it."""

    def __init__(self, org: Organisation, plan: Plan, *, port: int) -> None:
        """*port* 0 takes a free one. Raises OSError when the port is taken."""
        self._org = org
        self.plan = plan
        self._visits: dict[str, Visit] = {}
        self._receiver = org.receiver(self._heard)
        self._loop = asyncio.new_event_loop()
        site = self

        class Handler(_Handler):
            pass

        Handler.site = site
        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._threads = [
            threading.Thread(target=work, daemon=True)
            for work in (self._loop.run_forever, self._server.serve_forever)
        ]

    @property
    def url(self) -> str:
        """Where the site is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Begin to answer."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop answering, and close the connections."""
        self._server.shutdown()
        self._server.server_close()
        self._wait(self._org.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        for thread in self._threads:
            thread.join(_WAIT)
        self._loop.close()

    def visit(self, cookie: str) -> tuple[str, Visit]:
        """The visit of a cookie, or a new one."""
        known = self._visits.get(cookie)
        if known is not None:
            return cookie, known
        while len(self._visits) >= _MAX_VISITS:
            self._visits.pop(next(iter(self._visits)), None)
        name = secrets.token_urlsafe(24)
        self._visits[name] = Visit(token=secrets.token_urlsafe(24))
        return name, self._visits[name]

    def ask(self, visit: Visit) -> str:
        """Begin a question; answers the address to send the browser to."""
        plan = self.plan
        visit.ask = self._wait(
            self._org.ask(
                purpose=plan.purpose,
                purpose_version=plan.purpose_version,
                attributes=list(plan.attributes),
                duration_days=plan.duration_days,
            )
        )
        return visit.ask.url

    def receive(self, visit: Visit, callback: str) -> None:
        """Take the answer, and get the data at once."""
        if visit.ask is None:
            visit.lines.insert(0, Line("no", "Dit antwoord hoort bij geen open vraag."))
            return
        ask, visit.ask = visit.ask, None  # an answer counts once
        visit.arrangement = self._wait(self._org.receive(callback, ask))
        self.fetch(visit)

    def fetch(self, visit: Visit) -> None:
        """Get the data, with a checked proof, and register what they are used for."""
        if visit.arrangement is None:
            return
        # What was received before is not a fallback: without a yes of now there is nothing to show.
        visit.disclosure = visit.use = None
        disclosure = self._wait(self._org.fetch(visit.arrangement, visit.arrangement.attributes))
        index = read_proof(disclosure.proof).index
        visit.lines.insert(0, Line("yes", f"Gegevens ontvangen. Bewijs gecontroleerd: regel {index}."))
        if self.plan.template is not None:
            visit.use = self._wait(
                self._org.use(disclosures=[disclosure.disclosure_id], template=self.plan.template)
            )
        visit.disclosure = disclosure

    def hear(self, body: bytes, headers: Mapping[str, str]) -> SignalAnswer:
        """Take a delivery of the service."""
        return self._wait(self._receiver.take(body, headers))

    async def _heard(self, signal: Signal) -> None:
        """Act on a signal: after an end nothing of it stays, and the service is told so."""
        for visit in self._visits.values():
            if visit.arrangement is None or visit.arrangement.grant_id != signal.grant_id:
                continue
            if signal.kind in ("ended", "erased"):
                visit.disclosure = visit.use = visit.arrangement = None
                visit.lines.insert(0, Line("no", "U bent gestopt met delen. Wij hebben uw gegevens gewist."))
            else:
                visit.disclosure = visit.use = None
                visit.lines.insert(0, Line("yes", "Er is iets veranderd. Wij vragen uw gegevens opnieuw op."))
        await self._org.acknowledge(signal.id)
        if signal.kind in ("ended", "erased"):
            await self._org.state_deletion(signal.grant_id)
        elif signal.kind == "amended" and signal.attributes:  # what she took back; the rest is fetched anew
            await self._org.state_deletion(signal.grant_id, attributes=signal.attributes)

    def forget(self, visit: Visit) -> None:
        """Forget everything about a visit, but for its cookie."""
        visit.ask = visit.arrangement = visit.disclosure = visit.use = None
        visit.lines = []

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        # One loop for all requests: connections and locks belong to the loop that made them.
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_WAIT)


def describe(error: ConsentError) -> Line:
    """One plain sentence for a visitor. The error's own words are for developers."""
    match error:
        case Declined():
            return Line("no", "U zei nee. Wij hebben niets gekregen.")
        case Refused(reason="grant_not_active" | "invalid_grant"):
            return Line("no", "Geweigerd: u bent gestopt met delen. Wij hebben uw gegevens gewist.")
        case Refused():
            return Line("no", f"Geweigerd door de dienst ({error.reason}).")
        case ProofError():
            return Line("no", f"Het bewijs klopt niet ({error.check}). Wij tonen niets.")
        case Forked():
            return Line("no", "Het logboek spreekt zichzelf tegen. Wij tonen niets en bewaren het bewijs.")
        case Unreachable():
            return Line("no", "De dienst geeft geen antwoord. Probeer het straks nog eens.")
        case _:
            return Line("no", "Het antwoord van de dienst klopt niet.")


class _Handler(BaseHTTPRequestHandler):
    site: Site
    server_version = "example"
    sys_version = ""
    timeout = 30

    def do_GET(self) -> None:
        if not self._is_for_us():
            return
        path = urlsplit(self.path).path
        if path == "/style.css":
            self._send(200, STYLE, "text/css; charset=utf-8")
        elif path == "/":
            name, visit = self._visit()
            self._send(200, page(self.site.plan, visit), "text/html; charset=utf-8", cookie=name)
        elif path == "/callback":
            name, visit = self._visit()
            self._try(visit, lambda: self.site.receive(visit, self.site.url + self.path))
            self._redirect("/", cookie=name)
        else:
            self._send(404, "Niet gevonden", "text/plain; charset=utf-8")

    def do_POST(self) -> None:
        if not self._is_for_us():
            return
        if self.path == "/signals":
            self._hear()
            return
        name, visit = self._visit()
        length = self.headers.get("content-length", "")
        size = int(length) if length.isdigit() else 0
        form = parse_qs(self.rfile.read(min(size, _MAX_FORM)).decode("latin-1"))
        if not hmac.compare_digest(form.get("token", [""])[0].encode(), visit.token.encode()):
            self._send(403, "Ga terug en laad de pagina opnieuw.", "text/plain; charset=utf-8")
            return
        target = "/"
        if self.path == "/ask":
            target = self._try(visit, lambda: self.site.ask(visit)) or "/"
        elif self.path == "/fetch":
            self._try(visit, lambda: self.site.fetch(visit))
        elif self.path == "/forget":
            self.site.forget(visit)
        self._redirect(target, cookie=name)

    def _hear(self) -> None:
        length = self.headers.get("content-length", "")
        body = self.rfile.read(min(int(length) if length.isdigit() else 0, MOST_OCTETS + 1))
        try:
            answer = self.site.hear(body, dict(self.headers.items()))
        except (ConsentError, TimeoutError):  # we could not act on it: let the service try again
            answer = SignalAnswer(status=503, headers={}, body=b"")
        self.send_response(answer.status)
        for name, value in {**answer.headers, "content-length": str(len(answer.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def _is_for_us(self) -> bool:
        # A foreign name that leads to this machine must not read what we show (DNS rebinding).
        port = urlsplit(self.site.url).port
        if self.headers.get("host") in (f"127.0.0.1:{port}", f"localhost:{port}"):
            return True
        self._send(421, "Dit adres kennen wij niet.", "text/plain; charset=utf-8")
        return False

    def _try(self, visit: Visit, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except ConsentError as error:
            visit.lines.insert(0, describe(error))
        except TimeoutError:
            visit.lines.insert(0, describe(Unreachable("too slow")))
        return None

    def _visit(self) -> tuple[str, Visit]:
        try:
            cookies = SimpleCookie(self.headers.get("cookie", ""))
        except CookieError:
            cookies = SimpleCookie()
        return self.site.visit(cookies[_COOKIE].value if _COOKIE in cookies else "")

    def _redirect(self, target: str, *, cookie: str) -> None:
        self._send(303, "", "text/plain; charset=utf-8", cookie=cookie, location=target)

    def _send(self, status: int, text: str, kind: str, *, cookie: str = "", location: str = "") -> None:
        body = text.encode()
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            # form-action also holds for where a form's answer redirects to: the consent service.
            "Content-Security-Policy": (
                "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
                f"form-action 'self' {self.site.plan.issuer}"
            ),
        }
        if location:
            headers["Location"] = location
        if cookie:
            headers["Set-Cookie"] = f"{_COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Lax"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        # Request lines hold codes; a demonstration needs no access log.
        return
