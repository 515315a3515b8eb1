"""A small consent service for tests: real keys, real signatures, a real tree; strict with what it is sent.

It checks assertions and DPoP proofs with joserfc, which the package under test does not use.
"""

import base64
import hashlib
import os
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import msgspec
from consent_sdk import Ask, Organisation, Store
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.jwk import ECKey

from .log_world import TestLog, b64, canonical, mac

ISSUER = "https://consent.example"
CALLBACK = "https://housing.example/callback"
VALUES = {"name": "Noor Voorbeeld", "income": 18400, "city": "Voorbeeldstad", "children": ["Bo", "Éva"]}


class Grant(msgspec.Struct):
    grant_id: str
    attributes: list[str]
    consent_key: bytes
    index: int
    refresh_token: str
    entries: int = 1
    version: int = 3  # of its purpose
    is_live: bool = True


class World:
    def __init__(self) -> None:
        self.now = 1_900_000_000
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.log = TestLog("consent.example/log/2030")
        self.pushed: dict[str, dict[str, str]] = {}
        self.codes: dict[str, tuple[dict[str, str], Grant]] = {}
        self.grants: dict[str, Grant] = {}
        self.tokens: dict[str, tuple[Grant | None, str]] = {}  # access token -> grant, thumbprint of its key
        self.repeats: dict[str, dict[str, Any]] = {}
        self.seen: set[str] = set()
        self.requests: list[httpx.Request] = []
        # Where tests take hold: change a record before it is committed to, or the answer after it.
        self.before_commit: Callable[[dict[str, Any], dict[str, Any]], None] = lambda audit, detail: None
        self.after_commit: Callable[[dict[str, Any]], None] = lambda answer: None
        self.on_metadata: Callable[[dict[str, Any]], None] = lambda document: None
        self.on_token: Callable[[dict[str, Any]], None] = lambda answer: None
        self.answers: list[httpx.Response] = []  # given instead of the real answers, first to last
        self.nonce: str | None = None
        self.is_log_reachable = True

    # What a test says

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self.handle))

    def organisation(self, store: Store, http: httpx.AsyncClient, **more: Any) -> Organisation:
        more.setdefault("clock", lambda: self.now)
        return Organisation(ISSUER, "housing-web", self.private, CALLBACK, store, http, **more)

    async def ask(self, org: Organisation) -> Ask:
        return await org.ask(
            purpose="housing-benefit",
            purpose_version=3,
            attributes=["name", "income", "city"],
            duration_days=90,
        )

    def citizen_says_yes(self, url: str, chosen: Sequence[str], **more: str) -> str:
        form = self._pushed(url)
        self.log.leaves.append(os.urandom(152))
        grant = Grant(
            os.urandom(16).hex(),
            sorted(chosen),
            os.urandom(32),
            len(self.log.leaves) - 1,
            os.urandom(32).hex(),
        )
        self.grants[grant.grant_id] = grant
        code = os.urandom(16).hex()
        self.codes[code] = (form, grant)
        return f"{CALLBACK}?{urlencode({'code': code, 'state': form['state'], 'iss': ISSUER} | more)}"

    def citizen_agrees_to_a_change(self, url: str, chosen: Sequence[str]) -> str:
        form = self._pushed(url)
        assert form["grant_management_action"] == "replace"
        grant = self.grants[form["grant_id"]]
        (detail,) = msgspec.json.decode(form["authorization_details"])
        grant.attributes, grant.version = sorted(chosen), detail["purpose_version"]
        code = os.urandom(16).hex()
        self.codes[code] = (form, grant)
        return f"{CALLBACK}?{urlencode({'code': code, 'state': form['state'], 'iss': ISSUER})}"

    def citizen_says_no(self, url: str, **more: str) -> str:
        answer = {"error": "access_denied", "state": self._pushed(url)["state"], "iss": ISSUER}
        return f"{CALLBACK}?{urlencode(answer | more)}"

    def citizen_stops(self) -> None:
        for grant in self.grants.values():
            grant.is_live = False

    def access_tokens_expire(self) -> None:
        self.tokens.clear()

    def paths(self) -> list[str]:
        return [request.url.path for request in self.requests]

    # What the service does

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path
        if path.startswith("/log/2030/"):
            body = self.log.serve(path.removeprefix("/log/2030/")) if self.is_log_reachable else None
            return httpx.Response(404) if body is None else httpx.Response(200, content=body)
        if path == "/.well-known/oauth-authorization-server":
            return httpx.Response(200, json=self._metadata())
        if self.answers:
            return self.answers.pop(0)
        if self.nonce is not None and "dpop" in request.headers and not self._has_nonce(request):
            challenge = {"www-authenticate": 'DPoP error="use_dpop_nonce"', "dpop-nonce": self.nonce}
            is_oauth = path.startswith("/oauth/")
            return httpx.Response(
                400 if is_oauth else 401, json={"error": "use_dpop_nonce"}, headers=challenge
            )
        routes = {
            "/oauth/par": self._par,
            "/oauth/token": self._token,
            "/oauth/revoke": self._revoke,
            "/disclosures": self._disclose,
            "/uses": self._use,
        }
        if path.startswith("/grants/"):
            return self._grant(request)
        return routes[path](request)

    def _metadata(self) -> dict[str, Any]:
        document = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/oauth/authorize",
            "token_endpoint": f"{ISSUER}/oauth/token",
            "pushed_authorization_request_endpoint": f"{ISSUER}/oauth/par",
            "revocation_endpoint": f"{ISSUER}/oauth/revoke",
        }
        self.on_metadata(document)
        return document

    def _par(self, request: httpx.Request) -> httpx.Response:
        form = self._client_form(request)
        self._proof(request)
        assert form["response_type"] == "code"
        assert form["code_challenge_method"] == "S256"
        assert form["redirect_uri"] == CALLBACK
        reference = f"urn:ietf:params:oauth:request_uri:{os.urandom(16).hex()}"
        self.pushed[reference] = form
        return httpx.Response(201, json={"request_uri": reference, "expires_in": 300})

    def _token(self, request: httpx.Request) -> httpx.Response:
        form = self._client_form(request)
        key = self._proof(request)
        answer: dict[str, Any] = {"token_type": "DPoP", "expires_in": 600}
        grant: Grant | None = None
        if form["grant_type"] == "authorization_code":
            asked, grant = self.codes.pop(form["code"])
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            detail = msgspec.json.decode(asked["authorization_details"])[0]
            detail.pop("duration_days")
            detail |= {
                "attributes": grant.attributes,
                "grant_id": grant.grant_id,
                "expires_at": self.now + 86400 * 90,
            }
            answer |= {
                "refresh_token": grant.refresh_token,
                "grant_id": grant.grant_id,
                "sub": f"sub-{grant.grant_id[:8]}",
                "authorization_details": [detail],
            }
        elif form["grant_type"] == "refresh_token":
            live = [g for g in self.grants.values() if g.is_live and g.refresh_token == form["refresh_token"]]
            if not live:
                return httpx.Response(400, json={"error": "invalid_grant"})
            grant = live[0]
        else:
            assert form["grant_type"] == "client_credentials"
        answer["access_token"] = os.urandom(32).hex()
        self.tokens[answer["access_token"]] = (grant, key)
        self.on_token(answer)
        return httpx.Response(200, json=answer)

    def _revoke(self, request: httpx.Request) -> httpx.Response:
        form = self._client_form(request)
        for grant in self.grants.values():
            if grant.refresh_token == form["token"]:
                grant.refresh_token = ""
        return httpx.Response(200)

    def _disclose(self, request: httpx.Request) -> httpx.Response:
        owner = self._owner(request)
        if isinstance(owner, httpx.Response):
            return owner
        assert owner is not None
        repeat = self.repeats.get(request.headers["idempotency-key"])
        if not owner.is_live:
            problem = {"title": "The permission has ended", "code": "grant_not_active", "status": 401}
            if repeat is not None:
                problem |= {
                    "entry": repeat["entry"],
                    "proof": self.log.proof(repeat["entry"]["opening"]["i"]),
                }
            return httpx.Response(
                401, json=problem, headers={"www-authenticate": 'DPoP error="invalid_token"'}
            )
        asked = msgspec.json.decode(request.content)["attributes"]
        if not set(asked) <= set(owner.attributes):
            problem = {
                "title": "Not allowed",
                "code": "beyond_grant",
                "status": 403,
                "detail": "Ask for less.",
            }
            return httpx.Response(403, json=problem)
        if repeat is not None:
            answer = repeat | {"proof": self.log.proof(repeat["entry"]["opening"]["i"])}
        else:
            answer = self.repeats[request.headers["idempotency-key"]] = self._book(owner, asked)
        self.after_commit(answer)
        return httpx.Response(200, content=msgspec.json.encode(answer))

    def _book(self, grant: Grant, asked: list[str]) -> dict[str, Any]:
        nonce, audit_key, detail_key = os.urandom(16), os.urandom(32), os.urandom(32)
        index = len(self.log.leaves)
        values: dict[str, dict[str, Any]] = {}
        rows = []
        for name in sorted(asked):
            salt = os.urandom(32)
            parts = [name.encode(), (7).to_bytes(8, "big"), canonical(VALUES[name])]
            commitment = mac(salt, b"".join(len(p).to_bytes(8, "big") + p for p in parts))
            rows.append([name, 7, b64(mac(detail_key, commitment))])
            values[name] = {"value": VALUES[name], "source": "brp", "as_of": "2030-01-01", "salt": b64(salt)}
        audit = {
            "v": 1, "o": self.log.origin, "i": index, "ev": "disclosed",
            "c": grant.index, "n": grant.entries,
            "prev": grant.index, "org": "housing", "purpose": f"housing-benefit@{grant.version}",
            "attributes": sorted(asked),
            "nbf": self.now - 100, "exp": self.now + 9999, "t": self.now, "by": "organisation", "sig": "none",
        }  # fmt: skip
        detail = {"sub": f"sub-{grant.grant_id[:8]}", "values": rows}
        self.before_commit(audit, detail)
        audit_text, detail_text = canonical(audit), canonical(detail)
        leaf = b"CLg\x01\0\0\0\0" + nonce + os.urandom(32) + mac(grant.consent_key, b"consent\0" + nonce)
        leaf += mac(audit_key, b"audit\0" + audit_text) + mac(detail_key, b"detail\0" + detail_text)
        self.log.leaves.append(leaf)
        grant.entries += 1
        opening = {
            "i": index, "kc": b64(grant.consent_key), "a": b64(audit_key), "A": audit_text.decode(),
            "d": b64(detail_key), "D": detail_text.decode(),
        }  # fmt: skip
        return {
            "disclosure_id": os.urandom(16).hex(),
            "grant_id": grant.grant_id,
            "attributes": values,
            "entry": {"leaf": b64(leaf), "opening": opening},
            "proof": self.log.proof(index),
        }

    def _use(self, request: httpx.Request) -> httpx.Response:
        owner = self._owner(request)
        if isinstance(owner, httpx.Response):
            return owner
        assert owner is None
        body = msgspec.json.decode(request.content)
        assert set(body) == {"disclosures", "template"}
        because = {"nl": "U ziet dit omdat …", "en": "You see this because …"}
        return httpx.Response(200, json={"use_id": "5" * 32, "because": because, "link": f"{ISSUER}/why/5"})

    def _grant(self, request: httpx.Request) -> httpx.Response:
        owner = self._owner(request)
        grant = self.grants.get(request.url.path.rpartition("/")[2])
        if isinstance(owner, httpx.Response):
            return owner
        if grant is None:
            return httpx.Response(404, json={"title": "Not found", "code": "not_found"})
        if request.method == "DELETE":
            grant.is_live = False
            return httpx.Response(204)
        answer = {
            "grant_id": grant.grant_id,
            "active": grant.is_live,
            "purpose": "housing-benefit",
            "purpose_version": 3,
            "attributes": grant.attributes,
            "granted_at": self.now - 100,
            "expires_at": self.now + 9999,
            "updated_at": self.now - 50,
            "given_by": "helper",
        }
        return httpx.Response(200, json=answer)

    # What it checks

    def _pushed(self, url: str) -> dict[str, str]:
        query = parse_qs(urlsplit(url).query)
        assert set(query) == {"client_id", "request_uri"}
        return self.pushed[query["request_uri"][0]]

    def _client_form(self, request: httpx.Request) -> dict[str, str]:
        form = dict(parse_qsl(request.content.decode(), strict_parsing=True))
        pem = self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        found = jws.deserialize_compact(form["client_assertion"], ECKey.import_key(pem), algorithms=["ES256"])
        claims = msgspec.json.decode(found.payload)
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        assert claims["aud"] == ISSUER, "the issuer as one string"
        assert claims["iss"] == claims["sub"] == form["client_id"] == "housing-web"
        assert self.now - 10 <= claims["iat"] <= self.now < claims["exp"] <= self.now + 300
        self._once(claims["jti"])
        return form

    def _proof(self, request: httpx.Request, token: str | None = None) -> str:
        registry = jws.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
        text = request.headers["dpop"]
        unverified = msgspec.json.decode(base64.urlsafe_b64decode(text.split(".")[0] + "=="))
        key = ECKey.import_key(unverified["jwk"])
        found = jws.deserialize_compact(text, key, registry=registry)
        claims = msgspec.json.decode(found.payload)
        assert unverified["typ"] == "dpop+jwt"
        assert "d" not in unverified["jwk"]
        assert (claims["htm"], claims["htu"]) == (request.method, str(request.url).split("?")[0])
        assert abs(claims["iat"] - self.now) <= 10
        if token is not None:
            digest = hashlib.sha256(token.encode()).digest()
            assert claims["ath"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        self._once(claims["jti"])
        return key.thumbprint()

    def _has_nonce(self, request: httpx.Request) -> bool:
        payload = request.headers["dpop"].split(".")[1]
        return bool(msgspec.json.decode(base64.urlsafe_b64decode(payload + "==")).get("nonce") == self.nonce)

    def _owner(self, request: httpx.Request) -> Grant | httpx.Response | None:
        scheme, _, token = request.headers["authorization"].partition(" ")
        assert scheme == "DPoP"
        thumbprint = self._proof(request, token)
        if token not in self.tokens:
            headers = {"www-authenticate": 'DPoP error="invalid_token"'}
            problem = {"title": "The token is not valid", "code": "invalid_token"}
            return httpx.Response(401, json=problem, headers=headers)
        grant, bound_to = self.tokens[token]
        assert bound_to == thumbprint
        return grant

    def _once(self, jti: str) -> None:
        assert jti not in self.seen, "assertions and proofs are single use"
        self.seen.add(jti)
