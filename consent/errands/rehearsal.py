"""A question tried from one end to the other: each message through the real doors, as an organisation outside sends it.

The calls go to our own application and never over a network. The organisation's half uses the SDK's signatures, the
invented citizen's half the forms of her pages. What is kept of it is for a page: everything that proves something is
shown by a name (`$DPOP_PROOF`), so nothing that was ever of use leaves here.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx
import msgspec
from consent_sdk.keys import SigningKey, challenge_of, client_assertion, dpop_proof
from litestar import Litestar
from litestar.types import ASGIApp

from consent.acts.house import House
from consent.acts.overview import find_purpose
from consent.acts.rehearse import BACK, Call, Rehearse, Rehearsed, Step, lend, take
from consent.demo_browser import Page
from consent.oauth.clients import ASSERTION_TYPE
from consent.oauth.metadata import PAR_PATH, TOKEN_PATH
from consent.words.ids import id_from
from consent.words.instants import SECOND
from consent.words.purposes import Purpose, request_type

# What is shown in the place of what was sent; a program of the organisation's own fills these in.
_FILLED_IN = {
    "client_id": "$CLIENT_ID",
    "client_assertion": "$CLIENT_ASSERTION",
    "redirect_uri": "$REDIRECT_URI",
    "state": "$STATE",
    "code": "$CODE",
    "code_verifier": "$CODE_VERIFIER",
    "code_challenge": "$CODE_CHALLENGE",
}
_IN_ANSWERS = {
    **{name: f"${name.upper()}" for name in ("request_uri", "access_token", "refresh_token")},
    **dict.fromkeys(("salt", "kc", "a", "d"), "…"),  # what opens a value and an entry
}
_LONG = 72  # characters of one text in an answer
_MOST_STEPS = 10  # from page to page


class _CannotAnswer(Exception):
    """The invented citizen does not come to a yes."""


class _Refused(Exception):
    """A call was answered with an error, and what follows needs its answer."""


def rehearsal(app: Litestar) -> Rehearse:
    """How to try a question at *app*, for its own doors."""

    async def rehearse(
        citizen: str, organisation: str, purpose: str, version: int, persona: str
    ) -> Rehearsed:
        house: House = app.state.house
        key = SigningKey.new()
        jwk = {**key.public_jwk, "alg": "ES256", "use": "sig"}
        client = await lend(house, citizen=citizen, organisation=organisation, jwk=jwk)
        desk = _Desk(house, app, key, client)
        try:
            asked = await find_purpose(house, purpose, version)
            ended = await _play(desk, asked, persona)
        finally:
            await take(house, client=client)
            await desk.http.aclose()
        return Rehearsed(calls=tuple(desk.calls), ended=ended)

    return rehearse


async def _play(desk: "_Desk", purpose: Purpose, persona: str) -> Any:
    try:
        await _try(desk, purpose, persona)
    except _CannotAnswer:
        return "no_yes"
    except _Refused:
        return "refused"
    return "whole"


async def _try(desk: "_Desk", purpose: Purpose, persona: str) -> None:
    names = sorted(one.name for one in purpose.attributes)
    verifier, state = desk.chance(), desk.chance()
    details = {
        "type": request_type(desk.house.issuer),
        "purpose": purpose.id,
        "purpose_version": purpose.version,
        "attributes": names,
        "duration_days": purpose.maximum_days,
    }
    pushed = await desk.form(
        "push",
        PAR_PATH,
        response_type="code",
        redirect_uri=BACK,
        state=state,
        code_challenge=challenge_of(verifier),
        code_challenge_method="S256",
        authorization_details=json.dumps([details]),
    )
    address = (
        f"/oauth/authorize?{urlencode({'client_id': desk.client, 'request_uri': pushed['request_uri']})}"
    )
    entrance = await desk.ask(address)

    async with desk.browser() as browser:
        person = _Person(browser, desk.house.issuer)
        answered = await person.answer(entrance, persona)
        code = answered.get("code", "")
        if not code or answered.get("state") != state:
            raise _CannotAnswer
        given = await desk.form(
            "exchange",
            TOKEN_PATH,
            grant_type="authorization_code",
            redirect_uri=BACK,
            code=code,
            code_verifier=verifier,
        )
        token, chosen = given["access_token"], given["authorization_details"][0]["attributes"]
        try:
            got = await desk.call("fetch", "/disclosures", token, {"attributes": chosen})
            if purpose.because:
                own = await desk.form("own_token", TOKEN_PATH, grant_type="client_credentials")
                use = {"disclosures": [got["disclosure_id"]], "template": sorted(purpose.because)[0]}
                await desk.call("use", "/uses", own["access_token"], use)
        finally:
            await person.stop(given["grant_id"])
        await desk.call("after_stop", "/disclosures", token, {"attributes": chosen})


class _Person:
    """An invented citizen at her pages, without a script."""

    def __init__(self, http: httpx.AsyncClient, issuer: str) -> None:
        self._http = http
        self._issuer = issuer

    async def answer(self, entrance: str, persona: str) -> dict[str, str]:
        """Sign in, tick everything, say yes and go back; returns what the organisation hears. Raises _CannotAnswer."""
        signing_in = await self._open(entrance)
        question = await self._submit(signing_in, f"sign-in-persona-{persona}", ("persona", persona))
        form = question.forms.get("decide")
        ticks = [] if form is None else form.boxes
        after = await self._submit(question, "decide", *ticks, ("decision", "yes"))
        if after.onward is None:
            raise _CannotAnswer
        where = await self._follow(await self._http.get(after.onward))
        if isinstance(where, Page):
            raise _CannotAnswer
        return {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}

    async def stop(self, grant: str) -> None:
        """Stop, as she does on her overview, and sign out."""
        home = await self._open("/")
        after = await self._submit(home, f"stop-{grant}")
        await self._submit(after, "sign-out")

    async def _open(self, path: str) -> Page:
        return self._page(await self._follow(await self._http.get(path)))

    async def _submit(self, page: Page, form: str, *extra: tuple[str, str]) -> Page:
        found = page.forms.get(form)
        if found is None:
            raise _CannotAnswer
        headers = {"origin": self._issuer, "content-type": "application/x-www-form-urlencoded"}
        body = urlencode([*found.fields, *extra])
        sent = await self._http.post(urljoin(page.url, found.action), content=body, headers=headers)
        return self._page(await self._follow(sent))

    async def _follow(self, response: httpx.Response) -> Page | str:
        for _ in range(_MOST_STEPS):
            if not response.has_redirect_location:
                return Page(response)
            where = urljoin(str(response.url), response.headers["location"])
            if not where.startswith(f"{self._issuer}/"):
                return where
            response = await self._http.get(where)
        raise _CannotAnswer

    @staticmethod
    def _page(found: Page | str) -> Page:
        if isinstance(found, str):
            raise _CannotAnswer
        return found


class _Desk:
    """The organisation's program: it signs, sends, and writes down what may be shown."""

    def __init__(self, house: House, app: ASGIApp, key: SigningKey, client: str) -> None:
        self.house = house
        self.client = client
        self.calls: list[Call] = []
        self._key = key
        self._app = app
        self.http = self.browser()

    def browser(self) -> httpx.AsyncClient:
        """A way to our own application that nothing else uses."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self._app, raise_app_exceptions=False),  # type: ignore[arg-type]
            base_url=self.house.issuer,
            headers={"accept-language": "nl"},
        )

    def chance(self) -> str:
        """Text that was never used before."""
        return id_from(self.house.chance(16)) + id_from(self.house.chance(16))

    async def form(self, step: Step, path: str, **fields: str) -> dict[str, Any]:
        """Call an OAuth endpoint. Raises _Refused."""
        proof = self._proof("POST", path, None)
        asserted = client_assertion(
            self._key,
            client_id=self.client,
            issuer=self.house.issuer,
            at=self.house.clock() // SECOND,
            jti=self.chance(),
        )
        who = {
            "client_id": self.client,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": asserted,
        }
        response = await self.http.post(path, data=who | fields, headers={"dpop": proof})
        data = [f"{name}={_FILLED_IN.get(name, value)}" for name, value in (who | fields).items()]
        parts = [("-H", "DPoP: $DPOP_PROOF"), *[("--data-urlencode", one) for one in data]]
        return self._keep(step, _curl(self.house.issuer + path, parts), response)

    async def call(self, step: Step, path: str, token: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Call the API with a token. Raises _Refused, but for what has to be refused."""
        octets = json.dumps(body)
        sent = {
            "authorization": f"DPoP {token}",
            "dpop": self._proof("POST", path, token),
            "content-type": "application/json",
        }
        shown = ["Authorization: DPoP $ACCESS_TOKEN", "DPoP: $DPOP_PROOF", "Content-Type: application/json"]
        if path == "/disclosures":
            sent["idempotency-key"] = self.chance()
            shown.append("Idempotency-Key: $IDEMPOTENCY_KEY")
        response = await self.http.post(path, content=octets, headers=sent)
        parts = [*[("-H", one) for one in shown], ("--data", octets)]
        return self._keep(step, _curl(self.house.issuer + path, parts), response)

    async def ask(self, address: str) -> str:
        """Where a person is sent; returns where that leads her. Raises _Refused."""
        response = await self.http.get(address)
        shown = f"{self.house.issuer}/oauth/authorize?client_id=$CLIENT_ID&request_uri=$REQUEST_URI"
        self._keep("ask", f'curl -i "{shown}"', response)
        return str(response.headers["location"])

    def _proof(self, method: str, path: str, token: str | None) -> str:
        return dpop_proof(
            self._key,
            method=method,
            url=self.house.issuer + path,
            at=self.house.clock() // SECOND,
            jti=self.chance(),
            token=token,
            nonce=None,
        )

    def _keep(self, step: Step, command: str, response: httpx.Response) -> dict[str, Any]:
        said = _json(response)
        if step == "ask":
            answer = f"Location: {response.headers.get('location', '')}"
        else:
            answer = msgspec.json.format(msgspec.json.encode(_shown(said)), indent=2).decode()
        is_no = response.status_code >= 400
        error = str(said.get("code") or said.get("error") or "server_error") if is_no else None
        self.calls.append(
            Call(step=step, command=command, status=response.status_code, answer=answer, error=error)
        )
        if is_no and step != "after_stop":
            raise _Refused
        return said


def _curl(url: str, parts: Sequence[tuple[str, str]]) -> str:
    """A command that can be copied: what is to be filled in stands in double quotes, all else is literal."""
    lines = [f"curl {shlex.quote(url)}", *[f"{flag} {_quoted(text)}" for flag, text in parts]]
    return " \\\n  ".join(lines)


def _quoted(text: str) -> str:
    name, _, filled_in = text.partition("$")
    is_ours = filled_in.isupper() and filled_in.replace("_", "").isalpha() and '"' not in name
    return f'"{text}"' if is_ours else shlex.quote(text)


def _json(response: httpx.Response) -> dict[str, Any]:
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _shown(said: Any) -> Any:
    """An answer without what opens something, and without what nobody reads."""
    if isinstance(said, dict):
        return {name: _IN_ANSWERS.get(name) or _shown(one) for name, one in said.items()}
    if isinstance(said, list):
        return [_shown(one) for one in said]
    return f"{said[:_LONG]}…" if isinstance(said, str) and len(said) > _LONG else said
