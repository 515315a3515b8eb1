"""Attack: getting in by registering - other people's tokens, many clients, addresses and keys that are not what they
seem, and changes that nobody looks at."""

import secrets
from typing import Any

import httpx
import pytest
from consent_sdk.keys import SigningKey, dpop_proof
from consent_sdk.registration import key_set

from consent.demo import ORGANISATION, Stage
from consent.opening import clock

from .attacker import REQUIRED, Attacker, Citizen, must_refuse

REDIRECT = "https://stad.example/terug"


def document(key: SigningKey, **changed: Any) -> dict[str, Any]:
    fields = {"client_name": "Loket", "redirect_uris": [REDIRECT], "jwks": key_set(key)} | changed
    return {name: value for name, value in fields.items() if value is not None}


def invitation(stage: Stage, organisation: str = ORGANISATION, *words: str) -> str:
    return stage.run("registration", "token", organisation, *words)


def send(
    stage: Stage, method: str, path: str, token: str, body: Any = None, **headers: str
) -> httpx.Response:
    sent = {"authorization": f"Bearer {token}"} | headers
    if isinstance(body, bytes):
        return httpx.request(
            method,
            stage.issuer + path,
            content=body,
            headers=sent | {"content-type": "application/json"},
            timeout=15,
        )
    return httpx.request(method, stage.issuer + path, json=body, headers=sent, timeout=15)


class Registered:
    """A client of the example municipality, registered and perhaps approved."""

    def __init__(self, stage: Stage, *, approved: bool, organisation: str = ORGANISATION) -> None:
        self.stage, self.key = stage, SigningKey.new()
        said = send(stage, "POST", "/oauth/register", invitation(stage, organisation), document(self.key))
        assert said.status_code == 201, said.text
        self.client = said.json()["client_id"]
        self.token = said.json()["registration_access_token"]
        if approved:
            stage.run("client", "approve", self.client, "--revision", "1")

    @property
    def path(self) -> str:
        return f"/oauth/register/{self.client}"

    def proof(self, method: str, key: SigningKey | None = None) -> str:
        return dpop_proof(
            key or self.key, method=method, url=self.stage.issuer + self.path, at=clock() // 1_000_000,
            jti=secrets.token_urlsafe(16), token=self.token, nonce=None,
        )  # fmt: skip

    def put(self, body: Any, **headers: str) -> httpx.Response:
        return send(self.stage, "PUT", self.path, self.token, body, **headers)

    def status_of_a_token_request(self, key: SigningKey) -> int:
        attacker = Attacker(self.stage, key=key, client=self.client)
        answer = attacker.token({"grant_type": "client_credentials"})
        attacker.close()
        return answer.status_code


def must_not_let_in(answer: httpx.Response) -> None:
    must_refuse(answer, 401, "invalid_token")
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.fixture(scope="module")
def mine(served: Stage) -> Registered:
    return Registered(served, approved=True)


def test_another_registrations_token_reads_changes_and_removes_nothing(
    served: Stage, mine: Registered
) -> None:
    other = Registered(served, approved=False)
    for method, body in (("GET", None), ("PUT", document(other.key)), ("DELETE", None)):
        must_not_let_in(send(served, method, mine.path, other.token, body))
        must_not_let_in(send(served, method, "/oauth/register/client-" + "0" * 32, other.token, body))
        must_not_let_in(send(served, method, f"/oauth/register/{ORGANISATION}-loket", other.token, body))
    assert send(served, "GET", mine.path, mine.token).json()["status"] == "approved"


def test_a_token_of_one_kind_is_none_of_another(served: Stage, mine: Registered) -> None:
    invited, operator = invitation(served), served.run("operator", "token", "eve", "--scope", "register")
    must_not_let_in(send(served, "GET", mine.path, invited))
    must_not_let_in(send(served, "POST", "/oauth/register", mine.token, document(SigningKey.new())))
    must_not_let_in(send(served, "POST", "/oauth/register", operator, document(SigningKey.new())))
    for token in (mine.token, invited):
        assert send(served, "GET", "/operator/clients", token).status_code == 401
        body = {"revision": 1}
        assert (
            send(served, "POST", f"/operator/clients/{mine.client}/approve", token, body).status_code == 401
        )


def test_without_a_token_nothing_is_registered(served: Stage) -> None:
    body = document(SigningKey.new())
    for headers in (
        {},
        {"authorization": "Basic eDp5"},
        {"authorization": "Bearer"},
    ):
        must_not_let_in(httpx.post(f"{served.issuer}/oauth/register", json=body, headers=headers))
    must_not_let_in(
        httpx.post(f"{served.issuer}/oauth/register?access_token={invitation(served)}", json=body)
    )


