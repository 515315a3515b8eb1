"""Authlib's own authorization server, in memory: plain code flow with PKCE, as its authors mean it to be used.

It is asked the same as ours. Clients are authenticated before, so that only the rules after that are compared.
"""

from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import parse_qs, parse_qsl, urlsplit

from authlib.oauth2 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Error, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge

OK = "ok"
Clock = Callable[[], float]  # seconds


class Client(ClientMixin):  # type: ignore[misc]
    """A confidential client with one registered address."""

    def __init__(self, name: str, redirect_uri: str) -> None:
        self.name, self.redirect_uri = name, redirect_uri

    def get_client_id(self) -> str:
        return self.name

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str | None) -> str:
        return ""

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "before"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return True


class Kept:
    """A code or a refresh token."""

    def __init__(self, client: str, redirect_uri: str | None, challenge: str | None, ends: float) -> None:
        self.client, self.redirect_uri, self.ends = client, redirect_uri, ends
        self.code_challenge, self.code_challenge_method = challenge, "S256"

    def get_redirect_uri(self) -> str | None:
        return self.redirect_uri

    def get_scope(self) -> str:
        return ""

    def check_client(self, client: Client) -> bool:
        return client.name == self.client


class Request(OAuth2Request):  # type: ignore[misc]
    """A form or a query, with parameters that may occur twice."""

    def __init__(self, method: str, encoded: str, client: str | None) -> None:
        super().__init__(method, "https://consent.example/")
        pairs = parse_qsl(encoded, keep_blank_values=True)
        self.payload = BasicOAuth2Payload(dict(reversed(pairs)))
        self.payload._datalist = parse_qs(encoded, keep_blank_values=True)
        self.identified_as = client

    @property
    def form(self) -> dict[str, str]:
        found: dict[str, str] = self.payload.data
        return found


class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    """How Authlib asks for what is kept."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["before"]
    AUTHORIZATION_CODE_LENGTH = 43

    def save_authorization_code(self, code: str, request: Request) -> None:
        asked = request.payload
        self.server.codes[code] = Kept(
            asked.client_id, asked.redirect_uri, asked.data.get("code_challenge"), self.server.clock() + 60
        )

    def query_authorization_code(self, code: str, client: Client) -> Kept | None:
        kept: Kept | None = self.server.codes.get(code)
        return kept if kept and kept.check_client(client) and self.server.clock() < kept.ends else None

    def delete_authorization_code(self, authorization_code: Kept) -> None:
        codes = self.server.codes
        self.server.codes = {code: kept for code, kept in codes.items() if kept is not authorization_code}

    def authenticate_user(self, authorization_code: Kept) -> str:
        return "sanne"


class RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]
    """Refresh tokens that are not rotated, like ours."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["before"]

    def authenticate_refresh_token(self, refresh_token: str) -> Kept | None:
        kept: Kept | None = self.server.refresh_tokens.get(refresh_token)
        return kept

    def authenticate_user(self, refresh_token: Kept) -> str:
        return "sanne"

    def revoke_old_credential(self, refresh_token: Kept) -> None:
        """It goes on working."""


class ClientGrant(grants.ClientCredentialsGrant):  # type: ignore[misc]
    """Tokens of the client itself."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["before"]


class OnlyS256(CodeChallenge):  # type: ignore[misc]
    """PKCE without "plain", which Authlib leaves to whoever uses it."""

    SUPPORTED_CODE_CHALLENGE_METHOD: ClassVar = ["S256"]


class AuthlibHouse(AuthorizationServer):  # type: ignore[misc]
    """The server; *fresh* makes handles."""

    def __init__(self, clients: list[Client], *, clock: Clock, fresh: Callable[[], str]) -> None:
        super().__init__()
        self.clients, self.clock = {client.name: client for client in clients}, clock
        self.codes: dict[str, Kept] = {}
        self.refresh_tokens: dict[str, Kept] = {}
        self.register_grant(CodeGrant, [OnlyS256(required=True)])
        self.register_grant(RefreshGrant)
        self.register_grant(ClientGrant)
        self.register_client_auth_method(
            "before", lambda query_client, request: query_client(request.identified_as)
        )

        def generate(include_refresh_token: bool = True, **about: Any) -> dict[str, str]:
            token = {"token_type": "Bearer", "access_token": fresh()}
            return token | ({"refresh_token": fresh()} if include_refresh_token else {})

        self.register_token_generator("default", generate)

    def query_client(self, client_id: str) -> Client | None:
        return self.clients.get(client_id)

    def save_token(self, token: dict[str, str], request: Request) -> None:
        if "refresh_token" in token:
            self.refresh_tokens[token["refresh_token"]] = Kept(request.client.name, None, None, 0)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: Request) -> Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> tuple[str, Any]:
        found = dict(headers)
        if "Location" in found:
            return OK, dict(parse_qsl(urlsplit(found["Location"]).query))
        return body.get("error", OK), body

    def authorize(self, encoded: str) -> tuple[str, Any]:
        """A request for authorization, and a citizen who says yes."""
        request = Request("GET", encoded, None)
        try:
            grant = self.get_consent_grant(request, "sanne")
        except OAuth2Error as no:
            return no.error, None
        found: tuple[str, Any] = self.create_authorization_response(request, "sanne", grant)
        return found

    def token(self, encoded: str, client: str) -> tuple[str, Any]:
        """A token request of a client who is known."""
        found: tuple[str, Any] = self.create_token_response(Request("POST", encoded, client))
        return found
