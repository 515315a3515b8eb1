"""A witness cosigns one history of a log and no other, whatever it is sent and in whatever order."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from consent.ledger.checkpoint import parse_body, parse_note, parse_vkey
from consent.ledger.cosignature import check_cosignatures
from consent.ledger.witness import format_submission
from consent.storage.sightings import MOST_REFUSED
from consent.witness import Witness, open_witness
from consent.words.errors import Misconfigured
from tests.witness.watched import ORIGIN, GrowingLog

NOON = 1_900_000_000
PLACE = hashlib.sha256(ORIGIN.encode()).hexdigest()


class Clock:
    now = NOON

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log() -> GrowingLog:
    return GrowingLog()


@pytest.fixture
def witness(tmp_path: Path, log: GrowingLog, clock: Clock) -> Iterator[Witness]:
    opened = open_witness(tmp_path / "w", name="witness.example/w1", logs=[log.vkey], clock=clock)
    yield opened
    opened.close()


def test_it_cosigns_what_it_never_saw_and_whatever_continues_that(
    witness: Witness, log: GrowingLog, clock: Clock
) -> None:
    for old, size in ((0, 3), (3, 300), (300, 300), (300, 70_000)):
        note = log.grow(size)
        clock.now += 5
        status, _, line = witness.add_checkpoint(log.submission(old, size))
        assert status == 200
        assert check_cosignatures(note + line, [witness.vkey]) == {witness.vkey: clock.now}
        assert parse_vkey(witness.vkey).algorithm == 4


def test_a_log_that_does_not_know_what_the_witness_saw_is_told(witness: Witness, log: GrowingLog) -> None:
    for size in (4, 9):
        log.grow(size)
    assert witness.add_checkpoint(log.submission(4, 9)) == (409, "text/x.tlog.size", "0\n")
    assert witness.add_checkpoint(log.submission(0, 9))[0] == 200
    assert witness.add_checkpoint(log.submission(0, 9)) == (409, "text/x.tlog.size", "9\n")
    assert witness.add_checkpoint(log.submission(4, 9)) == (409, "text/x.tlog.size", "9\n")


def test_a_smaller_tree_is_never_cosigned_after_a_larger_one(witness: Witness, log: GrowingLog) -> None:
    for size in (4, 9):
        log.grow(size)
    witness.add_checkpoint(log.submission(0, 9))
    assert witness.add_checkpoint(log.submission(0, 4))[0] == 409
    assert witness.add_checkpoint(log.submission(4, 4))[0] == 409
    assert witness.add_checkpoint(format_submission(9, [], log.notes[4]))[0] == 400


def test_a_second_history_is_refused_and_kept_as_evidence(witness: Witness, log: GrowingLog) -> None:
    other = GrowingLog(salt="other")
    for size in (5, 8):
        log.grow(size)
        other.grow(size)
    assert witness.add_checkpoint(log.submission(0, 5))[0] == 200
    assert witness.add_checkpoint(other.submission(5, 5)) == (409, "text/x.tlog.size", "5\n")
    assert witness.add_checkpoint(other.submission(5, 8))[0] == 422
    assert witness.add_checkpoint(log.submission(5, 8))[0] == 200, "the true history goes on"
    kept = witness.read(f"/{PLACE}/refused")[2]
    assert kept == "\n".join([other.notes[5], other.notes[8]])


def test_evidence_cannot_fill_the_disk(witness: Witness, log: GrowingLog) -> None:
    log.grow(2)
    witness.add_checkpoint(log.submission(0, 2))
    for n in range(3, MOST_REFUSED + 20):
        log.grow(n)
        assert witness.add_checkpoint(format_submission(2, [bytes(32)], log.notes[n]))[0] == 422
    strangers_line = "— somebody AAAAAAAA\n"
    assert witness.add_checkpoint(format_submission(2, [], log.notes[3] + strangers_line))[0] == 422
    kept = witness.read(f"/{PLACE}/refused")[2]
    assert kept.count(f"{ORIGIN}\n") == MOST_REFUSED
    assert "somebody" not in kept


def test_strangers_and_other_logs_get_nothing(witness: Witness, log: GrowingLog) -> None:
    elsewhere, thief = GrowingLog("other.example/log/2026"), GrowingLog(seed=2)
    for one in (log, elsewhere, thief):
        one.grow(3)
    assert witness.add_checkpoint(elsewhere.submission(0, 3))[0] == 404
    assert witness.add_checkpoint(thief.submission(0, 3))[0] == 403, "right name, wrong key"
    spoilt = log.notes[3].replace("\n3\n", "\n4\n")
    assert witness.add_checkpoint(format_submission(0, [], spoilt))[0] == 403
    assert witness.read(f"/{PLACE}/checkpoint")[0] == 404, "nothing was remembered"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "old 0\n",
        "old 00\n\n{note}",
        "old -1\n\n{note}",
        "old 0\n{note}",
        "OLD 0\n\n{note}",
        "old 0\nAAAA\n\n{note}",
        "old 0\n" + "A" * 42 + "B=\n\n{note}",
        "old 0\n" + ("A" * 43 + "=\n") * 64 + "\n{note}",
        "old 0\r\n\r\n{note}",
        "old 0\n\nnot a note",
        "old 0\n\n{body}ext\n\n— x AAAAAAAA\n",
    ],
)
def test_what_cannot_be_read_is_a_400(witness: Witness, log: GrowingLog, text: str) -> None:
    note = log.grow(3)
    body = note.partition("\n\n")[0] + "\n"
    status, media, _ = witness.add_checkpoint(text.replace("{note}", note).replace("{body}", body))
    assert (status, media) == (400, "text/plain; charset=utf-8")


def test_a_proof_where_none_belongs_is_refused(witness: Witness, log: GrowingLog) -> None:
    log.grow(3)
    assert witness.add_checkpoint(format_submission(0, [bytes(32)], log.notes[3]))[0] == 422


def test_the_time_of_a_witness_never_goes_back(witness: Witness, log: GrowingLog, clock: Clock) -> None:
    for size in (3, 4):
        log.grow(size)
    witness.add_checkpoint(log.submission(0, 3))
    clock.now -= 3600
    line = witness.add_checkpoint(log.submission(3, 4))[2]
    assert check_cosignatures(log.notes[4] + line, [witness.vkey]) == {witness.vkey: NOON}


def test_what_was_cosigned_can_be_read_by_anybody(witness: Witness, log: GrowingLog) -> None:
    note = log.grow(3)
    line = witness.add_checkpoint(log.submission(0, 3))[2]
    assert witness.read(f"/{PLACE}/checkpoint") == (200, "text/plain; charset=utf-8", note + line)
    assert witness.read("/")[0] == 404
    assert witness.read(f"/{PLACE}")[0] == 404
    assert witness.read(f"/{PLACE}/../checkpoint")[0] == 404


def test_of_many_at_once_only_one_history_comes_out(witness: Witness, log: GrowingLog) -> None:
    """The race of tlog-witness: a slow small submission must not roll back a fast large one."""
    other = GrowingLog(salt="other")
    for size in range(1, 25):
        log.grow(size)
        other.grow(size)
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                witness.add_checkpoint,
                [one.submission(0, size) for size in range(1, 25) for one in (log, other)],
            )
        )
    assert sum(status == 200 for status, *_ in answers) == 1
    assert {status for status, *_ in answers} == {200, 409}


def test_a_witness_keeps_two_logs_apart(tmp_path: Path, clock: Clock) -> None:
    first, second = GrowingLog(), GrowingLog("other.example/log/2026", seed=2)
    witness = open_witness(tmp_path / "w", name="w", logs=[first.vkey, second.vkey], clock=clock)
    for log, size in ((first, 3), (second, 7)):
        log.grow(size)
        assert witness.add_checkpoint(log.submission(0, size))[0] == 200
    for log, size in ((first, 3), (second, 7)):
        place = hashlib.sha256(log.origin.encode()).hexdigest()
        note = parse_note(witness.read(f"/{place}/checkpoint")[2])
        assert parse_body(note.body).size == size
    witness.close()


def test_a_log_may_have_two_keys_while_it_changes_them(tmp_path: Path, clock: Clock) -> None:
    old, new = GrowingLog(seed=1), GrowingLog(seed=2)
    witness = open_witness(tmp_path / "w", name="w", logs=[old.vkey, new.vkey], clock=clock)
    old.grow(3)
    for size in (3, 5):
        new.grow(size)
    assert witness.add_checkpoint(old.submission(0, 3))[0] == 200
    assert witness.add_checkpoint(new.submission(3, 5))[0] == 200
    witness.close()


def test_it_remembers_after_a_restart(tmp_path: Path, log: GrowingLog, clock: Clock) -> None:
    first = open_witness(tmp_path / "w", name="w", logs=[log.vkey], clock=clock)
    for size in (3, 5):
        log.grow(size)
    first.add_checkpoint(log.submission(0, 3))
    first.close()
    second = open_witness(tmp_path / "w", name="", logs=[log.vkey], clock=clock)
    assert second.vkey == first.vkey
    assert second.add_checkpoint(log.submission(0, 5))[0] == 409
    assert second.add_checkpoint(log.submission(3, 5))[0] == 200
    second.close()


def test_a_witness_that_lost_its_memory_does_not_start(tmp_path: Path, log: GrowingLog, clock: Clock) -> None:
    open_witness(tmp_path / "w", name="w", logs=[log.vkey], clock=clock).close()
    assert (tmp_path / "w" / "keys" / "witness.key").stat().st_mode & 0o077 == 0
    assert (tmp_path / "w" / "witness.sqlite3").stat().st_mode & 0o077 == 0
    (tmp_path / "w" / "witness.sqlite3").unlink()
    with pytest.raises(Misconfigured, match="lost its memory"):
        open_witness(tmp_path / "w", name="w", logs=[log.vkey], clock=clock)


def test_a_witness_keeps_its_name(tmp_path: Path, log: GrowingLog, clock: Clock) -> None:
    open_witness(tmp_path / "w", name="w", logs=[log.vkey], clock=clock).close()
    with pytest.raises(Misconfigured, match="another name"):
        open_witness(tmp_path / "w", name="v", logs=[log.vkey], clock=clock)
    with pytest.raises(Misconfigured, match="no white space"):
        open_witness(tmp_path / "v", name="a b", logs=[log.vkey], clock=clock)
    with pytest.raises(Misconfigured, match="cannot be read"):
        open_witness(tmp_path / "w", name="w", logs=["nonsense"], clock=clock)
