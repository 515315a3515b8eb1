"""An organisation of the tests' own at the served service: its requests are built by hand, so each can be wrong."""

import copy
import json
import secrets
import tomllib
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
from consent_sdk.keys import SigningKey, challenge_of, client_assertion, dpop_proof

from consent.demo import Stage
from consent.demo_browser import Browser, Page
from consent.oauth.clients import ASSERTION_TYPE
from consent.opening import clock
from consent.seed import SHIPPED
from consent.words.instants import SECOND

REDIRECT = "http://127.0.0.1:9/back?keep=this"
# Some client libraries cut off the query of where they are called back, and then miss what they registered.
PLAIN_REDIRECT = "http://127.0.0.1:9/plain"
ASKED = ("household_size", "number_of_children")
PURPOSE = "energietoeslag"


class Office:
    """One client with its key. Everything that proves something is fresh each time, unless it is given."""

    def __init__(self, stage: Stage, organisation: str, key: SigningKey) -> None:
        self.stage = stage
        self.organisation = organisation
        self.client_id = f"{organisation}-desk"
        self.purpose = f"{organisation}-{PURPOSE}"
        self.key = key
        self.http = httpx.Client(base_url=stage.issuer, timeout=10)

    def assertion(self, **changed: Any) -> str:
        """A client assertion; *changed* claims replace the right ones, None leaves one out."""
        if not changed:
            return client_assertion(
                self.key, client_id=self.client_id, issuer=self.stage.issuer, at=now(), jti=fresh()
            )
        claims = {
            "iss": self.client_id, "sub": self.client_id, "aud": self.stage.issuer,
            "iat": now(), "exp": now() + 60, "jti": fresh(),
        } | changed  # fmt: skip
        return self.key.sign({"typ": "JWT"}, {name: one for name, one in claims.items() if one is not None})

    def identified(self, **fields: str) -> dict[str, str]:
        """Form fields with who sends them."""
        return {
            "client_id": self.client_id,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(),
        } | fields

    def proof(
        self,
        method: str,
        path: str,
        token: str | None = None,
        key: SigningKey | None = None,
        nonce: str | None = None,
    ) -> str:
        """A fresh DPoP proof."""
        return dpop_proof(
            key or self.key,
            method=method,
            url=self.stage.issuer + path,
            at=now(),
            jti=fresh(),
            token=token,
            nonce=nonce,
        )

    def post(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        """Send a form to an OAuth endpoint, with a proof."""
        return self.http.post(path, data=fields, headers={"dpop": self.proof("POST", path)} | headers)

    def call(
        self,
        method: str,
        path: str,
        token: str,
        body: Any = None,
        *,
        key: SigningKey | None = None,
        **headers: str,
    ) -> httpx.Response:
        """Call the API with a token; *body* is sent as JSON, bytes as they are."""
        sent = {"authorization": f"DPoP {token}", "dpop": self.proof(method, path, token, key)}
        if body is None:
            return self.http.request(method, path, headers=sent | headers)
        octets = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return self.http.request(
            method, path, content=octets, headers=sent | {"content-type": "application/json"} | headers
        )

    def request_fields(self, verifier: str, **changed: str) -> dict[str, str]:
        """What is pushed to ask for the usual attributes."""
        details = {
            "type": f"{self.stage.issuer}/types/attributes/v1",
            "purpose": self.purpose,
            "purpose_version": 1,
            "attributes": list(ASKED),
            "duration_days": 30,
        }
        return (
            self.identified(
                response_type="code",
                redirect_uri=REDIRECT,
                code_challenge=challenge_of(verifier),
                code_challenge_method="S256",
                authorization_details=json.dumps([details]),
            )
            | changed
        )

    def push(self, verifier: str, **changed: str) -> str:
        """Push a request; returns the address to send a citizen to."""
        pushed = self.post("/oauth/par", self.request_fields(verifier, **changed))
        assert pushed.status_code == 201, pushed.text
        return f"/oauth/authorize?client_id={self.client_id}&request_uri={pushed.json()['request_uri']}"

    def answered(self, address: str, decision: str = "yes", persona: str = "sanne") -> dict[str, str]:
        """Let a citizen answer; returns the parameters she comes back with."""
        browser = Browser(self.stage.issuer)
        entrance = browser.open(address)
        assert isinstance(entrance, Page)
        question = browser.submit(entrance, f"sign-in-persona-{persona}", ("persona", persona))
        assert isinstance(question, Page)
        ticks = [("attribute", name) for name in ASKED]
        back = browser.answer(question, *ticks, ("decision", decision))
        assert isinstance(back, str), back.words
        browser.close()
        assert back.startswith((REDIRECT, PLAIN_REDIRECT))
        found = parse_qs(urlsplit(back).query, keep_blank_values=True)
        assert all(len(values) == 1 for values in found.values())
        return {name: values[0] for name, values in found.items()}

    def tokens(self, **pushed: str) -> dict[str, Any]:
        """The whole way from a question to tokens."""
        verifier = fresh() * 3
        code = self.answered(self.push(verifier, **pushed))["code"]
        given = self.exchange(code, verifier)
        assert given.status_code == 200, given.text
        found: dict[str, Any] = given.json()
        return found

    def exchange(self, code: str, verifier: str, **changed: str) -> httpx.Response:
        """Exchange a code."""
        fields = self.identified(grant_type="authorization_code", code=code, code_verifier=verifier)
        return self.post("/oauth/token", fields | changed)

    def own_token(self) -> str:
        """A token of the client itself."""
        given = self.post("/oauth/token", self.identified(grant_type="client_credentials"))
        assert given.status_code == 200, given.text
        token: str = given.json()["access_token"]
        return token

    def batch_token(self) -> str:
        """A token of the client for batches."""
        details = json.dumps([{"type": f"{self.stage.issuer}/types/batch_disclosure/v1"}])
        fields = self.identified(grant_type="client_credentials", authorization_details=details)
        given = self.post("/oauth/token", fields)
        assert given.status_code == 200, given.text
        token: str = given.json()["access_token"]
        return token


def now() -> int:
    """Whole seconds, as the service counts."""
    return clock() // SECOND


def fresh() -> str:
    """Text that was never used before."""
    return secrets.token_urlsafe(16)


@cache
def office_of(stage: Stage, organisation: str = "proefdorp", **settings: Any) -> Office:
    """The office of an organisation that these tests add to the service: like the municipality, with no daily limit.

    *settings* are those of its client.
    """
    seed = tomllib.loads(SHIPPED.read_text("utf-8"))
    file: dict[str, Any] = copy.deepcopy(seed["organisations"][0])
    office = Office(stage, organisation, SigningKey.new())
    file["organisation"] |= {"id": organisation, "name": f"Gemeente {organisation.title()}"}
    jwks = {"keys": [dict(office.key.public_jwk)]}
    addresses = [REDIRECT, PLAIN_REDIRECT]
    client = {"id": office.client_id, "name": "Desk", "redirect_uris": addresses, "settings": settings}
    file["clients"] = [client if "jwks_uri" in settings else client | {"jwks": jwks}]
    purpose = next(one for one in file["purposes"] if one["id"] == PURPOSE)
    purpose |= {"id": office.purpose, "frequency_per_day": 1000}
    purpose["attributes"] = [
        one | {"required": False} for one in purpose["attributes"] if one["name"] in ASKED
    ]
    file["purposes"] = [purpose]
    path = stage.folder / f"{organisation}.json"
    path.write_text(json.dumps(file, ensure_ascii=False, default=str), "utf-8")
    stage.run("organisation", "add", str(path))
    return office
