"""Whatever a stranger sends, as a body or a credential, is refused clearly, echoed nowhere, and changes nothing."""

import pytest

from consent.demo import Stage
from consent.web.errors import CODES
from tests.web.knock import (
    MARK,
    Headers,
    check_manners,
    check_oauth_error,
    check_problem,
    chunked,
    knock,
    write,
)

FORM = ("content-type", "application/x-www-form-urlencoded")
JSON = ("content-type", "application/json")

API = [
    ("POST", "/disclosures"),
    ("POST", "/uses"),
    ("GET", "/grants/" + "0" * 32),
    ("GET", "/audit/openings"),
]
OAUTH_FORMS = ["/oauth/par", "/oauth/token", "/oauth/introspect", "/oauth/revoke"]

pytestmark = pytest.mark.usefixtures("nothing_changes")


# Bodies and lengths

LENGTHS: list[Headers] = [
    [("content-length", word)] for word in ("abc", "-5", "1_0", "+5", "0x5", "5, 6", "١")
] + [
    [("content-length", "1"), ("content-length", "2")],
    [("transfer-encoding", "chunked"), ("content-length", "3")],
]


@pytest.mark.parametrize("path", [*OAUTH_FORMS, "/disclosures", "/uses"])
def test_a_length_that_is_none_is_refused(served: Stage, path: str) -> None:
    for lengths in LENGTHS:
        answer = knock(served.port, write("POST", path, [FORM, *lengths], b"a=b&c=d&e=f"))
        assert answer.status == 400, lengths


@pytest.mark.parametrize("path", OAUTH_FORMS)
def test_a_form_beyond_the_limit_is_too_large_however_its_length_is_told(served: Stage, path: str) -> None:
    large = b"a=" + b"x" * 70_000
    for octets in (
        write("POST", path, [FORM], large),
        write("POST", path, [FORM, ("content-length", "9" * 15)], b"a=b"),
        write("POST", path, [FORM, ("transfer-encoding", "chunked")], chunked(large)),
    ):
        check_oauth_error(knock(served.port, octets), 413, "invalid_request")


BAD_FORMS = {
    "twice": b"token=a&token=b", "twice, once empty": b"token=&token=a", "no name": b"=a", "half a code": b"token=%a",
    "not a code": b"token=%zz", "not UTF-8": b"token=%ff", "NUL": b"token=a%00b", "raw bytes": b"token=\xff\xfe",
    "too many": b"&".join(b"f%d=1" % n for n in range(100)), "white space": b"token=a b",
}  # fmt: skip


@pytest.mark.parametrize("path", OAUTH_FORMS)
@pytest.mark.parametrize("body", BAD_FORMS.values(), ids=BAD_FORMS)
def test_a_form_that_two_readers_could_read_differently_is_refused(
    served: Stage, path: str, body: bytes
) -> None:
    answer = knock(served.port, write("POST", path, [FORM], body))
    check_manners(answer)
    check_oauth_error(answer, 400, "invalid_request")


@pytest.mark.parametrize("path", OAUTH_FORMS)
@pytest.mark.parametrize(
    "media", ["application/json", "multipart/form-data; boundary=x", "", "text/plain", "\xff"]
)
def test_a_form_of_another_media_type_is_refused(served: Stage, path: str, media: str) -> None:
    answer = knock(served.port, write("POST", path, [("content-type", media.encode("latin-1"))], b"token=a"))
    check_manners(answer)
    check_oauth_error(answer, 400, "invalid_request")


@pytest.mark.parametrize("path", OAUTH_FORMS)
def test_a_client_that_is_unknown_or_proves_nothing_gets_one_and_the_same_no(
    served: Stage, path: str
) -> None:
    words = set()
    for client in ("voorbeeldstad-loket", "nobody", MARK):
        fields = {
            "client_id": client,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": "e30.e30.AAAA",
        }
        body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
        answer = knock(served.port, write("POST", path, [FORM], body))
        check_manners(answer, forbidden=[MARK.encode()])
        check_oauth_error(answer, 401, "invalid_client")
        words.add(answer.json()["error"])
    assert words == {"invalid_client"}


# Credentials and headers

NO_TOKEN: list[Headers] = [
    [], [("authorization", "")], [("authorization", "DPoP")], [("authorization", f"Bearer {MARK}")],
    [("authorization", "Basic YTpi")], [("authorization", f"DPoP {MARK * 40}")], [("authorization", b"\xff\xfe")],
]  # fmt: skip
BAD_PROOF: list[Headers] = [
    [], [("dpop", MARK)], [("dpop", "e30.e30.AAAA")], [("dpop", b"\xff.\xff.\xff")],
    [("dpop", "a.b.c"), ("dpop", "a.b.c")],
    [("dpop", "a" * 9000)], [("dpop", "W" * 4000 + ".e30.AA")],
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), API[:3])
def test_without_a_token_the_challenge_names_no_error(served: Stage, method: str, path: str) -> None:
    """RFC 6750 §3.1, RFC 9449 §7.1."""
    for headers in NO_TOKEN:
        answer = knock(served.port, write(method, path, [JSON, *headers], b"{}" if method == "POST" else b""))
        check_manners(answer, forbidden=[MARK.encode()])
        check_problem(answer, 401, CODES, "invalid_token")
        challenge = answer.header("www-authenticate")
        assert challenge.startswith('DPoP algs="ES256 PS256 EdDSA Ed25519", resource_metadata="')


@pytest.mark.parametrize(("method", "path"), API[:3])
def test_a_token_without_a_valid_proof_opens_nothing(served: Stage, method: str, path: str) -> None:
    for headers in BAD_PROOF:
        sent = [JSON, ("authorization", f"DPoP {MARK}"), *headers]
        answer = knock(served.port, write(method, path, sent, b"{}" if method == "POST" else b""))
        check_manners(answer, forbidden=[MARK.encode()])
        check_problem(answer, 401, CODES, "invalid_dpop_proof")
        assert answer.header("www-authenticate").startswith('DPoP error="invalid_dpop_proof", algs="')


def test_an_auditor_is_challenged_for_a_bearer_token(served: Stage) -> None:
    for headers in [
        *NO_TOKEN,
        [("authorization", "Bearer " + "A" * 43)],
        [("authorization", "bearer " + "é" * 40)],
    ]:
        answer = knock(served.port, write("GET", "/audit/openings", headers))
        check_manners(answer, forbidden=[MARK.encode()])
        check_problem(answer, 401, CODES, "unknown_auditor")
        assert answer.header("www-authenticate") == 'Bearer error="invalid_token"'
    for query in ("log=a&log=b", "log=%ff", "log=%00"):
        answer = knock(
            served.port, write("GET", f"/audit/openings?{query}", [("authorization", "Bearer abc")])
        )
        check_problem(answer, 400, CODES, "bad_input")
    for name in ("1999", "a" * 100, "..", "%2e%2e"):
        answer = knock(
            served.port, write("GET", f"/audit/openings?log={name}", [("authorization", "Bearer abc")])
        )
        check_problem(answer, 404, CODES, "not_found")


@pytest.mark.parametrize(("method", "path"), API)
def test_a_credential_that_stands_twice_is_refused(served: Stage, method: str, path: str) -> None:
    twice = [("authorization", "DPoP a"), ("authorization", "DPoP b")]
    answer = knock(served.port, write(method, path, [JSON, *twice], b"{}" if method == "POST" else b""))
    check_manners(answer)
    check_problem(answer, 400, CODES, "bad_input")
