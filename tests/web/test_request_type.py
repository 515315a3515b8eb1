"""The form of a request, where its own name says that it is (RFC 9396 §2.1)."""

import json

import httpx
import jsonschema_rs

from consent.demo import Stage
from tests.web.office import fresh, office_of


def test_the_type_leads_to_the_schema_of_what_is_sent_and_what_comes_back(served: Stage) -> None:
    metadata = httpx.get(f"{served.issuer}/.well-known/oauth-authorization-server").json()
    name, batches = metadata["authorization_details_types_supported"]
    answer = httpx.get(name)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/schema+json"
    assert answer.headers["cache-control"] == "max-age=300"
    schema = answer.json()
    assert schema["$id"] == name
    office = office_of(served)
    (sent,) = json.loads(office.request_fields(fresh() * 3)["authorization_details"])
    jsonschema_rs.validate(schema, sent)
    (granted,) = office.tokens()["authorization_details"]
    jsonschema_rs.validate(schema["$defs"]["granted"], granted)
    schema = httpx.get(batches).json()
    assert schema["$id"] == batches
    jsonschema_rs.validate(schema, {"type": batches})
    assert not jsonschema_rs.is_valid(schema, {"type": batches, "purpose": "x"})


def test_what_the_schema_refuses_the_service_refuses(served: Stage) -> None:
    office = office_of(served)
    fields = office.request_fields(fresh() * 3)
    (right,) = json.loads(fields["authorization_details"])
    schema = httpx.get(right["type"]).json()
    wrong = right | {"attributes": ["shoe_size"]}
    assert not jsonschema_rs.is_valid(schema, wrong)
    answer = office.post("/oauth/par", fields | {"authorization_details": json.dumps([wrong])})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_authorization_details")
