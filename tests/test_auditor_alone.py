"""With only clients/auditor and the documentation an auditor judges a running service and the tampered set.

What she makes of a restored service stands in tests/faults/test_restore.py.
"""

import json
from pathlib import Path

from consent.demo import Stage
from tests.ledger.test_vectors import EXIT, INDEX
from tests.outsider import Auditor

CASES = [*INDEX["logs"], *INDEX["receipts"], *INDEX["kept"]]


def test_she_has_nothing_of_the_service(auditor: Auditor) -> None:
    names = ("cryptography", "consent", "consent_verify", "consent_sdk", "litestar", "msgspec")
    find = f"from importlib.util import find_spec; print(*[n for n in {names} if find_spec(n)])"
    assert auditor.python("-c", find).stdout == "cryptography\n"


def test_a_running_service_is_verified_and_one_organisation_replayed(
    served: Stage, auditor: Auditor, tmp_path: Path
) -> None:
    policy, token = tmp_path / "policy.txt", tmp_path / "token"
    policy.write_text(served.run("log", "key", "list") + "\n")
    token.write_text(
        served.run(
            *(
                "auditor",
                "add",
                "somebody-alone",
                "--organisation",
                "voorbeeldstad",
                "--reason",
                "A yearly check",
            ),
            *("--from", "2026-01-01", "--until", "2100-01-01"),
        )
    )
    state = ["--policy", str(policy), "--state", str(tmp_path / "seen.json")]
    openings = ["--openings", f"{served.issuer}/audit/openings", "--token-file", str(token)]
    for words in (state, [*state, *openings]):
        done = auditor.verify(served.issuer, *words)
        assert done.stdout.endswith("Verdict: UNWITNESSED\n"), done.stdout + done.stderr
        assert done.returncode == 0
    assert "Replayed in the order of the log" in done.stdout
    assert json.loads((tmp_path / "seen.json").read_text())["logs"]


def test_each_case_of_the_tampered_set_gets_the_verdict_that_the_kit_says(auditor: Auditor) -> None:
    expected = {
        case.get("log") or case.get("receipt") or case["file"]: (
            case["verdict"],
            case.get("exit", EXIT[case["verdict"]]),
        )
        for case in CASES
    }
    assert len(expected) == len(CASES)
    assert auditor.judge_the_kit() == expected
