"""Whatever a stranger asks, wherever, the answer is clear, in the language of the address, and nothing has changed."""

import httpx
import pytest

from consent.demo import Stage
from consent.web.errors import CODES
from tests.web.knock import (
    MARK,
    Answer,
    Headers,
    check_manners,
    check_oauth_error,
    check_page,
    check_problem,
    knock,
    write,
)

API = [
    ("POST", "/disclosures"),
    ("POST", "/uses"),
    ("GET", "/grants/" + "0" * 32),
    ("DELETE", "/grants/" + "0" * 32),
    ("GET", "/audit/openings"),
]
OAUTH_FORMS = ["/oauth/par", "/oauth/token", "/oauth/introspect", "/oauth/revoke"]
OAUTH = [("POST", path) for path in OAUTH_FORMS]
OAUTH += [("GET", path) for path in ("/oauth/jwks", "/types/attributes/v1")]
OAUTH += [("GET", "/.well-known/oauth-authorization-server")]
LOG = [
    ("GET", path)
    for path in ("/log", "/log/2026/checkpoint", "/log/2026/policy", "/log/2026/keys", "/log/2026/proof/0")
]
LOG += [("GET", "/log/2026/tile/entries/000.p/1"), ("GET", "/openapi.yaml")]
PAGES = [("GET", "/"), ("GET", "/oauth/authorize"), ("POST", "/sign-in/persona"), ("GET", "/static/app.css")]


pytestmark = pytest.mark.usefixtures("nothing_changes")


def check_language(answer: Answer, path: str, status: int) -> None:
    """The error speaks the language of its address."""
    check_manners(answer, forbidden=[MARK.encode()])
    room = path.split("/")[1]
    if room in ("oauth", "types", ".well-known") and path != "/oauth/authorize":
        check_oauth_error(answer, status)
    elif room in ("disclosures", "uses", "grants", "audit", "log", "openapi.yaml"):
        check_problem(answer, status, CODES)
    else:
        check_page(answer, status)


# Methods


@pytest.mark.parametrize(("method", "path"), API + OAUTH + LOG + PAGES)
def test_another_method_is_told_which_ones_there_are(served: Stage, method: str, path: str) -> None:
    for other in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - {method}:
        answer = knock(served.port, write(other, path))
        if (other, path) in [*API, ("POST", "/sign-in/persona")]:
            continue
        check_language(answer, path, 405)
        assert method in answer.header("allow").replace(" ", "").split(",")
        assert other not in answer.header("allow").replace(" ", "").split(",")


@pytest.mark.parametrize(
    ("method", "path"), LOG + OAUTH[-3:] + [("GET", "/static/app.css"), ("GET", "/sign-in")]
)
def test_head_is_get_without_a_body(served: Stage, method: str, path: str) -> None:
    path = path.replace("2026", httpx.get(f"{served.issuer}/log").text.split()[-1])
    get, head = knock(served.port, write(method, path)), knock(served.port, write("HEAD", path))
    assert (head.status, head.body) == (200, b"")
    assert [p for p in head.pairs if p[0] != "date"] == [p for p in get.pairs if p[0] != "date"]
    assert "HEAD" in knock(served.port, write("DELETE", path)).header("allow")


@pytest.mark.parametrize(("method", "path"), API)
def test_an_act_of_the_api_is_not_done_to_see_its_length(served: Stage, method: str, path: str) -> None:
    answer = knock(served.port, write("HEAD", path))
    allowed = answer.header("allow").replace(" ", "").split(",")
    assert (answer.status, method in allowed, "HEAD" in allowed) == (405, True, False)


@pytest.mark.parametrize(("method", "path"), OAUTH + LOG + PAGES[:2])
def test_options_says_what_an_address_can(served: Stage, method: str, path: str) -> None:
    answer = knock(served.port, write("OPTIONS", path, [("origin", "https://elsewhere.example")]))
    assert (answer.status, answer.body) == (204, b"")
    assert method in answer.header("allow")
    # No page elsewhere may read what the API answers: there is no CORS.
    assert not [name for name, _ in answer.pairs if name.startswith("access-control")]


# Addresses

