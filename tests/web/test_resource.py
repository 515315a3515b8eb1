"""For which API a token is, over real HTTP."""

import httpx
import pytest

from consent.demo import Stage
from tests.web.office import Office, fresh, office_of


@pytest.fixture(scope="module")
def office(served: Stage) -> Office:
    return office_of(served)


def test_a_stranger_with_a_challenge_finds_the_way_to_a_token(served: Stage) -> None:
    for path in ("/disclosures", "/uses"):
        challenge = httpx.post(served.issuer + path, json={}).headers["www-authenticate"]
        where = challenge.partition('resource_metadata="')[2].rstrip('"')
        document = httpx.get(where).json()
        # RFC 9728 §3.3: it speaks for the address that it was found under.
        assert where == f"{document['resource']}/.well-known/oauth-protected-resource"
        (server,) = document["authorization_servers"]
        assert httpx.get(f"{server}/.well-known/oauth-authorization-server").json()["issuer"] == server


def test_a_challenge_for_another_kind_of_token_does_not_lead_there(served: Stage) -> None:
    answer = httpx.get(f"{served.issuer}/audit/openings", headers={"authorization": "Bearer x"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_a_request_and_a_token_may_name_the_api_and_no_other(office: Office) -> None:
    issuer, verifier = office.stage.issuer, fresh() * 3
    fields = office.request_fields(verifier)
    refused = office.post("/oauth/par", fields | {"resource": "https://elsewhere.example"})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
    code = office.answered(office.push(verifier, resource=issuer))["code"]
    for resource, status in (("https://elsewhere.example", 400), (issuer, 200)):
        answer = office.exchange(code, verifier, resource=resource)
        assert answer.status_code == status, answer.text
        # A refusal spends nothing: the code still works after it.
        assert answer.json().get("error") == ("invalid_target" if status == 400 else None)
