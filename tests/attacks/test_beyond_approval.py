"""Attack: asking for what no operator approved: other attributes, another's purpose, longer, with words of one's own.

What it would win: a citizen says yes to something that only looks approved. What stops it: a request names an
approved purpose and cannot say anything else (RFC 9396 §5).
"""

import msgspec
import pytest

from .attacker import REQUIRED, Attacker, must_refuse


@pytest.mark.parametrize(
    "wrong",
    [
        {"purpose": "besparen", "attributes": ["energy_contract_number"]},  # another organisation's
        {"purpose": "made-up"},
        {"purpose_version": 2},
        {"attributes": [*REQUIRED, "bsn"]},
        {"attributes": REQUIRED[:1]},
        {"attributes": REQUIRED * 2},
        {"attributes": []},
        {"duration_days": 366},
        {"duration_days": 0},
        {"reason": "because the mayor says so"},
        {"type": "https://attacker.example/types/attributes/v1"},
    ],
    ids=lambda wrong: "-".join(wrong),
)
def test_nothing_beyond_an_approved_purpose_can_be_asked(
    attacker: Attacker, wrong: dict[str, object]
) -> None:
    (right,) = msgspec.json.decode(attacker.pushed()["authorization_details"])
    details = msgspec.json.encode([right | wrong]).decode()
    answer = attacker.form("/oauth/par", attacker.pushed(authorization_details=details))
    must_refuse(answer, 400, "invalid_authorization_details")
    assert "mayor" not in answer.text
