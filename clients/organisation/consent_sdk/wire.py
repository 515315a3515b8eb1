"""Talking to the service: discovery, client authentication, DPoP, and reading its noes.

One `Wire` per organisation and issuer. Sources: RFC 8414 (metadata), RFC 9449 (DPoP, nonces), RFC 7523
(client assertion), RFC 6749 §5.2 and RFC 9457 (errors). No redirect is followed: an answer comes from the
issuer or not at all.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from .encoding import read_json
from .errors import ProtocolError, Refused, StepUpNeeded, Unreachable
from .keys import SigningKey, client_assertion, deletion_statement, dpop_proof, request_object
from .store import Store

T = TypeVar("T")

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 §2.2
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_METADATA_LIFE = 3600  # seconds
_MAX_ANSWER = 4_000_000


class Metadata(msgspec.Struct, frozen=True):
    """Where the service does what (RFC 8414 §2)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    pushed_authorization_request_endpoint: str
    revocation_endpoint: str
    jwks_uri: str | None = None


class Wire:
    """Sends requests that prove who sends them."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        key: SigningKey,
        *,
        store: Store,
        prefix: str,
        http: httpx.AsyncClient,
        clock: Callable[[], float],
    ) -> None:
        """Raises ValueError when *issuer* is not an https URL (or http on this machine), shortest form."""
        check_issuer(issuer)
        self._issuer = issuer
        self._client_id = client_id
        self._key = key
        self._store = store
        self._prefix = prefix
        self._http = http
        self._clock = clock
        self._metadata: Metadata | None = None
        self._metadata_until = 0
        self._dpop_key: SigningKey | None = None
        self._nonces: dict[str, str] = {}

    def now(self) -> int:
        """This machine's time in whole seconds."""
        return int(self._clock())

    async def metadata(self) -> Metadata:
        """Discover the endpoints (RFC 8414 §3), again after an hour. Raises ProtocolError, Unreachable."""
        if self._metadata is None or self.now() >= self._metadata_until:
            parts = urlsplit(self._issuer)
            url = f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{parts.path}"
            answer = await self._once("GET", url, {}, None, None)
            if answer.status_code != 200:
                raise refusal(answer)
            found = read_answer(answer, Metadata)
            # RFC 8414 §3.3: a document that speaks for another issuer is not used.
            if found.issuer != self._issuer:
                raise ProtocolError("the metadata is of another issuer")
            for endpoint in msgspec.structs.astuple(found)[1:]:
                # Nobody else may receive our assertions and proofs.
                if endpoint is not None and urlsplit(endpoint)[:2] != parts[:2]:
                    raise ProtocolError("an endpoint is not on the issuer's own host")
            self._metadata, self._metadata_until = found, self.now() + _METADATA_LIFE
        return self._metadata

    async def public(self, url: str) -> httpx.Response:
        """GET something that everybody may read. Raises Unreachable, ProtocolError."""
        return await self._once("GET", url, {}, None, None)

    def deletion_statement(
        self, grant_id: str, *, scope: str, deleted_at: int, attributes: Sequence[str]
    ) -> str:
        """A signed statement of this client, made now."""
        return deletion_statement(
            self._key,
            client_id=self._client_id,
            issuer=self._issuer,
            grant_id=grant_id,
            scope=scope,
            deleted_at=deleted_at,
            at=self.now(),
            attributes=attributes,
        )

    def request_object(self, parameters: Mapping[str, Any]) -> str:
        """A request signed by this client, made now."""
        return request_object(
            self._key, client_id=self._client_id, issuer=self._issuer, at=self.now(), parameters=parameters
        )

    async def form(self, url: str, fields: Mapping[str, str], *, is_proved: bool = True) -> httpx.Response:
        """POST *fields* to an OAuth endpoint, with private_key_jwt. Raises Refused, ProtocolError."""
        answer = await self._send("POST", url, form=fields, is_proved=is_proved)
        if not answer.is_success:
            raise refusal(answer)
        return answer

    async def resource(
        self, method: str, url: str, *, token: str, json: Any = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Call the API with an access token bound to our DPoP key. The answer may be a no: see `refusal`."""
        return await self._send(method, url, json=json, token=token, headers=headers)

    async def _send(
        self,
        method: str,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        json: Any = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        is_proved: bool = True,
    ) -> httpx.Response:
        for is_last in (False, True):
            # Assertion and proof are single use, so each try makes its own.
            sent = dict(headers or {})
            if token is not None:
                sent["authorization"] = f"DPoP {token}"
            if is_proved:
                sent["dpop"] = dpop_proof(
                    await self._proof_key(),
                    method=method,
                    url=url,
                    at=self.now(),
                    jti=secrets.token_urlsafe(16),
                    token=token,
                    nonce=self._nonces.get(urlsplit(url).netloc),
                )
            answer = await self._once(method, url, sent, self._authenticated(form), json)
            nonce = answer.headers.get("dpop-nonce")
            if nonce:
                self._nonces[urlsplit(url).netloc] = nonce
            if is_last or not nonce or not _asks_for_nonce(answer):
                break
        return answer

    def _authenticated(self, form: Mapping[str, str] | None) -> dict[str, str] | None:
        if form is None:
            return None
        jti = secrets.token_urlsafe(16)
        assertion = client_assertion(
            self._key, client_id=self._client_id, issuer=self._issuer, at=self.now(), jti=jti
        )
        return {
            **form,
            "client_id": self._client_id,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion,
        }

    async def _once(
        self, method: str, url: str, headers: dict[str, str], form: dict[str, str] | None, json: Any
    ) -> httpx.Response:
        content = None
        if json is not None:
            content, headers = msgspec.json.encode(json), {**headers, "content-type": "application/json"}
        try:
            answer = await self._http.request(
                method,
                url,
                headers={"accept": "application/json", **headers},
                data=form,
                content=content,
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            raise Unreachable("the service gave no answer") from error
        if len(answer.content) > _MAX_ANSWER:
            raise ProtocolError("the answer is too long")
        return answer

    async def _proof_key(self) -> SigningKey:
        # From the store, so that the process that receives a callback can prove what the asking one promised.
        if self._dpop_key is None:
            name = f"{self._prefix}dpop-key"
            kept = await self._store.get(name) or await self._store.keep(name, SigningKey.new().pem())
            self._dpop_key = SigningKey.load(kept)
        return self._dpop_key


def check_issuer(issuer: str) -> None:
    """Accept an https URL (or http on this machine) without query, fragment, final slash; or ValueError."""
    parts = urlsplit(issuer)
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not (local or parts.scheme == "https") or not parts.hostname or parts.username is not None:
        raise ValueError("the issuer is not an https URL")
    if parts.query or parts.fragment or issuer.endswith(("/", "?", "#")):
        raise ValueError("the issuer is not in its shortest form")


def read_answer(answer: httpx.Response, shape: type[T]) -> T:
    """Decode the JSON of *answer* to *shape*. Raises ProtocolError, which quotes nothing."""
    try:
        return read_json(answer.content, shape)
    except ValueError:
        raise ProtocolError("the answer has another form") from None


def is_expired_token(answer: httpx.Response) -> bool:
    """Answer whether a new access token may help: invalid_token (RFC 6750 §3.1), but the grant not over."""
    challenge = answer.headers.get("www-authenticate", "")
    if answer.status_code != 401 or not re.search(r'error="invalid_token"', challenge):
        return False
    return _members(answer).get("code") != "grant_not_active"


def refusal(answer: httpx.Response) -> Refused | ProtocolError:
    """The error that *answer* is: a no with its code, or something that the protocol does not know."""
    members = _members(answer)
    # RFC 6749 calls its code "error"; our problem documents (RFC 9457) call theirs "code".
    code = members.get("code", members.get("error"))
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        if answer.status_code >= 500 or answer.status_code == 429:
            return Unreachable(f"the service cannot answer now (HTTP {answer.status_code})")
        return ProtocolError(f"an answer without a known form (HTTP {answer.status_code})")
    entry = members.get("entry")
    wait = answer.headers.get("retry-after", "")
    no = (StepUpNeeded if code == "insufficient_user_authentication" else Refused)(
        code,
        status=answer.status_code,
        title=_text(members.get("title")),
        detail=_text(members.get("detail", members.get("error_description"))),
        entry=entry if isinstance(entry, dict) else None,
        proof=_text(members.get("proof"), limit=_MAX_ANSWER) or None,
        retry_after=int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 10 else None,
    )
    if isinstance(no, StepUpNeeded):
        challenge = answer.headers.get("www-authenticate", "")
        no.acr_values = tuple(_parameter(challenge, "acr_values").split())
        age = _parameter(challenge, "max_age")
        no.max_age = int(age) if age.isascii() and age.isdigit() and len(age) < 10 else None
    return no


def is_code(text: str) -> bool:
    """Answer whether *text* looks like a code of the wire, which may be shown and logged."""
    return _CODE.fullmatch(text) is not None


def _parameter(challenge: str, name: str) -> str:
    """A parameter of a challenge (RFC 9110 §11.6.1), or nothing."""
    found = re.search(rf'[ ,]{name}="([^"\\]{{0,200}})"', challenge)
    return found[1] if found else ""


def _members(answer: httpx.Response) -> dict[str, Any]:
    try:
        return read_json(answer.content, dict[str, Any])
    except ValueError:
        return {}


def _text(value: object, *, limit: int = 2000) -> str:
    return value if isinstance(value, str) and len(value) <= limit else ""


def _asks_for_nonce(answer: httpx.Response) -> bool:
    if answer.status_code == 401:  # RFC 9449 §9
        return 'error="use_dpop_nonce"' in answer.headers.get("www-authenticate", "")
    return answer.status_code == 400 and _members(answer).get("error") == "use_dpop_nonce"  # §8
