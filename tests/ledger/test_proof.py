"""The proof that leaves with the data."""

import base64

import pytest

from consent.ledger.errors import LedgerError
from consent.ledger.proof import check_proof, format_proof, parse_proof
from tests.ledger.small_log import KEY, SmallLog

LOG = SmallLog().fill(11)
INDEX = 6
PROOF = format_proof(INDEX, LOG.growth.inclusion_proof(INDEX), LOG.checkpoint())


def test_every_entry_is_proved_by_its_own_proof_and_by_no_other() -> None:
    for index, leaf in enumerate(LOG.leaves):
        text = format_proof(index, LOG.growth.inclusion_proof(index), LOG.checkpoint())
        assert check_proof(text, leaf, [LOG.vkey]).size == 11
        assert parse_proof(text).index == index
        if index != INDEX:
            with pytest.raises(LedgerError):
                check_proof(PROOF, leaf, [LOG.vkey])


def test_a_log_of_one_entry_needs_no_hashes() -> None:
    log = SmallLog().fill(1)
    text = format_proof(0, [], log.checkpoint())
    assert text.startswith("c2sp.org/tlog-proof@v1\nindex 0\n\n")
    assert check_proof(text, log.leaves[0], [log.vkey]).size == 1


def test_extra_data_is_read_and_proves_nothing() -> None:
    text = PROOF.replace("index", "extra AAAA\nindex")
    assert parse_proof(text).extra == bytes(3)
    assert check_proof(text, LOG.leaves[INDEX], [LOG.vkey]).size == 11


def lines() -> list[str]:
    return PROOF.split("\n")


def test_a_hash_in_another_spelling_of_the_same_bytes_is_refused() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    line = lines()[2]
    # 32 bytes leave two bits unused in the last letter: setting one changes no byte.
    other = f"{line[:-2]}{alphabet[alphabet.index(line[-2]) + 1]}="
    assert base64.b64decode(other) == base64.b64decode(line)
    with pytest.raises(LedgerError, match="canonical"):
        check_proof(PROOF.replace(line, other), LOG.leaves[INDEX], [LOG.vkey])


@pytest.mark.parametrize(
    "text",
    [
        "",
        PROOF.replace("@v1", "@v2"),
        PROOF.replace("index 6", "index 06"),
        PROOF.replace("index 6", "index -6"),
        PROOF.replace("index 6", "index 5"),
        PROOF.replace("index 6", "index 11"),
        PROOF.replace("index 6\n", ""),
        PROOF.replace("index 6", "extra ?\nindex 6"),
        PROOF.replace("index 6", "index 6\nAAAA"),
        PROOF.replace(lines()[2] + "\n", ""),
        PROOF.replace(lines()[2], lines()[3]),
        PROOF.replace(lines()[2], lines()[2] + " "),
        PROOF.replace(lines()[2], lines()[2] * 2),
        PROOF.replace(lines()[2], "\n".join([lines()[2]] * 64)),
        PROOF.split("\n\n")[0],
        PROOF.replace("\n11\n", "\n12\n"),
    ],
)
def test_a_malformed_or_wrong_proof_is_refused(text: str) -> None:
    assert text != PROOF
    with pytest.raises(LedgerError):
        check_proof(text, LOG.leaves[INDEX], [LOG.vkey])


def test_a_proof_under_the_checkpoint_of_another_log_is_refused() -> None:
    other = SmallLog("other.example/log/2026", KEY).fill(11)
    text = format_proof(INDEX, LOG.growth.inclusion_proof(INDEX), other.checkpoint())
    with pytest.raises(LedgerError):
        check_proof(text, LOG.leaves[INDEX], [LOG.vkey])
    with pytest.raises(LedgerError):
        check_proof(text, LOG.leaves[INDEX], [other.vkey])
