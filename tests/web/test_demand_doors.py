"""What citizens ask, from their forms to the organisation's doors: read by whom it is for, answered once."""

from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from consent_sdk.keys import SigningKey

from consent.demo import Stage
from consent.web.errors import CODES
from tests.attacks.attacker import Citizen
from tests.web.conftest import rows
from tests.web.knock import MARK, Answer, check_manners, check_problem
from tests.web.office import Office, fresh, office_of

WORDS = f"Waarom keek u? {MARK}"
UNKNOWN = "0" * 32
LISTS = ("/demands", "/organisation/misgivings")


class Asked(msgspec.Struct, frozen=True):
    """A citizen's question about a use."""

    office: Office
    grant: str
    use: str
    demand: str


def check(response: httpx.Response, status: int, code: str) -> None:
    lines = [f"HTTP/1.1 {response.status_code} x", *(f"{n}: {v}" for n, v in response.headers.multi_items())]
    answer = Answer("\r\n".join(lines).encode() + b"\r\n\r\n" + response.content)
    check_manners(answer, forbidden=[MARK.encode()])
    check_problem(answer, status, CODES, code)


def listed(office: Office) -> list[dict[str, Any]]:
    answer = office.call("GET", "/demands", office.own_token())
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: list[dict[str, Any]] = answer.json()["demands"]
    return found


def said(office: Office, demand: str, body: Any, token: str | None = None) -> httpx.Response:
    return office.call("POST", f"/demands/{demand}/reply", token or office.own_token(), body)


def ask(served: Stage) -> Asked:
    office = office_of(served)
    tokens = office.tokens()
    got = office.call("POST", "/disclosures", tokens["access_token"], {"attributes": ["household_size"]})
    body = {"disclosures": [got.json()["disclosure_id"]], "template": "letter"}
    use = office.call("POST", "/uses", tokens["access_token"], body).json()["use_id"]
    with Citizen(served, "sanne") as sanne:
        sanne.browser.submit(sanne.page(f"/why/{use}"), "ask", ("text", WORDS))
    (one,) = [one for one in listed(office) if one.get("use_id") == use]
    return Asked(office, tokens["grant_id"], use, one["demand_id"])


def csrf_of(who: Citizen) -> str:
    """What stands in each form of a page of hers."""
    form = next(one for one in who.page("/").forms.values() if any(n == "csrf" for n, _ in one.fields))
    return dict(form.fields)["csrf"]


@pytest.fixture(scope="module")
def asked(served: Stage) -> Asked:
    """A question that nobody answers here; one for all, for she may not ask much more than that in a minute."""
    return ask(served)


@pytest.fixture
def unchanged(served: Stage, asked: Asked) -> Iterator[None]:
    """Nothing of hers changes, and her words stand in no log of the service."""
    assert asked.office.own_token()
    before = {row for row in rows(served) if "demands" in row or "corrected" in row}
    yield
    assert {row for row in rows(served) if "demands" in row or "corrected" in row} == before
    assert MARK not in (served.folder / "service.log").read_text()


def test_she_asks_they_answer_once_and_she_reads_it(served: Stage) -> None:
    asked = ask(served)
    office = asked.office
    (one,) = [one for one in listed(office) if one["demand_id"] == asked.demand]
    assert (one["kind"], one["grant_id"], one["text"]) == ("explain", asked.grant, WORDS)
    assert "attribute" not in one
    first = said(office, asked.demand, {"outcome": "answered", "text": "Voor uw brief."})
    assert (first.status_code, first.json()["outcome"]) == (200, "answered")
    second = said(office, asked.demand, {"outcome": "answered", "text": "Iets anders."})
    assert second.json() == first.json()
    assert asked.demand not in {one["demand_id"] for one in listed(office)}
    with Citizen(served, "sanne") as sanne:
        page = sanne.page(f"/why/{asked.use}")
        assert "Voor uw brief." in page.words
        assert "Iets anders." not in page.words


@pytest.mark.usefixtures("unchanged")
def test_another_organisation_neither_reads_nor_answers_it(served: Stage, asked: Asked) -> None:
    other = office_of(served, "andersdorp")
    assert MARK not in other.call("GET", "/demands", other.own_token()).text
    token, body = other.own_token(), {"outcome": "answered", "text": "Van ons."}
    foreign = [said(other, demand, body, token) for demand in (asked.demand, UNKNOWN, "none")]
    assert {one.status_code for one in foreign} == {404}
    assert len({one.content for one in foreign}) == 1
    check(foreign[0], 404, "not_found")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b"null", b"{", b'{"outcome":1}', b'{"outcome":"erased","text":"x"}',
        b'{"outcome":"answered"}', b'{"outcome":"answered","text":" "}', b'{"outcome":"answered","text":null}',
        b'{"outcome":"corrected","value":3}', b'{"outcome":"refused","text":"x"}',  # those are for a correction
        b'{"outcome":"answered","text":"x","sub":"y"}', b'{"outcome":"answered","text":"\xff"}',
        b'{"outcome":"answered","text":"' + b"x" * 2001 + b'"}', b"[" * 9000,
        b'{"outcome":"answered","text":"x","value":{"%s":1}}' % MARK.encode(),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_refused_and_changes_nothing(asked: Asked, body: bytes) -> None:
    check(said(asked.office, asked.demand, body), 400, "bad_input")


