"""How many entries a second the auditor's verifier and the citizen's scan read on one core, and in how much memory.

`python -m tests.bench.replay [ENTRIES]` makes a log of made-up grants on disk, runs clients/auditor/verify.py over it
as anyone would, and prints one line of JSON. Seconds are those of the CPU, less what an empty run takes. A busy
machine still makes them longer, so hashes a second and HMACs a second of the same moments stand beside them.
"""

import hmac
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import consent_verify
import msgspec

from consent.ledger.audit_key import format_audit_key
from tests.ledger.small_log import ORIGIN, SmallLog, chance

LEAF = bytes(153)


def make(entries: int, folder: Path) -> None:
    """Make a log of so many entries in *folder*, its openings and somebody's audit key."""
    log = SmallLog().fill(entries)
    log.export(folder / "log")
    lines = b"".join(msgspec.json.encode(line) + b"\n" for line in log.openings())
    (folder / "openings").write_bytes(lines)
    (folder / "key").write_text(format_audit_key([(ORIGIN, chance("scan"))]))


def replay(entries: int, folder: Path, times: int = 3) -> dict[str, float]:
    """Verify, replay and scan a log of so many entries; the best of so many *times*."""
    # In a process of its own: what a child had at its birth would count as its memory.
    maker = multiprocessing.get_context("spawn").Process(target=make, args=(entries, folder))
    maker.start()
    maker.join()
    where, openings, key = (str(folder / name) for name in ("log", "openings", "key"))
    runs = {
        "nothing": ["--help"],
        "read": [where],
        "replayed": [where, "--openings", openings],
        "scanned": ["scan", where, "--key", key],
    }
    seconds, megabytes = dict.fromkeys(runs, 1e9), dict.fromkeys(runs, 0)
    hashes = macs = 0
    for _ in range(times):
        hashes = max(hashes, _each_second(lambda: sha256(LEAF).digest()))
        macs = max(macs, _each_second(lambda: hmac.digest(LEAF[:32], LEAF, "sha256")))
        for name, arguments in runs.items():
            spent, megabytes[name] = _run(arguments)
            seconds[name] = min(seconds[name], spent)
    empty = seconds.pop("nothing")
    found: dict[str, float] = {"entries": entries, "hashes_per_second": hashes, "macs_per_second": macs}
    found |= {f"{name}_per_second": round(entries / (spent - empty)) for name, spent in seconds.items()}
    alone = seconds["replayed"] - seconds["read"]
    found |= {
        "replayed_alone_per_second": round(entries / alone),
        "hashes_for_each_replayed_alone": round(alone / entries * hashes, 1),
    }
    return found | {f"{name}_megabytes": most for name, most in megabytes.items()}


def _run(arguments: list[str]) -> tuple[float, int]:
    """The CPU seconds and the most megabytes of one run of the verifier."""
    child = subprocess.Popen(
        [sys.executable, consent_verify.__file__, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def _each_second(work: Callable[[], object]) -> int:
    began = time.process_time()
    for _ in range(100_000):
        work()
    return round(100_000 / (time.process_time() - began))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(replay(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000, Path(place))))
