"""schemathesis reads openapi.yaml and tries to catch the service at something that the document does not say.

Twice: as a stranger, and with the credentials of a real client and auditor, so that it also gets past the first door.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from consent.demo import Stage
from tests.web.office import Office, office_of

ROOT = Path(__file__).resolve().parents[2]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
)


def run(
    stage: Stage, folder: Path, *, examples: int, credentials: dict[str, str] | None
) -> Counter[tuple[str, int]]:
    """One run; it must find nothing. What came back is counted by operation and status."""
    tally = folder / "tally"
    tally.touch()
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in [str(ROOT), *sys.path] if path),
        "SCHEMATHESIS_HOOKS": "tests.interop.schemathesis_hooks",
        "CONSENT_TEST_TALLY": str(tally),
        "CONSENT_TEST_CREDENTIALS": "",
    }
    if credentials is not None:
        given = folder / "credentials.json"
        given.touch(mode=0o600)
        given.write_text(json.dumps(credentials), "ascii")
        environment["CONSENT_TEST_CREDENTIALS"] = str(given)
    tags = [
        word for tag in ("oauth", "organisation", "auditor", "operator") for word in ("--include-tag", tag)
    ]
    limits = ["--phases", "coverage,fuzzing", "--max-examples", str(examples)]
    quick = ["--no-shrink", "--continue-on-failure", "--warnings", "off"]
    words = [
        str(ROOT / "openapi.yaml"),
        "--url",
        stage.issuer,
        *tags,
        "--checks",
        ",".join(CHECKS),
        *limits,
        *quick,
    ]
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    lines = [line.split() for line in tally.read_text("ascii").splitlines()]
    return Counter((name, int(status)) for name, status in lines)


def credentials_of(office: Office) -> dict[str, str]:
    """All that a client and an auditor of the same organisation may bring."""
    stage, today = office.stage, datetime.now(UTC).date()
    fields, tokens = office.request_fields("v" * 43), office.tokens()
    return {
        "issuer": stage.issuer,
        "client_id": office.client_id,
        "key": office.key.pem(),
        "grant_token": tokens["access_token"],
        "grant_id": tokens["grant_id"],
        "client_token": office.own_token(),
        "batch_token": office.batch_token(),
        "redirect_uri": fields["redirect_uri"],
        "authorization_details": fields["authorization_details"],
        "registration_token": stage.run("client", "token", office.client_id).split()[-1],
        "operator_token": stage.run(
            "operator", "token", "someone", "--scope", "read", "--scope", "decide", "--scope", "suspend",
            "--scope", "register",
        ).split()[-1],
        "log": httpx.get(f"{stage.issuer}/log").text.split()[-1],
        "auditor_token": stage.run(
            "auditor", "add", "someone", "--organisation", office.organisation, "--from", str(today),
            "--until", str(today + timedelta(days=1)), "--reason", "To try the doors",
        ).split()[-1],
    }  # fmt: skip


@pytest.mark.parametrize("is_known", [False, True], ids=["a stranger", "with credentials"])
def test_schemathesis_finds_nothing(served: Stage, tmp_path: Path, is_known: bool) -> None:
    credentials = credentials_of(office_of(served, "proefstad", batch_disclosure=True)) if is_known else None
    seen = run(served, tmp_path, examples=8, credentials=credentials)
    if is_known:
        # It came past the first door: else it would have tried locks only.
        expected = {
            ("pushRequest", 201),
            ("token", 200),
            ("introspect", 200),
            ("readGrant", 200),
            ("openings", 200),
            ("readRegistration", 200),
            ("listGrants", 200),
            ("discloseBatch", 200),
            ("readUsage", 200),
            ("listForOperator", 200),
            ("readJournal", 200),
        }
        assert expected <= set(seen)
        assert {status for name, status in seen if name == "disclose"} > {400, 403}
    else:
        assert seen["disclose", 401] > 10
        assert seen["authorize", 400] > 10
    assert not any(status >= 500 for _, status in seen)
