"""A client that publishes its keys itself, over real HTTP: it comes in, rotates, and stays out while it is silent."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from consent_sdk.keys import SigningKey

from consent.demo import Stage
from tests.web.office import Office, office_of


class Site(ThreadingHTTPServer):
    """The client's own web site."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.keys: list[dict[str, Any]] = []
        self.asked: list[str] = []

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/keys"


class _Answer(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = json.dumps({"keys": self.server.keys}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def site() -> Iterator[Site]:
    server = Site()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def knocks(office: Office) -> int:
    return office.post("/oauth/token", office.identified(grant_type="client_credentials")).status_code


def test_a_client_with_keys_at_its_own_address(served: Stage, site: Site) -> None:
    office = office_of(served, "sleutelhuis", jwks_uri=site.uri)
    site.keys = [{"kty": "oct-like"}, dict(office.key.public_jwk)]
    assert [knocks(office) for _ in range(3)] == [200, 200, 200]
    assert site.asked == ["/keys"]
    # A key of somebody else is looked for once, and not again for a while.
    stranger = Office(served, "sleutelhuis", SigningKey.new())
    assert {knocks(stranger) for _ in range(5)} == {401}
    assert len(site.asked) <= 2
    assert knocks(office) == 200


def test_while_its_address_is_silent_nobody_is_let_in(served: Stage, site: Site) -> None:
    office = office_of(served, "stilhuis", jwks_uri=site.uri)
    site.keys = [dict(office.key.public_jwk) | {"d": "AAAA"}]  # it lost its private key
    answer = office.post("/oauth/token", office.identified(grant_type="client_credentials"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert site.uri not in answer.text
    assert site.uri not in (served.folder / "service.log").read_text()
