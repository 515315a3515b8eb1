"""OAuth over real HTTP beyond what the modules of `tests/conformance` ask."""

import json
from typing import Any

import httpx
import pytest
from consent_sdk.keys import SigningKey

from consent.demo import Stage
from consent.oauth.jose import check_jws
from tests.web.office import ASKED, PURPOSE, REDIRECT, Office, fresh, now, office_of


@pytest.fixture(scope="module")
def office(served: Stage) -> Office:
    return office_of(served)


@pytest.fixture(scope="module")
def rival(served: Stage) -> Office:
    return office_of(served, "randstede")


def check(answer: httpx.Response, error: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "location" not in answer.headers


# Asking


def test_the_answer_says_who_answers_and_brings_back_the_state(office: Office) -> None:
    """RFC 9207 §2, RFC 6749 §4.1.2; FAPI 2.0 §5.3.2.2 note 4: long states occur. A registered query stays."""
    state = "".join(chr(c) for c in range(33, 127)) * 43 + "é" * 54
    assert len(state) == 4096
    for decision, expected in (("yes", "code"), ("no", "error")):
        back = office.answered(office.push(fresh() * 3, state=state), decision)
        assert set(back) == {"keep", "state", "iss", expected}
        assert (back["keep"], back["state"], back["iss"]) == ("this", state, office.stage.issuer)
    check(office.post("/oauth/par", office.request_fields("v" * 43, state="s" * 4097)), "invalid_request")


def test_a_request_uri_may_be_opened_again_until_it_is_answered(office: Office) -> None:
    """FAPI 2.0 §5.3.2.2 note 3: browsers fetch ahead and people press reload."""
    address = office.push(fresh() * 3)
    opened = [office.http.get(address) for _ in range(3)]
    assert {(one.status_code, one.headers["location"]) for one in opened} == {
        (303, opened[0].headers["location"])
    }
    assert office.http.head(address).status_code == 303
    office.answered(address)
    gone = office.http.get(address)
    assert (gone.status_code, "location" in gone.headers) == (400, False)


def test_nothing_beside_the_pushed_request_counts(office: Office) -> None:
    """FAPI 2.0 §5.3.2.2-3: whoever made the link could have written the rest."""
    address = office.push(fresh() * 3, state="pushed")
    back = office.answered(
        f"{address}&state=other&redirect_uri=https://elsewhere.example&response_type=token&scope=all"
    )
    assert back["state"] == "pushed"


def details(office: Office, **changed: Any) -> str:
    right = {
        "type": f"{office.stage.issuer}/types/attributes/v1", "purpose": office.purpose, "purpose_version": 1,
        "attributes": list(ASKED), "duration_days": 30,
    }  # fmt: skip
    return json.dumps([{name: one for name, one in (right | changed).items() if one is not None}])


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "other"}, {"type": None}, {"purpose": PURPOSE}, {"purpose": "x" * 5000}, {"purpose_version": 2},
        {"purpose_version": "1"}, {"purpose_version": 2**80}, {"attributes": []}, {"attributes": ["bsn"]},
        {"attributes": ["household_size"] * 2}, {"attributes": "household_size"}, {"attributes": [1]},
        {"duration_days": 0}, {"duration_days": -1}, {"duration_days": 366}, {"duration_days": 1.5},
        {"duration_days": 10**30}, {"reason": "because we want to"}, {"attributes": None}, {"purpose": {"a": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_a_question_beyond_the_approved_purpose_is_refused(office: Office, changed: dict[str, Any]) -> None:
    fields = office.request_fields("v" * 43, authorization_details=details(office, **changed))
    check(office.post("/oauth/par", fields), "invalid_authorization_details")


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", "null", "[[]]", "[1]", "[" * 16_000, '[{"type":"\\ud800"}]', "[{},{}]"]
)
def test_details_that_cannot_be_read_are_refused(office: Office, text: str) -> None:
    check(office.post("/oauth/par", office.request_fields("v" * 43, authorization_details=text)),
          "invalid_authorization_details")  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"), ({"code_challenge": "short"}, "invalid_request"),
        ({"redirect_uri": "https://elsewhere.example/"}, "invalid_request"),
        ({"redirect_uri": REDIRECT + "&x=1"}, "invalid_request"),
        ({"request_uri": "urn:x"}, "invalid_request"), ({"request": "e30.e30."}, "invalid_request_object"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"authorization_details": "x" * 20_000}, "invalid_request"),
        ({"dpop_jkt": "A" * 43}, "invalid_dpop_proof"), ({"dpop_jkt": "x"}, "invalid_request"),
        ({"client_secret": "secret"}, "invalid_request"),
    ],
    ids=str,
)  # fmt: skip
def test_a_pushed_request_outside_the_profile_is_refused(
    office: Office, changed: dict[str, str], error: str
) -> None:
    check(office.post("/oauth/par", office.request_fields("v" * 43, **changed)), error)