def test_an_invitation_that_is_used_up_is_over(served: Stage) -> None:
    """Mass registration: so many, and not one more."""
    token = invitation(served, ORGANISATION, "--clients", "3")
    answers = [
        send(served, "POST", "/oauth/register", token, document(SigningKey.new())).status_code
        for _ in range(5)
    ]
    assert answers == [201, 201, 201, 401, 401]


def test_a_wrong_registration_costs_no_place(served: Stage) -> None:
    token = invitation(served)
    wrong = send(served, "POST", "/oauth/register", token, document(SigningKey.new(), client_name=""))
    must_refuse(wrong, 400, "invalid_client_metadata")
    assert send(served, "POST", "/oauth/register", token, document(SigningKey.new())).status_code == 201


def test_the_caller_does_not_choose_its_id_or_organisation(served: Stage) -> None:
    chosen = {
        "client_id": "voorbeeldstad-loket", "organisation": "voorbeeld-energie", "status": "approved",
        "client_secret": "s3cret", "registration_access_token": "A" * 43, "client_id_issued_at": 0, "revision": 99,
    }  # fmt: skip
    said = send(served, "POST", "/oauth/register", invitation(served), document(SigningKey.new(), **chosen))
    answer = said.json()
    assert said.status_code == 201
    assert answer["client_id"].startswith("client-")
    assert (answer["status"], answer["revision"]) == ("pending", 1)
    assert "client_secret" not in answer
    assert answer["registration_access_token"] != "A" * 43
    listed = served.run("client", "list", "--waiting")
    assert f"{answer['client_id']}\tnone, waits (revision 1)\t{ORGANISATION}\t" in listed


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"logo_uri": "javascript:alert(document.cookie)"}, "invalid_client_metadata"),
        ({"logo_uri": "data:image/svg+xml;base64,PHN2Zy8+"}, "invalid_client_metadata"),
        ({"policy_uri": "https://voorbe\u0435ld.example/privacy"}, "invalid_client_metadata"),
        ({"policy_uri": "https://xn--voorbeld-1fg.example/privacy"}, "invalid_client_metadata"),
        ({"client_name": "Gemeente V\u043e\u043erbeeldstad"}, "invalid_client_metadata"),
        ({"redirect_uris": ["ISSUER/my/grants"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["https://stad.example/terug#"]}, "invalid_redirect_uri"),
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": None}, "invalid_client_metadata"),
        ({"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}}, "invalid_client_metadata"),
        ({"jwks": None}, "invalid_client_metadata"),
        ({"jwks": None, "jwks_uri": "http://169.254.169.254/jwks.json"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "client_secret_post"}, "invalid_client_metadata"),
        ({"client_name": "x" * 60_000}, "invalid_client_metadata"),
    ],
    ids=str,
)
def test_what_is_not_what_it_seems_is_refused(
    served: Stage, mine: Registered, changed: dict[str, Any], code: str
) -> None:
    """At the update door: the same rules as at registration."""
    if changed.get("redirect_uris"):
        here = served.issuer.replace("localhost", "127.0.0.1")
        changed = {"redirect_uris": [uri.replace("ISSUER", here) for uri in changed["redirect_uris"]]}
    must_refuse(mine.put(document(mine.key, **changed)), 400, code)
    assert "awaiting_approval" not in send(served, "GET", mine.path, mine.token).json()


def test_a_private_key_is_refused_and_not_repeated(served: Stage, mine: Registered) -> None:
    private = {**mine.key.public_jwk, "d": "c2VjcmV0LXByaXZhdGUta2V5LW9mLXRoZS1jbGllbnQ"}
    answer = mine.put(document(mine.key, jwks={"keys": [private]}))
    must_refuse(answer, 400, "invalid_client_metadata")
    assert private["d"] not in answer.text


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b"\xff", b'{"client_name":', b"[" * 50_000, b'{"a":' * 5_000],
    ids=lambda b: ascii(b)[:12],
)
def test_garbled_metadata_is_an_error_of_the_caller(mine: Registered, body: bytes) -> None:
    must_refuse(mine.put(body), 400, "invalid_client_metadata")


def test_too_much_metadata_is_not_read(mine: Registered) -> None:
    must_refuse(mine.put(b" " * (64 * 1024 + 1)), 413, "invalid_request")


