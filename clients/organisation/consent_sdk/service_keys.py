"""The service's published keys: what it signs for us, an answer or a signal, is checked with them (RFC 7517)."""

from typing import Any

import msgspec

from .encoding import b64url_bytes, read_json
from .errors import ProtocolError
from .keys import is_signed_es256
from .wire import Wire, read_answer, refusal

# Seconds between two looks at the service's keys: a stranger's kid must not make us hammer it.
_PAUSE = 30
# Seconds that a key is believed without another look: the service may have taken it back, since somebody else has it.
_LIFE = 300


class _Keys(msgspec.Struct):
    keys: list[dict[str, Any]]


class ServiceKeys:
    """The key set behind `jwks_uri` in the metadata, fetched when it is old or lacks a key that is needed."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._keys: dict[str, dict[str, Any]] = {}
        self._keys_at: int | None = None

    async def is_signed(self, token: str, header: dict[str, Any]) -> bool:
        """Answer whether a published key made the signature of the compact JWS *token*, whose header is *header*.

        Raises ProtocolError, Unreachable and Refused when the keys cannot be had.
        """
        key = await self._find(header.get("kid"))
        return key is not None and is_signed_es256(token, key)

    async def _find(self, kid: object) -> dict[str, Any] | None:
        """The published key of this name; for one that is not in the set it is fetched again, but not often."""
        if not isinstance(kid, str):
            return None
        now = self._wire.now()
        enough = _LIFE if kid in self._keys else _PAUSE
        if self._keys_at is None or not 0 <= now - self._keys_at < enough:
            self._keys = await self._fetch()
            self._keys_at = now
        return self._keys.get(kid)

    async def _fetch(self) -> dict[str, dict[str, Any]]:
        address = (await self._wire.metadata()).jwks_uri
        if address is None:
            raise ProtocolError("the service does not say where its keys are")
        answer = await self._wire.public(address)
        if answer.status_code != 200:
            raise refusal(answer)
        return {str(key["kid"]): key for key in read_answer(answer, _Keys).keys if "kid" in key}


async def read_signed_answer(
    token: str, keys: ServiceKeys, *, issuer: str, client_id: str, at: int
) -> dict[str, str]:
    """The parameters of a signed authorization response (JARM §2.4), once it is proven to be the service's, for us,
    and not over. *at* in whole seconds. Raises ProtocolError."""
    try:
        token.encode("ascii")
        head, payload, _ = token.split(".")
        header = read_json(b64url_bytes(head), dict[str, Any])
        claims = read_json(b64url_bytes(payload), dict[str, Any])
    except ValueError:
        raise ProtocolError("the signed answer is not a compact token") from None
    # RFC 8725 §3.1: what we expect decides, not the header. §3.11: another kind of token is no answer.
    if header.get("alg") != "ES256" or header.get("typ", "JWT") != "JWT" or "crit" in header:
        raise ProtocolError("the signed answer is of another kind")
    # Who answers comes first: a code of another server must not be sent to this one (JARM §2.4, RFC 9207 §2.4).
    if claims.get("iss") != issuer:
        raise ProtocolError("the answer is of another issuer")
    if claims.get("aud") != client_id:
        raise ProtocolError("the answer is for another client")
    ends = claims.get("exp")
    if type(ends) is not int or at >= ends:
        raise ProtocolError("the signed answer is over, or never is")
    if not await keys.is_signed(token, header):
        raise ProtocolError("no published key of the service signed the answer")
    return {name: value for name, value in claims.items() if isinstance(value, str)}