# Who asks


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "http://localhost/oauth/token"}, {"aud": None}, {"iss": "somebody"}, {"sub": "somebody"}, {"sub": None},
        {"exp": 1}, {"exp": None}, {"exp": "tomorrow"}, {"exp": 10**12}, {"nbf": 10**11}, {"iat": 10**11},
        {"exp": 1e308}, {"iat": 1e308}, {"nbf": [1]}, {"exp": True}, {"jti": None},
        {"jti": ""}, {"jti": 7}, {"jti": "j" * 300},
    ],
    ids=str,
)  # fmt: skip
def test_an_assertion_that_is_not_quite_right_is_refused(office: Office, changed: dict[str, Any]) -> None:
    fields = office.identified(grant_type="client_credentials", client_assertion=office.assertion(**changed))
    check(office.post("/oauth/token", fields), "invalid_client", 401)


def test_an_assertion_or_a_proof_works_once(office: Office) -> None:
    fields = office.identified(grant_type="client_credentials")
    assert office.post("/oauth/token", fields).status_code == 200
    check(office.post("/oauth/token", fields), "invalid_client", 401)
    proof = office.proof("POST", "/oauth/token")
    for expected in (200, 400):
        again = office.post("/oauth/token", office.identified(grant_type="client_credentials"), dpop=proof)
        assert again.status_code == expected
    assert again.json()["error"] == "invalid_dpop_proof"


def test_a_client_may_leave_its_id_to_the_assertion(office: Office) -> None:
    """RFC 7521 §4.2."""
    fields = office.identified(grant_type="client_credentials")
    del fields["client_id"]
    assert office.post("/oauth/token", fields).status_code == 200


def test_grant_types_of_the_past_do_not_exist(office: Office) -> None:
    for kind in (
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:device_code",
        "CLIENT_CREDENTIALS",
    ):
        check(office.post("/oauth/token", office.identified(grant_type=kind)), "unsupported_grant_type")
    check(office.post("/oauth/token", office.identified()), "invalid_request")


# Codes and tokens


def test_a_code_works_once_and_a_second_try_kills_what_came_of_it(office: Office) -> None:
    """RFC 6749 §4.1.2."""
    verifier = fresh() * 3
    code = office.answered(office.push(verifier))["code"]
    check(office.exchange(code, "w" * 43), "invalid_grant")
    check(office.exchange(code, verifier, redirect_uri="https://elsewhere.example/"), "invalid_grant")
    got = office.exchange(code, verifier, redirect_uri=REDIRECT).json()
    assert (
        office.call("POST", "/disclosures", got["access_token"], {"attributes": [ASKED[0]]}).status_code
        == 200
    )
    check(office.exchange(code, verifier), "invalid_grant")
    dead = office.call("POST", "/disclosures", got["access_token"], {"attributes": [ASKED[0]]})
    assert (dead.status_code, dead.json()["code"]) == (401, "invalid_token")
    refresh = office.identified(grant_type="refresh_token", refresh_token=got["refresh_token"])
    check(office.post("/oauth/token", refresh), "invalid_grant")


def test_the_token_says_what_was_chosen_and_for_how_long(office: Office) -> None:
    got = office.tokens()
    chosen = got["authorization_details"][0]
    assert (got["token_type"], got["expires_in"]) == ("DPoP", 600)
    assert (chosen["purpose"], sorted(chosen["attributes"])) == (office.purpose, sorted(ASKED))
    assert chosen["grant_id"] == got["grant_id"]
    assert abs(chosen["expires_at"] - now() - 30 * 86_400) < 86_400


