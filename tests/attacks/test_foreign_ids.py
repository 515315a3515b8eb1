"""Attack: guessing ids. Foreign, unknown and malformed look the same, to organisations and to citizens."""

import pytest

from .attacker import Attacker, Citizen, must_refuse

GUESSES = ["0" * 32, "f" * 31, "x"]


def own_token(attacker: Attacker) -> str:
    answer = attacker.token({"grant_type": "client_credentials"})
    return str(answer.json()["access_token"])


def look(attacker: Attacker, grant: str, token: str) -> tuple[int, bytes]:
    headers = {"authorization": f"DPoP {token}", "dpop": attacker.proof("GET", f"/grants/{grant}", token)}
    answer = attacker.http.get(f"/grants/{grant}", headers=headers)
    return answer.status_code, answer.content


def test_a_foreign_grant_looks_like_one_that_never_was(attacker: Attacker, other: Attacker) -> None:
    grant = attacker.tokens()["grant_id"]
    assert look(attacker, grant, own_token(attacker))[0] == 200
    token = own_token(other)
    foreign = look(other, grant, token)
    assert foreign[0] == 404
    assert foreign == look(other, "0" * 32, token) == look(other, "x", token)


def test_a_foreign_disclosure_cannot_be_used_and_looks_unknown(attacker: Attacker, other: Attacker) -> None:
    given = attacker.disclose(attacker.tokens()["access_token"]).json()["disclosure_id"]
    token = own_token(other)
    answers = []
    for name in (given, "0" * 32, "x"):
        headers = {"authorization": f"DPoP {token}", "dpop": other.proof("POST", "/uses", token)}
        body = {"disclosures": [name], "template": "letter"}
        answers.append(other.http.post("/uses", json=body, headers=headers))
    must_refuse(answers[0], 404, "not_found")
    assert answers[0].content == answers[1].content == answers[2].content


def test_a_foreign_token_tells_nothing_and_cannot_be_thrown_away(attacker: Attacker, other: Attacker) -> None:
    token = attacker.tokens()["access_token"]
    foreign = other.form("/oauth/introspect", {"token": token})
    unknown = other.form("/oauth/introspect", {"token": "x" * 43})
    assert foreign.content == unknown.content
    thrown, nothing = (other.form("/oauth/revoke", {"token": t}) for t in (token, "x" * 43))
    assert (thrown.status_code, thrown.content) == (nothing.status_code, nothing.content) == (200, b"")
    assert attacker.disclose(token).status_code == 200


@pytest.mark.parametrize(
    "address", ["/my/grants/{}", "/my/grants/{}/receipt.json", "/my/grants/{}/receipt.tlog-proof",
                "/my/grants/{}/stopped"],
)  # fmt: skip
def test_another_citizens_grant_looks_like_one_that_never_was(attacker: Attacker, address: str) -> None:
    grant = attacker.tokens("sanne")["grant_id"]
    with Citizen(attacker.stage, "sanne") as sanne, Citizen(attacker.stage, "riet") as riet:
        assert sanne.browser._http.get(address.format(grant)).status_code in (200, 303)
        foreign = riet.page(address.format(grant))
        assert foreign.status == 404
        for guess in GUESSES:
            unknown = riet.page(address.format(guess))
            assert (unknown.status, unknown.words) == (404, foreign.words)


def test_another_citizen_cannot_stop_or_explain(attacker: Attacker) -> None:
    tokens = attacker.tokens("sanne")
    token, grant = tokens["access_token"], tokens["grant_id"]
    given = attacker.disclose(token).json()["disclosure_id"]
    headers = {"authorization": f"DPoP {token}", "dpop": attacker.proof("POST", "/uses", token)}
    body = {"disclosures": [given], "template": "letter"}
    use = attacker.http.post("/uses", json=body, headers=headers).json()["use_id"]
    with Citizen(attacker.stage, "sanne") as sanne, Citizen(attacker.stage, "riet") as riet:
        assert sanne.page(f"/why/{use}").status == 200
        assert riet.page(f"/why/{use}").words == riet.page(f"/why/{'0' * 32}").words
        home = riet.page("/")
        form = next(form for form in home.forms.values() if any(n == "csrf" for n, _ in form.fields))
        csrf = dict(form.fields)["csrf"]
        answers = [
            riet.browser._http.post(
                f"/my/grants/{name}/stop", data={"csrf": csrf}, headers={"origin": attacker.issuer}
            )
            for name in (grant, "0" * 32)
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
    assert attacker.disclose(token).status_code == 200
