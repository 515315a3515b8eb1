"""A small OpenID provider on this machine: it says what a test tells it to say."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import ECKey

CLIENT, SECRET = "consent", "s3cret"


class Provider:
    """Its codes, its key, and what it puts into its next token instead of the truth."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256", {"kid": "one", "alg": "ES256"})
        self.lies: dict[str, Any] = {}
        self.about: dict[str, Any] = {}  # instead of the truth in its description
        self.signs_with = self.key
        self.issuer = ""
        self._codes: dict[str, dict[str, str]] = {}

    def sign_in(self, address: str, subject: str) -> dict[str, str]:
        """What a browser brings back that went to *address*, and was *subject* there."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (asked["client_id"], asked["scope"], asked["response_type"]) == (CLIENT, "openid", "code")
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked | {"sub": subject}
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if path == "/.well-known/openid-configuration":
            ends = {
                "authorization_endpoint": "/authorize",
                "token_endpoint": "/token",
                "jwks_uri": "/jwks",
            }
            about = {name: self.issuer + end for name, end in ends.items()}
            return 200, {"issuer": self.issuer, **about, **self.about}
        if path == "/jwks":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or create_s256_code_challenge(form["code_verifier"]) != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": asked["sub"], "iat": now, "exp": now + 60}
        claims |= {"nonce": asked["nonce"]} | self.lies
        token = jwt.encode({"alg": "ES256", "kid": "one"}, claims, self.signs_with)
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": token}


@contextmanager
def providing() -> Iterator[Provider]:
    """A provider that listens."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(provider.answer(self.path, {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._say(provider.answer(self.path, {n: v[0] for n, v in parse_qs(body).items()}))

        def _say(self, answer: tuple[int, dict[str, Any]]) -> None:
            body = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