def test_introspection_knows_only_ones_own_tokens(office: Office, rival: Office) -> None:
    """RFC 7662 §2.2, RFC 9449 §6.2."""
    got = office.tokens()
    own = office.post("/oauth/introspect", office.identified(token=got["access_token"])).json()
    assert (own["active"], own["client_id"], own["sub"]) == (True, office.client_id, got["sub"])
    assert own["cnf"] == {"jkt": office.key.thumbprint()}
    unknown = [
        rival.post("/oauth/introspect", rival.identified(token=token))
        for token in (got["access_token"], fresh())
    ]
    assert [one.content for one in unknown] == [b'{"active":false}'] * 2


def test_revocation_kills_the_token_and_never_the_grant(office: Office, rival: Office) -> None:
    """RFC 7009 §2.1-2.2. Only the citizen ends a grant."""
    got = office.tokens()
    body = {"attributes": [ASKED[0]]}
    assert rival.post("/oauth/revoke", rival.identified(token=got["access_token"])).status_code == 200
    assert office.call("POST", "/disclosures", got["access_token"], body).status_code == 200
    for _ in range(2):
        gone = office.post(
            "/oauth/revoke", office.identified(token=got["access_token"], token_type_hint="nonsense")
        )
        assert (gone.status_code, gone.content) == (200, b"")
    assert office.call("POST", "/disclosures", got["access_token"], body).status_code == 401
    refresh = {"grant_type": "refresh_token", "refresh_token": got["refresh_token"]}
    renewed = office.post("/oauth/token", office.identified(**refresh)).json()
    assert office.call("POST", "/disclosures", renewed["access_token"], body).status_code == 200
    assert office.post("/oauth/revoke", office.identified(token=got["refresh_token"])).status_code == 200
    assert office.call("POST", "/disclosures", renewed["access_token"], body).status_code == 401
    check(office.post("/oauth/token", office.identified(**refresh)), "invalid_grant")
    assert office.call("GET", f"/grants/{got['grant_id']}", office.own_token()).json()["active"] is True


def test_a_refreshed_token_may_be_bound_to_a_new_key(office: Office) -> None:
    """RFC 9449 §5: a refresh token of a confidential client is bound to the client, not to a key."""
    got, new = office.tokens(), SigningKey.new()
    fields = office.identified(grant_type="refresh_token", refresh_token=got["refresh_token"])
    renewed = office.post("/oauth/token", fields, dpop=office.proof("POST", "/oauth/token", key=new)).json()
    body = {"attributes": [ASKED[0]]}
    assert office.call("POST", "/disclosures", renewed["access_token"], body).status_code == 401
    assert office.call("POST", "/disclosures", renewed["access_token"], body, key=new).status_code == 200


def test_an_introspection_is_signed_when_that_is_asked_or_chosen(office: Office, served: Stage) -> None:
    """RFC 9701 §4-§6: for whoever asked, and about no token of anybody else."""
    media = "application/token-introspection+jwt"
    chosen = office_of(served, "bewaarder", introspection_signed_response_alg="ES256")
    keys = office.http.get("/oauth/jwks").json()["keys"]
    got = office.tokens()
    for who, headers, is_active in (
        (office, {"accept": media}, True),
        (chosen, {}, False),
        (chosen, {"accept": "application/json"}, False),
    ):
        answer = who.post("/oauth/introspect", who.identified(token=got["access_token"]), **headers)
        assert (answer.status_code, answer.headers["content-type"]) == (200, media)
        assert answer.headers["cache-control"] == "no-store"
        _, claims = check_jws(answer.text, keys, types=frozenset({"token-introspection+jwt"}))
        assert (claims["iss"], claims["aud"]) == (served.issuer, who.client_id)
        assert "exp" not in claims
        assert "sub" not in claims
        said = claims["token_introspection"]
        assert said == {"active": False} if not is_active else said["sub"] == got["sub"]
    for accept in ("application/json", "*/*"):
        plain = office.post("/oauth/introspect", office.identified(token=got["access_token"]), accept=accept)
        assert plain.headers["content-type"] == "application/json"
    check(
        office.http.post("/oauth/introspect", data={"token": "x"}, headers={"accept": media}),
        "invalid_client",
        401,
    )
