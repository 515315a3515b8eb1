"""The audit key: what the service writes, the verifier reads, and a wrong letter is noticed."""

import consent_verify
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.ledger.audit_key import format_audit_key

ORIGIN = "consent.example/log/2030"
SCAN = bytes(range(32))


def test_the_text_to_the_letter() -> None:
    assert format_audit_key([(ORIGIN, SCAN)]) == (
        "consent-audit-key/v1\nconsent.example/log/2030 cak1-aaaq-eaye-auda-ocaj-bifq-ydio-"
        "b4ib-ceqt-cqkr-mfyy-denb-wha5-dypx-koa7\n"
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a/log/1", "b:8000/log/2030-1", ORIGIN]), st.binary(min_size=32, max_size=32)
        ),
        min_size=1,
        unique_by=lambda one: one[0],
    )
)
def test_the_verifier_reads_what_was_written(scans: list[tuple[str, bytes]]) -> None:
    assert consent_verify.read_audit_key(format_audit_key(scans)) == dict(scans)


def test_it_may_be_copied_by_hand() -> None:
    written = format_audit_key([(ORIGIN, SCAN)]).split(" ")[1].strip()
    by_hand = written.upper().replace("-", " ")
    assert consent_verify.read_audit_key(f"consent-audit-key/v1\n{ORIGIN}  {by_hand}\n") == {ORIGIN: SCAN}


@pytest.mark.parametrize("place", range(5, 74))
def test_a_wrong_letter_is_noticed(place: int) -> None:
    head, written = format_audit_key([(ORIGIN, SCAN)]).strip().split(" ")
    if written[place] == "-":
        return
    wrong = written[:place] + ("b" if written[place] != "b" else "c") + written[place + 1 :]
    with pytest.raises(consent_verify.Unchecked):
        consent_verify.read_audit_key(f"{head} {wrong}\n")


def test_a_key_is_for_one_log() -> None:
    written = format_audit_key([(ORIGIN, SCAN)]).replace("2030", "2031")
    with pytest.raises(consent_verify.Unchecked):
        consent_verify.read_audit_key(written)
