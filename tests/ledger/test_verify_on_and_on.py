"""The verifier over a long log: it stops and goes on, it compares times with what witnesses saw, and it knows what is
no longer kept."""

import base64
import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import consent_verify
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.ledger.small_log import NOON, SmallLog, cosigned

WITNESS = Ed25519PrivateKey.from_private_bytes(bytes([7] * 32))


def lines(log: SmallLog, indices: list[int] | None = None) -> bytes:
    return b"".join(
        json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in log.openings(indices)
    )


def told(report: Any) -> str:
    return "\n".join(report.sentences)


def go(log: SmallLog, folder: Path, **words: Any) -> Any:
    return consent_verify.verify_log(
        str(log.export(folder / "log")),
        vkeys=[log.vkey],
        state=folder / "state",
        openings=words.pop("openings", None) or lines(log),
        resume=True,
        **words,
    )


def after(size: int) -> Callable[[int], bool]:
    return lambda now: now >= size


def test_a_reading_that_was_stopped_goes_on_and_finds_the_same(tmp_path: Path) -> None:
    log = SmallLog().fill(1100)
    first = go(log, tmp_path, stop=after(512))
    assert (first.verdict, first.exit_code) == ("UNCHECKED", 3)
    assert "Stopped after 512 entries" in told(first)
    second = go(log, tmp_path)
    assert second.verdict == "UNWITNESSED", told(second)
    assert "Went on from entry 512" in told(second)
    assert "1,099 entries under 275 grants" in told(second)


def test_a_log_that_grew_is_read_from_where_it_ended(tmp_path: Path) -> None:
    log = SmallLog().fill(600)
    assert go(log, tmp_path).exit_code == 0
    log.fill(900)
    report = go(log, tmp_path)
    assert report.exit_code == 0, told(report)
    assert "Went on from entry 512" in told(report)
    assert "continues the checkpoint with 600 entries" in told(report)


def test_a_fraud_on_a_grant_that_began_before_the_stop_is_found(tmp_path: Path) -> None:
    log = SmallLog()
    log.control()
    grant = log.event("granted")
    log.event("withdrawn", grant=grant)
    log.fill(600)
    assert go(log, tmp_path).exit_code == 0
    log.event("disclosed", grant=grant, attributes=("income",))
    log.fill(700)
    report = go(log, tmp_path)
    assert "Went on from entry 512" in told(report)
    assert "was ended by entry 2" in told(report)
    assert report.verdict == "INVALID"


def test_a_nonce_from_before_the_stop_is_not_used_again(tmp_path: Path) -> None:
    log = SmallLog().fill(600)
    assert go(log, tmp_path).exit_code == 0
    index = log.event("granted", nonce=log.leaves[300][8:24])
    report = go(log, tmp_path)
    assert (report.verdict, report.sentences[-1]) == (
        "INVALID",
        f"Entry {index} repeats the nonce of an earlier entry.",
    )


def test_another_past_is_seen_although_it_was_not_read_again(tmp_path: Path) -> None:
    """Progress saves work, never a check: what does not fit is read from the start, which names the fork."""
    assert go(SmallLog().fill(600), tmp_path).exit_code == 0
    other = SmallLog()
    other.control()
    other.event("other", citizen="somebody else")
    other.fill(700)
    report = go(other, tmp_path)
    assert report.verdict == "DIVERGED", told(report)


@pytest.mark.parametrize("changed", ["progress", "openings", "nonces"])
def test_what_does_not_fit_what_was_kept_is_read_from_the_start(tmp_path: Path, changed: str) -> None:
    log = SmallLog().fill(600)
    assert go(log, tmp_path).exit_code == 0
    if changed == "progress":
        (tmp_path / "state.progress").write_text("{")
    elif changed == "nonces":  # cut off in the middle of a record by a crash
        bucket = next(iter(sorted((tmp_path / "state.progress.nonces").iterdir())))
        bucket.write_bytes(bucket.read_bytes() + b"\1\2\3")
    log.fill(800)
    others = [index for index in log.opened if log.grant_of(index) != 1]
    given = lines(log, others if changed == "openings" else None)
    report = go(log, tmp_path, openings=given)
    assert report.exit_code == 0, told(report)
    assert ("Went on" in told(report)) == (changed == "nonces")


