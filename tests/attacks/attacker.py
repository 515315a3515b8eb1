"""An attacker with raw HTTP: a client with its own key, a citizen's browser, and nothing that helps it be polite."""

import base64
import json
import re
import time
from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
from consent_sdk.keys import SigningKey, challenge_of, dpop_proof

from consent.demo import CLIENT, PURPOSE, Stage
from consent.demo_browser import Browser, Page
from consent.oauth.clients import ASSERTION_TYPE

REQUIRED = ["income_below_threshold", "household_size"]
VERIFIER = "v" * 43
REQUEST = {"typ": "oauth-authz-req+jwt"}


class Attacker:
    """Speaks as one client; every part of a message can be replaced by a forged one."""

    def __init__(self, stage: Stage, *, key: SigningKey | None = None, client: str = CLIENT) -> None:
        self.stage = stage
        self.issuer = stage.issuer
        self.client = client
        self.key = key or SigningKey.load(stage.key_pem)
        self.http = httpx.Client(base_url=stage.issuer, timeout=15)

    def assertion(self, **claims: Any) -> str:
        """A client assertion; *claims* replace its claims, None removes one."""
        now = int(time.time())
        about = {
            "iss": self.client, "sub": self.client, "aud": self.issuer, "iat": now, "exp": now + 60,
            "jti": token_urlsafe(16),
        }  # fmt: skip
        about |= claims
        return self.key.sign({"typ": "JWT"}, {k: v for k, v in about.items() if v is not None})

    def proof(
        self, method: str, path: str, token: str | None = None, *, key: SigningKey | None = None, at: int = 0
    ) -> str:
        return dpop_proof(
            key or self.key, method=method, url=self.issuer + path, at=int(time.time()) + at,
            jti=token_urlsafe(16), token=token, nonce=None,
        )  # fmt: skip

    def form(
        self, path: str, fields: Mapping[str, str], *, assertion: str | None = None, proof: str | None = ""
    ) -> httpx.Response:
        """POST a form as the client. *proof*: "" makes a right one, None sends none."""
        sent = {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion if assertion is not None else self.assertion(),
        } | dict(fields)
        headers = {}
        if proof is not None:
            headers["dpop"] = proof or self.proof("POST", path)
        return self.http.post(path, data=sent, headers=headers)

    def pushed(self, **fields: str) -> dict[str, str]:
        """The fields of a right pushed request, but for *fields*; "" leaves one out."""
        details = [
            {
                "type": f"{self.issuer}/types/attributes/v1", "purpose": PURPOSE, "purpose_version": 1,
                "attributes": [*REQUIRED, "energy_supplier"], "duration_days": 30,
            }
        ]  # fmt: skip
        right = {
            "response_type": "code",
            "redirect_uri": self.stage.callback,
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            "state": token_urlsafe(16),
            "authorization_details": msgspec.json.encode(details).decode(),
        } | fields
        return {name: value for name, value in right.items() if value}

    def request_claims(self) -> dict[str, Any]:
        """The same as what a right signed request says (RFC 9101)."""
        at, fields = int(time.time()), self.pushed()
        details = json.loads(fields["authorization_details"])
        about = {"iss": self.client, "client_id": self.client, "aud": self.issuer, "nbf": at, "exp": at + 60}
        return fields | about | {"authorization_details": details}

    def request_object(self, claims: Mapping[str, Any]) -> str:
        """*claims*, signed by this client."""
        return self.key.sign(REQUEST, dict(claims))

    def ask(self, **fields: str) -> str:
        """Push a request; returns its request_uri."""
        answer = self.form("/oauth/par", self.pushed(**fields))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["request_uri"])

    def authorize(self, request_uri: str, client: str | None = None) -> httpx.Response:
        return self.http.get(
            "/oauth/authorize", params={"client_id": client or self.client, "request_uri": request_uri}
        )

    def question(self, request_uri: str) -> str:
        """The id of the page that the request_uri leads to."""
        return self.authorize(request_uri).headers["location"].removeprefix("/my/requests/")

    def code(self, persona: str = "sanne", ticks: list[str] | None = None) -> str:
        """A code, with the yes of a citizen's own browser."""
        with Citizen(self.stage, persona) as citizen:
            page = citizen.page(f"/my/requests/{self.question(self.ask())}")
            return code_of(citizen.yes(page, ticks or REQUIRED))

    def token(self, fields: Mapping[str, str], **forged: Any) -> httpx.Response:
        return self.form("/oauth/token", fields, **forged)

    def exchange(self, code: str, verifier: str = VERIFIER, **forged: Any) -> httpx.Response:
        grant = {"grant_type": "authorization_code", "code": code, "code_verifier": verifier}
        return self.token(grant | {"redirect_uri": self.stage.callback}, **forged)

    def tokens(self, persona: str = "sanne", ticks: list[str] | None = None) -> dict[str, Any]:
        """All the way to tokens."""
        answer = self.exchange(self.code(persona, ticks))
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def disclose(
        self, token: str, attributes: list[str] | None = None, *, proof: str | None = None,
        scheme: str = "DPoP", path: str = "/disclosures", key: str | None = None,
    ) -> httpx.Response:  # fmt: skip
        headers = {
            "authorization": f"{scheme} {token}",
            "dpop": proof or self.proof("POST", "/disclosures", token),
        }
        if key is not None:
            headers["idempotency-key"] = key
        return self.http.post(path, json={"attributes": attributes or REQUIRED}, headers=headers)

    def close(self) -> None:
        self.http.close()


class Citizen:
    """A citizen's browser, signed in as a persona; she is who is attacked, or who tries something herself."""

    def __init__(self, stage: Stage, persona: str = "sanne") -> None:
        self.browser = Browser(stage.issuer)
        entrance = self.page("/sign-in")
        self.browser.submit(entrance, f"sign-in-persona-{persona}", ("persona", persona))

    def __enter__(self) -> "Citizen":
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.close()

    def page(self, address: str) -> Page:
        found = self.browser.open(address)
        assert isinstance(found, Page), found
        return found

    def yes(self, page: Page, ticks: list[str]) -> Page | str:
        """Say yes on *page*: the address at the organisation, or a page when the yes was not taken."""
        chosen = [("attribute", name) for name in ticks]
        return self.browser.answer(page, *chosen, ("decision", "yes"))


def code_of(answer: Page | str) -> str:
    """The code in the address that a yes leads to."""
    assert isinstance(answer, str), f"the yes was not taken: {answer.status}"
    return parse_qs(urlsplit(answer).query)["code"][0]


def must_refuse(answer: httpx.Response, status: int, code: str) -> None:
    """The door says no, by this name, and gives nothing away."""
    said = answer.json()
    assert (answer.status_code, said.get("error", said.get("code"))) == (status, code), answer.text
    assert "attributes" not in said
    assert "access_token" not in said
    assert not re.search(r"[A-Za-z0-9_-]{43}", answer.text), "a refusal repeats a handle"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found
