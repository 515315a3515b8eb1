"""Two client libraries of Node, openid-client and oauth4webapi, know the service by its metadata and RFCs alone.

The citizen's part is done by the demo's browser. Without Node 20 and the packages of `node/package-lock.json`, which
`tests/run.py` installs, these tests are skipped.
"""

import base64
import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization

from consent.demo import Stage
from tests.web.office import ASKED, PLAIN_REDIRECT, Office, office_of

HERE = Path(__file__).parent / "node"
INSTALLED = HERE.parents[2] / ".test-venv" / "node" / "node_modules"
LIBRARIES = ("openid-client", "oauth4webapi")
OLDEST = 20  # Node's own version: before, it kept its cryptography elsewhere
PATIENCE = 60.0  # seconds for all that one client does in one test

Said = dict[str, Any]


class Desk:
    """A client library in a process of its own, for one client of ours."""

    def __init__(self, node: str, program: Path, office: Office, *, signed: bool) -> None:
        self.office = office
        self._process = subprocess.Popen(
            [node, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._watch = threading.Timer(PATIENCE, self._process.kill)
        self._watch.start()
        pem = serialization.load_pem_private_key(office.key.pem().encode(), password=None)
        pkcs8 = pem.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.metadata = self.tell(
            "start",
            issuer=office.stage.issuer,
            client_id=office.client_id,
            key=base64.b64encode(pkcs8).decode(),
            redirect=PLAIN_REDIRECT,
            signed=signed,
        )

    def tell(self, command: str, **words: Any) -> Said:
        """Give a command and wait for what the library makes of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command} | words) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the library did not answer {command}"
        said: Said = json.loads(line)
        return said

    def ask(self, **changed: str) -> Said:
        """Push a request for the usual attributes."""
        details = json.loads(self.office.request_fields("v" * 43)["authorization_details"])
        return self.tell("ask", details=details, changed=changed)

    def answered(self, decision: str = "yes") -> str:
        """Ask, and let a citizen answer: the address she comes back to."""
        asked = self.ask()
        assert "url" in asked, asked
        back = self.office.answered(asked["url"].removeprefix(self.office.stage.issuer), decision)
        return f"{PLAIN_REDIRECT}?{urlencode(back)}"

    def disclose(self, token: str) -> Said:
        """Ask the API for values."""
        url = f"{self.office.stage.issuer}/disclosures"
        return self.tell("disclose", token=token, url=url, attributes=list(ASKED))

    def close(self) -> None:
        """End the process."""
        self._watch.cancel()
        self._process.kill()
        self._process.communicate()


Opened = Callable[..., Desk]


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs beside the installed packages, as Node looks for them."""
    node = shutil.which("node")
    known = subprocess.run([node, "--version"], capture_output=True, text=True).stdout if node else "v0"
    if int(known.strip().removeprefix("v").split(".")[0]) < OLDEST or not INSTALLED.is_dir():
        pytest.skip(
            "no Node 20 with openid-client and oauth4webapi: tests/run.py installs them when npm is there"
        )
    folder = tmp_path_factory.mktemp("node")
    for file in (*HERE.glob("*.js"), HERE / "package.json"):
        shutil.copy(file, folder)
    (folder / "node_modules").symlink_to(INSTALLED, target_is_directory=True)
    return folder


@pytest.fixture(params=LIBRARIES)
def opened(request: pytest.FixtureRequest, programs: Path, served: Stage) -> Iterator[Opened]:
    """Opens desks with the library, by the name of the client and its settings."""
    desks: list[Desk] = []
    node = shutil.which("node") or ""

    def one(organisation: str = "knooppunt", *, signed: bool = False, **settings: Any) -> Desk:
        office = office_of(served, organisation, **settings)
        desks.append(Desk(node, programs / f"{request.param}.js", office, signed=signed))
        return desks[-1]

    yield one
    for desk in desks:
        desk.close()


@pytest.mark.parametrize(
    ("organisation", "signed", "settings"),
    [
        ("knooppunt", False, {}),
        (
            "knoopzegel",
            True,
            {
                "require_signed_request_object": True,
                "authorization_signed_response_alg": "ES256",
                "introspection_signed_response_alg": "ES256",
            },
        ),
        ("knoopwacht", False, {"dpop_nonce_required": True}),
    ],
    ids=["security profile", "message signing", "nonces"],
)
def test_from_the_question_to_the_data_and_back_to_nothing(
    opened: Opened, organisation: str, signed: bool, settings: dict[str, Any]
) -> None:
    desk = opened(organisation, signed=signed, **settings)
    assert desk.metadata["issuer"] == desk.office.stage.issuer
    back = desk.answered()
    assert ("response" in dict(parse_qsl(urlsplit(back).query))) == signed
    tokens = desk.tell("receive", back=back)
    assert tokens.get("token_type") == "dpop", tokens  # the libraries write it small
    assert tokens["authorization_details"][0]["attributes"] == sorted(ASKED)

    given = desk.disclose(tokens["access_token"])
    assert (given["status"], set(given["body"]["attributes"])) == (200, set(ASKED)), given
    again = desk.tell("refresh", token=tokens["refresh_token"])
    assert again["access_token"] != tokens["access_token"]
    assert desk.disclose(again["access_token"])["status"] == 200

    about = desk.tell("introspect", token=again["access_token"])
    assert (about["active"], about["sub"], about["client_id"]) == (True, tokens["sub"], desk.office.client_id)
    assert desk.tell("revoke", token=again["access_token"]) == {}
    assert desk.tell("introspect", token=again["access_token"])["active"] is False
    refused = desk.disclose(again["access_token"])
    assert (refused["refused"], refused["status"]) == ("invalid_token", 401)


def test_what_is_refused_arrives_as_the_word_of_the_rfc(opened: Opened) -> None:
    desk = opened()
    wrong = desk.ask(redirect_uri="http://127.0.0.1:9/elsewhere")
    assert (wrong["refused"], wrong["status"]) == ("invalid_request", 400)
    assert wrong["because"].startswith("redirect_uri is not registered")
    assert desk.ask(response_type="token")["refused"] == "unsupported_response_type"

    assert desk.tell("receive", back=desk.answered("no"))["refused"] == "access_denied"
    back = desk.answered()
    first = desk.tell("receive", back=back)
    second = desk.tell("receive", back=back)
    assert (second["refused"], second["status"]) == ("invalid_grant", 400)
    # Whoever had the code first loses what it got (RFC 6749 §4.1.2), and its library says so.
    assert desk.disclose(first["access_token"])["refused"] == "invalid_token"
    assert desk.tell("refresh", token=first["refresh_token"])["refused"] == "invalid_grant"
    assert desk.tell("refresh", token="r" * 43)["refused"] == "invalid_grant"


@pytest.mark.parametrize("changed", [{"iss": "https://elsewhere.example"}, {"iss": ""}, {"state": "another"}])
def test_an_answer_that_was_tampered_with_stops_at_the_client(
    opened: Opened, changed: dict[str, str]
) -> None:
    """RFC 9207 §2.4: that the service always sends `iss` is in its metadata, so a client misses it."""
    desk = opened()
    query = dict(parse_qsl(urlsplit(desk.answered()).query)) | changed
    back = f"{PLAIN_REDIRECT}?{urlencode({name: value for name, value in query.items() if value})}"
    stopped = desk.tell("receive", back=back)
    assert stopped["refused"] in ("OAUTH_INVALID_RESPONSE", "OAUTH_JWT_CLAIM_COMPARISON_FAILED"), stopped
    assert stopped["status"] is None  # nothing was sent


@pytest.mark.parametrize("nonces", [False, True])
def test_a_client_gets_a_token_of_its_own(opened: Opened, nonces: bool) -> None:
    desk = opened("knoopwacht", dpop_nonce_required=True) if nonces else opened()
    token = desk.tell("own")
    assert set(token) >= {"access_token", "expires_in"}
    assert "refresh_token" not in token
    assert desk.tell("introspect", token=token["access_token"])["active"] is True