@pytest.mark.usefixtures("unchanged")
def test_another_type_or_too_much_is_refused(asked: Asked) -> None:
    office, path, token = asked.office, f"/demands/{asked.demand}/reply", asked.office.own_token()
    right = b'{"outcome":"answered","text":"x"}'
    for media in ("text/plain", "application/jsonx", ""):
        other = office.call("POST", path, token, right, **{"content-type": media})
        check(other, 415, "unsupported_media_type")
    assert office.call("POST", path, token, right + b" " * 17_000).status_code == 413


@pytest.mark.usefixtures("unchanged")
def test_only_the_client_itself_with_a_fresh_proof_of_its_key_comes_in(served: Stage, asked: Asked) -> None:
    office, right = asked.office, {"outcome": "answered", "text": "x"}
    answer = f"/demands/{asked.demand}/reply"
    for method, path in (*(("GET", one) for one in LISTS), ("POST", answer)):
        body = right if method == "POST" else None
        bare = office.http.request(method, path, json=body)
        assert bare.status_code == 401
        assert bare.headers["www-authenticate"].startswith("DPoP")
        assert office.call(method, path, fresh() * 2, body).status_code == 401
        token = office.own_token()
        assert office.call(method, path, token, body, key=SigningKey.new()).status_code == 401
        elsewhere = {"authorization": f"DPoP {token}", "dpop": office.proof(method, "/grants", token)}
        assert office.http.request(method, path, json=body, headers=elsewhere).status_code == 401
        # A token that a citizen's yes gave is for her data, and not for everybody's questions.
        hers = office.tokens()["access_token"]
        assert office.call(method, path, hers, body).status_code == 403
        if method == "GET":
            proven = {"authorization": f"DPoP {token}", "dpop": office.proof(method, path, token)}
            assert [office.http.get(path, headers=proven).status_code for _ in range(2)] == [200, 401]


def test_without_ten_people_there_is_no_count(served: Stage, asked: Asked) -> None:
    with Citizen(served, "sanne") as sanne:
        sanne.browser.submit(sanne.page(f"/why/{asked.use}"), "feels-wrong")
    told = asked.office.call("GET", "/organisation/misgivings", asked.office.own_token())
    assert (told.status_code, told.json()) == (200, {"misgivings": []})


@pytest.mark.usefixtures("unchanged")
def test_her_forms_are_taken_from_her_own_pages_only_and_foreign_ids_look_like_nothing(
    served: Stage, asked: Asked
) -> None:
    forms = {
        "/why/{}/wrong": asked.use,
        "/why/{}/ask": asked.use,
        "/my/grants/{}/erase": asked.grant,
        "/my/grants/{}/items/household_size/stop": asked.grant,
    }
    with Citizen(served, "sanne") as sanne, Citizen(served, "riet") as riet:
        riets, hers = csrf_of(riet), csrf_of(sanne)

        def posted(who: Citizen, path: str, csrf: str | None, origin: str = served.issuer) -> httpx.Response:
            fields = {"text": "x"} | ({"csrf": csrf} if csrf is not None else {})
            return who.browser._http.post(path, data=fields, headers={"origin": origin})

        for path, hers_to_name in forms.items():
            where = path.format(hers_to_name)
            for csrf, origin in (
                (None, served.issuer),
                (riets, served.issuer),
                (hers, "https://evil.example"),
            ):
                assert posted(sanne, where, csrf, origin).status_code in (400, 403), (path, csrf, origin)
            nothing = [posted(riet, path.format(name), riets) for name in (hers_to_name, UNKNOWN, "none")]
            assert [one.status_code for one in nothing] == [404] * 3, path
            bodies = {one.text.replace(one.request.url.path, "") for one in nothing}
            assert len(bodies) == 1, path
            assert httpx.post(served.issuer + where, data={"csrf": hers}).status_code in (303, 400, 401, 403)
        for name in ("nothing", "%00", "birth_date"):  # nobody answers for that source here
            refused = posted(sanne, f"/my/data/{name}/correct", hers)
            assert refused.status_code == 404, name