def test_openings_out_of_order_are_not_taken_for_a_finding(tmp_path: Path) -> None:
    log = SmallLog().fill(20)
    turned = b"\n".join(reversed(lines(log).splitlines()))
    assert go(log, tmp_path, openings=turned).verdict == "UNCHECKED"


# --- What witnesses saw ---


class Watched:
    """A log that a witness cosigned at some sizes."""

    def __init__(self, folder: Path) -> None:
        self.log, self.folder, self.seen = SmallLog(), folder, list[str]()
        self.log.control()

    def cosign(self, at: int) -> None:
        note, self.witness = cosigned(self.log.checkpoint(), "witness.example", WITNESS, at)
        self.seen.append(note)

    def findings(self, **words: Any) -> list[str]:
        where = self.log.export(self.folder / "log")
        (where / "checkpoint").write_text(self.seen[-1])
        policy = f"log {self.log.vkey}\nwitness w {self.witness}\nquorum w\n"
        report = consent_verify.verify_log(
            str(where), policy=policy, openings=lines(self.log), checkpoints=self.seen[:-1], **words
        )
        assert report.verdict in ("OK", "INVALID"), told(report)
        found = [one for one in report.sentences if one.startswith("Entry ")]
        assert (report.verdict == "OK") == (found == [])
        return found


@pytest.mark.parametrize(
    ("shift", "is_found"), [(0, False), (-599, False), (-602, True), (+599, False), (+602, True)]
)
def test_an_entry_that_was_dated_back_is_found_by_what_the_witnesses_saw(
    tmp_path: Path, shift: int, is_found: bool
) -> None:
    watched = Watched(tmp_path)
    watched.cosign(NOON)
    watched.log.clock = NOON + shift - 1
    grant = watched.log.event("granted", nbf=0)
    watched.cosign(NOON)
    found = watched.findings()
    assert bool(found) == is_found, found
    assert all(f"Entry {grant} gives another time" in one for one in found)


def test_without_the_older_checkpoint_the_same_entry_cannot_be_told_from_an_honest_one(
    tmp_path: Path,
) -> None:
    watched = Watched(tmp_path)
    watched.cosign(NOON)
    watched.log.clock = NOON - 5000
    watched.log.event("granted", nbf=0)
    watched.cosign(NOON)
    assert watched.findings()
    del watched.seen[0]
    assert watched.findings() == []


def test_a_checkpoint_that_somebody_else_kept_shows_two_histories(tmp_path: Path) -> None:
    log, other = SmallLog().fill(30), SmallLog()
    other.control()
    other.event("other", citizen="somebody else")
    other.fill(20)
    report = consent_verify.verify_log(
        str(log.export(tmp_path / "log")), vkeys=[log.vkey], checkpoints=[other.checkpoint()]
    )
    assert report.verdict == "DIVERGED"
    assert other.checkpoint() in told(report)


# --- What is opened, and what is no longer kept ---


def test_who_asked_for_all_openings_misses_none(tmp_path: Path) -> None:
    log = SmallLog().fill(40)
    where = str(log.export(tmp_path / "log"))
    last = max(log.opened)
    held_back = lines(log, [index for index in log.opened if index != last])
    for complete, verdict in ((False, "UNWITNESSED"), (True, "INVALID")):
        report = consent_verify.verify_log(where, vkeys=[log.vkey], openings=held_back, complete=complete)
        assert report.verdict == verdict, told(report)
    assert f"Entries {last} to {last} are not opened" in told(report)
    whole = consent_verify.verify_log(where, vkeys=[log.vkey], openings=lines(log), complete=True)
    assert whole.verdict == "UNWITNESSED", told(whole)


@pytest.mark.parametrize(("below", "verdict"), [(5, "UNWITNESSED"), (3, "INVALID")])
def test_below_the_retention_watermark_nothing_is_missing(tmp_path: Path, below: int, verdict: str) -> None:
    log = SmallLog()
    log.control()
    grant = log.event("granted")
    for _ in range(4):
        log.event("disclosed", grant=grant, attributes=("income",))
    log.control({"ev": "retention.watermark", "below": below, "o": log.origin, "i": 6, "t": log.clock})
    kept = lines(log, [index for index in log.opened if index >= 5])
    report = consent_verify.verify_log(
        str(log.export(tmp_path / "log")), vkeys=[log.vkey], openings=kept, complete=True
    )
    assert report.verdict == verdict, told(report)
    assert f"Below entry {below} openings are no longer kept; 1 grants" in told(report)


