"""What holds before any door: spelling, HEAD, what every answer tells a browser, and what may be compressed."""

import gzip
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.types import Message

from consent.demo import Stage
from consent.web.arrival import read_body
from consent.web.assets import accepts_gzip
from consent.web.errors import voice_of
from consent.web.porch import porch
from consent.words.errors import BadInput, TooLarge
from tests.web.knock import knock, write
from tests.web.office import office_of


class Inside:
    """An application behind the porch, that notes what reached it."""

    def __init__(self, *headers: tuple[bytes, bytes]) -> None:
        self.headers = list(headers)
        self.seen: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(f"{scope['method']} {scope['path']}")
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"body", "more_body": False})


async def ask(
    inside: Inside, *, method: str = "GET", path: bytes = b"/log", is_https: bool = False
) -> tuple[dict[bytes, bytes], bytes]:
    """The headers and the body that a visitor gets."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nobody reads a body here")

    scope: Any = {
        "type": "http", "method": method, "path": path.decode(), "raw_path": path, "query_string": b"", "headers": [],
        "state": {}, "path_params": {}, "litestar_app": Litestar(openapi_config=None),
    }  # fmt: skip
    await porch(inside, is_https=is_https)(scope, receive, send)
    start: Any = sent[0]
    headers = list(start["headers"])
    assert len(headers) == len(dict(headers))
    return dict(headers), b"".join(message.get("body", b"") for message in sent[1:])  # type: ignore[misc]


async def test_every_answer_says_not_to_guess_and_not_to_keep() -> None:
    headers, _ = await ask(Inside())
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"cache-control"] == b"no-store"


async def test_a_door_that_knows_better_how_long_to_keep_is_heard() -> None:
    headers, _ = await ask(Inside((b"cache-control", b"public, max-age=60")))
    assert headers[b"cache-control"] == b"public, max-age=60"


async def test_https_is_promised_only_where_it_is() -> None:
    over_tls, _ = await ask(Inside(), is_https=True)
    assert over_tls[b"strict-transport-security"].startswith(b"max-age=31536000")
    plain, _ = await ask(Inside(), is_https=False)
    assert b"strict-transport-security" not in plain


async def test_head_reaches_a_door_as_get_and_leaves_without_a_body() -> None:
    inside = Inside()
    assert await ask(inside, method="HEAD") == ((await ask(Inside()))[0], b"")
    assert inside.seen == ["GET /log"]


async def test_head_at_the_api_stays_head() -> None:
    inside = Inside()
    await ask(inside, method="HEAD", path=b"/audit/openings")
    assert inside.seen == ["HEAD /audit/openings"]


@pytest.mark.parametrize("path", [b"/log//checkpoint", b"/log/2026%2fcheckpoint", b"/log/%6c", b"/log/%00"])
async def test_another_spelling_of_an_address_reaches_no_door(path: bytes) -> None:
    inside = Inside()
    headers, body = await ask(inside, path=path)
    assert (inside.seen, headers[b"content-type"]) == ([], b"application/problem+json")
    assert b'"not_found"' in body


@pytest.mark.parametrize(
    ("path", "voice"),
    [
        ("/oauth/par", "oauth"), ("/.well-known/x", "oauth"), ("/oauth/authorize", "page"), ("/disclosures", "api"),
        ("/uses", "api"), ("/grants/x", "api"), ("/audit/openings", "api"), ("/log", "log"),
        ("/log/2026/checkpoint", "log"),
        ("/openapi.yaml", "log"), ("/", "page"), ("/login", "page"), ("/logs", "page"), ("/usesless", "page"),
        ("/my/timeline", "page"), ("/disclosuresx", "page"),
    ],
)  # fmt: skip
def test_each_address_has_a_language_of_error(path: str, voice: str) -> None:
    assert voice_of(path) == voice


# Compression


@pytest.mark.parametrize(
    ("accepted", "wanted"),
    [
        ("gzip", True), ("gzip, br", True), ("br;q=1.0, gzip;q=0.8", True), ("GZIP", True), ("gzip;q=0.001", True),
        ("", False), ("br", False), ("identity", False), ("gzip;q=0", False), ("gzip; q=0.000", False),
        ("x-gzip2", False), ("*;q=0", False),
    ],
)  # fmt: skip
def test_gzip_is_sent_to_whoever_wants_it(accepted: str, wanted: bool) -> None:
    assert accepts_gzip(accepted) is wanted


@pytest.mark.parametrize("path", ["/static/style.css", "/static/theme.css", "/openapi.yaml"])
def test_what_is_the_same_for_everybody_is_compressed_and_says_so(served: Stage, path: str) -> None:
    plain = knock(served.port, write("GET", path))
    small = knock(served.port, write("GET", path, [("accept-encoding", "gzip")]))
    assert (plain.header("content-encoding"), small.header("content-encoding")) == ("", "gzip")
    assert gzip.decompress(small.body) == plain.body
    assert len(small.body) < len(plain.body) / 2
    assert plain.header("vary") == small.header("vary") == "Accept-Encoding"


def test_nothing_that_holds_a_secret_is_ever_compressed(served: Stage) -> None:
    """BREACH: the length of a compressed page tells what it holds, to whoever may put a guess beside it."""
    office = office_of(served)
    got = office.tokens()
    body = {"attributes": ["household_size"]}
    answers = [
        office.call("POST", "/disclosures", got["access_token"], body, **{"accept-encoding": "gzip"}),
        office.post(
            "/oauth/token", office.identified(grant_type="client_credentials"), **{"accept-encoding": "gzip"}
        ),
        *[
            httpx.get(f"{served.issuer}{path}", headers={"accept-encoding": "gzip"})
            for path in ("/sign-in", "/sign-in?next=/my/data", "/oauth/authorize", "/nothing", "/log")
        ],
    ]
    assert [one.headers.get("content-encoding") for one in answers] == [None] * len(answers)


# Bodies, for servers that leave it to us


def pieces(*parts: bytes, ends: bool = True) -> Any:
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    waiting.append(
        {"type": "http.request", "body": b"", "more_body": False} if ends else {"type": "http.disconnect"}
    )

    async def receive() -> Any:
        return waiting.pop(0)

    return receive


async def test_a_body_comes_in_pieces() -> None:
    assert await read_body(pieces(b"ab", b"", b"c"), {}, 3) == b"abc"


@pytest.mark.parametrize("length", [b"4", b"9" * 17, b"9" * 5000])
async def test_an_announced_length_beyond_the_limit_is_refused_before_anything_is_read(length: bytes) -> None:
    with pytest.raises(TooLarge):
        await read_body(pieces(), {b"content-length": length}, 3)


async def test_a_body_longer_than_it_said_is_refused() -> None:
    with pytest.raises(TooLarge):
        await read_body(pieces(b"abc", b"d"), {b"content-length": b"2"}, 3)


@pytest.mark.parametrize(
    "length", [b"", b"abc", b"-1", b"+1", b" 1", b"1_0", b"0x1", b"1.0", "١".encode(), b"\xb2"]
)
async def test_a_length_that_is_no_number_is_refused(length: bytes) -> None:
    with pytest.raises(BadInput) as refused:
        await read_body(pieces(b"a"), {b"content-length": length}, 3)
    assert not isinstance(refused.value, TooLarge)


async def test_a_body_that_breaks_off_is_refused() -> None:
    with pytest.raises(BadInput):
        await read_body(pieces(b"a", ends=False), {}, 3)
