"""The door for many grants at once: what it takes, what it answers to each item, and what it refuses as a whole."""

import hashlib
import json
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest

from consent.acts.publish import ranges_without
from consent.demo import Stage
from consent.web.batches import BatchAnswer
from tests.web.office import ASKED, Office, fresh, office_of

PATH = "/disclosures/batch"


@pytest.fixture(scope="module")
def office(served: Stage) -> Office:
    return office_of(served, "stapelwijk", batch_disclosure=True)


@pytest.fixture(scope="module")
def tokens(office: Office) -> dict[str, Any]:
    return office.tokens()


@pytest.fixture(scope="module")
def token(office: Office) -> str:
    return office.batch_token()


def asked_token(office: Office, **changed: str) -> httpx.Response:
    details = json.dumps([{"type": f"{office.stage.issuer}/types/batch_disclosure/v1"}])
    fields = office.identified(grant_type="client_credentials", authorization_details=details)
    return office.post("/oauth/token", fields | changed)


def item(tokens: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {
        "grant_id": tokens["grant_id"], "attributes": [ASKED[0]], "idempotency_key": fresh(),
    } | changed  # fmt: skip


def test_the_token_says_what_it_is_for_and_lives_five_minutes(office: Office) -> None:
    answer = asked_token(office)
    assert answer.status_code == 200
    given = answer.json()
    assert set(given) == {"access_token", "token_type", "expires_in", "authorization_details"}
    assert given["authorization_details"] == [{"type": f"{office.stage.issuer}/types/batch_disclosure/v1"}]
    assert (given["token_type"], given["expires_in"]) == ("DPoP", 300)
    shown = office.post("/oauth/introspect", office.identified(token=given["access_token"])).json()
    assert shown["authorization_details"] == given["authorization_details"]


def test_who_was_not_approved_gets_none_and_other_details_are_an_error(office: Office) -> None:
    plain = asked_token(office_of(office.stage))
    assert (plain.status_code, plain.json()["error"]) == (400, "unauthorized_client")
    for details in ("[]", "nonsense", office.request_fields(fresh() * 3)["authorization_details"]):
        wrong = asked_token(office, authorization_details=details)
        assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_authorization_details")


def test_each_item_is_answered_as_it_would_be_alone(
    office: Office, tokens: dict[str, Any], token: str
) -> None:
    key = fresh()
    sent = [
        item(tokens, idempotency_key=key),
        item(tokens, attributes=["shoe_size"]),
        item(tokens, attributes=["iban"]),
        item(tokens, grant_id="0" * 32),
        item(tokens, idempotency_key=key, attributes=[ASKED[1]]),
    ]
    answer = office.call("POST", PATH, token, {"items": sent})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    first, *problems = answer.json()["results"]
    alone = [
        office.call("POST", "/disclosures", tokens["access_token"], {"attributes": one["attributes"]},
                    **{"idempotency-key": one["idempotency_key"]})
        for one in sent
    ]  # fmt: skip
    again = alone[0].json()
    assert first["disclosure"] == {
        name: again[name] for name in ("disclosure_id", "grant_id", "given_by", "attributes", "entry")
    } | {"proof": 0}
    for result, one in zip(problems, alone[1:], strict=True):
        if result["problem"]["code"] != "not_found":  # alone, there is no token for it
            assert result["problem"] == one.json()
    assert [one["problem"]["code"] for one in problems] == [
        "bad_input", "beyond_grant", "not_found", "conflict",
    ]  # fmt: skip
    (proof,) = answer.json()["proofs"]
    size = int(proof["checkpoint"].split("\n")[1])
    assert len(proof["hashes"]) == len(
        ranges_without([first["disclosure"]["entry"]["opening"]["i"]], 0, size)
    )


def test_the_answer_is_as_openapi_describes_it(office: Office, tokens: dict[str, Any], token: str) -> None:
    answer = office.call("POST", PATH, token, {"items": [item(tokens), item(tokens, attributes=["iban"])]})
    jsonschema_rs.validate(msgspec.json.schema(BatchAnswer), answer.json())


def test_a_hundred_items_are_smaller_than_a_hundred_answers(
    office: Office, tokens: dict[str, Any], token: str
) -> None:
    answer = office.call("POST", PATH, token, {"items": [item(tokens) for _ in range(100)]})
    said = answer.json()
    assert all("disclosure" in one for one in said["results"])
    assert len(said["proofs"]) == 1
    alone = office.call("POST", "/disclosures", tokens["access_token"], {"attributes": [ASKED[0]]})
    assert len(answer.content) < 75 * len(alone.content)
    assert len(json.dumps(said["proofs"])) < 1600


def test_a_batch_that_cannot_be_read_is_refused_as_a_whole_and_spends_no_proof(
    office: Office, tokens: dict[str, Any], token: str
) -> None:
    good = item(tokens)
    wrong: list[Any] = [
        {}, [], {"items": []}, {"items": [good] * 101}, {"items": [good], "more": 1}, {"items": good},
        {"items": [good | {"more": 1}]},
        {"items": [{name: one for name, one in good.items() if name != "idempotency_key"}]},
        *[
            {"items": [good, good | bad]}
            for bad in (
                {"grant_id": "0" * 31}, {"grant_id": "0" * 32 + "\n"}, {"grant_id": "G" * 32}, {"grant_id": None},
                {"attributes": []}, {"attributes": ["iban", "iban"]}, {"attributes": ["iban"] * 101},
                {"attributes": "iban"},
                {"idempotency_key": ""}, {"idempotency_key": "k" * 256}, {"idempotency_key": 1},
            )
        ],
        b"\xff", b'{"items":' + b"[" * 5000, b'{"items":[{"idempotency_key":"\\ud800"}]}',
    ]  # fmt: skip
    proof = office.proof("POST", PATH, token)
    sent = {"authorization": f"DPoP {token}", "dpop": proof, "content-type": "application/json"}
    for body in wrong:
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = office.http.post(PATH, content=octets, headers=sent)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_input"), body
    fine = office.http.post(PATH, content=json.dumps({"items": [good]}), headers=sent)
    assert fine.status_code == 200
    replay = office.http.post(PATH, content=json.dumps({"items": [good]}), headers=sent)
    assert (replay.status_code, replay.json()["code"]) == (401, "invalid_dpop_proof")


def test_what_else_is_refused_as_a_whole(office: Office, tokens: dict[str, Any], token: str) -> None:
    body = {"items": [item(tokens)]}
    for other, status, code in (
        (tokens["access_token"], 403, "insufficient_scope"),
        (office.own_token(), 403, "insufficient_scope"),
        ("A" * 43, 401, "invalid_token"),
    ):
        answer = office.call("POST", PATH, other, body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert "www-authenticate" in answer.headers
    assert office.http.post(PATH, json=body).status_code == 401
    text = office.call("POST", PATH, token, json.dumps(body).encode(), **{"content-type": "text/plain"})
    assert text.status_code == 415
    large = office.call("POST", PATH, token, b" " * (128 * 1024 + 1))
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    assert office.call("GET", PATH, token).status_code == 405
    # A proof for the other door is none for this one.
    proof = office.proof("POST", "/disclosures", token)
    sent = {"authorization": f"DPoP {token}", "dpop": proof}
    assert office.http.post(PATH, json=body, headers=sent).status_code == 401


def test_a_token_for_batches_opens_nothing_else(office: Office, tokens: dict[str, Any], token: str) -> None:
    assert office.call("POST", "/disclosures", token, {"attributes": [ASKED[0]]}).status_code == 403
    use = {"disclosures": [hashlib.md5(b"").hexdigest()], "template": "letter"}
    assert office.call("POST", "/uses", token, use).status_code in (403, 404)
    for path in ("/organisation/grants", "/organisation/purposes", f"/grants/{tokens['grant_id']}"):
        assert office.call("GET", path, token).status_code == 403
    assert office.call("DELETE", f"/grants/{tokens['grant_id']}", token).status_code == 403