@pytest.mark.parametrize(("below", "verdict"), [(None, "INVALID"), (1, "INVALID"), (2, "UNWITNESSED")])
def test_only_what_began_below_the_watermark_is_replayed_without_its_beginning(
    below: int | None, verdict: str, tmp_path: Path
) -> None:
    log = SmallLog()
    log.control()
    grant = log.event("granted")
    for _ in range(2):
        log.event("disclosed", grant=grant, attributes=("income",))
    if below is not None:
        log.control({"ev": "retention.watermark", "below": below, "o": log.origin, "i": 4, "t": log.clock})
    where = str(log.export(tmp_path / "log"))
    report = consent_verify.verify_log(where, vkeys=[log.vkey], openings=lines(log, [2, 3]))
    assert report.verdict == verdict, told(report)
    said = f"Entry 2 stands under a grant at entry {grant}, which is not opened as one."
    assert (said in told(report)) == (verdict == "INVALID")


def test_without_its_beginning_the_next_change_says_what_a_grant_allows(tmp_path: Path) -> None:
    log = SmallLog()
    log.control()
    grant = log.event("granted")
    for event, names in (("disclosed", ("income",)), ("amended", ("name",)), ("disclosed", ("income",))):
        log.event(event, grant=grant, attributes=names)
    log.control({"ev": "retention.watermark", "below": 2, "o": log.origin, "i": 5, "t": log.clock})
    where = str(log.export(tmp_path / "log"))
    report = consent_verify.verify_log(where, vkeys=[log.vkey], openings=lines(log, [2, 3, 4]))
    assert "Entry 4 (disclosed) names an attribute that the grant at entry 1 does not have." in told(report)
    assert "Entry 2" not in told(report)


def test_a_grant_without_its_beginning_still_ends_only_once(tmp_path: Path) -> None:
    log = SmallLog()
    log.control()
    grant = log.event("granted")
    for event in ("disclosed", "withdrawn", "disclosed"):
        log.event(event, grant=grant, attributes=("income",))
    log.control({"ev": "retention.watermark", "below": 2, "o": log.origin, "i": 5, "t": log.clock})
    report = consent_verify.verify_log(
        str(log.export(tmp_path / "log")), vkeys=[log.vkey], openings=lines(log, [2, 3, 4])
    )
    assert "was ended by entry 3" in told(report)


def test_grants_without_the_citizens_own_signature_are_counted(tmp_path: Path) -> None:
    log = SmallLog().fill(9)
    report = go(log, tmp_path)
    assert "2 of these grants are not signed with a citizen's own key" in told(report)


def test_the_quick_way_to_read_an_opening_reads_what_the_slow_way_reads() -> None:
    log = SmallLog().fill(9)
    served = lines(log).splitlines()
    together = consent_verify.quick_lines(served)
    for line, (shape, *rest) in zip(served, together, strict=True):
        quick, slow = consent_verify.quick_opening(line), consent_verify.read_opening(line, "it")
        assert quick == slow == shape.opened(*rest)
    spelled = lines(log).splitlines()[0]
    key = base64.b64encode(bytes(32))
    strange = [
        spelled.replace(b'"i":', b'"i":0'), spelled.replace(b'"a":', b'"a": '), spelled[:-1], spelled + b"}",
        spelled.replace(b'\\"v\\"', b'\\u0022v\\"'), b'{"i":1,"kc":"' + key[:-2] + b'B="' + spelled[58:],
        b'{"i":1,"kc":"' + b"A" * 42 + b'=","a":"' + b"A" * 44 + spelled[107:],
    ]  # fmt: skip
    listed = spelled[: spelled.index(b"[")], spelled[spelled.index(b"]") :]
    strange += [
        listed[0] + one + listed[1]
        for one in (b'[\\"b\\",\\"a\\"', b'["a"', b'[\\"\t\\"', b"[1", b'[\\"\\\\\\"')
    ]
    for word in (b"\t", b'"', b"\x7f", b"\\\\u0061", "é".encode()):
        strange.append(spelled.replace(b"bank", b"ba" + word + b"nk"))
    for line in strange:
        assert consent_verify.quick_opening(line) is None, line
        first, second, third = consent_verify.quick_lines([served[0], line, served[1]])
        assert second is None, line
        assert (first, third) in ((None, None), tuple(together[:2]))


