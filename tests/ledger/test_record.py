"""The audit record: closed words, canonical bytes, and what is left out."""

import pytest

from consent.ledger.errors import LedgerError
from consent.ledger.record import EVENTS, OPENED_AS_OTHER, REASONS, AuditRecord, encode
from consent.words.decision import RefusalReason


def record(**fields: object) -> AuditRecord:
    return AuditRecord(**({"o": "x.nl/log/2026", "i": 7, "ev": "disclosed", "t": 1} | fields))  # type: ignore[arg-type]


def test_fields_that_do_not_apply_are_left_out_and_version_and_signature_never_are() -> None:
    assert encode(record()) == b'{"ev":"disclosed","i":7,"o":"x.nl/log/2026","sig":"none","t":1,"v":1}'


def test_an_empty_list_of_attributes_is_left_out() -> None:
    assert b"attributes" not in encode(record(ev="withdrawn", attributes=()))


def test_zero_is_a_value_and_stays() -> None:
    assert b'"n":0' in encode(record(n=0))
    assert b'"c":0' in encode(record(c=0))


def test_attributes_are_sorted_and_stand_once() -> None:
    assert b'"attributes":["age","name"]' in encode(record(attributes=("name", "age", "name")))


def test_a_full_record_is_written_in_one_way() -> None:
    full = record(
        c=3, n=2, prev=5, org="bank", purpose="loan@1", attributes=("age",), nbf=1, exp=9, t=4,
        by="helper", terms="ab", reason="beyond_grant", ev="refused",
    )  # fmt: skip
    assert encode(full) == (
        b'{"attributes":["age"],"by":"helper","c":3,"ev":"refused","exp":9,"i":7,"n":2,"nbf":1,'
        b'"o":"x.nl/log/2026","org":"bank","prev":5,"purpose":"loan@1","reason":"beyond_grant","sig":"none",'
        b'"t":4,"terms":"ab","v":1}'
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"ev": "looked_at"},
        {"ev": "declined"},
        {"ev": "mandate_given"},
        {"ev": "other", "org": "bank"},
        {"ev": "other", "purpose": "loan@1"},
        {"reason": "because she said so"},
        {"by": "somebody"},
    ],
)
def test_what_an_auditor_must_not_read_never_becomes_a_record(wrong: dict[str, object]) -> None:
    with pytest.raises(LedgerError):
        encode(record(**wrong))


def test_every_refusal_of_the_door_is_a_reason_that_can_be_recorded() -> None:
    assert set(RefusalReason.__args__) <= REASONS  # type: ignore[attr-defined]


def test_what_opens_as_other_is_an_event_that_exists() -> None:
    assert OPENED_AS_OTHER < EVENTS
    assert {"granted", "withdrawn", "lawful", "other"} <= EVENTS
