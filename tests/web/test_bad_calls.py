"""A real client with a real token that sends something wrong: a clear error, and its proof and data stay untouched."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from consent_sdk.keys import SigningKey

from consent.demo import Stage
from consent.web.errors import CODES
from tests.web.knock import MARK, Answer, check_manners, check_problem
from tests.web.office import ASKED, Office, fresh, office_of

UNKNOWN = "0" * 32


@pytest.fixture(scope="module")
def office(served: Stage) -> Office:
    return office_of(served)


@pytest.fixture(scope="module")
def rival(served: Stage) -> Office:
    return office_of(served, "randstede")


@pytest.fixture(scope="module")
def tokens(office: Office) -> dict[str, Any]:
    return office.tokens()


@pytest.fixture
def token(tokens: dict[str, Any]) -> str:
    access: str = tokens["access_token"]
    return access


@pytest.fixture
def no_entry(office: Office, tokens: dict[str, Any]) -> Iterator[None]:
    """The log does not grow: nothing was disclosed, used or refused."""
    before = entries(office.stage)
    yield
    assert entries(office.stage) == before


def entries(stage: Stage) -> int:
    name = httpx.get(f"{stage.issuer}/log").text.split()[-1]
    return int(httpx.get(f"{stage.issuer}/log/{name}/checkpoint").text.splitlines()[1])


def check(response: httpx.Response, status: int, code: str) -> None:
    lines = [f"HTTP/1.1 {response.status_code} x", *(f"{n}: {v}" for n, v in response.headers.multi_items())]
    answer = Answer("\r\n".join(lines).encode() + b"\r\n\r\n" + response.content)
    check_manners(answer, forbidden=[MARK.encode()])
    check_problem(answer, status, CODES, code)


BAD_BODIES = {
    "nothing": b"", "not JSON": b"{", "two values": b"{}{}", "a list": b"[]", "a text": b'"x"', "null": b"null",
    "nothing in it": b"{}", "not a list": b'{"attributes":"household_size"}', "a number": b'{"attributes":[1]}',
    "null in it": b'{"attributes":[null]}', "none": b'{"attributes":[]}', "not UTF-8": b'{"attributes":["\xff"]}',
    "half a surrogate": rb'{"attributes":["\ud800"]}', "NUL": rb'{"attributes":["\u0000"]}',
    "twice": b'{"attributes":["household_size","household_size"]}',
    "unknown field": b'{"attributes":["household_size"],"purpose":"%s"}' % MARK.encode(),
    "unknown attribute": b'{"attributes":["%s"]}' % MARK.encode(), "other case": b'{"attributes":["Household_Size"]}',
    "deep": b'{"attributes":' + b"[" * 7000 + b"]" * 7000 + b"}", "deep, unclosed": b"[" * 16_000,
    "a form": b"attributes=household_size", "a BOM": b'\xef\xbb\xbf{"attributes":["household_size"]}',
    "Infinity": b'{"attributes":[Infinity]}', "comment": b'{"attributes":[]/**/}',
}  # fmt: skip


@pytest.mark.usefixtures("no_entry")
@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_is_not_a_request_is_refused(office: Office, token: str, body: bytes) -> None:
    check(office.call("POST", "/disclosures", token, body), 400, "bad_input")
    check(office.call("POST", "/uses", token, body), 400, "bad_input")


def test_json_that_names_a_member_twice_gives_nothing_beyond_the_grant(office: Office, token: str) -> None:
    body = b'{"attributes":["household_size"],"attributes":["income_below_threshold"]}'
    check(office.call("POST", "/disclosures", token, body), 403, "beyond_grant")


@pytest.mark.usefixtures("no_entry")
@pytest.mark.parametrize("path", ["/disclosures", "/uses"])
def test_another_media_type_or_a_body_beyond_the_limit_is_refused(
    office: Office, token: str, path: str
) -> None:
    for media in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""):
        check(
            office.call("POST", path, token, b"{}", **{"content-type": media}), 415, "unsupported_media_type"
        )
    check(office.call("POST", path, token, b'{"attributes":["' + b"a" * 17_000 + b'"]}'), 413, "too_large")


@pytest.mark.usefixtures("no_entry")
def test_an_idempotency_key_has_a_length_and_stands_once(office: Office, token: str) -> None:
    body = {"attributes": list(ASKED)}
    for key in ("", "k" * 256):
        check(office.call("POST", "/disclosures", token, body, **{"idempotency-key": key}), 400, "bad_input")
    headers = [
        ("authorization", f"DPoP {token}"), ("dpop", office.proof("POST", "/disclosures", token)),
        ("content-type", "application/json"), ("idempotency-key", "a"), ("idempotency-key", "b"),
    ]  # fmt: skip
    sent = office.http.post("/disclosures", content=json.dumps(body), headers=headers)
    check(sent, 400, "bad_input")


def test_bad_input_does_not_use_up_the_proof(office: Office, token: str) -> None:
    """Whoever mends the body may send the same proof: nothing was done with it."""
    proof = office.proof("POST", "/disclosures", token)
    check(office.call("POST", "/disclosures", token, b"{", dpop=proof), 400, "bad_input")
    good = office.call("POST", "/disclosures", token, {"attributes": [ASKED[0]]}, dpop=proof)
    assert good.status_code == 200
    check(
        office.call("POST", "/disclosures", token, {"attributes": [ASKED[0]]}, dpop=proof),
        401,
        "invalid_dpop_proof",
    )


@pytest.mark.usefixtures("no_entry")
def test_a_token_opens_nothing_without_its_own_key_and_a_proof_for_this_very_request(
    office: Office, token: str
) -> None:
    other = SigningKey.new()
    body = {"attributes": list(ASKED)}
    check(office.call("POST", "/disclosures", token, body, key=other), 401, "invalid_token")
    for proof in (
        office.proof("GET", "/disclosures", token),
        office.proof("POST", "/uses", token),
        office.proof("POST", "/disclosures"),
        office.proof("POST", "/disclosures", "another-token"),
        office.proof("POST", "/disclosures/", token),
    ):
        check(office.call("POST", "/disclosures", token, body, dpop=proof), 401, "invalid_dpop_proof")


@pytest.mark.usefixtures("no_entry")
def test_each_token_opens_only_its_own_doors(office: Office, tokens: dict[str, Any]) -> None:
    grant, body = tokens["grant_id"], {"attributes": list(ASKED)}
    check(office.call("POST", "/disclosures", office.own_token(), body), 403, "insufficient_scope")
    check(office.call("GET", f"/grants/{grant}", tokens["access_token"]), 403, "insufficient_scope")
    for wrong in (tokens["refresh_token"], fresh(), MARK):
        check(office.call("POST", "/disclosures", wrong, body), 401, "invalid_token")
        check(office.call("GET", f"/grants/{grant}", wrong), 401, "invalid_token")


def test_the_name_of_the_scheme_has_no_case(office: Office, token: str) -> None:
    """RFC 9110 §11.1."""
    answer = office.call(
        "POST", "/disclosures", token, {"attributes": [ASKED[0]]}, authorization=f"dpop {token}"
    )
    assert answer.status_code == 200


def test_foreign_unknown_and_malformed_ids_look_alike(
    office: Office, rival: Office, tokens: dict[str, Any], token: str
) -> None:
    disclosure = office.call("POST", "/disclosures", token, {"attributes": [ASKED[0]]}).json()[
        "disclosure_id"
    ]
    stranger = rival.own_token()
    answers = [
        rival.call("GET", f"/grants/{name}", stranger)
        for name in (tokens["grant_id"], UNKNOWN, "x", "é", MARK)
    ]
    for answer in answers[:3] + answers[4:]:
        check(answer, 404, "not_found")
    assert answers[0].content == answers[1].content == answers[2].content
    uses = [
        rival.call("POST", "/uses", stranger, {"disclosures": [name], "template": "letter"})
        for name in (disclosure, UNKNOWN, "x", MARK)
    ]
    for answer in uses:
        check(answer, 404, "not_found")
    assert len({answer.content for answer in uses}) == 1


@pytest.mark.usefixtures("no_entry")
def test_a_token_of_another_client_is_worth_nothing(rival: Office, token: str) -> None:
    check(rival.call("POST", "/disclosures", token, {"attributes": list(ASKED)}), 401, "invalid_token")


def test_a_use_names_known_templates_and_disclosures_of_one_grant_only(office: Office, token: str) -> None:
    given = office.call("POST", "/disclosures", token, {"attributes": [ASKED[0]]}).json()["disclosure_id"]
    before, own = entries(office.stage), office.own_token()
    for disclosures, template in (
        ([], "letter"), ([given, given], "letter"), ([given], MARK), ([given], "__class__"), ([given], ""),
        ([f"{n:032x}" for n in range(101)], "letter"),
    ):  # fmt: skip
        check(
            office.call("POST", "/uses", own, {"disclosures": disclosures, "template": template}),
            400,
            "bad_input",
        )
    assert entries(office.stage) == before


@pytest.mark.usefixtures("no_entry")
def test_nothing_that_went_wrong_is_in_the_services_own_log(office: Office) -> None:
    said = (office.stage.folder / "service.log").read_text()
    assert MARK not in said
    assert not re.search(r'"fault": .*"event": "library_spoke"|"event": "library_spoke".*"fault": ', said)


def test_an_organisation_ends_its_own_grant_over_http_and_nobody_elses(office: Office, rival: Office) -> None:
    got = office.tokens()
    path, own, stranger = f"/grants/{got['grant_id']}", office.own_token(), rival.own_token()
    before = office.call("GET", path, own).json()
    assert (before["status"], before["active"], before["given_by"]) == ("active", True, "self")
    assert before["authorization_details"] == got["authorization_details"]
    assert before["granted_at"] == before["updated_at"]
    check(rival.call("DELETE", path, stranger), 404, "not_found")
    check(office.call("DELETE", f"/grants/{UNKNOWN}", own), 404, "not_found")
    check(office.call("DELETE", path, got["access_token"]), 403, "insufficient_scope")
    assert office.call("POST", "/disclosures", got["access_token"], {"attributes": [ASKED[0]]}).is_success
    for _ in range(2):
        ended = office.call("DELETE", path, own)
        assert (ended.status_code, ended.content) == (204, b"")
    check(
        office.call("POST", "/disclosures", got["access_token"], {"attributes": [ASKED[0]]}),
        401,
        "grant_not_active",
    )
    after = office.call("GET", path, own).json()
    assert (after["status"], after["active"]) == ("ended", False)
    refresh = office.identified(grant_type="refresh_token", refresh_token=got["refresh_token"])
    assert office.post("/oauth/token", refresh).json()["error"] == "invalid_grant"


def test_the_address_of_all_grants_is_answered_in_the_language_of_the_api(served: Stage) -> None:
    answer = httpx.get(f"{served.issuer}/grants")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "not_found"
    assert "Check the address" in answer.json()["next"]
