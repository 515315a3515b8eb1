"""Signing in elsewhere: one OpenID provider that the operator chose, such as a broker for an official identity.

We are its client (OpenID Connect Core 1.0 §3.1, code flow, with PKCE). We ask for `openid` and nothing more: who she
is there is all that we want, and not even that is kept.
"""

import asyncio
import hmac
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from consent.acts.house import Broker
from consent.keyfiles import read_secret
from consent.settings import Settings
from consent.words.canonical import length_prefixed
from consent.words.errors import Misconfigured, NotReached, NotSignedIn
from consent.words.secret import Secret

# Authlib says at import that it will move to another HTTP library; an operator can do nothing about that.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]

TIME = 5.0  # seconds for one call
FRESH = 300.0  # seconds that its keys are believed without another look: it may have taken one back
LEEWAY = 60  # seconds that its clock may differ from ours
ALGORITHMS = ["RS256", "PS256", "ES256", "Ed25519", "EdDSA"]
_NOT_NOW = "the broker does not answer, or not as it should"


def broker_of(settings: Settings) -> Broker | None:
    """The broker of the settings, if there is one. Raises Misconfigured."""
    if not settings.broker_issuer:
        return None
    secret = read_secret(Path(settings.broker_secret_file))
    if not secret.reveal():
        raise Misconfigured("the file with the secret at the broker is empty")
    return OpenIDProvider(
        settings.broker_issuer.rstrip("/"),
        client=settings.broker_client,
        secret=secret,
        redirect_uri=f"{settings.public_issuer}/sign-in/broker/done",
        name=settings.broker_name,
    )


class OpenIDProvider:
    """One provider. What it says about itself is read at the first use, its keys again when old or lacking one."""

    def __init__(self, issuer: str, *, client: str, secret: Secret, redirect_uri: str, name: str) -> None:
        self.name = name
        self._issuer, self._client, self._secret, self._redirect_uri = issuer, client, secret, redirect_uri
        self._metadata: dict[str, Any] | None = None
        self._keys: KeySet | None = None
        self._keys_at = 0.0  # by the running loop

    async def address(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where a browser goes to sign in there. Raises NotReached."""
        async with self._session() as session:
            about = await self._about(session)
            url, _ = session.create_authorization_url(
                about["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        return str(url)

    async def subject(self, answer: Mapping[str, str], *, state: str, nonce: str, verifier: str) -> str:
        """Who came back with *answer*. Raises NotReached, and NotSignedIn for whatever is wrong with it."""
        if not hmac.compare_digest(answer.get("state", "").encode(), state.encode()):
            raise NotSignedIn("this answer belongs to another browser")
        async with self._session() as session:
            about = await self._about(session)
            # RFC 9207 §2.4: an answer of another server is not taken for one of this one.
            names_itself = about.get("authorization_response_iss_parameter_supported") is True
            if answer.get("iss", None if names_itself else about["issuer"]) != about["issuer"]:
                raise NotSignedIn("this answer comes from another server")
            code = answer.get("code", "")
            if not code or "error" in answer:
                raise NotSignedIn("the broker said no")
            try:
                async with asyncio.timeout(TIME):
                    token = await session.fetch_token(
                        about["token_endpoint"],
                        grant_type="authorization_code",
                        code=code,
                        code_verifier=verifier,
                    )
            except (AuthlibBaseError, httpx.HTTPStatusError):
                raise NotSignedIn("the broker does not know this code") from None
            except (TimeoutError, httpx.HTTPError, ValueError):
                raise NotReached(_NOT_NOW) from None
            claims = await self._claims(session, about, str(token.get("id_token", "")))
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise NotSignedIn("the broker's word belongs to another sign-in")
        audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if len(audience) > 1 and claims.get("azp") != self._client:  # Core §3.1.3.7-4
            raise NotSignedIn("the broker's word is for somebody else")
        return length_prefixed(self._issuer.encode(), claims["sub"].encode()).hex()

    async def _claims(self, session: AsyncOAuth2Client, about: dict[str, Any], token: str) -> dict[str, Any]:
        """What an ID token says, after all checks of Core §3.1.3.7 but the nonce."""
        for is_second in (False, True):
            now = asyncio.get_running_loop().time()
            if self._keys is None or is_second or now - self._keys_at >= FRESH:
                self._keys, self._keys_at = await self._read_keys(session, about), now
            try:
                decoded = jwt.decode(token, self._keys, algorithms=ALGORITHMS)
                break
            except (JoseError, ValueError):  # perhaps signed with a key that is newer than what we have
                if is_second:
                    raise NotSignedIn("the broker's word cannot be checked") from None
        rules = jwt.JWTClaimsRegistry(
            leeway=LEEWAY,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._client},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )
        try:
            rules.validate(decoded.claims)
        except (JoseError, TypeError, ValueError):
            raise NotSignedIn("the broker's word is not for us, or too old") from None
        if not isinstance(decoded.claims["sub"], str):
            raise NotSignedIn("the broker's word names nobody")
        return decoded.claims

    def _session(self) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            self._client,
            self._secret.reveal().decode(),
            scope="openid",
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=TIME,
            trust_env=False,
            follow_redirects=False,
        )

    async def _about(self, session: AsyncOAuth2Client) -> dict[str, Any]:
        """The provider's own description (OpenID Connect Discovery 1.0 §4), which must be of this very issuer."""
        if self._metadata is None:
            found = await self._read(session, f"{self._issuer}/.well-known/openid-configuration")
            needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
            if found.get("issuer") != self._issuer or not all(self._is_safe(found.get(n)) for n in needed):
                raise NotReached(_NOT_NOW)
            self._metadata = found
        return self._metadata

    def _is_safe(self, url: object) -> bool:
        return isinstance(url, str) and url.startswith(
            "https://" if self._issuer.startswith("https://") else "http"
        )

    async def _read_keys(self, session: AsyncOAuth2Client, about: dict[str, Any]) -> KeySet:
        try:
            return KeySet.import_key_set(await self._read(session, about["jwks_uri"]))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError):
            raise NotReached(_NOT_NOW) from None

    async def _read(self, session: AsyncOAuth2Client, url: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(TIME):
                answer = await session.request("GET", url, withhold_token=True)
            found = answer.raise_for_status().json()
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError):
            raise NotReached(_NOT_NOW) from None
        if not isinstance(found, dict):
            raise NotReached(_NOT_NOW)
        return found
