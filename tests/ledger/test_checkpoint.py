"""Checkpoints: one way to write them, and no signature that is nearly right."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from consent.ledger import checkpoint as cp
from consent.ledger.errors import LedgerError
from tests.ledger.small_log import KEY, ORIGIN, cosigned

ROOT = bytes(range(32))
BODY = cp.body(ORIGIN, 42, ROOT)
NOTE = cp.sign(BODY, ORIGIN, KEY)
VKEY = cp.vkey_of(ORIGIN, KEY)
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(32))

# Key and note in the tests of golang.org/x/mod/sumdb/note (BSD-3-Clause): a public vector of signed-note.
GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6"
    "KE6RyyBwJnAM=\n"
)


def test_the_published_note_of_go_verifies_with_its_published_key() -> None:
    key = cp.parse_vkey(GO_VKEY)
    note = cp.parse_note(GO_NOTE)
    assert [(line.name, line.key_id) for line in note.signatures] == [(key.name, key.key_id)]
    Ed25519PublicKey.from_public_bytes(key.public).verify(note.signatures[0].signature, note.body.encode())
    assert cp.format_vkey(key.name, key.public) == GO_VKEY


def test_what_was_signed_is_what_is_read() -> None:
    assert f"{ORIGIN}\n42\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n" == BODY
    assert cp.check_checkpoint(NOTE, [VKEY]) == cp.Checkpoint(ORIGIN, 42, ROOT)


def test_lines_of_unknown_keys_are_ignored_so_that_witnesses_can_be_added() -> None:
    note, witness = cosigned(NOTE, "witness.example", STRANGER, 1_900_000_000)
    assert cp.check_checkpoint(note, [VKEY]).size == 42
    with pytest.raises(LedgerError):
        cp.check_checkpoint(note, [witness])


def test_a_key_of_the_same_log_that_did_not_sign_is_not_enough() -> None:
    with pytest.raises(LedgerError):
        cp.check_checkpoint(NOTE, [cp.vkey_of(ORIGIN, STRANGER)])
    with pytest.raises(LedgerError):
        cp.check_checkpoint(NOTE, [])
    assert cp.check_checkpoint(NOTE, [cp.vkey_of(ORIGIN, STRANGER), VKEY]).size == 42


def test_a_key_does_not_speak_for_another_log() -> None:
    with pytest.raises(LedgerError):
        cp.check_checkpoint(cp.sign(cp.body("other.example/log", 42, ROOT), ORIGIN, KEY), [VKEY])


def test_one_bad_signature_of_a_known_key_spoils_the_note() -> None:
    other = cp.vkey_of(ORIGIN, STRANGER)
    key_id = cp.parse_vkey(other).key_id
    note = NOTE + cp.signature_line(ORIGIN, key_id, bytes(64))
    assert cp.check_checkpoint(note, [VKEY]).size == 42
    with pytest.raises(LedgerError):
        cp.check_checkpoint(note, [VKEY, other])


def test_a_key_of_a_kind_that_cannot_be_checked_is_refused_and_not_skipped() -> None:
    with pytest.raises(LedgerError):
        cp.check_checkpoint(NOTE, [VKEY, cp.format_vkey(ORIGIN, bytes(1312), 6)])


def resigned(body: str) -> str:
    return cp.sign(body, ORIGIN, KEY)


@pytest.mark.parametrize(
    "body",
    [
        BODY + "an extension\n",
        BODY.replace("42", "042"),
        BODY.replace("42", "-1"),
        BODY.replace("42", "+42"),
        BODY.replace("42", "4 2"),
        BODY.replace("42", "٤٢"),
        BODY.replace("42", "9" * 20),
        BODY.replace("8=", "8"),
        BODY.replace("8=", "9="),
        BODY.replace("AAEC", "AAE\u200b"),
        f"{ORIGIN}\n42\nAAAA\n",
        f"{ORIGIN}\n42\n",
        f"{ORIGIN} x\n42\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
        "\n42\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n",
    ],
)
def test_a_malformed_checkpoint_is_refused_even_when_it_is_well_signed(body: str) -> None:
    with pytest.raises(LedgerError):
        cp.check_checkpoint(resigned(body), [VKEY])


@pytest.mark.parametrize(
    "note",
    [
        "",
        BODY,
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("\n", "\r\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—  "),
        NOTE.replace("42", "42\0"),
        NOTE + f"— {ORIGIN} AAAA\n",
        NOTE + f"— {ORIGIN} ====\n",
        NOTE + f"— {ORIGIN}\n",
        NOTE + f"— a+b {'A' * 92}\n",
        NOTE + "signed, the log\n",
        NOTE + f"— w {'A' * 92}\n" * 64,
    ],
)
def test_a_malformed_note_is_refused(note: str) -> None:
    with pytest.raises(LedgerError):
        cp.check_checkpoint(note, [VKEY])


def test_any_changed_character_of_the_text_breaks_the_signature() -> None:
    for changed in (
        NOTE.replace("42", "43"),
        NOTE.replace("AAEC", "AAED"),
        NOTE.replace("2026\n42", "2027\n42"),
    ):
        assert changed != NOTE
        with pytest.raises(LedgerError):
            cp.check_checkpoint(changed, [VKEY])


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        ORIGIN,
        VKEY.upper(),
        VKEY + "\n",
        VKEY[:-2],
        VKEY.replace("2026+", "2027+"),
        "a b" + VKEY[len(ORIGIN) :],
        cp.format_vkey("x", bytes(31)),
        cp.format_vkey("x", b""),
    ],
)
def test_a_malformed_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(LedgerError):
        cp.parse_vkey(vkey)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [
        ("", 1, ROOT),
        ("a b", 1, ROOT),
        ("a+b", 1, ROOT),
        ("a\nb", 1, ROOT),
        ("a", -1, ROOT),
        ("a", 1, ROOT[:31]),
    ],
)
def test_what_cannot_be_read_back_is_not_written(origin: str, size: int, root: bytes) -> None:
    with pytest.raises(LedgerError):
        cp.body(origin, size, root)