EVENTS = ("disclosed",) * 6 + ("used", "amended", "withdrawn", "acknowledged", "refused", "granted")
MISTAKES: tuple[dict[str, Any], ...] = (
    {"n": 7}, {"n": None}, {"prev": 1}, {"c": 3}, {"c": None}, {"i": 2}, {"o": "other"}, {"stranger": True},
    {"t": NOON - 5}, {"t": NOON * 2}, {"exp": NOON}, {"org": "shop"}, {"org": None}, {"purpose": "loan@2"},
    {"attributes": ("shoes",)}, {"attributes": ()}, {"ev": "expired"}, {"ev": "withdrawn"}, {"reason": "misuse"},
)  # fmt: skip


def _muddled(chance: random.Random, mistake: dict[str, Any]) -> SmallLog:
    """A log in which everything is as it should be, but for a *mistake* somewhere and a suspension now and then."""
    log = SmallLog()
    log.control()
    grants = [log.event("granted", citizen=str(k)) for k in range(3)]
    length = chance.randrange(5, 40)
    wrong = chance.randrange(length)
    for step in range(length):
        event, grant = chance.choice(EVENTS), chance.choice(grants)
        fields: dict[str, Any] = {}
        if event in ("disclosed", "used", "amended"):
            fields["attributes"] = ("income",) if event == "disclosed" else ("income", "name")
        if step == wrong:
            fields |= mistake
        if event == "granted":
            grants.append(log.event(event, citizen=str(len(grants)), **fields))
            continue
        log.event(event, grant=grant, **fields)
        if event == "withdrawn":
            grants[grants.index(grant)] = log.event("granted", citizen=str(len(log.leaves)))
        if chance.random() < 0.01:
            change = chance.choice(("suspended", "restored"))
            log.control({"ev": f"organisation.{change}", "org": "bank", "t": log.clock})
    return log


def _spoiled(chance: random.Random, served: list[bytes]) -> list[bytes]:
    """The same lines, or some of them, or with one that is not as it was written."""
    at = chance.randrange(len(served))
    line = bytearray(served[at])
    line[chance.randrange(len(line))] = chance.choice(b'0123456789AQ="\\ ,:{}')
    before, behind = served[:at], served[at + 1 :]
    ways = [
        served,
        [*before, *behind],
        [*before, b"", *served[at:]],
        served[::-1],
        [*before, *served[max(at - 1, 0) :]],
    ]
    ways += [[one + b"\r" for one in served], [*before, bytes(line), *behind]]
    return chance.choices(ways, [12, 1, 2, 1, 1, 2, 5])[0]


def test_lines_that_are_read_at_once_are_judged_as_when_each_is_read_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(38)
    verdicts = Counter[str]()
    for number, mistake in enumerate([*MISTAKES, *[dict[str, Any]()] * len(MISTAKES)] * 5):
        log = _muddled(chance, mistake)
        where = str(log.export(tmp_path / str(number)))
        openings = b"\n".join(_spoiled(chance, lines(log).splitlines()))
        words: dict[str, Any] = {"vkeys": [log.vkey], "openings": openings, "complete": chance.random() < 0.5}
        at_once = consent_verify.verify_log(where, **words)
        with monkeypatch.context() as patched:
            patched.setattr(consent_verify, "quick_lines", lambda lines: [None] * len(lines))
            alone = consent_verify.verify_log(where, **words)
        assert (at_once.verdict, at_once.sentences) == (alone.verdict, alone.sentences), (number, told(alone))
        verdicts[alone.verdict] += 1
    assert min(verdicts["INVALID"], verdicts["UNWITNESSED"]) > 20, verdicts
