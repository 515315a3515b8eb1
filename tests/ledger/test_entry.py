"""One entry: what the leaf says to whom, and what opens it."""

import hmac
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.ledger import entry
from consent.ledger.errors import LedgerError
from tests.ledger.small_log import ORIGIN, chance

KEYS = entry.subject_keys(chance("ann"), ORIGIN)
NONCE, GRANT_NONCE, AUDIT_KEY = chance("n", length=16), chance("g", length=16), chance("a")
RECORD, DETAIL = b'{"ev":"disclosed"}', b'{"sub":"x"}'
ENTRY = entry.event_entry(
    keys=KEYS,
    nonce=NONCE,
    grant_nonce=GRANT_NONCE,
    audit_key=AUDIT_KEY,
    record=RECORD,
    detail_key=entry.detail_key(KEYS, NONCE),
    detail=DETAIL,
)


def mac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, sha256).digest()


def opening(**other: object) -> entry.Opening:
    fields: dict[str, object] = {
        "index": 4,
        "consent_key": ENTRY.consent_key,
        "audit_key": AUDIT_KEY,
        "record": RECORD,
        "detail_key": ENTRY.detail_key,
        "detail": DETAIL,
    }
    return entry.Opening(**(fields | other))  # type: ignore[arg-type]


def test_the_leaf_is_the_table_of_the_reference_byte_for_byte() -> None:
    subject_key, origin = chance("ann"), ORIGIN.encode()
    scan, consent, detail = (
        mac(subject_key, b"%b/v1 " % name + origin) for name in (b"scan", b"consent", b"detail")
    )
    expected = b"".join(
        [
            b"CLg\x01",
            b"\0",
            b"\0\0\0",
            NONCE,
            mac(mac(scan, NONCE), b"subject\0" + bytes(32)),
            mac(mac(consent, GRANT_NONCE), b"consent\0" + NONCE),
            mac(AUDIT_KEY, b"audit\0" + RECORD),
            mac(mac(detail, NONCE), b"detail\0" + DETAIL),
        ]
    )
    assert ENTRY.leaf == expected
    assert len(ENTRY.leaf) == entry.LEAF_BYTES == 152
    # A vector that no later version may change.
    assert (
        sha256(ENTRY.leaf).hexdigest() == "a87fb26f4321efd13073ece126f7b653748357f3457b900aaacb0e8f4be63550"
    )


def test_a_control_leaf_carries_its_body_in_the_open_and_no_tag() -> None:
    leaf = entry.control_entry(NONCE, b'{"control":"log_opened"}')
    assert leaf[:24] == b"CLg\x01\x01\0\0\0" + NONCE
    assert leaf[24:88] == bytes(64)
    assert leaf[88:120] == sha256(leaf[152:]).digest()
    assert leaf[120:152] == bytes(32)
    assert leaf[152:] == b'{"control":"log_opened"}'
    assert entry.is_control(leaf)
    assert not entry.is_control(ENTRY.leaf)


def test_entries_of_one_grant_share_the_consent_key_and_nothing_in_the_leaf() -> None:
    other = entry.event_entry(
        keys=KEYS,
        nonce=chance("n2", length=16),
        grant_nonce=GRANT_NONCE,
        audit_key=AUDIT_KEY,
        record=RECORD,
        detail_key=entry.detail_key(KEYS, chance("n2", length=16)),
        detail=DETAIL,
    )
    assert other.consent_key == ENTRY.consent_key == entry.consent_key(KEYS, GRANT_NONCE)
    for start in (8, 24, 56, 120):
        assert other.leaf[start : start + 16] != ENTRY.leaf[start : start + 16]


def test_a_citizen_finds_her_entry_and_nobody_elses() -> None:
    assert entry.is_about(KEYS.scan, ENTRY.leaf)
    assert not entry.is_about(entry.subject_keys(chance("bob"), ORIGIN).scan, ENTRY.leaf)
    assert not entry.is_about(entry.subject_keys(chance("ann"), "consent.example/log/2027").scan, ENTRY.leaf)
    assert not entry.is_about(KEYS.scan, entry.control_entry(NONCE, b"{}"))


def test_an_opening_opens_its_own_leaf_only() -> None:
    entry.check_opening(opening(), ENTRY.leaf)
    entry.check_opening(opening(detail_key=None, detail=None), ENTRY.leaf)


@pytest.mark.parametrize(
    "wrong",
    [
        {"consent_key": chance("x")},
        {"audit_key": chance("x")},
        {"record": RECORD + b" "},
        {"detail_key": chance("x")},
        {"detail": DETAIL + b" "},
        {"detail": None},
    ],
)
def test_a_wrong_opening_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(LedgerError):
        entry.check_opening(opening(**wrong), ENTRY.leaf)