GARBAGE = [
    "/log/%2e%2e/checkpoint", "/log/../../etc/passwd", "/log/..%2f..%2fetc%2fpasswd", "/log//checkpoint",
    "/log/%00/checkpoint", "/log/%ff%fe/checkpoint", "/log/%zz/checkpoint", "/log/" + "a" * 5000 + "/checkpoint",
    "/log/2026%2fcheckpoint", "/log/2026/nothing", "/log/2026/proof/00", "/log/2026/proof/-1", "/log/2026/proof/1e3",
    "/log/2026/proof/" + "9" * 15, "/log/2026/proof/" + "9" * 40, "/log/2026/proof/%D9%A1",
    "/log/2026/tile/0/x999/x999/x999/x999/x999/x999/x999/999", "/log/2026/tile/entries/" + "x000/" * 2000 + "000",
    "/log/2026/tile/entries/x999/x999/x999/x999/x999/x999/x999/999", "/log/2026/tile/64/000",
    "/log/2026/tile/..%2f0/000", "/log/2026/tile/0/000%00", "/log/2026/tile//entries/000.p/1",
    "/grants/%ff", "/grants/%2e%2e", "/grants/a/b", "/grants/", "/disclosures/x", "/uses/x", "/audit/x",
    "/oauth/", "/oauth/%00", "/oauth/nothing", "/oauth%2fpar", "/.well-known/", "/.well-known/openid-configuration",
    "//", "//my/timeline", "/%", "/%%", "/%2e%2e/%2e%2e/etc/passwd", "/static/../app.py", "/static/%2e%2e%2fapp.py",
    "/static/app.css%00", "/static/.hidden", "/x" * 3000, "/login", "/logs", "/usesless", "/docs", "/favicon.ico",
]  # fmt: skip


@pytest.mark.parametrize("path", GARBAGE, ids=lambda path: path[:40])
def test_a_garbage_address_is_not_found(served: Stage, path: str) -> None:
    answer = knock(served.port, write("GET", path))
    if path == "/oauth%2fpar":
        check_oauth_error(answer, 404)
    else:
        check_language(answer, path, 404)


@pytest.mark.parametrize("path", [b"/\xff", b"/log/\xc3\xa9/checkpoint", b"/a b", b"no-slash"])
def test_bytes_that_no_address_has_end_at_the_server_itself(served: Stage, path: bytes) -> None:
    answer = knock(served.port, write("GET", path))
    assert answer.status == 400
    assert path not in answer.body


@pytest.mark.parametrize(
    "query",
    ["", "client_id=a", "client_id=a&client_id=b", "client_id=%ff", "client_id=%zz", "client_id=%00", "&&&=", "=x",
     f"client_id={MARK}&request_uri={MARK}", "client_id=a&request_uri=urn:ietf:params:oauth:request_uri:" + "A" * 43,
     "client_id=a&request_uri=https://elsewhere.example/r", "client_id=" + "a" * 20_000,
     "redirect_uri=https://elsewhere.example&response_type=code&client_id=a", "a=1&" * 70],
    ids=lambda query: query[:40],
)  # fmt: skip
def test_a_wrong_authorization_request_is_a_page_and_sends_nobody_anywhere(served: Stage, query: str) -> None:
    answer = knock(served.port, write("GET", f"/oauth/authorize?{query}", [("accept-language", "en")]))
    check_manners(answer, forbidden=[MARK.encode(), b"elsewhere.example"])
    check_page(answer, 400)
    assert not answer.header("location")


# Headers

ODD: list[Headers] = [
    [("cookie", b"session=\xff\xfe; \xff=; =; ;;")], [("accept-language", b"\xff")], [("origin", b"\xff")],
    [("x-large", "a" * 60_000)], [(f"x-{n}", "a") for n in range(500)], [("accept", b"\xff")],
    [("host", "elsewhere.example")],
    [("x-forwarded-host", "elsewhere.example"), ("x-forwarded-proto", "https")],
    [("forwarded", "host=elsewhere.example;proto=https")],
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), API + OAUTH + LOG + PAGES)
def test_odd_headers_change_nothing_and_no_host_is_believed(served: Stage, method: str, path: str) -> None:
    plain = knock(served.port, write(method, path))
    for headers in ODD:
        answer = knock(served.port, write(method, path, headers))
        check_manners(answer, forbidden=[b"elsewhere.example"])
        assert answer.status == plain.status, headers
        assert "elsewhere" not in answer.header("location")
