"""`python -m tests.faults.run [--kills 100] [--seed N]`: kill a served house so often, and say where it died.

Exit code 0 when after every restart the log verified and everything that anybody was told was still true.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.faults.killing import kill_again_and_again

_A_HOUSE = 32  # kills; the tokens of its clients live ten minutes


def main() -> int:
    """Kill, check, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    began = time.monotonic()
    died: Counter[str] = Counter()
    for done in range(0, arguments.kills, _A_HOUSE):
        kills = min(_A_HOUSE, arguments.kills - done)
        with tempfile.TemporaryDirectory(prefix="consent-kills-") as folder:
            died += asyncio.run(kill_again_and_again(Path(folder), kills=kills, seed=arguments.seed + done))
        print(f"{done + kills} kills", flush=True)
    for place, count in died.items():
        print(f"{count:>6} {place}")
    print(f"all as it was told, after each of {arguments.kills} kills ({time.monotonic() - began:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
