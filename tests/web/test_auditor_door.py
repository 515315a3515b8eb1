"""The auditor's door: whoever the operator let in reads one organisation in one period, and each read is an entry."""

import hashlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import consent_verify
import httpx
import pytest

from consent.demo import Stage
from consent.opening import DATABASE
from tests.web.knock import knock, write
from tests.web.office import ASKED, Office, office_of

AUDITOR, REASON = "Ms-Auditor-By-Name", "Complaint 12345 about letters"
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
def office(served: Stage) -> Office:
    return office_of(served)


@pytest.fixture(scope="module")
def rival(served: Stage) -> Office:
    return office_of(served, "randstede")


@pytest.fixture(scope="module")
def history(office: Office, rival: Office) -> None:
    """Both organisations disclosed something today."""
    for one in (office, rival):
        got = one.tokens()
        answer = one.call("POST", "/disclosures", got["access_token"], {"attributes": list(ASKED)})
        assert answer.status_code == 200, answer.text


@cache
def admit(
    stage: Stage, organisation: str, *, begin: int = 0, end: int = 1, days: int = 14, auditor: str = AUDITOR
) -> str:
    """Let an auditor in; returns the token."""
    printed = stage.run(
        "auditor", "add", auditor, "--organisation", organisation, "--from", str(TODAY + timedelta(days=begin)),
        "--until", str(TODAY + timedelta(days=end)), "--reason", REASON, "--days", str(days),
    )  # fmt: skip
    return printed.split()[-1]


def read(stage: Stage, token: str) -> httpx.Response:
    return httpx.get(
        f"{stage.issuer}/audit/openings", headers={"authorization": f"Bearer {token}"}, timeout=10
    )


def log_of(stage: Stage) -> tuple[str, int]:
    name = httpx.get(f"{stage.issuer}/log").text.split()[-1]
    return name, int(httpx.get(f"{stage.issuer}/log/{name}/checkpoint").text.splitlines()[1])


def entry(stage: Stage, index: int) -> bytes:
    """One leaf, from the public bundle that holds it."""
    name, size = log_of(stage)
    n, width = divmod(size, 256)
    full = index // 256 < n
    path = f"{index // 256:03d}" + ("" if full else f".p/{width}")
    octets = httpx.get(f"{stage.issuer}/log/{name}/tile/entries/{path}").content
    leaves = []
    while octets:
        length = int.from_bytes(octets[:2], "big")
        leaves.append(octets[2 : 2 + length])
        octets = octets[2 + length :]
    return leaves[index % 256]


