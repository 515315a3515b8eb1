"""Hearing what happens to your permissions: security event tokens (RFC 8417) that the service pushes (RFC 8935).

    receiver = organisation.receiver(on_signal)
    answer = await receiver.take(body, headers)      # in whatever web framework you use, or:
    app = signals_app(receiver)                      # an ASGI application for one address

`on_signal` gets each signal once it is proven to come from the service, to be for you and to be fresh. When it
returns, the signal counts as received. When it raises, the service tries again later: so it must be able to run twice.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec

from .encoding import b64url_bytes, read_json
from .errors import ConsentError
from .service_keys import ServiceKeys
from .store import Store
from .wire import Wire

MOST_OCTETS = 64 * 1024
OLDEST = 600  # seconds since it was signed: each try is signed anew
AHEAD = 60  # seconds that the service's clock may be ahead of ours
_JTI = re.compile(r"[A-Za-z0-9_-]{8,128}")
_EVENT = re.compile(r"/events/(grant-ended|grant-amended|value-corrected|account-erased|demand-made)/v1")

Kind = Literal["ended", "amended", "corrected", "erased", "asked"]
_KINDS: dict[str, Kind] = {
    "grant-ended": "ended",
    "grant-amended": "amended",
    "value-corrected": "corrected",
    "account-erased": "erased",
    "demand-made": "asked",
}


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """Something happened to a permission of yours. It says what, and never why.

    `ended`: use nothing of it any more, and erase what you have. `amended`: look at it again; what
    is named here was taken out, so erase it. `corrected`: the attributes named here have other values now. `erased`:
    the citizen left the service. `asked`: she asks something of you, which waits at `GET /demands`. Times are
    whole seconds.
    """

    id: str  # for `Organisation.acknowledge`
    kind: Kind
    grant_id: str
    happened_at: int
    attributes: tuple[str, ...] = ()


class SignalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What to answer the service (RFC 8935 §2.2 to §2.4), and the signal if it was a new one."""

    status: int
    headers: dict[str, str]
    body: bytes
    signal: Signal | None = None


class _No(Exception):
    """A token that is not taken, with its code of RFC 8935 §2.4."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


class SignalReceiver:
    """Checks what arrives, and hands it on once. Made by `Organisation.receiver`."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        wire: Wire,
        store: Store,
        prefix: str,
        on_signal: Callable[[Signal], Awaitable[None]],
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._wire = wire
        self._store = store
        self._prefix = prefix
        self._on_signal = on_signal
        self._keys = ServiceKeys(wire)
        self._under_way: dict[str, asyncio.Lock] = {}

    async def take(self, body: bytes, headers: Mapping[str, str]) -> SignalAnswer:
        """Check one delivery, hand it to `on_signal` if it is new, and say what to answer. Raises what that raises.

        The body as it came in; the names of *headers* in any case. A delivery that is refused changes nothing.
        """
        try:
            signal = await self._checked(body, headers)
        except _No as no:
            said = msgspec.json.encode({"err": no.code, "description": str(no)})
            return SignalAnswer(
                status=400, headers={"content-type": "application/json", "content-language": "en"}, body=said
            )
        except ConsentError:  # our own way to the service's keys is closed: that is not the sender's fault
            return SignalAnswer(status=503, headers={"retry-after": "60"}, body=b"")
        if signal is None:
            return _TAKEN
        lock = self._under_way.setdefault(signal.id, asyncio.Lock())
        try:
            async with lock:
                if await self._store.get(self._seen(signal)) is not None:
                    return _TAKEN
                await self._on_signal(signal)
                # Only now: had we remembered it before, a crash in between would lose it for ever.
                await self._store.put(self._seen(signal), str(self._wire.now()))
        finally:
            if not lock.locked():
                self._under_way.pop(signal.id, None)
        return msgspec.structs.replace(_TAKEN, signal=signal)

    async def _checked(self, body: bytes, headers: Mapping[str, str]) -> Signal | None:
        """The signal of a delivery that holds; None for an event that we do not know (yet)."""
        kinds = [value for name, value in headers.items() if name.lower() == "content-type"]
        if kinds != ["application/secevent+jwt"] or len(body) > MOST_OCTETS:
            raise _No("invalid_request", "send one token as application/secevent+jwt")
        try:
            text = body.decode("ascii")
            head, claims_part, _ = text.split(".")
            header = read_json(b64url_bytes(head), dict[str, Any])
            claims = read_json(b64url_bytes(claims_part), dict[str, Any])
        except ValueError:
            raise _No("invalid_request", "the body is not a compact token") from None
        # RFC 8417 §2.3, RFC 8725 §3.11: signed by the same key, another kind of token is no signal.
        if header.get("typ") not in ("secevent+jwt", "application/secevent+jwt") or "crit" in header:
            raise _No("invalid_request", "the token is of another type")
        if header.get("alg") != "ES256":
            raise _No("invalid_key", "only ES256 is accepted")
        if not await self._keys.is_signed(text, header):
            raise _No("invalid_key", "no published key of the service made this signature")
        if claims.get("iss") != self._issuer:
            raise _No("invalid_issuer", "the token is of another issuer")
        if claims.get("aud") != self._client_id:
            raise _No("invalid_audience", "the token is for somebody else")
        return self._read(claims)

    def _read(self, claims: dict[str, Any]) -> Signal | None:
        made_at, jti = claims.get("iat"), claims.get("jti")
        if type(made_at) is not int or not -AHEAD <= self._wire.now() - made_at <= OLDEST:
            raise _No("invalid_request", "iat is missing, too old or in the future")
        if not isinstance(jti, str) or not _JTI.fullmatch(jti):
            raise _No("invalid_request", "jti is missing or malformed")
        subject, events, happened_at = claims.get("sub_id"), claims.get("events"), claims.get("toe", made_at)
        if not isinstance(subject, dict) or not isinstance(events, dict) or type(happened_at) is not int:
            raise _No("invalid_request", "sub_id, events or toe is malformed")
        for name, payload in events.items():
            found = (
                _EVENT.fullmatch(name.removeprefix(self._issuer)) if name.startswith(self._issuer) else None
            )
            if found is None:
                continue
            grant = subject.get("id")
            names = payload.get("attributes", []) if isinstance(payload, dict) else None
            if subject.get("format") != "opaque" or not isinstance(grant, str):
                raise _No("invalid_request", "the subject is not a permission")
            if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
                raise _No("invalid_request", "the attributes are malformed")
            return Signal(
                id=jti,
                kind=_KINDS[found[1]],
                grant_id=grant,
                happened_at=happened_at,
                attributes=tuple(names),
            )
        return None

    def _seen(self, signal: Signal) -> str:
        return f"{self._prefix}signal {signal.id}"


_TAKEN = SignalAnswer(status=202, headers={}, body=b"")


def signals_app(receiver: SignalReceiver) -> Callable[..., Awaitable[None]]:
    """An ASGI application that takes deliveries by POST at any path; when the handler raises, it raises (a 500)."""

    async def app(scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] != "http":
            raise RuntimeError("this application speaks HTTP only")
        if scope["method"] != "POST":
            await _send(send, SignalAnswer(status=405, headers={"allow": "POST"}, body=b""))
            return
        body, is_more = b"", True
        while is_more and len(body) <= MOST_OCTETS:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            is_more = message.get("more_body", False)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        await _send(send, await receiver.take(body, headers))

    return app


async def _send(send: Callable[..., Any], answer: SignalAnswer) -> None:
    headers = {**answer.headers, "content-length": str(len(answer.body)), "cache-control": "no-store"}
    octets = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": octets})
    await send({"type": "http.response.body", "body": answer.body})
