"""A browser as the service sees one, and what a victim has that others may want."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

import httpx
import msgspec

from consent.demo import Stage

VICTIM, STRANGER = "sanne", "daan"
NEEDED = ("income_below_threshold", "household_size")
Fields = Mapping[str, str | Sequence[str]]
FORM = "application/x-www-form-urlencoded"


class Visitor:
    """A browser as the service sees one: cookies, and a form's hidden fields when asked for."""

    def __init__(self, stage: Stage) -> None:
        self.issuer = stage.issuer
        self.http = httpx.Client(base_url=stage.issuer, headers={"accept": "text/html"})

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def post(self, path: str, fields: Fields, **headers: str) -> httpx.Response:
        """Send a form as our own page would; *headers* replace what a browser says, an empty one leaves it out."""
        said = {"origin": self.issuer, "content-type": FORM}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = urlencode(fields, doseq=True)
        return self.http.post(path, content=content, headers={n: v for n, v in said.items() if v})

    def sign_in(self, persona: str) -> "Visitor":
        answer = self.post("/sign-in/persona", {"persona": persona})
        assert answer.status_code == 303
        return self

    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.get("/").text)
        assert found is not None
        return found[1]

    @property
    def session(self) -> str:
        return self.http.cookies["session"]

    def plant(self, session: str) -> None:
        """Put a session's secret into this browser, as a thief or a fixer does."""
        self.http.cookies.set("session", session, domain="localhost.local")  # as the library files localhost


class Loot(msgspec.Struct, frozen=True):
    """What the victim has: a live grant with a use, and a question that waits."""

    grant: str
    use: str
    question: str


def hidden(html: str) -> list[tuple[str, str]]:
    """The hidden fields of the form that decides."""
    form = html[html.index('id="decide"') :]
    return re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)


def is_live(visitor: Visitor, loot: Loot) -> bool:
    """Whether the grant still stands under what is shared now."""
    return f'id="stop-{loot.grant}"' in visitor.get("/").text
