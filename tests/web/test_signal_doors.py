"""The organisation's answers over HTTP: heard, and gone; for its own signals and grants only, in the API's errors."""

from typing import Any

import pytest
from consent_sdk.keys import deletion_statement

from consent.demo import Stage
from consent.demo_browser import Browser, Page
from tests.web.conftest import rows
from tests.web.office import Office, now, office_of

ELSEWHERE = "andersdorp"


def stopped(office: Office) -> str:
    """A grant under which something went out, and that its citizen stopped."""
    tokens = office.tokens()
    fetched = office.call("POST", "/disclosures", tokens["access_token"], {"attributes": ["household_size"]})
    assert fetched.status_code == 200, fetched.text
    browser = Browser(office.stage.issuer)
    entrance = browser.open(f"/sign-in?next=/my/grants/{tokens['grant_id']}")
    assert isinstance(entrance, Page)
    page = browser.submit(entrance, "sign-in-persona-sanne", ("persona", "sanne"))
    assert isinstance(page, Page)
    assert isinstance(browser.submit(page, f"stop-{tokens['grant_id']}"), Page)
    browser.close()
    grant: str = tokens["grant_id"]
    return grant


def signal_of(stage: Stage, grant: str) -> str:
    """The id of the signal about a grant: what its receiver would find in `jti`."""
    (line,) = [
        one
        for one in stage.run("signals", "list").splitlines()
        if f"grant {grant}" in one and " ended " in one
    ]
    return line.rsplit("signal ", 1)[1]


def statement(office: Office, grant: str, **changed: Any) -> dict[str, str]:
    fields = {"scope": "all", "deleted_at": now(), "at": now(), "client_id": office.client_id} | changed
    made = deletion_statement(office.key, issuer=office.stage.issuer, grant_id=grant, **fields)
    return {"statement": made}


def test_heard_and_gone_and_the_citizen_reads_both(served: Stage) -> None:
    office = office_of(served)
    grant = stopped(office)
    signal = signal_of(served, grant)
    token = office.own_token()
    heard = office.call("POST", f"/signals/{signal}/acknowledge", token)
    assert heard.status_code == 200, heard.text
    assert heard.json() == {"signal_id": signal, "acknowledged_at": heard.json()["acknowledged_at"]}
    gone = office.call("POST", f"/grants/{grant}/deletion", token, statement(office, grant))
    assert gone.status_code == 200, gone.text
    assert (gone.json()["grant_id"], gone.json()["scope"]) == (grant, "all")
    again = office.call("POST", f"/grants/{grant}/deletion", token, statement(office, grant))
    assert again.json() == gone.json()
    browser = Browser(served.issuer)
    entrance = browser.open(f"/sign-in?next=/my/grants/{grant}")
    assert isinstance(entrance, Page)
    receipt = browser.submit(entrance, "sign-in-persona-sanne", ("persona", "sanne"))
    assert isinstance(receipt, Page)
    assert receipt.answers == ["confirmed", "confirmed"]
    assert "Zij zeggen: alles was weg op" in receipt.words
    timeline = browser.open("/my/timeline")
    assert isinstance(timeline, Page)
    assert "Gemeente Proefdorp bevestigt: zij weten dat het delen is gestopt." in timeline.words
    assert "Gemeente Proefdorp zegt: uw gegevens zijn gewist." in timeline.words
    browser.close()
    assert f"grant {grant}" not in served.run("signals", "list")


def test_a_live_grant_has_nothing_to_state(served: Stage) -> None:
    office = office_of(served)
    grant = office.tokens()["grant_id"]
    said = office.call("POST", f"/grants/{grant}/deletion", office.own_token(), statement(office, grant))
    assert (said.status_code, said.json()["code"]) == (409, "grant_still_active")


def test_another_organisation_finds_neither_signal_nor_grant_and_changes_nothing(served: Stage) -> None:
    office, other = office_of(served), office_of(served, ELSEWHERE)
    grant = stopped(office)
    signal = signal_of(served, grant)
    token = other.own_token()
    calls: list[tuple[str, Any]] = [
        (f"/signals/{signal}/acknowledge", None),
        (f"/signals/{'0' * 32}/acknowledge", None),
        ("/signals/none/acknowledge", None),
        (f"/grants/{grant}/deletion", statement(other, grant)),
        (f"/grants/{'0' * 32}/deletion", statement(other, "0" * 32)),
    ]
    said = [other.call("POST", path, token, body) for path, body in calls]
    assert [one.status_code for one in said] == [404] * 5
    assert len({one.text for one in said[:3]}) == len({one.text for one in said[3:]}) == 1
    before = rows(served)
    for forged in (
        statement(other, grant),
        statement(office, "1" * 32),
        statement(other, grant, client_id=office.client_id),
    ):
        refused = office.call("POST", f"/grants/{grant}/deletion", office.own_token(), forged)
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_input")
    assert not [row for row in rows(served) - before if "deletions" in row]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (None, 415),
        (b"", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"statement":1}', 400),
        (b'{"statement":""}', 400),
        (b'{"statement":"a.b.c"}', 400),
        (b'{"statement":"a.b.c","more":1}', 400),
        (b'{"statement":"' + b"x" * 9000 + b'"}', 400),
        (b"[" * 15_000, 400),
        (b" " * 20_000, 413),
    ],
    ids=lambda one: str(one)[:24],
)
def test_a_bad_body_is_a_problem_in_the_api_s_own_form(
    served: Stage, body: bytes | None, status: int
) -> None:
    office = office_of(served)
    said = office.call("POST", f"/grants/{'0' * 32}/deletion", office.own_token(), body)
    assert said.status_code == status, said.text
    assert said.headers["content-type"] == "application/problem+json"
    assert set(said.json()) >= {"status", "code", "title", "next"}


def test_without_a_token_or_with_a_citizens_there_is_a_challenge(served: Stage) -> None:
    office = office_of(served)
    path = f"/signals/{'0' * 32}/acknowledge"
    bare = office.http.post(path)
    assert (bare.status_code, bare.headers["www-authenticate"].split()[0]) == (401, "DPoP")
    citizens = office.call("POST", path, office.tokens()["access_token"])
    assert (citizens.status_code, citizens.json()["code"]) == (403, "insufficient_scope")


def test_the_operator_sees_what_waits_and_can_send_it_again(served: Stage) -> None:
    office = office_of(served)
    grant = stopped(office)
    signal = signal_of(served, grant)
    lines = [line for line in served.run("signals", "list").splitlines() if grant in line]
    assert [line.split()[1:3] for line in lines] == [["waiting", "ended"], ["owed", "deletion"]]
    assert grant not in served.run("signals", "list", "--overdue")
    assert served.run("signals", "resend", signal) == "It is sent again from now on."
