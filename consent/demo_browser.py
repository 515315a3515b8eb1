"""A very simple browser for the demo: it reads pages, fills in the forms that are on them, and runs no script."""

from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin

import httpx


class Form:
    """A form as it stands on a page: where it goes, its hidden fields and its boxes."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.fields: list[tuple[str, str]] = []
        self.boxes: list[tuple[str, str]] = []
        self.ticked = 0


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, Form] = {}
        self.text: list[str] = []
        self.because: list[str] = []
        self.answers: list[str] = []
        self.heading = ""
        self.onward: str | None = None
        self._heading = False
        self._form: Form | None = None
        self._because = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(about.get("action", ""))
            self.forms[about.get("id", "")] = self._form
        elif tag == "input" and self._form is not None:
            if about.get("type") == "checkbox":
                self._form.boxes.append((about.get("name", ""), about.get("value", "")))
                self._form.ticked += "checked" in about
            elif about.get("name"):
                self._form.fields.append((about["name"], about.get("value", "")))
        if tag == "a" and about.get("href", "").endswith("/back"):
            self.onward = self.onward or about["href"]
        if "data-answer" in about:
            self.answers.append(about["data-answer"])
        self._heading = self._heading or tag == "h1"
        if "because" in about.get("class", "").split():
            self._because = True
            self.because.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "h1":
            self._heading = False
        if tag in ("p", "blockquote", "dd", "span", "div", "li"):
            self._because = False

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._heading:
            self.heading += data
        if self._because:
            self.because[-1] += data


class Page:
    """What came back: the address it was at the end, its status, its heading, its words and its forms."""

    def __init__(self, response: httpx.Response) -> None:
        reader = _Reader()
        reader.feed(response.text)
        self.url = str(response.url)
        self.status = response.status_code
        self.forms = reader.forms
        self.onward = reader.onward  # the way back to whoever asked
        self.heading = " ".join(reader.heading.split())
        self.words = " ".join(" ".join(reader.text).split())
        self.answers = reader.answers  # how far an organisation is with what it has to confirm
        self.because = [" ".join(sentence.split()) for sentence in reader.because]


class Browser:
    """Keeps cookies, follows redirects inside the service, and stops where it would leave it."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._http = httpx.Client(base_url=issuer, headers={"accept": "text/html", "accept-language": "nl"})

    def open(self, address: str) -> Page | str:
        """Open an address; returns the page, or the address outside to which the service sent us."""
        return self._follow(self._http.get(address))

    def submit(self, page: Page, form: str, *extra: tuple[str, str]) -> Page | str:
        """Send a form of a page with its hidden fields and what a person filled in or pressed."""
        found = page.forms[form]
        fields = [*found.fields, *extra]
        body = urlencode(fields)
        headers = {"origin": self._issuer, "content-type": "application/x-www-form-urlencoded"}
        return self._follow(self._http.post(urljoin(page.url, found.action), content=body, headers=headers))

    def answer(self, page: Page, *extra: tuple[str, str]) -> Page | str:
        """Answer a question and go on to whoever asked; the page that comes instead, when the answer was not taken."""
        after = self.submit(page, "decide", *extra)
        if isinstance(after, str) or after.onward is None:
            return after
        return self.open(after.onward)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _follow(self, response: httpx.Response) -> Page | str:
        while response.is_redirect:
            where = urljoin(str(response.url), response.headers["location"])
            if not where.startswith(f"{self._issuer}/"):
                return where
            response = self._http.get(where)
        return Page(response)