def test_a_stolen_registration_token_moves_nothing_by_itself(served: Stage, mine: Registered) -> None:
    """New redirect address, new keys, another name: all of it waits, and the client works as it did."""
    thief = SigningKey.new()
    forged = {"dpop": mine.proof("PUT", thief)}
    for headers in ({}, forged):
        said = mine.put(document(thief, redirect_uris=["https://evil.example/"]), **headers).json()
        assert said["redirect_uris"] == [REDIRECT]
        assert said["jwks"] == key_set(mine.key)
        assert said["awaiting_approval"]["redirect_uris"] == ["https://evil.example/"]
    assert mine.status_of_a_token_request(thief) == 401
    assert mine.status_of_a_token_request(mine.key) == 200
    evil = Attacker(served, key=mine.key, client=mine.client)
    asked = evil.form("/oauth/par", evil.pushed(redirect_uri="https://evil.example/"))
    must_refuse(asked, 400, "invalid_request")
    evil.close()
    must_refuse(send(served, "DELETE", mine.path, mine.token), 403, "access_denied")
    must_refuse(
        send(served, "DELETE", mine.path, mine.token, dpop=mine.proof("DELETE", thief)), 403, "access_denied"
    )
    assert mine.put(document(mine.key)).json()["status"] == "approved"  # the owner takes it all back


def test_a_proof_made_for_something_else_moves_no_key(served: Stage, mine: Registered) -> None:
    new = SigningKey.new()
    elsewhere = dpop_proof(
        mine.key, method="PUT", url=f"{served.issuer}/oauth/token", at=clock() // 1_000_000,
        jti=secrets.token_urlsafe(16), token=mine.token, nonce=None,
    )  # fmt: skip
    other_token = dpop_proof(
        mine.key, method="PUT", url=served.issuer + mine.path, at=clock() // 1_000_000,
        jti=secrets.token_urlsafe(16), token="A" * 43, nonce=None,
    )  # fmt: skip
    for proof in (elsewhere, other_token, mine.proof("POST"), "x.y.z"):
        must_refuse(mine.put(document(new), dpop=proof), 400, "invalid_dpop_proof")
    assert mine.status_of_a_token_request(new) == 401
    used = mine.proof("PUT")
    assert mine.put(document(mine.key), dpop=used).status_code == 200
    must_refuse(mine.put(document(new), dpop=used), 400, "invalid_dpop_proof")


def test_a_client_updates_no_other_client(served: Stage, mine: Registered) -> None:
    must_refuse(mine.put(document(mine.key, client_id="voorbeeldstad-loket")), 400, "invalid_client_metadata")


def test_a_suspended_client_can_neither_refresh_nor_register_its_way_back(served: Stage) -> None:
    attacker = Attacker(served)
    tokens = attacker.tokens()
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    one = Registered(served, approved=True)
    try:
        served.run("client", "suspend", attacker.client)
        must_refuse(attacker.token(refresh), 400, "unauthorized_client")
        must_refuse(attacker.disclose(tokens["access_token"]), 403, "client_suspended")
        served.run("client", "suspend", one.client)
        assert one.put(document(one.key, client_name="Loket 2")).json()["status"] == "suspended"
        served.run("client", "approve", one.client, "--revision", "2")
        must = Attacker(served, key=one.key, client=one.client)
        must_refuse(must.token({"grant_type": "client_credentials"}), 400, "unauthorized_client")
        must.close()
    finally:
        served.run("client", "restore", attacker.client)
    assert attacker.token(refresh).status_code == 200
    attacker.close()


def test_a_code_does_not_go_to_an_address_that_was_taken_out(served: Stage) -> None:
    """Asked under the old address, answered after the operator approved the new one."""
    one = Registered(served, approved=True)
    client = Attacker(served, key=one.key, client=one.client)
    uri = client.ask(redirect_uri=REDIRECT)
    question = f"/my/requests/{client.question(uri)}"
    one.put(document(one.key, redirect_uris=["https://stad.example/nieuw"]))
    served.run("client", "approve", one.client, "--revision", "2")
    with Citizen(served) as citizen:
        for decision in ("yes", "no"):
            found = citizen.page(question)
            assert found.status == 410
            assert "decide" not in found.forms
            forged = citizen.page("/my/data").forms
            answer = citizen.browser._http.post(
                question,
                data={"decision": decision, "attribute": REQUIRED, "csrf": csrf_of(forged)},
                headers={"origin": served.issuer},
            )
            assert (answer.status_code, "location" in answer.headers) == (410, False)
    client.close()


def csrf_of(forms: Any) -> str:
    return next(value for form in forms.values() for name, value in form.fields if name == "csrf")
