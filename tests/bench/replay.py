"""How many opened entries a second the auditor's verifier replays on one core, and in how much memory.

`python -m tests.bench.replay [ENTRIES]` makes a log of made-up grants on disk, reads and replays it with
clients/auditor/verify.py, and prints one line of JSON. Seconds are those of this process's CPU, so a busy machine
does not count.
"""

import json
import resource
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import consent_verify
import msgspec

from tests.ledger.small_log import SmallLog


def replay(entries: int, folder: Path) -> dict[str, float]:
    """Make a log of so many entries in *folder* and replay it; entries a second with and without openings."""
    log = SmallLog().fill(entries)
    where = log.export(folder / "log")
    openings = folder / "openings"
    openings.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in log.openings()))
    del log
    found: dict[str, float] = {"entries": entries}
    for name, given in (
        ("read", None),
        ("read_and_replayed", lambda: consent_verify.lines_of(str(openings), None)),
    ):
        began = time.process_time()
        report = consent_verify.verify_log(str(where), openings=given)
        assert report.exit_code == 0, report.sentences
        found[f"{name}_per_second"] = round(entries / (time.process_time() - began))
    alone = 1 / (1 / found["read_and_replayed_per_second"] - 1 / found["read_per_second"])
    return found | {
        # What this machine does at this moment; one core with nothing else on it did 1,750,000.
        "hashes_per_second": _hashes(),
        "replayed_alone_per_second": round(alone),
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _hashes() -> int:
    leaf, began = bytes(153), time.process_time()
    for _ in range(200_000):
        sha256(leaf).digest()
    return round(200_000 / (time.process_time() - began))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(replay(int(sys.argv[1]) if len(sys.argv) > 1 else 50_000, Path(place))))
