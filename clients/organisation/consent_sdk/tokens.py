"""Tokens: got, kept in memory, renewed when the service says so, and bound to our key (RFC 6749, RFC
9449)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import httpx
import msgspec

from .answers import Arrangement, Ask
from .errors import ProtocolError
from .secret import Secret
from .store import Store
from .wire import Wire, is_expired_token, read_answer, refusal


class _Detail(msgspec.Struct):
    type: str
    purpose: str
    purpose_version: int
    attributes: list[str]
    grant_id: str
    expires_at: int
    given_by: str = "self"


class _Token(msgspec.Struct):
    access_token: str
    token_type: str
    refresh_token: str | None = None
    grant_id: str | None = None
    sub: str | None = None
    authorization_details: list[_Detail] = []
    acr: str | None = None
    auth_time: int | None = None


class _OwnToken(msgspec.Struct):
    access_token: str
    token_type: str


Either = TypeVar("Either", _Token, _OwnToken)
_BATCHES = " batches"  # no grant_id has a space


class Tokens:
    """Calls the API in the name of a permission, or of the organisation itself."""

    def __init__(self, issuer: str, wire: Wire, *, store: Store, prefix: str) -> None:
        self._issuer = issuer
        self._wire = wire
        self._store = store
        self._prefix = prefix
        self._access: dict[str, Secret] = {}

    @property
    def detail_type(self) -> str:
        """The type of our authorization_details (RFC 9396 §2)."""
        return f"{self._issuer}/types/attributes/v1"

    async def exchange(self, fields: Mapping[str, str], ask: Ask) -> Arrangement:
        """Exchange a code, and remember what came of it. Raises Refused, ProtocolError."""
        token = await self._token(fields, _Token)
        arrangement = self._arrangement(token, ask)
        await self._store.put(self._name(arrangement.grant_id), arrangement.text())
        self._access[arrangement.grant_id] = Secret(token.access_token)
        return arrangement

    async def remembered(self, grant_id: str) -> Arrangement | None:
        """The arrangement in the store, or None."""
        text = await self._store.get(self._name(grant_id))
        return None if text is None else Arrangement.read(text)

    async def forget(self, arrangement: Arrangement) -> None:
        """Revoke the tokens of *arrangement* (RFC 7009 §2.1) and forget them."""
        metadata = await self._wire.metadata()
        latest = await self.remembered(arrangement.grant_id) or arrangement
        fields = {"token": latest.refresh_token.reveal(), "token_type_hint": "refresh_token"}
        await self._wire.form(metadata.revocation_endpoint, fields, is_proved=False)
        await self.drop(arrangement.grant_id)

    async def drop(self, grant_id: str) -> None:
        """Forget the tokens of a permission that is over."""
        self._access.pop(grant_id, None)
        await self._store.delete(self._name(grant_id))

    async def call(
        self,
        method: str,
        path: str,
        *,
        arrangement: Arrangement | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        for_batches: bool = False,
    ) -> httpx.Response:
        """Call the API, for *arrangement* or as the organisation. The answer may still be a no."""
        holder = arrangement.grant_id if arrangement is not None else _BATCHES if for_batches else ""
        renew: Callable[[], Awaitable[Secret]] = (
            (lambda: self._own(holder)) if arrangement is None else lambda: self._refresh(arrangement)
        )
        # The service, not our clock, says when a token is over. Then once more with a new one, and only once.
        token = self._access.get(holder) or await renew()
        url = self._issuer + path
        answer = await self._wire.resource(method, url, token=token.reveal(), json=json, headers=headers)
        if is_expired_token(answer):
            token = await renew()
            answer = await self._wire.resource(method, url, token=token.reveal(), json=json, headers=headers)
        return answer

    async def as_client(self, method: str, path: str, json: Any = None) -> httpx.Response:
        """Call the API as the organisation. Raises Refused for a no, ProtocolError."""
        answer = await self.call(method, path, json=json)
        if not answer.is_success:
            raise refusal(answer)
        return answer

    async def _own(self, holder: str) -> Secret:
        fields = {"grant_type": "client_credentials"}
        if holder == _BATCHES:
            wanted = [{"type": f"{self._issuer}/types/batch_disclosure/v1"}]
            fields["authorization_details"] = msgspec.json.encode(wanted).decode()
        token = await self._token(fields, _OwnToken)
        self._access[holder] = Secret(token.access_token)
        return self._access[holder]

    async def _refresh(self, arrangement: Arrangement) -> Secret:
        latest = await self.remembered(arrangement.grant_id) or arrangement
        token = await self._token(
            {"grant_type": "refresh_token", "refresh_token": latest.refresh_token.reveal()}, _Token
        )
        if token.grant_id not in (None, arrangement.grant_id) or token.sub not in (None, arrangement.sub):
            raise ProtocolError("the token is of another permission")
        if token.refresh_token is not None and token.refresh_token != latest.refresh_token.reveal():
            # Rotation is rare under FAPI 2.0 (§5.3.2.1), but a client has to survive it.
            latest = msgspec.structs.replace(latest, refresh_token=Secret(token.refresh_token))
            await self._store.put(self._name(arrangement.grant_id), latest.text())
        self._access[arrangement.grant_id] = Secret(token.access_token)
        return self._access[arrangement.grant_id]

    async def _token(self, fields: Mapping[str, str], shape: type[Either]) -> Either:
        metadata = await self._wire.metadata()
        token = read_answer(await self._wire.form(metadata.token_endpoint, fields), shape)
        # RFC 9449 §5: a Bearer token would work for whoever finds it.
        if token.token_type.lower() != "dpop":
            raise ProtocolError("the token is not bound to our key")
        if not token.access_token.isascii():
            raise ProtocolError("the token answer has another form")
        return token

    def _arrangement(self, token: _Token, ask: Ask) -> Arrangement:
        if token.grant_id is None or token.sub is None or token.refresh_token is None:
            raise ProtocolError("the token answer misses a member")
        if len(token.authorization_details) != 1:
            raise ProtocolError("the token answer names not exactly one permission")
        got = token.authorization_details[0]
        if (got.type, got.grant_id) != (self.detail_type, token.grant_id):
            raise ProtocolError("the token answer contradicts itself")
        if ask.grant_id not in (None, token.grant_id):
            raise ProtocolError("the token is of another permission than the one to be changed")
        if (got.purpose, got.purpose_version) != (ask.purpose, ask.purpose_version):
            raise ProtocolError("the permission is for another purpose")
        if not set(got.attributes) <= set(ask.attributes):
            raise ProtocolError("the permission names attributes that were not asked")
        return Arrangement(
            grant_id=token.grant_id,
            sub=token.sub,
            purpose=got.purpose,
            purpose_version=got.purpose_version,
            attributes=tuple(got.attributes),
            expires_at=got.expires_at,
            refresh_token=Secret(token.refresh_token),
            given_by=got.given_by,
            acr=token.acr,
            auth_time=token.auth_time,
        )

    def _name(self, grant_id: str) -> str:
        return f"{self._prefix}arrangement {grant_id}"