def records(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in answer.text.splitlines():
        yield json.loads(json.loads(line)["A"])


@pytest.mark.usefixtures("history")
def test_an_auditor_reads_the_openings_of_one_organisation_and_of_no_other(office: Office) -> None:
    answer = read(office.stage, admit(office.stage, office.organisation))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    assert answer.headers["cache-control"] == "no-store"
    assert "content-encoding" not in answer.headers
    found = list(records(answer))
    assert {"granted", "disclosed"} <= {record["ev"] for record in found}
    assert {record["org"] for record in found} == {office.organisation}


@pytest.mark.usefixtures("history")
def test_what_an_auditor_gets_opens_the_public_entries_and_holds_no_value(office: Office) -> None:
    answer = read(office.stage, admit(office.stage, office.organisation))
    report = consent_verify.verify_log(office.stage.issuer, openings=answer.content)
    assert report.exit_code == 0, report.sentences
    for line in answer.text.splitlines():
        assert set(json.loads(line)) == {"i", "kc", "a", "A"}
    assert "sanne" not in answer.text.lower()


@pytest.mark.usefixtures("history")
def test_each_read_is_one_entry_that_names_neither_the_auditor_nor_the_reason(office: Office) -> None:
    token = admit(office.stage, office.organisation)
    _, before = log_of(office.stage)
    for expected in (1, 2):
        assert read(office.stage, token).status_code == 200
        assert log_of(office.stage)[1] == before + expected
    leaf = entry(office.stage, before)
    said = json.loads(leaf[152:])  # the public body stands behind the fixed part
    assert (said["ev"], said["org"]) == ("audit.read", office.organisation)
    assert said["auditor"] == hashlib.sha256(AUDITOR.encode()).hexdigest()
    assert said["reason"] == hashlib.sha256(REASON.encode()).hexdigest()
    assert AUDITOR.encode() not in leaf
    assert b"Complaint" not in leaf


@pytest.mark.usefixtures("history")
def test_another_period_holds_nothing_of_today(office: Office) -> None:
    for begin, end in ((-30, 0), (1, 30)):
        answer = read(office.stage, admit(office.stage, office.organisation, begin=begin, end=end))
        assert (answer.status_code, answer.content) == (200, b"")


def test_an_ended_or_unknown_token_opens_nothing_and_writes_nothing(office: Office) -> None:
    ended = admit(office.stage, office.organisation, days=1, auditor="somebody-else")
    office.stage.run("auditor", "end", "somebody-else")
    _, before = log_of(office.stage)
    answers = [read(office.stage, token) for token in (ended, "A" * 43, "x", ended + "x")]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (401, "unknown_auditor")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert len({answer.content for answer in answers}) == 1
    assert log_of(office.stage)[1] == before


def test_a_token_of_a_client_is_no_token_of_an_auditor_and_the_other_way_round(office: Office) -> None:
    assert read(office.stage, office.own_token()).status_code == 401
    auditor = admit(office.stage, office.organisation)
    assert office.call("GET", f"/grants/{'0' * 32}", auditor).json()["code"] == "invalid_token"


def test_an_auditors_token_is_kept_as_a_hash_and_printed_nowhere_else(office: Office) -> None:
    token = admit(office.stage, office.organisation)
    assert read(office.stage, token).status_code == 200
    files = [file for file in office.stage.service.rglob("*") if file.is_file() and DATABASE in file.name]
    assert files
    for file in [*files, office.stage.folder / "service.log"]:
        assert token.encode() not in file.read_bytes()


# The public log


def test_a_part_of_a_tile_is_as_wide_as_was_asked_and_never_wider_than_the_log(
    served: Stage, office: Office
) -> None:
    name, size = log_of(served)
    n, size = f"{size // 256:03}", size % 256
    if not size:  # the newest part is just full: one more entry begins the next
        read(office.stage, admit(office.stage, office.organisation))
        n, size = f"{log_of(served)[1] // 256:03}", 1
    for place, each in (("0", 32), ("entries", None)):
        for width in (1, max(1, size - 1), size):
            answer = httpx.get(f"{served.issuer}/log/{name}/tile/{place}/{n}.p/{width}")
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            if each:
                assert len(answer.content) == width * each
        for wrong in (
            "0",
            str(size + 1),
            "256",
            "257",
            "00",
            "01",
            "-1",
            "1.p/1",
            "1%2e0",
            "%D9%A3",
            "",
        ):
            target = f"/log/{name}/tile/{place}/{n}.p/{wrong}"
            assert knock(served.port, write("GET", target)).status == 404, wrong
        assert httpx.get(f"{served.issuer}/log/{name}/tile/{place}/{n}").status_code == 404


def test_a_tile_that_was_read_stays_as_it_was_while_the_log_grows(office: Office) -> None:
    name, size = log_of(office.stage)
    places = [f"/log/{name}/tile/{place}/000.p/{size}" for place in ("0", "entries")]
    before = [office.http.get(place).content for place in places]
    office.tokens()
    assert log_of(office.stage)[1] > size
    assert [office.http.get(place).content for place in places] == before


def test_everybody_may_ask_for_a_proof_and_it_holds(served: Stage) -> None:
    name, _ = log_of(served)
    proof = httpx.get(f"{served.issuer}/log/{name}/proof/0").text
    policy = httpx.get(f"{served.issuer}/log/{name}/policy").text
    report = consent_verify.verify_log(None, policy=policy, proof=proof, leaf=entry(served, 0))
    assert report.verdict in ("OK", "UNWITNESSED"), report.sentences
    forged = consent_verify.verify_log(None, policy=policy, proof=proof, leaf=entry(served, 1))
    assert forged.exit_code == 1


def test_checkpoints_are_asked_for_anew_and_never_kept(served: Stage) -> None:
    name, _ = log_of(served)
    for thing in ("checkpoint", "policy", "proof/0"):
        assert httpx.get(f"{served.issuer}/log/{name}/{thing}").headers["cache-control"] == "no-cache"
    answer = httpx.get(f"{served.issuer}/log/{name}/checkpoint")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "set-cookie" not in answer.headers


def test_a_colleague_lets_an_auditor_in_and_out_over_http(served: Stage, office: Office) -> None:
    """Only with a token for that act; the auditor's own token opens none of it."""

    def operator(*scopes: str) -> dict[str, str]:
        flags = [word for scope in scopes for word in ("--scope", scope)]
        return {"authorization": f"Bearer {served.run('operator', 'token', 'bob', *flags).split()[-1]}"}

    body = {
        "auditor": "visitor", "organisation": office.organisation, "reason": REASON,
        "from": 0, "until": int(time.time()) + 86400,
    }  # fmt: skip
    with httpx.Client(base_url=served.issuer, timeout=10) as http:
        assert http.post("/operator/auditors", json=body, headers=operator("read")).status_code == 403
        both = operator("read", "audit")
        made = http.post("/operator/auditors", json=body, headers=both)
        assert made.status_code == 201, made.text
        token = made.json()["token"]
        assert read(served, token).status_code == 200
        own = {"authorization": f"Bearer {token}"}
        assert http.get("/operator/auditors", headers=own).json()["code"] == "unknown_operator"
        listed = http.get("/operator/auditors", headers=both)
        assert [one["works"] for one in listed.json()["auditors"] if one["auditor"] == "visitor"] == [True]
        assert token not in listed.text
        ended = http.post("/operator/auditors/visitor/end", json={}, headers=both)
        assert (ended.status_code, ended.json()) == (200, {"ended": 1})
        assert read(served, token).json()["code"] == "unknown_auditor"
        assert http.post("/operator/auditors/nobody/end", json={}, headers=both).status_code == 404
        for wrong in ({"from": 9, "until": 9}, {"reason": "short"}, {"days": 91}, {"auditor": "a b"}):
            assert http.post("/operator/auditors", json=body | wrong, headers=both).status_code == 400


def test_the_command_lists_who_may_read_and_ends_it(served: Stage, office: Office) -> None:
    token = admit(served, office.organisation, days=3)
    assert f"{AUDITOR}\t{office.organisation}\t" in served.run("auditor", "list")
    assert "ended" in served.run("auditor", "end", AUDITOR)
    assert read(served, token).status_code == 401
    assert token not in served.run("auditor", "list")
    admit.cache_clear()