def test_an_auditors_opening_holds_no_detail() -> None:
    line = entry.opening_json(opening(), with_detail=False)
    assert set(line) == {"i", "kc", "a", "A"}
    assert line["A"] == RECORD.decode()
    assert set(entry.opening_json(opening(), with_detail=True)) == {"i", "kc", "a", "A", "d", "D"}
    with pytest.raises(LedgerError):
        entry.opening_json(opening(detail_key=None, detail=None), with_detail=True)


@given(place=st.integers(0, 7), bit=st.integers(0, 7))
def test_no_bit_of_the_header_can_change(place: int, bit: int) -> None:
    changed = bytearray(ENTRY.leaf)
    changed[place] ^= 1 << bit
    with pytest.raises(LedgerError):
        entry.check_leaf(bytes(changed))


@pytest.mark.parametrize("leaf", [b"", ENTRY.leaf[:-1], ENTRY.leaf + b"\0"])
def test_an_event_leaf_of_another_length_is_refused(leaf: bytes) -> None:
    with pytest.raises(LedgerError):
        entry.check_leaf(leaf)


@pytest.mark.parametrize("place", [24, 56, 88, 120, 152])
def test_a_control_leaf_with_one_changed_byte_is_refused(place: int) -> None:
    changed = bytearray(entry.control_entry(NONCE, b'{"control":"log_opened"}'))
    changed[place] ^= 1
    with pytest.raises(LedgerError):
        entry.check_leaf(bytes(changed))


def test_keys_and_nonces_of_a_wrong_length_are_refused() -> None:
    with pytest.raises(LedgerError):
        entry.subject_keys(bytes(31), ORIGIN)
    with pytest.raises(LedgerError):
        entry.value_commitment(salt=bytes(16), name="name", version=1, value=b"v")
    for wrong in (
        {"nonce": bytes(15)},
        {"grant_nonce": bytes(17)},
        {"audit_key": bytes(33)},
        {"detail_key": bytes(31)},
    ):
        given: dict[str, bytes] = {
            "nonce": NONCE,
            "grant_nonce": NONCE,
            "audit_key": AUDIT_KEY,
            "record": RECORD,
            "detail_key": ENTRY.detail_key,
            "detail": DETAIL,
        } | wrong
        with pytest.raises(LedgerError):
            entry.event_entry(keys=KEYS, **given)
    with pytest.raises(LedgerError):
        entry.control_entry(NONCE, bytes(65_535 - 151))


@given(detail=st.binary(max_size=200))
def test_a_sealed_detail_opens_with_its_own_key_only(detail: bytes) -> None:
    sealed = entry.seal_detail(ENTRY.detail_key, bytes(12), detail)
    assert sealed[:1] == b"\x01"
    assert entry.open_detail(ENTRY.detail_key, sealed) == detail
    with pytest.raises(LedgerError):
        entry.open_detail(chance("x"), sealed)


@given(place=st.integers(0, 39))
def test_a_sealed_detail_shows_every_changed_byte(place: int) -> None:
    sealed = bytearray(entry.seal_detail(ENTRY.detail_key, bytes(12), b"eleven byte"))
    sealed[place] ^= 0x80
    with pytest.raises(LedgerError):
        entry.open_detail(ENTRY.detail_key, bytes(sealed))


def test_a_value_commitment_binds_name_version_and_value() -> None:
    base = {"salt": chance("salt"), "name": "name", "version": 1, "value": b"Ann"}
    seen = {
        entry.value_commitment(**(base | other))
        for other in (
            {},
            {"salt": chance("other")},
            {"name": "nam"},
            {"version": 2},
            {"value": b"Anne"},
            {"name": "nameA", "value": b"nn"},
        )
    }  # type: ignore[arg-type]
    assert len(seen) == 6
    message = b"".join(len(p).to_bytes(8, "big") + p for p in (b"name", (1).to_bytes(8, "big"), b"Ann"))
    commitment = entry.value_commitment(salt=chance("salt"), name="name", version=1, value=b"Ann")
    assert commitment == mac(chance("salt"), message)
    assert entry.disclosed_commitments(ENTRY.detail_key, [commitment]) == [mac(ENTRY.detail_key, commitment)]


def test_nothing_secret_is_printed() -> None:
    for thing in (KEYS, ENTRY, opening()):
        assert "\\x" not in repr(thing)
        assert "key=" not in repr(thing)
