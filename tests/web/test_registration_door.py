"""A client that nobody added by hand: registered with the SDK, approved by an operator, kept by its developer."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from consent_sdk import registration as sdk
from consent_sdk.errors import Refused
from consent_sdk.keys import SigningKey

from consent.demo import ORGANISATION, PURPOSE, Stage
from tests.attacks.attacker import Attacker, must_refuse
from tests.web.office import ASKED as ASKED_THERE
from tests.web.office import office_of

pytestmark = pytest.mark.usefixtures("served")
REDIRECT = "http://127.0.0.1:9/terug"


def metadata(*keys: SigningKey, **changed: Any) -> sdk.ClientMetadata:
    fields = {"client_name": "Tweede loket", "redirect_uris": (REDIRECT,), "jwks": sdk.key_set(*keys)}
    return sdk.ClientMetadata(**(fields | changed))


def invitation(stage: Stage, *words: str) -> str:
    return stage.run("registration", "token", ORGANISATION, *words)


@pytest.fixture(scope="module")
def operator(served: Stage) -> Iterator[httpx.Client]:
    token = served.run(
        "operator",
        "token",
        "bob",
        "--scope",
        "read",
        "--scope",
        "decide",
        "--scope",
        "suspend",
        "--scope",
        "register",
    )
    with httpx.Client(
        base_url=served.issuer, headers={"authorization": f"Bearer {token}"}, timeout=15
    ) as client:
        yield client


def done(answer: httpx.Response) -> Any:
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def test_from_an_invitation_to_a_question_for_a_citizen(served: Stage, operator: httpx.Client) -> None:
    wanted = {"organisation": ORGANISATION, "clients": 1, "days": 1}
    token = done(operator.post("/operator/invitations", json=wanted))["initial_access_token"]
    key = SigningKey.new()
    mine = asyncio.run(sdk.register(served.issuer, token, metadata(key)))
    assert (mine.status, mine.revision, mine.metadata) == ("pending", 1, metadata(key))
    client = Attacker(served, key=key, client=mine.client_id)
    waits = client.form("/oauth/par", client.pushed(redirect_uri=REDIRECT))
    must_refuse(waits, 400, "unauthorized_client")
    assert "approved" in waits.json()["error_description"]
    must_refuse(client.token({"grant_type": "client_credentials"}), 400, "unauthorized_client")

    listed = done(operator.get("/operator/clients", params={"waiting": "1"}))["items"]
    assert mine.client_id in [one["id"] for one in listed]
    look = done(operator.get(f"/operator/clients/{mine.client_id}"))
    assert look["submitted"]["redirect_uris"] == [REDIRECT]
    done(operator.post(f"/operator/clients/{mine.client_id}/approve", json={"revision": look["revision"]}))

    mine = asyncio.run(sdk.read_registration(mine.text()))
    assert (mine.status, mine.awaiting_approval) == ("approved", None)
    assert client.question(client.ask(redirect_uri=REDIRECT))
    client.close()


async def test_keys_rotate_with_a_proof_and_the_old_one_is_out_at_once(served: Stage) -> None:
    old, new = SigningKey.new(), SigningKey.new()
    mine = await sdk.register(served.issuer, invitation(served), metadata(old))
    served.run("client", "approve", mine.client_id, "--revision", "1")
    mine = await sdk.update_registration(mine, metadata(old, new), key=old)
    assert mine.status == "approved"
    mine = await sdk.update_registration(mine, metadata(new), key=new)
    assert mine.metadata == metadata(new)
    client_token = {"grant_type": "client_credentials"}
    for key, status in ((old, 401), (new, 200)):
        attacker = Attacker(served, key=key, client=mine.client_id)
        assert attacker.token(client_token).status_code == status
        attacker.close()
    with pytest.raises(Refused) as no:
        await sdk.remove_registration(mine)
    assert (no.value.status, no.value.reason) == (403, "access_denied")
    await sdk.remove_registration(mine, key=new)
    with pytest.raises(Refused) as no:
        await sdk.read_registration(mine.text())
    assert (no.value.status, no.value.reason) == (401, "invalid_token")


async def test_a_developer_reads_why_not(served: Stage) -> None:
    mine = await sdk.register(served.issuer, invitation(served), metadata(SigningKey.new()))
    served.run("client", "refuse", mine.client_id, "--revision", "1", "--note", "say which product it is")
    mine = await sdk.read_registration(mine.text())
    assert (mine.status, mine.note) == ("refused", "say which product it is")


async def test_the_commands_show_what_waits_and_what_was_done(served: Stage) -> None:
    mine = await sdk.register(served.issuer, invitation(served), metadata(SigningKey.new()))
    listed = served.run("client", "list", "--waiting")
    assert f"{mine.client_id}\tnone, waits (revision 1)\t{ORGANISATION}" in listed
    shown = json.loads(served.run("client", "show", mine.client_id))
    assert (shown["revision"], shown["in_effect"]) == (1, None)
    served.run(
        "client", "approve", mine.client_id, "--revision", "1", "--by", "carol", "--note", "called them"
    )
    assert f"carol\tapproved\tclient\t{mine.client_id} revision 1\tcalled them" in served.run(
        "operator", "journal"
    )


def test_an_operators_token_that_ended_opens_nothing(served: Stage) -> None:
    token = served.run("operator", "token", "dave", "--scope", "read", "--days", "1")
    headers = {"authorization": f"Bearer {token}"}
    with httpx.Client(base_url=served.issuer, headers=headers, timeout=15) as dave:
        done(dave.get("/operator/organisations"))
        no = dave.post(f"/operator/organisations/{ORGANISATION}/suspend", json={})
        assert (no.status_code, no.json()["code"]) == (403, "operator_scope")
        assert served.run("operator", "end", "dave") == "1 token of dave ended"
        no = dave.get("/operator/organisations")
        assert (no.status_code, no.json()["code"]) == (401, "unknown_operator")
        assert no.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_an_operator_suspends_and_restores_over_http(served: Stage, operator: httpx.Client) -> None:
    stage = served
    attacker = Attacker(stage)
    tokens = attacker.tokens()
    token, refresh = (
        tokens["access_token"],
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]},
    )
    try:
        for kind, name in (
            ("organisations", ORGANISATION),
            ("clients", attacker.client),
            ("purposes", f"{PURPOSE}@1"),
        ):
            place = f"/operator/{kind}/{name}"
            no = operator.post(f"{place}/suspend", content=b"{}", headers={"content-type": "text/plain"})
            must_refuse(no, 415, "unsupported_media_type")
            said = done(operator.post(f"{place}/suspend", json={"note": "a complaint"}))
            assert (said["status"], said["changed"]) == ("suspended", True)
            must_refuse(attacker.disclose(token), 403, f"{kind.removesuffix('s')}_suspended")
            must_refuse(attacker.token(refresh), 400, "unauthorized_client")
            assert attacker.form("/oauth/introspect", {"token": token}).json() == {"active": False}
            asked = attacker.form("/oauth/par", attacker.pushed())
            assert asked.status_code == 400
            done(operator.post(f"{place}/restore", json={}))
            assert attacker.disclose(token).status_code == 200
            assert attacker.token(refresh).status_code == 200
    finally:
        for kind, name in (("organisation", ORGANISATION), ("client", attacker.client), ("purpose", PURPOSE)):
            stage.run(kind, "restore", name)
        attacker.close()


# The organisation's own look at itself


def own(attacker: Attacker, method: str, path: str, token: str, **query: Any) -> httpx.Response:
    headers = {"authorization": f"DPoP {token}", "dpop": attacker.proof(method, path, token)}
    headers |= query.pop("headers", {})
    body = query.pop("json", None)
    return attacker.http.request(method, path, params=query, json=body, headers=headers)


def test_an_organisation_pages_through_its_own_grants(served: Stage) -> None:
    attacker = Attacker(served)
    given = {attacker.tokens(persona)["grant_id"] for persona in ("sanne", "sanne", "sanne")}
    token = attacker.token({"grant_type": "client_credentials"}).json()["access_token"]
    seen: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = done(own(attacker, "GET", "/organisation/grants", token, limit="2", **cursor))
        assert len(page["grants"]) <= 2
        seen += page["grants"]
        if "next" not in page:
            break
        cursor = {"cursor": page["next"]}
    names = [one["grant_id"] for one in seen]
    assert len(names) == len(set(names))
    assert given <= set(names)
    assert sum(one["active"] for one in seen if one["grant_id"] in given) == 1  # each replaced the one before
    assert {"citizen", "sub", "attributes"} & seen[0].keys() == set()
    for wrong in ("x", "AAAA", secrets.token_urlsafe(90)):
        no = own(attacker, "GET", "/organisation/grants", token, cursor=wrong)
        assert (no.status_code, no.json()["code"]) == (400, "bad_input")
    for limit in ("0", "201", "-1", "1e3", "٣"):
        assert own(attacker, "GET", "/organisation/grants", token, limit=limit).status_code == 400
    attacker.close()


def test_counts_are_by_day_and_purpose_and_few_are_not_told(served: Stage) -> None:
    office = office_of(served, "telgemeente")
    verifier = secrets.token_urlsafe(48)
    code = office.answered(office.push(verifier))["code"]
    token = office.exchange(code, verifier).json()["access_token"]
    for count, told in ((9, "<10"), (3, 12)):
        for _ in range(count):
            answer = office.call("POST", "/disclosures", token, {"attributes": [ASKED_THERE[0]]})
            assert answer.status_code == 200, answer.text
        (line,) = done(office.call("GET", "/organisation/usage", office.own_token()))["usage"]
        assert line == {
            "day": datetime.now(UTC).date().isoformat(),
            "purpose": office.purpose,
            "purpose_version": 1,
            "disclosures": told,
            "uses": "<10",
            "refusals": "<10",
        }
    for query in (
        "from=2026-01-01&until=2026-01-01",
        "from=2026-01-01&until=2026-04-04",
        "from=x",
        "from=2026-02-30",
    ):
        token = office.own_token()
        headers = {
            "authorization": f"DPoP {token}",
            "dpop": office.proof("GET", "/organisation/usage", token),
        }
        no = office.http.get(f"/organisation/usage?{query}", headers=headers)
        assert (no.status_code, no.json()["code"]) == (400, "bad_input")


def proposal(**changed: Any) -> dict[str, Any]:
    two = {"nl": "een proef", "en": "a trial"}
    fields = {
        "id": f"proef-{secrets.token_hex(4)}",
        "version": 1,
        "legal_basis": "consent",
        "title": two,
        "why": two,
        "consequence_of_no": two,
        "other_way": two,
        "attributes": [{"name": "household_size", "required": True, "reason": two}],
        "because": {"letter": {"nl": "Omdat {attributes}.", "en": "Because {attributes}."}},
        "maximum_days": 30,
        "data_life_days": 30,
        "frequency_per_day": 5,
        "storage_places": ["NL"],
        "contact": {"name": two},
    }
    return fields | changed


def test_a_proposed_purpose_is_read_by_an_operator_first(served: Stage, operator: httpx.Client) -> None:
    attacker = Attacker(served)
    token = attacker.token({"grant_type": "client_credentials"}).json()["access_token"]
    sent = proposal()
    name = f"{sent['id']}@1"

    def asks() -> httpx.Response:
        details = [
            {
                "type": f"{served.issuer}/types/attributes/v1", "purpose": sent["id"], "purpose_version": 1,
                "attributes": ["household_size"], "duration_days": 10,
            }
        ]  # fmt: skip
        return attacker.form("/oauth/par", attacker.pushed(authorization_details=json.dumps(details)))

    for _ in range(2):  # a retry is the same proposal
        answer = own(attacker, "POST", "/organisation/purposes", token, json=sent)
        assert (answer.status_code, answer.json().get("status")) == (202, "pending"), answer.text
    must_refuse(asks(), 400, "invalid_authorization_details")
    shown = done(operator.get(f"/operator/purposes/{name}"))
    assert shown["state"] == "pending"
    assert shown["submitted"]["organisation"] == ORGANISATION
    done(operator.post(f"/operator/purposes/{name}/approve", json={}))
    assert asks().status_code == 201
    mine = done(own(attacker, "GET", "/organisation/purposes", token))["purposes"]
    assert {"id": sent["id"], "version": 1, "status": "approved", "note": ""} in mine
    again = operator.post(f"/operator/purposes/{name}/approve", json={})
    assert (again.status_code, again.json()["code"]) == (409, "out_of_date")

    changed = own(attacker, "POST", "/organisation/purposes", token, json=sent | {"frequency_per_day": 100})
    assert changed.status_code == 400
    assert "words never change" in changed.json()["detail"]
    second = sent | {"version": 2, "frequency_per_day": 100}
    done(own(attacker, "POST", "/organisation/purposes", token, json=second))
    done(operator.post(f"/operator/purposes/{sent['id']}@2/refuse", json={"note": "too often"}))
    mine = done(own(attacker, "GET", "/organisation/purposes", token))["purposes"]
    assert {"id": sent["id"], "version": 2, "status": "refused", "note": "too often"} in mine
    attacker.close()


def test_a_proposal_obeys_the_rules_of_an_organisations_file(served: Stage) -> None:
    attacker = Attacker(served)
    token = attacker.token({"grant_type": "client_credentials"}).json()["access_token"]
    bad = "{organisation.__class__} {attributes}"
    for changed, place in (
        ({"attributes": []}, "attributes"),
        (
            {"attributes": [{"name": "shoe_size", "required": True, "reason": {"nl": "x", "en": "x"}}]},
            "catalogue",
        ),
        ({"attributes": [{"name": "bsn", "required": True, "reason": {"nl": "x", "en": "x"}}]}, "only with"),
        ({"because": {"letter": {"nl": bad, "en": bad}}}, "only {organisation}"),
        ({"maximum_days": 0}, "maximum_days"),
        ({"title": {"nl": "x\u0007", "en": "x"}}, "control characters"),
        ({"organisation": "voorbeeld-energie"}, "openapi.yaml"),
        ({"id": "besparen"}, "another organisation"),
    ):
        no = own(attacker, "POST", "/organisation/purposes", token, json=proposal(**changed))
        assert (no.status_code, no.json()["code"]) == (400, "bad_input")
        assert place in no.json()["detail"], no.text
    headers = {"content-type": "text/plain"}
    no = own(attacker, "POST", "/organisation/purposes", token, json=proposal(), headers=headers)
    must_refuse(no, 415, "unsupported_media_type")
    attacker.close()


def test_a_token_of_a_grant_looks_at_nothing_of_the_organisation(served: Stage) -> None:
    attacker = Attacker(served)
    token = attacker.tokens()["access_token"]
    for path in ("/organisation/grants", "/organisation/usage", "/organisation/purposes"):
        must_refuse(own(attacker, "GET", path, token), 403, "insufficient_scope")
    must_refuse(
        own(attacker, "POST", "/organisation/purposes", token, json=proposal()), 403, "insufficient_scope"
    )
    attacker.close()


def test_the_sdk_keeps_its_token_to_itself(served: Stage) -> None:
    mine = asyncio.run(sdk.register(served.issuer, invitation(served), metadata(SigningKey.new())))
    assert mine.token.reveal() not in repr(mine)
    assert mine.token.reveal() in mine.text()
    with pytest.raises(ValueError, match="text"):
        asyncio.run(sdk.read_registration("{}"))
