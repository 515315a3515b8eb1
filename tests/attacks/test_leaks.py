"""Attack: reading what was never meant to be read. A story with recognisable values is played against a service of
its own; afterwards every file, every line it logged and every answer outside a disclosure is searched for them."""

import json
import re
import sqlite3
from base64 import b64encode, urlsafe_b64encode
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from consent import __version__
from consent.app import routes
from consent.demo import ORGANISATION, Stage
from consent.lines import SHAPES
from consent.oauth.batches import BATCH_TYPE_PATH
from consent.opening import DATABASE
from consent.web.meter import NO_DOOR
from consent.web.openapi import doors
from tests.conftest import free_port

from .attacker import REQUIRED, Attacker, Citizen

TICKS = [*REQUIRED, "energy_supplier"]
NUMBERS = "metrics"  # what a watcher reads when all is over
BATCH = "/disclosures/batch"
KEY = "kanarie-sleutel-9137"  # how Idempotency-Keys begin: what a developer writes into them may be about somebody
CANARIES = {"household_size": "704281936", "energy_supplier": "Kanarie-Zuidpool-7413 NV"}


class Heard:
    """Everything that came back, but for what her own pages and a disclosure may show."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.disclosed: list[dict[str, Any]] = []

    def __call__(self, answer: httpx.Response) -> None:
        answer.read()
        rest = answer.content
        if answer.url.path in ("/disclosures", BATCH) and answer.status_code == 200:
            said = answer.json()
            items = said.pop("results", [{"disclosure": said}])
            self.disclosed += [one["disclosure"] for one in items if "disclosure" in one]
            problems = [one for one in items if "disclosure" not in one]
            rest = json.dumps([problems, said.get("proofs")]).encode()
        self.answers.append(repr((str(answer.url), answer.headers.raw)).encode() + rest)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Stage, Heard, list[str]]:
    """From her own data to a stop, with everything that goes wrong on the way."""
    stage = Stage(tmp_path_factory.mktemp("leaks"), free_port())
    metrics = free_port()
    stage.settings.write_text(f"metrics_port = {metrics}\n" + stage.settings.read_text("utf-8"), "utf-8")
    stage.add_organisation()
    allow_batches(stage)
    heard = Heard()
    secrets: list[str] = []
    with stage.serving():
        attacker = Attacker(stage)
        attacker.http.event_hooks["response"].append(heard)
        with Citizen(stage) as citizen:
            for name, value in CANARIES.items():
                edit = citizen.page(f"/my/data/{name}")
                form = edit.forms["edit"]
                form.fields = [*[pair for pair in form.fields if pair[0] != "value"], ("value", value)]
                citizen.browser.submit(edit, "edit")
                form.fields[-1] = ("value", f"{value}\x00")  # cannot be read
                citizen.browser.submit(edit, "edit")
            assert all(
                value.split()[0] in citizen.page("/my/data").words for value in ("Kanarie-Zuidpool-7413",)
            )
        code = attacker.code(ticks=TICKS)
        tokens = attacker.exchange(code).json()
        token, grant = tokens["access_token"], tokens["grant_id"]
        given = attacker.disclose(token, TICKS, key="one").json()
        attacker.disclose(token, TICKS, key="one")
        attacker.disclose(token, REQUIRED, key="one")
        attacker.disclose(token, ["number_of_children"])
        attacker.disclose("x" * 43, TICKS)
        attacker.http.post("/disclosures", content=b"{" + CANARIES["energy_supplier"].encode())
        httpx.get(
            f"{stage.issuer}/{CANARIES['household_size']}/{token}"
        )  # the address must not reach the log
        headers = {"authorization": f"DPoP {token}", "dpop": attacker.proof("POST", "/uses", token)}
        body = {"disclosures": [given["disclosure_id"]], "template": "letter"}
        attacker.http.post("/uses", json=body, headers=headers)
        attacker.form("/oauth/introspect", {"token": token})
        many = gather_with_every_fault(attacker, grant)
        with Citizen(stage) as citizen:
            citizen.browser._http.event_hooks["response"].append(heard)
            citizen.page("/my/timeline")
            citizen.browser._http.get(f"/my/grants/{grant}/receipt.json")
            citizen.browser._http.get(f"/my/grants/{grant}/receipt.tlog-proof")
            citizen.browser.submit(citizen.page("/"), f"stop-{grant}")
        attacker.disclose(token, TICKS)
        attacker.disclose(token, TICKS, key="one")
        assert codes(ask_many(attacker, many, [item(grant, 0), item(grant, 7)])) == ["grant_not_active"] * 2
        attacker.exchange(code)
        today = datetime.now(UTC).date()
        auditor = stage.run(
            "auditor", "add", "leak-hunter", "--organisation", ORGANISATION, "--from", str(today),
            "--until", str(today + timedelta(days=1)), "--reason", "Looking for leaks",
        )  # fmt: skip
        opened = attacker.http.get("/audit/openings", headers={"authorization": f"Bearer {auditor}"})
        assert opened.status_code == 200
        assert opened.content.count(b"\n") >= 4
        stage.run("log", "export", str(stage.folder / "exported"))
        attacker.http.get(f"/log/{today.year}/checkpoint")
        numbers = httpx.get(f"http://127.0.0.1:{metrics}/metrics", timeout=60)
        assert numbers.status_code == 200
        (stage.folder / NUMBERS).write_bytes(numbers.content)
        attacker.close()
        secrets += [code, token, tokens["refresh_token"], auditor, many, KEY]
        secrets += [held["salt"] for one in heard.disclosed for held in one["attributes"].values()]
    return stage, heard, secrets


def allow_batches(stage: Stage) -> None:
    """Approve the client for batches, as an operator does."""
    path = stage.folder / f"{ORGANISATION}.json"
    file = json.loads(path.read_text("utf-8"))
    for client in file["clients"]:
        client["settings"]["batch_disclosure"] = True
    path.write_text(json.dumps(file), "utf-8")
    stage.run("organisation", "add", str(path))


def gather_with_every_fault(attacker: Attacker, grant: str) -> str:
    """Batches with values, and with what may go wrong in an item and as a whole; returns their token."""
    details = json.dumps([{"type": attacker.issuer + BATCH_TYPE_PATH}])
    asked = attacker.token({"grant_type": "client_credentials", "authorization_details": details})
    token = str(asked.json()["access_token"])
    sent = [
        item(grant, 0),
        item(grant, 0),  # a retry
        item(grant, 0, REQUIRED),
        item(grant, 1, ["number_of_children"]),
        item(grant, 2, [CANARIES["energy_supplier"]]),
        item("0" * 32, 3),
        item(grant, 4, REQUIRED),
    ]
    first = ask_many(attacker, token, sent)
    assert codes(first) == ["", "", "conflict", "beyond_grant", "bad_input", "not_found", ""]
    proof = attacker.proof("POST", BATCH, token)
    assert ask_many(attacker, token, [item(grant, 0)], proof).status_code == 200
    for wrong in (
        ask_many(attacker, token, [item(grant, 0)], proof),  # replayed
        ask_many(attacker, "x" * 43, [item(grant, 0)]),
        ask_many(attacker, token, [item(CANARIES["household_size"], 5)]),
        ask_many(attacker, token, [item(grant, 6) | {CANARIES["energy_supplier"]: token}]),
        ask_many(attacker, token, [item(grant, 0)] * 101),
        attacker.http.post(f"{BATCH}?{KEY}={token}", json={"items": [item(grant, 0)]}),
        attacker.disclose(token, TICKS, key=f"{KEY}-0"),
    ):
        assert wrong.status_code in (400, 401, 403), wrong.text
    attacker.form("/oauth/introspect", {"token": token})
    return token


def item(grant: str, number: int, attributes: list[str] = TICKS) -> dict[str, Any]:
    return {"grant_id": grant, "attributes": attributes, "idempotency_key": f"{KEY}-{number}"}


def ask_many(
    attacker: Attacker, token: str, items: list[dict[str, Any]], proof: str | None = None
) -> httpx.Response:
    headers = {"authorization": f"DPoP {token}", "dpop": proof or attacker.proof("POST", BATCH, token)}
    return attacker.http.post(BATCH, json={"items": items}, headers=headers)


def codes(answer: httpx.Response) -> list[str]:
    """What each item came to; nothing for one that was given."""
    return [one.get("problem", {"code": ""})["code"] for one in answer.json()["results"]]


def forms(value: str) -> list[bytes]:
    """The value plain, and in base64 wherever it may begin."""
    plain = value.encode()
    found = [plain, json.dumps(value)[1:-1].encode()]
    for shift in range(3):
        for encode in (b64encode, urlsafe_b64encode):
            found.append(encode(bytes(shift) + plain)[4 if shift else 0 : -4])
    return found


def files(folder: Path) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()]


Story = tuple[Stage, Heard, list[str]]


def test_the_values_did_leave_where_they_may(story: Story) -> None:
    """Else the tests below would search for what never was."""
    _, heard, _ = story
    for name, value in CANARIES.items():
        left = [one for one in heard.disclosed if str(one["attributes"].get(name, {}).get("value")) == value]
        assert {type(one["proof"]) for one in left} == {str, int}  # alone, and in a batch
    assert len(heard.answers) > 30


@pytest.mark.parametrize("name", sorted(CANARIES))
def test_no_file_and_no_log_line_holds_a_value(story: Story, name: str) -> None:
    stage, _, _ = story
    found = files(stage.folder)
    assert {"consent.sqlite3", "service.log", "checkpoint"} <= {where for where, _ in found}
    for where, octets in found:
        assert not any(form in octets for form in forms(CANARIES[name])), where


@pytest.mark.parametrize("name", sorted(CANARIES))
def test_no_answer_outside_a_disclosure_holds_a_value(story: Story, name: str) -> None:
    _, heard, _ = story
    for answer in heard.answers:
        assert not any(form in answer for form in forms(CANARIES[name])), answer[:80]


@pytest.mark.parametrize("name", sorted(CANARIES))
def test_the_entry_and_its_proof_hold_no_value_even_beside_the_values(story: Story, name: str) -> None:
    """What the organisation may show to others, or keep for ten years."""
    _, heard, _ = story
    for answer in heard.disclosed:
        kept = json.dumps([held for part, held in answer.items() if part != "attributes"]).encode()
        assert not any(form in kept for form in forms(CANARIES[name]))


def test_no_file_and_no_log_line_holds_a_token_a_code_or_a_salt(story: Story) -> None:
    stage, _, secrets = story
    for where, octets in files(stage.folder):
        for secret in secrets:
            assert secret.encode() not in octets, where


def test_no_answer_repeats_a_key_of_a_batch_or_the_token_that_asked(story: Story) -> None:
    _, heard, secrets = story
    many = secrets[secrets.index(KEY) - 1].encode()
    answers = [answer for answer in heard.answers if f"{BATCH}'".encode() in answer[:80]]
    assert len(answers) >= 8
    for answer in answers + [json.dumps(one).encode() for one in heard.disclosed]:
        assert KEY.encode() not in answer, answer[:80]
        assert many not in answer, answer[:80]


def test_the_service_said_nothing_about_anybody_in_its_log(story: Story) -> None:
    stage, _, _ = story
    for line in (stage.folder / "service.log").read_text().splitlines():
        assert line.startswith("Serving ") or set(json.loads(line)) <= set(SHAPES)


def test_what_a_watcher_reads_has_names_from_closed_lists_and_numbers(story: Story) -> None:
    known = {door.id for _, _, door in doors(routes()) if door is not None} | {NO_DOOR}
    sample = re.compile(
        r'consent_[a-z_]+(\{door="(?P<door>\w+)",(status="[1-5]xx"|le="(\d+\.\d+|\+Inf)")\}|\{door="(?P<alone>\w+)"\}'
        rf'|\{{le="(\d+\.\d+|\+Inf)"\}}|\{{version="{re.escape(__version__)}"\}})? \d+(\.\d+)?'
    )
    named = set()
    for line in (story[0].folder / NUMBERS).read_text("ascii").splitlines():
        if not line.startswith(("# HELP consent_", "# TYPE consent_")):
            found = sample.fullmatch(line)
            assert found is not None, line
            named |= {found["door"], found["alone"]} - {None}
    assert {"disclose", "discloseBatch", "token", "stop", NO_DOOR} <= named <= known


def test_nothing_that_the_database_knows_stands_in_what_a_watcher_reads(story: Story) -> None:
    numbers = (story[0].folder / NUMBERS).read_text("ascii")
    read = set(re.findall(r"[\w.@:/-]+", numbers))
    # A kind of token, and the word for what the scribe writes.
    known = {door.id for _, _, door in doors(routes()) if door is not None} | {"batch"}
    with closing(sqlite3.connect(story[0].service / DATABASE)) as file:
        tables = [name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = [field for name in tables for row in file.execute(f'SELECT * FROM "{name}"') for field in row]
    texts = {field for field in found if isinstance(field, str) and len(field) > 2}
    texts |= {field.hex() for field in found if isinstance(field, bytes)}
    assert len(texts) > 200
    assert texts & read - known == set()
    assert not any(text in numbers for text in texts if len(text) >= 16)
